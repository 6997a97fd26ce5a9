"""What moves with the channel that drives it says nothing of its own: lamps that are dimmed give less light.

A regression cannot tell where the driver hardly ever moved before: a circuit that is dimmed on holidays only, or that
burns by day for the first time. Proportion can: nothing is driven further than its driver went.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.features.windows import Figure, Windows
from models.statistics import median

MOVED = 4.0  # healthy standard deviations of the driver: less drives nothing


def without_driven(windows: Windows) -> Windows:
    """The windows with what a moved driver (catalogue: follows) explains taken out of the levels that follow it."""
    followers = [
        row
        for row, (channel, figure) in enumerate(zip(windows.channels, windows.figures, strict=True))
        if channel.follows and figure is Figure.LEVEL
    ]
    keys = {(windows.channels[row].kind, windows.channels[row].follows) for row in followers}
    drivers = {
        (int(windows.owner[row]), channel.key): row
        for row, (channel, figure) in enumerate(zip(windows.channels, windows.figures, strict=True))
        if figure is Figure.LEVEL and (channel.kind, channel.key) in keys and not windows.excluded[row]
    }
    pairs = [
        (row, drivers[key])
        for row in followers
        if (key := (int(windows.owner[row]), windows.channels[row].follows)) in drivers
    ]
    if not pairs:
        return windows
    row, driver = np.array(pairs, dtype=np.int64).T
    usual = np.abs(median(windows.values[:, : windows.reference or None]))
    usable = np.isfinite(usual[driver]) & (usual[driver] > 0) & np.isfinite(usual[row])
    row, driver = row[usable], driver[usable]
    moved = windows.adjusted[driver]
    moved = np.where(np.abs(moved) > MOVED * windows.scale[driver, None], moved, 0.0)
    reach = np.nan_to_num(moved) * (usual[row] / usual[driver])[:, None]
    adjusted = windows.adjusted.copy()
    own = adjusted[row]
    left = np.sign(own) * np.maximum(np.abs(own) - np.abs(reach), 0.0)
    adjusted[row] = np.where(np.sign(own) == np.sign(reach), left, own)
    return replace(windows, adjusted=adjusted)
