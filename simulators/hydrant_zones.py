"""Hydrant and sprinkler zones: the pressure leaks away and the jockey pump brings it back, a saw-tooth.

The sum of all leakage is the one state: it fixes both where on the saw-tooth the pressure stands and how often the pump
has started. Devices of the coarse kind report 0.1 MPa steps, in which a slow leak can't be seen in the pressure at all.
"""

from __future__ import annotations

import numpy as np

from simulators.chance import FloatArray
from simulators.sheet import Sheet
from simulators.surroundings import LEAD_IN, TICK_S, lagged


def simulate(sheet: Sheet) -> None:
    """Readings of hydrant and sprinkler zones: pressures, jockey pump, flow tests."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    leak, closed = condition("zone_leak"), condition("valve_closed")
    coarse = sheet.asset.attributes.get("pressure_step") == "0.1 MPa"

    top = lot.between("stop_pressure", 0.58, 0.95)
    band = lot.between("band", 0.05, 0.09)
    pipes = 0.55 * lagged(around.weather.temperature, 3) + 0.45 * lot.between("shaft", 16.0, 20.0)
    tightness = lot.between("starts_an_hour", 0.25, 1.1)  # healthy leakage, in jockey starts an hour
    usual = tightness * np.exp(0.12 * sheet.wander("tightness", 50)) * (1 + 0.05 * np.abs(sheet.noise("weep")))
    teeth = usual * (1 + 4.5 * leak) + 0.4 * around.works(sheet.asset.building)
    drop = sheet.integral("drop", np.maximum(teeth, 0.0) * TICK_S / 3600)
    starts = np.floor(drop)
    in_tooth = drop - starts

    # A fast leak also drags the mean down: the pump stops late and the pipes breathe with the temperature.
    pressure = top - band * in_tooth - 0.02 * np.asarray(leak) + 0.0004 * (pipes - 18.0)
    pressure = pressure + 0.002 * sheet.noise("pressure")
    head = lot.between("head", 0.30, top - 0.24)
    shut = np.minimum(np.asarray(closed), 1.0)
    seal = np.clip(lot.between("seal", 0.0, 0.05), 0.0, 1.0)
    end = (pressure - head) * (1 - shut * (1 - seal)) + 0.002 * sheet.noise("end")

    step = 0.1 if coarse else 0.001
    sheet.quarter_hourly(
        static_pressure=np.rint(pressure / step) * step,
        end_pressure=np.maximum(np.rint(end / step) * step, 0.0) if not coarse else np.rint(end * 100) / 100,
    )
    lasts = lot.between("run_min", 0.7, 1.6) * (1 + 0.25 * np.asarray(leak))
    used = lot.between("used", 3000.0, 40_000.0)
    started = _steps(sheet, starts)
    sheet.hourly(
        jockey_starts=sheet.total("jockey_starts", started, start=float(int(used))),
        jockey_run_time=sheet.total("jockey_run_time", started * lasts, start=float(int(1.1 * used))),
        ambient_temperature=pipes + 0.2 * sheet.noise("pipes"),
    )
    at = sheet.at_local(10.0, lot.whole("test_weekday", 0, 4))
    if len(at):
        tested = (end - lot.between("test_loss", 0.03, 0.06)) + 0.004 * sheet.noise("test")
        sheet.tested(at, np.array([300], dtype=np.int64), end_test_pressure=np.maximum(tested, 0.0)[at][:, None])


def _steps(sheet: Sheet, starts: FloatArray) -> FloatArray:
    """Jockey starts in each tick; the first tick of the span counts on from what is carried."""
    steps = np.zeros(len(starts))
    steps[LEAD_IN:] = np.diff(starts[LEAD_IN:], prepend=sheet.carry.get("starts_seen", 0.0))
    sheet.carry["starts_seen"] = float(starts[-1])
    return steps
