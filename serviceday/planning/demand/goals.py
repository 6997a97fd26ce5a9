"""Goals of a day that can be counted: `class=lighting_circuit reported-before=2026-12-04 share=100%`.

A goal is `key=value` pairs, blanks between them (values with blanks in quotes). What it counts:

- with `reported-before`: open requests reported before that day;
- with `due-before`: duties on record that fall due before that day, those not due on the service day included;
- with neither: assets, each counted once if anything is done at it.

`class`, `site`, `building`, `asset` and `category` narrow it down; each takes several, by commas, and `*`. `share`
(`80%`) or `count` says how much of it is wanted; without, all.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from math import ceil

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotParse
from facility.estate import Asset
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Text
from facility.inspections import GoalResult, Ground, Item, LeftOut, Priority
from facility.requests import Request
from serviceday.planning.demand.candidates import Candidate, Candidates, Tier
from serviceday.planning.demand.items import PHRASES, item

_KEYS = ("class", "site", "building", "asset", "category", "reported-before", "due-before", "share", "count")


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal of a day that can be counted, as it was written."""

    text: str
    narrowed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    reported_before: date | None = None
    due_before: date | None = None
    share: float = 1.0
    count: int | None = None

    def wanted(self, total: int) -> int:
        return min(self.count, total) if self.count is not None else ceil(self.share * total - 1e-9)


@dataclass(frozen=True, slots=True)
class Counted:
    """A goal with what it counts on this day: item keys, or ids of assets."""

    goal: Goal
    members: tuple[tuple[str, str], ...] = ()
    assets: tuple[str, ...] = ()

    def result(self, items: Collection[Item]) -> GoalResult:
        keys = {(item.asset, task) for item in items for task in item.tasks}
        assets = {item.asset for item in items}
        total = len(self.members) + len(self.assets)
        planned = sum(key in keys for key in self.members) + sum(asset in assets for asset in self.assets)
        needed = self.goal.wanted(total)
        key = "goal_met" if planned >= needed else "goal_missed"
        if total == 0:
            key = "goal_empty"
        what = PHRASES[key].filled(goal=self.goal.text, planned=planned, total=total, wanted=needed)
        return GoalResult(goal=self.goal.text, what=what, total=total, wanted=needed, planned=planned)


def parse_goal(words: str) -> Goal:
    """A goal from its words. Raises `CannotParse` saying what is wrong with them."""
    example = Sentence("Write for example: class=lighting_circuit reported-before=2026-12-04 share=100%")
    try:
        pairs = [part.partition("=") for part in shlex.split(words)]
    except ValueError as error:
        raise CannotParse("goal {words!r}: {error}", example, words=words, error=error) from None
    if not pairs:
        raise CannotParse("an empty goal", example)
    given: dict[str, str] = {}
    for key, equals, value in pairs:
        if key not in _KEYS:
            raise CannotParse(
                "goal {words!r}: {key!r} is unknown; known: {known}", example, words=words, key=key, known=list(_KEYS)
            )
        if not equals or not value:
            raise CannotParse("goal {words!r}: {key!r} has no value", example, words=words, key=key)
        if key in given:
            raise CannotParse("goal {words!r}: {key!r} stands there twice", example, words=words, key=key)
        given[key] = value
    if "share" in given and "count" in given:
        raise CannotParse("goal {words!r}: share and count both say how much", "Give one of the two", words=words)
    if "reported-before" in given and "due-before" in given:
        raise CannotParse("goal {words!r}: counts requests and duties", "Write two goals", words=words)
    if "category" in given and "reported-before" not in given:
        raise CannotParse("goal {words!r}: only requests have a category", "Add reported-before=DATE", words=words)
    for kind in given.get("class", "").split(","):
        if kind and not any(fnmatchcase(key, kind) for key in catalogue()):
            raise CannotParse(
                "goal {words!r}: no class {kind!r}; known: {known}",
                example,
                words=words,
                kind=kind,
                known=list(catalogue()),
            )
    return Goal(
        text=words,
        narrowed=tuple(
            (key, tuple(given[key].split(",")))
            for key in ("class", "site", "building", "asset", "category")
            if key in given
        ),
        reported_before=_date(given, "reported-before", words),
        due_before=_date(given, "due-before", words),
        share=_share(given.get("share", "100%"), words),
        count=_count(given.get("count"), words),
    )


def _date(given: dict[str, str], key: str, words: str) -> date | None:
    if key not in given:
        return None
    try:
        return date.fromisoformat(given[key])
    except ValueError:
        raise CannotParse(
            "goal {words!r}: {value!r} is not a date", "Write it as 2026-12-04", words=words, value=given[key]
        ) from None


def _share(value: str, words: str) -> float:
    try:
        share = float(value.removesuffix("%")) / 100 if value.endswith("%") else float("nan")
    except ValueError:
        share = float("nan")
    if not 0 < share <= 1:
        raise CannotParse(
            "goal {words!r}: {value!r} is not a share", "Write it as 80%, at most 100%", words=words, value=value
        )
    return share


