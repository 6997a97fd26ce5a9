"""How far each asset of a class has moved along the ways in which assets of that class move as they age.

Residuals of a day (operating condition and own first level taken out) are averaged over about a week. The directions
are those in which assets differ most after their lives so far, beside the noise of an average (leading generalised
eigenvectors). What all do alike, as in a season, is no direction. The distance along them is the wear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from models.statistics import BoolArray, FloatArray, IntArray, empty_slices, median
from models.wear.conditions import FARTHEST, FRESH, OWN, ROWS, Conditions, OwnLevels
from models.wear.daily_table import DailyTable

SHORTEST = 40  # days of record from which an asset tells of directions, and is judged
ASSETS = 8  # with so long a record, before a class tells anything
LEARNED_FROM = 400  # assets at most
NEWEST = 10  # days that are the end of a record
PLAIN = 10.0  # variance of assets' drifts beside that of noise, from which they are a direction
BESIDE_FIRST = 0.05  # of the first direction's variance, from which there is another
DIRECTIONS = 4
SMOOTHED = 8.0  # days, time constant of the average
SLOW = 12.0  # of the averages that are features by themselves
BACK, FAR_BACK = 10, 25  # days over which wear has grown


@dataclass(frozen=True, slots=True, kw_only=True)
class Wear:
    """On the mornings of some days, from what was before them. Arrays (assets, mornings, …)."""

    index: FloatArray  # standard deviations of one day's noise; NaN where the record is too short or silent
    grown: FloatArray  # by so much in the last ten days
    features: FloatArray  # what a classifier may learn from
    age: FloatArray  # days of record

    def ahead(self, days: float) -> FloatArray:
        """The index in the middle of so many days to come, if it goes on growing."""
        return np.asarray(self.index + np.maximum(self.grown, 0.0) * days / (2 * BACK))


@dataclass(frozen=True, slots=True, kw_only=True)
class WearModel:
    """What a class's records tell of conditions, noise and directions. `directions` (channels, ways)."""

    channels: tuple[str, ...]
    conditions: Conditions
    levels: OwnLevels
    noise: FloatArray  # of a day, robust
    directions: FloatArray

    @classmethod
    def learned(cls, table: DailyTable, rows: IntArray | None = None, seed: int = 0) -> Self | None:
        """From the records of the assets in `rows`; None where they are too few, too short, or drift nowhere."""
        length = table.heard.sum(axis=1)
        suited = np.flatnonzero(length >= SHORTEST) if rows is None else rows[length[rows] >= SHORTEST]
        if len(suited) < ASSETS:
            return None
        if len(suited) > LEARNED_FROM:
            suited = np.sort(np.random.default_rng(seed).choice(suited, LEARNED_FROM, replace=False))
        records = [_record(table, int(row)) for row in suited]
        fresh = [record[:FRESH] for record in records]
        if sum(map(len, fresh)) < ROWS:
            return None
        conditions = Conditions.of(fresh, seed)
        residuals = [conditions.residuals(record) for record in records]
        first = np.stack([residual[:OWN] for residual in residuals])
        levels = OwnLevels.of(first)
        own = levels.levels(first)
        steps = np.stack([np.diff(residual[:SHORTEST], axis=0) for residual in residuals])
        with empty_slices():
            noise = 1.4826 / np.sqrt(2) * median(median(np.abs(steps), axis=1), axis=0)
        noise = np.where(np.nan_to_num(noise) < 1e-3, np.inf, noise)
        with empty_slices():
            drift = np.stack([np.nanmean(r[-NEWEST:], axis=0) - o for r, o in zip(residuals, own, strict=True)]) / noise
        drift = np.nan_to_num(np.clip(drift, -FARTHEST, FARTHEST)) / np.sqrt(1 / NEWEST + 1 / OWN)
        size, ways = np.linalg.eigh(np.cov(drift.T))
        size, ways = size[::-1], ways[:, ::-1]
        count = int(np.sum((size > PLAIN) & (size > BESIDE_FIRST * size[0])))
        if not count:
            return None
        ways = ways[:, : min(count, DIRECTIONS)]
        return cls(
            channels=tuple(channel.key for channel in table.channels),
            conditions=conditions,
            levels=levels,
            noise=noise,
            directions=ways * np.where(drift.mean(axis=0) @ ways < 0, -1.0, 1.0),
        )

    def wear(self, table: DailyTable, days: Sequence[int]) -> Wear:
        """On the mornings of the days (1 = after the first day of the table)."""
        values = table.values.astype(np.float64)
        residuals = self.conditions.residuals(values)
        first = table.first_heard
        own = self.levels.levels(_from_first(residuals, first))
        standard = np.clip((residuals - own[:, None]) / self.noise, -FARTHEST, FARTHEST)
        wanted = np.broadcast_to(np.asarray(days, dtype=np.int64) - 1, (len(values), len(days)))
        at = np.maximum(np.minimum(wanted, table.last_heard[:, None]), 0)  # of who is silent, the last that was known
        smooth, slow = _averages(standard, SMOOTHED), _averages(standard, SLOW)
        along = smooth @ self.directions
        index = np.sqrt((along**2).sum(axis=2))
        age = at + 1.0 - first[:, None]
        young = age < OWN

        def then(figure: FloatArray) -> FloatArray:
            mornings = at if figure.ndim == 2 else at[:, :, None]
            return np.asarray(np.take_along_axis(figure, mornings, axis=1))

        def since(back: int) -> FloatArray:
            earlier = np.take_along_axis(index, np.maximum(at - back, np.minimum(first[:, None], at)), axis=1)
            return np.asarray(then(index) - earlier)

        now, grown = then(index), since(BACK)
        features = np.concatenate(
            [
                np.stack([now, np.log1p(now), grown, since(FAR_BACK), age], axis=2),
                then(along),
                then(slow),
            ],
            axis=2,
        )
        return Wear(
            index=np.where(young, np.nan, now),
            grown=np.where(young, np.nan, grown),
            features=np.where(young[:, :, None], 0.0, np.nan_to_num(features)),
            age=np.asarray(age, dtype=np.float64),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Of the features, in their order."""
        ways = range(1, self.directions.shape[1] + 1)
        return (
            "wear", "wear_log", f"wear_grown_{BACK}d", f"wear_grown_{FAR_BACK}d", "days_of_record",
            *(f"wear_way_{way}" for way in ways), *(f"level_{key}" for key in self.channels),
        )  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        return {
            "channels": list(self.channels),
            "conditions": self.conditions.as_dict(),
            "levels": {name: getattr(self.levels, name).tolist() for name in ("centre", "between", "noise")},
            "noise": [None if np.isinf(figure) else float(figure) for figure in self.noise],
            "directions": self.directions.tolist(),
        }

    @classmethod
    def from_dict(cls, about: dict[str, Any]) -> Self:
        return cls(
            channels=tuple(about["channels"]),
            conditions=Conditions.from_dict(about["conditions"]),
            levels=OwnLevels(
                **{name: np.array(figures, dtype=np.float64) for name, figures in about["levels"].items()}
            ),
            noise=np.array([np.inf if figure is None else figure for figure in about["noise"]], dtype=np.float64),
            directions=np.array(about["directions"], dtype=np.float64),
        )


def _record(table: DailyTable, row: int) -> FloatArray:
    """(days, channels): the days on which an asset was heard, one after the other."""
    values = table.values[row]
    return np.asarray(values[~np.isnan(values).all(axis=1)], dtype=np.float64)


def _from_first(residuals: FloatArray, first: IntArray) -> FloatArray:
    """(assets, OWN, channels): the first days of each asset's record; NaN beyond its end."""
    at = first[:, None] + np.arange(OWN)
    inside = at < residuals.shape[1]
    taken = np.take_along_axis(residuals, np.minimum(at, residuals.shape[1] - 1)[:, :, None], axis=1)
    return np.where(inside[:, :, None], taken, np.nan)


def _averages(standard: FloatArray, time_constant: float) -> FloatArray:
    """Running exponential averages over the days; where nothing is measured the last stands."""
    keep = float(np.exp(-1 / time_constant))
    total, weight = np.zeros(standard[:, 0].shape), np.zeros(standard[:, 0].shape)
    out = np.empty_like(standard)
    measured: BoolArray = ~np.isnan(standard)
    filled = np.nan_to_num(standard)
    for day in range(standard.shape[1]):
        here = measured[:, day]
        total = np.where(here, keep * total + filled[:, day], total)
        weight = np.where(here, keep * weight + 1.0, weight)
        out[:, day] = total / np.maximum(weight, 1e-9)
    return out
