"""How good alarms of a series are against windows: the standard profile of the Numenta Anomaly Benchmark, 0..100.

The first alarm within a window counts, the earlier the more; others within it count nothing; an alarm outside costs
0.11, less shortly after a window; a window without one costs 1 (Lavin and Ahmad, "Evaluating real-time anomaly
detection algorithms", ICMLA 2015). 0 is no alarm at all, 100 every window at its first row and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

FALSE_ALARM = 0.11
LEARNED_SHARE, LEARNED_MOST = 0.15, 750  # rows at the beginning that nothing is counted in
FAR_AFTER = 3.0  # lengths of a window behind its end: as bad as anywhere

Run = tuple[int, Sequence[tuple[int, int]], Iterable[int]]  # rows, windows in order, rows where alarms begin


def learned_rows(rows: int) -> int:
    """How many rows at the beginning are there to learn from and count for nothing."""
    return min(int(LEARNED_SHARE * rows), LEARNED_MOST)


def standard_score(runs: Iterable[Run]) -> float:
    """Over all series together; nan where no series has a window."""
    raw, windows = 0.0, 0
    for rows, spans, alarms in runs:
        hit: set[int] = set()
        windows += len(spans)
        for alarm in sorted(alarms):
            if alarm < learned_rows(rows):
                continue
            inside = next((number for number, (first, last) in enumerate(spans) if first <= alarm <= last), None)
            if inside is None:
                raw -= FALSE_ALARM * _cost(alarm, spans)
            elif inside not in hit:
                hit.add(inside)
                raw += _worth(_place(alarm, *spans[inside]) - 1)
        raw -= len(spans) - len(hit)
    return 100 * (raw + windows) / (windows * (_worth(-1.0) + 1)) if windows else math.nan


def _place(row: int, first: int, last: int) -> float:
    return (row - first) / max(last - first, 1)


def _worth(place: float) -> float:
    """1 long before the end of a window (at 0), -1 long after it."""
    return 2 / (1 + math.exp(min(5 * place, 500.0))) - 1


def _cost(alarm: int, spans: Sequence[tuple[int, int]]) -> float:
    before = [span for span in spans if span[1] < alarm]
    behind = _place(alarm, *before[-1]) - 1 if before else FAR_AFTER
    return -_worth(behind) if behind < FAR_AFTER else 1.0
