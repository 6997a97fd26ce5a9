"""Trend to limit: is it getting worse steadily, and when will it cross its limit?

Theil-Sen slopes over the last two weeks and over the whole window, each in its own standard error (residuals around
the line, autocorrelation respected). A trend that has not yet moved the channel by much is not trouble however certain
it is: the score is capped by the rise itself in healthy standard deviations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.detectors.class_statistics import ClassFigures, common_to_group, scatter_by_group
from models.features.directions import badness
from models.features.windows import Figure, Windows
from models.statistics import FloatArray, grouped_median, mean, median, spread, theil_sen

SHORT = 14
RISE_WORTH = 2.0  # score a standard deviation of rise is worth at most


@dataclass(frozen=True, slots=True)
class Line:
    """Theil-Sen lines, one a series: slope a day, its standard error, and the rise over the window, in figure units."""

    slope: FloatArray
    error: FloatArray
    rise: FloatArray


class TrendToLimit(ClassFigures):
    """Slow changes, weighted by how soon they meet a limit."""

    name = "trend"

    def fit(self, windows: Windows) -> Self:
        raw = self.once(windows, self._raw)
        self.keep("common", windows, common_to_group(windows, raw))
        self.keep("scatter", windows, scatter_by_group(windows, raw))
        return self

    def score(self, windows: Windows) -> FloatArray:
        own = self.once(windows, self._raw) - self.recall("common", windows, 0.0)
        return badness(windows, own / self.recall("scatter", windows, 1.0))

    def line(self, windows: Windows, days: int) -> Line:
        """The line through the last `days` days of every series, in units of the figure."""
        return trend_line(windows, windows.adjusted[:, -days:])

    def _raw(self, windows: Windows) -> FloatArray:
        best = np.zeros(len(windows.channels))
        tests = windows.having(Figure.TEST)
        newest = mean(windows.latest(windows.standard, 1)) if tests.any() else np.zeros(len(tests))
        recent = np.where(tests, newest, mean(windows.standard[:, -5:]))
        latest = np.where(tests, newest, median(windows.standard[:, -3:]))  # what was mended days ago rises no more
        for days in {min(SHORT, windows.days), windows.days}:
            if days < 6:
                continue
            line = trend_line(windows, windows.adjusted[:, -days:])
            score = line.slope / line.error
            rise = line.rise / windows.scale
            score = np.sign(score) * np.minimum(np.abs(score), RISE_WORTH * np.abs(rise))
            stands = (np.sign(recent) == np.sign(score)) & (np.isnan(latest) | (np.sign(latest) == np.sign(score)))
            lasting = np.where(np.isnan(recent) | stands, score, 0.0)
            lasting = np.nan_to_num(
                np.sign(lasting) * np.minimum(np.abs(lasting), 2 + 2 * np.nan_to_num(np.abs(recent), nan=99))
            )
            best = np.where(np.abs(lasting) > np.abs(best), lasting, best)
        return best


def trend_line(windows: Windows, values: FloatArray) -> Line:
    """Theil-Sen lines through `values` (a row a series), with the standard error autocorrelated noise gives them."""
    days = values.shape[1]
    slope = theil_sen(values)
    time = np.arange(days) - (days - 1) / 2
    present = ~np.isnan(values)
    number = present.sum(axis=1)
    centre = np.where(present, time, 0.0).sum(axis=1) / np.maximum(number, 1)
    moment = (np.where(present, time - centre[:, None], 0.0) ** 2).sum(axis=1)
    around = values - slope[:, None] * time
    around = around - median(around)[:, None]
    noise = np.maximum(np.nan_to_num(spread(around)), 0.5 * windows.scale)
    tame = np.nan_to_num(np.clip(around / noise[:, None], -3, 3))
    lagged = (tame[:, 1:] * tame[:, :-1]).sum(axis=1) / np.maximum((tame**2).sum(axis=1), 1e-9)
    of_class = grouped_median(lagged, windows.group, windows.groups)[windows.group]
    memory = np.clip(np.nan_to_num((lagged + of_class) / 2), 0.0, 0.8)
    error = noise * np.sqrt((1 + memory) / (1 - memory) / np.maximum(moment, 1.0) * 1.1)
    enough = (number >= 5) & np.isfinite(error) & (error > 0) & np.isfinite(slope)
    span = np.where(present, np.arange(days), -1).max(axis=1) - np.where(present, np.arange(days), days).min(axis=1)
    return Line(
        slope=np.where(enough, slope, 0.0),
        error=np.where(enough, error, 1.0),
        rise=np.where(enough, slope * np.maximum(span, 0), 0.0),
    )
