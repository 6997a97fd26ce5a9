"""Work shared evenly between people who may do the same, where that costs next to nothing.

Comes last: what is done stays the same, and ways grow by no more than a tenth of the minutes evened out. On days with
more work than hours everybody is busy anyway; it matters on light ones, where the shortest ways would leave one person
with everything.
"""

from __future__ import annotations

import heapq

import numpy as np

from serviceday.planning.solver.insertion import Pool
from serviceday.planning.solver.local_search import runs, shorten
from serviceday.planning.solver.problem import NEVER, Problem
from serviceday.planning.solver.solution import Rounds

_COST = 0.1  # minutes of ways for each minute evened out
_MOVES = 4  # per person
_TAKERS = 4  # people with least to do that are offered something
_LEAST = 10  # minutes; smaller differences are none


def share(rounds: Rounds) -> None:
    """Move work from who has most to who has least of the hours they are there."""
    people = len(rounds.routes)
    if people < 2:
        return
    longest = max(worker.minutes for worker in rounds.problem.workers)
    loads = [_load(rounds, person, longest) for person in range(people)]
    restless = set(range(people))  # whose work can be moved
    for _ in range(_MOVES * people):
        if not restless:
            return
        giver = max(restless, key=lambda person: (loads[person], -person))
        others = (person for person in range(people) if person != giver)
        takers = heapq.nsmallest(_TAKERS, others, key=lambda person: (loads[person], person))
        if loads[giver] - loads[takers[0]] < _LEAST:
            return
        taker = next((person for person in takers if _moved(rounds, giver, person, loads, longest)), None)
        if taker is None:
            restless.discard(giver)
        else:
            loads[giver], loads[taker] = (_load(rounds, person, longest) for person in (giver, taker))


def _load(rounds: Rounds, person: int, longest: int) -> int:
    """Minutes of work and ways, seen from the hours that the person is there: who works half a day is fully busy."""
    return longest - (rounds.problem.workers[person].minutes - busy(rounds, person))


def busy(rounds: Rounds, person: int) -> int:
    """Minutes of work and ways."""
    route = rounds.routes[person]
    return route.travel + sum(rounds.problem.lasts[item] for item in route.items)


def _moved(rounds: Rounds, giver: int, taker: int, loads: list[int], longest: int) -> bool:
    much, little = loads[giver], loads[taker]
    if much - little < _LEAST:
        return False
    problem = rounds.problem
    for unit in _units(rounds, giver):
        if problem.may[taker, unit].all() and sum(problem.lasts[item] for item in unit) < much - little:
            before = rounds.travel
            rounds.mark()
            if _handed_over(rounds, giver, taker, unit):
                evened = min(much - _load(rounds, giver, longest), _load(rounds, taker, longest) - little)
                higher = max(_load(rounds, giver, longest), _load(rounds, taker, longest))
                if much - higher >= _LEAST / 2 and rounds.travel - before <= _COST * evened:
                    return True
            rounds.restore()
    return False


def _handed_over(rounds: Rounds, giver: int, taker: int, unit: list[int]) -> bool:
    rounds.take_out(unit)
    if any(not rounds.free[item] for item in unit):
        return False
    for one in unit:
        alone = Pool(rounds.problem, np.array([one], dtype=np.int64))
        extra, leg = rounds.extras(taker, alone)
        if extra[0] >= NEVER or not rounds.put(taker, one, int(leg[0])):
            return False
    shorten(rounds, giver)
    shorten(rounds, taker)
    return True


def _units(rounds: Rounds, person: int) -> list[list[int]]:
    """What can go to somebody else together: all at one stop, all at one asset, one thing; nothing fixed in time."""
    problem = rounds.problem
    items = [item for item in rounds.routes[person].items if _movable(rounds, item)]
    results = [*runs(problem.stop, items), *runs(problem.place, items), *([item] for item in items)]
    return [list(unit) for unit in dict.fromkeys(tuple(unit) for unit in results)]


def _movable(rounds: Rounds, item: int) -> bool:
    problem: Problem = rounds.problem
    return item not in rounds.frozen and not problem.group[item] and not problem.locked[item]
