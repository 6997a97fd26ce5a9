"""Detect trouble in a recording: learn from its healthy beginning, score every row from what was known by then.

Each half of the healthy rows is scored by what was learned from the other half: so every member's unit, and the
threshold, come from rows that were not learned from and lie some way off, as the rows to come will.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facility.errors import CannotDo
from models.recordings import Recording
from models.recordings.alarms import Span, alarms, flags, threshold
from models.recordings.behaviour import Behaviour
from models.recordings.strangeness import Member, Neighbours, Subspace, trailing_mean
from models.statistics import BoolArray, FloatArray, empty_slices, median

FEWEST = 20  # healthy rows
SHARE = 0.15  # of the rows, healthy unless told otherwise
LEAST, MOST = 100, 0.5  # healthy rows, unless told otherwise: at least so many, at most this share
STEPS = 4
NAMED = 3  # channels named an alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A channel that was off during an alarm: by how much, in healthy standard deviations, signed."""

    channel: str
    off: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    first: int
    last: int
    peak: float  # highest score
    channels: tuple[Named, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """`score` a row: 1 is the threshold of the budget, higher is stranger; 0 while it is unremarkable."""

    healthy_rows: int
    score: FloatArray
    flag: BoolArray
    alarms: tuple[Alarm, ...]
    operating_points: int
    still: tuple[str, ...]  # channels that never moved in the healthy rows
    provable: float  # smallest share of false alarms that so many healthy rows can show


def healthy_rows(recording: Recording) -> int:
    """How many rows are taken for healthy if nobody says it: 15 %, at least a hundred, at most half."""
    return int(min(max(SHARE * recording.rows, LEAST), MOST * recording.rows))


def detect(
    recording: Recording,
    *,
    train_rows: int,
    budget: float = 0.01,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Detected:
    """Scores and alarms of all rows; the first `train_rows` are taken for healthy.

    A score uses only the rows up to its own, and the healthy ones. Raises `CannotDo` if there is too little to learn.
    """
    values, seconds, rows = recording.values, recording.seconds, recording.rows
    if not FEWEST <= train_rows <= rows:
        raise CannotDo(
            "{count} healthy rows of {rows}: cannot learn from that",
            "Give --train-rows between {least} and {rows}",
            count=train_rows,
            rows=rows,
            least=FEWEST,
        )
    with empty_slices():
        heard: BoolArray = np.asarray(~np.isnan(values[:train_rows]).all(axis=0))
    if not heard.any():
        raise CannotDo("no channel has a value in the healthy rows", "Choose other rows with --train-rows")
    values = _held(values[:, heard])
    channels = tuple(c for c, h in zip(recording.channels, heard, strict=True) if h)
    short, _ = window_widths(train_rows)
    half = train_rows // 2
    held: list[list[FloatArray]] = []
    for done, (mine, other) in enumerate(
        ((slice(half, train_rows), slice(0, half)), (slice(0, half), slice(half, train_rows)))
    ):
        held.append(_distances(values, seconds, mine, other, train_rows, seed)[0])
        on_progress(done + 1, STEPS)
    apart = [np.concatenate(parts) for parts in zip(*held, strict=True)]
    whole = slice(0, train_rows)
    found, behaviour = _distances(values, seconds, whole, slice(0, rows), train_rows, seed)
    on_progress(3, STEPS)
    usual = [_unit(distance) for distance in apart]
    together = _together(found, usual, short)
    unseen = _together(apart, usual, short)
    limit = threshold(unseen, budget, train_rows / short)
    spans = alarms(together, limit, on_delay=max(1, short // 3), off_delay=2 * short)
    residuals = behaviour.residuals(values, seconds)
    on_progress(STEPS, STEPS)
    return Detected(
        healthy_rows=train_rows,
        score=together / limit,
        flag=flags(spans, rows),
        alarms=tuple(_alarm(span, together / limit, residuals, channels, short) for span in spans),
        operating_points=behaviour.points,
        still=tuple(c for c, s in zip(channels, behaviour.scale.still, strict=True) if s),
        provable=short / train_rows,
    )


def window_widths(train_rows: int) -> tuple[int, int]:
    """Rows of a short and of a long window, from how many healthy rows there are to know them by."""
    return int(np.clip(train_rows / 40, 4, 30)), int(np.clip(train_rows / 12, 8, 96))


def members(train_rows: int) -> tuple[Member, ...]:
    short, long = window_widths(train_rows)
    return (Subspace(1), Subspace(short), Subspace(long), Neighbours(short))


def _distances(
    values: FloatArray, seconds: FloatArray, learned: slice, scored: slice, train_rows: int, seed: int
) -> tuple[list[FloatArray], Behaviour]:
    """Each member's distances of the rows `scored`, learned from the rows `learned`."""
    behaviour = Behaviour(seed).fit(values[learned], seconds[learned])
    healthy = behaviour.residuals(values[learned], seconds[learned])
    residuals = behaviour.residuals(values[scored], seconds[scored])
    at = np.arange(scored.start, scored.stop, dtype=np.float64) - learned.start
    return [m.fit(healthy).score(residuals, at) for m in members(train_rows)], behaviour


def _unit(held_out: FloatArray) -> tuple[float, float]:
    """Middle and width of a member's distances on healthy rows it had not seen."""
    middle = float(np.median(held_out))
    width = 1.4826 * float(np.median(np.abs(held_out - middle)))
    return middle, max(width, 0.5 * float(held_out.std()), 1e-6)


def _together(distances: list[FloatArray], usual: list[tuple[float, float]], short: int) -> FloatArray:
    """Mean of the members' logarithms: one beside itself does not drown the others. Single rows are smoothed."""
    parts = [
        np.log1p(np.maximum((distance - middle) / width, 0.0))
        for distance, (middle, width) in zip(distances, usual, strict=True)
    ]
    parts[0] = trailing_mean(parts[0][:, None], short)[:, 0]
    return np.asarray(np.mean(parts, axis=0))


def _held(values: FloatArray) -> FloatArray:
    """Single missing rows keep the value before them; longer silence stays silence."""
    before = np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])
    return np.where(np.isnan(values), before, values)


def _alarm(span: Span, score: FloatArray, residuals: FloatArray, channels: tuple[str, ...], width: int) -> Alarm:
    """The channels whose middle over the alarm and its first window is farthest off."""
    begin = max(0, span.first - width + 1)
    off = median(residuals[begin : span.last + 1], axis=0)
    first = np.argsort(-np.abs(off))[:NAMED]
    return Alarm(
        first=span.first,
        last=span.last,
        peak=float(score[span.first : span.last + 1].max()),
        channels=tuple(Named(channel=channels[i], off=float(off[i])) for i in first if abs(off[i]) >= 0.3),
    )
