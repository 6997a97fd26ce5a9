"""Visits cut down where there is no time for all that is due of them, and widened where there is time to spare."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from serviceday.planning.demand.candidates import Candidate
from serviceday.planning.solver.alns import fill
from serviceday.planning.solver.problem import Problem
from serviceday.planning.solver.route import Route, best_lunch
from serviceday.planning.solver.solution import Rounds
from serviceday.planning.solver.warm_start import make_room

Build = Callable[[Sequence[Candidate]], Problem]


def cut_down(rounds: Rounds, build: Build) -> Rounds:
    """Where a visit found no room, try the next smaller one, until one fits or none is left."""
    while True:
        candidates = list(rounds.problem.candidates)
        smaller = {
            one: step
            for one in np.flatnonzero(rounds.free).tolist()
            if rounds.problem.may[:, one].any() and (step := candidates[one].smaller) is not None
        }
        if not smaller:
            return rounds
        for one, step in smaller.items():
            candidates[one] = step
        days = {route.person: list(route.items) for route in rounds.routes}
        again = Rounds(build(candidates))
        again.one_owner = rounds.one_owner
        again.adopt(days, rounds.second, rounds.frozen)
        fill(again)
        make_room(again)
        fill(again)
        rounds = again


def widen(rounds: Rounds) -> None:
    """Let a visit that is planned take in the larger one whose turn it is, where that costs nobody anything."""
    problem = rounds.problem
    candidates = list(problem.candidates)
    for one, candidate in enumerate(candidates):
        larger = candidate.larger
        if larger is None or rounds.free[one] or problem.pair[one] or one in rounds.frozen or problem.locked[one]:
            continue
        was = _stretched(problem, one, larger.item.minutes)
        route = rounds.routes[rounds.leader[one]]
        made = Route(problem, route.person, route.items, route.lunch_at, rounds.frozen)
        if not made.feasible:
            made = best_lunch(problem, route.person, route.items, rounds.frozen)
        if made.feasible:
            candidates[one] = replace(larger, dropped=candidate.dropped)
            rounds.reorder(made)
        else:
            _stretched(problem, one, was)
    problem.candidates = candidates


def _stretched(problem: Problem, one: int, minutes: int) -> int:
    """Give some work so many minutes; returns how many it had."""
    was = problem.lasts[one]
    problem.minutes[one] = minutes
    problem.lasts = [*problem.lasts[:one], minutes, *problem.lasts[one + 1 :]]
    there = problem.shuts[:, one] >= 0
    problem.shuts[there, one] += was - minutes
    problem.spans = [
        *problem.spans[:one],
        [
            (low, high)
            for low, high in zip(problem.opens[:, one].tolist(), problem.shuts[:, one].tolist(), strict=True)
            if low <= high
        ],
        *problem.spans[one + 1 :],
    ]
    return was
