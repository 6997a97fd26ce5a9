"""Fire pump sets: nearly everything is seen only in the weekly test run, a handful of samples each.

A run lasts ten minutes and is sampled five times; temperatures climb from the room's. Bearing damage shows in vibration
first, wear of the impeller in the pressure and in the time to reach it.
"""

from __future__ import annotations

import numpy as np

from simulators.chance import FloatArray
from simulators.sheet import Sheet
from simulators.surroundings import lagged

SAMPLES_S = np.array([60, 180, 300, 420, 540], dtype=np.int64)


def simulate(sheet: Sheet) -> None:
    """Readings of fire pump sets: test runs, pressures, vibration, batteries."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    bearing, worn = condition("pump_bearing"), condition("pump_degradation")
    zeros = np.zeros(len(around.ticks))
    room = 0.35 * lagged(around.weather.temperature, 4) + 0.65 * lot.between("room", 17.0, 21.0)
    weekday, hour = lot.whole("test_weekday", 0, 4), float(lot.whole("test_hour", 9, 15))
    at = sheet.at_local(hour, weekday)
    running = zeros.copy()
    running[at] = 1.0

    suction = lot.between("suction", 0.35, 0.9) + 0.03 * sheet.wander("tank", 20) - 0.15 * running
    suction = suction + 0.008 * sheet.noise("suction")
    sheet.quarter_hourly(suction_pressure=suction, room_temperature=room + 0.2 * sheet.noise("room"))
    sheet.hourly(pump_starts=sheet.total("pump_starts", running, start=lot.whole("starts", 40, 600)))
    tested = (around.weekday == weekday) & (np.abs(around.hour - hour) < 0.5)
    sheet.states("automatic_mode", np.where(tested, 0.0, 1.0), [], rest=1.0)
    if not len(at):
        return

    def fuzz(name: str, size: float) -> FloatArray:
        """Independent noise for every sample of every run."""
        index = around.ticks[at][:, None] * len(SAMPLES_S) + np.arange(len(SAMPLES_S))
        return size * lot.stream(name).normal(index.ravel()).reshape(index.shape)

    def now(progress: FloatArray | float) -> FloatArray:
        return (np.asarray(progress) + zeros)[at][:, None]

    warm = 1 - np.exp(-SAMPLES_S / 420.0)[None, :]
    air = room[at][:, None]
    run_to_run = lot.stream("run").normal(around.ticks[at])[:, None]
    pressure = lot.between("pressure", 7.0, 11.0) * (1 - 0.11 * now(worn)) + 0.05 * run_to_run + fuzz("pressure", 0.05)
    current = (
        lot.between("current", 35.0, 85.0) * (1 + 0.05 * now(bearing) - 0.03 * now(worn)) * (1 + 0.006 * run_to_run)
    )
    vibration = lot.between("vibration", 1.3, 2.5) + 2.6 * now(bearing) + 0.06 * run_to_run + fuzz("vibration", 0.1)
    hot = np.maximum(now(bearing) - 0.2, 0.0)
    sheet.tested(
        at,
        SAMPLES_S,
        discharge_pressure=pressure,
        motor_current=current + fuzz("current", 0.3),
        motor_temperature=air + lot.between("motor_rise", 18.0, 28.0) * warm + fuzz("motor", 0.4),
        bearing_temperature=air + (lot.between("bearing_rise", 12.0, 20.0) + 16.0 * hot) * warm + fuzz("bearing", 0.4),
        bearing_vibration=np.maximum(vibration, 0.1),
    )
    delay = lot.between("delay", 4.0, 9.0) * (1 + 0.6 * now(worn)) + 0.2 * run_to_run
    sheet.tested(at, np.array([30], dtype=np.int64), start_delay=delay)
