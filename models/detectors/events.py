"""Event rate: do faults, starts and trips come more often than they used to, and do they breed more?

Counts decayed over two days and over ten are compared with what the asset's own past, drawn towards its class's, leads
one to expect. The tail is the negative binomial's: counts of real equipment come in bunches, and how much so is taken
from the class. A short memory that runs ahead of the long one is what a self-exciting process (Hawkes 1971) looks like
when it takes off. Counts a day are exact here, where the square root of the other detectors has no grip on zeros.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import stats

from models.detectors.class_statistics import ClassFigures
from models.features.windows import Figure, Windows
from models.statistics import BoolArray, FloatArray, empty_slices, grouped_median, mean

MEMORIES = (2.0, 10.0)  # days
PRIOR_DAYS = 10.0  # days of its own past the class's rate is worth
LARGEST = 12.0  # score


class EventRate(ClassFigures):
    """Counts that have become more frequent, or rarer, than their own past."""

    name = "events"

    def fit(self, windows: Windows) -> Self:
        counts = _counts(windows)
        past = counts[:, : windows.reference]
        rate = mean(past) if windows.reference else np.full(len(counts), np.nan)
        self.keep("rate", windows, _grouped_mean(windows, rate))
        with empty_slices():
            bunched = np.nanvar(past, axis=1) / np.maximum(rate, 0.05)
        self.keep("bunched", windows, grouped_median(np.maximum(bunched, 1.0), windows.group, windows.groups))
        return self

    def score(self, windows: Windows) -> FloatArray:
        rows = np.flatnonzero(_counted(windows))
        out = np.zeros(len(windows.channels))
        if not rows.size or windows.reference < 3:
            return out
        counts = _counts(windows)[rows]
        past = counts[:, : windows.reference]
        lengths = np.sum(~np.isnan(past), axis=1)
        of_class = self.recall("rate", windows, np.nan)[rows]
        own = np.nansum(past, axis=1)
        of_class = np.where(np.isnan(of_class), own / np.maximum(lengths, 1), of_class)
        expected = (own + PRIOR_DAYS * of_class) / np.maximum(lengths + PRIOR_DAYS, 1)
        bunched = np.maximum(self.recall("bunched", windows, 1.0)[rows], 1.0)
        best = np.zeros(len(rows))
        for memory in MEMORIES:
            weight = np.exp(-np.arange(windows.days)[::-1] / memory)
            present = ~np.isnan(counts)
            exposure = (present * weight).sum(axis=1)
            effective = exposure**2 / np.maximum((present * weight**2).sum(axis=1), 1e-9)
            decayed = np.nansum(counts * weight, axis=1) / np.maximum(exposure, 1e-9)
            best = np.maximum(best, _tail(decayed * effective, expected * effective, bunched, effective, lengths))
        out[rows] = np.where(lengths >= 3, np.minimum(best, LARGEST), 0.0)
        return out


def _tail(
    count: FloatArray, expected: FloatArray, bunched: FloatArray, days: FloatArray, array: FloatArray
) -> FloatArray:
    """Standard normal equivalent of seeing `count` or more; the uncertain expectation widens the tail."""
    variance = expected * bunched + expected * days / np.maximum(array + PRIOR_DAYS, 1)
    mean_count = np.maximum(expected, 1e-3)
    ratio = np.maximum(variance / mean_count, 1.0 + 1e-6)
    size = mean_count / (ratio - 1)
    p = stats.nbinom.sf(count - 1, size, 1 / ratio) - 0.5 * stats.nbinom.pmf(np.round(count), size, 1 / ratio)
    return np.asarray(np.maximum(stats.norm.isf(np.clip(p, 1e-30, 0.5)), 0.0))


def _counted(windows: Windows) -> BoolArray:
    return windows.each(lambda channel, figure: channel.unit == "1" and figure is Figure.RATE) > 0


def _counts(windows: Windows) -> FloatArray:
    """Events a day out of their square roots (see `figures`); NaN for everything that does not count."""
    counts = np.maximum((windows.values / 2) ** 2 - 0.375, 0.0)
    return np.where(_counted(windows)[:, None], counts, np.nan)


def _grouped_mean(windows: Windows, rate: FloatArray) -> FloatArray:
    """Class mean of healthy-looking rates: those not above three times the class median, or the median's least."""
    middle = grouped_median(rate, windows.group, windows.groups)[windows.group]
    usual = np.where(rate <= np.maximum(3 * middle, 0.2), rate, np.nan)
    total = np.bincount(windows.group, np.nan_to_num(usual), minlength=windows.groups)
    return np.asarray(total / np.maximum(np.bincount(windows.group, ~np.isnan(usual), minlength=windows.groups), 1))
