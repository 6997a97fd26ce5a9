"""Why what is not on the list is not on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np

from facility.catalogue.qualifications import qualification
from facility.i18n.phrases import Text
from facility.inspections import Ground, Item, LeftOut, Priority
from serviceday.planning.crew.crew import Crew
from serviceday.planning.demand.candidates import Candidate, Tier
from serviceday.planning.demand.items import PHRASES
from serviceday.planning.solver.insertion import Pool
from serviceday.planning.solver.problem import NEVER, Integers, Problem
from serviceday.planning.solver.solution import Rounds

_URGENCY = {priority: place for place, priority in enumerate(Priority)}


def left_out(
    problem: Problem,
    rounds: Rounds,
    refused: Sequence[Item],
    spare: Sequence[Candidate],
    crew: Crew,
    service_day: date,
) -> list[Item]:
    """Breaches first, then what there was no time for, by urgency; then what need not be done."""
    free = np.flatnonzero(rounds.free)
    needed, left = _shortfalls(problem, rounds, free)
    out: list[tuple[Candidate, Item]] = []
    for place, number in enumerate(free.tolist()):
        one = problem.candidates[number]
        reason, words = _why(problem, rounds, number, int(needed[place]), int(left[place]), crew, service_day)
        out.append((one, _told(one.item, reason, words, service_day)))
    out.extend(_parts_left(problem, rounds, service_day))
    for candidate in spare:
        out.append((candidate, _told(candidate.item, LeftOut.NO_TIME, PHRASES["far_from_enough"], service_day)))
    out.sort(key=_urgency)
    rest = sorted(
        (_told(item, item.left_out, item.left_out_reason, service_day) for item in refused),
        key=lambda item: (not item.breach, item.left_out is not LeftOut.NOT_RISKY, item.due or date.max, item.asset),
    )
    breaches = [item for _, item in out if item.breach] + [item for item in rest if item.breach]
    return breaches + [item for _, item in out if not item.breach] + [item for item in rest if not item.breach]


def _parts_left(problem: Problem, rounds: Rounds, service_day: date) -> list[tuple[Candidate, Item]]:
    """Of visits that were cut down, or could not take more in: what they leave undone."""
    reasons = []
    for number, candidate in enumerate(problem.candidates):
        key = "no_visit" if rounds.free[number] else "smaller_visit"
        for item in candidate.dropped:
            words = PHRASES[key].filled(names=candidate.item.what)
            reasons.append((candidate, _told(item, LeftOut.NO_TIME, words, service_day)))
        for turn in candidate.turns:
            words = PHRASES["no_larger_visit"].filled(names=candidate.item.what)
            reasons.append((replace(candidate, tier=Tier.ROTATION), _told(turn, LeftOut.NO_TIME, words, service_day)))
    return reasons


def _urgency(pair: tuple[Candidate, Item]) -> tuple[object, ...]:
    candidate, item = pair
    return (
        not item.breach,
        _URGENCY[item.priority],
        min(candidate.tier, Tier.RISK),
        -candidate.value,
        item.asset,
        item.task,
    )


def _told(item: Item, reason: LeftOut | None, words: Text | None, service_day: date) -> Item:
    tomorrow = service_day + timedelta(days=1)
    breach = item.ground is Ground.STATUTORY and item.breach_from is not None and item.breach_from <= tomorrow
    if breach and words is not None:
        words = PHRASES["breach"].filled(reason=words, first=item.breach_from)
    return replace(item, breach=breach, left_out=reason, left_out_reason=words)


def _shortfalls(problem: Problem, rounds: Rounds, free: Integers) -> tuple[Integers, Integers]:
    """Of the round that each misses by least: the minutes it needs there, way included, and those left."""
    if not problem.workers or not free.size:
        return np.zeros(free.size, dtype=np.int64), np.zeros(free.size, dtype=np.int64)
    pool = Pool(problem, free)
    needed = np.array([route.cheapest(problem, pool) for route in rounds.routes])
    left = np.array(
        [
            worker.minutes - int(problem.minutes[list(route.items)].sum()) - route.travel
            for worker, route in zip(problem.workers, rounds.routes, strict=True)
        ]
    )
    missing = np.where(problem.may[:, free], needed - left[:, None], NEVER)
    nearest = np.argmin(missing, axis=0)
    return needed[nearest, np.arange(free.size)], left[nearest]


def _why(
    problem: Problem, rounds: Rounds, place: int, needed: int, left: int, crew: Crew, day: date
) -> tuple[LeftOut, Text]:
    item = problem.candidates[place].item
    if not problem.workers:
        return LeftOut.NOBODY, PHRASES["nobody"].filled(day=day)
    if problem.unqualified[place]:
        return LeftOut.NO_QUALIFICATION, _no_qualification(problem, item, crew, day)
    if problem.toolless[place]:
        return LeftOut.NO_TOOL, PHRASES["no_tool"]
    able = problem.may[:, place]
    if not _ever_open(problem, place):
        return LeftOut.WINDOW, PHRASES["window"]
    if problem.pair[place] and not (problem.helps[:, place].sum() >= 2 or (problem.helps[:, place] & ~able).any()):
        return LeftOut.TWO_PEOPLE, PHRASES["two_people"]
    for first in problem.before.get(place, ()):
        if rounds.free[first]:
            ahead = problem.candidates[first].item
            return LeftOut.ORDER, PHRASES["order"].filled(what=ahead.what, asset=ahead.asset)
    if problem.pair[place]:
        return LeftOut.NO_TIME, PHRASES["no_time_for_two"]
    if needed <= left:
        return LeftOut.NO_TIME, PHRASES["no_gap"].filled(needed=needed, left=left)
    return LeftOut.NO_TIME, PHRASES["no_time"].filled(needed=needed, left=max(left, 0))


def _no_qualification(problem: Problem, item: Item, crew: Crew, day: date) -> Text:
    name = qualification(item.qualification)
    lapsed = [
        (worker, worker.qualifications[item.qualification])
        for worker in problem.workers
        if item.qualification in worker.qualifications and not worker.qualifications[item.qualification].holds(day)
    ]
    for one, validity in lapsed:
        if validity.until is not None and validity.until < day:
            return PHRASES["lapsed"].filled(qualification=name, name=one.name or one.id, until=validity.until)
    if any(day in worker.off and worker.qualified(item.qualification, day) for worker in crew.workers):
        return PHRASES["qualified_off"].filled(qualification=name)
    return PHRASES["no_qualification"].filled(qualification=name)


def _ever_open(problem: Problem, place: int) -> bool:
    """Whether anybody who may do it works while it is open."""
    minutes = int(problem.minutes[place])
    able = [problem.workers[person].hours for person in np.flatnonzero(problem.may[:, place]).tolist()]
    for hours in able:
        low = np.maximum(problem.opens[:, place], hours.start)
        high = np.minimum(problem.shuts[:, place], hours.end - minutes)
        if (low <= high).any():
            return True
    return minutes > max((hours.minutes for hours in able), default=minutes)  # longer than any day of theirs
