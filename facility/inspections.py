"""Inspection lists, and what people did and found: what planning writes and people, models and the dashboard read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum

from facility.i18n.phrases import Text


class Ground(StrEnum):
    """Why something is a candidate for a list."""

    STATUTORY = "statutory"  # a duty of the law whose last date is on record
    ROTATION = "rotation"  # a duty of the law without a record: its turn, by a fixed rotation
    PROMISE = "promise"  # a duty of good practice
    RISK = "risk"  # a model's warning about the equipment
    SENSOR = "sensor"  # a model's warning about a sensor
    REQUEST = "request"  # somebody asked: a resident's report, or an order from above
    FOLLOW_UP = "follow_up"  # left open by an earlier inspection
    GOAL = "goal"  # nothing but a goal of the day asks for it
    RANDOM = "random"  # drawn by lot among those without a sign, so that it is known what warnings miss


RANDOM_CHECK = "random_check"  # task of an item drawn by lot


class Priority(StrEnum):
    """How urgent an item is, the most urgent first."""

    URGENT = "urgent"  # a breach of the law, or would be by tomorrow
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class LeftOut(StrEnum):
    """Why a candidate is not on the list."""

    NO_TIME = "no_time"
    NOT_RISKY = "not_risky"
    NOT_DUE = "not_due"
    NOBODY = "nobody"  # no one works that day
    NO_QUALIFICATION = "no_qualification"  # no one who works that day may do it
    NO_TOOL = "no_tool"
    WINDOW = "window"  # it is not open to work when somebody could come
    TWO_PEOPLE = "two_people"  # a second person is wanted and there is none at the same time
    ORDER = "order"  # it waits for other work that is not on the list
    BANNED = "banned"  # a planner took it off
    FOLLOWED_UP = "followed_up"  # a warning of what a finding on record has confirmed


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
    breach_from: date | None = None  # of what the law asks: the first day on which leaving it undone breaks the law
    number: int = 0  # place in the list, from 1; 0 = left out
    person: int = 0  # whose round, from 1; 0 = left out
    second: int = 0  # the second person of two-person work, from 1; 0 = none
    start: time | None = None  # local clock time at the place
    end: time | None = None
    asset_name: str = ""
    out_of_service: bool = False  # the work takes the asset out of service from start to end
    request: str = ""  # id of the request it answers
    mode: str = ""  # failure mode that a warning suspects
    harm: float = 0.0  # expected harm avoided, in failures of an ordinary asset (docs/planning.md)
    locked: bool = False  # a planner's word keeps it on the list, or at its person or time
    left_out: LeftOut | None = None
    left_out_reason: Text | None = None
    covers: tuple[str, ...] = ()  # duties that are due and are done with it, on one visit
    or_qualified: tuple[str, ...] = ()  # certificates that do as well as `qualification`
    hands: int = 1  # people it takes, before the crew file says more

    @property
    def tasks(self) -> tuple[str, ...]:
        """Everything that is done by doing it."""
        return self.task, *self.covers

    @property
    def key(self) -> tuple[str, str]:
        """What tells candidates of one day apart: asset and task."""
        return self.asset, self.task

    @property
    def people(self) -> tuple[int, ...]:
        """Numbers of everybody who does it; empty for what is left out."""
        return tuple(number for number in (self.person, self.second) if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who works on the day, as the crew file or, without one, the crew's size has it."""

    number: int  # from 1
    id: str = ""
    name: str = ""  # "" = nobody in particular; papers then say "inspector 2"
    qualifications: tuple[str, ...] = ()  # those valid on the service day; empty = all-round, where no crew is named
    contractor: str = ""  # the firm's name, for people who are not our own


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A building, or another place, where a round halts."""

    site: str
    building: str
    arrival: time
    departure: time
    travel_minutes: int  # the way there
    items: tuple[int, ...] = ()  # numbers of the items done there, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One person's day. Clock times are local to the place."""

    person: int
    work_minutes: int
    travel_minutes: int
    name: str = ""
    start: time | None = None  # when the person sets out
    end: time | None = None  # when the last work, or the way back, is done
    start_place: str = ""  # where they set out, in words; "" = at the first stop
    lunch_start: time | None = None
    lunch_end: time | None = None
    wait_minutes: int = 0
    stops: tuple[Stop, ...] = ()


