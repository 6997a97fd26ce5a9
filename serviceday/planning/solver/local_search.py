"""The same work in a better order: shorter, and the way people walk a building."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from serviceday.planning.solver.problem import Integers, Problem
from serviceday.planning.solver.route import Route, best_lunch
from serviceday.planning.solver.solution import Rounds


def shorten(rounds: Rounds, person: int) -> None:
    """2-opt over the halts of a round; work at one place stays together. The round can only become shorter."""
    problem = rounds.problem
    route = rounds.routes[person]
    blocks = runs(problem.place, route.items)
    if len(blocks) < 3:
        return
    places = np.array([problem.first[person], *(problem.places[block[0]] for block in blocks), problem.last[person]])
    travel = problem.travel[places[:, None], places].astype(np.int32)
    edges = travel.diagonal(1)
    # turning the halts left..right round: their ends meet the halt before left and the one after right
    saved = np.triu(edges[:-1, None] + edges[1:] - travel[:-2, 1:-1] - travel[1:-1, 2:], 1)
    best = int(saved.argmax())
    left, right = divmod(best, len(blocks))
    if saved[left, right] <= 0:
        return
    turned = blocks[:left] + blocks[left : right + 1][::-1] + blocks[right + 1 :]
    improved = best_lunch(problem, person, [item for block in turned for item in block], rounds.frozen)
    if improved.feasible and improved.travel < route.travel:
        rounds.reorder(improved)
        shorten(rounds, person)


def tidy(rounds: Rounds, key: Callable[[int], tuple[Any, ...]]) -> None:
    """Walk each building as people do (`key` sorts candidates), and the stops in natural order, where it costs nothing.

    `key` begins with the stop; of two ways of equal length the one that begins with the lower stop is taken.
    """
    for person in range(len(rounds.routes)):
        shorten(rounds, person)
        route = rounds.routes[person]
        stops = runs(rounds.problem.stop, route.items)
        walked = [item for stop in stops for item in sorted(stop, key=key)]
        ordered = sorted(route.items, key=key)
        turned = [item for stop in reversed(stops) for item in sorted(stop, key=key)]
        tries = [ordered, walked]
        if len(stops) > 1 and key(stops[0][0])[0] > key(stops[-1][0])[0]:
            tries.insert(1, turned)
        for order in tries:
            made = best_lunch(rounds.problem, person, order, rounds.frozen)
            if made.feasible and made.travel <= route.travel and _no_later(rounds.problem, made, route):
                rounds.reorder(made)
                break


def _no_later(problem: Problem, shorter: Route, route: Route) -> bool:
    """Waiting for a window may not eat what an order saves."""
    if not route.items:
        return True
    ends = [each.starts[-1] + int(problem.minutes[each.items[-1]]) for each in (shorter, route)]
    return ends[0] <= ends[1]


def runs(by: Integers, items: Sequence[int]) -> list[list[int]]:
    """Items that follow each other at one place or stop, together."""
    blocks: list[list[int]] = []
    for item in items:
        if blocks and by[blocks[-1][0]] == by[item]:
            blocks[-1].append(item)
        else:
            blocks.append([item])
    return blocks
