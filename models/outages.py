"""Outage histories: for each asset one figure a day, as status interfaces of operators often give it and no more."""

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
from models.robust import BoolArray, FloatArray

BASELINE_DECAY = 30.0
SHORTEST = 21  # days of history before a day can be learned from


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

    def told(self, day: int) -> FloatArray:
        """(assets, days) what was known before a day: days on which nobody reported are left out, they were not quiet.

        A single asset that said nothing counts as running: most feeds only speak of what is down.
        """
        before = self.values[:, :day]
        return np.nan_to_num(before[:, ~np.isnan(before).all(axis=0)])


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
    return decayed(starts(outages.label.holds(outages.told(day))), BASELINE_DECAY)


def eligible(outages: Outages, day: int) -> BoolArray:
    """Not down already on the day before."""
    return ~outages.down[:, day - 1]


def events_within(outages: Outages, day: int, horizon: int) -> BoolArray:
    """What is to be foreseen: an outage on any of the days day .. day + horizon - 1."""
    return np.asarray(outages.down[:, day : day + horizon].any(axis=1))
