"""A day as columns of figures: what the search for rounds works on.

Candidates and people are numbers here. Times are minutes since local midnight, ways are looked up between places:
the assets, and for each person where the day begins and where it ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time

import numpy as np
from numpy.typing import NDArray

from facility.inspections import Directive, Instruction, Item
from serviceday.planning.crew.crew import DAY_MINUTES, Crew, Hours, Span, Work, Worker
from serviceday.planning.crew.rule_index import RuleIndex
from serviceday.planning.demand.candidates import Candidate, Tier
from serviceday.planning.solver.precedence import predecessors
from serviceday.planning.solver.travel_times import Stops

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

NEVER = 1_000_000  # minutes; later than any day
# Each tier outweighs everything of the next; what is weighed has weight 1.
_WEIGHTS = {Tier.LAW: 1e8, Tier.ASSUMED_LAW: 1e6, Tier.GOAL: 1e4}
LOCKED = 1e10
HEAVY = 1e3  # worth that no weighed candidate reaches


@dataclass(slots=True)
class Problem:
    """Arrays are by candidate; those named `may` and `helps` by person and candidate."""

    candidates: Sequence[Candidate]
    workers: Sequence[Worker]
    minutes: Integers
    worth: Floats  # tier and value in one figure
    place: Integers  # of the candidate, in `travel`
    stop: Integers
    opens: Integers  # [window, candidate] earliest start
    shuts: Integers  # [window, candidate] latest start
    spans: Sequence[Sequence[tuple[int, int]]]  # the same by candidate, for looking at one
    lasts: Sequence[int]  # minutes by candidate, for looking at one
    may: Flags
    helps: Flags
    pair: Flags
    locked: Flags
    out_of_service: Flags  # as the crew file has it, or else the catalogue
    before: Mapping[int, tuple[int, ...]]  # candidate -> those that have to end before it begins
    after: Mapping[int, tuple[int, ...]]
    group: Integers  # out-of-service work of one class and building shares a number; 0 = no group
    needs: Mapping[str, Flags]  # shared tool -> candidates that need it
    stock: Mapping[str, int]
    own_tools: Mapping[str, Flags]  # shared tool -> people who bring their own
    travel: NDArray[np.int16]
    first: Sequence[int]  # place where a person's day begins, in `travel`
    last: Sequence[int]  # and ends
    travel_cost: float  # worth given up for a minute's way less, where nothing else differs
    stop_of_place: Integers
    unqualified: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))  # no one may do it
    toolless: Flags = field(default_factory=lambda: np.zeros(0, dtype=bool))
    always: Flags = field(init=False)  # neither windows nor orders ever keep anybody from it
    waits: Sequence[bool] = field(init=False)  # the opposite, for looking at one
    places: Sequence[int] = field(init=False)  # `place`, for looking at one
    neighbours: Sequence[tuple[int, ...]] = field(init=False)  # by candidate: others at its asset, or of its group
    ways: memoryview = field(init=False)  # `travel` in one row, for looking at one way
    width: int = field(init=False)  # of `travel`
    back: NDArray[np.int16] = field(init=False)  # `travel` turned round: to a place from every other

    def __post_init__(self) -> None:
        begin = min((worker.hours.start for worker in self.workers), default=0)
        end = max((worker.hours.end for worker in self.workers), default=0)
        self.always = np.asarray(((self.opens <= begin) & (self.shuts >= end - self.minutes)).any(axis=0), dtype=bool)
        self.always[[*self.before, *self.after]] = False
        self.waits = (~self.always).tolist()
        self.places = self.place.tolist()
        self.neighbours = _neighbours(self.places, self.group.tolist())
        self.width = self.travel.shape[0]
        self.ways = np.ascontiguousarray(self.travel).reshape(-1).data
        self.back = np.ascontiguousarray(self.travel.T)

    def __len__(self) -> int:
        return len(self.candidates)


def _neighbours(places: Sequence[int], groups: Sequence[int]) -> list[tuple[int, ...]]:
    there: dict[tuple[str, int], list[int]] = {}
    for number, (place, group) in enumerate(zip(places, groups, strict=True)):
        there.setdefault(("place", place), []).append(number)
        if group:
            there.setdefault(("group", group), []).append(number)
    neighbours = []
    for number, (place, group) in enumerate(zip(places, groups, strict=True)):
        others = {*there["place", place], *there.get(("group", group), ())} - {number}
        neighbours.append(tuple(sorted(others)))
    return neighbours


def build(
    candidates: Sequence[Candidate],
    stops: Stops,
    places: Sequence[object],
    crew: Crew,
    day: date,
    instructions: Sequence[Instruction],
) -> Problem:
    """The day's problem. Raises `CannotDo` where orders go in a circle."""
    from facility.estate import Asset

    workers = crew.on(day)
    located = [asset for asset in places if isinstance(asset, Asset)]
    used = sorted({candidate.asset_number for candidate in candidates})
    row = {number: place for place, number in enumerate(used)}
    works = RuleIndex(crew.work, lambda work: work.of)
    rules = [
        _rule(works.matching(located[candidate.asset_number], candidate.item.task), candidate.item.hands)
        for candidate in candidates
    ]
    minutes = np.array(
        [rule.minutes or candidate.item.minutes for candidate, rule in zip(candidates, rules, strict=True)],
        dtype=np.int64,
    )
    windows = RuleIndex(
        [rule for rule in crew.windows if not rule.weekdays or day.weekday() in rule.weekdays], lambda rule: rule.of
    )
    spans = [_open(windows.matching(located[candidate.asset_number], candidate.item.task)) for candidate in candidates]
    locks, pins = _locks(candidates, instructions), _pins(candidates, instructions)
    opens, shuts = _windows(spans, minutes, pins)
    size, people = len(candidates), len(workers)
    place = np.array([row[candidate.asset_number] for candidate in candidates], dtype=np.int64)
    travel, stop_of_place = _ways(stops, used, workers)
    orders = predecessors(candidates, located, crew.orders)
    followers: dict[int, list[int]] = {}
    for then, firsts in orders.items():
        for first in firsts:
            followers.setdefault(first, []).append(then)
    may, helps = np.zeros((people, size), dtype=bool), np.zeros((people, size), dtype=bool)
    _who(may, helps, candidates, rules, workers, day)
    unqualified = np.logical_not(may.any(axis=0)) if people else np.ones(size, dtype=bool)
    needs, own, toolless = _tools(may, rules, workers, crew)
    for number, who in pins.who.items():
        may[[worker.id not in who for worker in workers], number] = False
    worth = np.array(
        [_WEIGHTS.get(candidate.tier, 1.0) * max(candidate.value, 1e-6) for candidate in candidates], dtype=float
    )
    weighed = np.array([candidate.tier.weighed for candidate in candidates], dtype=bool)
    rate = float(np.median(worth[weighed] / np.maximum(minutes[weighed], 1))) if weighed.any() else 1e-3
    worth[locks] += LOCKED
    return Problem(
        candidates=candidates,
        workers=workers,
        minutes=minutes,
        worth=worth,
        place=place,
        stop=stop_of_place[place] if size else np.zeros(0, dtype=np.int64),
        opens=opens,
        shuts=shuts,
        spans=_spans(opens, shuts),
        lasts=minutes.tolist(),
        may=may,
        helps=helps,
        pair=np.array([rule.people > 1 for rule in rules], dtype=bool),
        locked=locks,
        out_of_service=np.array(
            [
                candidate.item.out_of_service if rule.out_of_service is None else rule.out_of_service
                for candidate, rule in zip(candidates, rules, strict=True)
            ],
            dtype=bool,
        ),
        before=orders,
        after={first: tuple(several) for first, several in followers.items()},
        group=_groups(candidates, rules),
        needs=needs,
        stock={tool: crew.tools.get(tool, 0) for tool in needs},
        own_tools=own,
        travel=travel,
        first=[len(used) + 2 * number for number in range(people)],
        last=[len(used) + 2 * number + 1 for number in range(people)],
        travel_cost=1e-3 * rate,
        stop_of_place=stop_of_place,
        unqualified=np.asarray(unqualified, dtype=bool),
        toolless=toolless,
    )


