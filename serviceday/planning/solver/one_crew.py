"""One asset, one crew at a time: work of different people at one asset never overlaps.

Where several come to an asset on one day, the times of all of it are fixed when the second comes, so that every round
can still be judged by itself. When one is alone there again the times are let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from serviceday.planning.solver.problem import Flags, Problem
from serviceday.planning.solver.route import Route


class Rounds(Protocol):
    """What is looked at of the rounds of a crew (`solution.Rounds`)."""

    problem: Problem
    routes: list[Route]
    frozen: dict[int, int]
    leader: dict[int, int]
    second: dict[int, int]
    free: Flags

    def take_out(self, removed: Iterable[int]) -> set[int]: ...

    def reorder(self, route: Route) -> None: ...


def team(rounds: Rounds, item: int) -> set[int]:
    """Who does some planned work."""
    return {rounds.leader[item], rounds.second.get(item, rounds.leader[item])}


def apart(rounds: Rounds, item: int, people: set[int]) -> list[int]:
    """Planned work at the same asset by others only."""
    neighbours = rounds.problem.neighbours[item]
    return [each for each in neighbours if not rounds.free[each] and not team(rounds, each) & people]


def start_of(rounds: Rounds, item: int) -> int:
    """When a planned piece of work begins, in minutes of the day."""
    route = rounds.routes[rounds.leader[item]]
    return route.starts[route.items.index(item)]


def busy(rounds: Rounds, several: Iterable[int]) -> list[tuple[int, int]]:
    """When some planned work goes on, in order."""
    spans = [(start_of(rounds, item), rounds.problem.lasts[item]) for item in several]
    return sorted((start, start + minutes) for start, minutes in spans)


def earliest(low: int, high: int, minutes: int, spans: Sequence[tuple[int, int]]) -> int | None:
    """The first start from `low` to `high` beside the spans; None if there is none."""
    start = low
    for begins, ends in spans:
        if start < ends and begins < start + minutes:
            start = ends
    return start if start <= high else None


def refrozen(rounds: Rounds, several: Iterable[int]) -> list[Route]:
    """The rounds of whoever does some work, with the times that hold now."""
    people = {person for item in several for person in team(rounds, item)}
    return [
        Route(rounds.problem, route.person, route.items, route.lunch_at, rounds.frozen)
        for route in (rounds.routes[person] for person in sorted(people))
    ]


def let_go(rounds: Rounds, removed: Iterable[int]) -> list[Route]:
    """Unfix what was fixed for the sake of work that is gone; the rounds that may move again."""
    problem = rounds.problem
    loose: list[int] = []
    for item in removed:
        there = [each for each in problem.neighbours[item] if not rounds.free[each]]
        if any(apart(rounds, each, team(rounds, each)) for each in there):
            continue
        for each in there:
            bound = problem.pair[each] or each in problem.before or each in problem.after
            if not bound and each in rounds.frozen:
                del rounds.frozen[each]
                loose.append(each)
    return refrozen(rounds, loose)


def settle(rounds: Rounds) -> None:
    """Of rounds taken over as they were: fix what has to be, and take out what is in the way of worthier work."""
    problem = rounds.problem
    for item in range(len(problem)):
        while not rounds.free[item] and (others := apart(rounds, item, team(rounds, item))):
            start, minutes = start_of(rounds, item), problem.lasts[item]
            rounds.frozen.setdefault(item, start)
            hit = [
                other
                for other in others
                if start < start_of(rounds, other) + problem.lasts[other] and start_of(rounds, other) < start + minutes
            ]
            if not hit:
                for other in others:
                    rounds.frozen.setdefault(other, start_of(rounds, other))
                break
            rounds.take_out([min((item, *hit), key=lambda each: (float(problem.worth[each]), each))])
        if not rounds.free[item] and item in rounds.frozen:
            for route in refrozen(rounds, [item]):
                if route.feasible:
                    rounds.reorder(route)
