"""Healthy fleets of any class, made by hand for tests: every channel steady about the middle of its band."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from facility.catalogue.catalogue import Aggregate, Channel, catalogue
from facility.estate import Asset

HOUR = timedelta(hours=1)


def members(kind: str, count: int) -> list[Asset]:
    return [Asset(id=f"{kind}-{number:03d}", kind=kind, site="north") for number in range(count)]


def healthy(
    assets: Sequence[Asset], end: datetime, length: timedelta, *, every: Sequence[int] = (1,), seed: int = 0
) -> pl.DataFrame:
    """Hourly rollups of the last `length`; channels take the cadences `every` (hours) in turn, each asset its own."""
    random = np.random.default_rng(seed)
    frames = []
    for number, asset in enumerate(assets):
        for place, channel in enumerate(catalogue()[asset.kind].channels.values()):
            frames.append(_rollups(random, asset.id, channel, end, length, every[(number + place) % len(every)]))
    if not frames:  # classes that no sensor looks after: somebody else's readings are all there are
        channel = next(iter(catalogue()["lift"].channels.values()))
        frames = [_rollups(random, "somebody else's", channel, end, length, every[0])]
    return pl.concat([frame for frame in frames if len(frame)] or frames[:1])


def _rollups(
    random: np.random.Generator, asset: str, channel: Channel, end: datetime, length: timedelta, every: int
) -> pl.DataFrame:
    hours = max(1, int(length / HOUR))
    count = len(range(0, hours, every))
    stamps = [end - HOUR * (hours - i) for i in range(0, hours, every)]
    grown = np.zeros(count)
    if channel.aggregate is Aggregate.STATE:
        values = np.full(count, _usual_state(channel))
    elif channel.aggregate is Aggregate.COUNTER:
        grown = random.poisson(5.0 * every, count).astype(float)
        values = 1000 + np.cumsum(grown)
    else:
        level, noise = _level(channel)
        values = level * (1 + 0.01 * random.standard_normal()) + noise * random.standard_normal(count)
    spread = 0.0 if channel.aggregate in (Aggregate.STATE, Aggregate.COUNTER) else 0.1 * _level(channel)[1]
    return pl.DataFrame(
        {
            "asset": asset,
            "channel": channel.key,
            "hour": stamps,
            "count": np.full(count, 4 if every == 1 else 1),
            "mean": values.astype(float),
            "std": np.full(count, spread),
            "min": values - grown - spread,
            "max": values + spread,
            "first": values - grown,
            "last": values.astype(float),
            "increase": grown,
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )


def _usual_state(channel: Channel) -> float:
    if channel.in_service:
        return float(min(channel.in_service))
    return max(channel.normal.low, 0.0) if np.isfinite(channel.normal.low) else 0.0


def _level(channel: Channel) -> tuple[float, float]:
    low, high = channel.normal.low, channel.normal.high
    if np.isfinite(low) and np.isfinite(high):
        return (low + high) / 2, 0.01 * (high - low)
    if channel.unit in ("min", "h") and channel.aggregate is Aggregate.DAILY:
        return 0.0, 0.0
    base = high * 0.5 if np.isfinite(high) else low * 1.5 if np.isfinite(low) else 10.0
    return (base or 1.0), 0.01 * abs(base or 1.0)
