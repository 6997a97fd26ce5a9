"""What people have set, and no fault has moved: a driver that changes while all that a fault would move stands still.

A circuit is dimmed for a holiday or lit longer for new tenants; a driver that fails flickers as well and its power
factor falls. Channels that others follow (catalogue) are where people set something. Shares of time are people's doing,
too: a door that stands open longer than it did has a worn closer only if it also closes slower.
"""

from __future__ import annotations

import numpy as np

from facility.catalogue.catalogue import Catalogue
from models.assessment.fusion import NOISE, fits
from models.features.windows import Figure, Windows
from models.statistics import FloatArray

SHARE_OF_TIME = "time"  # of a channel's `per`
COMPANIONS = 2  # other signs that are measured and stand still, before a mode is ruled out
SET, MOST = 0.4, 3.2  # of the strength that is left, and standard deviations: worth telling, and no flag by itself


def without_settings(
    windows: Windows, strength: FloatArray, change: FloatArray, limits: FloatArray, catalogue: Catalogue
) -> FloatArray:
    """Strengths, less for drivers that moved with no sign of any mode that would move them; `limits` are no less."""
    followed = {
        (kind.key, channel.follows)
        for kind in catalogue.values()
        for channel in kind.channels.values()
        if channel.follows
    }
    out = strength.copy()
    loud = np.flatnonzero(strength > NOISE)
    for row in loud.tolist():
        channel = windows.channels[row]
        if (channel.kind, channel.key) in followed:
            companions = COMPANIONS
        elif channel.per == SHARE_OF_TIME:
            companions = 1
        else:
            continue
        if _ruled_out(windows, row, strength, change, catalogue, companions):
            out[row] = max(min(SET * strength[row], MOST), limits[row])
    return out


def _ruled_out(
    windows: Windows, row: int, strength: FloatArray, change: FloatArray, catalogue: Catalogue, companions: int
) -> bool:
    """Would every mode that moves this channel so have shown elsewhere, where nothing is seen?"""
    channel = windows.channels[row]
    channels = catalogue[channel.kind].channels
    fitting = [mode for mode in catalogue[channel.kind].modes.values() if fits(windows, row, change, mode)]
    if windows.figures[row] is not Figure.LEVEL or not fitting:
        return False
    mine = np.flatnonzero((windows.owner == windows.owner[row]) & ~windows.excluded)
    for mode in fitting:
        others = [
            i
            for i in mine.tolist()
            if windows.channels[i].key in mode.signs
            and windows.channels[i].key != channel.key
            and channels[windows.channels[i].key].follows != channel.key
        ]
        if len({windows.channels[i].key for i in others}) < companions:
            return False
        if any(strength[i] > NOISE and fits(windows, i, change, mode) for i in others):
            return False
    return True
