"""Readings of a large fleet for benchmarks of stores: cheap to make, of the shape that simulators and gateways give."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pyarrow as pa

from facility.store import READINGS
from simulators.simulation import Simulation

START = datetime(2026, 3, 1, tzinfo=UTC)
_STAMP = pl.Datetime("us", "UTC")


def keys(assets: int, channels: int) -> pl.DataFrame:
    return pl.DataFrame({"asset": [f"EL-{i:05}" for i in range(assets)]}).join(
        pl.DataFrame({"channel": [f"channel_{i:02}" for i in range(channels)]}), how="cross"
    )


def moment(series: pl.DataFrame, at: datetime, random: np.random.Generator) -> pl.DataFrame:
    """One reading of every channel around one moment, in the order gateways happen to send."""
    rows = series.height
    jitter = random.integers(0, 1_000_000, rows)
    begin = int(at.timestamp() * 1e6)
    return series.with_columns(
        pl.Series("time", begin + jitter).cast(_STAMP),
        pl.Series("value", np.round(random.normal(20, 3, rows), 2)),
        pl.lit(begin + 1_500_000).cast(_STAMP).alias("arrived"),
    ).sample(fraction=1.0, shuffle=True, seed=int(random.integers(1 << 30)))


def day(series: pl.DataFrame, number: int, every: int, random: np.random.Generator) -> pl.DataFrame:
    """A whole day of every channel, `every` seconds apart, in order."""
    steps = 86_400 // every
    begin = int((START + timedelta(days=number)).timestamp()) * 1_000_000
    times = pl.DataFrame({"time": pl.Series(begin + np.arange(steps) * every * 1_000_000).cast(_STAMP)})
    values = np.round(20 + 3 * random.standard_normal(series.height * steps, dtype=np.float32), 1)
    return series.join(times, how="cross").with_columns(
        pl.Series("value", values, pl.Float64), (pl.col("time") + pl.duration(seconds=1)).alias("arrived")
    )


def simulated(assets: int, days: int, seed: int) -> Iterator[pl.DataFrame]:
    """What the simulators publish for so many days, some 200,000 readings at a time."""
    end = START + timedelta(days=days)
    parts: list[pl.DataFrame] = []
    rows = 0
    for message in Simulation.create(None, assets=assets, seed=seed, start=START, end=end).history():
        said = json.loads(message.payload)
        asset = message.topic.split("/")[3]
        wide = pl.DataFrame({"time": said["t"], **said["v"]}, strict=False)
        long = wide.unpivot(index="time", variable_name="channel").drop_nulls()
        parts.append(long.select(pl.lit(asset).alias("asset"), "channel", "time", pl.col("value").cast(pl.Float64)))
        rows += long.height
        if rows > 200_000:
            yield _timed(parts)
            parts, rows = [], 0
    if parts:
        yield _timed(parts)


def _timed(parts: list[pl.DataFrame]) -> pl.DataFrame:
    stamp = (pl.col("time") * 1000).cast(_STAMP)
    return pl.concat(parts).with_columns(stamp.alias("time"), (stamp + pl.duration(seconds=2)).alias("arrived"))


def arrow(frame: pl.DataFrame) -> pa.Table:
    return frame.select(READINGS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS)


def best(call: Callable[[], object], times: int = 3) -> float:
    """Seconds of the quickest of some calls: neighbours on the machine make the others slower."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        call()
        taken.append(time.perf_counter() - begin)
    return min(taken)


def computing(call: Callable[[], object], times: int = 3) -> float:
    """CPU seconds of the cheapest of some calls, on all cores together: what neighbours hardly change."""
    taken = []
    for _ in range(times):
        begin = time.process_time()
        call()
        taken.append(time.process_time() - begin)
    return min(taken)
