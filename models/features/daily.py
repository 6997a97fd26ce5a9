"""From hours to daily figures: one number a day that stands for how the channel was that day.

Hours out of service (maintenance windows) and hours a broken sensor made up are left out before anything is averaged.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facility.catalogue.catalogue import Aggregate, Bad, Channel
from models.features.hourly import HOURS, Cube, Hourly, flat, out_of_service
from models.features.windows import RECENT, Figure
from models.statistics import BoolArray, FloatArray, IntArray, empty_slices, mean, median, resolution

MINIMUM_HOURS = 4  # a day with fewer hours of a regular channel has no figure, if its habit is more
OFTEN = 0.5  # of the days: a channel that is heard on fewer is measured now and then, as in a test
FEWEST_USES, FEW_USES = 20, 0.25  # a day's ratio takes so many uses, and so much of a usual day's
STEADIEST = 1e-3  # of the level: what varies by less within a day is rounded, whatever its steps
RARE = 0  # least hours of a channel that is heard now and then: its readings are figures of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyFigures:
    """Figures before anything is explained away. `values` (series, days), `floor` in the figure's units."""

    owner: IntArray
    channels: tuple[Channel, ...]
    figures: tuple[Figure, ...]
    values: FloatArray
    floor: FloatArray  # smallest spread worth believing: the device's own resolution
    row: IntArray  # row of the cube it came from
    least: IntArray  # hours that a day's figure takes, by the channel's own habit; `RARE` for tests and the like


def daily_figures(
    cube: Cube, doubtful: BoolArray, usual: FloatArray | None = None, least: IntArray | None = None
) -> DailyFigures:
    """Figures of all series of a cube. `doubtful` (series, days, 24): hours a sensor fault is responsible for.

    What a figure takes is the channel's own habit: a device that reports twice a day has a figure a day from one or two
    readings, one that reports weekly has a figure a reading.

    `usual` (series, 24) and `least` (series): profiles of the day and hours that a figure takes, where the cube itself
    is too short to learn them from.
    """
    away = out_of_service(cube)
    parts: list[tuple[IntArray, Figure, FloatArray, FloatArray]] = []
    least = habit(cube) if least is None else least
    sampled = cube.rows(Aggregate.MEAN)
    regular, rare = sampled[least[sampled] > RARE], sampled[least[sampled] == RARE]
    if rare.size:
        believed = _left_out(cube.mean[rare], away[cube.owner[rare]] | doubtful[rare])
        parts.append((rare, Figure.TEST, median(believed), 0.3 * resolution(cube.low[rare])))
    if regular.size:
        believed = _left_out(cube.mean[regular], away[cube.owner[regular]] | doubtful[regular])
        shape = profile(believed) if usual is None else usual[regular]
        level, residual = _level(believed, shape, least[regular], _uses(cube, regular))
        quantum = resolution(cube.low[regular])
        parts.append((regular, Figure.LEVEL, level, 0.3 * quantum))
        judged = np.array([cube.channels[i].bad is not Bad.NONE for i in regular], dtype=np.bool_)
        judged &= least[regular] >= MINIMUM_HOURS  # how much a day varies takes more than a reading or two
        judged &= np.array([not cube.channels[i].per for i in regular], dtype=np.bool_)  # and is chance in a ratio
        within = np.where(np.isnan(believed), np.nan, cube.std[regular])[judged]
        parts.append((regular[judged], Figure.SPREAD, *_log_spread(residual[judged], within, quantum[judged])))
    for rows, hourly in ((cube.rows(Aggregate.SPARSE), cube.mean), (cube.rows(Aggregate.DAILY), cube.mean)):
        if rows.size:
            believed = _left_out(hourly[rows], doubtful[rows])
            parts.append((rows, Figure.TEST, median(believed), 0.3 * resolution(cube.low[rows])))
    counters = cube.rows(Aggregate.COUNTER)
    if counters.size:
        parts.append((counters, Figure.RATE, *_rate(cube, counters)))
    states = np.array([i for i in cube.rows(Aggregate.STATE) if cube.channels[i].bad is not Bad.NONE], dtype=np.int64)
    if states.size:
        share = _share(cube, states, away[cube.owner[states]] | doubtful[states])
        parts.append((states, Figure.SHARE, share, np.full(states.size, 0.15)))
    rows = np.concatenate([p[0] for p in parts]) if parts else np.zeros(0, dtype=np.int64)
    return DailyFigures(
        owner=cube.owner[rows],
        channels=tuple(cube.channels[i] for i in rows),
        figures=tuple(p[1] for p in parts for _ in p[0]),
        values=np.concatenate([p[2] for p in parts]) if parts else np.zeros((0, cube.days)),
        floor=np.concatenate([p[3] for p in parts]) if parts else np.zeros(0),
        row=rows,
        least=least[rows],
    )


def habit(cube: Cube) -> IntArray:
    """(series,): hours a figure of a regular channel takes: half of what its days usually have, 4 at most.

    `RARE` for a channel that is not heard on most days since it was heard first.
    """
    hours = (cube.count > 0).sum(axis=2)
    heard = hours > 0
    usual = median(np.where(heard, hours, np.nan).astype(np.float64))
    first = np.argmax(heard, axis=1) if heard.size else np.zeros(len(hours), dtype=np.int64)
    often = heard.sum(axis=1) / np.maximum(heard.shape[1] - first, 1)
    least = np.clip(np.ceil(np.nan_to_num(usual, nan=float(HOURS)) / 2), 1, MINIMUM_HOURS).astype(np.int64)
    slow = least < MINIMUM_HOURS
    return np.where(slow & (often < OFTEN), RARE, least)


