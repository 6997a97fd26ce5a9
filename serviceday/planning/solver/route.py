"""One person's round: candidates in order, lunch among them, and what could still be put between them.

A round is never changed; putting something in or taking it out makes a new one. For every place where something could
be put it knows when the person is free there at the earliest, and when the next thing has to begin at the latest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from serviceday.planning.solver.insertion import Minutes, Pool
from serviceday.planning.solver.problem import NEVER, Flags, Integers, Problem


class Route:
    """A feasible round. `feasible` is false for one that can't be done; nothing else of that one is to be used."""

    __slots__ = (
        "_finish",
        "_following",
        "_frozen",
        "_gap",
        "_latest",
        "_lunch_leg",
        "_preceding",
        "feasible",
        "items",
        "lunch",
        "lunch_at",
        "person",
        "starts",
        "travel",
        "way_back",
    )

    def __init__(
        self, problem: Problem, person: int, items: Sequence[int], lunch_at: int, frozen: Mapping[int, int]
    ) -> None:
        """`lunch_at` items come before lunch; `frozen` are starts that may not move."""
        self.person, self.items, self.lunch_at = person, tuple(items), lunch_at
        self.starts: list[int] = []
        self.travel = 0
        self.lunch = -1
        self.feasible = self._forward(problem, frozen)
        self._frozen = {item: frozen[item] for item in self.items if item in frozen} if frozen else {}
        self._gap: list[int] = []

    def _forward(self, problem: Problem, frozen: Mapping[int, int]) -> bool:
        hours = problem.workers[self.person].hours
        ways, width, places, lasts, waits = problem.ways, problem.width, problem.places, problem.lasts, problem.waits
        here, now, lunch_at, travel = problem.first[self.person], hours.start, self.lunch_at, 0
        for number, item in enumerate(self.items):
            if number == lunch_at:
                now = self._eat(problem, now)
            there = places[item]
            way = ways[here * width + there]
            travel += way
            now += way
            if frozen and item in frozen:
                now = frozen[item] if now <= frozen[item] else NEVER
            elif waits[item]:
                now = next_open(problem, item, now)
            if now >= NEVER:
                return False
            self.starts.append(now)
            now += lasts[item]
            here = there
        if lunch_at == len(self.items):
            now = self._eat(problem, now)
        self.way_back = ways[here * width + problem.last[self.person]]
        self.travel = travel + self.way_back
        return now + self.way_back <= hours.end

    def _eat(self, problem: Problem, now: int) -> int:
        lunch = problem.workers[self.person].lunch
        if lunch is None:
            return now
        begin = max(now, lunch.within.start)
        self.lunch = begin
        return begin + lunch.minutes if begin + lunch.minutes <= lunch.within.end else NEVER

    def _backward(self, problem: Problem) -> None:
        """The legs of the round, worked out when they are first asked for.

        There is one before each item and one at the end; where lunch is, one before it and one after.
        """
        if self._gap:
            return
        frozen, items, starts = self._frozen, self.items, self.starts
        ways, width, places, lasts, waits = problem.ways, problem.width, problem.places, problem.lasts, problem.waits
        worker = problem.workers[self.person]
        lunch = worker.lunch
        preceding, following, finish, latest, gap = [], [], [], [], []
        there, must = problem.last[self.person], worker.hours.end
        self._lunch_leg = -1
        for number in range(len(items), -1, -1):
            if number:
                before = items[number - 1]
                here, free = places[before], starts[number - 1] + lasts[before]
            else:
                before = -1
                here, free = problem.first[self.person], worker.hours.start
            leave = must - ways[here * width + there]
            if number == self.lunch_at and lunch is not None:
                preceding.append(here)
                following.append(there)
                finish.append(self.lunch + lunch.minutes)
                latest.append(must)
                gap.append(number)
                leave = min(leave, lunch.within.end) - lunch.minutes
                self._lunch_leg = len(gap)
            preceding.append(here)
            following.append(there)
            finish.append(free)
            latest.append(must)
            gap.append(number)
            if number:
                must = leave - lasts[before]
                if frozen and before in frozen:
                    must = frozen[before]
                elif waits[before]:
                    must = last_open(problem, before, must)
                there = here
        self._preceding, self._following, self._finish, self._latest = preceding, following, finish, latest
        self._gap = gap

    def extras(self, problem: Problem, pool: Pool, released: Integers) -> tuple[Minutes, Integers]:
        """Minutes that each of some candidates would add, its work included, and the leg for it; NEVER where none."""
        self._backward(problem)
        rows = pool.legs(problem, self._preceding, self._following)
        added = pool.added(rows)
        spare = np.array(self._latest, dtype=np.int32) - np.array(self._finish, dtype=np.int32)
        if pool.anytime:
            added[self._late(problem, pool, rows, added, spare)] = NEVER
        else:
            added[self._too_late(problem, pool, rows, released)] = NEVER
        leg = np.argmin(added, axis=0)
        least = added.min(axis=0)
        extra: Minutes = np.maximum(least + pool.minutes, 1)
        extra[least >= NEVER] = NEVER
        return extra, leg

    def _late(self, problem: Problem, pool: Pool, rows: Sequence[int], added: Minutes, spare: Minutes) -> Flags:
        """Legs that can't hold a candidate, by leg and candidate, where nothing has to be waited for."""
        spare = spare - pool.bare(rows)
        lunch, leg = problem.workers[self.person].lunch, self._lunch_leg
        if leg < 0 or lunch is None:
            return added + pool.minutes > spare[:, None]
        spare[leg] -= lunch.minutes
        late: Flags = added + pool.minutes > spare[:, None]
        last = lunch.within.end - lunch.minutes - self._finish[leg]
        late[leg] |= pool.to(rows[leg]) + pool.minutes > last
        late[leg] |= pool.fro(rows[leg]) > self._latest[leg] - lunch.within.start - lunch.minutes
        return late

    def _too_late(self, problem: Problem, pool: Pool, rows: Sequence[int], released: Integers) -> Flags:
        """The same where windows and orders count."""
        arrive = pool.to(rows) + np.array(self._finish, dtype=np.int32)[:, None]
        end = _opened(problem, pool.numbers, np.maximum(arrive, released[pool.numbers])) + pool.minutes
        lunch = problem.workers[self.person].lunch
        if self._lunch_leg >= 0 and lunch is not None:
            eaten = np.maximum(end[self._lunch_leg], lunch.within.start) + lunch.minutes
            end[self._lunch_leg] = np.where(eaten <= lunch.within.end, eaten, NEVER)
        late: Flags = end + pool.fro(rows) > np.array(self._latest)[:, None]
        return late

    def cheapest(self, problem: Problem, pool: Pool) -> Minutes:
        """Minutes that each would add if there were time enough and no window."""
        self._backward(problem)
        least: Minutes = pool.added(pool.legs(problem, self._preceding, self._following)).min(axis=0) + pool.minutes
        return least

    def openings(self, problem: Problem, item: int, released: int) -> list[tuple[int, int, int, int]]:
        """For two-person work: (leg, earliest start, latest start, minutes added) wherever it could go."""
        self._backward(problem)
        lunch, place, minutes = (
            problem.workers[self.person].lunch,
            problem.places[item],
            problem.lasts[item],
        )
        openings = []
        ways, width = problem.ways, problem.width
        for leg in range(len(self._gap)):
            to, fro = ways[self._preceding[leg] * width + place], ways[place * width + self._following[leg]]
            way = ways[self._preceding[leg] * width + self._following[leg]]
            last = self._latest[leg] - fro - minutes
            if leg == self._lunch_leg and lunch is not None:
                last = min(last, lunch.within.end - minutes) - lunch.minutes
            first = max(self._finish[leg] + to, released)
            for opens, shuts in problem.spans[item]:
                low, high = max(first, opens), min(last, shuts)
                if low <= high:
                    openings.append((leg, low, high, to + fro - way + minutes))
        return openings

    def with_item(self, problem: Problem, item: int, leg: int, frozen: Mapping[int, int]) -> Route:
        self._backward(problem)
        gap = self._gap[leg]
        lunch_at = self.lunch_at
        if lunch_at > gap or leg == self._lunch_leg:
            lunch_at += 1
        return Route(problem, self.person, (*self.items[:gap], item, *self.items[gap:]), lunch_at, frozen)

    def without(self, problem: Problem, removed: set[int], frozen: Mapping[int, int]) -> Route:
        lunch_at = self.lunch_at
        if lunch_at >= 0:
            lunch_at -= sum(item in removed for item in self.items[:lunch_at])
        route = Route(problem, self.person, [item for item in self.items if item not in removed], lunch_at, frozen)
        if not route.feasible:  # ways that break the triangle rule, or lunch now too early in the day
            route = best_lunch(problem, self.person, route.items, frozen)
        return route

    @property
    def work(self) -> int:
        return len(self.items)


