"""Channels that stepped away from their own past, where so many of a class did that its medians no longer tell.

What all of a class do on one day is a season, a festival or the weather, and is taken out of every figure. That holds
only as far as it is one movement: assets that stepped on days of their own are ill each for itself, however many they
are, and what tells what is usual of their class are the others. A movement that two in three of a site's class made on
one day is held for innocent, unless it carried them beyond their limit, or beyond their normal band while the same
class stood still at other sites.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facility.catalogue.catalogue import Bad, Channel
from facility.estate import Asset
from models.features.daily import DailyFigures
from models.features.steps import Apart
from models.features.windows import Figure
from models.statistics import BoolArray, FloatArray, IntArray, empty_slices

STRONG = 8.0  # a step in standard deviations of what it leaves over: a steady slope of any steepness has 3.5
MATERIAL = 0.2  # of the way to the limit, or of the level where that is less
MANY, FEWEST = 0.25, 4  # share of a class, and series of it, from which its medians are in doubt
SHARED = 2 / 3  # of a site's class: a movement of all
BEFORE, AFTER = 5, 2  # figures on either side of a step
SAME = 1  # days that steps of one movement lie apart at most
RECENTLY = 7  # days whose mean is the end of a series
ELSEWHERE = 3  # series of the class at other sites that tell whether it is theirs as well


def stepped_apart(
    daily: DailyFigures, excluded: BoolArray, assets: tuple[Asset, ...], group: IntArray, groups: int
) -> Apart:
    """The steps of all series of classes in which many have stepped."""
    out = Apart.none(len(group))
    values = daily.values
    size = np.bincount(group[~excluded], minlength=groups)
    if values.shape[1] < BEFORE + AFTER or not (size >= FEWEST).any():
        return out
    fixed = _fixed(daily, group, groups)
    moved = (_moved(values, fixed) & ~excluded) & (size >= FEWEST)[group]
    many = np.bincount(group[moved], minlength=groups) >= MANY * np.maximum(size, 1)
    rows = np.flatnonzero(moved & many[group])
    if not rows.size:
        return out
    day, before, after, noise = _steps(values[rows])
    size_of = np.abs(after - before)
    strong = size_of >= STRONG * np.maximum(noise, daily.floor[rows])
    strong &= (size_of >= MATERIAL * _way(before, after, fixed.taking(rows))) & fixed.taking(rows).worse(after - before)
    rows, day, before, after = rows[strong], day[strong], before[strong], after[strong]
    many = np.bincount(group[rows], minlength=groups) >= MANY * np.maximum(size, 1)
    chosen = many[group[rows]]
    rows, day, before, after = rows[chosen], day[chosen], before[chosen], after[chosen]
    out.day[rows], out.before[rows] = day, before
    out.own[rows] = True
    site_of = np.unique([asset.site for asset in assets], return_inverse=True)[1][daily.owner]
    beyond = fixed.taking(rows).outside(after) & ~fixed.taking(rows).outside(before)
    unusual = fixed.taking(rows).abnormal(after) & ~fixed.taking(rows).abnormal(before)
    for number in np.unique(group[rows]):
        members = np.flatnonzero((group == number) & ~excluded)
        mine = np.flatnonzero(group[rows] == number)
        for site in np.unique(site_of[rows[mine]]):
            here = mine[site_of[rows[mine]] == site]
            joint = here[_joint(day[here])]
            if joint.size < max(2, SHARED * np.sum(site_of[members] == site)):
                continue
            others = mine[site_of[rows[mine]] != site]
            along = np.sum(np.abs(day[others] - np.median(day[joint])) <= SAME)
            elsewhere = int(np.sum(site_of[members] != site))
            still = elsewhere >= ELSEWHERE and along < MANY * elsewhere
            innocent = joint[~(beyond[joint] | (unusual[joint] & still))]
            out.own[rows[innocent]] = False
            out.shared[rows[innocent]] = True
    return out


def _joint(day: IntArray) -> BoolArray:
    """Those whose steps lie closest together: within a day of the commonest."""
    close = np.abs(day[:, None] - day[None, :]) <= SAME
    return np.asarray(close[int(np.argmax(close.sum(axis=1)))])


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What the catalogue says of each series."""

    low: FloatArray  # limits, infinite where there are none
    high: FloatArray
    least: FloatArray  # normal band
    most: FloatArray
    bad: IntArray  # 1 up, -1 down, 0 both
    by_level: BoolArray  # a share of the level means something

    def taking(self, rows: IntArray) -> _Fixed:
        return _Fixed(
            self.low[rows], self.high[rows], self.least[rows], self.most[rows], self.bad[rows], self.by_level[rows]
        )

    def worse(self, change: FloatArray) -> BoolArray:
        return np.asarray((self.bad == 0) | (self.bad * change > 0))

    def outside(self, level: FloatArray) -> BoolArray:
        return np.asarray(((level < self.low) & (self.bad <= 0)) | ((level > self.high) & (self.bad >= 0)))

    def abnormal(self, level: FloatArray) -> BoolArray:
        return np.asarray(((level < self.least) & (self.bad <= 0)) | ((level > self.most) & (self.bad >= 0)))


