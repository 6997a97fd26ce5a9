"""What planners do without a planner: three ways to fill a day, under the same rules, people and ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from serviceday.planning.solver.problem import HEAVY, Problem
from serviceday.planning.solver.route import best_lunch
from serviceday.planning.solver.solution import Rounds


def greedy(problem: Problem) -> Rounds:
    """The law, then most risk per minute; each to the nearest person who has room, each round by nearest neighbour."""
    rate = problem.worth / problem.minutes
    return _fill(problem, np.argsort(-rate, kind="stable").tolist())


def by_due_date(problem: Problem) -> Rounds:
    """What is due first goes first; what has no date follows by asset."""
    dues = [one.item.due for one in problem.candidates]
    last = max((one for one in dues if one), default=None)
    order = sorted(
        range(len(problem)), key=lambda one: (dues[one] is None, dues[one] or last, problem.candidates[one].item.asset)
    )
    return _fill(problem, order)


def last_years_round(problem: Problem, week: int) -> Rounds:
    """The assets in the order of the register, going on where the last week ended, whatever anybody knows of them."""
    law = [one for one in range(len(problem)) if problem.worth[one] >= HEAVY]
    rest = sorted(
        (one for one in range(len(problem)) if problem.worth[one] < HEAVY),
        key=lambda one: problem.candidates[one].item.asset,
    )
    begin = (week * 60) % max(len(rest), 1)
    return _fill(problem, [*law, *rest[begin:], *rest[:begin]])


def harm(problem: Problem, rounds: Rounds) -> float:
    worth = problem.worth[~rounds.free]
    return float(worth[worth < HEAVY].sum())


def _fill(problem: Problem, order: Sequence[int]) -> Rounds:
    chosen: list[list[int]] = [[] for _ in problem.workers]
    full = 0
    for one in order:
        near = sorted(np.flatnonzero(problem.may[:, one]).tolist(), key=lambda p: _away(problem, p, chosen[p], one))
        for person in near:
            tried = _nearest_neighbour(problem, person, [*chosen[person], one])
            if best_lunch(problem, person, tried, {}).feasible:
                chosen[person] = tried
                full = 0
                break
        else:
            full += 1
            if full > 150:  # nothing has fitted for long
                break
    rounds = Rounds(problem)
    rounds.adopt(dict(enumerate(chosen)), {}, {})
    return rounds


def _away(problem: Problem, person: int, items: Sequence[int], one: int) -> tuple[int, int]:
    here = [problem.first[person], *(int(problem.place[each]) for each in items)]
    return int(problem.travel[here, problem.place[one]].min()), person


def _nearest_neighbour(problem: Problem, person: int, items: Sequence[int]) -> list[int]:
    here, left, order = problem.first[person], list(items), []
    while left:
        nearest = min(left, key=lambda one: (int(problem.travel[here, problem.place[one]]), one))
        left.remove(nearest)
        order.append(nearest)
        here = int(problem.place[nearest])
    return order