def _left_out(hourly: Hourly, hours: BoolArray) -> Hourly:
    return np.where(hours, np.float32(np.nan), hourly)


def profile(hourly: Hourly) -> FloatArray:
    """(series, 24): the usual deviation of each hour of the day from the day's mean, from the reference days."""
    past = hourly[:, : max(hourly.shape[1] - RECENT, 1)]
    centred = past - mean(past, axis=-1)[:, :, None].astype(np.float32)
    return np.nan_to_num(median(centred, axis=1))


def _level(hourly: Hourly, usual: FloatArray, least: IntArray, uses: dict[int, Hourly]) -> tuple[FloatArray, Hourly]:
    """Levels, and what hours leave over. `uses`: by row, the hourly counts that a ratio is taken from."""
    residual = hourly - usual[:, None, :].astype(np.float32)
    enough = np.sum(~np.isnan(residual), axis=-1) >= least[:, None]
    level = np.where(enough, mean(residual), np.nan)
    for row, counts in uses.items():
        counted = np.where(np.isnan(hourly[row]), 0.0, np.nan_to_num(counts))
        total = counted.sum(axis=-1)
        usually = float(median(np.where(total > 0, total, np.nan)[None])[0])
        plenty = total >= max(FEWEST_USES, FEW_USES * np.nan_to_num(usually))
        weighted = (counted * np.nan_to_num(hourly[row])).sum(axis=-1) / np.maximum(total, 1.0)
        level[row] = np.where(plenty, weighted, np.nan)
    return level, residual


def _uses(cube: Cube, rows: IntArray) -> dict[int, Hourly]:
    """By place among `rows`: hourly counts of what a channel is a ratio of, where the asset sends them."""
    ratios = [(place, int(row)) for place, row in enumerate(rows) if cube.channels[row].per]
    if not ratios:
        return {}
    counters = {(int(cube.owner[row]), cube.channels[row].key): row for row in cube.rows(Aggregate.COUNTER)}
    pairs = ((place, counters.get((int(cube.owner[row]), cube.channels[row].per))) for place, row in ratios)
    return {place: cube.grown[counter] for place, counter in pairs if counter is not None}


def _log_spread(residual: Hourly, within: Hourly, quantum: FloatArray) -> tuple[FloatArray, FloatArray]:
    with empty_slices():
        variance = np.nanvar(residual, axis=-1) + np.nanmean(np.square(within), axis=-1)
    level = np.abs(np.nan_to_num(median(mean(residual))))
    least = np.maximum(np.maximum(quantum, STEADIEST * level), 1e-9)[:, None] ** 2 / 12
    enough = np.sum(~np.isnan(residual), axis=-1) >= MINIMUM_HOURS
    return np.where(enough, 0.5 * np.log(variance + least), np.nan), np.full(len(residual), 0.08)


def _rate(cube: Cube, rows: IntArray) -> tuple[FloatArray, FloatArray]:
    grown = cube.grown[rows]
    measured = np.sum(~np.isnan(grown), axis=-1)
    with empty_slices():
        daily = np.where(measured > 0, np.nansum(grown, axis=-1), np.nan)
        sends_hourly = median(np.where(measured > 0, measured, np.nan)) > HOURS / 2
        daily = np.where(sends_hourly[:, None], daily, daily / _days_since(measured > 0))
        daily = np.where(sends_hourly[:, None] & (measured > 0), daily * HOURS / np.maximum(measured, 1), daily)
        daily = np.where(sends_hourly[:, None] & (measured < MINIMUM_HOURS), np.nan, daily)
    counts = np.array([cube.channels[i].unit == "1" for i in rows], dtype=np.bool_)
    rooted = 2.0 * np.sqrt(np.maximum(daily, 0.0) + 0.375)  # Anscombe: unit variance for Poisson counts
    usual = median(daily)
    floor = np.where(counts, 0.7, 0.03 * np.abs(np.nan_to_num(usual)) + 1e-6)
    return np.where(counts[:, None], rooted, daily), floor


def _days_since(heard: BoolArray) -> FloatArray:
    """(series, days): days since the day before that was heard of; NaN on the first, of which nothing can be told."""
    day = np.arange(heard.shape[1])
    before = np.full(heard.shape, -1)
    before[:, 1:] = np.maximum.accumulate(np.where(heard, day, -1), axis=1)[:, :-1]
    return np.where(before >= 0, day - before, np.nan)


def _share(cube: Cube, rows: IntArray, away: BoolArray) -> FloatArray:
    low = np.array([cube.channels[i].normal.low for i in rows])[:, None, None]
    high = np.array([cube.channels[i].normal.high for i in rows])[:, None, None]
    usual = median(flat(cube.last[rows]))[:, None, None]
    unbounded = np.isinf(low) & np.isinf(high)
    abnormal = np.where(unbounded, cube.last[rows] != usual, (cube.low[rows] < low) | (cube.high[rows] > high))
    present = (cube.count[rows] > 0) & ~away
    with empty_slices():
        share = np.sum(abnormal & present, axis=-1) / np.sum(present, axis=-1)
    return np.asarray(np.where(present.any(axis=-1), share, np.nan), dtype=np.float64)
