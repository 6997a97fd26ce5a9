"""Every message as it came in, on disk before it is acknowledged.

SQLite with a write-ahead log and `synchronous=FULL`: when `write` returns, a power cut loses nothing of it. Messages
are decoded from here, in order of `seq`; the ledger and the quarantine live in the same file and change in the same
transactions, so that they cannot disagree. A message stays until the store has it on disk for certain.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from facility.errors import CannotDo
from ingest.ledger import Counts, add_counts, read_counts
from ingest.quarantine import Quarantined, Reason, Refusal
from ingest.sources import Change, Name, add_sources
from ingest.tables import TABLES

FORMAT = 1
DIGEST = 8  # bytes
TRIMMED_AT_ONCE = 2_000  # messages; a longer deletion would hold up acknowledgements

_SCHEMA = """
CREATE TABLE messages(seq INTEGER PRIMARY KEY AUTOINCREMENT, arrived_us INTEGER NOT NULL, topic TEXT NOT NULL,
    payload BLOB NOT NULL);
CREATE TABLE deliveries(mid INTEGER PRIMARY KEY, digest BLOB NOT NULL);
CREATE TABLE quarantine(id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL, arrived_us INTEGER NOT NULL,
    topic TEXT NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL, count INTEGER NOT NULL);
CREATE INDEX quarantine_by_message ON quarantine(seq);
CREATE TABLE presence(site TEXT NOT NULL, gateway TEXT NOT NULL, online INTEGER NOT NULL, since_us INTEGER NOT NULL,
    arrived_us INTEGER NOT NULL, PRIMARY KEY (site, gateway));
