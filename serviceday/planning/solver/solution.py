"""The rounds of a whole crew: who does what, and the rules that reach from one round into another.

Two-person work, and work that waits for other work, is frozen at its time when it is put in, so that every round can be
judged by itself; so is work of different people at one asset (`one_crew`). Work that takes assets of one building out
of service belongs to one person while the search goes on, so that no two are out at once; what finds no room then may
be another's, beside it in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from serviceday.planning.solver.insertion import Minutes, Pool
from serviceday.planning.solver.one_crew import apart, busy, earliest, let_go, refrozen, settle, start_of, team
from serviceday.planning.solver.problem import NEVER, Flags, Integers, Problem
from serviceday.planning.solver.route import Route, best_lunch


@dataclass(slots=True)
class Kept:
    """What a change can be taken back to."""

    routes: dict[int, Route]
    frozen: dict[int, int]
    leader: dict[int, int]
    second: dict[int, int]
    owner: Integers
    held: dict[str, Counter[int]]
    released: Integers


class Rounds:
    """A solution: who does what in which order, kept feasible at every change."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.frozen: dict[int, int] = {}
        self.leader: dict[int, int] = {}
        self.second: dict[int, int] = {}
        people = range(len(problem.workers))
        self.routes = [best_lunch(problem, person, (), self.frozen) for person in people]
        self.free: Flags = np.ones(len(problem), dtype=bool)
        self.owner: Integers = np.full(int(problem.group.max(initial=0)) + 1, -1, dtype=np.int64)
        self.held: dict[str, Counter[int]] = {tool: Counter() for tool in problem.needs}
        self.released: Integers = np.zeros(len(problem), dtype=np.int64)
        self.released[list(problem.before)] = NEVER
        self.one_owner = True  # out-of-service work of a group is one person's; else it only never overlaps
        self._kept: Kept | None = None

    @property
    def worth(self) -> float:
        """What is done, the ways as a tie-break."""
        travel = sum(route.travel for route in self.routes)
        return float(self.problem.worth[~self.free].sum()) - self.problem.travel_cost * travel

    @property
    def travel(self) -> int:
        return sum(route.travel for route in self.routes)

    def allowed(self, person: int, pool: Integers) -> Flags:
        """Which of some candidates the person may lead, given what everybody else does."""
        problem = self.problem
        ok: Flags = problem.may[person, pool] & self.free[pool]
        if self.owner.size > 1 and self.one_owner:
            owner = self.owner[problem.group[pool]]
            ok &= (owner < 0) | (owner == person)
        for tool, need in problem.needs.items():
            holders = self.held[tool]
            if not (problem.own_tools[tool][person] or holders[person] > 0 or _users(holders) < problem.stock[tool]):
                ok &= ~need[pool]
        return ok

    def extras(self, person: int, pool: Pool) -> tuple[Minutes, Integers]:
        """Minutes that each of some candidates would add to a round, and the leg for it; NEVER where it can't be."""
        extra, leg = self.routes[person].extras(self.problem, pool, self.released)
        extra[~self.allowed(person, pool.numbers)] = NEVER
        return extra, leg

    def put(self, person: int, item: int, leg: int) -> bool:
        """Put ordinary work into a round; false if it does not fit after all."""
        others = apart(self, item, {person}) if self.problem.neighbours[item] else []
        if others or item in self.problem.before or item in self.problem.after:
            return self._put_at(person, item, others)
        route = self.routes[person].with_item(self.problem, item, leg, self.frozen)
        if not route.feasible:
            return False
        self._set(route)
        self._taken(item, person)
        return True

    def _put_at(self, person: int, item: int, others: Sequence[int]) -> bool:
        """Put work in at a fixed time: for others wait for it, or are at the same asset on the day.

        Of places that add as little the earliest is taken.
        """
        openings = self.routes[person].openings(self.problem, item, int(self.released[item]))
        spans = busy(self, others)
        for leg, low, high, _ in sorted(openings, key=lambda opening: (opening[3], opening[1])):
            start = earliest(low, high, self.problem.lasts[item], spans)
            if start is None:
                continue
            route = self.routes[person].with_item(self.problem, item, leg, {**self.frozen, item: start})
            if route.feasible:
                self.frozen[item] = start
                self._set(route)
                self._taken(item, person)
                self._fix(others)
                return True
        return False

    def _fix(self, others: Sequence[int]) -> None:
        """Fix the times of work at an asset where somebody else has come."""
        for other in others:
            self.frozen.setdefault(other, start_of(self, other))
        for route in refrozen(self, others):
            self._set(route)

    def put_pair(self, item: int) -> float:
        """Put two-person work in where it adds least; returns the minutes it adds, NEVER if it does not fit."""
        problem = self.problem
        alone = np.array([item], dtype=np.int64)
        rows: list[tuple[int, int, int, int, int, bool, bool]] = []
        released = int(self.released[item])
        if released >= NEVER:
            return NEVER
        for person, route in enumerate(self.routes):
            leads = bool(self.allowed(person, alone)[0])
            if leads or problem.helps[person, item]:
                for leg, low, high, extra in route.openings(problem, item, released):
                    rows.append((person, leg, low, high, extra, leads, bool(problem.helps[person, item])))
        if len(rows) < 2:
            return NEVER
        table = np.array(rows, dtype=np.int64)
        person, leg, low, high, extra, leads_, helps_ = table.T
        start = np.maximum(low[:, None], low[None, :])
        there = [each for each in problem.neighbours[item] if not self.free[each]]
        for begins, ends in busy(self, there):  # one crew at a time
            start = np.where((start < ends) & (begins < start + problem.lasts[item]), ends, start)
        cost = (extra[:, None] + extra[None, :]).astype(np.int64)
        bad = (start > np.minimum(high[:, None], high[None, :])) | (person[:, None] == person[None, :])
        bad |= (leads_[:, None] == 0) | (helps_[None, :] == 0)
        cost[bad] = NEVER
        best = int(np.argmin(cost))
        first, other = divmod(best, len(rows))
        if cost[first, other] >= NEVER:
            return NEVER
        frozen = {**self.frozen, item: int(start[first, other])}
        routes = [
            self.routes[int(person[row])].with_item(problem, item, int(leg[row]), frozen) for row in (first, other)
        ]
        if not all(each.feasible for each in routes):
            return NEVER
        self.frozen[item] = frozen[item]
        for each in routes:
            self._set(each)
        self.second[item] = int(person[other])
        self._taken(item, int(person[first]))
        if there:
            self._fix(apart(self, item, team(self, item)))
        return float(cost[first, other])

    def take_out(self, removed: Iterable[int]) -> set[int]:
        """Take work out, and what waits for it; returns the people whose rounds changed."""
        problem = self.problem
        out = self._with_followers(removed)
        routes = self._without(out)
        while spoilt := [route for route in routes if not route.feasible]:  # ways that break the triangle rule
            least = min(spoilt[0].items, key=lambda item: (float(problem.worth[item]), item))
            out = self._with_followers([*out, least])
            routes = self._without(out)
        for one in sorted(out):
            self.free[one] = True
            self.frozen.pop(one, None)
            self.second.pop(one, None)
            self._given_back(one, self.leader.pop(one))
        for route in routes:
            self._set(route)
        for route in let_go(self, out):
            self._set(route)
        return {route.person for route in routes}

    def _with_followers(self, removed: Iterable[int]) -> set[int]:
        out: set[int] = set()
        waiting = list(removed)
        while waiting:
            item = waiting.pop()
            if item not in out and not self.free[item]:
                out.add(item)
                waiting.extend(self.problem.after.get(item, ()))
        return out

    def _without(self, out: set[int]) -> list[Route]:
        people = {self.leader[item] for item in out} | {self.second[item] for item in out if item in self.second}
        return [self.routes[person].without(self.problem, out, self.frozen) for person in sorted(people)]

    def adopt(self, days: Mapping[int, Sequence[int]], second: Mapping[int, int], frozen: Mapping[int, int]) -> None:
        """Take whole rounds over, but for what can't be kept. `days` by person, in order; nothing is planned yet."""
        problem = self.problem
        dropped: set[int] = set()
        for person, items in sorted(days.items()):
            staying = [item for item in items if item not in dropped]
            route = best_lunch(problem, person, staying, frozen)
            while not route.feasible:
                least = min(staying, key=lambda item: (float(problem.worth[item]) / int(problem.minutes[item]), item))
                dropped.add(least)
                staying.remove(least)
                route = best_lunch(problem, person, staying, frozen)
        self.frozen = {item: at for item, at in frozen.items() if item not in dropped}
        for person, items in sorted(days.items()):
            staying = [item for item in items if item not in dropped]
            lead = np.array([item for item in staying if second.get(item, -1) != person], dtype=np.int64)
            for one, ok in zip(lead.tolist(), self.allowed(person, lead).tolist(), strict=True):
                if ok and self._group_free(one, person):
                    self._taken(one, person)
                    if one in second:
                        self.second[one] = second[one]
        for person, items in sorted(days.items()):
            staying = [item for item in items if person in (self.leader.get(item, -1), self.second.get(item, -1))]
            self._set(best_lunch(problem, person, staying, self.frozen))
        self.frozen = {item: at for item, at in self.frozen.items() if item in self.leader}
        for then, firsts in problem.before.items():
            self._release(then)
            if not self.free[then] and (
                any(self.free[first] for first in firsts) or self.frozen[then] < self.released[then]
            ):
                self.take_out([then])
        settle(self)

    def _group_free(self, item: int, person: int) -> bool:
        group = self.problem.group[item]
        return not self.one_owner or not group or bool(self.owner[group] in (-1, person))

    def _taken(self, item: int, person: int) -> None:
        problem = self.problem
        self.free[item] = False
        self.leader[item] = person
        if problem.group[item]:
            self.owner[problem.group[item]] = person
        for tool, need in problem.needs.items():
            if need[item] and not problem.own_tools[tool][person]:
                self.held[tool][person] += 1
        for then in problem.after.get(item, ()):
            self._release(then)

    def _given_back(self, item: int, person: int) -> None:
        problem = self.problem
        group = problem.group[item]
        if group and not any(problem.group[other] == group for other in self.leader):
            self.owner[group] = -1
        for tool, need in problem.needs.items():
            if need[item] and not problem.own_tools[tool][person]:
                self.held[tool][person] -= 1
        for then in problem.after.get(item, ()):
            self._release(then)

    def _release(self, then: int) -> None:
        ends = [
            self.frozen[first] + int(self.problem.minutes[first]) if first in self.frozen else NEVER
            for first in self.problem.before[then]
        ]
        self.released[then] = max(ends)

    def _set(self, route: Route) -> None:
        if self._kept is not None:
            self._kept.routes.setdefault(route.person, self.routes[route.person])
        self.routes[route.person] = route

    def reorder(self, route: Route) -> None:
        """The same work in another order."""
        self._set(route)

    def mark(self) -> None:
        """From here on changes can be taken back."""
        held = {tool: Counter(people) for tool, people in self.held.items()}
        self._kept = Kept(
            {}, dict(self.frozen), dict(self.leader), dict(self.second), self.owner.copy(), held, self.released.copy()
        )

    def restore(self) -> None:
        """Back to the mark."""
        staying = self._kept
        if staying is None:
            raise RuntimeError("restore without a mark")
        for person in staying.routes:
            self.free[list(self.routes[person].items)] = True
        for person, route in staying.routes.items():
            self.routes[person] = route
            self.free[list(route.items)] = False
        self.frozen, self.leader, self.second = staying.frozen, staying.leader, staying.second
        self.owner, self.held, self.released = staying.owner, staying.held, staying.released
        self._kept = None

    def copy(self) -> Rounds:
        rounds = Rounds.__new__(Rounds)
        rounds.problem = self.problem
        rounds.routes = list(self.routes)
        rounds.frozen, rounds.leader, rounds.second = dict(self.frozen), dict(self.leader), dict(self.second)
        rounds.free, rounds.owner, rounds.released = self.free.copy(), self.owner.copy(), self.released.copy()
        rounds.held = {tool: Counter(people) for tool, people in self.held.items()}
        rounds.one_owner = self.one_owner
        rounds._kept = None
        return rounds


def _users(holders: Counter[int]) -> int:
    return sum(count > 0 for count in holders.values())
