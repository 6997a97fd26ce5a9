"""Service days: their trails; and the briefs that were published of them, which never change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.records.day_tables import BriefRow, ServiceDayStepRow
from facility.records.opening import writing
from facility.records.tables import table_of
from facility.service_days import DayMove, DayState, ServiceDay, ServiceDayStep, replay_day

_STEPS = table_of(ServiceDayStepRow)
_BRIEFS = table_of(BriefRow)

_STATES = {
    DayState.DRAFT: Sentence("a draft"),
    DayState.ANNOUNCED: Sentence("announced"),
    DayState.RUNNING: Sentence("running"),
    DayState.CLOSED: Sentence("closed"),
    DayState.PUBLISHED: Sentence("published"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedBrief:
    """A brief as it went out; one that follows another corrects it."""

    id: int
    day: date
    at: datetime
    who: str
    body: str  # the whole of it as JSON, in both languages


class ServiceDayRecords:
    """Service days, their trails, and briefs as they were published."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, step: ServiceDayStep) -> ServiceDay:
        """Begin a day's trail, or go on with it. Raises `CannotDo` where it may not go on so."""
        with writing(self._engine) as connection:
            return _go_on(connection, step)

    def publish(self, step: ServiceDayStep, body: str, *, follows: int = 0) -> PublishedBrief:
        """Keep the day's brief, or one that corrects it, and the step that says so, both or neither.

        `follows` is the number of the brief that it corrects. Raises `CannotDo` where another has corrected that.
        """
        newest = select(_BRIEFS.c.id).where(_BRIEFS.c.service_day == step.day).order_by(_BRIEFS.c.id.desc())
        with writing(self._engine) as connection:
            _go_on(connection, step)
            if (connection.execute(newest).scalars().first() or 0) != follows:
                raise CannotDo(
                    "the brief of {day} was corrected by somebody else meanwhile",
                    "Look at it and try again",
                    day=step.day,
                )
            values = {"service_day": step.day, "at": step.at, "who": step.who, "body": body}
            number = int(connection.execute(insert(_BRIEFS).values(values).returning(_BRIEFS.c.id)).scalar_one())
        return PublishedBrief(id=number, day=step.day, at=step.at, who=step.who, body=body)

    def published(self, day: date) -> PublishedBrief | None:
        """The brief that stands for a day: the one that went out, or the last that corrected it."""
        editions = self.editions(day)
        return editions[-1] if editions else None

    def editions(self, day: date) -> list[PublishedBrief]:
        """Every brief that went out of a day: the first, and those that corrected it, in their order."""
        query = select(_BRIEFS).where(_BRIEFS.c.service_day == day).order_by(_BRIEFS.c.id)
        with self._engine.connect() as connection:
            return [
                PublishedBrief(id=row.id, day=row.service_day, at=row.at, who=row.who, body=row.body)
                for row in connection.execute(query)
            ]

    def get(self, day: date) -> ServiceDay | None:
        with self._engine.connect() as connection:
            trail = _trail(connection, day)
        return replay_day(trail) if trail else None

    def trail(self, day: date) -> list[ServiceDayStep]:
        with self._engine.connect() as connection:
            return _trail(connection, day)

    def all(self) -> list[ServiceDay]:
        """Every service day, the newest first."""
        query = select(_STEPS.c.day).distinct().order_by(_STEPS.c.day.desc())
        with self._engine.connect() as connection:
            return [replay_day(_trail(connection, day)) for day in connection.execute(query).scalars().all()]


def _go_on(connection: Connection, step: ServiceDayStep) -> ServiceDay:
    before = _trail(connection, step.day)
    if step.move is DayMove.MADE and before:
        raise CannotDo("there is a service day on {day} already", "See `serviceday day show`", day=step.day)
    if step.move is not DayMove.MADE and not before:
        raise CannotDo("there is no service day on {day}", "Make it: `serviceday day new {day}`", day=step.day)
    try:
        after = replay_day([*before, step])
    except ValueError:
        state = replay_day(before).state
        raise CannotDo(
            "the service day of {day} is {state}: that step cannot follow",
            "In order: draft, announced, running, closed, published",
            day=step.day,
            state=_STATES[state],
        ) from None
    values = {name: getattr(step, name) for name in ServiceDayStep.__dataclass_fields__}
    connection.execute(insert(_STEPS), [values | {"move": step.move.value, "detail": dict(step.detail)}])
    return after


def _trail(connection: Connection, day: date) -> list[ServiceDayStep]:
    query = select(_STEPS).where(_STEPS.c.day == day).order_by(_STEPS.c.id)
    return [_step(row) for row in connection.execute(query)]


def _step(row: Any) -> ServiceDayStep:
    return ServiceDayStep(day=row.day, at=row.at, who=row.who, move=DayMove(row.move), note=row.note, detail=row.detail)
