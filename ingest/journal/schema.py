"""The journal's tables beside its messages: what people decided on the quarantine, who said how much, what is watched.

They live in the journal's file so that they change in the same transactions as the ledger. All are made where they are
missing; none is ever altered.
"""

from __future__ import annotations

import sqlite3

from ingest.journal.packing import pack
from ingest.messages import Arrival, Arrivals

FORMAT = 3  # 1: a row a message; 2: rows without a checksum

BATCHES = """
CREATE TABLE batches(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, newest_us INTEGER NOT NULL, mids BLOB NOT NULL,
    arrived BLOB NOT NULL, names BLOB NOT NULL, topics BLOB NOT NULL, sizes BLOB NOT NULL, payloads BLOB NOT NULL,
    checksum INTEGER)"""
INSERT = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
SCHEMA = (
    BATCHES,
    "CREATE TABLE deliveries(mid INTEGER PRIMARY KEY, digest BLOB NOT NULL)",
    """CREATE TABLE quarantine(id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, arrived_us INTEGER NOT NULL,
        topic TEXT NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
        count INTEGER NOT NULL)""",
    "CREATE INDEX quarantine_by_message ON quarantine(seq)",
    """CREATE TABLE presence(site TEXT NOT NULL, gateway TEXT NOT NULL, online INTEGER NOT NULL,
        since_us INTEGER NOT NULL, arrived_us INTEGER NOT NULL, PRIMARY KEY (site, gateway))""",
    "CREATE TABLE ledger(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE position(only INTEGER PRIMARY KEY CHECK (only = 0), decoded INTEGER NOT NULL)",
    "INSERT INTO position VALUES (0, 0)",
    "CREATE TABLE identity(id TEXT NOT NULL)",
    "INSERT INTO identity VALUES (lower(hex(randomblob(8))))",
)

_BATCH_BYTES = (
    "64 + length({0}mids) + length({0}arrived) + length({0}names) + length({0}topics) + length({0}sizes)"
    " + length({0}payloads)"
)
# A row of quarantine with its entries in two indexes; the reason and the detail stand there twice.
_REFUSED_BYTES = "96 + length({0}topic) + length({0}payload) + 2 * (length({0}reason) + length({0}detail))"

