"""A service day (物业服务日): a date, what is meant to come of it, and how far it has come. It is its trail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType


class DayState(StrEnum):
    """Where a service day stands between draft and published."""

    DRAFT = "draft"
    ANNOUNCED = "announced"
    RUNNING = "running"
    CLOSED = "closed"
    PUBLISHED = "published"  # its brief is out and never changes


class DayMove(StrEnum):
    """What somebody does to a service day."""

    MADE = "made"
    CHANGED = "changed"
    ANNOUNCED = "announced"
    STARTED = "started"
    CLOSED = "closed"
    PUBLISHED = "published"
    PRAISED = "praised"  # whom the brief praises was released
    CORRECTED = "corrected"  # another brief follows the published one


DAY_TRANSITIONS: Mapping[tuple[DayState, DayMove], DayState] = MappingProxyType(
    {
        (DayState.DRAFT, DayMove.ANNOUNCED): DayState.ANNOUNCED,
        (DayState.DRAFT, DayMove.STARTED): DayState.RUNNING,
        (DayState.ANNOUNCED, DayMove.STARTED): DayState.RUNNING,
        (DayState.RUNNING, DayMove.CLOSED): DayState.CLOSED,
        (DayState.CLOSED, DayMove.PUBLISHED): DayState.PUBLISHED,
        (DayState.PUBLISHED, DayMove.CORRECTED): DayState.PUBLISHED,
        **{(state, DayMove.PRAISED): state for state in (DayState.RUNNING, DayState.CLOSED)},
        **{(state, DayMove.CHANGED): state for state in (DayState.DRAFT, DayState.ANNOUNCED, DayState.RUNNING)},
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDayStep:
    """`detail` holds what the step sets: fields of `ServiceDay`."""

    day: date
    at: datetime  # UTC
    who: str
    move: DayMove
    note: str = ""
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDay:
    """A date on which a list is carried out: sites, theme, goals, people."""

    day: date
    state: DayState = DayState.DRAFT
    theme: str = ""
    sites: tuple[str, ...] = ()  # () = all
    goals: tuple[str, ...] = ()  # that can be counted (docs/planning.md)
    people: tuple[str, ...] = ()
    praised: tuple[str, ...] = ()  # people whose verified work the brief names: proposed from records, released by hand
    plan: int = 0  # the list it carries out; 0 = none yet


_LISTS = ("sites", "goals", "people", "praised")


def replay_day(steps: Iterable[ServiceDayStep]) -> ServiceDay:
    """Raises `ValueError` for a trail that breaks the rules."""
    now: ServiceDay | None = None
    for step in steps:
        if now is None:
            now = ServiceDay(day=step.day)
        elif (now.state, step.move) in DAY_TRANSITIONS:
            now = replace(now, state=DAY_TRANSITIONS[now.state, step.move])
        else:
            raise ValueError(f"{now.state} -> {step.move}")
        detail = step.detail
        lists = {name: tuple(map(str, _list(detail[name]))) for name in _LISTS if name in detail}
        theme = str(detail.get("theme", now.theme))
        now = replace(now, theme=theme, plan=int(str(detail.get("plan", now.plan))), **lists)  # type: ignore[arg-type]
    if now is None:
        raise ValueError("an empty trail")
    return now


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
