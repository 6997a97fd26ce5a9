"""The sheet a simulated device fills in: which channel was sampled when, rounded as devices do.

Physics modules write whole columns; the sheet picks the samples at each channel's cadence, keeps running totals for
counters, and hands out `Batch`es: channels of one asset that share their sample times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facility.estate import Asset
from simulators.chance import FloatArray, IntArray, Lot
from simulators.faults import Condition
from simulators.surroundings import LEAD_IN, TICK_S, TICKS_A_DAY, Surroundings
from simulators.weather import DAY_S

TICKS_AN_HOUR = 3600 // TICK_S
_MICRO = 1e6
_SWAP_EPOCH = 90
_SWAP_SHARE = 0.05
_FIRMWARE_SHARE = 0.1

# Decimals a device reports; what is not listed has none.
DECIMALS: dict[str, int] = {
    "battery_voltage": 2, "bearing_temperature": 1, "bearing_vibration": 2, "cable_temperature": 1, "chamber": 1,
    "changeover_time": 1, "charge_current": 3, "circuit_power": 1, "closing_time": 1, "discharge_pressure": 2,
    "door_close_time": 2, "door_motor_current": 2, "door_open_time": 2, "door_reversals": 1, "drive_current": 1,
    "driver_temperature": 1, "emergency_illuminance": 1, "end_pressure": 3, "end_test_pressure": 3, "energy": 2,
    "flicker": 3, "humidity": 1, "illuminance": 0, "inflow": 3, "jockey_run_time": 1, "lamp_time": 1,
    "level": 2, "levelling_error": 1, "load_current": 1, "loop_voltage": 2, "lumen_maintenance": 1,
    "machine_room_temperature": 1, "ambient_temperature": 1, "motor_current": 1, "motor_temperature": 1, "noise": 1,
    "open_share": 1, "operating_time": 2, "power_factor": 3, "room_temperature": 1, "rope_slip": 1, "run_time": 2,
    "start_delay": 1, "static_pressure": 3, "suction_pressure": 2, "supply_voltage": 1, "temperature": 1,
    "travel_distance": 0, "vibration_horizontal": 3, "vibration_vertical": 3, "water_temperature": 1,
}  # fmt: skip

# Channels whose scale a firmware update may shift a little, without any fault.
FIRMWARE_CHANNELS = frozenset(
    {"door_close_time", "vibration_vertical", "noise", "circuit_power", "residual_current", "chamber", "closing_time"}
)


@dataclass(slots=True)
class Batch:
    """Channels of one asset sampled at the same moments. A NaN is a value the device did not have."""

    due_ms: IntArray  # when the reading leaves the device, true time, ascending
    stamp_ms: IntArray  # the time it claims
    values: dict[str, FloatArray]


class Sheet:
    """Collects what one asset measures over a span. `carry` holds running totals from before it, and is moved on."""

    def __init__(self, asset: Asset, around: Surroundings, condition: Condition, carry: dict[str, float]) -> None:
        self.asset = asset
        self.around = around
        self.condition = condition
        self.carry = carry
        self.lot = Lot(around.seed, asset.id)
        self.use = asset.attributes.get("use", "residential")
        self.batches: list[Batch] = []
        self._phase_ms = self.lot.whole("phase", 0, TICK_S * 1000 - 1)
        self._times = around.utc_s[LEAD_IN:] * 1000 + self._phase_ms
        # Hourly channels leave with every fourth quarter-hour sample: one message, one time.
        self._hourly = slice((-(int(around.ticks[LEAD_IN])) + self.lot.whole("minute", 0, 3)) % TICKS_AN_HOUR, None, 4)
        self._swap = self._meter_swap()

    def noise(self, name: str) -> FloatArray:
        """Fresh noise for every tick."""
        return self.lot.stream(name).normal(self.around.ticks)

    def wander(self, name: str, hours: float) -> FloatArray:
        return self.lot.stream(name).wander(self.around.utc_s, hours * 3600)

    def counts(self, name: str, mean: FloatArray | float) -> FloatArray:
        return self.lot.stream(name).poisson(self.around.ticks, mean)

    def chance(self, name: str) -> FloatArray:
        return self.lot.stream(name).uniform(self.around.ticks)

    def quarter_hourly(self, **columns: FloatArray) -> None:
        self._add(self._times, {key: column[LEAD_IN:] for key, column in columns.items()})

    def hourly(self, **columns: FloatArray) -> None:
        """Instantaneous values once an hour."""
        self._add(self._times[self._hourly], {key: column[LEAD_IN:][self._hourly] for key, column in columns.items()})

    def hourly_mean(self, column: FloatArray) -> FloatArray:
        """Mean over the hour up to each tick, on the tick grid; ticks without a value are left out."""
        ahead = np.concatenate([np.full(TICKS_AN_HOUR - 1, np.nan), column])
        windows = np.lib.stride_tricks.sliding_window_view(ahead, TICKS_AN_HOUR)
        measured = ~np.isnan(windows)
        count = measured.sum(axis=1)
        total = np.where(measured, windows, 0.0).sum(axis=1)
        return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))

    def total(self, key: str, increments: FloatArray | float, *, start: float = 0.0) -> FloatArray:
        """A running total on the tick grid (lead-in zero). Sums are kept in millionths, so chunks never matter."""
        steps = np.rint(np.broadcast_to(increments, self.around.ticks.shape)[LEAD_IN:] * _MICRO)
        running = np.cumsum(steps) + self.carry.get(key, np.rint(start * _MICRO))
        if self._swap is not None:
            running[self._swap :] -= running[self._swap]
        self.carry[key] = float(running[-1])
        return np.concatenate([np.zeros(LEAD_IN), running / _MICRO])

    def integral(self, key: str, increments: FloatArray) -> FloatArray:
        """As `total`, for a quantity of the equipment itself: a swapped meter doesn't touch it."""
        steps = np.rint(increments[LEAD_IN:] * _MICRO)
        running = np.cumsum(steps) + self.carry.get(key, 0.0)
        self.carry[key] = float(running[-1])
        return np.concatenate([np.zeros(LEAD_IN), running / _MICRO])

    def daily(self, hour: float, **columns: FloatArray) -> None:
        """One sample a local day, at an hour of it."""
        at = self.at_local(hour)
        self._add(self.around.utc_s[at] * 1000 + self._phase_ms, {key: column[at] for key, column in columns.items()})

    def day_sum(self, key: str, increments: FloatArray, *, high: float) -> None:
        """The sum over each local day, stamped with the day's local midnight and sent after the day has ended."""
        around, carried = self.around, f"day:{key}"
        steps = np.rint(increments[LEAD_IN:] * _MICRO)
        before = self.carry.get(carried, 0.0)
        running = np.cumsum(steps) + before
        ends = np.flatnonzero(np.diff(around.local_day[LEAD_IN - 1 :]) != 0)  # index of each day's first tick
        closed = np.concatenate([[before], running])[ends]
        marks = np.concatenate([[self.carry.get(f"{carried}:mark", 0.0)], closed])
        self.carry[carried] = float(running[-1])
        self.carry[f"{carried}:mark"] = float(marks[-1])
        if not len(ends):
            return
        ticks = ends + LEAD_IN
        midnight = around.utc_s[ticks] - (around.local_s[ticks] % DAY_S)
        whole = midnight - DAY_S >= around.origin_day * DAY_S
        values = np.clip(np.rint(np.diff(marks) / _MICRO), 0.0, high)[whole]
        due = around.utc_s[ticks][whole] * 1000 + self._phase_ms
        self._add(due, {key: values}, stamp_ms=(midnight[whole] - DAY_S) * 1000)

    def at_local(self, hour: float, weekday: int | None = None) -> IntArray:
        """Ticks of the span proper at which a local hour begins (on a weekday, Monday = 0)."""
        around = self.around
        hit = np.abs(around.hour - hour) < TICK_S / 7200
        if weekday is not None:
            hit &= around.weekday == weekday
        hit[:LEAD_IN] = False
        return np.flatnonzero(hit)

    def tested(self, at: IntArray, offsets_s: IntArray, **columns: FloatArray) -> None:
        """Samples of test runs: every run begins at a tick of `at`; `columns` are (runs, samples)."""
        times = (self.around.utc_s[at] * 1000 + self._phase_ms)[:, None] + offsets_s[None, :] * 1000
        self._add(times.ravel(), {key: column.ravel() for key, column in columns.items()})

    def states(self, key: str, value: FloatArray, blips: list[tuple[FloatArray, float, float]], rest: float) -> None:
        """An enumeration: sent every hour and on change. `blips` are (happens per tick, value, seconds it lasts)."""
        now = np.rint(value[LEAD_IN:])
        before = np.concatenate([np.rint(value[LEAD_IN - 1 : LEAD_IN]), now[:-1]])
        send = now != before
        send[self._hourly] = True
        times, values = [self._times[send]], [now[send]]
        for index, (happens, code, seconds) in enumerate(blips):
            # None in a day's last tick: what a day's ticks report is all out a tick after midnight.
            hit = np.flatnonzero((happens[LEAD_IN:] > 0) & (now == rest) & (self.around.ticks[LEAD_IN:] % 96 != 95))
            begins = self.lot.stream(f"{key}/blip{index}").uniform(self.around.ticks[LEAD_IN:][hit])
            begin = self._times[hit] + 1000 + (begins * (TICK_S - seconds - 5) * 1000).astype(np.int64)
            times += [begin, begin + int(seconds * 1000)]
            values += [np.full(len(hit), code), np.full(len(hit), rest)]
        moments = np.concatenate(times)
        order = np.argsort(moments, kind="stable")
        moments = moments[order]
        first = np.concatenate([[True], np.diff(moments) > 0]) if len(moments) else np.zeros(0, dtype=bool)
        self._add(moments[first], {key: np.concatenate(values)[order][first]})

    def _add(self, due_ms: IntArray, values: dict[str, FloatArray], stamp_ms: IntArray | None = None) -> None:
        if not len(due_ms):
            return
        for key in values:
            if key in FIRMWARE_CHANNELS:
                values[key] = values[key] * self._firmware(key, due_ms)
            values[key] = np.round(values[key], DECIMALS.get(key, 0)) + 0.0
        self.batches.append(Batch(due_ms, due_ms if stamp_ms is None else stamp_ms, values))

    def _firmware(self, key: str, due_ms: IntArray) -> FloatArray | float:
        lot = Lot(self.around.seed, f"firmware/{self.asset.id}")
        if not self.around.confounders or lot.share("happens") >= _FIRMWARE_SHARE:
            return 1.0
        day = self.around.origin_day + lot.between("day", 5.0, 60.0)
        return np.where(due_ms >= day * DAY_S * 1000, lot.between(key, 0.985, 1.015), 1.0)

    def _meter_swap(self) -> int | None:
        """Index (without lead-in) of the tick at which the device that counts is exchanged, if it is in this span."""
        if not self.around.confounders:
            return None
        lot, span = Lot(self.around.seed, f"swap/{self.asset.id}"), self.around.span
        epochs = np.arange(span.first_day // _SWAP_EPOCH, span.last_day // _SWAP_EPOCH + 1, dtype=np.int64)
        days = epochs * _SWAP_EPOCH + np.floor(lot.stream("day").uniform(epochs) * _SWAP_EPOCH).astype(np.int64)
        happens = lot.stream("happens").uniform(epochs) < _SWAP_SHARE
        inside = happens & (days >= span.first_day) & (days < span.last_day)
        if not inside.any():
            return None
        return int((days[inside][0] - span.first_day) * TICKS_A_DAY + TICKS_A_DAY * 2 // 5)