TABLES = (
    # Quarantined rows to be understood anew. `batch` is set once they are taken, `result` once they are judged.
    """CREATE TABLE IF NOT EXISTS replays(id INTEGER PRIMARY KEY, vouched INTEGER NOT NULL, batch INTEGER,
        result BLOB)""",
    """CREATE INDEX IF NOT EXISTS replays_by_batch ON replays(batch)""",
    """CREATE INDEX IF NOT EXISTS quarantine_by_reason ON quarantine(reason, detail)""",
    # Quarantined rows that a person dropped; they can be restored until they are purged.
    """CREATE TABLE IF NOT EXISTS dropped(id INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, who TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS sources(site TEXT NOT NULL, name TEXT NOT NULL, messages INTEGER NOT NULL,
        admitted INTEGER NOT NULL, quarantined INTEGER NOT NULL, dropped INTEGER NOT NULL, arrived_us INTEGER NOT NULL,
        PRIMARY KEY (site, name)) WITHOUT ROWID""",
    # Of every channel that ever entered the store: see `ingest.monitor.channel_state`. Times in microseconds.
    """CREATE TABLE IF NOT EXISTS heard(asset TEXT NOT NULL, channel TEXT NOT NULL, first_us INTEGER NOT NULL,
        advanced_us INTEGER NOT NULL, time_us INTEGER NOT NULL, value REAL NOT NULL, since_us INTEGER NOT NULL,
        same INTEGER NOT NULL, longest_us INTEGER NOT NULL, PRIMARY KEY (asset, channel)) WITHOUT ROWID""",
    # The least of (arrival - device time) in each hour: see `ingest.monitor.clock_offset`.
    """CREATE TABLE IF NOT EXISTS clocks(asset TEXT NOT NULL, hour INTEGER NOT NULL, offset_us INTEGER NOT NULL,
        PRIMARY KEY (asset, hour)) WITHOUT ROWID""",
    # Since when a registered asset is expected to speak.
    """CREATE TABLE IF NOT EXISTS expected(asset TEXT PRIMARY KEY, since_us INTEGER NOT NULL) WITHOUT ROWID""",
    # What the running ingest says of itself, as JSON.
    """CREATE TABLE IF NOT EXISTS notes(name TEXT PRIMARY KEY, value TEXT NOT NULL, at_us INTEGER NOT NULL)""",
    # What was refused while quarantine had no room: counted, not kept. Under `seq` 0 once it is settled.
    """CREATE TABLE IF NOT EXISTS overflow(seq INTEGER NOT NULL, site TEXT NOT NULL, name TEXT NOT NULL,
        reason TEXT NOT NULL, count INTEGER NOT NULL, first_us INTEGER NOT NULL, last_us INTEGER NOT NULL,
        PRIMARY KEY (seq, site, name, reason)) WITHOUT ROWID""",
    # What codecs remember of devices between messages: see `ingest.codecs.state`.
    """CREATE TABLE IF NOT EXISTS codec_state(codec TEXT NOT NULL, device TEXT NOT NULL, what TEXT NOT NULL,
        value BLOB NOT NULL, PRIMARY KEY (codec, device, what))""",
    # Rows of `batches` that SQLite can neither read nor delete any more; they are told and passed over.
    """CREATE TABLE IF NOT EXISTS fenced(first INTEGER PRIMARY KEY)""",
    # Bytes of messages and of quarantine, so that each is held against a limit of its own.
    """CREATE TABLE IF NOT EXISTS space(only INTEGER PRIMARY KEY CHECK (only = 0), messages INTEGER NOT NULL,
        quarantine INTEGER NOT NULL)""",
    *(
        f"CREATE TRIGGER IF NOT EXISTS {name} AFTER {event} BEGIN UPDATE space SET {change}; END"  # noqa: S608
        for name, event, change in (
            ("batch_comes", "INSERT ON batches", f"messages = messages + {_BATCH_BYTES.format('NEW.')}"),
            ("batch_goes", "DELETE ON batches", f"messages = messages - ({_BATCH_BYTES.format('OLD.')})"),
            ("refused_comes", "INSERT ON quarantine", f"quarantine = quarantine + {_REFUSED_BYTES.format('NEW.')}"),
            ("refused_goes", "DELETE ON quarantine", f"quarantine = quarantine - ({_REFUSED_BYTES.format('OLD.')})"),
            (
                "refused_changes",
                "UPDATE OF payload, reason, detail ON quarantine",
                f"quarantine = quarantine + {_REFUSED_BYTES.format('NEW.')} - ({_REFUSED_BYTES.format('OLD.')})",
            ),
        )
    ),
)


def prepare(writer: sqlite3.Connection, present: int) -> None:
    """Make the tables, or bring those of format `present` along, within the caller's transaction."""
    if present == 0:
        for statement in SCHEMA:
            writer.execute(statement)
    elif present == 1:
        _from_a_row_a_message(writer)
    elif present == 2:
        writer.execute("ALTER TABLE batches ADD COLUMN checksum INTEGER")
    writer.execute(f"PRAGMA user_version = {FORMAT}")
    make_missing(writer)


def make_missing(writer: sqlite3.Connection) -> None:
    """Make what a journal of an earlier format lacks beside its messages, within the caller's transaction."""
    for statement in TABLES:
        writer.execute(statement)
    if writer.execute("SELECT 1 FROM space").fetchone() is None:
        writer.execute(
            f"INSERT INTO space SELECT 0, (SELECT coalesce(sum({_BATCH_BYTES.format('')}), 0) FROM batches),"  # noqa: S608
            f" (SELECT coalesce(sum({_REFUSED_BYTES.format('')}), 0) FROM quarantine)"
        )


def _from_a_row_a_message(writer: sqlite3.Connection) -> None:
    """Bring a journal of format 1 along: the messages that are in it, each with its number."""
    writer.execute(BATCHES)
    rows = writer.execute("SELECT seq, arrived_us, topic, payload FROM messages ORDER BY seq")
    for seq, arrived_us, topic, payload in rows:
        arrival = Arrival(mid=0, again=False, topic=topic, payload=payload, arrived_us=arrived_us)
        writer.execute(INSERT, pack(seq, Arrivals.of([arrival])))
    writer.execute("DROP TABLE messages")
