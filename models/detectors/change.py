"""Change point: did the level move for good on some day of the window, and has it stayed there?

The generalised likelihood ratio of a lasting step, the optimal form of CUSUM when neither the day nor the size is known
(Basseville and Nikiforov 1993, 2.4.3): for every possible day the means before and after it are compared, in the
standard error that autocorrelated noise has. It sees a step that is older than a week, which the residual has begun to
take for its past.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from models.detectors.class_statistics import ClassFigures, common_to_group, scatter_by_group
from models.features.directions import badness
from models.features.windows import Windows
from models.statistics import FloatArray, empty_slices, grouped_median, mean

FEWEST_BEFORE, FEWEST_AFTER = 7, 3  # figures on either side of a change
SEARCHED = 2.0  # what the best of all days reaches without any change, in standard deviations


class ChangePoint(ClassFigures):
    """Steps: the split of the recent past that explains it best."""

    name = "change"

    def fit(self, windows: Windows) -> Self:
        raw = self.once(windows, self._raw)
        self.keep("common", windows, common_to_group(windows, raw))
        self.keep("scatter", windows, scatter_by_group(windows, raw))
        return self

    def score(self, windows: Windows) -> FloatArray:
        own = self.once(windows, self._raw) - self.recall("common", windows, 0.0)
        return badness(windows, own / self.recall("scatter", windows, 1.0))

    def _raw(self, windows: Windows) -> FloatArray:
        values = np.clip(windows.standard, -12, 12)
        days = values.shape[1]
        if days < FEWEST_BEFORE + FEWEST_AFTER:
            return np.zeros(len(values))
        present = ~np.isnan(values)
        number = np.cumsum(present, axis=1)
        total = np.cumsum(np.where(present, values, 0.0), axis=1)
        before, after = number[:, :-1], number[:, -1:] - number[:, :-1]
        with empty_slices():
            low = total[:, :-1] / before
            high = (total[:, -1:] - total[:, :-1]) / after
            step = (high - low) / np.sqrt(1 / before + 1 / after)
        step = np.where((before >= FEWEST_BEFORE) & (after >= FEWEST_AFTER), step, 0.0)
        best = np.argmax(np.abs(step), axis=1)
        rows = np.arange(len(values))
        shift = step[rows, best] / self._persistence(windows, values, low[rows, best], high[rows, best], best)
        shift = np.sign(shift) * np.maximum(np.abs(shift) - SEARCHED, 0.0)
        newest = np.nan_to_num(mean(windows.latest(values, 3)))
        lasting = np.where(np.sign(newest) == np.sign(shift), np.minimum(np.abs(shift), 2 + 2 * np.abs(newest)), 0.0)
        return np.asarray(np.sign(shift) * lasting)

    def _persistence(
        self, windows: Windows, values: FloatArray, low: FloatArray, high: FloatArray, best: FloatArray
    ) -> FloatArray:
        """How much wider means scatter than those of white noise, from what the step leaves over."""
        step = np.where(np.arange(values.shape[1]) <= best[:, None], low[:, None], high[:, None])
        rest = np.nan_to_num(np.clip(values - step, -3, 3))
        with empty_slices():
            lagged = (rest[:, 1:] * rest[:, :-1]).sum(axis=1) / np.maximum((rest**2).sum(axis=1), 1e-9)
        of_class = grouped_median(lagged, windows.group, windows.groups)[windows.group]
        memory = np.clip(np.nan_to_num((lagged + of_class) / 2), 0.0, 0.8)
        return np.asarray(np.sqrt((1 + memory) / (1 - memory)))
