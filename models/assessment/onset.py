"""When did it begin? A change-point estimate on the daily figures of one channel, with its uncertainty.

Three courses are fitted by least squares for every possible day: a step, a steady slope and one that quickens. The best
gives the onset; all days and courses that fit about as well give its 90 % interval (likelihood ratio, chi-squared with
one degree of freedom; Hinkley 1970, Biometrika 57), widened for noise that has a memory. How the change goes on is not
known beforehand, so the interval spans all three courses.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.statistics import FloatArray

FEWEST = 6  # figures before a course can be told from noise
NINETY, RULED_OUT = 2.71, 10.83  # of chi-squared with one degree of freedom: 90 and 99.9 %
CERTAIN = 9.0  # reduction of the squares, in variances, from which there is a change at all
POWERS = (0.0, 1.0, 2.0)  # of the time since the onset: step, slope, quickening


@dataclass(frozen=True, slots=True)
class Onset:
    """Days since the first day of the figures. `after` None: it may have begun before anything that was looked at."""

    at: float
    after: float | None
    before: float
    possible: tuple[float, float]  # outside of it the figures all but rule an onset out (99.9 %)


def onset(figures: FloatArray, noise: float, rising: bool) -> Onset | None:
    """The onset of a change upwards (or downwards) that is still there; None where none stands out from the noise.

    `figures` (days,), NaN where there is none; `noise`: the smallest standard deviation of a healthy figure.
    """
    days = np.flatnonzero(np.isfinite(figures)).astype(np.float64)
    if days.size < FEWEST:
        return None
    values = figures[days.astype(np.int64)] * (1.0 if rising else -1.0)
    values = values - values.mean()
    total = float(values @ values)
    starts = np.arange(days[0] + 1, days[-1] + 1)
    squares = np.stack([squares_left(days, values, total, starts, power) for power in POWERS])
    best = float(squares.min())
    variance = max(best / max(days.size - 3, 1), (0.5 * noise) ** 2 if np.isfinite(noise) else 0.0, 1e-30)
    if total - best < CERTAIN * variance:
        return None
    course, start = np.unravel_index(int(squares.argmin()), squares.shape)
    unit = variance * _memory(days, values, float(starts[start]), POWERS[int(course)])
    within = starts[(squares <= best + NINETY * unit).any(axis=0)]
    possible = starts[(squares <= best + RULED_OUT * unit).any(axis=0)]
    alike = starts[np.isclose(squares[course], best, rtol=1e-9, atol=1e-12 * max(total, 1.0))]
    step = POWERS[int(course)] == 0.0
    gap = float(days[days < alike.min()].max(initial=days[0])) + 1.0
    at = (gap + float(alike.max())) / 2 if step and alike.size > 1 else float(alike.min())
    first = float(within.min())
    return Onset(
        at=at,
        after=None if first <= days[0] + 1 else min(first, at) - 1.0,
        before=max(float(within.max()), at) + 1.0,
        possible=(float(possible.min()) - 1.0, float(possible.max()) + 1.0),
    )


def _course(days: FloatArray, starts: FloatArray, power: float) -> FloatArray:
    """(starts, days): nothing before the start, then the course, centred."""
    since = days - starts[:, None]
    shape = (since >= 0).astype(np.float64) if power == 0 else np.maximum(since, 0.0) ** power
    return np.asarray(shape - shape.mean(axis=1, keepdims=True), dtype=np.float64)


def squares_left(days: FloatArray, values: FloatArray, total: float, starts: FloatArray, power: float) -> FloatArray:
    """Sum of squares that a course leaves over, one a start; the total where it goes the other way or has no grip."""
    shape = _course(days, starts, power)
    along, size = shape @ values, np.sum(shape**2, axis=1)
    usable = (along > 0) & (size > 1e-9)
    return np.where(usable, total - np.where(usable, along, 0.0) ** 2 / np.where(usable, size, 1.0), total)


def _memory(days: FloatArray, values: FloatArray, start: float, power: float) -> float:
    """How much wider the interval is for what neighbouring days have in common."""
    shape = _course(days, np.array([start]), power)[0]
    size = float(shape @ shape)
    rest = values - shape * float(shape @ values) / size if size > 0 else values
    lagged = float(rest[1:] @ rest[:-1]) / max(float(rest @ rest), 1e-30)
    lagged = min(max(lagged, 0.0), 0.8)
    return (1 + lagged) / (1 - lagged)
