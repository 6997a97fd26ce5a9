"""Hourly rollups as dense arrays: one row a series (an asset's channel), then days, then the 24 hours of the day.

Days are counted back from the as-of time, so that the last one is always whole. Everything the models do starts here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from facility.channels import Aggregate, Catalogue, Channel
from facility.estate import Asset
from models.robust import BoolArray, IntArray

HOURS = 24
Hourly = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cube:
    """Hours of many series. All arrays have the shape (series, days, 24); NaN where nothing was read."""

    assets: tuple[Asset, ...]
    channels: tuple[Channel, ...]  # one a series
    owner: IntArray  # index into `assets`, one a series
    end: datetime  # UTC; the end of the last hour of the last day
    mean: Hourly
    std: Hourly
    low: Hourly
    high: Hourly
    last: Hourly
    count: Hourly
    grown: Hourly  # growth of a counter in the hour; NaN where it was reset

    @property
    def days(self) -> int:
        return int(self.mean.shape[1])

    def day_start(self, day: int) -> datetime:
        return self.end - timedelta(days=self.days - day)

    def rows(self, aggregate: Aggregate) -> IntArray:
        return np.array([i for i, c in enumerate(self.channels) if c.aggregate is aggregate], dtype=np.int64)


def whole_hour(moment: datetime) -> datetime:
    """The moment itself if it is a full hour, else the next one."""
    floor = moment.replace(minute=0, second=0, microsecond=0)
    return floor if floor == moment else floor + timedelta(hours=1)


def build_cube(
    rollups: pl.DataFrame, assets: Sequence[Asset], catalogue: Catalogue, *, as_of: datetime, days: int
) -> Cube:
    """Lay rollups (columns of `Store.rollups`) out as a `Cube`. Channels a kind does not know are left out."""
    end = whole_hour(as_of)
    start = end - timedelta(days=days)
    position = {asset.id: i for i, asset in enumerate(assets)}
    keys = sorted(catalogue.channel_keys())
    frame = rollups.filter(pl.col("asset").is_in(list(position)) & pl.col("channel").is_in(keys)).select(
        pl.col("asset").cast(pl.Enum(list(position) or [""])).to_physical().cast(pl.Int64).alias("owner"),
        pl.col("channel").cast(pl.Enum(keys)).to_physical().cast(pl.Int64).alias("key"),
        ((pl.col("hour") - pl.lit(start)).dt.total_hours()).alias("slot"),
        *(
            pl.col(name).cast(pl.Float32)
            for name in ("mean", "std", "min", "max", "first", "last", "count", "increase")
        ),
    )
    frame = frame.filter((pl.col("slot") >= 0) & (pl.col("slot") < days * HOURS) & pl.col("mean").is_finite())
    pairs = frame.select("owner", "key").unique().sort("owner", "key").rows()
    known = [(owner, key) for owner, key in pairs if keys[key] in _channels(catalogue, assets[owner])]
    table = np.full((len(assets), len(keys)), -1, dtype=np.int64)
    for row, (owner, key) in enumerate(known):
        table[owner, key] = row
    row_of = table[frame["owner"].to_numpy(), frame["key"].to_numpy()]
    kept = row_of >= 0
    cell = row_of[kept] * days * HOURS + frame["slot"].to_numpy()[kept]

    def lay(name: str) -> Hourly:
        out = np.full(len(known) * days * HOURS, np.nan, dtype=np.float32)
        out[cell] = frame[name].to_numpy()[kept]
        return out.reshape(len(known), days, HOURS)

    channels = tuple(_channels(catalogue, assets[owner])[keys[key]] for owner, key in known)
    first, last, increase = lay("first"), lay("last"), lay("increase")
    return Cube(
        assets=tuple(assets),
        channels=channels,
        owner=np.array([owner for owner, _ in known], dtype=np.int64),
        end=end,
        mean=lay("mean"),
        std=lay("std"),
        low=lay("min"),
        high=lay("max"),
        last=last,
        count=np.nan_to_num(lay("count")),
        grown=_without_resets(first, last, lay("max"), increase),
    )


def flat(hourly: NDArray[Any]) -> NDArray[Any]:
    """(series, hours): days laid end to end."""
    return hourly.reshape(len(hourly), hourly.shape[1] * hourly.shape[2])


def _channels(catalogue: Catalogue, asset: Asset) -> Mapping[str, Channel]:
    return catalogue[asset.kind].channels if asset.kind in catalogue else {}


def _without_resets(first: Hourly, last: Hourly, high: Hourly, increase: Hourly) -> Hourly:
    """A swapped meter tells nothing of the hour it was swapped in."""
    flat_last = flat(last)
    seen = ~np.isnan(flat_last)
    index = np.maximum.accumulate(np.where(seen, np.arange(flat_last.shape[1]), 0), axis=1)
    before = np.full_like(flat_last, np.nan)
    before[:, 1:] = np.take_along_axis(flat_last, index, 1)[:, :-1]
    fell = (flat(first) < before) | (flat(high) > flat_last)
    return np.where(fell.reshape(first.shape), np.float32(np.nan), increase)


def out_of_service(cube: Cube) -> BoolArray:
    """(assets, days, 24): hours in which a state channel says that the asset was not in normal use."""
    away = np.zeros((len(cube.assets), cube.days, HOURS), dtype=np.bool_)
    for row, channel in enumerate(cube.channels):
        if not channel.in_service:
            continue
        fine = [np.float32(state) for state in channel.in_service]
        seen = cube.count[row] > 0
        other = ~(np.isin(cube.low[row], fine) & np.isin(cube.high[row], fine)) & seen
        left_so = (~np.isin(cube.last[row], fine) & seen).ravel()
        index = np.maximum.accumulate(np.where(seen.ravel(), np.arange(seen.size), 0))
        carried = left_so[index].reshape(seen.shape) & ~seen
        away[cube.owner[row]] |= other | carried
    return away
