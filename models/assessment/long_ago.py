"""Years of past, a day here and there: was a channel different, long before the days that assessments look at?

A fault that is older than the window has become its past. So a look that has nothing to go on from reads some single
days before the window as well: some of the first the store holds, and others further and further back. What is looked
for is a channel that was elsewhere on all of the oldest of them, further than its class has moved since (which takes
seasons out).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from facility.estate import Asset
from facility.store import Store
from models.assessment.baseline import Expectations, names_of_series
from models.assessment.extraction import LONGEST_HISTORY
from models.assessment.fusion import share_of_way
from models.assessment.memory import Memory
from models.assessment.newest import newest_figures
from models.assessment.past_days import FEWEST, Older
from models.features.directions import fixed_directions
from models.features.hourly import whole_hour
from models.features.windows import RECENT, Figure, Windows
from models.statistics import FloatArray, grouped_median, median

AGES = (75, 90, 105, 120, 150, 180, 240, 300, 365, 540, 720)  # days before the look
FIRST = (2, 6, 10, 14)  # days after the store's first reading
CLASS_SIZE = 5  # series of a kind whose median tells what all have in common
NATURAL = 6.0  # standard deviations that a healthy channel may wander by over the years
WORTH, LARGEST = 0.8, 15.0


def older_days(first: datetime | None, as_of: datetime) -> list[datetime]:
    """Ends of the single days to be looked at, oldest first; none where the window holds all there is."""
    if first is None:
        return []
    total = (as_of - first) / timedelta(days=1)
    ages = {*AGES, *(int(total) - day for day in FIRST)}
    return [
        whole_hour(as_of) - timedelta(days=a) for a in sorted(ages, reverse=True) if LONGEST_HISTORY < a < total - 1
    ]


def look_back(
    store: Store, assets: Sequence[Asset], windows: Windows, expected: Expectations, memory: Memory
) -> Older | None:
    """Figures of the older days; None where there are too few. What was before an outcome is no past of the present."""
    ends = older_days(store.size().first, windows.end)
    if len(ends) < FEWEST:
        return None
    place = {key: row for row, key in enumerate(zip(expected.owner.tolist(), expected.name, strict=True))}
    rows = np.array([place[key] for key in zip(windows.owner.tolist(), names_of_series(windows), strict=True)])
    values = np.stack([newest_figures(store, expected, assets, end)[rows] for end in ends], axis=1)
    for number, asset in enumerate(assets):
        moment = memory.attended.get(asset.id)
        if moment is not None:
            before = [end <= moment + timedelta(days=1) for end in ends]
            values[np.ix_(windows.owner == number, before)] = np.nan
    return Older(ends=tuple(ends), values=values)


def past_scores(windows: Windows, older: Older) -> FloatArray:
    """How far each series has gone from where it was long ago, for the worse, less what its class has."""
    now = median(windows.latest(windows.values, RECENT))
    apart = older.values - now[:, None]
    size = np.bincount(windows.group, minlength=windows.groups)[windows.group]
    common = np.stack(
        [grouped_median(column, windows.group, windows.groups)[windows.group] for column in apart.T], axis=1
    )
    apart = np.where((size >= CLASS_SIZE)[:, None], apart - common, np.nan)
    order = np.argsort(np.isnan(apart), axis=1, kind="stable")[:, :FEWEST]
    oldest = np.take_along_axis(apart, order, 1)
    least = np.min(np.abs(oldest), axis=1)
    same = np.abs(np.sign(oldest).sum(axis=1)) == FEWEST
    moved = np.where(same, -np.sign(oldest[:, 0]) * least, 0.0)
    moved = np.nan_to_num(np.where(np.isfinite(windows.scale), moved / windows.scale, 0.0))
    scatter = 1.4826 * grouped_median(np.abs(moved), windows.group, windows.groups)[windows.group]
    moved = moved / np.maximum(scatter, 1.0)
    sign = fixed_directions(windows)
    worse = np.where(sign == 0, np.abs(moved), sign * moved)
    matters = share_of_way(windows, now + median(oldest), now)
    figures = windows.having(Figure.LEVEL, Figure.TEST, Figure.RATE)
    score = np.clip(worse - NATURAL, 0.0, LARGEST) * WORTH * np.nan_to_num(matters)
    return np.where(figures, score, 0.0)
