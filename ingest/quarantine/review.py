"""What people do about the quarantine: look, have it understood again, drop it, take the drop back.

Works from any process while ingest runs: a replay is asked for here and carried out by whoever holds the data folder
(`ingest.quarantine.replay`); dropping and restoring move items within the ledger at once, in the transaction that hides
or shows the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from facility.catalogue.catalogue import Catalogue
from facility.errors import CannotConvert, CannotDo
from ingest.codecs.native import decode
from ingest.journal.ledger import Counts, add_counts
from ingest.journal.schema import make_missing
from ingest.journal.source_ledger import OTHERS, Change, Name, add_sources, source_of
from ingest.messages import Message
from ingest.refusals import Quarantined, Reason

GUESSED_FROM = 50  # messages of an unknown asset that are looked into for its channels
DECODED_AT_ONCE = 20_000  # of them
DELETED_AT_ONCE = 2_000  # rows; a longer transaction would hold up acknowledgements, and wants room on a full disk
PAGES_AT_ONCE = 1024

_COLUMNS = "q.id, q.arrived_us, q.topic, q.payload, q.reason, q.detail, q.count, r.id IS NOT NULL, coalesce(d.who, '')"
_FROM = "FROM quarantine q LEFT JOIN replays r ON r.id = q.id LEFT JOIN dropped d ON d.id = q.id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which rows; all of them if nothing is said."""

    ids: Sequence[int] = ()
    reason: Reason | None = None
    asset: str = ""
    site: str = ""
    since: datetime | None = None
    until: datetime | None = None
    dropped: bool = False

    def clause(self) -> tuple[str, list[object]]:
        parts = ["q.seq <= (SELECT decoded FROM position)", f"d.id IS {'NOT ' if self.dropped else ''}NULL"]
        values: list[object] = []
        if self.ids:
            parts.append(f"q.id IN ({','.join('?' * len(self.ids))})")
            values += self.ids
        if self.reason:
            parts.append("q.reason = ?")
            values.append(self.reason.value)
        if self.asset or self.site:
            parts.append("q.topic LIKE ? ESCAPE '\\'")
            values.append(f"serviceday/v1/{_like(self.site)}/{_like(self.asset)}/%")
        for moment, sign in ((self.since, ">="), (self.until, "<")):
            if moment:
                parts.append(f"q.arrived_us {sign} ?")
                values.append(int(moment.timestamp() * 1e6))
        return " AND ".join(parts), values

    def counted_clause(self) -> tuple[str, list[object]]:
        """The same for what was only counted: it has no numbers, and cannot be restored."""
        parts = ["seq = 0", "0" if self.ids or self.dropped else "1"]
        values: list[object] = []
        for column, value in (("reason", self.reason), ("name", self.asset), ("site", self.site)):
            if value:
                parts.append(f"{column} = ?")
                values.append(str(value))
        for moment, condition in ((self.since, "first_us >= ?"), (self.until, "last_us < ?")):
            if moment:
                parts.append(condition)
                values.append(int(moment.timestamp() * 1e6))
        return " AND ".join(parts), values


