"""What is normal for a machine, and how far each row is off it, channel by channel.

Machines have operating points: a compressor is on or off, an engine flies high or low, a building is occupied or not.
A limit over all of them is wide enough to hide most faults. Operating points and the time of day are taken into
account only where they explain the half of the healthy rows that they were not learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.mixture import GaussianMixture

from models.statistics import BoolArray, FloatArray, IntArray, empty_slices, median, spread

POINTS = (1, 2, 3, 4, 6, 8)
ROWS_A_POINT = 15  # healthy rows that an operating point needs
WORTH = 0.1  # nats a channel and row that more points must gain on rows they have not seen
SAMPLE = 3000  # rows the points are learned from at most
FARTHEST = 30.0  # standard deviations; what is farther is as far
MOVED = 4.0  # what a channel that never moved counts when it does
OWN_ROWS = 20.0  # rows that the spread over all points is worth against a point's own
NARROWEST = 0.3  # widths over all rows; a narrower point would only be a rounded value
TINY = 1e-3  # of a standard deviation over all points: no point is narrower
HARMONICS = 3
DAY = 86_400.0
DAYS_FOR_DAILY = 3
GAIN_FOR_DAILY = 0.9  # of the variance on rows not seen; above, the time of day explains nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Middle and width of every channel over the healthy rows; `still` = it never moved."""

    middle: FloatArray
    width: FloatArray
    still: BoolArray

    @classmethod
    def of(cls, values: FloatArray) -> Self:
        middle = np.nan_to_num(median(values, axis=0))
        with empty_slices():
            deviation = np.nan_to_num(np.nanstd(values, axis=0))
        width = np.nan_to_num(spread(values.T))
        width = np.maximum(width, 0.5 * deviation)
        still = width <= 1e-9 * np.maximum(np.abs(middle), 1e-3)
        return cls(middle=middle, width=np.where(still, 1.0, width), still=still)

    def standard(self, values: FloatArray) -> FloatArray:
        """In widths from the middle; channels that never moved: 0, or `MOVED` when they have."""
        off = values - self.middle
        moved = np.where(np.abs(off) > 1e-3 * np.abs(self.middle) + 1e-9, MOVED * np.sign(off), 0.0)
        return np.asarray(np.clip(np.where(self.still, moved, off / self.width), -2 * FARTHEST, 2 * FARTHEST))


class Behaviour:
    """Learned from healthy rows; `residuals` of any rows are in healthy standard deviations of their situation."""

    def __init__(self, seed: int = 0, points: int | None = None) -> None:
        self._seed = seed
        self._told = points
        self._mixture: Any = None
        self._daily: FloatArray | None = None

    def fit(self, values: FloatArray, seconds: FloatArray) -> Self:
        self.scale = Scale.of(values)
        standard = np.nan_to_num(self.scale.standard(values))
        self.points = self._told or self._choose_points(standard)
        if self.points > 1:
            self._mixture = _mixture(standard, self.points, self._seed)
        place = self._place(standard)
        self._centres, self._widths = _by_point(standard, place, self.points)
        residuals = (standard - self._centres[place]) / self._widths[place]
        self._daily = _daily_pattern(residuals, seconds)
        if self._daily is not None:
            residuals = residuals - _hours(seconds) @ self._daily
        self._last = np.maximum(np.nan_to_num(spread(residuals.T)), 0.1)
        return self

    def residuals(self, values: FloatArray, seconds: FloatArray) -> FloatArray:
        """(rows, channels); 0 where nothing was measured: absence is told apart, not taken for strange."""
        standard = self.scale.standard(values)
        filled = np.nan_to_num(standard)
        place = self._place(filled)
        out = (filled - self._centres[place]) / self._widths[place]
        if self._daily is not None:
            out = out - _hours(seconds) @ self._daily
        out = np.where(self.scale.still, filled, out / self._last)
        return np.where(np.isnan(standard), 0.0, np.clip(out, -FARTHEST, FARTHEST))

    def place(self, values: FloatArray) -> IntArray:
        """The operating point of each row."""
        return self._place(np.nan_to_num(self.scale.standard(values)))

    def parts(self) -> dict[str, FloatArray]:
        """What was learned of the operating points, as arrays: enough to place and judge rows elsewhere."""
        channels = len(self.scale.middle)
        mixture = self._mixture
        return {
            "middle": self.scale.middle,
            "width": self.scale.width,
            "weights": np.ones(1) if mixture is None else np.asarray(mixture.weights_),
            "means": np.zeros((1, channels)) if mixture is None else np.asarray(mixture.means_),
            "variances": np.ones((1, channels)) if mixture is None else np.asarray(mixture.covariances_),
            "centres": self._centres,
            "widths": self._widths,
        }

    def _choose_points(self, standard: FloatArray) -> int:
        """More points only if they make the other half of the rows clearly likelier."""
        half = len(standard) // 2
        halves = ((standard[:half], standard[half:]), (standard[half:], standard[:half]))
        chosen, likeliest = 1, -np.inf
        for points in POINTS:
            if half < ROWS_A_POINT * points:
                break
            fits = [
                np.clip(_mixture(mine, points, self._seed).score_samples(_thinned(other)), -30 * mine.shape[1], None)
                for mine, other in halves
            ]
            likely = float(np.mean([fit.mean() for fit in fits])) / standard.shape[1]
            if likely > likeliest + (WORTH if points > 1 else 0.0):
                chosen, likeliest = points, likely
        return chosen

    def _place(self, standard: FloatArray) -> IntArray:
        if self.points == 1:
            return np.zeros(len(standard), dtype=np.int64)
        return np.asarray(self._mixture.predict(standard), dtype=np.int64)


