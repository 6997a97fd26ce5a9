"""Small, sudden, lasting changes of a channel's scale: new firmware, a swapped or recalibrated sensor.

Equipment wears gradually or breaks visibly. A step of a few per cent from one day to the next, flat before and flat
after, is somebody's screwdriver; the series is put on one scale again so that no detector takes it for wear.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.features.windows import Figure, Windows
from models.statistics import FloatArray, median

LARGEST = 0.07  # of the level; larger steps are news, whatever caused them
SHARPEST = 4.0  # healthy standard deviations a step must have to be told from noise
NEIGHBOURS = 4  # days looked at on either side


def without_scale_steps(windows: Windows) -> Windows:
    """The same windows with small scale steps of level figures taken out of `adjusted`."""
    values = windows.standard
    days = windows.days
    if days < 2 * NEIGHBOURS + 2:
        return windows
    level = np.abs(median(windows.values))
    eligible = windows.having(Figure.LEVEL) & (level > 5 * windows.scale)
    best = np.zeros(len(values))
    at = np.full(len(values), -1)
    for day in range(NEIGHBOURS, days - 1):
        before = values[:, max(day - NEIGHBOURS, 0) : day]
        after = values[:, day + 1 : day + 1 + NEIGHBOURS]
        jump = median(after) - median(before)
        flat = np.maximum(_range(before), _range(after)) < 0.3 * np.abs(jump) + 2.0
        sharper = flat & (np.abs(jump) > np.abs(best)) & (np.abs(jump) > SHARPEST)
        best = np.where(sharper, jump, best)
        at = np.where(sharper, day, at)
    measured = np.flatnonzero(eligible & (at >= 0) & np.isfinite(windows.scale))  # 0 x infinity is no number
    rows = measured[np.abs(best[measured]) * windows.scale[measured] < LARGEST * level[measured]]
    adjusted = windows.adjusted.copy()
    for row in rows:
        day = int(at[row])
        whole = median(values[row : row + 1, day + 1 :])[0] - median(values[row : row + 1, :day])[0]
        if abs(whole - best[row]) > 0.4 * abs(best[row]):
            continue
        adjusted[row, day + 1 :] -= whole * windows.scale[row]
        adjusted[row, day] = np.nan
        reference = adjusted[row : row + 1, : windows.reference]
        adjusted[row] -= np.nan_to_num(median(reference))[0]
    return replace(windows, adjusted=adjusted)


def _range(values: FloatArray) -> FloatArray:
    """Second largest minus second smallest where there are enough, else the plain range."""
    ordered = np.sort(np.nan_to_num(values, nan=0.0), axis=1)
    if ordered.shape[1] >= 4:
        return np.asarray(ordered[:, -2] - ordered[:, 1])
    return np.asarray(ordered[:, -1] - ordered[:, 0]) if ordered.shape[1] else np.zeros(len(values))
