"""Readings at a coarser resolution: mean, extremes, last and count of each stretch of time."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

HOUR = timedelta(hours=1)
COARSE = pl.Schema(
    {
        "asset": pl.String(),
        "channel": pl.String(),
        "time": pl.Datetime("us", "UTC"),
        "value": pl.Float64(),
        "min": pl.Float64(),
        "max": pl.Float64(),
        "last": pl.Float64(),
        "count": pl.Int64(),
    }
)
_KEY = ["asset", "channel", "time"]


def from_readings(readings: pl.LazyFrame, resolution: timedelta) -> pl.DataFrame:
    """Coarse rows (`COARSE`) of readings in any order, stretches counted from 1970."""
    value = pl.col("value")
    return (
        readings.sort(_KEY)
        .with_columns(_stretch("time", resolution))
        .group_by(_KEY, maintain_order=True)
        .agg(
            value.mean().alias("mean"),
            value.min().alias("min"),
            value.max().alias("max"),
            value.last().alias("last"),
            pl.len().cast(pl.Int64).alias("count"),
        )
        .rename({"mean": "value"})
        .select(COARSE.names())
        .collect()
    )


def from_hours(hourly: pl.DataFrame, resolution: timedelta) -> pl.DataFrame:
    """The same from hourly rows sorted by key, for a resolution of whole hours."""
    weight = pl.col("count").cast(pl.Float64)
    return (
        hourly.lazy()
        .with_columns(_stretch("hour", resolution).alias("time"))
        .group_by(_KEY, maintain_order=True)
        .agg(
            ((pl.col("mean") * weight).sum() / weight.sum()).alias("value"),
            pl.col("min").min(),
            pl.col("max").max(),
            pl.col("last").last(),
            pl.col("count").sum().cast(pl.Int64),
        )
        .select(COARSE.names())
        .collect()
    )


def _stretch(column: str, resolution: timedelta) -> pl.Expr:
    length = resolution // timedelta(microseconds=1)
    return (pl.col(column).dt.timestamp("us") // length * length).cast(pl.Datetime("us", "UTC"))
