"""Changing a plan that exists: everything stays where it was, unless something that goes before it needs the room."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facility.inspections import InspectionList
from serviceday.planning.demand.visits import lead_tasks
from serviceday.planning.solver.insertion import Pool
from serviceday.planning.solver.problem import HEAVY, NEVER, Problem, clock_minutes
from serviceday.planning.solver.solution import Rounds

_STAYS = 1.0  # what it is worth that an item stays with its person, beside the item's own worth
_AT_LEAST = 0.2
_MOST = 60  # candidates that room is made for


def as_before(rounds: Rounds, before: InspectionList) -> None:
    """The rounds of an earlier list, as far as its people and candidates are still there."""
    problem = rounds.problem
    number = _numbers(problem)
    people = _same_people(problem, before)
    several = _with_others(before)
    days: dict[int, list[tuple[int, int]]] = {}
    second: dict[int, int] = {}
    frozen: dict[int, int] = {}
    for item in before.items:
        one = number.get(item.key)
        if one is None or item.start is None:
            continue
        who = [people.get(person, -1) for person in item.people]
        pair = bool(problem.pair[one])
        if -1 in who or len(who) != (2 if pair else 1) or not problem.may[who[0], one]:
            continue
        if pair and not problem.helps[who[1], one]:
            continue
        start = clock_minutes(item.start)
        if pair or one in problem.before or one in problem.after or item.key in several:
            frozen[one] = start
            if not ((problem.opens[:, one] <= start) & (start <= problem.shuts[:, one])).any():
                continue
        if pair:
            second[one] = who[1]
        for person in who:
            days.setdefault(person, []).append((start, one))
    rounds.adopt({person: [item for _, item in sorted(items)] for person, items in days.items()}, second, frozen)


def _numbers(problem: Problem) -> dict[tuple[str, str], int]:
    """Candidates by all the tasks under which an earlier list may hold them."""
    return {
        (candidate.item.asset, task): place
        for place, candidate in enumerate(problem.candidates)
        for task in lead_tasks(candidate)
    }


def _with_others(before: InspectionList) -> set[tuple[str, str]]:
    """Items at assets where others come too."""
    teams: dict[str, list[set[int]]] = {}
    for item in before.items:
        teams.setdefault(item.asset, []).append(set(item.people))
    crowded = {asset for asset, each in teams.items() if len(each) > 1 and not set.intersection(*each)}
    return {item.key for item in before.items if item.asset in crowded}


def staying(problem: Problem, before: InspectionList) -> Callable[[Rounds], float]:
    """What it is worth to leave things as they were."""
    people = _same_people(problem, before)
    number = _numbers(problem)
    had = {number[item.key]: people.get(item.person, -1) for item in before.items if item.key in number}
    worth = {item: _STAYS * min(float(problem.worth[item]), HEAVY) + _AT_LEAST for item in had}

    def bonus(rounds: Rounds) -> float:
        return sum(worth[item] for item, person in had.items() if rounds.leader.get(item, -2) == person)

    return bonus


def settled(rounds: Rounds, before: InspectionList) -> bool:
    """Nothing that goes before everything weighed is left out, but for what was left out before too."""
    problem = rounds.problem
    out = {item.key for item in before.left_out}
    waiting = [item for item in np.flatnonzero(rounds.free).tolist() if problem.worth[item] >= HEAVY]
    return all(problem.candidates[item].item.key in out and not problem.locked[item] for item in waiting)


def make_room(rounds: Rounds) -> None:
    """What goes before everything weighed and found no room takes it from what is worth least."""
    problem = rounds.problem
    waiting = [item for item in np.flatnonzero(rounds.free).tolist() if problem.worth[item] >= HEAVY]
    waiting = [item for item in waiting if not problem.pair[item] and problem.may[:, item].any()]
    waiting.sort(key=lambda item: (-float(problem.worth[item]) / int(problem.minutes[item]), item))
    for one in waiting[:_MOST]:
        _make_room(rounds, one)


def _make_room(rounds: Rounds, item: int) -> None:
    problem = rounds.problem
    alone = Pool(problem, np.array([item], dtype=np.int64))
    best: tuple[float, int, list[int]] | None = None
    for person in np.flatnonzero(problem.may[:, item]).tolist():
        if not rounds.allowed(person, alone.numbers)[0]:
            continue
        for items in _orders(rounds, person, item):
            rounds.mark()
            removed: list[int] = []
            for each in items:
                if rounds.extras(person, alone)[0][0] < NEVER:
                    break
                removed.append(each)
                rounds.take_out([each])
            loss = float(problem.worth[removed].sum())
            fits = rounds.extras(person, alone)[0][0] < NEVER and loss < problem.worth[item]
            if fits and (best is None or (loss, person) < best[:2]):
                best = (loss, person, removed)
            rounds.restore()
    if best is None:
        return
    rounds.take_out(best[2])
    extra, leg = rounds.extras(best[1], alone)
    if extra[0] < NEVER:
        rounds.put(best[1], item, int(leg[0]))


def _orders(rounds: Rounds, person: int, item: int) -> list[list[int]]:
    """In which order work makes room: what is worth least first, or what is nearest in time first."""
    problem, route = rounds.problem, rounds.routes[person]
    items = sorted(route.items, key=lambda each: (float(problem.worth[each]), each))
    low, high = problem.spans[item][0] if problem.spans[item] else (0, 0)
    begins = dict(zip(route.items, route.starts, strict=True))

    def apart(each: int) -> tuple[int, int]:
        end = begins[each] + problem.lasts[each]
        return max(low - end, begins[each] - high - problem.lasts[item], 0), each

    return [items, sorted(items, key=apart)]


def _same_people(problem: Problem, before: InspectionList) -> dict[int, int]:
    """Numbers of the earlier list's people -> ours; nameless people by their number."""
    ours = {worker.id: place for place, worker in enumerate(problem.workers)}
    if not before.persons:
        return {round.person: round.person - 1 for round in before.rounds if round.person <= len(problem.workers)}
    return {person.number: ours[person.id] for person in before.persons if person.id in ours}
