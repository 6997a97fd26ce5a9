"""Figures of single days long before the window that assessments look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from models.statistics import FloatArray

FEWEST = 3  # of the oldest days, on all of which a channel was elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Older:
    """Figures of single days long ago, of the series of windows."""

    ends: tuple[datetime, ...]  # UTC, oldest first
    values: FloatArray  # (series, days); NaN where nothing was heard

    def level(self, row: int) -> float:
        """What a series was on the oldest days."""
        measured = self.values[row][~np.isnan(self.values[row])][:FEWEST]
        return float(np.median(measured)) if measured.size else float("nan")

    def changed_between(
        self, row: int, now: float, window_begins: datetime
    ) -> tuple[datetime, tuple[datetime, datetime]]:
        """Between which of the days a series left its old level for the present one."""
        was = self.level(row)
        old = [i for i, value in enumerate(self.values[row]) if np.abs(value - was) < np.abs(value - now)]
        later = [i for i, value in enumerate(self.values[row]) if i > old[-1] and not np.isnan(value)] if old else []
        after = self.ends[old[-1]] if old else self.ends[0]
        before = self.ends[later[0]] if later else window_begins
        return after + (before - after) / 2, (after, before)
