"""A stretch of time as one site lives it: the clock, the weather, how busy it is, who is renovating.

Physics runs on a grid of quarter hours. A stretch carries a lead-in of ticks before its first, so that thermal lags can
be computed from what came before without carrying state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from simulators.chance import FloatArray, IntArray, Lot
from simulators.occupancy import busyness, is_holiday
from simulators.weather import DAY_S, Weather, weather

TICK_S = 900
TICKS_A_DAY = DAY_S // TICK_S
LEAD_IN = TICKS_A_DAY
_RENOVATION_EPOCH = 60


@dataclass(frozen=True, slots=True)
class Span:
    """Whole UTC days, counted from 1970-01-01: first_day <= day < last_day."""

    first_day: int
    last_day: int

    @property
    def days(self) -> int:
        return self.last_day - self.first_day


@dataclass
class Surroundings:
    """Everything outside the equipment, at every tick of a span, lead-in included. Sites are near one another."""

    span: Span
    seed: int
    latitude: float
    longitude: float
    zone: ZoneInfo
    origin_day: int  # first day of the simulation
    confounders: bool = True
    _busy: dict[str, FloatArray] = field(default_factory=dict)
    _works: dict[str, FloatArray] = field(default_factory=dict)

    @cached_property
    def ticks(self) -> IntArray:
        first = self.span.first_day * TICKS_A_DAY - LEAD_IN
        return np.arange(first, self.span.last_day * TICKS_A_DAY, dtype=np.int64)

    @cached_property
    def utc_s(self) -> IntArray:
        return self.ticks * TICK_S

    @cached_property
    def local_s(self) -> IntArray:
        days = self.utc_s // DAY_S
        first = int(days[0])
        noons = (datetime.fromtimestamp((day + 0.5) * DAY_S, UTC) for day in range(first, int(days[-1]) + 1))
        offsets = np.array([self._offset_s(noon) for noon in noons], dtype=np.int64)
        return self.utc_s + offsets[days - first]

    def _offset_s(self, moment: datetime) -> int:
        offset = moment.astimezone(self.zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0

    @cached_property
    def hour(self) -> FloatArray:
        return (self.local_s % DAY_S) / 3600.0

    @cached_property
    def local_day(self) -> IntArray:
        return self.local_s // DAY_S

    @cached_property
    def weekday(self) -> IntArray:
        return (self.local_day + 3) % 7

    @cached_property
    def holiday(self) -> FloatArray:
        return is_holiday(self.local_day) if self.confounders else np.zeros(len(self.ticks))

    @cached_property
    def weather(self) -> Weather:
        return weather(self.utc_s, self.hour, Lot(self.seed, "weather"), self.latitude, self.longitude)

    def busy(self, use: str) -> FloatArray:
        """Share of the usual peak traffic in buildings of this use."""
        if use not in self._busy:
            self._busy[use] = busyness(use, self.hour, self.weekday, self.holiday)
        return self._busy[use]

    def works(self, building: str) -> FloatArray:
        """Moving-in or renovation in a building: 1.0 in working hours of its days, else 0.0."""
        if building not in self._works:
            lot = Lot(self.seed, f"works/{building}")
            epoch = self.local_day // _RENOVATION_EPOCH
            begins = lot.stream("begins").uniform(epoch) * (_RENOVATION_EPOCH - 16)
            length = 5.0 + 9.0 * lot.stream("length").uniform(epoch)
            inside = (self.local_day % _RENOVATION_EPOCH - begins >= 0) & (
                self.local_day % _RENOVATION_EPOCH - begins < length
            )
            happens = lot.stream("happens").uniform(epoch) < 0.3
            working = (self.hour >= 8.5) & (self.hour < 18.0) & (self.weekday < 6) & (self.holiday == 0)
            on = inside & happens & working & self.confounders
            self._works[building] = on.astype(np.float64)
        return self._works[building]


def lagged(values: FloatArray, hours: float) -> FloatArray:
    """First-order lag with the given time constant; needs some five time constants of lead-in."""
    length = min(LEAD_IN, max(2, int(6 * hours * 3600 / TICK_S)))
    kernel = np.exp(-np.arange(length) * TICK_S / (hours * 3600))
    kernel /= kernel.sum()
    padded = np.concatenate([np.full(length - 1, values[0]), values])
    return np.convolve(padded, kernel, mode="valid")
