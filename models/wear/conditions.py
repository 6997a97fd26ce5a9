"""Operating conditions of a class, learned from the first days of all its assets, and what is left without them.

An engine that flies high today and low tomorrow moves its sensors far more by that than by any wear. Conditions are
clusters that most assets visit; what only tells assets apart is no condition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from threadpoolctl import threadpool_limits

from models.recordings.behaviour import Behaviour
from models.statistics import FloatArray, IntArray, empty_slices, median

FRESH = 40  # days at the beginning of an asset's record that conditions are learned from
OWN = 20  # days at the beginning that an asset's own level is learned from
SETTLED = 0.8  # share of an asset's days in one cluster from which the clusters only tell assets apart
FARTHEST = 12.0  # deviations; what is farther is as far
ROWS, MOST_ROWS = 40, 2_000  # pooled days, least and most


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Centres and widths of every channel in every condition; `points` of them, told by a diagonal mixture."""

    middle: FloatArray  # (channels,)
    width: FloatArray
    still: tuple[bool, ...]
    weights: FloatArray  # (points,)
    means: FloatArray  # (points, channels)
    variances: FloatArray
    centres: FloatArray
    widths: FloatArray

    @classmethod
    def of(cls, days: list[FloatArray], seed: int = 0) -> Self:
        """From the first days of each asset, (days, channels) each."""
        every = max(1, -(-sum(map(len, days)) // MOST_ROWS))
        days = [part[place % every :: every] for place, part in enumerate(days)]
        rows = np.concatenate(days)
        behaviour = _behaviour(rows, seed, None)
        if behaviour.points > 1:
            place = np.concatenate([np.full(len(part), i) for i, part in enumerate(days)])
            if _only_tells_assets_apart(behaviour.place(rows), place):
                behaviour = _behaviour(rows, seed, 1)
        parts = behaviour.parts()
        return cls(still=tuple(bool(still) for still in behaviour.scale.still), **parts)

    @property
    def points(self) -> int:
        return len(self.weights)

    def residuals(self, rows: FloatArray) -> FloatArray:
        """(…, channels) in widths of the condition; NaN where nothing was measured, 0 for what never moves."""
        standard = np.clip((rows - self.middle) / self.width, -60, 60)
        filled = np.nan_to_num(standard)
        place = self._place(filled)
        out = np.clip((standard - self.centres[place]) / self.widths[place], -FARTHEST, FARTHEST)
        return np.asarray(np.where(np.array(self.still), np.where(np.isnan(standard), np.nan, 0.0), out))

    def _place(self, filled: FloatArray) -> IntArray:
        if self.points == 1:
            return np.zeros(filled.shape[:-1], dtype=np.int64)
        likeliest = np.full(filled.shape[:-1], -np.inf)
        place = np.zeros(filled.shape[:-1], dtype=np.int64)
        for point in range(self.points):
            off = (filled - self.means[point]) ** 2 / self.variances[point] + np.log(self.variances[point])
            likely = np.log(self.weights[point] + 1e-12) - 0.5 * off.sum(axis=-1)
            place = np.where(likely > likeliest, point, place)
            likeliest = np.maximum(likely, likeliest)
        return place

    def as_dict(self) -> dict[str, Any]:
        return {
            "still": list(self.still),
            **{name: getattr(self, name).tolist() for name in _ARRAYS},
        }

    @classmethod
    def from_dict(cls, about: dict[str, Any]) -> Self:
        arrays = {name: np.array(about[name], dtype=np.float64) for name in _ARRAYS}
        return cls(still=tuple(bool(still) for still in about["still"]), **arrays)


_ARRAYS = ("middle", "width", "weights", "means", "variances", "centres", "widths")


def _behaviour(rows: FloatArray, seed: int, points: int | None) -> Behaviour:
    seconds = np.arange(len(rows), dtype=np.float64) * 86_400.0
    with threadpool_limits(1):
        return Behaviour(seed, points).fit(rows, seconds)


def _only_tells_assets_apart(place: IntArray, owner: IntArray) -> bool:
    shares = [np.bincount(place[owner == asset]).max() / np.sum(owner == asset) for asset in np.unique(owner)]
    return float(np.median(shares)) >= SETTLED


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLevels:
    """How assets of a class differ when their records begin. Arrays (channels,), variances of residuals."""

    centre: FloatArray
    between: FloatArray  # assets differ by so much beyond the chance of a few days
    noise: FloatArray  # of one day

    @classmethod
    def of(cls, fresh: FloatArray) -> Self:
        """From the first days of each asset (assets, days, channels), NaN where nothing was measured."""
        with empty_slices():
            average, count = np.nanmean(fresh, axis=1), np.sum(~np.isnan(fresh), axis=1)
            noise = np.nan_to_num(median(np.nanvar(np.diff(fresh, axis=1), axis=1).T) / 2)
            varied = np.nan_to_num(np.nanvar(average, axis=0))
        chance = noise / np.maximum(np.nan_to_num(median(count.T.astype(np.float64))), 1.0)
        return cls(centre=np.nan_to_num(median(average.T)), between=np.maximum(varied - chance, 0.0), noise=noise)

    def levels(self, fresh: FloatArray) -> FloatArray:
        """(assets, channels): where each stood at first, drawn towards its class (best linear unbiased prediction)."""
        with empty_slices():
            average, count = np.nanmean(fresh, axis=1), np.sum(~np.isnan(fresh), axis=1)
        trust = self.between / np.maximum(self.between + self.noise / np.maximum(count, 1), 1e-12)
        level = self.centre + trust * (np.nan_to_num(average) - self.centre)
        return np.asarray(np.where(count > 0, level, self.centre))
