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
from models.outages.label import Label
from models.statistics import BoolArray, FloatArray

BASELINE_DECAY = 30.0
SHORTEST = 21  # days of history before a day can be learned from
NEVER = 60.0  # days: "long ago" for what has not been seen
STIRRING = 20  # assets with a figure on an ordinary day: if none has one, the feed slept
BLACKOUT = 0.5  # share of a fleet that is never down at once where half as many are not usually
WEEK = 7


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
        return np.asarray(self.label.holds(self.values) & self.told, dtype=np.bool_)

    @property
    def told(self) -> BoolArray:
        """Days that say anything. Left out are days on which nobody reported, which were not quiet, and days on which
        the feed itself must have failed: all at rest where that never happens, or half of a fleet down at once.

        A single asset that said nothing counts as running: most feeds only speak of what is down. What is said of a day
        depends on that day and those before it.
        """
        reported = ~np.isnan(self.values).all(axis=0)
        stirred = np.nan_to_num(self.values != 0).astype(np.float64) * ~np.isnan(self.values)
        counts = stirred.sum(axis=0)
        down = self.label.holds(self.values).mean(axis=0) if len(self.values) else np.zeros(self.days)
        earlier = np.concatenate([[0.0], np.cumsum(reported)[:-1]])
        usual, usually_down = (
            np.concatenate([[0.0], np.cumsum(figure * reported)[:-1]]) / np.maximum(earlier, 1.0)
            for figure in (counts, down)
        )
        asleep = (counts == 0) & (usual >= STIRRING)
        blackout = (
            (down >= BLACKOUT) & (usually_down < BLACKOUT / 2) & (earlier >= WEEK) & (len(self.values) >= STIRRING)
        )
        return np.asarray(reported & ~asleep & ~blackout, dtype=np.bool_)

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
    heard_assets = tuple(a for a in assets if a.id in heard)
    row = {a.id: i for i, a in enumerate(heard_assets)}
    values = np.full((len(heard_assets), (last - first).days + 1), np.nan)
    at = daily.select(
        pl.col("asset").replace_strict(row, return_dtype=pl.Int64).alias("row"),
        (pl.col("day") - pl.lit(first)).dt.total_days().alias("column"),
        "value",
    )
    values[at["row"].to_numpy(), at["column"].to_numpy()] = at["value"].to_numpy()
    return Outages(assets=heard_assets, label=label, first=first, values=values)


def starts(down: BoolArray) -> BoolArray:
    """Days on which an outage began."""
    begun: BoolArray = down.copy()
    begun[:, 1:] &= ~down[:, :-1]
    return begun


def days_since(events: BoolArray) -> FloatArray:
    """Days since the last event of each row (1 = yesterday), counted on from `NEVER` where there was none."""
    last = np.where(events, np.arange(events.shape[1]), -NEVER).max(axis=1, initial=-NEVER)
    return np.asarray(events.shape[1] - last, dtype=np.float64)


def decayed(events: FloatArray | BoolArray, time_constant: float) -> FloatArray:
    """Sum of the events of each row, each weighted exp(-age / time constant); yesterday has age 0."""
    weight = np.exp(-np.arange(events.shape[1] - 1, -1, -1) / time_constant)
    return np.asarray(events @ weight, dtype=np.float64)


def decayed_count(outages: Outages, day: int) -> FloatArray:
    """The baseline that counts: exponentially decayed number of outage starts before the day."""
    before = outages.values[:, :day][:, outages.told[:day]]
    return decayed(starts(outages.label.holds(before)), BASELINE_DECAY)


def eligible(outages: Outages, day: int) -> BoolArray:
    """Not down already on the day before."""
    return ~outages.down[:, day - 1]


def events_within(outages: Outages, day: int, horizon: int) -> BoolArray:
    """What is to be foreseen: an outage on any of the days day .. day + horizon - 1."""
    return np.asarray(outages.down[:, day : day + horizon].any(axis=1))
