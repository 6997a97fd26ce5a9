"""Every message as it came in, on disk before it is acknowledged.

SQLite with a write-ahead log and `synchronous=FULL`: when `write` returns, a power cut loses nothing of it. Messages
are decoded from here, in order of `seq`; the ledger and the quarantine live in the same file and change in the same
transactions, so that they cannot disagree. A message stays until the store has it on disk for certain.

One row holds a batch (see `packing`). Beyond its size limit, and where the disk has only its reserve left, the journal
refuses with `Full`: who writes must wait, and goes on when the store has caught up or space has returned. Quarantine
has room of its own (`quarantine_room`), so that what is refused never stops what is not.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from facility.errors import CannotDo
from ingest.journal.capacity import Room, room_of
from ingest.journal.codec_state import CodecRow, save_codec_state
from ingest.journal.damage import Damage, DamagedRow, corrupt, damaged_journal, delete_row, set_aside
from ingest.journal.deduplication import Deliveries
from ingest.journal.ledger import Counts, add_counts, read_counts
from ingest.journal.packing import Packed, pack, unpack
from ingest.journal.presence import keep_presence
from ingest.journal.quarantine_room import QUARANTINE_LIMIT, Filling, QuarantineRoom, settle_overflow
from ingest.journal.schema import FORMAT, INSERT, prepare
from ingest.journal.source_ledger import Change, Name, add_sources
from ingest.messages import Arrival, Arrivals, Message, Presence
from ingest.refusals import UNREAD, Quarantined, Reason, Refusal

LIMIT = 20 << 30  # bytes of messages, by default
TRIMMED_AT_ONCE = 500  # rows and ...
TRIMMED_BYTES = 8 << 20  # ... bytes; a longer deletion would hold up acknowledgements
SPARE_PAGES = (256 << 20) // 4096  # free pages kept in the file for the next burst
GIVEN_BACK = 1024  # pages at once

log = logging.getLogger(__name__)


class Full(Exception):
    """The journal takes nothing more for now; nothing is lost as long as nothing is acknowledged."""


class Journal:
    """The journal of one data folder. Thread-safe; one process at a time writes (see `DataFolder.claim`)."""

    def __init__(self, file: Path, *, limit: int = LIMIT, quarantine_limit: int = QUARANTINE_LIMIT) -> None:
        self.file = file
        self.limit = limit
        self.quarantine = QuarantineRoom(quarantine_limit)
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
            if corrupt(error) or "malformed" in str(error):
                raise damaged_journal(file, error) from None
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
            version = int(writer.execute("PRAGMA user_version").fetchone()[0])
            if version > FORMAT:
                raise CannotDo(
                    "the journal {file} was written by a newer serviceday (format {found})",
                    "Update serviceday",
                    file=self.file,
                    found=version,
                )
            prepare(writer, version)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """All that is executed within, or nothing of it; on disk once the block ends."""
        return self._transaction()

    def _end(self) -> int:
        """The number of the last message that was ever kept, even if its row is gone."""
        last = self._reader.execute("SELECT first FROM batches ORDER BY first DESC LIMIT 1").fetchone()
        return max(last[0] if last else 0, self.position() + read_counts(self._reader).pending)

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
                writer.executemany(INSERT, rows)
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

    def filling(self) -> Filling:
        """How full quarantine is."""
        with self._reading:
            return self.quarantine.filling(self._reader)

    # -- decoding -------------------------------------------------------------------------------------------------

    def identity(self) -> str:
        """What tells this journal from any other: a store may outlive a journal that was deleted."""
        with self._reading:
            return str(self._reader.execute("SELECT id FROM identity").fetchone()[0])

    def position(self) -> int:
        """The last message whose readings are in the store and in the ledger."""
        with self._reading:
            return int(self._reader.execute("SELECT decoded FROM position").fetchone()[0])

    def appended(self) -> int:
        """The last message whose readings went into the store; 0 if none did."""
        with self._reading:
            row = self._reader.execute("SELECT value FROM notes WHERE name = 'appended'").fetchone()
        return int(row[0]) if row else 0

    def behind(self, seq: int) -> int:
        """The last message before the next row after `seq`: where to go on behind a damaged one."""
        with self._reading:
            (first,) = self._reader.execute("SELECT min(first) FROM batches WHERE first > ?", (seq + 1,)).fetchone()
        return self._next - 1 if first is None else int(first) - 1

    def whole_messages_refused(self, after: int, up_to: int) -> set[int]:
        """Messages of a stretch of which nothing was admitted, and that are in quarantine as a whole."""
        reasons = [*UNREAD, Reason.UNKNOWN_DEVICE, Reason.UNKNOWN_ASSET, Reason.WRONG_SITE]
        with self._reading:
            rows = self._reader.execute(
                "SELECT DISTINCT seq FROM quarantine WHERE seq > ? AND seq <= ? AND reason IN"  # noqa: S608
                f" ({','.join('?' * len(reasons))}) AND topic NOT LIKE 'serviceday/devices/%'",
                (after, up_to, *reasons),
            ).fetchall()
        return {int(seq) for (seq,) in rows}

    def after(self, seq: int, *, messages: int, payload_bytes: int) -> list[Message]:
        """The next messages in order: at least one batch if there is one, then as many as fit.

        Raises `DamagedRow` if those that come first are not what was written; see `set_aside`. What was decoded and
        is trimmed is not missed.
        """
        messages_: list[Message] = []
        size = 0
        expected = seq + 1
        trimmed = seq < self.position()
        with self._reading:
            rows = self._reader.execute(
                "SELECT * FROM batches WHERE first >="
                " (SELECT coalesce(max(first), 0) FROM batches WHERE first <= ?1 + 1)"
                " AND first NOT IN (SELECT first FROM fenced) ORDER BY first",
                (seq,),
            )
            try:
                for row in map(Packed._make, rows):
                    if row.first + row.length <= expected:
                        continue  # decoded before
                    if messages_ and (
                        len(messages_) + row.length > messages or size + len(row.payloads) > payload_bytes
                    ):
                        break
                    if trimmed and not messages_:
                        expected = max(expected, row.first)
                    if row.first > expected or not row.whole:
                        if row.first < expected:
                            continue
                        if messages_:
                            break
                        raise DamagedRow(seq)
                    messages_ += unpack(row)[expected - row.first :]
                    size += len(row.payloads)
                    expected = row.first + row.length
            except sqlite3.DatabaseError as error:
                if not corrupt(error):
                    raise
                if not messages_:
                    raise DamagedRow(seq) from None
            finally:
                rows.close()
        return messages_

    def set_aside(self, after: int) -> Damage | None:
        """Mend the row that follows a message, or pass it over and count it: see `ingest.journal.damage`."""
        with self._keeping, self._transaction() as writer:
            damage = set_aside(writer, after)
        if damage is None:
            return None
        if damage.repaired:
            log.warning("a flipped bit in the journal was turned back (messages %s to %s)", damage.first, damage.last)
        else:
            log.error(
                "the disk has damaged messages %s to %s of the journal: they are counted as unreadable and their"
                " remains are in quarantine (reason damaged); check the disk",
                damage.first,
                damage.last,
            )
        return damage

    def refuse(self, refusals: Sequence[Refusal], messages: Sequence[Message]) -> None:
        """Note what a batch refused. It counts once `settle` moves the position past it."""
        by_seq = {message.seq: message for message in messages}
        room = self.room()
        spare = max(0, room.disk_free - room.disk_reserve) // 2  # the file and its write-ahead log
        with self._transaction() as writer:
            self.quarantine.take_in(writer, [(refusal, by_seq[refusal.seq]) for refusal in refusals], spare=spare)

    def forget_unsettled(self) -> None:
        """Take back refusals of a batch that was never settled; it will be decoded again."""
        with self._transaction() as writer:
            writer.execute("DELETE FROM quarantine WHERE seq > (SELECT decoded FROM position)")
            writer.execute("DELETE FROM overflow WHERE seq > (SELECT decoded FROM position)")

    def settle(
        self,
        seq: int,
        change: Counts,
        presence: Sequence[Presence] = (),
        sources: Mapping[Name, Change] | None = None,
        registered: Collection[Name] = (),
        codec_state: tuple[Sequence[CodecRow], Sequence[tuple[str, str, str]]] = ((), ()),
    ) -> None:
        """Move the position and the ledgers past a batch, in one transaction. `registered` sources come first.

        `codec_state`: what codecs remember since then, and what they forgot.
        """
        with self._transaction() as writer:
            writer.execute("UPDATE position SET decoded = ?", (seq,))
            add_counts(writer, change)
            add_sources(writer, sources or {}, registered)
            settle_overflow(writer)
            if change.stored or change.duplicates:
                writer.execute("INSERT OR REPLACE INTO notes VALUES ('appended', ?, 0)", (str(seq),))
            keep_presence(writer, presence, registered)
            save_codec_state(writer, *codec_state)

    def trim(self, up_to: int) -> int:
        """Delete batches the store has on disk for certain, up to a message. Gives how many messages."""
        deleted = 0
        while True:
            done = 0
            with self._transaction() as writer:
                for first, count in self._trimmable(writer, up_to):
                    self._deliveries.forget(writer, first)
                    delete_row(writer, first)
                    done += count
            if not done:
                self._give_back()
                return deleted
            deleted += done
            time.sleep(0.002)  # whoever waits to write goes first

    @staticmethod
    def _trimmable(writer: sqlite3.Connection, up_to: int) -> list[tuple[int, int]]:
        rows = writer.execute(
            "SELECT first, count, length(payloads) FROM batches"
            " WHERE first <= min(?, (SELECT decoded FROM position)) AND first NOT IN (SELECT first FROM fenced)"
            " ORDER BY first LIMIT ?",
            (up_to, TRIMMED_AT_ONCE),
        ).fetchall()
        decoded = min(up_to, int(writer.execute("SELECT decoded FROM position").fetchone()[0]))
        ranges: list[tuple[int, int]] = []
        total = 0
        for first, count, size in rows:
            total += size
            if first + count - 1 > decoded or (ranges and total > TRIMMED_BYTES):
                break
            ranges.append((first, count))
        return ranges

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
        """What was noted as refused of a stretch of messages, or only counted."""
        with self._reading:
            rows = self._reader.execute(
                "SELECT seq, reason, detail, payload, count, topic FROM quarantine WHERE seq > ?1 AND seq <= ?2"
                " UNION ALL SELECT seq, reason, '', x'', count, '' FROM overflow WHERE seq > ?1 AND seq <= ?2",
                (after, up_to),
            ).fetchall()
        return [
            Refusal(seq=row[0], reason=Reason(row[1]), detail=row[2], payload=row[3], count=row[4], topic=row[5])
            for row in rows
        ]

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
