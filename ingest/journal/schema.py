"""The journal's tables beside its messages: what people decided on the quarantine, who said how much, what is watched.

They live in the journal's file so that they change in the same transactions as the ledger. All are made where they are
missing; none is ever altered.
"""

from __future__ import annotations

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
)
