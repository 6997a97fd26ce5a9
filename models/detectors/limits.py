"""Limit rule: is the channel outside its alarm limit, day after day?

The limits are the catalogue's. One bad hour is an alert's business; here the daily figures of the last days must lie
outside. Where most of the class is outside the limit, the limit does not suit the place, and the score shrinks.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from facility.catalogue.catalogue import Bad
from models.detectors.class_statistics import ClassFigures
from models.features.windows import Figure, Windows
from models.statistics import BoolArray, FloatArray, mean

SUSTAINED = 6.0  # score of a channel that was outside on every recent day


class LimitRule(ClassFigures):
    """Series beyond a limit of the catalogue."""

    name = "limit"

    def fit(self, windows: Windows) -> Self:
        outside = ((self._share(windows) >= 0.99) & windows.telling).astype(np.float64)
        total = np.bincount(windows.group, outside, minlength=windows.groups)
        size = np.bincount(windows.group, minlength=windows.groups)
        self.keep("outside", windows, np.where(size >= 5, total / np.maximum(size, 1), 0.0))
        return self

    def score(self, windows: Windows) -> FloatArray:
        common = self.recall("outside", windows, 0.0)
        return SUSTAINED * self._share(windows) ** 2 * np.clip(1 - 2 * common, 0.0, 1.0)

    def sustained(self, windows: Windows) -> BoolArray:
        """Which series lay outside on all of the last days, though most of their class does not."""
        spoken_of = np.sum(~np.isnan(windows.latest(windows.values, 3)), axis=1) >= 2
        return np.asarray(spoken_of & (self._share(windows) >= 0.99) & (self.recall("outside", windows, 0.0) < 0.5))

    def _share(self, windows: Windows) -> FloatArray:
        """Share of the last three figures that lie outside the limit, on the bad side."""
        level = windows.having(Figure.LEVEL, Figure.TEST)
        low = windows.each(lambda c, _: c.limit.low if c.bad is not Bad.UP else -np.inf)[:, None]
        high = windows.each(lambda c, _: c.limit.high if c.bad is not Bad.DOWN else np.inf)[:, None]
        recent = windows.latest(windows.values, 3)
        outside = np.where(np.isnan(recent), np.nan, (recent < low) | (recent > high))
        return np.where(level, np.nan_to_num(mean(outside)), 0.0)
