"""A small fleet made by hand: hourly rollups with known trouble in them, and a store that gives them back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from facility.estate import Asset

sys.path.insert(0, str(Path(__file__).parent))  # level_windows

END = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 40
LEVELS = {
    "battery_voltage": (27.2, 0.03),
    "charge_current": (0.2, 0.01),
    "earth_resistance": (900.0, 30.0),
    "humidity": (55.0, 6.0),
}
Change = Callable[[np.ndarray], np.ndarray]  # hours since the start -> what is added


@dataclass
class Shelf:
    """A store of rollups and readings that were made beforehand."""

    hourly: pl.DataFrame
    readings: pl.DataFrame = field(default_factory=lambda: no_readings())

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        return _cut(self.hourly, "hour", assets, channels, start, end)

    def read(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        return _cut(self.readings, "time", assets, channels, start, end)

    def size(self) -> object:
        @dataclass
        class Size:
            first: datetime | None

        return Size(self.hourly["hour"].min() if len(self.hourly) else None)  # type: ignore[arg-type]


def _cut(frame, column, assets, channels, start, end):  # type: ignore[no-untyped-def]
    for name, wanted in (("asset", assets), ("channel", channels)):
        if wanted is not None:
            frame = frame.filter(pl.col(name).is_in(list(wanted)))
    if start is not None:
        frame = frame.filter(pl.col(column) >= start)
    if end is not None:
        frame = frame.filter(pl.col(column) < end)
    return frame


def no_readings() -> pl.DataFrame:
    stamp = pl.Datetime("us", "UTC")
    return pl.DataFrame(
        schema={"asset": pl.String, "channel": pl.String, "time": stamp, "value": pl.Float64, "arrived": stamp}
    )


def rollups_of(asset: str, channel: str, values: np.ndarray, spread: float, end: datetime = END) -> pl.DataFrame:
    """Hourly rollups whose means are `values` (NaN: no row), ending at `end`."""
    hours = [end - timedelta(hours=len(values) - i) for i in range(len(values))]
    frame = pl.DataFrame(
        {"asset": asset, "channel": channel, "hour": hours, "mean": values},
        schema_overrides={"hour": pl.Datetime("us", "UTC"), "mean": pl.Float64},
    ).filter(pl.col("mean").is_not_nan())
    mean = pl.col("mean")
    return frame.with_columns(
        pl.lit(4).alias("count"),
        pl.lit(spread).alias("std"),
        (mean - spread).alias("min"),
        (mean + spread).alias("max"),
        mean.alias("first"),
        mean.alias("last"),
        pl.lit(0.0).alias("increase"),
    )


def panel(asset: str, seed: int, *, days: int = DAYS, changes: dict[str, Change] | None = None) -> pl.DataFrame:
    """Rollups of one fire-alarm panel; humidity follows a weather all panels share."""
    own = np.random.default_rng(seed)
    weather = np.cumsum(np.random.default_rng(99).normal(0, 0.15, days * 24))
    hours = np.arange(days * 24)
    frames = []
    for channel, (level, noise) in LEVELS.items():
        slow = np.repeat(own.normal(0, noise, days), 24)
        values = level * (1 + own.normal(0, 0.002)) + slow + own.normal(0, noise, days * 24)
        values += 0.5 * noise * np.sin(2 * np.pi * hours / 24)
        if channel == "humidity":
            values += 3 * weather
        if channel == "earth_resistance":
            values -= 12 * weather
        if changes and channel in changes:
            values = values + changes[channel](hours)
        frames.append(rollups_of(asset, channel, values, noise / 2))
    return pl.concat(frames)


@pytest.fixture(scope="session")
def panels() -> Callable[..., tuple[Shelf, list[Asset]]]:
    """`panels(count, days=..., changes={number: {channel: change}})`: a store and its assets."""

    def make(
        count: int = 12, *, days: int = DAYS, changes: dict[int, dict[str, Change]] | None = None
    ) -> tuple[Shelf, list[Asset]]:
        assets = [Asset(id=f"F-{i:04d}", kind="fire_panel") for i in range(count)]
        frames = [panel(a.id, i, days=days, changes=(changes or {}).get(i)) for i, a in enumerate(assets)]
        return Shelf(pl.concat(frames)), assets

    return make


@pytest.fixture(scope="session")
def end() -> datetime:
    return END


@pytest.fixture(scope="session")
def shelf() -> type[Shelf]:
    return Shelf
