"""What people do about the quarantine: look, have it understood again, drop it, take the drop back.

Works from any process while ingest runs: a replay is asked for here and carried out by whoever holds the data folder
(`ingest.quarantine.replay`); dropping and restoring move items within the ledger at once, in the transaction that hides
or shows the rows.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from facility.catalogue.catalogue import Catalogue
from facility.errors import CannotConvert, CannotDo
from ingest.codecs.native import decode
from ingest.journal.ledger import Counts, add_counts
from ingest.journal.source_ledger import Change, Name, add_sources, source_of
from ingest.messages import Message
from ingest.refusals import Quarantined, Reason

GUESSED_FROM = 200  # messages of an unknown asset that are looked into for its channels

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


def _like(word: str) -> str:
    return "".join(f"\\{one}" if one in "\\%_" else one for one in word) or "%"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """How much lies in quarantine for one reason."""

    reason: Reason
    rows: int
    items: int
    newest: datetime


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

    def rows(self, wanted: Wanted, *, limit: int = 50, offset: int = 0) -> list[Quarantined]:
        """The newest first."""
        where, values = wanted.clause()
        found = self._connection.execute(
            f"SELECT {_COLUMNS} {_FROM} WHERE {where} ORDER BY q.id DESC LIMIT ? OFFSET ?",
            [*values, limit, offset],
        )
        return [_quarantined(row) for row in found]

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

    def heaps(self, wanted: Wanted) -> list[Heap]:
        """How much there is for each reason, the most first."""
        where, values = wanted.clause()
        found = self._connection.execute(
            f"SELECT q.reason, count(*), sum(q.count), max(q.arrived_us) {_FROM} WHERE {where}"
            " GROUP BY 1 ORDER BY 3 DESC",
            values,
        )
        return [Heap(reason=Reason(row[0]), rows=row[1], items=row[2], newest=_at(row[3])) for row in found]

    def waiting(self, catalogue: Catalogue) -> list[Waiting]:
        """Assets that wait for approval, with what they say and what they may therefore be."""
        found = self._connection.execute(
            f"SELECT q.topic, count(*), sum(q.count), min(q.arrived_us), max(q.arrived_us) {_FROM}"  # noqa: S608
            " WHERE q.reason = ? AND d.id IS NULL AND q.seq <= (SELECT decoded FROM position)"
            " GROUP BY q.topic ORDER BY q.topic",
            (Reason.UNKNOWN_ASSET.value,),
        ).fetchall()
        waiting = []
        for topic, messages, readings, first, last in found:
            site, asset = source_of(topic)
            channels = self._channels(topic)
            waiting.append(
                Waiting(
                    site=site,
                    asset=asset,
                    messages=messages,
                    readings=readings,
                    first=_at(first),
                    last=_at(last),
                    channels=channels,
                    kinds=tuple(key for key, kind in catalogue.items() if set(channels) <= set(kind.channels)),
                )
            )
        return waiting

    def _channels(self, topic: str) -> tuple[str, ...]:
        rows = self._connection.execute(
            "SELECT payload FROM quarantine WHERE topic = ? AND reason = ? ORDER BY id DESC LIMIT ?",
            (topic, Reason.UNKNOWN_ASSET.value, GUESSED_FROM),
        )
        said = decode([Message(index, 0, topic, row[0]) for index, row in enumerate(rows)])
        return tuple(sorted(set(said.channels)))

    def ask_for_replay(self, wanted: Wanted, *, vouched: bool = False) -> int:
        """Have rows understood again. Gives how many; asking twice changes nothing."""
        where, values = wanted.clause()
        with self._changing():
            return self._connection.execute(
                "INSERT INTO replays(id, vouched) "
                f"SELECT q.id, ? {_FROM} WHERE {where} AND r.batch IS NULL"
                " ON CONFLICT(id) DO UPDATE SET vouched = excluded.vouched",
                [int(vouched), *values],
            ).rowcount

    def asked(self) -> int:
        """Rows whose replay is asked for and not carried out yet."""
        return int(self._connection.execute("SELECT count(*) FROM replays").fetchone()[0])

    def drop(self, wanted: Wanted, *, by: str, now: datetime) -> tuple[int, int]:
        """Hide rows for good reason; gives how many, and how many items. They are kept until they are purged."""
        with self._changing():
            rows = self._chosen(wanted, "AND r.batch IS NULL")
            at_us = int(now.timestamp() * 1e6)
            self._connection.executemany("INSERT INTO dropped VALUES (?, ?, ?)", [(row[0], at_us, by) for row in rows])
            self._connection.executemany("DELETE FROM replays WHERE id = ?", [(row[0],) for row in rows])
            return self._moved(rows, 1)

    def restore(self, wanted: Wanted) -> tuple[int, int]:
        """Take a drop back; gives how many rows, and how many items.

        What waited for its asset is asked for anew: it may have been registered meanwhile.
        """
        with self._changing():
            rows = self._chosen(wanted, "")
            self._connection.executemany("DELETE FROM dropped WHERE id = ?", [(row[0],) for row in rows])
            self._connection.executemany(
                "INSERT OR IGNORE INTO replays(id, vouched) SELECT id, 0 FROM quarantine WHERE id = ? AND reason = ?",
                [(row[0], Reason.UNKNOWN_ASSET.value) for row in rows],
            )
            return self._moved(rows, -1)

    def purge(self, before: datetime) -> int:
        """Delete for good what was dropped before a moment. The ledger goes on counting it as dropped."""
        with self._changing():
            at_us = int(before.timestamp() * 1e6)
            self._connection.execute(
                "DELETE FROM quarantine WHERE id IN (SELECT id FROM dropped WHERE at_us < ?)", (at_us,)
            )
            return self._connection.execute("DELETE FROM dropped WHERE at_us < ?", (at_us,)).rowcount

    def _chosen(self, wanted: Wanted, more: str) -> list[tuple[int, str, int]]:
        where, values = wanted.clause()
        return self._connection.execute(
            f"SELECT q.id, q.topic, q.count {_FROM} WHERE {where} {more}",
            values,
        ).fetchall()

    def _moved(self, rows: Sequence[tuple[int, str, int]], way: int) -> tuple[int, int]:
        items = sum(row[2] for row in rows)
        found: dict[Name, Change] = {}
        for _, topic, count in rows:
            change = found.setdefault(source_of(topic), Change())
            change.quarantined -= way * count
            change.dropped += way * count
        add_counts(self._connection, Counts(quarantined=-way * items, dropped=way * items))
        add_sources(self._connection, found)
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
        connection.execute("SELECT 1 FROM replays LIMIT 1")
        yield Review(connection)
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
