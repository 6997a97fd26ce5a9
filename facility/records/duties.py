"""When each duty was done at each asset, and who says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from facility.inspections import DutyDone
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import DutyDoneRow, DutyStepRow, table_of

_DONE = table_of(DutyDoneRow)
_STEPS = table_of(DutyStepRow)
_Key = tuple[str, str, date]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What recording did."""

    new: tuple[DutyDone, ...]
    known: int  # on record before
    withdrawn: tuple[DutyDone, ...]  # taken back by somebody earlier, and so not recorded from a file


class DutyRecords:
    """When duties were done, with who said so."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(
        self, entries: Sequence[DutyDone], *, at: datetime, who: str, source: str, again: bool = False
    ) -> Recorded:
        """Record duties done, all or none. What was taken back earlier comes again only where `again` asks for it.

        `at` and `who` say when it was written down and by whom; whoever did the work stands in the entry.
        """
        with writing(self._engine) as connection:
            given = {done.key: done for done in entries}
            there = _keys(connection)
            fresh = [done for key, done in given.items() if key not in there]
            undone = set() if again or not fresh else _undone(connection)
            withdrawn = [done for done in fresh if done.key in undone]
            new = [done for done in fresh if done.key not in undone]
            if new:
                connection.execute(insert(_DONE), list(map(_values, new)))
                connection.execute(
                    insert(_STEPS),
                    [
                        {
                            "asset": done.asset,
                            "duty": done.duty,
                            "done_on": done.on,
                            "at": at,
                            "who": who,
                            "what": "done",
                        }
                        | {"source": source, "note": done.note}
                        for done in new
                    ],
                )
        return Recorded(tuple(new), len(given) - len(fresh), tuple(withdrawn))

    def undo(
        self, asset: str, duty: str, on: date | None = None, *, at: datetime, who: str, note: str
    ) -> DutyDone | None:
        """Take a date back, the latest where none is named; the trail keeps it. None where there is no such date."""
        with writing(self._engine) as connection:
            query = select(_DONE).where(_DONE.c.asset == asset, _DONE.c.duty == duty).order_by(_DONE.c.done_on.desc())
            row = connection.execute(query if on is None else query.where(_DONE.c.done_on == on)).first()
            if row is None:
                return None
            entry = _entry(row)
            match = (_DONE.c.asset == asset, _DONE.c.duty == duty, _DONE.c.done_on == entry.on)
            connection.execute(delete(_DONE).where(*match))
            step = {"asset": asset, "duty": duty, "done_on": entry.on, "at": at, "who": who, "what": "undone"}
            connection.execute(insert(_STEPS), [step | {"source": "hand", "note": note}])
        return entry

    def recorded_from(self, source: str) -> list[DutyDone]:
        """The dates on record that stand there because of `source`, and of nothing said later."""
        ours = select(_STEPS.c.asset).where(_STEPS.c.source == source)
        last = select(func.max(_STEPS.c.id)).where(_STEPS.c.asset.in_(ours))
        last = last.group_by(_STEPS.c.asset, _STEPS.c.duty, _STEPS.c.done_on)
        query = select(_STEPS).where(_STEPS.c.id.in_(last), _STEPS.c.what == "done", _STEPS.c.source == source)
        with self._engine.connect() as connection:
            return [
                DutyDone(asset=step.asset, duty=step.duty, on=step.done_on, note=step.note)
                for step in connection.execute(query.order_by(_STEPS.c.id))
            ]

    def done(self, asset: str, duty: str, on: date, *, by: str = "", note: str = "") -> None:
        self.put({(asset, duty): on}, by=by, note=note)

    def put(self, dates: Mapping[tuple[str, str], date], *, by: str = "", note: str = "") -> int:
        """Dates without a trail, as a benchmark or a simulation has them; returns how many were not on record yet."""
        with writing(self._engine) as connection:
            recorded = _keys(connection)
            new = [
                _values(DutyDone(asset=asset, duty=duty, on=on, by=by, note=note))
                for (asset, duty), on in dates.items()
                if (asset, duty, on) not in recorded
            ]
            if new:
                connection.execute(insert(_DONE), new)
        return len(new)

    def last_done(self) -> dict[tuple[str, str], date]:
        """The latest date on record, by (asset, duty)."""
        query = select(_DONE.c.asset, _DONE.c.duty, func.max(_DONE.c.done_on)).group_by(_DONE.c.asset, _DONE.c.duty)
        with self._engine.connect() as connection:
            return {(asset, duty): on for asset, duty, on in connection.execute(query)}

    def all(self, asset: str | None = None) -> list[DutyDone]:
        """Every date on record, by asset and duty, the latest first."""
        query = select(_DONE).order_by(_DONE.c.asset, _DONE.c.duty, _DONE.c.done_on.desc())
        if asset is not None:
            query = query.where(_DONE.c.asset == asset)
        with self._engine.connect() as connection:
            return read_rows(_entry, connection.execute(query), "duty_done")


def _keys(connection: Connection) -> set[_Key]:
    rows = connection.execute(select(_DONE.c.asset, _DONE.c.duty, _DONE.c.done_on))
    return {(asset, duty, on) for asset, duty, on in rows}


def _undone(connection: Connection) -> set[_Key]:
    """What was taken back and not recorded again since."""
    query = select(_STEPS.c.asset, _STEPS.c.duty, _STEPS.c.done_on, _STEPS.c.what).order_by(_STEPS.c.id)
    last = {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}
    return {key for key, what in last.items() if what == "undone"}


def _values(done: DutyDone) -> dict[str, object]:
    return {"asset": done.asset, "duty": done.duty, "done_on": done.on, "done_by": done.by, "note": done.note}


def _entry(row: Row[Any]) -> DutyDone:
    return DutyDone(asset=row.asset, duty=row.duty, on=row.done_on, by=row.done_by, note=row.note)
