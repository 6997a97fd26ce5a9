"""How much harm any list could avoid at most, that does as much for the law and the goals: a linear relaxation.

Work may be done in parts, people of the same skills share their time, and a way to a building costs no more than the
shortest way that leads there (walks between assets are counted in full). Windows, lunch hours and orders are left out.
Every list that can be carried out is a solution of this, so its optimum is an upper bound.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from serviceday.planning.solver.problem import HEAVY, LOCKED, Flags, Floats, Integers, Problem
from serviceday.planning.solver.solution import Rounds

_LEVELS = ((LOCKED, np.inf), (1e7, LOCKED), (1e5, 1e7), (HEAVY, 1e5))  # worth of what goes before the rest
_MOST = 60_000  # candidates times groups of people; beyond, the relaxation takes longer than it is worth


def upper_bound(problem: Problem, rounds: Rounds) -> float | None:
    """The bound on what is weighed; None where it is not known."""
    weighed = problem.worth < HEAVY
    if not weighed.any() or not problem.workers:
        return 0.0
    groups = _groups(problem)
    if len(groups) * len(problem) > _MOST:
        return None
    return _Relaxation(problem, groups).solve(weighed, ~rounds.free)


def _groups(problem: Problem) -> list[list[int]]:
    """People who may do the same, and begin alike."""
    columns: dict[tuple[bytes, bool], list[int]] = {}
    for person, worker in enumerate(problem.workers):
        columns.setdefault((problem.may[person].tobytes(), worker.start is None), []).append(person)
    return list(columns.values())


class _Relaxation:
    """Variables for each group: the share of each candidate, asset and stop that it serves; stops it begins at."""

    def __init__(self, problem: Problem, groups: list[list[int]]) -> None:
        self.problem, self.groups = problem, groups
        self.places, self.of_place = np.unique(problem.place, return_inverse=True)
        self.stops, of_stop = np.unique(problem.stop_of_place[self.places], return_inverse=True)
        self.stop_of = of_stop  # by place
        self.walk, self.way = self._least()
        self.rows: list[tuple[list[Integers], list[Integers], list[Floats]]] = []
        self.right: list[Floats] = []
        self.height = 0
        size, places, stops = len(problem), self.places.size, self.stops.size
        self.block = size + places + 2 * stops
        self.width = self.block * len(groups)

    def _least(self) -> tuple[float, Floats]:
        """The shortest way into an asset, and what more the shortest way into each stop takes."""
        problem = self.problem
        travel = problem.travel[np.ix_(self.places, self.places)].astype(float)
        np.fill_diagonal(travel, np.inf)
        into = travel.min(axis=0) if self.places.size > 1 else np.full(self.places.size, np.inf)
        homes = np.array(problem.first)
        walk = float(min(into.min(), problem.travel[np.ix_(homes, self.places)].min()))
        apart = np.where(self.stop_of[:, None] == self.stop_of[None, :], np.inf, travel).min(axis=0)
        placed = np.array(
            [problem.first[p] for p, worker in enumerate(problem.workers) if worker.start is not None], dtype=int
        )
        if placed.size:
            apart = np.minimum(apart, problem.travel[np.ix_(placed, self.places)].min(axis=0))
        way = np.full(self.stops.size, np.inf)
        np.minimum.at(way, self.stop_of, apart)
        way[~np.isfinite(way)] = walk
        return walk, np.maximum(way - walk, 0.0)

    def _add(self, columns: list[Integers], values: list[Floats], rows: list[Integers], right: Floats) -> None:
        self.rows.append(([row + self.height for row in rows], columns, values))
        self.right.append(right)
        self.height += right.size

    def solve(self, weighed: Flags, planned: Flags) -> float | None:
        problem = self.problem
        size, places, stops = len(problem), self.places.size, self.stops.size
        upper = np.zeros(self.width)
        gain = np.zeros(self.width)
        every = np.arange(size)
        load_columns: list[Integers] = []
        load_values: list[Floats] = []
        for number, people in enumerate(self.groups):
            base = number * self.block
            z, y, first = base + size, base + size + places, base + size + places + stops
            upper[base : base + size] = problem.may[people[0]]
            upper[z:y] = 1.0
            upper[y:first] = len(people)
            free = problem.workers[people[0]].start is None
            upper[first : base + self.block] = len(people) if free else 0
            gain[base : base + size] = np.where(weighed, problem.worth, 0.0)
            ones = np.ones(size)
            self._add([base + every, z + self.of_place], [ones, -ones], [every, every], np.zeros(size))
            each = np.arange(places)
            self._add([z + each, y + self.stop_of], [np.ones(places), -np.ones(places)], [each, each], np.zeros(places))
            halts = np.arange(stops)
            self._add([first + halts, y + halts], [np.ones(stops), -np.ones(stops)], [halts, halts], np.zeros(stops))
            self._add([first + halts], [np.ones(stops)], [halts * 0], np.array([float(len(people))]))
            columns = np.concatenate([base + every, z + each, y + halts, first + halts])
            values = np.concatenate([problem.minutes.astype(float), np.full(places, self.walk), self.way, -self.way])
            hours = float(sum(problem.workers[person].minutes for person in people))
            self._add([columns], [values], [columns * 0], np.array([hours]))
            load_columns.append(columns)
            load_values.append(values)
        self._shared(load_columns, load_values, planned)
        rows = np.concatenate([part for row in self.rows for part in row[0]])
        columns = np.concatenate([part for row in self.rows for part in row[1]])
        values = np.concatenate([part for row in self.rows for part in row[2]])
        matrix = coo_array((values, (rows, columns)), shape=(self.height, self.width)).tocsr()
        solution = linprog(
            -gain,
            A_ub=matrix,
            b_ub=np.concatenate(self.right),
            bounds=np.column_stack([np.zeros(self.width), upper]),
            method="highs",
        )
        return float(-solution.fun) * (1 + 1e-7) if solution.status == 0 else None

    def _shared(self, load_columns: list[Integers], load_values: list[Floats], planned: Flags) -> None:
        """What all groups share: each candidate once, the second person's minutes, the law no less than it has."""
        problem, size = self.problem, len(self.problem)
        every = np.arange(size)
        columns = [number * self.block + every for number in range(len(self.groups))]
        self._add(columns, [np.ones(size)] * len(columns), [every] * len(columns), np.ones(size))
        if problem.pair.any():
            both = np.flatnonzero(problem.pair)
            several = [*load_columns, *(number * self.block + both for number in range(len(self.groups)))]
            values = [*load_values, *([problem.minutes[both].astype(float)] * len(self.groups))]
            hours = float(sum(worker.minutes for worker in problem.workers))
            self._add(several, values, [number * 0 for number in several], np.array([hours]))
        for low, high in _LEVELS:
            level = np.flatnonzero((problem.worth >= low) & (problem.worth < high))
            done = level[planned[level]]
            if not done.size:
                continue
            scale = float(problem.worth[level].max())
            several = [number * self.block + level for number in range(len(self.groups))]
            values = [-problem.worth[level] / scale] * len(self.groups)
            least = -float((problem.worth[done] / scale).sum()) + 1e-9
            self._add(several, values, [number * 0 for number in several], np.array([least]))
