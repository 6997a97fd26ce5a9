"""What was answered on the items of kept lists: entries are added and never changed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Engine, Select, insert, select

from facility.records.day_tables import ResultRow
from facility.records.opening import writing
from facility.records.tables import table_of
from facility.results import Answer, Entry, Result

_TABLE = table_of(ResultRow)
_PLAIN = (
    *("plan", "item", "asset", "task", "measured", "mode", "mended", "note", "by"),
    *("done_at", "at", "who", "source", "late", "device", "seq", "typed_at"),
)


class ResultRecords:
    """Answers to the items of a list; they are added and never changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, entries: Sequence[Result]) -> list[Result]:
        """Keep entries, all or none; returns those that were new, with their numbers.

        What the same person has said of the item before, in the same words, is known and not added again; of a phone,
        which numbers what it sends, the number it has sent before. A decision is always added.
        """
        added = []
        with writing(self._engine) as connection:
            there: set[tuple[object, ...]] = set()
            for plan in {entry.plan for entry in entries}:
                there |= {_key(entry) for entry in _read(connection, select(_TABLE).where(_TABLE.c.plan == plan))}
            for entry in entries:
                if entry.entry is Entry.ANSWERED and _key(entry) in there:
                    continue
                there.add(_key(entry))
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


def _key(result: Result) -> tuple[object, ...]:
    if result.device:
        return result.plan, result.device, result.seq
    return result.plan, result.item, result.by, *result.said


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
