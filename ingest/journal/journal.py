"""Every message as it came in, on disk before it is acknowledged.

SQLite with a write-ahead log and `synchronous=FULL`: when `write` returns, a power cut loses nothing of it. Messages
are decoded from here, in order of `seq`; the ledger and the quarantine live in the same file and change in the same
transactions, so that they cannot disagree. A message stays until the store has it on disk for certain.

One row holds a batch (see `packing`). Beyond its size limit, and where the disk has only its reserve left, the journal
refuses with `Full`: who writes must wait, and goes on when the store has caught up or space has returned.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from facility.errors import CannotDo
from ingest.journal.capacity import Room, room_of
from ingest.journal.deduplication import Deliveries
from ingest.journal.ledger import Counts, add_counts, read_counts
from ingest.journal.packing import Packed, pack, unpack
from ingest.journal.schema import TABLES
from ingest.journal.source_ledger import Change, Name, add_sources
from ingest.messages import Arrival, Arrivals, Message, Presence
from ingest.refusals import Quarantined, Reason, Refusal

FORMAT = 2
LIMIT = 20 << 30  # bytes of messages, by default
TRIMMED_AT_ONCE = 500  # rows and ...
TRIMMED_BYTES = 8 << 20  # ... bytes; a longer deletion would hold up acknowledgements
SPARE_PAGES = (256 << 20) // 4096  # free pages kept in the file for the next burst
GIVEN_BACK = 1024  # pages at once

_BATCHES = """
CREATE TABLE batches(first INTEGER PRIMARY KEY, count INTEGER NOT NULL, newest_us INTEGER NOT NULL, mids BLOB NOT NULL,
    arrived BLOB NOT NULL, names BLOB NOT NULL, topics BLOB NOT NULL, sizes BLOB NOT NULL, payloads BLOB NOT NULL)"""
_INSERT = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SCHEMA = (
    _BATCHES
    + """;
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
)


class Full(Exception):
    """The journal takes nothing more for now; nothing is lost as long as nothing is acknowledged."""


