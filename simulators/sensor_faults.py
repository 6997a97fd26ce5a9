"""Sensor faults: the equipment is well, what it says of itself is not. A label of their own in the truth file."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facility.catalogue.catalogue import Aggregate, Channel, catalogue
from simulators.chance import FloatArray, IntArray, Lot
from simulators.faults import Fault
from simulators.sheet import Batch
from simulators.weather import DAY_S

_HOUR_MS = 3_600_000
_FAHRENHEIT = "Cel"


def suffering_channel(fault: Fault, kind: str, seed: int) -> Channel:
    """Which of the asset's regularly sampled channels the fault sits in."""
    regular = [c for c in catalogue()[kind].channels.values() if c.aggregate is Aggregate.MEAN]
    return regular[Lot(seed, f"sensor/{fault.asset}/{fault.mode}").whole("channel", 0, len(regular) - 1)]


def disturb(batches: Sequence[Batch], faults: Sequence[Fault], kind: str, seed: int, carry: dict[str, float]) -> None:
    """Let sensor faults act on what the devices measured, in place."""
    for fault in faults:
        channel = suffering_channel(fault, kind, seed)
        for batch in batches:
            ill = batch.due_ms >= fault.onset.timestamp() * 1000
            if fault.repaired_at:
                ill &= batch.due_ms < fault.repaired_at.timestamp() * 1000
            if not ill.any():
                continue
            if fault.mode == "sensor_clock_skew":
                lag = (
                    1_234_567 + 61_000 * fault.severity * (batch.due_ms - fault.onset.timestamp() * 1000) / DAY_S / 1000
                )
                batch.stamp_ms = np.where(ill, batch.stamp_ms - lag.astype(np.int64), batch.stamp_ms)
            elif channel.key in batch.values:
                values = batch.values[channel.key]
                batch.values[channel.key] = np.where(
                    ill, _said(fault, channel, batch.due_ms, values, ill, seed, carry), values
                )


def _said(
    fault: Fault,
    channel: Channel,
    due_ms: IntArray,
    values: FloatArray,
    ill: NDArray[np.bool_],
    seed: int,
    carry: dict[str, float],
) -> FloatArray:
    lot = Lot(seed, f"sensor/{fault.asset}/{fault.mode}")
    band = channel.normal
    size = band.high - band.low if math.isfinite(band.high - band.low) else 0.6 * float(np.nanmedian(np.abs(values)))
    if fault.mode == "sensor_stuck":
        key = f"stuck:{channel.key}"
        if key not in carry:
            measured = values[ill & ~np.isnan(values)]
            if not len(measured):
                return values
            carry[key] = float(measured[0])
        return np.where(np.isnan(values), np.nan, carry[key])
    if fault.mode == "sensor_drift":
        days = (due_ms / 1000 - fault.onset.timestamp()) / DAY_S
        way = 1.0 if lot.share("way") < 0.5 else -1.0
        said = values + way * 0.015 * fault.severity * size * days
    elif fault.mode == "sensor_dropout":
        lost = lot.stream("lost").uniform(due_ms // _HOUR_MS) < 0.45 + 0.4 * min(fault.severity, 1.3)
        return np.where(lost, np.nan, values)
    elif fault.mode == "sensor_spikes":
        hit = lot.stream("hit").uniform(due_ms // 1000) < 0.02 * fault.severity
        said = values + hit * size * (1.5 + 3.0 * lot.stream("size").uniform(due_ms // 1000))
    elif channel.unit == _FAHRENHEIT:  # sensor_wrong_unit
        said = values * 1.8 + 32.0
    else:
        said = values * (10.0 if np.nanmax(values) * 10 <= channel.physical.high else 0.1)
    return np.asarray(np.round(np.clip(said, channel.physical.low, channel.physical.high), 3), dtype=np.float64)
