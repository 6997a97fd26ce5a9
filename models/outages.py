"""Outage histories: for each asset one figure a day, and what can be said from it about the days to come.

Status interfaces of operators often give no more than that: minutes out of service a day. Outages breed outages, so
the features are decayed counts at several time constants, what happened lately, and what happens next door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from facility.estate import Asset
from facility.store import Store
from models.labels import Label
from models.robust import BoolArray, FloatArray, IntArray

START_DECAYS = (3.0, 7.0, 15.0, 30.0, 60.0, 150.0)
DOWN_DECAYS = (7.0, 30.0, 90.0)
MINUTE_DECAYS = (3.0, 10.0, 30.0, 90.0)
PARTIAL_DECAYS = (7.0, 30.0, 90.0)
BASELINE_DECAY = 30.0
SHORTEST = 21  # days of history before a day can be learned from
NEVER = 60.0  # days: "long ago" for what has not been seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Outages:
    """Daily figures of the label's channel. `values` (assets, days), NaN where nothing was reported."""

    assets: tuple[Asset, ...]
    label: Label
    first: date
    values: FloatArray

    @property
    def days(self) -> int:
        return int(self.values.shape[1])

    @property
    def down(self) -> BoolArray:
        return self.label.holds(self.values)

    def index(self, day: date) -> int:
        return (day - self.first).days

    def until(self, days: int) -> Outages:
        """Only the first `days` days."""
        return Outages(assets=self.assets, label=self.label, first=self.first, values=self.values[:, :days])


def read_outages(
    store: Store, assets: Sequence[Asset], label: Label, *, end: datetime, timezone: ZoneInfo
) -> Outages | None:
    """Histories of the assets that have any, from readings before `end`; the last day is the one before `end`."""
    readings = store.read(assets=[a.id for a in assets], channels=[label.channel], end=end.astimezone(UTC))
    if readings.is_empty():
        return None
    daily = (
        readings.with_columns(pl.col("time").dt.convert_time_zone(str(timezone)).dt.date().alias("day"))
        .group_by("asset", "day")
        .agg(pl.col("value").max())
    )
    first: date = daily["day"].min()  # type: ignore[assignment]
    last = (end.astimezone(timezone) - timedelta(microseconds=1)).date()
    heard = set(daily["asset"].unique())
    kept = tuple(a for a in assets if a.id in heard)
    row = {a.id: i for i, a in enumerate(kept)}
    values = np.full((len(kept), (last - first).days + 1), np.nan)
    at = daily.select(
        pl.col("asset").replace_strict(row, return_dtype=pl.Int64).alias("row"),
        (pl.col("day") - pl.lit(first)).dt.total_days().alias("column"),
        "value",
    )
    values[at["row"].to_numpy(), at["column"].to_numpy()] = at["value"].to_numpy()
    return Outages(assets=kept, label=label, first=first, values=values)


def starts(down: BoolArray) -> BoolArray:
    """Days on which an outage began."""
    begun = down.copy()
    begun[:, 1:] &= ~down[:, :-1]
    return begun


def decayed(events: FloatArray | BoolArray, time_constant: float) -> FloatArray:
    """Sum of the events of each row, each weighted exp(-age / time constant); yesterday has age 0."""
    weight = np.exp(-np.arange(events.shape[1] - 1, -1, -1) / time_constant)
    return np.asarray(events @ weight, dtype=np.float64)


def decayed_count(outages: Outages, day: int) -> FloatArray:
    """The baseline that counts: exponentially decayed number of outage starts before the day."""
    return decayed(starts(outages.down[:, :day]), BASELINE_DECAY)


def eligible(outages: Outages, day: int) -> BoolArray:
    """Not down already on the day before."""
    return ~outages.down[:, day - 1]


def events_within(outages: Outages, day: int, horizon: int) -> BoolArray:
    """What is to be foreseen: an outage on any of the days day .. day + horizon - 1."""
    return np.asarray(outages.down[:, day : day + horizon].any(axis=1))


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


def features(outages: Outages, day: int) -> tuple[FloatArray, tuple[str, ...]]:
    """(assets, features) from what was known on the morning of a day (columns before `day`), and their names."""
    values = np.nan_to_num(outages.values[:, :day])
    down = outages.down[:, :day]
    begun = starts(down)
    log_size = np.log1p(np.abs(values))
    partial = (values > 0) & ~down
    columns: dict[str, FloatArray] = {}
    for constant in START_DECAYS:
        columns[f"starts_{constant:g}d"] = np.log1p(decayed(begun, constant))
    for constant in DOWN_DECAYS:
        columns[f"down_{constant:g}d"] = np.log1p(decayed(down, constant))
    for constant in MINUTE_DECAYS:
        columns[f"size_{constant:g}d"] = np.log1p(decayed(log_size, constant))
    for constant in PARTIAL_DECAYS:
        columns[f"partial_{constant:g}d"] = np.log1p(decayed(partial, constant))
    columns["yesterday"] = log_size[:, -1]
    columns["day_before"] = log_size[:, -2]
    columns["worst_of_week"] = log_size[:, -7:].max(axis=1)
    columns["since_outage"] = np.log1p(days_since(down))
    columns["since_any"] = np.log1p(days_since(values > 0))
    place = neighbourhoods(outages.assets)
    columns["next_door_starts"] = _of_others(decayed(begun, 30.0), place)
    columns["next_door_size"] = _of_others(log_size[:, -7:].mean(axis=1), place)
    columns["fleet"] = np.full(len(values), np.log(begun[:, -14:].mean() + 1e-4))
    return np.column_stack(list(columns.values())), tuple(columns)


def days_since(events: BoolArray) -> FloatArray:
    """Days since the last event of each row (1 = yesterday), counted on from `NEVER` where there was none."""
    last = np.where(events, np.arange(events.shape[1]), -NEVER).max(axis=1)
    return np.asarray(events.shape[1] - last, dtype=np.float64)


def _of_others(values: FloatArray, place: IntArray) -> FloatArray:
    """Mean over the others at the same place; the fleet's mean for who stands alone."""
    total, size = np.bincount(place, values), np.bincount(place)
    others = (total[place] - values) / np.maximum(size[place] - 1, 1)
    return np.where(size[place] > 1, others, values.mean())
