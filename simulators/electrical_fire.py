"""Electrical-fire monitors: residual current follows load and rain, cable temperature follows current squared."""

from __future__ import annotations

import numpy as np

from simulators.sheet import Sheet
from simulators.surroundings import lagged


def simulate(sheet: Sheet) -> None:
    """Readings of electrical fire monitors: residual current and cable temperatures."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    ageing, loose = np.asarray(condition("insulation_ageing")), np.asarray(condition("loose_terminal"))
    sky = around.weather

    cooling = np.maximum(sky.temperature - 25.0, 0.0) + 0.5 * np.maximum(8.0 - sky.temperature, 0.0)
    day_level = 1 + 0.05 * lot.stream("day_level").normal(around.local_day)
    peak = lot.between("peak_a", 45.0, 160.0)
    load = peak * day_level * (0.22 + 0.7 * around.busy(sheet.use) + 0.02 * cooling)
    load = load + 0.08 * peak * around.works(sheet.asset.building)
    load = np.maximum(load * (1 + 0.03 * sheet.noise("load")), 0.5)

    wet = lagged(np.minimum(sky.rain, 4.0), 3)
    residual = lot.between("leak_ma", 45.0, 120.0) + 0.22 * load + 5.0 * wet
    residual = residual + ageing * (70.0 + 0.35 * load + 18.0 * wet)
    residual = residual * (1 + 0.02 * sheet.noise("residual"))

    rise = lot.between("rise_c", 9.0, 16.0) / peak**2
    ambient = 0.4 * lagged(sky.temperature, 2) + 0.6 * 21.0
    cable = ambient + rise * (1 + 1.5 * loose) * lagged(load**2, 0.4) + 0.25 * sheet.noise("cable")
    sheet.quarter_hourly(
        residual_current=residual,
        cable_temperature=cable,
        load_current=load,
        humidity=np.clip(0.8 * sky.humidity + 10.0 + sheet.noise("humidity"), 10.0, 100.0),
    )
