"""Inspection lists, and what people did and found: what planning writes and people, models and the dashboard read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from facility.language import Text


class Ground(StrEnum):
    """Why something is a candidate for a list."""

    STATUTORY = "statutory"  # a duty of the law whose last date is on record
    ROTATION = "rotation"  # a duty of the law without a record: its turn, by a fixed rotation
    PROMISE = "promise"  # a duty of good practice
    RISK = "risk"  # a model's warning about the equipment
    SENSOR = "sensor"  # a model's warning about a sensor


class Priority(StrEnum):
    URGENT = "urgent"  # a breach of the law, or would be by tomorrow
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class LeftOut(StrEnum):
    """Why a candidate is not on the list."""

    NO_TIME = "no_time"
    NOT_RISKY = "not_risky"
    NOT_DUE = "not_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing to do at one asset: a line of the list, or of the candidates left out."""

    asset: str
    kind: str
    site: str
    building: str
    floor: str
    place: str
    task: str  # a duty's key, or "warning" or "sensor"
    what: Text
    method: Text
    passes: Text
    ground: Ground
    reason: Text  # why it is a candidate: the law and its date, or the evidence
    priority: Priority
    qualification: str
    minutes: int
    due: date | None = None
    breach: bool = False  # left out although the law wants it done by the service day
    number: int = 0  # place in the list, from 1; 0 = left out
    person: int = 0  # whose round, from 1; 0 = left out
    left_out: LeftOut | None = None
    left_out_reason: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One person's day."""

    person: int
    work_minutes: int
    travel_minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionList:
    """What is done on a service day, and what is not. Items in walking order; breaches lead the left-out."""

    service_day: date
    created_at: datetime  # UTC
    people: int
    hours: float  # of each person
    items: tuple[Item, ...]
    left_out: tuple[Item, ...]
    rounds: tuple[Round, ...] = ()
    notes: tuple[Text, ...] = ()  # what a planner should know about the list as a whole

    @property
    def work_minutes(self) -> int:
        return sum(one.work_minutes for one in self.rounds)

    @property
    def travel_minutes(self) -> int:
        return sum(one.travel_minutes for one in self.rounds)

    @property
    def breaches(self) -> tuple[Item, ...]:
        return tuple(item for item in self.left_out if item.breach)


class Finding(StrEnum):
    CONFIRMED = "confirmed"
    NOT_FOUND = "not_found"
    OTHER = "other"  # another fault than the one suspected


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a person found at an asset: the label that models learn from."""

    asset: str
    at: datetime  # UTC
    finding: Finding
    by: str = ""
    mode: str = ""  # failure mode of the catalogue, if one was found
    note: str = ""
