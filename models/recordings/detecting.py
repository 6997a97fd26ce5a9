"""Detect trouble in a recording: learn from its healthy beginning, score every row from what was known by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from facility.errors import CannotDo
from models.recordings import Recording
from models.recordings.alarms import Manner, Span, alarms, flags
from models.recordings.reference import FOLDS, Reference, Table, window_widths
from models.recordings.series import LOOKED_BACK, SHORT, watch
from models.statistics import BoolArray, FloatArray, empty_slices, median

FEWEST = 20  # healthy rows
SHARE = 0.15  # of the rows, healthy unless told otherwise
LEAST, MOST = 100, 0.5  # healthy rows, unless told otherwise: at least so many, at most this share
NAMED = 3  # channels named an alarm
BUDGET = 0.01  # unless told otherwise, or the healthy rows can show no less
SERIES_ROWS = 200  # rows that a single channel must have to be watched as a series


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
class Founded:
    """What the threshold stands on."""

    budget: float
    rows: int  # that it is read from
    windows: float  # of them that do not overlap
    blocks: int  # that were held out in turn; 0: the reference rolls along
    provable: float  # smallest share of false alarms that so many healthy rows can show


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """`score` a row: 1 is the threshold in force, higher is stranger; 0 while it is unremarkable."""

    healthy_rows: int
    score: FloatArray
    flag: BoolArray
    alarms: tuple[Alarm, ...]
    founded: Founded
    operating_points: int = 1
    still: tuple[str, ...] = ()  # channels that never moved in the healthy rows
    season: str = ""  # of a single channel: "daily", "weekly" or none


def healthy_rows(recording: Recording) -> int:
    """How many rows are taken for healthy if nobody says it: 15 %, at least a hundred, at most half."""
    return int(min(max(SHARE * recording.rows, LEAST), MOST * recording.rows))


def founded_on(rows: int, budget: float | None, short: int) -> Founded:
    """What so many healthy rows can show in windows of `short`; without a budget the least that is not under 1 %."""
    provable = short / rows
    return Founded(
        budget=max(BUDGET, provable) if budget is None else budget,
        rows=rows,
        windows=rows / short,
        blocks=FOLDS,
        provable=provable,
    )


def detect(
    recording: Recording,
    *,
    train_rows: int,
    budget: float | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Detected:
    """Scores and alarms of all rows; the first `train_rows` are taken for healthy.

    A score uses only the rows up to its own, and the healthy ones. A single channel is watched as a series: season,
    level, spikes. Raises `CannotDo` if there is too little to learn.
    """
    rows = recording.rows
    if not FEWEST <= train_rows <= rows:
        raise CannotDo(
            "{count} healthy rows of {rows}: cannot learn from that",
            "Give --train-rows between {least} and {rows}",
            count=train_rows,
            rows=rows,
            least=FEWEST,
        )
    values, channels = heard(recording, train_rows)
    if len(channels) == 1 and rows >= SERIES_ROWS:
        return _watched(values[:, 0], recording.seconds, channels[0], train_rows, budget)
    widths = window_widths(train_rows)
    founded = founded_on(train_rows, budget, widths[0])
    steps = FOLDS + 3
    done = 0

    def on_step() -> None:
        nonlocal done
        done += 1
        on_progress(done, steps)

    table = Table.of(values, recording.seconds)
    blocks = np.array_split(np.arange(train_rows), FOLDS)
    healthy = table.taken(np.arange(train_rows))
    reference = Reference(widths, budget=founded.budget, seed=seed).fit(healthy, blocks, on_step)
    score = reference.score(table)
    on_step()
    spans, limits = alarms(score, manner_of(reference, train_rows))
    score = score / limits
    residuals = reference.residuals(table)
    on_step()
    return Detected(
        healthy_rows=train_rows,
        score=score,
        flag=flags(spans, rows),
        alarms=tuple(alarm_of(span, score, residuals, channels, widths[0]) for span in spans),
        founded=founded,
        operating_points=reference.behaviour.points,
        still=still_channels(reference, channels),
    )


def heard(recording: Recording, train_rows: int) -> tuple[FloatArray, tuple[str, ...]]:
    """The channels that have a value in the healthy rows. Raises `CannotDo` if there is none."""
    values = recording.values
    with empty_slices():
        there: BoolArray = np.asarray(~np.isnan(values[:train_rows]).all(axis=0))
    if not there.any():
        raise CannotDo("no channel has a value in the healthy rows", "Choose other rows with --train-rows")
    return bridged(values[:, there]), tuple(c for c, h in zip(recording.channels, there, strict=True) if h)


def manner_of(reference: Reference, learned: int) -> Manner:
    short = reference.widths[0]
    return Manner(
        on_delay=max(1, short // 3),
        off_delay=max(1, 3 * short // 2),
        memory=reference.healthy_rows,
        usual=reference.usual,
        mean=reference.mean,
        learned=learned,
    )


def still_channels(reference: Reference, channels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(c for c, s in zip(channels, reference.behaviour.scale.still, strict=True) if s)


def bridged(values: FloatArray) -> FloatArray:
    """Single missing rows keep the value before them; longer silence stays silence."""
    before = np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])
    return np.where(np.isnan(values), before, values)


def alarm_of(span: Span, score: FloatArray, residuals: FloatArray, channels: tuple[str, ...], width: int) -> Alarm:
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


def _watched(
    values: FloatArray, seconds: FloatArray, channel: str, train_rows: int, budget: float | None
) -> Detected:
    rows = len(values)
    founded = founded_on(max(train_rows, min(rows, LOOKED_BACK)), budget, SHORT)
    watched = watch(values, seconds, train_rows, founded.budget)
    found = []
    for span in watched.spans:
        inside = slice(span.first, span.last + 1)
        off = watched.off[inside]
        named = Named(channel=channel, off=float(off[np.abs(off).argmax()]))
        found.append(
            Alarm(first=span.first, last=span.last, peak=float(watched.score[inside].max()), channels=(named,))
        )
    return Detected(
        healthy_rows=train_rows,
        score=watched.score,
        flag=flags(watched.spans, rows),
        alarms=tuple(found),
        founded=replace(founded, blocks=0),
        still=(channel,) if watched.still else (),
        season=watched.season,
    )
