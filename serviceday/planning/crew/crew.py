"""Who works on a service day and under which rules: people, tools, ways, hours of places, pairs, orders.

A crew is either anonymous (`Crew(people=3, hours=8)`: all-round people, no rules) or read from a crew file
(`serviceday.planning.crew.parser`). Clock times are minutes since local midnight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from facility.catalogue.qualifications import same_as
from facility.errors import CannotDo
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import Item

DAY_MINUTES = 24 * 60
_MORNING = 8 * 60  # when people without hours of their own begin (D)


_NO_WORDS = Text(zh="", en="")


@dataclass(frozen=True, slots=True)
class Span:
    """From one clock time to another of the same day."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        return self.end - self.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Lunch:
    """A break of so many minutes within a stretch of the day."""

    within: Span  # it begins and ends between these
    minutes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where people set out: a building, or a point."""

    name: str = ""
    site: str = ""
    building: str = ""
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """When a qualification holds; the last day is one of it."""

    since: date | None = None
    until: date | None = None

    def holds(self, on: date) -> bool:
        return (self.since is None or self.since <= on) and (self.until is None or on <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Somebody who works on the day: what they may do, when, from where, with what."""

    id: str
    name: str = ""
    qualifications: Mapping[str, Validity] = field(default_factory=dict)
    all_round: bool = False  # may do everything: people of a crew that nobody named
    hours: Span = Span(_MORNING, _MORNING + 480)
    lunch: Lunch | None = None
    start: Place | None = None  # None = the first stop, wherever it is
    returns: bool = False  # the way back to the start is part of the day
    tools: frozenset[str] = frozenset()
    off: frozenset[date] = frozenset()
    contractor: str = ""
    kinds: frozenset[str] = frozenset()  # works on these classes only; empty = on all

    def valid(self, on: date) -> tuple[str, ...]:
        return tuple(key for key, validity in self.qualifications.items() if validity.holds(on))

    def qualified(self, qualification: str, on: date) -> bool:
        if self.all_round or not qualification:
            return True
        return any(self.qualifications[name].holds(on) for name in same_as(qualification) & self.qualifications.keys())

    def may(self, item: Item, on: date) -> bool:
        """Whether the person holds a certificate that the work asks for."""
        return any(self.qualified(each, on) for each in (item.qualification, *item.or_qualified))

    @property
    def minutes(self) -> int:
        """What can be worked and walked."""
        return self.hours.minutes - (self.lunch.minutes if self.lunch else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which work a rule speaks of; what is empty matches everything."""

    kind: str = ""
    task: str = ""
    site: str = ""
    building: str = ""
    floor: str = ""
    asset: str = ""

    def matches(self, asset: Asset | None, task: str) -> bool:
        if self.task and self.task != task:
            return False
        if asset is None:
            return not (self.kind or self.site or self.building or self.floor or self.asset)
        return (
            self.kind in ("", asset.kind)
            and self.site in ("", asset.site)
            and self.building in ("", asset.building)
            and self.floor in ("", asset.floor)
            and self.asset in ("", asset.id)
        )

    def __str__(self) -> str:
        named = [self.kind, self.site, self.building, self.floor, self.asset, self.task]
        return " ".join(word for word in named if word) or "everything"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When some work may go on: inside one of `open`, outside all of `never`."""

    of: Selector
    open: tuple[Span, ...] = ()
    never: tuple[Span, ...] = ()
    weekdays: frozenset[int] = frozenset()  # 0 = Monday; empty = every day
    why: Text = _NO_WORDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What some work needs beyond one qualified person."""

    of: Selector
    people: int = 1
    second_any: bool = False  # the second person needs no qualification
    tools: frozenset[str] = frozenset()
    minutes: int | None = None  # instead of the catalogue's
    out_of_service: bool | None = None  # None = as the catalogue has it, and then several at once may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`first` ends before `then` begins, and `then` is not done without it."""

    first: Selector
    then: Selector
    within: str = "building"  # the two are of one asset, building or site, or "anywhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Minutes of ways where the policy's do not hold."""

    walk: int | None = None
    floor: float | None = None
    buildings: int | None = None
    sites: int | None = None
    matrix: Mapping[tuple[str, str], float] = field(default_factory=dict)  # between buildings, both ways


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """Classes that count for more on a day."""

    key: str
    name: Text
    kinds: frozenset[str]
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who works on the day. Raises `CannotDo` for an anonymous crew that can't work."""

    people: int = 1
    hours: float = 8.0  # of each person
    workers: tuple[Worker, ...] = ()  # named people; empty and `named` false = anonymous ones
    named: bool = False
    tools: Mapping[str, int] = field(default_factory=dict)  # shared ones, how many there are
    windows: tuple[Hours, ...] = ()
    work: tuple[Work, ...] = ()
    orders: tuple[Order, ...] = ()
    ways: Ways = Ways()
    themes: tuple[Theme, ...] = ()
    random_checks: int = 0  # looks by lot at assets without a sign, on each list
    even: bool = True  # share work evenly where that costs next to nothing
    text: str = ""  # the file it was read from
    folder: str = ""  # where it stood: a matrix of ways is looked for beside it

    def __post_init__(self) -> None:
        if self.named:
            return
        if self.people < 1:
            raise CannotDo("a crew of {people} people", "Give --people 1 or more", people=self.people)
        if not 0 < self.hours <= 24:
            raise CannotDo("a working day of {hours:g} hours", "Give --hours between 0 and 24", hours=self.hours)

    @property
    def minutes(self) -> int:
        return int(self.hours * 60)

    def on(self, day: date) -> tuple[Worker, ...]:
        """Everybody who works that day, in the order of the file."""
        if self.named:
            return tuple(worker for worker in self.workers if day not in worker.off)
        begin = min(_MORNING, DAY_MINUTES - self.minutes)
        span = Span(begin, begin + self.minutes)
        return tuple(Worker(id=str(number), all_round=True, hours=span) for number in range(1, self.people + 1))

    def with_more(self, day: date, *, minutes: int = 0, worker: Worker | None = None) -> Crew:
        """The same crew with longer hours for everybody, or with one more of them."""
        workers = [
            replace(worker, hours=Span(worker.hours.start, min(worker.hours.end + minutes, DAY_MINUTES)))
            for worker in self.on(day)
        ]
        if worker is not None:
            workers.append(worker)
        return replace(self, workers=tuple(workers), named=True)
