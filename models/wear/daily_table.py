"""Long histories of a class: one figure a day, asset and channel, from hourly rollups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facility.catalogue.catalogue import Aggregate, Channel
from facility.estate import Asset
from facility.store import Store
from models.statistics import BoolArray, IntArray
from models.wear.countdown import counts_down

AT_ONCE = 250  # assets whose hours are in memory at once
LONGEST = 1100  # days
CARRIED = 2.5  # usual gaps of a channel that is measured now and then, over which its last figure holds

COMMON = 0.05  # of the assets that have a channel, for it to be compared

Table = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyTable:
    """`values` (assets, days, channels), NaN where nothing was measured. The last day is the one before the end."""

    assets: tuple[Asset, ...]
    channels: tuple[Channel, ...]
    first: date
    values: Table
    measured: BoolArray | None = None  # (assets, days): heard on the day itself, where figures are carried on

    @property
    def days(self) -> int:
        return int(self.values.shape[1])

    @property
    def heard(self) -> BoolArray:
        """(assets, days): whether any channel was measured."""
        if self.measured is not None:
            return self.measured
        return np.asarray(~np.isnan(self.values).all(axis=2), dtype=np.bool_)

    @property
    def first_heard(self) -> IntArray:
        """(assets,): the first day of each, the number of days where it never was."""
        heard = self.heard
        return np.where(heard.any(axis=1), heard.argmax(axis=1), self.days)

    @property
    def last_heard(self) -> IntArray:
        """(assets,): the last day of each, -1 where it never was."""
        heard = self.heard
        return np.where(heard.any(axis=1), self.days - 1 - heard[:, ::-1].argmax(axis=1), -1)

    def measurements(self, besides: str = "") -> DailyTable | None:
        """Without a named channel, those that count days left, and those that few assets have; None if none is left."""
        keep = []
        for place, channel in enumerate(self.channels):
            figures = self.values[:, :, place]
            common = (~np.isnan(figures)).any(axis=1).mean() >= COMMON
            if channel.key != besides and common and not counts_down(figures.astype(np.float64), channel):
                keep.append(place)
        if not keep:
            return None
        return DailyTable(
            assets=self.assets,
            channels=tuple(self.channels[place] for place in keep),
            first=self.first,
            values=self.values[:, :, keep],
        )

    def taking(self, rows: IntArray) -> DailyTable:
        """The same days of some of the assets."""
        return DailyTable(
            assets=tuple(self.assets[row] for row in rows),
            channels=self.channels,
            first=self.first,
            values=self.values[rows],
        )

    def until(self, days: int) -> DailyTable:
        """Only the first days."""
        return DailyTable(assets=self.assets, channels=self.channels, first=self.first, values=self.values[:, :days])


def read_daily(
    store: Store, assets: Sequence[Asset], channels: Sequence[Channel], *, end: datetime, timezone: ZoneInfo
) -> DailyTable | None:
    """Daily figures of assets of one class from readings before `end`; None where there are none."""
    end_utc = end.astimezone(UTC)
    start = end_utc - timedelta(days=LONGEST)
    keys = [channel.key for channel in channels]
    counters = [channel.key for channel in channels if channel.aggregate is Aggregate.COUNTER]
    parts = []
    for begin in range(0, len(assets), AT_ONCE):
        ids = [asset.id for asset in assets[begin : begin + AT_ONCE]]
        hours = store.rollups(assets=ids, channels=keys, start=start, end=end_utc)
        if hours.is_empty():
            continue
        weight = pl.col("count").cast(pl.Float64)
        parts.append(
            hours.filter(pl.col("mean").is_finite())
            .with_columns(day=pl.col("hour").dt.convert_time_zone(str(timezone)).dt.date())
            .group_by("asset", "channel", "day")
            .agg(
                level=(pl.col("mean") * weight).sum() / weight.sum(),
                grown=pl.col("increase").sum() if "increase" in hours.columns else pl.lit(0.0),
            )
            .with_columns(
                value=pl.when(pl.col("channel").is_in(counters)).then(pl.col("grown")).otherwise(pl.col("level"))
            )
            .select("asset", "channel", "day", "value")
        )
    daily = pl.concat(parts) if parts else None
    if daily is None or daily.is_empty():
        return None
    first: date = daily["day"].min()  # type: ignore[assignment]
    last = (end.astimezone(timezone) - timedelta(microseconds=1)).date()
    present = set(daily["asset"].unique())
    heard = tuple(asset for asset in assets if asset.id in present)
    values = np.full((len(heard), (last - first).days + 1, len(channels)), np.nan, dtype=np.float32)
    rows = {asset.id: row for row, asset in enumerate(heard)}
    columns = {key: column for column, key in enumerate(keys)}
    at = daily.select(
        pl.col("asset").replace_strict(rows, return_dtype=pl.Int64).alias("row"),
        pl.col("channel").replace_strict(columns, return_dtype=pl.Int64).alias("column"),
        (pl.col("day") - pl.lit(first)).dt.total_days().alias("day"),
        "value",
    )
    values[at["row"].to_numpy(), at["day"].to_numpy(), at["column"].to_numpy()] = at["value"].to_numpy()
    measured = np.asarray(~np.isnan(values).all(axis=2), dtype=np.bool_)
    return DailyTable(assets=heard, channels=tuple(channels), first=first, values=_carried(values), measured=measured)


def _carried(values: Table) -> Table:
    """The last figure of a channel holds until the next, for a few of its usual gaps and no longer."""
    for column in range(values.shape[2]):
        figures = values[:, :, column]
        measured = ~np.isnan(figures)
        counts = measured.sum(axis=1)
        if not counts.any():
            continue
        first = np.where(counts > 0, measured.argmax(axis=1), 0)
        last = figures.shape[1] - 1 - np.where(counts > 0, measured[:, ::-1].argmax(axis=1), 0)
        gaps = (last - first)[counts > 1] / (counts[counts > 1] - 1)
        usual = float(np.median(gaps)) if gaps.size else 1.0
        reach = int(np.floor(CARRIED * usual)) if usual > 1.5 else 2
        day = np.arange(figures.shape[1])
        newest = np.maximum.accumulate(np.where(measured, day, -1), axis=1)
        near = (newest >= 0) & (day - newest <= reach)
        filled = np.take_along_axis(figures, np.maximum(newest, 0), axis=1)
        values[:, :, column] = np.where(near & (day <= last[:, None] + reach), filled, np.nan)
    return values
