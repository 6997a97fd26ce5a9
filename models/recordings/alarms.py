"""From scores to alarms: a threshold that keeps a false-alarm budget on rows not seen, and one alarm an event.

The budget is the share of healthy rows that may stand under an alarm. The threshold is read from scores of healthy rows
that were held out; where they are too few to show so small a share, the tail is drawn on as a generalised Pareto
distribution (peaks over threshold: Pickands 1975; fitted by probability-weighted moments: Hosking and Wallis 1987),
with a margin for how few independent windows there were.

Afterwards the machine moves on. The threshold rises with the common level of the scores, slowly, so that what drifts
for everybody does not stand under an alarm for ever; it never falls below what the held-out rows gave. An alarm ends
when the score has come down most of the way from where it stood in the event to where it usually is: an event that is
over ends its alarm though the machine has not come back quite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.statistics import BoolArray, FloatArray

TAIL = 0.15  # share of the held-out scores whose excess draws the tail
SHAPE_WINDOWS = 20.0  # independent excesses that a shape of zero (an exponential) is worth
SHAPES = (-0.3, 0.3)
MARGIN = 0.5  # standard errors of the scale
LEAST_SCALE = 0.05
LEAST_LIMIT = 0.1

EASE = 0.7  # of the threshold: below it an alarm may end
RETURNED = 0.25  # of the way between the usual score and that of the event: below it an alarm may end
RISE, SETTLE = 0.2, 0.02  # share a row by which the level of an event follows the score up, and down
UNDER_ALARM = 0.5  # of the weight of a calm row that a row under an alarm has in the common level
FARTHEST = 2.0  # thresholds that a row may pull the common level to, and that the threshold may rise to


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows first..last (both included) under one alarm."""

    first: int
    last: int

    @property
    def rows(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How alarms begin and end; delays and memory in rows, scores in thresholds."""

    on_delay: int  # rows in a row above the threshold
    off_delay: int  # rows in a row below the end
    memory: int = 0  # time constant of the common level; 0: the threshold stands still
    usual: float = 0.0  # middle score of healthy rows not seen
    mean: float = 0.0  # their mean
    learned: int = 0  # rows before the threshold may move


def threshold(held_out: FloatArray, budget: float, independent: float) -> float:
    """The score that healthy rows exceed in a share `budget` of cases. `independent`: windows that do not overlap."""
    if budget >= TAIL:
        return max(float(np.quantile(held_out, 1 - budget)), LEAST_LIMIT)
    start = float(np.quantile(held_out, 1 - TAIL))
    excess = np.sort(held_out[held_out > start] - start)
    peaks = max(independent * TAIL, 1.0)
    shape, scale = _pareto(excess, peaks)
    scale = max(scale, LEAST_SCALE) * (1 + MARGIN / np.sqrt(peaks))
    times = TAIL / budget
    drawn = start + (scale / shape * (times**shape - 1) if abs(shape) > 1e-3 else scale * np.log(times))
    return max(float(drawn), LEAST_LIMIT)


def _pareto(excess: FloatArray, peaks: float) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution; the shape drawn to 0 as far as few peaks tell of it."""
    if not len(excess):
        return 0.0, 0.0
    mean = float(excess.mean())
    place = (np.arange(1, len(excess) + 1) - 0.35) / len(excess)
    weighted = float((excess * (1 - place)).mean())
    shape = 2 - mean / (mean - 2 * weighted) if mean > 2 * weighted else 0.0
    shape = float(np.clip(peaks * shape / (peaks + SHAPE_WINDOWS), *SHAPES))
    return shape, mean * (1 - shape)


def alarms(score: FloatArray, manner: Manner) -> tuple[tuple[Span, ...], FloatArray]:
    """The alarms, and the threshold in force at every row; `score` in thresholds of the budget, each row once.

    An alarm begins after `on_delay` rows in a row at or above the threshold. It ends with the last row that was not
    followed by `off_delay` rows below `EASE` of it, or below `RETURNED` of the way down from the event's own level; or
    by `memory` rows below the threshold.
    The next alarm must at first exceed where the last ended, less so as `memory` rows pass: one event is one alarm.
    """
    spans: list[Span] = []
    limits = np.ones(len(score))
    level, pace = manner.mean, 1 / manner.memory if manner.memory else 0.0
    run = quiet = lower = 0
    first, ended, left = -1, -1, 1.0
    event = limit = begun_above = 1.0
    for row, value in enumerate(score.tolist()):
        moving = pace and row >= manner.learned
        if moving:
            limit = min(max(1.0, 1.0 + level - manner.mean), FARTHEST)
        if first < 0:
            over = limit
            if ended >= 0 and row - ended < manner.memory:
                over = max(limit, limit + (left - limit) * (1 - (row - ended) / manner.memory))
            limits[row] = over
            run = run + 1 if value >= over else 0
            if moving:
                level += pace * (min(value, FARTHEST) - level)
            if run >= manner.on_delay:
                first, quiet, lower, event, begun_above = row, 0, 0, value, limit
            continue
        limits[row] = limit
        if moving:
            level += pace * UNDER_ALARM * (min(value, FARTHEST) - level)
        event += (RISE if value > event else SETTLE) * (value - event)
        below = max(EASE * max(begun_above, limit), event - RETURNED * (event - manner.usual))
        quiet = quiet + 1 if value < below else 0
        lower = lower + 1 if value < limit else 0
        if manner.memory and lower >= manner.memory:
            quiet = lower
        if quiet >= manner.off_delay:
            spans.append(Span(first=first, last=row - quiet))
            first, run, ended, left = -1, 0, row, below
    if first >= 0:
        spans.append(Span(first=first, last=len(score) - 1 - quiet))
    return tuple(spans), limits


def flags(spans: tuple[Span, ...], rows: int) -> BoolArray:
    """Row by row: under an alarm?"""
    out = np.zeros(rows, dtype=np.bool_)
    for span in spans:
        out[span.first : span.last + 1] = True
    return out
