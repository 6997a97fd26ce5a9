"""Simulated fleets in memory: what models are judged on when nobody has years of labelled faults.

The readings are those a simulation would publish; only the way through the broker is left out, so that ten fleets are
made while one would be sent. The truth goes to the judge alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from facility.estate import Asset
from facility.store import READINGS, StoreSize
from facility.store.hourly import KEY, finish, summarise, within
from models.evaluation.ranking_metrics import TrueFault
from simulators.faults import Fault
from simulators.physics import day_number, simulate, surroundings
from simulators.simulation import Simulation
from simulators.surroundings import Span, Surroundings


class RememberedHours:
    """Hourly rollups of one fleet, and no single readings: all that assessing a fleet asks of a store."""

    def __init__(self, hourly: pl.DataFrame) -> None:
        self._hourly = hourly

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        chosen = within(self._hourly.lazy(), "hour", assets=assets, channels=channels, start=start, end=end)
        return chosen.collect()

    def read(self, **_: object) -> pl.DataFrame:
        return pl.DataFrame(pl.from_arrow(READINGS.empty_table()))

    def size(self) -> StoreSize:
        hours = self._hourly["hour"]
        first, last = hours.min(), hours.max()
        return StoreSize(
            readings=int(self._hourly["count"].sum()),
            bytes=0,
            files=0,
            first=first if isinstance(first, datetime) else None,
            last=last if isinstance(last, datetime) else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One simulated fleet: what is known of it, and the truth."""

    assets: tuple[Asset, ...]
    hours: RememberedHours
    truth: tuple[TrueFault, ...]
    end: datetime


def make_trial(
    *,
    assets: int,
    history: timedelta,
    end: datetime,
    seed: int,
    timezone: ZoneInfo,
    faults: float = 0.125,
    confounders: bool = True,
) -> Trial:
    """A fleet whose history ends at `end`. Devices report what they would report until then, and no more."""
    simulation = Simulation.create(
        assets=assets,
        seed=seed,
        start=end - history,
        end=end,
        faults=faults,
        timezone=timezone,
        confounders=confounders,
    )
    span = Span(day_number(simulation.start), day_number(simulation.end) + 1)
    around = surroundings(
        simulation.estate, span, seed=seed, zone=timezone, origin_day=span.first_day, confounders=confounders
    )
    hourly = [
        _hours(asset, [f for f in simulation.injected if f.asset == asset.id], around, simulation.start, end)
        for asset in simulation.estate.assets
    ]
    return Trial(
        assets=simulation.estate.assets,
        hours=RememberedHours(finish(pl.concat(hourly).sort(KEY))),
        truth=tuple(_true(fault) for fault in simulation.injected),
        end=end,
    )


def _hours(asset: Asset, faults: Sequence[Fault], around: Surroundings, start: datetime, end: datetime) -> pl.DataFrame:
    first, last = start.timestamp() * 1000, end.timestamp() * 1000
    parts = []
    for batch in simulate(asset, faults, around, {}):
        sent = (batch.due_ms >= first) & (batch.due_ms < last)
        for channel, values in batch.values.items():
            measured = sent & ~np.isnan(values)
            parts.append(
                pl.DataFrame(
                    {"time": batch.stamp_ms[measured], "arrived": batch.due_ms[measured], "value": values[measured]}
                )
                .with_columns(pl.lit(asset.id).alias("asset"), pl.lit(channel).alias("channel"))
                .cast({"value": pl.Float64})
            )
    stamp = pl.col("time", "arrived").cast(pl.Datetime("ms")).dt.cast_time_unit("us").dt.replace_time_zone("UTC")
    return summarise(pl.concat(parts).with_columns(stamp).lazy())


def _true(fault: Fault) -> TrueFault:
    return TrueFault(
        asset=fault.asset,
        mode=fault.mode,
        trouble=str(fault.trouble),
        onset=fault.onset,
        detectable_from=fault.detectable_from,
        repaired_at=fault.repaired_at,
        failure_time=fault.failure_time,
    )
