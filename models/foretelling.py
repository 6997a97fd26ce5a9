"""What an outage history, a place and a registry entry say about the days to come: the features of the forecast.

Outages breed outages, so most features are decayed counts at several time constants. Beside them stand what happens
next door and further around, and what the registry knows of an asset (its age, its maker, how far it travels).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from facility.estate import Asset
from models.outages import Outages, decayed, starts
from models.robust import BoolArray, FloatArray, IntArray

START_DECAYS = (3.0, 7.0, 15.0, 30.0, 60.0, 150.0)
DOWN_DECAYS = (7.0, 30.0, 90.0)
SIZE_DECAYS = (3.0, 10.0, 30.0, 90.0)
PARTIAL_DECAYS = (7.0, 30.0, 90.0)
NEVER = 60.0  # days: "long ago" for what has not been seen
REACHES = (5.0, 30.0)  # km: the same works team; the same region and weather
AROUND = 60  # nearest assets that are looked at for the surroundings
KM_A_DEGREE = 111.2
COMMON = 0.03  # share of assets that a word of the registry needs to become a feature
WORDS = 6  # features a registry column gives at most
NUMERIC = 0.5  # share of assets with a number that makes a column a measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """How one column of the registry becomes a feature: a number around its middle, or a word that is there or not."""

    column: str
    word: str = ""  # "" = a measure
    low: float = 0.0
    middle: float = 0.0
    high: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.column}={self.word}" if self.word else self.column

    def values(self, assets: Sequence[Asset]) -> FloatArray:
        if self.word:
            return np.array([_word(a, self.column) == self.word for a in assets], dtype=np.float64)
        numbers = np.array([_number(a, self.column) for a in assets])
        return np.clip(np.where(np.isnan(numbers), self.middle, numbers), self.low, self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """The registry's columns that are worth a feature, as they were when the model was trained."""

    chosen: tuple[Trait, ...] = ()

    @classmethod
    def of(cls, assets: Sequence[Asset]) -> Self:
        """Measures that half of the assets have, and words that at least 3 % of them share."""
        columns = sorted({name for a in assets for name in a.attributes})
        found: list[Trait] = []
        for column in ("latitude", "longitude", *columns):
            numbers = np.array([_number(a, column) for a in assets])
            known = numbers[~np.isnan(numbers)]
            if len(known) >= NUMERIC * len(assets) and len(np.unique(known)) > 4:
                low, middle, high = np.quantile(known, [0.01, 0.5, 0.99])
                found.append(Trait(column=column, low=float(low), middle=float(middle), high=float(high)))
                continue
            words, counts = np.unique([_word(a, column) for a in assets], return_counts=True)
            common = sorted(zip(-counts, words, strict=True))[:WORDS]
            shared = [str(w) for c, w in common if w and COMMON * len(assets) <= -c < (1 - COMMON) * len(assets)]
            found += [Trait(column=column, word=word) for word in shared]
        return cls(chosen=tuple(found))

    def table(self, assets: Sequence[Asset]) -> FloatArray:
        columns = [trait.values(assets) for trait in self.chosen]
        return np.column_stack(columns) if columns else np.zeros((len(assets), 0))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(trait.name for trait in self.chosen)

    def as_list(self) -> list[dict[str, Any]]:
        return [asdict(trait) for trait in self.chosen]

    @classmethod
    def from_list(cls, rows: Sequence[dict[str, Any]]) -> Self:
        return cls(chosen=tuple(Trait(**row) for row in rows))


