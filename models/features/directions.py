"""Which way a change is bad.

Most channels know it (catalogue: bad = up or down), spreads and abnormal shares are bad upwards. Where both ways are
bad a change is still harmless if it is sudden, stays within the normal band, and is small or a return towards what the
class has: a detector that was cleaned, a lift that was levelled again.
"""

from __future__ import annotations

import numpy as np

from facility.catalogue.catalogue import Bad
from models.features.windows import Figure, Windows
from models.statistics import FloatArray, IntArray, grouped_median, median

SMALL_STEP = 0.3  # of the level
UNUSUAL = 1.0  # robust standard deviations of the class: from there on a level is one to return from


def fixed_directions(windows: Windows) -> IntArray:
    """+1 up is bad, -1 down is bad, 0 both ways."""
    sign = {Bad.UP: 1, Bad.DOWN: -1, Bad.BOTH: 0, Bad.NONE: 0}
    always_up = (Figure.SPREAD, Figure.SHARE)
    return windows.each(lambda channel, figure: 1 if figure in always_up else sign[channel.bad]).astype(np.int64)


def badness(windows: Windows, change: FloatArray) -> FloatArray:
    """The part of a change (one a series) that is for the worse: positive is bad, negative is harmless."""
    sign = fixed_directions(windows)
    either = np.where(_relieved(windows, change), -np.abs(change), np.abs(change))
    return np.where(sign == 0, either, sign * change)


def _relieved(windows: Windows, change: FloatArray) -> FloatArray:
    if windows.days < 10:
        return np.zeros(len(change), dtype=np.bool_)
    before = median(windows.values[:, : windows.reference])
    now = median(windows.values[:, -3:])
    normal_low = windows.each(lambda channel, _: channel.normal.low)
    normal_high = windows.each(lambda channel, _: channel.normal.high)
    bounded = np.isfinite(normal_low) & np.isfinite(normal_high)
    middle = np.where(bounded, (np.where(bounded, normal_low, 0.0) + np.where(bounded, normal_high, 0.0)) / 2, before)
    of_class = grouped_median(before, windows.group, windows.groups)[windows.group]
    size = np.bincount(windows.group, minlength=windows.groups)[windows.group]
    centre = np.where(size >= 5, of_class, middle)
    away = np.abs(before - centre)
    apart = np.where(size >= 5, 1.4826 * grouped_median(away, windows.group, windows.groups)[windows.group], 0.0)
    closer = (np.abs(now - centre) < away) & (away > UNUSUAL * apart)
    inside = (now >= normal_low) & (now <= normal_high)
    leaps = np.abs(windows.adjusted[:, 2:] - windows.adjusted[:, :-2])
    leap = np.max(np.nan_to_num(leaps), axis=1, initial=0.0)
    sudden = leap >= 0.7 * np.abs(now - before)
    small = np.abs(now - before) < SMALL_STEP * np.abs(before)
    return np.asarray((closer | small) & inside & sudden)
