"""Fire doors: opened by traffic, removers' too, and closed by a closer whose oil thickens in the cold."""

from __future__ import annotations

import numpy as np

from simulators.sheet import Sheet
from simulators.surroundings import lagged


def simulate(sheet: Sheet) -> None:
    """Readings of fire doors: states, openings, closing times."""
    lot, around = sheet.lot, sheet.around
    worn = np.asarray(sheet.condition("closer_wear"))
    works = around.works(sheet.asset.building)
    busy = around.busy(sheet.use)

    openings = sheet.counts("openings", lot.between("openings", 1.5, 9.0) * busy * (1 + 0.8 * works))
    stairwell = 0.5 * lagged(around.weather.temperature, 2) + 0.5 * 19.0
    closing = lot.between("closing", 4.8, 7.5) * (1 + 0.9 * worn) + 0.05 * np.maximum(18.0 - stairwell, 0.0)
    closing = closing + (0.3 + 0.6 * worn) * sheet.noise("closing") / np.sqrt(np.maximum(openings, 1.0))
    open_seconds = np.maximum(0.5 * openings * (closing + 6.0) / 9.0 + 0.4 * np.abs(sheet.noise("held")), 0.0)
    share = np.clip(open_seconds + 9.0 * worn * (0.4 + busy), 0.0, 100.0)

    seen = sheet.hourly_mean(np.where(openings > 0, closing, np.nan))
    open_share = sheet.hourly_mean(share)
    sheet.hourly(
        openings=sheet.total("openings", openings, start=lot.whole("opened", 2000, 90_000)),
        closing_time=np.maximum(seen, 0.5),
        open_share=open_share,
    )
    sheet.states("door_state", (sheet.chance("state") * 100 < share).astype(np.float64), [], rest=0.0)
    cell = lot.between("cell", 3.35, 3.62) - 0.0003 * (around.local_day - around.origin_day)
    sheet.daily(4.0, battery_voltage=cell + 0.002 * (stairwell - 19.0) + 0.008 * sheet.noise("cell"))
