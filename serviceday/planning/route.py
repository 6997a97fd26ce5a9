"""One person's round: candidates in order, lunch among them, and what could still be put between them.

A round is never changed; putting something in or taking it out makes a new one. For every place where something could
be put it knows when the person is free there at the earliest, and when the next thing has to begin at the latest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from serviceday.planning.problem import NEVER, Integers, Problem


class Route:
    """A feasible round. `feasible` is false for one that can't be done; nothing else of that one is to be used."""

    __slots__ = (
        "_base",
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
        self._frozen = {one: frozen[one] for one in self.items if one in frozen} if frozen else {}
        self._gap: list[int] = []

    def _forward(self, problem: Problem, frozen: Mapping[int, int]) -> bool:
        worker, travel = problem.workers[self.person], problem.travel
        here, now = problem.first[self.person], worker.hours.start
        for number, one in enumerate(self.items):
            if number == self.lunch_at:
                now = self._eat(problem, now)
            there = int(problem.place[one])
            way = int(travel[here, there])
            self.travel += way
            start = frozen.get(one, -1)
            now = (start if now + way <= start else NEVER) if start >= 0 else next_open(problem, one, now + way)
            if now >= NEVER:
                return False
            self.starts.append(now)
            now += problem.lasts[one]
            here = there
        if self.lunch_at == len(self.items):
            now = self._eat(problem, now)
        self.way_back = int(travel[here, problem.last[self.person]])
        self.travel += self.way_back
        return now + self.way_back <= worker.hours.end

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
        frozen = self._frozen
        worker, travel = problem.workers[self.person], problem.travel
        lunch = worker.lunch
        preceding, following, finish, latest, gap = [], [], [], [], []
        there, must = problem.last[self.person], worker.hours.end
        self._lunch_leg = -1
        for number in range(len(self.items), -1, -1):
            before = self.items[number - 1] if number else -1
            here = int(problem.place[before]) if number else problem.first[self.person]
            free = self.starts[number - 1] + problem.lasts[before] if number else worker.hours.start
            leave = must - int(travel[here, there])
            if number == self.lunch_at and lunch is not None:
                legs = [(self.lunch + lunch.minutes, True), (free, False)]
                leave = min(leave, lunch.within.end) - lunch.minutes
            else:
                legs = [(free, False)]
            for when, after_lunch in legs:
                preceding.append(here)
                following.append(there)
                finish.append(when)
                latest.append(must)
                gap.append(number)
                if number == self.lunch_at and not after_lunch:
                    self._lunch_leg = len(gap) - 1
            if number:
                must = frozen.get(before, -1)
                if must < 0:
                    must = last_open(problem, before, leave - problem.lasts[before])
                there = here
        self._preceding = np.array(preceding, dtype=np.int64)
        self._following = np.array(following, dtype=np.int64)
        self._finish = np.array(finish, dtype=np.int64)
        self._latest = np.array(latest, dtype=np.int64)
        self._gap = gap
        self._base: Integers = travel[self._preceding, self._following].astype(np.int64)

    def extras(self, problem: Problem, pool: Integers, released: Integers) -> tuple[Integers, Integers]:
        """Minutes that each of some candidates would add, its work included, and the leg for it; NEVER where none."""
        self._backward(problem)
        places = problem.place[pool]
        to = problem.travel[self._preceding[:, None], places[None, :]].astype(np.int64)
        fro = problem.travel[places[None, :], self._following[:, None]].astype(np.int64)
        minutes = problem.minutes[pool][None, :]
        end = _opened(problem, pool, np.maximum(self._finish[:, None] + to, released[pool][None, :])) + minutes
        lunch = problem.workers[self.person].lunch
        if self._lunch_leg >= 0 and lunch is not None:
            eaten = np.maximum(end[self._lunch_leg], lunch.within.start) + lunch.minutes
            end[self._lunch_leg] = np.where(eaten <= lunch.within.end, eaten, NEVER)
        added = to + fro - self._base[:, None]
        added[end + fro > self._latest[:, None]] = NEVER
        leg = np.argmin(added, axis=0)
        least = added[leg, np.arange(pool.size)]
        return np.where(least < NEVER, np.maximum(least + minutes[0], 1), NEVER), leg

    def cheapest(self, problem: Problem, pool: Integers) -> Integers:
        """Minutes that each would add if there were time enough and no window."""
        self._backward(problem)
        places = problem.place[pool]
        to = problem.travel[self._preceding[:, None], places[None, :]].astype(np.int64)
        fro = problem.travel[places[None, :], self._following[:, None]].astype(np.int64)
        least: Integers = (to + fro - self._base[:, None]).min(axis=0) + problem.minutes[pool]
        return least

    def openings(self, problem: Problem, one: int, released: int) -> list[tuple[int, int, int, int]]:
        """For two-person work: (leg, earliest start, latest start, minutes added) wherever it could go."""
        self._backward(problem)
        lunch, place, minutes = (
            problem.workers[self.person].lunch,
            int(problem.place[one]),
            int(problem.minutes[one]),
        )
        found = []
        for leg in range(len(self._gap)):
            to = int(problem.travel[self._preceding[leg], place])
            fro = int(problem.travel[place, self._following[leg]])
            last = int(self._latest[leg]) - fro - minutes
            if leg == self._lunch_leg and lunch is not None:
                last = min(last, lunch.within.end - minutes) - lunch.minutes
            first = max(int(self._finish[leg]) + to, released)
            for opens, shuts in zip(problem.opens[:, one], problem.shuts[:, one], strict=True):
                low, high = max(first, int(opens)), min(last, int(shuts))
                if low <= high:
                    found.append((leg, low, high, to + fro - int(self._base[leg]) + minutes))
        return found

    def with_item(self, problem: Problem, one: int, leg: int, frozen: Mapping[int, int]) -> Route:
        self._backward(problem)
        gap = self._gap[leg]
        lunch_at = self.lunch_at
        if lunch_at > gap or leg == self._lunch_leg:
            lunch_at += 1
        return Route(problem, self.person, (*self.items[:gap], one, *self.items[gap:]), lunch_at, frozen)

    def without(self, problem: Problem, gone: set[int], frozen: Mapping[int, int]) -> Route:
        lunch_at = self.lunch_at
        if lunch_at >= 0:
            lunch_at -= sum(one in gone for one in self.items[:lunch_at])
        made = Route(problem, self.person, [one for one in self.items if one not in gone], lunch_at, frozen)
        if not made.feasible:  # ways that break the triangle rule, or lunch now too early in the day
            made = best_lunch(problem, self.person, made.items, frozen)
        return made

    @property
    def work(self) -> int:
        return len(self.items)


def best_lunch(problem: Problem, person: int, items: Sequence[int], frozen: Mapping[int, int]) -> Route:
    """The round with lunch where it ends earliest."""
    if problem.workers[person].lunch is None:
        return Route(problem, person, items, -1, frozen)
    best: Route | None = None
    for place in _meals(problem, person, items, frozen):
        made = Route(problem, person, items, place, frozen)
        if made.feasible and (best is None or _end(problem, made) < _end(problem, best)):
            best = made
    return best if best is not None else Route(problem, person, items, len(items), frozen)


def _meals(problem: Problem, person: int, items: Sequence[int], frozen: Mapping[int, int]) -> Iterator[int]:
    """Places in the order of a round where lunch may be, seen from the round without it."""
    worker = problem.workers[person]
    lunch = worker.lunch
    if lunch is None:
        return
    here, now = problem.first[person], worker.hours.start
    last = lunch.within.end - lunch.minutes
    for number, one in enumerate(items):
        if now > last:
            return
        there = int(problem.place[one])
        begin = now + int(problem.travel[here, there])
        begin = frozen[one] if one in frozen else next_open(problem, one, begin)
        if begin + problem.lasts[one] > lunch.within.start:
            yield number
        now, here = begin + problem.lasts[one], there
    if now <= last:
        yield len(items)


def _end(problem: Problem, one: Route) -> int:
    lunch = problem.workers[one.person].lunch
    done = one.starts[-1] + problem.lasts[one.items[-1]] if one.items else 0
    return max(done, one.lunch + lunch.minutes if lunch else 0)


def next_open(problem: Problem, one: int, now: int) -> int:
    """The first moment from `now` on when the work may begin."""
    for low, high in problem.spans[one]:
        if now <= high:
            return now if now >= low else low
    return NEVER


def last_open(problem: Problem, one: int, by: int) -> int:
    """The last moment until `by` when the work may begin; -1 if there is none."""
    for low, high in reversed(problem.spans[one]):
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