def best_lunch(problem: Problem, person: int, items: Sequence[int], frozen: Mapping[int, int]) -> Route:
    """The round with lunch where it ends earliest."""
    if problem.workers[person].lunch is None:
        return Route(problem, person, items, -1, frozen)
    best: Route | None = None
    for place in _meals(problem, person, items, frozen):
        route = Route(problem, person, items, place, frozen)
        if route.feasible and (best is None or _end(problem, route) < _end(problem, best)):
            best = route
    return best if best is not None else Route(problem, person, items, len(items), frozen)


def _meals(problem: Problem, person: int, items: Sequence[int], frozen: Mapping[int, int]) -> Iterator[int]:
    """Places in the order of a round where lunch may be, seen from the round without it."""
    worker = problem.workers[person]
    lunch = worker.lunch
    if lunch is None:
        return
    here, now = problem.first[person], worker.hours.start
    last = lunch.within.end - lunch.minutes
    for number, item in enumerate(items):
        if now > last:
            return
        there = int(problem.place[item])
        begin = now + int(problem.travel[here, there])
        begin = frozen[item] if item in frozen else next_open(problem, item, begin)
        if begin + problem.lasts[item] > lunch.within.start:
            yield number
        now, here = begin + problem.lasts[item], there
    if now <= last:
        yield len(items)


def _end(problem: Problem, route: Route) -> int:
    lunch = problem.workers[route.person].lunch
    done = route.starts[-1] + problem.lasts[route.items[-1]] if route.items else 0
    return max(done, route.lunch + lunch.minutes if lunch else 0)


def next_open(problem: Problem, item: int, now: int) -> int:
    """The first moment from `now` on when the work may begin."""
    for low, high in problem.spans[item]:
        if now <= high:
            return now if now >= low else low
    return NEVER


def last_open(problem: Problem, item: int, by: int) -> int:
    """The last moment until `by` when the work may begin; -1 if there is none."""
    for low, high in reversed(problem.spans[item]):
        if by >= low:
            return by if by <= high else high
    return -1


def _opened(problem: Problem, pool: Integers, arrive: Integers) -> Integers:
    best: Integers = np.full(arrive.shape, NEVER, dtype=np.int64)
    for window in range(problem.opens.shape[0]):
        start = np.maximum(arrive, problem.opens[window, pool][None, :])
        start[start > problem.shuts[window, pool][None, :]] = NEVER
        np.minimum(best, start, out=best)
    return best
