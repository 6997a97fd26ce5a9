"""Deficiencies: their trails, to which steps are added and never changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from facility.deficiencies import Deficiency, DeficiencyStep, Move, State, replay
from facility.errors import CannotDo
from facility.records.day_tables import DeficiencyRow, DeficiencyStepRow
from facility.records.opening import writing
from facility.records.tables import table_of

_TABLE = table_of(DeficiencyRow)
_STEPS = table_of(DeficiencyStepRow)


class DeficiencyRecords:
    """Findings and their trails; steps are added and never changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(self, steps: Sequence[DeficiencyStep]) -> Deficiency:
        """Keep a new deficiency with the first steps of its trail."""
        with writing(self._engine) as connection:
            return self._open(connection, steps)

    def open_or_join(
        self,
        steps: Sequence[DeficiencyStep],
        join: Callable[[Sequence[Deficiency]], tuple[Deficiency, DeficiencyStep] | None],
    ) -> tuple[Deficiency, bool]:
        """Keep a new deficiency, or a step of the one that `join` names among those of the asset.

        Returns it and whether it is new. What came from the same item of the same list before is left as it is.
        """
        first = steps[0]
        with writing(self._engine) as connection:
            if first.plan:
                there = _from_item(connection, first.plan, first.item)
                if there is not None:
                    return _get(connection, there), False
            at_asset = select(_TABLE.c.id).where(_TABLE.c.asset == first.detail["asset"])
            at_same_asset = [
                replay(_trail(connection, number)) for number in connection.execute(at_asset).scalars().all()
            ]
            joined = join(at_same_asset)
            if joined is None:
                return self._open(connection, steps), True
            return _go_on(connection, joined[0].id, [joined[1]]), False

    def add(self, number: int, steps: Sequence[DeficiencyStep]) -> Deficiency:
        """Go on with a trail. Raises `IllegalMove` where it may not go on so, `CannotDo` where there is none."""
        with writing(self._engine) as connection:
            return _go_on(connection, number, steps)

    def get(self, number: int) -> Deficiency:
        """Raises `CannotDo` if there is none of that number."""
        with self._engine.connect() as connection:
            return _get(connection, number)

    def trail(self, number: int) -> list[DeficiencyStep]:
        with self._engine.connect() as connection:
            return _trail(connection, number)

    def trails(self) -> dict[int, list[DeficiencyStep]]:
        """Every trail, oldest first."""
        trails: dict[int, list[DeficiencyStep]] = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(_STEPS).order_by(_STEPS.c.deficiency, _STEPS.c.id)):
                trails.setdefault(row.deficiency, []).append(_step(row))
        return trails

    def all(self) -> list[Deficiency]:
        """Every deficiency as it stands, oldest first."""
        return [replay(trail) for trail in self.trails().values()]

    def of_item(self, plan: int, item: int) -> list[Deficiency]:
        """Those opened or found again by an item of a list."""
        query = select(_STEPS.c.deficiency).where(_STEPS.c.plan == plan, _STEPS.c.item == item).distinct()
        with self._engine.connect() as connection:
            return [_get(connection, number) for number in connection.execute(query).scalars().all()]

    def _open(self, connection: Connection, steps: Sequence[DeficiencyStep]) -> Deficiency:
        first = steps[0]
        values = {"asset": first.detail["asset"], "fault": first.detail["fault"], "opened_at": first.at}
        number = int(connection.execute(insert(_TABLE).values(values).returning(_TABLE.c.id)).scalar_one())
        return _go_on(connection, number, steps, fresh=True)


def _from_item(connection: Connection, plan: int, item: int) -> int | None:
    """The deficiency that an item of a list opened or found again, unless an answer has taken it back since."""
    query = select(_STEPS.c.deficiency).where(
        _STEPS.c.plan == plan,
        _STEPS.c.item == item,
        _STEPS.c.move.in_([Move.OPENED.value, Move.RECURRED.value]),
    )
    there = connection.execute(query.order_by(_STEPS.c.id.desc())).scalars().first()
    if there is None:
        return None
    ends = [step for step in _trail(connection, there) if step.move in (Move.REJECTED, Move.WITHDRAWN, Move.RECURRED)]
    taken_back = bool(ends) and ends[-1].move is not Move.RECURRED and bool(ends[-1].plan)
    return None if taken_back else int(there)


def _go_on(connection: Connection, number: int, steps: Sequence[DeficiencyStep], *, fresh: bool = False) -> Deficiency:
    before = [] if fresh else _trail(connection, number)
    if not fresh and not before:
        raise _missing(number)
    more = [replace(step, deficiency=number) for step in steps]
    after = replay([*before, *more])
    connection.execute(insert(_STEPS), [_values(step) for step in more])
    return after


def _get(connection: Connection, number: int) -> Deficiency:
    trail = _trail(connection, number)
    if not trail:
        raise _missing(number)
    return replay(trail)


def _missing(number: int) -> CannotDo:
    return CannotDo("there is no finding {number}", "`serviceday finding list` shows those there are", number=number)


def _trail(connection: Connection, number: int) -> list[DeficiencyStep]:
    query = select(_STEPS).where(_STEPS.c.deficiency == number).order_by(_STEPS.c.id)
    return [_step(row) for row in connection.execute(query)]


def _values(step: DeficiencyStep) -> dict[str, object]:
    plain = {name: getattr(step, name) for name in DeficiencyStep.__dataclass_fields__}
    return plain | {"move": step.move.value, "state": step.state.value, "detail": dict(step.detail)}


def _step(row: Any) -> DeficiencyStep:
    plain = {name: getattr(row, name) for name in ("deficiency", "at", "who", "why", "plan", "item", "detail")}
    return DeficiencyStep(move=Move(row.move), state=State(row.state), **plain)