class Journal:
    """The journal of one data folder. Thread-safe; one process at a time writes (see `DataFolder.claim`)."""

    def __init__(self, file: Path, *, limit: int = LIMIT) -> None:
        self.file = file
        self.limit = limit
        self._keeping = threading.Lock()
        self._writing = threading.Lock()
        self._reading = threading.Lock()
        try:
            self._writer = self._connect()
            self._prepare()
            self._reader = self._connect()
            self._deliveries = Deliveries(self._reader)
            self._next = self._end() + 1
        except sqlite3.Error as error:
            raise CannotDo(
                "the journal {file} cannot be opened: {error}", "Check space and permissions", file=file, error=error
            ) from None

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
                    "the journal {file} was written by a newer serviceday (format {found})",
                    "Update serviceday",
                    file=self.file,
                    found=found,
                )
            if found == 0:
                for statement in _SCHEMA.split(";\n"):
                    writer.execute(statement)
            elif found == 1:
                self._from_a_row_a_message(writer)
            writer.execute(f"PRAGMA user_version = {FORMAT}")
            for statement in TABLES:
                writer.execute(statement)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All that is executed within, or nothing of it; on disk once the block ends."""
        return self._transaction()

    @staticmethod
    def _from_a_row_a_message(writer: sqlite3.Connection) -> None:
        """Bring a journal of format 1 along: the messages that are in it, each with its number."""
        writer.execute(_BATCHES)
        rows = writer.execute("SELECT seq, arrived_us, topic, payload FROM messages ORDER BY seq")
        for seq, arrived_us, topic, payload in rows:
            one = Arrivals.of([Arrival(mid=0, again=False, topic=topic, payload=payload, arrived_us=arrived_us)])
            writer.execute(_INSERT, pack(seq, one))
        writer.execute("DROP TABLE messages")

    def _end(self) -> int:
        """The number of the last message that was ever kept."""
        last = self._reader.execute("SELECT first + count - 1 FROM batches ORDER BY first DESC LIMIT 1").fetchone()
        return max(last[0] if last else 0, self.position())

    @property
    def source(self) -> str:
        """Under which name the store keeps how far this journal's messages have come."""
        return self.file.stem

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
        """Keep messages; on disk when this returns. Gives how many were new. See `keep`."""
        return self.keep([Arrivals.of(arrivals)])

    def keep(self, batches: Sequence[Arrivals]) -> int:
        """Keep batches of messages, all or none; on disk when this returns. Gives how many were new.

        A message delivered again (DUP) under the packet id and with the content of the last delivery under that id is
        the same message: it is counted as redelivered and not kept twice. Raises `Full` at the limit.
        """
        if (room := self.room()).full:
            raise Full(str(room))
        received = sum(map(len, batches))
        with self._keeping:
            first = self._next
            rows: list[Packed] = []
            with self._transaction() as writer:
                for batch in self._deliveries.fresh(writer, batches):
                    rows.append(pack(first, batch))
                    first += len(batch)
                fresh = first - self._next
                writer.executemany(_INSERT, rows)
                add_counts(
                    writer,
                    Counts(
                        messages_received=received,
                        messages_redelivered=received - fresh,
                        messages_journalled=fresh,
                    ),
                )
            self._deliveries.note(rows)
            self._next = first
        return fresh

    def room(self) -> Room:
        """How full the journal is; counted anew at each question."""
        with self._reading:
            return room_of(self._reader, self.file.parent, self.limit)

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
        """The next messages in order: at least one batch if there is one, then as many as fit."""
        found: list[Message] = []
        held = 0
        with self._reading:
            rows = self._reader.execute(
                "SELECT * FROM batches WHERE first >="
                " (SELECT coalesce(max(first), 0) FROM batches WHERE first <= ?1 + 1) ORDER BY first",
                (seq,),
            )
            for row in map(Packed._make, rows):
                if found and (len(found) + row.length > messages or held + len(row.payloads) > payload_bytes):
                    break
                found += unpack(row)[max(0, seq + 1 - row.first) :]
                held += len(row.payloads)
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
        """Delete batches the store has on disk for certain. Gives how many messages."""
        deleted = 0
        while True:
            done = 0
            with self._transaction() as writer:
                for first, count in self._trimmable(writer, up_to, arrived_before_us):
                    self._deliveries.forget(writer, first)
                    writer.execute("DELETE FROM batches WHERE first = ?", (first,))
                    done += count
            if not done:
                self._give_back()
                return deleted
            deleted += done
            time.sleep(0.002)  # whoever waits to write goes first

    @staticmethod
    def _trimmable(writer: sqlite3.Connection, up_to: int, arrived_before_us: int) -> list[tuple[int, int]]:
        rows = writer.execute(
            "SELECT first, count, newest_us, length(payloads) FROM batches"
            " WHERE first <= min(?, (SELECT decoded FROM position)) ORDER BY first LIMIT ?",
            (up_to, TRIMMED_AT_ONCE),
        ).fetchall()
        decoded = min(up_to, int(writer.execute("SELECT decoded FROM position").fetchone()[0]))
        found: list[tuple[int, int]] = []
        held = 0
        for first, count, newest_us, size in rows:
            held += size
            if first + count - 1 > decoded or newest_us >= arrived_before_us or (found and held > TRIMMED_BYTES):
                break
            found.append((first, count))
        return found

    def _give_back(self) -> None:
        """Return to the disk what the file has held free beyond a spare."""
        for _ in range(32):
            with self._transaction() as writer:
                free = int(writer.execute("PRAGMA freelist_count").fetchone()[0])
            if free < SPARE_PAGES + GIVEN_BACK:
                return
            with self._writing:
                self._writer.execute(f"PRAGMA incremental_vacuum({GIVEN_BACK})").fetchall()

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
