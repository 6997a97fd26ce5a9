"""Hourly summaries of readings: how they are computed, whoever keeps them.

The frame has one row an (asset, channel, hour). `last_time` and `last_arrived` ride along so that the newest reading of
every channel is found without touching the readings.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl

KEY = ["asset", "channel", "hour"]
HOURLY = pl.Schema(
    {
        "asset": pl.String(),
        "channel": pl.String(),
        "hour": pl.Datetime("us", "UTC"),
        "count": pl.Int32(),
        "mean": pl.Float64(),
        "std": pl.Float64(),
        "min": pl.Float64(),
        "max": pl.Float64(),
        "first": pl.Float64(),
        "last": pl.Float64(),
        "increase": pl.Float64(),
        "last_time": pl.Datetime("us", "UTC"),
        "last_arrived": pl.Datetime("us", "UTC"),
    }
)
SHOWN = [name for name in HOURLY if not name.startswith("last_")]


def summarise(readings: pl.LazyFrame) -> pl.DataFrame:
    """Hourly rows of readings (columns of `READINGS`, any order, no identity twice).

    `increase` here is the growth inside the hour; a fall is a reset, and what the counter shows after it has grown
    since. `across_hours` adds the growth from the hour before.
    """
    hour = pl.col("time").dt.truncate("1h").alias("hour")
    step = pl.col("value") - pl.col("value").shift(1)
    same = (
        (pl.col("asset") == pl.col("asset").shift(1))
        & (pl.col("channel") == pl.col("channel").shift(1))
        & (pl.col("hour") == pl.col("hour").shift(1))
    )
    grown = pl.when(same).then(pl.when(step >= 0).then(step).otherwise(pl.col("value"))).otherwise(0.0)
    value = pl.col("value")
    return (
        readings.sort("asset", "channel", "time")
        .with_columns(hour)
        .with_columns(grown.alias("grown"))
        .group_by(KEY, maintain_order=True)
        .agg(
            pl.len().cast(pl.Int32).alias("count"),
            value.mean().alias("mean"),
            value.std(ddof=0).alias("std"),
            value.min().alias("min"),
            value.max().alias("max"),
            value.first().alias("first"),
            value.last().alias("last"),
            pl.col("grown").sum().alias("increase"),
            pl.col("time").last().alias("last_time"),
            pl.col("arrived").last().alias("last_arrived"),
        )
        .select(HOURLY.names())
        .collect()
    )


def across_hours(hourly: pl.DataFrame) -> pl.DataFrame:
    """Sorted by key, with `increase` counted from the last reading of the hour before."""
    before = pl.col("last").shift(1)
    same = (pl.col("asset") == pl.col("asset").shift(1)) & (pl.col("channel") == pl.col("channel").shift(1))
    step = pl.col("first") - before
    grown = pl.when(same).then(pl.when(step >= 0).then(step).otherwise(pl.col("first"))).otherwise(0.0)
    return hourly.sort(KEY).with_columns((pl.col("increase") + grown.fill_null(0.0)).alias("increase"))


def within(
    frame: pl.LazyFrame,
    column: str,
    *,
    assets: Collection[str] | None,
    channels: Collection[str] | None,
    start: datetime | None,
    end: datetime | None,
) -> pl.LazyFrame:
    """Rows of the assets and channels asked for with start <= column < end."""
    if assets is not None:
        frame = frame.filter(pl.col("asset").is_in(list(assets)))
    if channels is not None:
        frame = frame.filter(pl.col("channel").is_in(list(channels)))
    if start is not None:
        frame = frame.filter(pl.col(column) >= pl.lit(start))
    if end is not None:
        frame = frame.filter(pl.col(column) < pl.lit(end))
    return frame