def features(outages: Outages, day: int, traits: Traits) -> tuple[FloatArray, tuple[str, ...]]:
    """(assets, features) from what was known on the morning of a day (columns before `day`), and their names."""
    values = outages.told(day)
    down = outages.label.holds(values)
    begun = starts(down)
    log_size = np.log1p(np.abs(values))
    partial = (values > 0) & ~down
    columns: dict[str, FloatArray] = {}
    for constant in START_DECAYS:
        columns[f"starts_{constant:g}d"] = np.log1p(decayed(begun, constant))
    for constant in DOWN_DECAYS:
        columns[f"down_{constant:g}d"] = np.log1p(decayed(down, constant))
    for constant in SIZE_DECAYS:
        columns[f"size_{constant:g}d"] = np.log1p(decayed(log_size, constant))
    for constant in PARTIAL_DECAYS:
        columns[f"partial_{constant:g}d"] = np.log1p(decayed(partial, constant))
    columns["yesterday"] = _days_ago(log_size, 1)
    columns["day_before"] = _days_ago(log_size, 2)
    columns["worst_of_week"] = log_size[:, -7:].max(axis=1, initial=0.0)
    columns["worst_of_fortnight"] = log_size[:, -14:].max(axis=1, initial=0.0)
    columns["since_outage"] = np.log1p(days_since(down))
    columns["since_start"] = np.log1p(days_since(begun))
    columns["since_any"] = np.log1p(days_since(values > 0))
    columns["usual_length"] = np.log1p(down.sum(axis=1) / np.maximum(begun.sum(axis=1), 1))
    lately, long, restless = decayed(begun, 7.0), decayed(begun, 60.0), decayed(partial, 14.0)
    place = neighbourhoods(outages.assets)
    columns["next_door_starts"] = _of_others(decayed(begun, 30.0), place)
    columns["next_door_size"] = _of_others(log_size[:, -7:].mean(axis=1), place)
    columns["next_door_count"] = np.log(np.bincount(place)[place])
    for reach in REACHES:
        around = surroundings(outages.assets, reach)
        for name, figure in (("starts_7d", lately), ("starts_60d", long), ("partial_14d", restless)):
            columns[f"within_{reach:g}km_{name}"] = _around(around, figure)
    columns["fleet"] = np.full(len(values), np.log(begun[:, -14:].mean() + 1e-4))
    table = np.column_stack([*columns.values(), traits.table(outages.assets)])
    return table, (*columns, *traits.names)


def days_since(events: BoolArray) -> FloatArray:
    """Days since the last event of each row (1 = yesterday), counted on from `NEVER` where there was none."""
    last = np.where(events, np.arange(events.shape[1]), -NEVER).max(axis=1, initial=-NEVER)
    return np.asarray(events.shape[1] - last, dtype=np.float64)


def neighbourhoods(assets: Sequence[Asset]) -> IntArray:
    """A number for each place: the building, else the coordinates to about a kilometre, else the asset alone."""
    numbers: dict[object, int] = {}
    out = []
    for asset in assets:
        place: object = asset.id
        if asset.building:
            place = (asset.site, asset.building)
        elif asset.latitude is not None and asset.longitude is not None:
            place = (round(asset.latitude, 2), round(asset.longitude, 2))
        out.append(numbers.setdefault(place, len(numbers)))
    return np.array(out, dtype=np.int64)


def surroundings(assets: Sequence[Asset], reach: float) -> csr_array:
    """(assets, assets) weights exp(-distance / reach in km) of the nearest others; none for assets without a place."""
    places = tuple((a.latitude, a.longitude) for a in assets)
    return _weights(places, reach)


@lru_cache(maxsize=4)
def _weights(places: tuple[tuple[float | None, float | None], ...], reach: float) -> csr_array:
    placed = np.array([i for i, (lat, lon) in enumerate(places) if lat is not None and lon is not None], dtype=np.int64)
    if len(placed) < 2:
        return csr_array((len(places), len(places)))
    degrees = np.array([places[i] for i in placed], dtype=np.float64)
    shrink = np.cos(np.deg2rad(degrees[:, 0].mean()))
    km = degrees * KM_A_DEGREE * np.array([1.0, shrink])
    distance, other = cKDTree(km).query(km, k=min(AROUND + 1, len(placed)))
    weight = np.exp(-distance / reach)
    weight[other == np.arange(len(placed))[:, None]] = 0.0
    rows = np.repeat(placed, distance.shape[1])
    return csr_array((weight.ravel(), (rows, placed[other.ravel()])), shape=(len(places), len(places)))


def _around(weights: csr_array, figure: FloatArray) -> FloatArray:
    """Weighted mean over the surroundings, with the fleet's mean worth one asset."""
    return np.asarray((weights @ figure + figure.mean()) / (weights.sum(axis=1) + 1.0))


def _of_others(values: FloatArray, place: IntArray) -> FloatArray:
    """Mean over the others at the same place; the fleet's mean is worth one of them."""
    total, size = np.bincount(place, values), np.bincount(place)
    return np.asarray((total[place] - values + values.mean()) / size[place])


def _days_ago(values: FloatArray, ago: int) -> FloatArray:
    return values[:, -ago] if values.shape[1] >= ago else np.zeros(len(values))


def _word(asset: Asset, column: str) -> str:
    return asset.attributes.get(column, "").strip()


def _number(asset: Asset, column: str) -> float:
    if column in ("latitude", "longitude"):
        place = asset.latitude if column == "latitude" else asset.longitude
        return np.nan if place is None else place
    try:
        number = float(asset.attributes.get(column, ""))
    except ValueError:
        return np.nan
    return number if np.isfinite(number) else np.nan