def _fixed(daily: DailyFigures, group: IntArray, groups: int) -> _Fixed:
    first = np.zeros(groups, dtype=np.int64)
    first[group[::-1]] = np.arange(len(group))[::-1]
    rows = [(daily.channels[row], daily.figures[row]) for row in first]

    def each(measured: list[float]) -> FloatArray:
        return np.array(measured, dtype=np.float64)[group]

    def level(edge: float, figure: Figure, nothing: float) -> float:
        return edge if figure in (Figure.LEVEL, Figure.TEST) else nothing

    return _Fixed(
        low=each([level(c.limit.low, f, -np.inf) for c, f in rows]),
        high=each([level(c.limit.high, f, np.inf) for c, f in rows]),
        least=each([level(c.normal.low, f, -np.inf) for c, f in rows]),
        most=each([level(c.normal.high, f, np.inf) for c, f in rows]),
        bad=each([_direction(c) for c, _ in rows]).astype(np.int64),
        by_level=each([c.unit not in ("Cel", "mm", "m") for c, _ in rows]) > 0,
    )


def _direction(channel: Channel) -> float:
    return {Bad.UP: 1.0, Bad.DOWN: -1.0}.get(channel.bad, 0.0)


def _way(before: FloatArray, after: FloatArray, fixed: _Fixed) -> FloatArray:
    """The way to the limit ahead, or the level where that is less (or there is no limit)."""
    left = np.abs(np.where(after >= before, fixed.high, fixed.low) - before)
    by_level = np.where(fixed.by_level, np.abs(before), np.inf)
    way = np.minimum(left, by_level)
    return np.where(np.isfinite(way), way, np.abs(before))


def _moved(values: FloatArray, fixed: _Fixed) -> BoolArray:
    """Is the end of each series materially off its beginning? A cheap question that spares the dear one."""
    days = values.shape[1]
    with empty_slices():
        first, last = np.nanmean(values[:, : max(days // 2, 1)], axis=1), np.nanmean(values[:, -RECENTLY:], axis=1)
    # half of it: with a step in the first half of the days their mean lies between the two levels
    way = _way(first, last, fixed)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(last - first) >= 0.5 * MATERIAL * way) & fixed.worse(last - first)


def _steps(values: FloatArray) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
    """Best step of each row: its first day, the levels before and after, and the deviation that is left over."""
    present = ~np.isnan(values)
    centre = np.nan_to_num(np.nanmean(values, axis=1))[:, None]
    centred = np.where(present, values - centre, 0.0)
    count, total = np.cumsum(present, axis=1), np.cumsum(centred, axis=1)
    earlier, later = count[:, :-1], count[:, -1:] - count[:, :-1]
    with empty_slices():
        low, high = total[:, :-1] / earlier, (total[:, -1:] - total[:, :-1]) / later
        between = np.where((earlier >= BEFORE) & (later >= AFTER), earlier * low**2 + later * high**2, -1.0)
    best = np.argmax(between, axis=1)
    rows = np.arange(len(values))
    apart = between[rows, best] >= 0
    squares = np.sum(centred**2, axis=1) - between[rows, best]
    noise = np.sqrt(np.maximum(squares, 0.0) / np.maximum(count[:, -1] - 2, 1))
    before, after = low[rows, best] + centre[:, 0], high[rows, best] + centre[:, 0]
    return best + 1, np.where(apart, before, np.nan), np.where(apart, after, np.nan), noise