class Directive(StrEnum):
    """A planner's word about one item."""

    LOCK = "lock"  # stays on the list
    PIN = "pin"  # stays on the list, with this person, at this time, or both
    BAN = "ban"  # stays off the list


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """What a planner said of one item by hand."""

    asset: str
    directive: Directive
    task: str = ""  # "" = every candidate at the asset
    person: str = ""  # id of a person of the crew, for a pin
    start: time | None = None  # for a pin


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a little more of something would buy: found by planning again with it."""

    what: Text  # "one more hour for everybody", "one more certified lift worker"
    harm: float  # more expected harm avoided
    items: int  # more items on the list
    breaches: int  # fewer breaches


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalResult:
    """A goal of the day that can be counted, and how far the list goes towards it."""

    goal: str  # as it was asked for
    what: Text
    total: int  # what it counts
    wanted: int  # how many of them the goal asks for
    planned: int  # how many of them are on the list

    @property
    def met(self) -> bool:
        return self.planned >= self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class LawRecord:
    """For how many duties of the law a list can speak: those whose last date is on record."""

    duties: int  # statutory duties of the assets in use that the list is about
    dated: int  # of them, those with a last date on record
    undated_assets: int = 0  # assets with at least one without

    @property
    def undated(self) -> int:
        return self.duties - self.dated


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomDraw:
    """Which assets without a sign were drawn by lot for a look: enough to draw them again."""

    wanted: int
    seed: int
    pool: int  # assets in the lot
    drawn: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a plan was asked for, kept with it so that it can be made again with one thing changed."""

    crew: str = ""  # the crew file's text; "" = anonymous people
    crew_folder: str = ""  # where that file stood, for a matrix of ways beside it
    kind: str = ""
    goals: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    next_day: date | None = None  # what falls due before it was due already
    random_checks: int | None = None  # None = as many as the crew file says


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
    number: int = 0  # in the records; 0 = not kept yet
    follows: int = 0  # number of the plan this one changes; 0 = made afresh
    timezone: str = ""  # of the clock times
    persons: tuple[Person, ...] = ()
    seed: int = 0
    harm: float = 0.0  # expected harm the list avoids, beyond what the law asks for anyway
    bound: float | None = None  # no list that does the same for the law can avoid more
    gains: tuple[Gain, ...] = ()
    goals: tuple[GoalResult, ...] = ()
    asked: Asked = Asked()
    law: LawRecord | None = None  # None in lists kept before this was counted
    random: RandomDraw | None = None  # None = nothing was drawn by lot

    @property
    def gap(self) -> float | None:
        """How far the list may be from the best one: 0.02 = at most 2 %. None where no bound is known."""
        if self.bound is None:
            return None
        return max(0.0, 1 - self.harm / self.bound) if self.bound > 0 else 0.0

    def person(self, number: int) -> Person | None:
        return next((person for person in self.persons if person.number == number), None)

    @property
    def work_minutes(self) -> int:
        return sum(round.work_minutes for round in self.rounds)

    @property
    def travel_minutes(self) -> int:
        return sum(round.travel_minutes for round in self.rounds)

    @property
    def sites(self) -> tuple[str, ...]:
        """The sites that the list goes to, in walking order."""
        return tuple(dict.fromkeys(item.site for item in self.items))

    @property
    def breaches(self) -> tuple[Item, ...]:
        return tuple(item for item in self.left_out if item.breach)


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyDone:
    """A duty that was done at an asset on a day."""

    asset: str
    duty: str  # key in the catalogue
    on: date
    by: str = ""
    note: str = ""

    @property
    def key(self) -> tuple[str, str, date]:
        return self.asset, self.duty, self.on


class Finding(StrEnum):
    """What came of looking into a warning."""

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
