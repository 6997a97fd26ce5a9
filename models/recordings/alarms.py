"""From scores to alarms: a threshold that keeps a false-alarm budget, and one alarm an event.

The budget is the share of healthy rows that may stand under an alarm. The threshold is read from scores of healthy rows
that were held out; where they are too few to show so small a share, the tail is drawn on as an exponential (peaks over
threshold), with a margin for how few independent windows there were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.statistics import BoolArray, FloatArray

TAIL = 0.1  # share of the held-out scores whose excess draws the tail
EASE = 0.7  # of the threshold: below it an alarm may end


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows first..last (both included) under one alarm."""

    first: int
    last: int

    @property
    def rows(self) -> int:
        return self.last - self.first + 1


def threshold(held_out: FloatArray, budget: float, independent: float) -> float:
    """The score that healthy rows exceed in a share `budget` of cases. `independent`: windows that do not overlap."""
    start = float(np.quantile(held_out, 1 - TAIL))
    excess = held_out[held_out > start] - start
    mean = float(excess.mean()) if excess.size else 0.0
    margin = 1 + 1 / np.sqrt(max(independent * TAIL, 1.0))
    drawn = start + max(mean, 0.05) * margin * max(np.log(TAIL / budget), 0.0)
    seen = float(np.quantile(held_out, 1 - budget))
    return max(drawn if budget < TAIL else seen, 0.1)


def alarms(score: FloatArray, limit: float, *, on_delay: int, off_delay: int) -> tuple[Span, ...]:
    """An alarm begins after `on_delay` rows in a row at or above the limit, and ends with the last row that was not
    followed by `off_delay` rows below `EASE` of it."""
    over, under = score >= limit, score < EASE * limit
    found: list[Span] = []
    run = quiet = 0
    first = -1
    for row in range(len(score)):
        if first < 0:
            run = run + 1 if over[row] else 0
            if run >= on_delay:
                first, quiet = row, 0
        else:
            quiet = quiet + 1 if under[row] else 0
            if quiet >= off_delay:
                found.append(Span(first=first, last=row - quiet))
                first, run = -1, 0
    if first >= 0:
        found.append(Span(first=first, last=len(score) - 1 - quiet))
    return tuple(found)


def flags(spans: tuple[Span, ...], rows: int) -> BoolArray:
    """Row by row: under an alarm?"""
    out = np.zeros(rows, dtype=np.bool_)
    for span in spans:
        out[span.first : span.last + 1] = True
    return out
