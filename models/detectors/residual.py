"""Robust seasonal residual: are the recent days off what the asset's own past, context and class lead one to expect?

The mean of the last three and of the last seven days is compared with the reference days, in the robust standard
deviation that means of as many days have for healthy assets of the class. What is over already does not count: the
last two days must still show at least half of the shift.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from models.detectors.class_statistics import ClassFigures, common_to_group, scatter_by_group
from models.features.directions import badness
from models.features.windows import Windows
from models.statistics import FloatArray, empty_slices, grouped_median, mean, median, rolling_mean, spread

WIDTHS = (3, 7)


class SeasonalResidual(ClassFigures):
    """Distance from what day of the week, season and drivers explain."""

    name = "residual"

    def fit(self, windows: Windows) -> Self:
        for width in WIDTHS:
            ratio = np.full(len(windows.channels), np.nan)
            if windows.reference >= 2 * width:
                means = rolling_mean(windows.standard[:, : windows.reference], width)
                ratio = spread(means) / np.maximum(spread(windows.standard[:, : windows.reference]), 0.3)
            of_class = grouped_median(ratio, windows.group, windows.groups)
            self.keep(f"width{width}", windows, np.clip(of_class, width**-0.5, 1.2))
        raw = self._raw(windows)
        self.keep("common", windows, common_to_group(windows, raw))
        self.keep("scatter", windows, scatter_by_group(windows, raw))
        return self

    def score(self, windows: Windows) -> FloatArray:
        own = self._raw(windows) - self.recall("common", windows, 0.0)
        return badness(windows, own / self.recall("scatter", windows, 1.0))

    def shift(self, windows: Windows) -> FloatArray:
        """How far the last three days are off, in the channel's figure, signed."""
        return np.nan_to_num(median(windows.adjusted[:, -3:]))

    def _raw(self, windows: Windows) -> FloatArray:
        standard = windows.standard
        number = np.sum(~np.isnan(standard[:, : windows.reference]), axis=1)
        seen_last = _persistent(standard)
        best = np.zeros(len(standard))
        for width in WIDTHS:
            days = standard[:, -width:]
            off = (median(days) + mean(days)) / 2
            off = np.where(np.isnan(off), seen_last, off)
            still = np.sign(seen_last) == np.sign(off)
            lasting = np.where(still, np.minimum(np.abs(off), 2 * np.abs(seen_last)) * np.sign(off), 0.0)
            present = np.maximum(np.sum(~np.isnan(days), axis=1), 1)
            ratio = np.maximum(self.recall(f"width{width}", windows, 1.0), present**-0.5)
            width_sd = np.sqrt(ratio**2 + windows.leverage + 1.5 / np.maximum(number, 1))
            with empty_slices():
                score = np.where(number >= 3, lasting / width_sd, 0.0)
            best = np.where(np.abs(score) > np.abs(best), score, best)
        return np.nan_to_num(best)


def _persistent(standard: FloatArray) -> FloatArray:
    """What both of the last two days show: the smaller of the two, or half their mean if they disagree."""
    if standard.shape[1] < 2:
        return _latest(standard)
    before, last = standard[:, -2], standard[:, -1]
    smaller = np.where(np.abs(before) < np.abs(last), before, last)
    both = np.where(before * last > 0, smaller, (before + last) / 4)
    newest = np.where(np.isnan(last), before, last)
    pair = np.where(np.isnan(both), newest, both)
    return np.asarray(np.where(np.isnan(pair), _latest(standard), pair))


def _latest(standard: FloatArray) -> FloatArray:
    """The newest figure of each row: sparse channels have none in most weeks' last days."""
    present = ~np.isnan(standard)
    index = np.where(present, np.arange(standard.shape[1]), -1).max(axis=1, initial=-1)
    values = np.take_along_axis(standard, np.maximum(index, 0)[:, None], 1)[:, 0]
    return np.asarray(np.where(index >= standard.shape[1] - 10, values, np.nan))
