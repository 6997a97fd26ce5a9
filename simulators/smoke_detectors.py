"""Smoke detectors: the chamber gathers dust, faster beside building works; a stuck-low chamber is hardware."""

from __future__ import annotations

import numpy as np

from simulators.sheet import Sheet
from simulators.surroundings import lagged

_CLEANED_EVERY = 240  # days, D: an operator who cleans before the standard asks


def simulate(sheet: Sheet) -> None:
    """Readings of smoke detectors: chamber values, temperature, fault bits."""
    lot, around, condition = sheet.lot, sheet.around, sheet.condition
    dusty, low = np.asarray(condition("detector_dust")), np.asarray(condition("detector_low_chamber"))
    room = 0.3 * lagged(around.weather.temperature, 2) + 0.7 * 22.0 + 1.2 * around.busy(sheet.use)

    weeks = (around.local_day - around.origin_day) / 7.0
    gathered = lot.between("dust_a_week", 0.02, 0.12) * weeks
    if around.confounders:
        cleaned = ((around.local_day + lot.whole("cleaned", 0, _CLEANED_EVERY - 1)) // _CLEANED_EVERY) > (
            (around.origin_day + lot.whole("cleaned", 0, _CLEANED_EVERY - 1)) // _CLEANED_EVERY
        )
        gathered = np.where(cleaned, gathered * 0.2 - 3.0, gathered)
    damp = 0.035 * np.maximum(around.weather.humidity - 65.0, 0.0)
    works = 1.0 * lagged(around.works(sheet.asset.building), 4)
    chamber = lot.between("chamber", 14.0, 28.0) + gathered + 24.0 * dusty + damp + works
    chamber = chamber + 0.5 * sheet.noise("chamber")
    stuck_at = lot.between("stuck_at", 0.4, 2.2) + 0.15 * sheet.noise("stuck")
    chamber = np.where(low > 0, stuck_at, np.clip(chamber, 0.0, 120.0))

    voltage = lot.between("loop", 22.8, 24.2) + 0.02 * (22.0 - room) + 0.05 * sheet.noise("loop")
    sheet.hourly(chamber=chamber, temperature=room + 0.3 * sheet.noise("room"), loop_voltage=voltage)
    bits = np.where(chamber > 80.0, 2.0, 0.0)
    dropped = (sheet.chance("comm") < 0.0003).astype(np.float64)
    sheet.states("fault_bits", bits, [(dropped, 8.0, 60.0)], rest=0.0)
