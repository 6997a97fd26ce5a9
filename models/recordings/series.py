"""A single channel as a series: no other channel tells what is normal, so its own past must.

Level, scatter and single values are compared with a reference that rolls along (a new level is news once, then it is
the level), as read and, where a season has proved itself, by what the season leaves. An alarm is short: it ends with
the event or, at the latest, when the reference may have taken it in; until then there is no second one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.recordings.alarms import EASE, Span, threshold
from models.recordings.seasons import season_of
from models.recordings.strangeness import trailing_mean
from models.statistics import FloatArray

SHORT = 12  # rows of a level
REFERENCE = (100, 600)  # rows a level or value is compared with
LOOKED_BACK = 1500  # rows that the threshold is read from
RENEWED = 50  # rows after which it is read again, at least
RENEWALS = 2000  # of the threshold, at most
FLOOR = 4.0  # standard deviations: no threshold is lower
QUIET = (20, 150)  # rows from an alarm's beginning without another
QUIET_SHARE = 1 / 8  # of the healthy rows
OF_BUDGET = 0.2  # part of the budget that each of the five statistics has
NARROWEST = 0.05  # of the healthy rows' standard deviation: no reference is narrower
FARTHEST = 100.0  # thresholds


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """Scores and alarms of one series."""

    score: FloatArray  # 1 is the threshold in force
    off: FloatArray  # standard deviations from the reference, signed
    spans: tuple[Span, ...]
    season: str
    still: bool


def watch(values: FloatArray, seconds: FloatArray, learned: int, budget: float) -> Watched:
    """`values` (rows,), NaN where nothing was measured. The first `learned` rows raise no alarm."""
    missing = np.isnan(values)
    filled = pl.Series(values).fill_nan(None).forward_fill().backward_fill().to_numpy()
    middle = float(np.median(filled[:learned]))
    filled = np.clip(filled - middle, -1e150, 1e150)
    width = float(filled[:learned].std())
    still = width <= 1e-9 * max(abs(middle), 1e-3)
    width = max(1e-3 * abs(middle), 1e-9) if still else width
    season = season_of(filled, seconds, learned)
    size = int(np.clip(learned, *REFERENCE))
    off = _off(filled, filled, 1, size, width)
    score = np.zeros(len(values))
    for statistic in _statistics(filled, season.expected, size, width, off):
        score = np.maximum(score, statistic / _limits(statistic, learned, OF_BUDGET * budget))
    score[:SHORT] = 0.0
    score = np.where(missing, 0.0, np.minimum(score, FARTHEST))
    quiet = int(np.clip(learned * QUIET_SHARE, *QUIET))
    return Watched(score=score, off=off, spans=_events(score, learned, quiet), season=season.name, still=still)


def _statistics(
    values: FloatArray, expected: FloatArray, size: int, width: float, off: FloatArray
) -> Iterator[FloatArray]:
    """Distances from the rolling reference: of the value, the level and the scatter, and of what the season leaves."""
    level = trailing_mean(values[:, None], SHORT)[:, 0]
    yield np.abs(off)
    yield np.abs(_off(level, level, SHORT, size, width))
    variance = np.maximum(trailing_mean(values[:, None] ** 2, SHORT)[:, 0] - level**2, 0.0)
    scatter = np.log(variance + 1e-3 * width**2)
    yield np.abs(_off(scatter, scatter, SHORT, size, 1.0))
    seasonal = ~np.isnan(expected)
    if not seasonal.any():
        return
    left = np.where(seasonal, values - np.nan_to_num(expected), 0.0)
    first = int(np.flatnonzero(seasonal)[0])
    smooth = trailing_mean(left[:, None], SHORT)[:, 0]
    for what, lag in ((left, 1), (smooth, SHORT)):
        distance = np.abs(_off(what, what, lag, size, width))
        distance[: first + max(lag, size // 2)] = 0.0
        yield np.where(seasonal, distance, 0.0)


def _off(values: FloatArray, reference: FloatArray, lag: int, size: int, width: float) -> FloatArray:
    """Standard deviations from the mean of the `size` values that lie `lag` rows and more before."""
    rolled = pl.Series(reference)
    mean = rolled.rolling_mean(size, min_samples=1).shift(lag).fill_null(float(reference[0])).to_numpy()
    deviation = rolled.rolling_std(size, min_samples=2).shift(lag).fill_null(0.0).fill_nan(0.0).to_numpy()
    return np.asarray((values - mean) / np.maximum(deviation, NARROWEST * width))


def _limits(statistic: FloatArray, learned: int, budget: float) -> FloatArray:
    """The threshold in force at every row, from the rows before it."""
    rows = len(statistic)
    limits = np.full(rows, FLOOR)
    step = max(RENEWED, rows // RENEWALS)
    for first in range(learned, rows, step):
        past = statistic[max(SHORT, first - LOOKED_BACK) : first]
        limit = max(threshold(np.minimum(past, np.quantile(past, 0.999)), budget, len(past) / SHORT), FLOOR)
        limits[first : first + step] = limit
        if first == learned:
            limits[:first] = limit
    return limits


def _events(score: FloatArray, learned: int, quiet: int) -> tuple[Span, ...]:
    """An alarm begins at the threshold and ends before `SHORT` rows below `EASE` of it, or after `quiet` rows."""
    spans: list[Span] = []
    row = learned
    over = np.flatnonzero(score >= 1)
    strange = score >= EASE
    while (place := int(np.searchsorted(over, row))) < len(over):
        first = int(over[place])
        inside = np.flatnonzero(strange[first : first + quiet])
        gaps = np.flatnonzero(np.diff(inside) > SHORT)
        last = first + int(inside[gaps[0]] if len(gaps) else inside[-1])
        spans.append(Span(first=first, last=last))
        row = first + quiet
    return tuple(spans)
