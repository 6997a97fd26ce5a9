"""Peer comparison: is this asset unlike all others of its class?

It sees what was wrong before the first reading. Assets differ by nature, so only what stands far out of the class
counts, and only where the class is large enough to know.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from models.detectors.class_statistics import ClassFigures
from models.features.directions import fixed_directions
from models.features.windows import Figure, Windows
from models.statistics import FloatArray, empty_slices, grouped_median, median

CLASS_SIZE = 8
NATURAL = 3.5  # standard deviations of the class that individuality alone explains
WORTH = 0.8


class PeerComparison(ClassFigures):
    """Distance from the others of a class on the same day."""

    name = "peers"

    def fit(self, windows: Windows) -> Self:
        now = np.where(windows.telling, self._now(windows), np.nan)
        centre = grouped_median(now, windows.group, windows.groups)
        width = 1.4826 * grouped_median(np.abs(now - centre[windows.group]), windows.group, windows.groups)
        size = np.bincount(windows.group[~np.isnan(now)], minlength=windows.groups)
        comparable = (size >= CLASS_SIZE) & (width > 0)
        self.keep("centre", windows, np.where(comparable, centre, np.nan))
        self.keep("width", windows, np.where(comparable, width, np.nan))
        return self

    def score(self, windows: Windows) -> FloatArray:
        centre, width = self.recall("centre", windows, np.nan), self.recall("width", windows, np.nan)
        own = np.where(np.isfinite(windows.scale), windows.scale, 0.0)
        with empty_slices():
            off = (self._now(windows) - centre) / np.hypot(width, own)
        sign = fixed_directions(windows)
        far = np.where(sign == 0, np.abs(off), sign * off)
        figures = windows.having(Figure.LEVEL, Figure.TEST, Figure.RATE)
        return np.where(figures, np.nan_to_num(np.maximum(far - NATURAL, 0.0)) * WORTH, 0.0)

    def _now(self, windows: Windows) -> FloatArray:
        return median(windows.values[:, -10:])
