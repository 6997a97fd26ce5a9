"""Candidates that could be put into rounds, and what the ways to them cost wherever a round passes.

Rounds share most of their legs with the rounds they were made of: what a leg costs each candidate is worked out once
for as long as a pool lasts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serviceday.planning.solver.problem import Integers, Problem

Minutes = NDArray[np.int32]

_ROWS = 64  # legs that there is room for at first


class Pool:
    """Some candidates as columns. `anytime`: windows and other work never keep any of them waiting."""

    __slots__ = ("_added", "_bare", "_fro", "_rows", "_to", "_used", "anytime", "minutes", "numbers", "places")

    def __init__(self, problem: Problem, numbers: Integers) -> None:
        self.numbers = numbers
        self.places = problem.place[numbers]
        self.minutes: Minutes = problem.minutes[numbers].astype(np.int32)
        self.anytime = bool(problem.always[numbers].all())
        self._rows: dict[tuple[int, int], int] = {}
        self._used = 0
        shape = (_ROWS, numbers.size)
        self._to: Minutes = np.empty(shape, dtype=np.int32)
        self._fro: Minutes = np.empty(shape, dtype=np.int32)
        self._added: Minutes = np.empty(shape, dtype=np.int32)
        self._bare: Minutes = np.empty(_ROWS, dtype=np.int32)

    def legs(self, problem: Problem, preceding: Sequence[int], following: Sequence[int]) -> list[int]:
        """Row numbers of some legs, each from one place to another."""
        rows = self._rows
        pairs = list(zip(preceding, following, strict=True))
        missing = [pair for pair in dict.fromkeys(pairs) if pair not in rows]
        if missing:
            self._learn(problem, missing)
        return [rows[pair] for pair in pairs]

    def _learn(self, problem: Problem, pairs: Sequence[tuple[int, int]]) -> None:
        begin, end = self._used, self._used + len(pairs)
        while end > self._to.shape[0]:
            self._to, self._fro, self._added, self._bare = (
                np.concatenate([array, np.empty_like(array)])
                for array in (self._to, self._fro, self._added, self._bare)
            )
        for row, (here, there) in enumerate(pairs, start=begin):
            self._to[row] = problem.travel[here].take(self.places)
            self._fro[row] = problem.back[there].take(self.places)
            self._bare[row] = problem.ways[here * problem.width + there]
            self._rows[here, there] = row
        np.add(self._to[begin:end], self._fro[begin:end], out=self._added[begin:end])
        self._added[begin:end] -= self._bare[begin:end, None]
        self._used = end

    def added(self, rows: Sequence[int]) -> Minutes:
        """Minutes on the way that each candidate would add in some legs; a copy."""
        return self._added[rows]

    def to(self, rows: Sequence[int] | int) -> Minutes:
        """Minutes from where a leg begins to each candidate; of several, a copy."""
        return self._to[rows]

    def fro(self, rows: Sequence[int] | int) -> Minutes:
        """Minutes from each candidate to where a leg ends; of several, a copy."""
        return self._fro[rows]

    def bare(self, rows: Sequence[int]) -> Minutes:
        """Minutes of the legs as they are; a copy."""
        return self._bare[rows]
