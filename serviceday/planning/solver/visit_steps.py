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
            item: step
            for item in np.flatnonzero(rounds.free).tolist()
            if rounds.problem.may[:, item].any() and (step := candidates[item].smaller) is not None
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
    for item, candidate in enumerate(candidates):
        larger = candidate.larger
        if larger is None or rounds.free[item] or problem.pair[item] or item in rounds.frozen or problem.locked[item]:
            continue
        was = _stretched(problem, item, larger.item.minutes)
        route = rounds.routes[rounds.leader[item]]
        rebuilt = Route(problem, route.person, route.items, route.lunch_at, rounds.frozen)
        if not rebuilt.feasible:
            rebuilt = best_lunch(problem, route.person, route.items, rounds.frozen)
        if rebuilt.feasible:
            candidates[item] = replace(larger, dropped=candidate.dropped)
            rounds.reorder(rebuilt)
        else:
            _stretched(problem, item, was)
    problem.candidates = candidates


def _stretched(problem: Problem, item: int, minutes: int) -> int:
    """Give some work so many minutes; returns how many it had."""
    was = problem.lasts[item]
    problem.minutes[item] = minutes
    problem.lasts = [*problem.lasts[:item], minutes, *problem.lasts[item + 1 :]]
    there = problem.shuts[:, item] >= 0
    problem.shuts[there, item] += was - minutes
    problem.spans = [
        *problem.spans[:item],
        [
            (low, high)
            for low, high in zip(problem.opens[:, item].tolist(), problem.shuts[:, item].tolist(), strict=True)
            if low <= high
        ],
        *problem.spans[item + 1 :],
    ]
    return was
