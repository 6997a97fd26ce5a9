"""From which day a fault could be seen at all, whatever looks for it.

The asset is simulated twice, with the fault and as its healthy twin (same seed, same noise). A fault is detectable from
the end of the first day whose figure on a signature channel (daily mean, daily increase of a counter, mean of a test
run) differs from the twin's by more than three robust standard deviations of the twin's own daily figures, and keeps
doing so on at least half of the days left, twice at least. Nothing in here knows what any fault does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from facility.catalogue.catalogue import Aggregate, catalogue
from simulators.chance import FloatArray, IntArray
from simulators.sheet import DECIMALS, Batch
from simulators.weather import DAY_S

SIGMAS = 3.0
LASTING = 0.5
TWICE = 2


@dataclass(frozen=True, slots=True)
class Figures:
    """One figure a day of one channel."""

    days: IntArray
    values: FloatArray


def daily_figures(batches: Sequence[Batch], kind: str, channel: str, until: datetime) -> Figures:
    """Daily figures of a channel from samples due before `until`."""
    counter = catalogue().channel(kind, channel).aggregate is Aggregate.COUNTER
    for batch in batches:
        if channel not in batch.values:
            continue
        measured = ~np.isnan(batch.values[channel]) & (batch.due_ms < until.timestamp() * 1000)
        values, days = batch.values[channel][measured], batch.due_ms[measured] // (DAY_S * 1000)
        if counter:
            values, days = np.maximum(np.diff(values), 0.0), days[1:]
        if not len(days):
            break
        first = int(days[0])
        counts = np.bincount(days - first)
        sums = np.bincount(days - first, weights=values)
        has = np.flatnonzero(counts)
        figures = sums[has] if counter else sums[has] / counts[has]
        return Figures(has + first, figures.astype(np.float64))
    return Figures(np.zeros(0, dtype=np.int64), np.zeros(0))


def detectable_from(
    faulty: Sequence[Batch], twin: Sequence[Batch], kind: str, mode: str, until: datetime, *, sigmas: float = SIGMAS
) -> datetime | None:
    """When the fault first shows on a channel of its signature; None if it doesn't before `until`."""
    earliest: datetime | None = None
    for channel in catalogue()[kind].modes[mode].signs:
        finest = 10.0 ** -DECIMALS.get(channel, 0) / 2
        visible = _shows(
            daily_figures(faulty, kind, channel, until), daily_figures(twin, kind, channel, until), sigmas, finest
        )
        if visible is None:
            continue
        end_of_day = min(datetime.fromtimestamp(visible * DAY_S, UTC) + timedelta(days=1), until)
        earliest = end_of_day if earliest is None else min(earliest, end_of_day)
    return earliest


def _shows(faulty: Figures, twin: Figures, sigmas: float, finest: float) -> int | None:
    common, here, there = np.intersect1d(faulty.days, twin.days, return_indices=True)
    if len(common) < TWICE:
        return None
    spread = 1.4826 * float(np.median(np.abs(twin.values - np.median(twin.values))))
    beyond = np.abs(faulty.values[here] - twin.values[there]) > sigmas * max(spread, finest)
    for index in np.flatnonzero(beyond):
        left = beyond[index:]
        if left.sum() >= TWICE and left.mean() >= LASTING:
            return int(common[index])
    return None
