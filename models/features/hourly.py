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

from facility.catalogue.catalogue import Aggregate, Catalogue, Channel
from facility.estate import Asset
from models.statistics import BoolArray, IntArray

HOURS = 24
_RETURN = 1.0  # of what a counter fell to it grows at least, in the hour it returns from a step back (D)
HOUR_US = 3_600_000_000
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
    runs = _runs(rollups, assets, catalogue)
    channels = tuple(_channels(catalogue, assets[owner])[key] for owner, key in runs.series)
    slot = (rollups["hour"].to_physical().to_numpy() - round(start.timestamp() * 1e6)) // HOUR_US
    row = np.repeat(runs.row, runs.length)
    inside = (row >= 0) & (slot >= 0) & (slot < days * HOURS) & np.isfinite(rollups["mean"].to_numpy())
    heard = np.zeros(len(channels), dtype=np.bool_)
    heard[row[inside]] = True  # a series without an hour in these days is none
    place = np.cumsum(heard) - 1
    inside = slice(None) if inside.all() else np.flatnonzero(inside)
    cell = place[row[inside]] * (days * HOURS) + slot[inside]
    shape = (int(heard.sum()), days, HOURS)

    def lay(name: str, absent: float = np.nan) -> Hourly:
        out = np.full(shape, absent, dtype=np.float32)
        out.reshape(-1)[cell] = rollups[name].to_numpy()[inside]
        return out

    high, low, last = lay("max"), lay("min"), lay("last")
    return Cube(
        assets=tuple(assets),
        channels=tuple(channel for channel, has in zip(channels, heard, strict=True) if has),
        owner=np.array([owner for owner, _ in runs.series], dtype=np.int64)[heard],
        end=end,
        mean=lay("mean"),
        std=lay("std"),
        low=low,
        high=high,
        last=last,
        count=lay("count", 0.0),
        grown=_without_resets(lay("first"), last, high, low, lay("increase")),
    )


@dataclass(frozen=True, slots=True)
class _Runs:
    """Stretches of rows of one series: rollups come sorted, so there are few."""

    series: tuple[tuple[int, str], ...]  # (asset, channel) of each row of the cube, in order
    row: IntArray  # row of the cube, one a stretch; -1: not wanted
    length: IntArray


def _runs(rollups: pl.DataFrame, assets: Sequence[Asset], catalogue: Catalogue) -> _Runs:
    names = rollups.select("asset", "channel")
    begins = np.flatnonzero(
        names.select((pl.all() != pl.all().shift(1)).fill_null(value=True))
        .select(pl.any_horizontal(pl.all()))
        .to_series()
        .to_numpy()
    )
    position = {asset.id: i for i, asset in enumerate(assets)}
    pairs = []
    for asset, channel in names[begins].rows():
        owner = position.get(asset, -1)
        pairs.append((owner, channel) if owner >= 0 and channel in _channels(catalogue, assets[owner]) else None)
    series = tuple(sorted({pair for pair in pairs if pair is not None}))
    row_of = {pair: row for row, pair in enumerate(series)}
    return _Runs(
        series=series,
        row=np.array([-1 if pair is None else row_of[pair] for pair in pairs], dtype=np.int64),
        length=np.diff(np.append(begins, len(names))),
    )


def flat(hourly: NDArray[Any]) -> NDArray[Any]:
    """(series, hours): days laid end to end."""
    return hourly.reshape(len(hourly), hourly.shape[1] * hourly.shape[2])


def _channels(catalogue: Catalogue, asset: Asset) -> Mapping[str, Channel]:
    return catalogue[asset.kind].channels if asset.kind in catalogue else {}


def _without_resets(first: Hourly, last: Hourly, high: Hourly, low: Hourly, increase: Hourly) -> Hourly:
    """A swapped meter tells nothing of the hour it was swapped in, one that steps back none of when it returns."""
    flat_last = flat(last)
    present = ~np.isnan(flat_last)
    index = np.maximum.accumulate(np.where(present, np.arange(flat_last.shape[1]), 0), axis=1)
    before = np.full_like(flat_last, np.nan)
    before[:, 1:] = np.take_along_axis(flat_last, index, 1)[:, :-1]
    fell = (flat(first) < before) | (flat(high) > flat_last) | (flat(low) < flat(first))
    fell_before = np.zeros_like(fell)
    fell_before[:, 1:] = np.take_along_axis(fell, index, 1)[:, :-1]
    fell |= fell_before & (flat(increase) > _RETURN * np.abs(before))
    return np.where(fell.reshape(first.shape), np.float32(np.nan), increase)


def out_of_service(cube: Cube) -> BoolArray:
    """(assets, days, 24): hours in which a state channel says that the asset was not in normal use."""
    away = np.zeros((len(cube.assets), cube.days, HOURS), dtype=np.bool_)
    for row, channel in enumerate(cube.channels):
        if not channel.in_service:
            continue
        fine = [np.float32(state) for state in channel.in_service]
        present = cube.count[row] > 0
        other = ~(np.isin(cube.low[row], fine) & np.isin(cube.high[row], fine)) & present
        left_so = (~np.isin(cube.last[row], fine) & present).ravel()
        index = np.maximum.accumulate(np.where(present.ravel(), np.arange(present.size), 0))
        carried = left_so[index].reshape(present.shape) & ~present
        away[cube.owner[row]] |= other | carried
    return away