def _like(word: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\%_" else letter for letter in word) or "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """How much lies in quarantine for one reason."""

    reason: Reason
    rows: int
    items: int
    newest: datetime
    counted: int = 0  # of the items: only counted, since quarantine was full


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An asset that speaks and is not in the registry."""

    site: str
    asset: str
    messages: int
    readings: int
    first: datetime
    last: datetime
    channels: tuple[str, ...]
    kinds: tuple[str, ...]  # equipment classes that have all of these channels


class Review:
    """The quarantine of one journal."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def prepare(self) -> None:
        """Make what a journal of an earlier version lacks."""
        if self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'overflow'").fetchone() is None:
            with self._changing():
                make_missing(self._connection)

    def rows(self, selection: Wanted, *, limit: int = 50, offset: int = 0) -> list[Quarantined]:
        """The newest first."""
        where, values = selection.clause()
        cursor = self._connection.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY q.id DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [_quarantined(row) for row in cursor]

    def one(self, number: int) -> Quarantined:
        """Raises `CannotConvert` if there is none."""
        row = self._connection.execute(f"SELECT {_COLUMNS} {_FROM} WHERE q.id = ?", (number,)).fetchone()
        if row is None:
            raise CannotConvert(
                "there is no number {number} in quarantine",
                "See `serviceday quarantine list`; what was replayed with success is no longer there",
                number=number,
            )
        return _quarantined(row)

    def heaps(self, selection: Wanted) -> list[Heap]:
        """How much there is for each reason, the most first."""
        where, values = selection.clause()
        cursor = self._connection.execute(
            f"SELECT q.reason, count(*), sum(q.count), max(q.arrived_us) {_FROM} WHERE {where}"
            " GROUP BY 1 ORDER BY 3 DESC",
            values,
        )
        heaps = {row[0]: Heap(reason=Reason(row[0]), rows=row[1], items=row[2], newest=_at(row[3])) for row in cursor}
        where, values = selection.counted_clause()
        counted = self._connection.execute(
            f"SELECT reason, sum(count), max(last_us) FROM overflow WHERE {where} GROUP BY 1",  # noqa: S608
            values,
        )
        for reason, items, last_us in counted:
            heap = heaps.get(reason) or Heap(reason=Reason(reason), rows=0, items=0, newest=_at(last_us))
            newest = max(heap.newest, _at(last_us))
            heaps[reason] = replace(heap, items=heap.items + items, counted=items, newest=newest)
        return sorted(heaps.values(), key=lambda heap: -heap.items)

    def waiting(self, catalogue: Catalogue, *, asset: str = "") -> list[Waiting]:
        """Assets that wait for approval (or the one that is named), with what they say and may therefore be."""
        condition = "q.reason = ? AND d.id IS NULL AND q.seq <= (SELECT decoded FROM position)"
        values = [Reason.UNKNOWN_ASSET.value]
        if asset:
            condition += " AND q.detail = ?"
            values.append(asset)
        totals = self._connection.execute(
            f"SELECT q.topic, count(*), sum(q.count), min(q.arrived_us), max(q.arrived_us) {_FROM}"
            f" WHERE {condition} GROUP BY q.topic ORDER BY q.topic",
            values,
        ).fetchall()
        channels = self._channels(condition, values)
        kinds = _Kinds(catalogue)
        waiting = []
        for topic, messages, readings, first, last in totals:
            site, name = source_of(topic)
            if (site, name) == OTHERS:  # a device of another language: `ingest.quarantine.strangers`
                continue
            spoken = tuple(sorted(channels.get((site, name), ())))
            waiting.append(
                Waiting(
                    site=site,
                    asset=name,
                    messages=messages,
                    readings=readings,
                    first=_at(first),
                    last=_at(last),
                    channels=spoken,
                    kinds=kinds.of(spoken),
                )
            )
        return waiting

    def _channels(self, condition: str, values: list[str]) -> dict[Name, set[str]]:
        """The channels each asset spoke of lately, read in one go."""
        rows = self._connection.execute(
            "SELECT topic, payload FROM (SELECT q.topic, q.payload, row_number() OVER (PARTITION BY q.topic ORDER BY"  # noqa: S608
            f" q.id DESC) AS nth {_FROM} WHERE {condition}) WHERE nth <= {GUESSED_FROM}",
            values,
        )
        spoken: dict[Name, set[str]] = {}
        while chunk := rows.fetchmany(DECODED_AT_ONCE):
            decoded = decode([Message(index, 0, topic, payload) for index, (topic, payload) in enumerate(chunk)])
            pairs = decoded.readings.select("place", "channel").unique()
            for place, channel in pairs.iter_rows():
                spoken.setdefault(decoded.places[place], set()).add(decoded.channels[channel])
        return spoken

    def ask_for_replay(self, selection: Wanted, *, vouched: bool = False) -> int:
        """Have rows understood again. Gives how many; asking twice changes nothing."""
        where, values = selection.clause()
        with self._changing():
            return self._connection.execute(
                "INSERT INTO replays(id, vouched) "
                f"SELECT q.id, ? {_FROM} WHERE {where} AND r.batch IS NULL AND q.reason != 'damaged'"
                " ON CONFLICT(id) DO UPDATE SET vouched = excluded.vouched",
                [int(vouched), *values],
            ).rowcount

    def asked(self) -> int:
        """Rows whose replay is asked for and not carried out yet."""
        return int(self._connection.execute("SELECT count(*) FROM replays").fetchone()[0])

    def drop(self, selection: Wanted, *, by: str, now: datetime) -> tuple[int, int]:
        """Hide rows for good reason; gives how many, and how many items.

        They are kept until they are purged, or quarantine needs their room. What was only counted is gone at once.
        """
        with self._changing():
            rows = self._chosen(selection, "AND r.batch IS NULL")
            at_us = int(now.timestamp() * 1e6)
            self._connection.executemany("INSERT INTO dropped VALUES (?, ?, ?)", [(row[0], at_us, by) for row in rows])
            self._connection.executemany("DELETE FROM replays WHERE id = ?", [(row[0],) for row in rows])
            dropped, items = self._moved(rows, 1)
            return dropped, items + self._forget_counted(selection)

    def drop_for_good(self, selection: Wanted) -> tuple[int, int]:
        """Delete rows and count them as dropped; gives how many, and how many items. Nothing brings them back.

        A portion at a time, so that an ingest that runs can write in between.
        """
        rows_gone = items_gone = 0
        while True:
            with self._changing():
                rows = self._chosen(selection, "AND r.batch IS NULL LIMIT " + str(DELETED_AT_ONCE))
                self._connection.executemany("DELETE FROM quarantine WHERE id = ?", [(row[0],) for row in rows])
                self._connection.executemany("DELETE FROM replays WHERE id = ?", [(row[0],) for row in rows])
                dropped, items = self._moved(rows, 1)
                if not rows:
                    items += self._forget_counted(selection)
            rows_gone, items_gone = rows_gone + dropped, items_gone + items
            if not rows:
                self._give_back()
                return rows_gone, items_gone

    def _forget_counted(self, selection: Wanted) -> int:
        """Move what was only counted to dropped, within a transaction. Gives how many items."""
        where, values = selection.counted_clause()
        rows: list[tuple[str, str, int]] = self._connection.execute(
            f"SELECT site, name, count FROM overflow WHERE {where}",  # noqa: S608
            values,
        ).fetchall()
        self._connection.execute(f"DELETE FROM overflow WHERE {where}", values)  # noqa: S608
        sources: dict[Name, Change] = {}
        for site, name, count in rows:
            change = sources.setdefault((site, name), Change())
            change.quarantined -= count
            change.dropped += count
        items = sum(count for _, _, count in rows)
        add_counts(self._connection, Counts(quarantined=-items, dropped=items))
        add_sources(self._connection, sources)
        return items

    def restore(self, selection: Wanted) -> tuple[int, int]:
        """Take a drop back; gives how many rows, and how many items.

        What waited for its asset is asked for anew: it may have been registered meanwhile.
        """
        with self._changing():
            rows = self._chosen(selection, "")
            self._connection.executemany("DELETE FROM dropped WHERE id = ?", [(row[0],) for row in rows])
            self._connection.executemany(
                "INSERT OR IGNORE INTO replays(id, vouched) SELECT id, 0 FROM quarantine WHERE id = ? AND reason = ?",
                [(row[0], Reason.UNKNOWN_ASSET.value) for row in rows],
            )
            return self._moved(rows, -1)

    def purge(self, before: datetime) -> int:
        """Delete for good what was dropped before a moment. The ledger goes on counting it as dropped."""
        at_us = int(before.timestamp() * 1e6)
        purged = 0
        while True:
            with self._changing():
                ids = self._connection.execute(
                    "SELECT id FROM dropped WHERE at_us < ? LIMIT ?", (at_us, DELETED_AT_ONCE)
                ).fetchall()
                self._connection.executemany("DELETE FROM quarantine WHERE id = ?", ids)
                self._connection.executemany("DELETE FROM dropped WHERE id = ?", ids)
            purged += len(ids)
            if len(ids) < DELETED_AT_ONCE:
                self._give_back()
                return purged

    def _give_back(self) -> None:
        """Return free pages of the file to the disk, a few at a time."""
        while int(self._connection.execute("PRAGMA freelist_count").fetchone()[0]):
            before = self._connection.execute("PRAGMA page_count").fetchone()
            self._connection.execute(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})").fetchall()
            if self._connection.execute("PRAGMA page_count").fetchone() == before:
                return  # a file that was made without incremental vacuum
        self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _chosen(self, selection: Wanted, more: str) -> list[tuple[int, str, int]]:
        where, values = selection.clause()
        return self._connection.execute(
            f"SELECT q.id, q.topic, q.count {_FROM} WHERE {where} {more}",
            values,
        ).fetchall()

    def _moved(self, rows: Sequence[tuple[int, str, int]], way: int) -> tuple[int, int]:
        items = sum(row[2] for row in rows)
        by_source: dict[Name, Change] = {}
        for _, topic, count in rows:
            change = by_source.setdefault(source_of(topic), Change())
            change.quarantined -= way * count
            change.dropped += way * count
        add_counts(self._connection, Counts(quarantined=-way * items, dropped=way * items))
        add_sources(self._connection, by_source)
        return len(rows), items

    @contextmanager
    def _changing(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


class _Kinds:
    """Which equipment classes have all of some channels; most assets speak of the same ones."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}

    def of(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        if channels not in self._known:
            self._known[channels] = tuple(
                key for key, kind in self._catalogue.items() if set(channels) <= set(kind.channels)
            )
        return self._known[channels]


@contextmanager
def review(journal: Path) -> Iterator[Review]:
    """The quarantine of a journal, also while ingest runs. Raises `CannotDo` where nothing was taken in yet."""
    if not journal.exists():
        raise CannotDo(
            "nothing was taken in yet: there is no {journal}", "Start `serviceday ingest` first", journal=journal
        )
    connection = sqlite3.connect(journal, timeout=30, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT 1 FROM position LIMIT 1")
        quarantine = Review(connection)
        quarantine.prepare()
        yield quarantine
    except sqlite3.Error as error:
        raise CannotDo(
            "the journal {journal} cannot be used: {error}",
            "Start `serviceday ingest` once",
            journal=journal,
            error=error,
        ) from None
    finally:
        connection.close()


def _quarantined(row: tuple[int, int, str, bytes, str, str, int, int, str]) -> Quarantined:
    return Quarantined(
        id=row[0],
        arrived=_at(row[1]),
        topic=row[2],
        payload=row[3],
        reason=Reason(row[4]),
        detail=row[5],
        count=row[6],
        asked=bool(row[7]),
        dropped=row[8],
    )


def _at(moment_us: int) -> datetime:
    return datetime.fromtimestamp(moment_us / 1e6, UTC)