def _count(value: str | None, words: str) -> int | None:
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise CannotParse(
            "goal {words!r}: {value!r} is not a count", "Write a whole number from 1", words=words, value=value
        )
    return int(value)


def apply_goals(
    candidates: Candidates, goals: Sequence[Goal], requests: Sequence[Request], service_day: date
) -> tuple[Candidates, list[Counted]]:
    """Candidates with those that goals ask for in the goals' tier, and what each goal counts."""
    counted = []
    by_id = {request.id: request for request in requests}
    for goal in goals:
        if goal.reported_before is not None:
            members = [
                candidate for candidate in candidates.possible if _asked(candidate, goal, by_id, candidates.places)
            ]
            candidates = _raised(candidates, members[:], goal.wanted(len(members)))
            counted.append(Counted(goal, tuple(candidate.item.key for candidate in members)))
        elif goal.due_before is not None:
            candidates = _due_too(candidates, goal)
            members = [
                candidate
                for candidate in candidates.possible
                if _due(candidate.item, goal, candidates.places[candidate.asset_number])
            ]
            candidates = _raised(candidates, members, goal.wanted(len(members)))
            counted.append(Counted(goal, tuple(candidate.item.key for candidate in members)))
        else:
            candidates, assets = _visited(candidates, goal)
            counted.append(Counted(goal, (), tuple(assets)))
    return candidates, counted


def _fits(goal: Goal, place: Asset, category: str = "") -> bool:
    has = {"class": place.kind, "site": place.site, "building": place.building, "asset": place.id, "category": category}
    return all(any(fnmatchcase(has[key], one) for one in wanted) for key, wanted in goal.narrowed)


def _asked(candidate: Candidate, goal: Goal, requests: dict[str, Request], places: Sequence[Asset]) -> bool:
    request = requests.get(candidate.item.request)
    if request is None or goal.reported_before is None or request.reported >= goal.reported_before:
        return False
    return _fits(goal, places[candidate.asset_number], request.category)


def _due(item: Item, goal: Goal, place: Asset) -> bool:
    if item.due is None or goal.due_before is None or item.ground not in (Ground.STATUTORY, Ground.PROMISE):
        return False
    return item.due < goal.due_before and _fits(goal, place)


def _due_too(candidates: Candidates, goal: Goal) -> Candidates:
    """Duties that were refused because they are not due yet, but that the goal counts."""
    numbers = {place.id: number for number, place in enumerate(candidates.places)}
    items = [
        item
        for item in candidates.refused
        if item.left_out is LeftOut.NOT_DUE and _due(item, goal, candidates.places[numbers[item.asset]])
    ]
    keys = {item.key for item in items}
    more = [
        Candidate(replace(item, left_out=None, left_out_reason=None), numbers[item.asset], Tier.GOAL, 1.0)
        for item in items
    ]
    refused = [item for item in candidates.refused if item.key not in keys]
    return Candidates(candidates.places, candidates.possible + more, refused, candidates.unrecorded)


def _raised(candidates: Candidates, members: Sequence[Candidate], needed: int) -> Candidates:
    """As many as the goal wants, the shortest first, go before what is only weighed."""
    chosen = sorted(members, key=lambda candidate: (candidate.item.minutes, candidate.item.key))[:needed]
    keys = {candidate.item.key for candidate in chosen}
    possible = [
        replace(candidate, tier=Tier.GOAL, value=1.0)
        if candidate.tier.weighed and candidate.item.key in keys
        else candidate
        for candidate in candidates.possible
    ]
    return Candidates(candidates.places, possible, candidates.refused, candidates.unrecorded)


def _visited(candidates: Candidates, goal: Goal) -> tuple[Candidates, list[str]]:
    """One task at each asset is enough: its shortest, or an inspection where there is none."""
    shortest: dict[int, Candidate] = {}
    for candidate in candidates.possible:
        best = shortest.get(candidate.asset_number)
        if best is None or (candidate.tier, candidate.item.minutes) < (best.tier, best.item.minutes):
            shortest[candidate.asset_number] = candidate
    members: list[Candidate] = []
    more: list[Candidate] = []
    for number, place in enumerate(candidates.places):
        if place.kind not in catalogue() or not _fits(goal, place):
            continue
        if number not in shortest:
            shortest[number] = Candidate(_inspection(place, goal), number, Tier.GOAL, 1.0)
            more.append(shortest[number])
        members.append(shortest[number])
    candidates = Candidates(candidates.places, candidates.possible + more, candidates.refused, candidates.unrecorded)
    return _raised(candidates, members, goal.wanted(len(members))), [candidate.item.asset for candidate in members]


def _inspection(place: Asset, goal: Goal) -> Item:
    kind = catalogue()[place.kind]
    return item(
        place,
        task="inspection",
        what=PHRASES["inspection"],
        method=PHRASES["method_warning"],
        passes=PHRASES["passes_warning"],
        ground=Ground.GOAL,
        reason=PHRASES["goal_asks"].filled(goal=Text(zh=goal.text, en=goal.text)),
        priority=Priority.MEDIUM,
        qualification=kind.qualification,
        minutes=kind.inspect_minutes,
        due=None,
    )