def _mixture(standard: FloatArray, points: int, seed: int) -> Any:
    mixture = GaussianMixture(
        points, covariance_type="diag", reg_covar=NARROWEST**2, n_init=2, max_iter=50, tol=1e-2, random_state=seed
    )
    return mixture.fit(_thinned(standard))


def _thinned(rows: FloatArray) -> FloatArray:
    return rows[:: max(1, len(rows) // SAMPLE)]


def _by_point(standard: FloatArray, place: IntArray, points: int) -> tuple[FloatArray, FloatArray]:
    """Robust centre and width of each operating point, the width drawn towards that over all points."""
    channels = standard.shape[1]
    centres, own = np.zeros((points, channels)), np.ones((points, channels))
    size = np.bincount(place, minlength=points).astype(np.float64)
    for point in np.flatnonzero(size):
        members = standard[place == point]
        centres[point] = median(members, axis=0)
        own[point] = np.maximum(np.nan_to_num(spread(members.T)), 0.5 * members.std(axis=0))
    common = np.nan_to_num(spread((standard - centres[place]).T))
    common = np.maximum(common, TINY)
    widths = np.sqrt((size[:, None] * own**2 + OWN_ROWS * common**2) / (size[:, None] + OWN_ROWS))
    return centres, np.maximum(widths, TINY)


def _hours(seconds: FloatArray) -> FloatArray:
    angle = 2 * np.pi * seconds[:, None] / DAY * np.arange(1, HARMONICS + 1)
    return np.column_stack([np.ones(len(seconds)), np.sin(angle), np.cos(angle)])


def _daily_pattern(residuals: FloatArray, seconds: FloatArray) -> FloatArray | None:
    """Coefficients of the daily harmonics by channel, zero where they do not help on the other half of the rows."""
    step = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.0
    if not 0 < step <= DAY / 12 or seconds[-1] - seconds[0] < DAYS_FOR_DAILY * DAY:
        return None
    hours, tame = _hours(seconds), np.clip(residuals, -5, 5)
    half = len(seconds) // 2
    left = np.zeros(residuals.shape[1])
    for mine, other in ((slice(None, half), slice(half, None)), (slice(half, None), slice(None, half))):
        guess = hours[other] @ np.linalg.lstsq(hours[mine], tame[mine], rcond=None)[0]
        left += np.var(tame[other] - guess, axis=0) / np.maximum(np.var(tame[other], axis=0), 1e-12) / 2
    helps = left < GAIN_FOR_DAILY
    if not helps.any():
        return None
    return np.where(helps, np.linalg.lstsq(hours, tame, rcond=None)[0], 0.0)
