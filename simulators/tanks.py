"""Fire-water tanks: slow losses, made good by a float valve; a stuck float overfills or starves the tank.

The sum of all losses is the one state: the float opens when a few centimetres are gone.
"""

from __future__ import annotations

import numpy as np

from simulators.chance import Lot
from simulators.sheet import Sheet
from simulators.surroundings import TICK_S, lagged


def overfills(lot: Lot) -> bool:
    """Whether this tank's float would stick open and let it overflow, or closed and starve it."""
    return lot.share("overfills") < 0.6


def simulate(sheet: Sheet) -> None:
    """Readings of tanks: level, inflow, float states."""
    lot, around = sheet.lot, sheet.around
    stuck = np.asarray(sheet.condition("float_fault"))
    too_much = overfills(lot)
    full, area = lot.between("full", 2.75, 3.15), lot.between("area_m2", 6.0, 20.0)

    room = 0.4 * lagged(around.weather.temperature, 4) + 0.6 * lot.between("room", 17.0, 20.0)
    water = 0.6 * room + 0.4 * lot.between("water", 15.0, 19.0) + 0.3 * sheet.wander("water", 60)
    deadband = lot.between("deadband", 0.03, 0.07)
    loss = lot.between("loss_m_a_day", 0.02, 0.07) * (1 + 0.3 * np.abs(sheet.wander("loss", 20)))
    lost = sheet.integral("lost", loss * TICK_S / 86_400)
    level = full - lost % deadband
    refilled = loss * area * TICK_S / 86_400

    turn = lot.between("turn_h", 5.0, 14.0) if too_much else lot.between("turn_h", 40.0, 90.0)
    swing = (around.utc_s / 3600 / turn) % 1.0
    if too_much:
        level = level + np.minimum(stuck * (0.08 + 0.42 * swing), 0.75)
        refilled = refilled + stuck * 0.22 * TICK_S / 3600
    else:
        level = level - np.minimum(stuck * (0.1 + 0.6 * swing), 1.4)
        refilled = refilled * np.where(stuck > 0, (swing > 0.9) * 9.0, 1.0)
    level = level + 0.006 * sheet.noise("ripple")

    sheet.quarter_hourly(level=np.maximum(level, 0.0))
    sheet.hourly(
        water_temperature=water + 0.05 * sheet.noise("water"),
        room_temperature=room + 0.2 * sheet.noise("room"),
        inflow=sheet.total("inflow", np.maximum(refilled, 0.0), start=lot.between("used_m3", 100, 4000)),
    )
