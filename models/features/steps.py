"""Which series stepped away from their class, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.statistics import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Apart:
    """One entry a series."""

    own: BoolArray  # stepped away, and not for a reason that all of its class share
    shared: BoolArray  # moved on one day with most of its class at its site, and nothing tells of harm
    day: IntArray  # first day of the new level; -1 where there is no step
    before: FloatArray  # level before the step; NaN where there is none

    @classmethod
    def none(cls, series: int) -> Self:
        nowhere = np.zeros(series, dtype=np.bool_)
        return cls(nowhere, nowhere.copy(), np.full(series, -1), np.full(series, np.nan))

    def taking(self, rows: IntArray) -> Apart:
        return Apart(self.own[rows], self.shared[rows], self.day[rows], self.before[rows])