CREATE TABLE ledger(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE position(only INTEGER PRIMARY KEY CHECK (only = 0), decoded INTEGER NOT NULL);
INSERT INTO position VALUES (0, 0);
CREATE TABLE identity(id TEXT NOT NULL);
INSERT INTO identity VALUES (lower(hex(randomblob(8))));
"""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One PUBLISH as the broker delivered it. `mid` is 0 for QoS 0."""

    mid: int
    again: bool  # the DUP flag
    topic: str
    payload: bytes
    arrived_us: int  # microseconds since the epoch


@dataclass(frozen=True, slots=True)
class Message:
    """One journalled message."""

    seq: int
    arrived_us: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a gateway last said of itself, or its last will said of it."""

    site: str
    gateway: str
    online: bool
    since_us: int
    arrived_us: int


class Journal:
    """The journal of one data folder. Thread-safe; one process at a time writes (see `DataFolder.claim`)."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        try:
            self._writer = self._connect()
            self._prepare()
            self._reader = self._connect()
        except sqlite3.Error as error:
            raise CannotDo(f"the journal {file} cannot be opened: {error}", "Check space and permissions") from None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.file, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute(f"PRAGMA journal_size_limit = {64 << 20}")
        return connection

    def _prepare(self) -> None:
        with self._transaction() as writer:
            found = int(writer.execute("PRAGMA user_version").fetchone()[0])
            if found > FORMAT:
                raise CannotDo(
                    f"the journal {self.file} was written by a newer serviceday (format {found})", "Update serviceday"
                )
            if found == 0:
                for statement in _SCHEMA.split(";\n"):
                    writer.execute(statement)
                writer.execute(f"PRAGMA user_version = {FORMAT}")
            for statement in TABLES:
                writer.execute(statement)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All that is executed within, or nothing of it; on disk once the block ends."""
        return self._transaction()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    # -- taking in ------------------------------------------------------------------------------------------------

    def write(self, arrivals: Sequence[Arrival]) -> int:
        """Keep messages; on disk when this returns. Gives how many were new.

        A message delivered again (DUP) under the packet id and with the content of the last delivery under that id is
        the same message: it is counted as redelivered and not kept twice.
        """
        with self._transaction() as writer:
            known = self._known({one.mid for one in arrivals if one.again and one.mid})
            fresh: list[tuple[int, str, bytes]] = []
            digests: dict[int, bytes] = {}
            for one in arrivals:
                if one.mid:
                    digest = blake2b(one.topic.encode() + b"\0" + one.payload, digest_size=DIGEST).digest()
                    if one.again and (digests.get(one.mid) or known.get(one.mid)) == digest:
                        continue
                    digests[one.mid] = digest
                fresh.append((one.arrived_us, one.topic, one.payload))
            writer.executemany("INSERT INTO messages(arrived_us, topic, payload) VALUES (?, ?, ?)", fresh)
            writer.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?)", digests.items())
            add_counts(
                writer,
                Counts(
                    messages_received=len(arrivals),
                    messages_redelivered=len(arrivals) - len(fresh),
                    messages_journalled=len(fresh),
                ),
            )
        return len(fresh)

    def _known(self, mids: Iterable[int]) -> dict[int, bytes]:
        select = "SELECT digest FROM deliveries WHERE mid = ?"
        rows = ((mid, self._writer.execute(select, (mid,)).fetchone()) for mid in mids)
        return {mid: row[0] for mid, row in rows if row}

    # -- decoding -------------------------------------------------------------------------------------------------

    def identity(self) -> str:
        """What tells this journal from any other: a store may outlive a journal that was deleted."""
        with self._reading:
            return str(self._reader.execute("SELECT id FROM identity").fetchone()[0])

    def position(self) -> int:
        """The last message whose readings are in the store and in the ledger."""
        with self._reading:
            return int(self._reader.execute("SELECT decoded FROM position").fetchone()[0])

    def after(self, seq: int, *, messages: int, payload_bytes: int) -> list[Message]:
        """The next messages in order; at least one if there is one, then as many as fit."""
        found: list[Message] = []
        held = 0
        with self._reading:
            rows = self._reader.execute(
                "SELECT seq, arrived_us, topic, payload FROM messages WHERE seq > ? ORDER BY seq LIMIT ?",
                (seq, messages),
            )
            for row in rows:
                found.append(Message(*row))
                held += len(row[3])
                if held >= payload_bytes:
                    break
            rows.close()
        return found

    def refuse(self, refusals: Sequence[Refusal], messages: Sequence[Message]) -> None:
        """Note what a batch refused. It counts once `settle` moves the position past it."""
        by_seq = {message.seq: message for message in messages}
        rows = [
            (one.seq, by_seq[one.seq].arrived_us, by_seq[one.seq].topic, one.payload, one.reason, one.detail, one.count)
            for one in refusals
        ]
        with self._transaction() as writer:
            writer.executemany(
                "INSERT INTO quarantine(seq, arrived_us, topic, payload, reason, detail, count)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                rows,
            )

    def forget_unsettled(self) -> None:
        """Take back refusals of a batch that was never settled; it will be decoded again."""
        with self._transaction() as writer:
            writer.execute("DELETE FROM quarantine WHERE seq > (SELECT decoded FROM position)")

    def settle(
        self, seq: int, change: Counts, presence: Sequence[Presence] = (), sources: Mapping[Name, Change] | None = None
    ) -> None:
        """Move the position and the ledgers past a batch, in one transaction."""
        with self._transaction() as writer:
            writer.execute("UPDATE position SET decoded = ?", (seq,))
            add_counts(writer, change)
            add_sources(writer, sources or {})
            writer.executemany(
                "INSERT INTO presence VALUES (?, ?, ?, ?, ?) ON CONFLICT(site, gateway) DO UPDATE SET"
                " since_us = CASE WHEN online = excluded.online THEN since_us ELSE excluded.since_us END,"
                " online = excluded.online, arrived_us = excluded.arrived_us",
                [(one.site, one.gateway, one.online, one.since_us, one.arrived_us) for one in presence],
            )

    def trim(self, up_to: int, *, arrived_before_us: int) -> int:
        """Delete messages the store has on disk for certain. Gives how many."""
        deleted = 0
        while True:
            with self._transaction() as writer:
                done = writer.execute(
                    "DELETE FROM messages WHERE seq IN (SELECT seq FROM messages"
                    " WHERE seq <= min(?, (SELECT decoded FROM position)) AND arrived_us < ? ORDER BY seq LIMIT ?)",
                    (up_to, arrived_before_us, TRIMMED_AT_ONCE),
                ).rowcount
            deleted += done
            if done < TRIMMED_AT_ONCE:
                return deleted

    def refused(self, after: int, up_to: int) -> list[Refusal]:
        """What was noted as refused of a stretch of messages."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT seq, reason, detail, payload, count FROM quarantine WHERE seq > ? AND seq <= ?", (after, up_to)
            ).fetchall()
        return [Refusal(seq=row[0], reason=Reason(row[1]), detail=row[2], payload=row[3], count=row[4]) for row in rows]

    # -- asking ---------------------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        with self._reading:
            return read_counts(self._reader)

    def quarantined(self, *, limit: int = 1000) -> list[Quarantined]:
        """The newest refusals, newest first."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT id, arrived_us, topic, payload, reason, detail, count FROM quarantine"
                " WHERE seq <= (SELECT decoded FROM position) AND id NOT IN (SELECT id FROM dropped)"
                " ORDER BY id DESC LIMIT ?",
                (limit,),
            ).fetchall()
        return [
            Quarantined(
                id=row[0],
                arrived=datetime.fromtimestamp(row[1] / 1e6, UTC),
                topic=row[2],
                payload=row[3],
                reason=Reason(row[4]),
                detail=row[5],
                count=row[6],
            )
            for row in rows
        ]

    def presence(self) -> list[Presence]:
        with self._reading:
            rows = self._reader.execute(
                "SELECT site, gateway, online, since_us, arrived_us FROM presence ORDER BY site, gateway"
            ).fetchall()
        return [
            Presence(site=row[0], gateway=row[1], online=bool(row[2]), since_us=row[3], arrived_us=row[4])
            for row in rows
        ]

    def close(self) -> None:
        with self._writing, self._reading:
            self._reader.close()
            self._writer.close()
