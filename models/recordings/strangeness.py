"""How strange a row is, with the rows before it: distances from healthy behaviour at several widths.

At each width the mean, the scatter and the roughness of the residuals over the last rows are taken together. Their
distance from the healthy ones is Mahalanobis's (T2 and Q in one), with a covariance that forgives what was drifting
already while all was well: a machine that warms up goes on warming up, and the farther from the healthy rows, the more
of it is forgiven.
Beside it stands the distance to the nearest healthy windows, which sees what has no straight shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from sklearn.neighbors import NearestNeighbors

from models.statistics import FloatArray, IntArray

BLOCKS = 6  # of the healthy rows, whose means tell drift from noise
IDENTITY = 0.1  # least weight of the identity in the covariance
SURE = 3.0  # squared standard errors by which a drift must exceed noise to count in full
DISTANCES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0, 40.0)  # from the middle, in half lengths
LEAST_VARIANCE = 0.02  # added before the logarithm, so that a quantised channel at rest is no miracle
CHUNK = 50_000
NEIGHBOURS = 3
HEALTHY_WINDOWS = 1500  # kept for the neighbours at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Residuals (rows, channels) of one stretch or of several after each other; no window reaches over a beginning."""

    residuals: FloatArray
    at: IntArray  # rows since the first healthy one of the same stretch
    begin: IntArray  # index of the first row of the stretch that a row is of


class Member(Protocol):
    """One way to be strange: higher is stranger."""

    def fit(self, rows: Rows) -> Self: ...
    def score(self, rows: Rows) -> FloatArray: ...


def trailing_mean(values: FloatArray, width: int, begin: IntArray | None = None) -> FloatArray:
    """Mean of each row and the `width` - 1 before it; fewer at the beginning."""
    total = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), values]), axis=0)
    last = np.arange(1, len(values) + 1)
    first = np.maximum(last - width, 0 if begin is None else begin)
    return np.asarray((total[last] - total[first]) / (last - first)[:, None])


def windows_of(rows: Rows, width: int) -> FloatArray:
    """Means of the last `width` rows; from five rows on the logarithms of their variance and roughness as well.

    Roughness is the mean square of the steps from row to row: an oscillation, a loose contact or a sensor that sticks
    changes how variance is spread over frequencies before it changes how much there is.
    """
    residuals, begin = rows.residuals, rows.begin
    means = trailing_mean(residuals, width, begin)
    if width < 5:
        return means
    variance = np.maximum(trailing_mean(residuals**2, width, begin) - means**2, 0.0)
    steps = np.diff(residuals, axis=0, prepend=residuals[:1])
    steps[begin == np.arange(len(begin))] = 0.0
    roughness = trailing_mean(steps**2, width, begin)
    return np.hstack([means, np.log(variance + LEAST_VARIANCE), np.log(roughness + 2 * LEAST_VARIANCE)])


class Subspace:
    """Mahalanobis distance of windows, tolerant of what drifted while all was well (`drifts`)."""

    def __init__(self, width: int, *, drifts: bool = True) -> None:
        self.width = width
        self.drifts = drifts

    def fit(self, rows: Rows) -> Self:
        windows = windows_of(rows, self.width)
        count, size = windows.shape
        self._middle = np.median(windows, axis=0)
        deviation = windows.std(axis=0)
        self._unit = np.where(deviation > 1e-9, deviation, 1.0)
        tame = np.clip((windows - self._middle) / self._unit, -5, 5)
        self._mean = tame.mean(axis=0)
        tame = tame - self._mean
        covariance = tame.T @ tame / count
        independent = max(count / self.width, 3.0)
        weight = float(np.clip(size / (independent + size), IDENTITY, 0.9))
        covariance = (1 - weight) * covariance + weight * np.eye(size) * max(np.trace(covariance) / size, 1e-9)
        order = np.argsort(rows.at, kind="stable")
        slope, wander = _drift(tame[order], rows.at[order])
        if not self.drifts:
            slope = np.zeros_like(slope)
        grown = 0.5 * (np.outer(slope, slope) + np.diag(slope**2))
        self._half = (rows.at[order[0]] + rows.at[order[-1]] + 1) / 2
        self._reach = count / 2
        self._inverses = [np.linalg.inv(covariance + wander + far**2 * grown) for far in DISTANCES]
        return self

    def score(self, rows: Rows) -> FloatArray:
        windows = windows_of(rows, self.width)
        whole = _fullness(rows, self.width)
        away = np.abs(rows.at - self._half) / self._reach
        nearest = np.abs(away[:, None] - np.array(DISTANCES)).argmin(axis=1)
        out = np.zeros(len(windows))
        for number in np.unique(nearest):
            places = np.flatnonzero(nearest == number)
            for first in range(0, len(places), CHUNK):
                part = places[first : first + CHUNK]
                off = (np.clip((windows[part] - self._middle) / self._unit, -50, 50) - self._mean) * whole[part]
                out[part] = np.einsum("ij,ij->i", off @ self._inverses[number], off)
        return np.asarray(np.sqrt(np.maximum(out, 0.0) / windows.shape[1]))


class Neighbours:
    """Distance of a window's means to the nearest healthy ones (k-nearest neighbours)."""

    def __init__(self, width: int) -> None:
        self.width = width

    def fit(self, rows: Rows) -> Self:
        means = trailing_mean(rows.residuals, self.width, rows.begin)
        self._mean = means.mean(axis=0)
        deviation = means.std(axis=0)
        self._unit = np.where(deviation > 1e-9, deviation, 1.0)
        sample = ((means - self._mean) / self._unit)[:: max(1, len(means) // HEALTHY_WINDOWS)]
        self._index = NearestNeighbors(n_neighbors=min(NEIGHBOURS, len(sample))).fit(sample)
        return self

    def score(self, rows: Rows) -> FloatArray:
        off = np.clip((trailing_mean(rows.residuals, self.width, rows.begin) - self._mean) / self._unit, -50, 50)
        off = off * _fullness(rows, self.width)
        distance, _ = self._index.kneighbors(off)
        return np.asarray(distance.mean(axis=1) / np.sqrt(off.shape[1]))


def _fullness(rows: Rows, width: int) -> FloatArray:
    """(rows, 1): what the first windows, which are not yet full, are worth."""
    filled = np.arange(1, len(rows.begin) + 1) - rows.begin
    return np.asarray(np.sqrt(np.minimum(filled / width, 1.0))[:, None])


def _drift(tame: FloatArray, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    """Slope of each feature per half length, as far as it exceeds noise; and how the block means wander about it."""
    blocks = np.array_split(np.arange(len(tame)), BLOCKS)
    means = np.array([tame[block].mean(axis=0) for block in blocks])
    at = np.array([rows[block].mean() for block in blocks])
    at = (at - at.mean()) / (len(tame) / 2)
    slope = at @ means / (at @ at)
    rest = means - np.outer(at, slope)
    error = np.sum(rest**2, axis=0) / (BLOCKS - 2) / (at @ at)
    sure = np.maximum(1 - SURE * error / np.maximum(slope**2, 1e-12), 0.0)
    wander = rest.T @ rest / (BLOCKS - 2)
    return slope * np.sqrt(sure), 0.5 * (wander + np.diag(np.diag(wander)))