@dataclass(slots=True)
class _Rule:
    """All that the crew file's work tables say of one candidate."""

    people: int = 1
    second_any: bool = False
    tools: frozenset[str] = frozenset()
    minutes: int = 0
    out_of_service: bool | None = None


def _rule(works: Sequence[Work], hands: int) -> _Rule:
    rule = _Rule(people=hands)
    for work in works:
        rule.people = max(rule.people, work.people)
        rule.second_any = rule.second_any or work.second_any
        rule.tools |= work.tools
        rule.minutes = work.minutes or rule.minutes
        if work.out_of_service is not None:
            rule.out_of_service = bool(rule.out_of_service) or work.out_of_service
    return rule


def _open(windows: Sequence[Hours]) -> list[Span]:
    """When the work may go on, after every window of that weekday that speaks of it."""
    spans = [Span(0, DAY_MINUTES)]
    for rule in windows:
        if rule.open:
            spans = [
                Span(max(span.start, two.start), min(span.end, two.end))
                for span in spans
                for two in rule.open
                if max(span.start, two.start) < min(span.end, two.end)
            ]
        for never in rule.never:
            spans = [
                piece
                for span in spans
                for piece in (Span(span.start, min(span.end, never.start)), Span(max(span.start, never.end), span.end))
                if piece.start < piece.end
            ]
    return sorted(spans, key=lambda span: span.start)


@dataclass(slots=True)
class _Pins:
    who: dict[int, set[str]]
    when: dict[int, int]


def _locks(candidates: Sequence[Candidate], instructions: Sequence[Instruction]) -> Flags:
    allowed = [instruction for instruction in instructions if instruction.directive is not Directive.BAN]
    return np.array([any(speaks(instruction, each.item) for instruction in allowed) for each in candidates], dtype=bool)


