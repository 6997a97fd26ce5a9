"""Hourly summaries of readings: how they are computed, joined and finished, whoever keeps them.

A kept row describes one (asset, channel, hour) by itself. What needs the hour before (growth of a counter, the value an
hour begins with) is added by `finish`, so late data revise only the hour they fall into. `follow` joins the summaries
of two stretches of one hour without looking at the readings again.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl

KEY = ["asset", "channel", "hour"]
RESET = 0.5  # of its value a counter must fall below to have begun anew (D)
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
        "increase": pl.Float64(),  # inside the hour
        "area": pl.Float64(),  # value x seconds from the first to the last reading, each holding until the next
        "first_time": pl.Datetime("us", "UTC"),
        "last_time": pl.Datetime("us", "UTC"),
    }
)
SHOWN = [
    "asset",
    "channel",
    "hour",
    "count",
    "mean",
    "std",
    "min",
    "max",
    "first",
    "last",
    "increase",
    "time_weighted",
]


def summarise(readings: pl.LazyFrame) -> pl.DataFrame:
    """Hourly rows (`HOURLY`), sorted by key, of readings in any order with no identity twice."""
    hour = pl.col("time").dt.truncate("1h").alias("hour")
    value, before = pl.col("value"), pl.col("value").shift(1)
    same = (
        (pl.col("asset") == pl.col("asset").shift(1))
        & (pl.col("channel") == pl.col("channel").shift(1))
        & (pl.col("hour") == pl.col("hour").shift(1))
    )
    expression = _seconds(pl.col("time") - pl.col("time").shift(1))
    return (
        readings.sort("asset", "channel", "time")
        .with_columns(hour)
        .with_columns(
            pl.when(same).then(growth(before, value)).otherwise(0.0).alias("grown"),
            pl.when(same).then(before * expression).otherwise(0.0).alias("covered"),
        )
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
            pl.col("covered").sum().alias("area"),
            pl.col("time").first().alias("first_time"),
            pl.col("time").last().alias("last_time"),
        )
        .select(HOURLY.names())
        .collect()
    )


def growth(before: pl.Expr, after: pl.Expr) -> pl.Expr:
    """How much a cumulative value grew.

    A fall to less than half is a reset, and what it shows after has grown since. A smaller one is a correction, or a
    reading out of turn: nothing grew, or a counter that steps back once would count all it ever counted again.
    """
    reset = pl.when(after < before * RESET).then(after).otherwise(0.0)
    return pl.when(after >= before).then(after - before).otherwise(reset)


def follow(frame: pl.DataFrame, fresh: pl.DataFrame) -> pl.DataFrame:
    """Summaries of whole hours from those of their beginnings and of what came after, in time, in the same hours.

    Rows of `fresh` whose key `frame` lacks pass as they are; those of `frame` that `fresh` lacks are left out.
    """
    both = fresh.join(frame, on=KEY, how="left", suffix="_kept", maintain_order="left")
    old = {name: pl.col(f"{name}_kept") for name in HOURLY if name not in KEY}
    n1, n2 = old["count"].cast(pl.Float64), pl.col("count").cast(pl.Float64)
    n = n1 + n2
    apart = pl.col("mean") - old["mean"]
    spread = (n1 * old["std"] ** 2 + n2 * pl.col("std") ** 2 + n1 * n2 / n * apart**2) / n
    gap = _seconds(pl.col("first_time") - old["last_time"])
    joined = {
        "count": old["count"] + pl.col("count"),
        "mean": (n1 * old["mean"] + n2 * pl.col("mean")) / n,
        "std": spread.sqrt(),
        "min": pl.min_horizontal(old["min"], "min"),
        "max": pl.max_horizontal(old["max"], "max"),
        "first": old["first"],
        "last": pl.col("last"),
        "increase": old["increase"] + growth(old["last"], pl.col("first")) + pl.col("increase"),
        "area": old["area"] + old["last"] * gap + pl.col("area"),
        "first_time": old["first_time"],
        "last_time": pl.col("last_time"),
    }
    there = old["count"].is_not_null()
    return both.select(
        *KEY,
        *(pl.when(there).then(expression).otherwise(pl.col(name)).alias(name) for name, expression in joined.items()),
    ).cast(HOURLY)


def finish(hourly: pl.DataFrame) -> pl.DataFrame:
    """Rows as they are shown (`SHOWN`), from rows sorted by key: what needs the hour before is added.

    `increase` counts from the last reading of the row before. `time_weighted` is the mean over the whole hour with each
    value holding until the next: the last one to the hour's end, and what the hour before ended with (or else its own
    first value) from the hour's beginning.
    """
    expression = (pl.col("asset") == pl.col("asset").shift(1)) & (pl.col("channel") == pl.col("channel").shift(1))
    adjacent = expression & (pl.col("hour") - pl.col("hour").shift(1) == pl.duration(hours=1))
    before = pl.col("last").shift(1)
    grown = pl.when(expression).then(growth(before, pl.col("first"))).otherwise(0.0)
    begins = pl.when(adjacent).then(before).otherwise(pl.col("first"))
    lead = _seconds(pl.col("first_time") - pl.col("hour"))
    rest = 3600.0 - _seconds(pl.col("last_time") - pl.col("hour"))
    return hourly.with_columns(
        pl.col("increase") + grown.fill_null(0.0),
        ((begins * lead + pl.col("area") + pl.col("last") * rest) / 3600.0).alias("time_weighted"),
    ).select(SHOWN)


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
    for name, names in (("asset", assets), ("channel", channels)):
        if names is None:
            continue
        if not names:
            return frame.limit(0)
        frame = frame.filter(pl.col(name).is_between(pl.lit(min(names)), pl.lit(max(names))))  # prunes row groups
        if len(set(names)) > 1:
            frame = frame.filter(pl.col(name).is_in(list(names)))
    if start is not None:
        frame = frame.filter(pl.col(column) >= pl.lit(start))
    if end is not None:
        frame = frame.filter(pl.col(column) < pl.lit(end))
    return frame


def _seconds(gap: pl.Expr) -> pl.Expr:
    return gap.dt.total_microseconds() / 1e6
