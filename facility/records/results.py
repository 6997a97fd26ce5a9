"""What was answered on the items of kept lists: entries are added and never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Select, insert, select

from facility.records.day_tables import ResultRow, SheetReadRow
from facility.records.opening import writing
from facility.records.tables import table_of
from facility.results import BY_HAND, Answer, Entry, Result

_TABLE = table_of(ResultRow)
_SHEETS = table_of(SheetReadRow)
_PLAIN = (
    *("plan", "item", "asset", "task", "measured", "mode", "mended", "note", "by"),
    *("done_at", "at", "who", "source", "late", "device", "seq", "typed_at"),
)


class ResultRecords:
    """Answers to the items of a list; they are added and never changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, entries: Sequence[Result], *, sheet: str = "") -> list[Result]:
        """Keep entries, all or none; returns those that were new, with their numbers.

        Known, and not added again, is what a phone has sent under its number; what a person said last by hand, when it
        is said by hand; and what a sheet says as it said it when it was last read, or in words that the person has used
        of the item before the sheet was first read. `sheet` is the digest of the sheet's file: what has been read as a
        whole before says nothing new, whatever was said since. A decision is always added.
        """
        added = []
        with writing(self._engine) as connection:
            said: dict[int, _Said] = {}
            for plan in sorted({entry.plan for entry in entries}):
                said[plan] = _Said(_read(connection, select(_TABLE).where(_TABLE.c.plan == plan).order_by(_TABLE.c.id)))
            read = {plan for plan in said if sheet and not _first_reading(connection, plan, sheet, entries)}
            for entry in entries:
                if entry.entry is Entry.ANSWERED and said[entry.plan].knows(entry, again=entry.plan in read):
                    continue
                said[entry.plan].hear(entry)
                query = insert(_TABLE).values(_values(entry)).returning(_TABLE.c.id)
                added.append(_numbered(entry, int(connection.execute(query).scalar_one())))
        return added

    def of(self, plan: int, item: int | None = None) -> list[Result]:
        """Every entry of a list, or of one of its items, oldest first."""
        query = select(_TABLE).where(_TABLE.c.plan == plan).order_by(_TABLE.c.id)
        with self._engine.connect() as connection:
            return _read(connection, query if item is None else query.where(_TABLE.c.item == item))

    def plans(self) -> list[int]:
        """Numbers of the lists that have answers."""
        with self._engine.connect() as connection:
            return list(connection.execute(select(_TABLE.c.plan).distinct().order_by(_TABLE.c.plan)).scalars())


class _Said:
    """What has been said of a list so far, by phone, by hand and by sheet."""

    def __init__(self, entries: Sequence[Result]) -> None:
        self._sent: set[tuple[str, int]] = set()
        self._words: set[tuple[object, ...]] = set()
        self._last: dict[tuple[object, ...], tuple[object, ...]] = {}
        for entry in entries:
            self.hear(entry)

    def hear(self, entry: Result) -> None:
        if entry.device:
            self._sent.add((entry.device, entry.seq))
        self._words.add((entry.item, entry.by, *entry.said))
        self._last[entry.item, entry.by] = entry.said
        self._last[entry.item, entry.by, entry.source] = entry.said

    def knows(self, entry: Result, *, again: bool) -> bool:
        """`again`: of a sheet that has been read as a whole before."""
        if entry.device:
            return (entry.device, entry.seq) in self._sent
        if entry.source == BY_HAND:
            return self._last.get((entry.item, entry.by)) == entry.said
        last = self._last.get((entry.item, entry.by, entry.source))
        if again or last is None:
            return (entry.item, entry.by, *entry.said) in self._words
        return last == entry.said


def _first_reading(connection: Connection, plan: int, digest: str, entries: Sequence[Result]) -> bool:
    """Whether a sheet was never read for a list; from now on it was."""
    query = select(_SHEETS.c.id).where(_SHEETS.c.plan == plan, _SHEETS.c.digest == digest)
    if connection.execute(query).first() is not None:
        return False
    first = next(entry for entry in entries if entry.plan == plan)
    values = {"plan": plan, "digest": digest, "name": first.source, "at": first.at, "who": first.who}
    connection.execute(insert(_SHEETS).values(values))
    return True


def _numbered(result: Result, number: int) -> Result:
    return Result(**{name: getattr(result, name) for name in Result.__dataclass_fields__} | {"id": number})


def _values(result: Result) -> dict[str, object]:
    plain = {name: getattr(result, name) for name in _PLAIN if name != "by"}
    return plain | {"found_by": result.by, "answer": result.answer.value, "entry": result.entry.value}


def _read(connection: Connection, query: Select[object]) -> list[Result]:
    return [
        Result(
            id=row.id,
            answer=Answer(row.answer),
            entry=Entry(row.entry),
            by=row.found_by,
            **{name: getattr(row, name) for name in _PLAIN if name != "by"},
        )
        for row in connection.execute(query)
    ]