def _pins(candidates: Sequence[Candidate], instructions: Sequence[Instruction]) -> _Pins:
    pins = _Pins({}, {})
    for instruction in instructions:
        if instruction.directive is not Directive.PIN:
            continue
        for number, each in enumerate(candidates):
            if speaks(instruction, each.item):
                if instruction.person:
                    pins.who.setdefault(number, set()).add(instruction.person)
                if instruction.start is not None:
                    pins.when[number] = clock_minutes(instruction.start)
    return pins


def speaks(instruction: Instruction, item: Item) -> bool:
    """Whether an instruction is about an item."""
    return instruction.asset == item.asset and instruction.task in ("", *item.tasks)


def clock_minutes(at: time) -> int:
    """Minutes since midnight."""
    return at.hour * 60 + at.minute


def _windows(spans: Sequence[Sequence[Span]], minutes: Integers, pins: _Pins) -> tuple[Integers, Integers]:
    most = max((len(span) for span in spans), default=1) or 1
    opens = np.full((most, len(spans)), NEVER, dtype=np.int64)
    shuts = np.full((most, len(spans)), -1, dtype=np.int64)
    for number, several in enumerate(spans):
        for place, span in enumerate(several):
            opens[place, number], shuts[place, number] = span.start, span.end - minutes[number]
    for number, at in pins.when.items():
        inside = (opens[:, number] <= at) & (at <= shuts[:, number])
        opens[:, number], shuts[:, number] = NEVER, -1
        if inside.any():
            opens[0, number] = shuts[0, number] = at
    return opens, shuts


def _spans(opens: Integers, shuts: Integers) -> list[list[tuple[int, int]]]:
    return [
        [(low, high) for low, high in zip(lows, highs, strict=True) if low <= high]
        for lows, highs in zip(opens.T.tolist(), shuts.T.tolist(), strict=True)
    ]


def _ways(stops: Stops, used: Sequence[int], workers: Sequence[Worker]) -> tuple[NDArray[np.int16], Integers]:
    size = len(used)
    travel = np.zeros((size + 2 * len(workers),) * 2, dtype=np.int16)
    of = stops.of[np.array(used, dtype=np.int64)] if used else np.zeros(0, dtype=np.int64)
    if used:
        travel[:size, :size] = stops.between_assets(used)
    for number, worker in enumerate(workers):
        first, last = size + 2 * number, size + 2 * number + 1
        if not used:
            continue
        if worker.start is None:
            travel[first, :size] = stops.walk
            continue
        way = np.minimum(stops.minutes_from_place(worker.start)[of], 20_000).astype(np.int16)
        travel[first, :size] = way + np.int16(stops.walk)
        if worker.returns:
            travel[:size, last] = way
    return travel, np.concatenate([of, np.full(2 * len(workers), -1, dtype=np.int64)])


def _who(
    may: Flags,
    helps: Flags,
    candidates: Sequence[Candidate],
    rules: Sequence[_Rule],
    workers: Sequence[Worker],
    day: date,
) -> None:
    for row, worker in enumerate(workers):
        skilled: dict[tuple[str, ...], bool] = {}
        for number, (each, rule) in enumerate(zip(candidates, rules, strict=True)):
            item = each.item
            names = (item.qualification, *item.or_qualified)
            if names not in skilled:
                skilled[names] = worker.may(item, day)
            here = not worker.kinds or item.kind in worker.kinds
            may[row, number] = here and skilled[names]
            helps[row, number] = here and rule.people > 1 and (rule.second_any or skilled[names])


def _tools(
    may: Flags, rules: Sequence[_Rule], workers: Sequence[Worker], crew: Crew
) -> tuple[dict[str, Flags], dict[str, Flags], Flags]:
    needs, own = {}, {}
    toolless = np.zeros(len(rules), dtype=bool)
    for tool in sorted({tool for rule in rules for tool in rule.tools}):
        need = np.array([tool in rule.tools for rule in rules], dtype=bool)
        brings = np.array([tool in worker.tools for worker in workers], dtype=bool)
        if crew.tools.get(tool, 0) == 0:
            could = may.any(axis=0)
            may[np.ix_(~brings, need)] = False
            toolless |= need & could & ~may.any(axis=0)
        else:
            needs[tool], own[tool] = need, brings
    return needs, own, toolless


def _groups(candidates: Sequence[Candidate], rules: Sequence[_Rule]) -> Integers:
    numbers: dict[tuple[str, str, str], int] = {}
    group = np.zeros(len(candidates), dtype=np.int64)
    for number, (candidate, rule) in enumerate(zip(candidates, rules, strict=True)):
        if rule.out_of_service:
            key = (candidate.item.site, candidate.item.building, candidate.item.kind)
            group[number] = numbers.setdefault(key, len(numbers) + 1)
    return group
