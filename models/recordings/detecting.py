"""Detect trouble in a recording: learn from its healthy beginning, score every row from what was known by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from facility.errors import CannotDo, CannotParse
from models.recordings import Recording
from models.recordings.alarms import Manner, Span, alarms, flags
from models.recordings.reference import FOLDS, Reference, Table, libraries_calm, window_widths
from models.recordings.seasons import DAY
from models.recordings.series import LOOKED_BACK, SHORT, watch
from models.statistics import BoolArray, FloatArray, IntArray, median

FEWEST = 20  # healthy rows
SHARE = 0.15  # of the rows, healthy unless told otherwise
LEAST, MOST = 100, 0.5  # healthy rows, unless told otherwise: at least so many, at most this share
NAMED = 3  # channels named an alarm
BUDGET = 0.01  # unless told otherwise, or the healthy rows can show no less
MOST_OF_SERIES = 750  # of them in a single channel
SERIES_ROWS = 200  # rows that a single channel must have to be watched as a series


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A channel that was off during an alarm: by how much, in healthy standard deviations, signed."""

    channel: str
    off: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm: its first and last row, and what speaks for it."""

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

    healthy_rows: int  # of these rows
    score: FloatArray
    flag: BoolArray
    alarms: tuple[Alarm, ...]
    founded: Founded
    operating_points: int = 1
    still: tuple[str, ...] = ()  # channels that never moved in the healthy rows
    season: str = ""  # of a single channel: "daily", "weekly" or none


def healthy_rows(recording: Recording) -> int:
    """How many rows are taken for healthy if nobody says it: 15 %, at least a hundred, at most half.

    Of a single channel at most 750: its reference rolls along and gains nothing from more.
    """
    rows = int(min(max(SHARE * recording.rows, LEAST), MOST * recording.rows))
    return min(rows, MOST_OF_SERIES) if len(recording.channels) == 1 and recording.rows >= SERIES_ROWS else rows


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


@libraries_calm()
def detect(
    recording: Recording,
    *,
    train_rows: int = 0,
    healthy: Recording | None = None,
    budget: float | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Detected:
    """Scores and alarms of all rows, by the first `train_rows`, or by the rows of another recording of the channels.

    A score uses only the rows up to its own, and the healthy ones. A single channel is watched as a series: season,
    level, spikes. Raises `CannotDo` if there is too little to learn.
    """
    rows = recording.rows
    learned = train_rows if healthy is None else healthy.rows
    if healthy is not None and learned < FEWEST:
        raise CannotDo(
            "{count} healthy rows: cannot learn from that",
            "Give a file of at least {least} rows with --healthy",
            count=learned,
            least=FEWEST,
        )
    if healthy is None and not FEWEST <= learned <= rows:
        raise CannotDo(
            "{count} healthy rows of {rows}: cannot learn from that",
            "Give --train-rows between {least} and {rows}",
            count=learned,
            rows=rows,
            least=FEWEST,
        )
    source = recording if healthy is None else healthy
    chosen = heard(source, learned)
    channels = tuple(recording.channels[place] for place in chosen)
    table = Table.of(bridged(recording.values[:, chosen]), recording.seconds)
    places = np.arange(learned)
    known = table if healthy is None else Table.of(bridged(healthy.values[:, chosen]), healthy.seconds)
    known = known.taken(places)
    if len(channels) == 1 and (rows if healthy is None else rows + learned) >= SERIES_ROWS:
        return _watched(table, known if healthy is not None else None, channels[0], learned, budget)
    steps = FOLDS + 3
    done = 0

    def on_step() -> None:
        nonlocal done
        done += 1
        on_progress(done, steps)

    widths = window_widths(learned)
    founded = founded_on(learned, budget, widths[0])
    reference = Reference(widths, budget=founded.budget, seed=seed)
    reference.fit(known, np.array_split(places, FOLDS), on_step)
    score = reference.score(table)
    on_step()
    here = learned if healthy is None else 0
    spans, limits = alarms(score, manner_of(reference, here))
    score = score / limits
    residuals = reference.residuals(table)
    on_step()
    return Detected(
        healthy_rows=here,
        score=score,
        flag=flags(spans, rows),
        alarms=tuple(alarm_of(span, score, residuals, channels, widths[0]) for span in spans),
        founded=founded,
        operating_points=reference.behaviour.points,
        still=still_channels(reference, channels),
    )


def heard(recording: Recording, learned: int) -> IntArray:
    """Places of the channels that have a value in the healthy rows. Raises `CannotDo` if there is none."""
    there = np.flatnonzero(~np.isnan(recording.values[:learned]).all(axis=0))
    if not len(there):
        raise CannotDo("no channel has a value in the healthy rows", "Choose other rows with --train-rows")
    return there


def matched(recording: Recording, healthy: Recording, name: str) -> Recording:
    """The healthy rows with the recording's channels in its order; `name`: of their file.

    Raises `CannotParse` where a channel of the recording is not among them: nothing would say what is normal for it.
    """
    missing = [channel for channel in recording.channels if channel not in healthy.channels]
    if missing:
        raise CannotParse(
            "{name} has no channel {missing!r}, so nothing says what is normal for it",
            "Its channels are {channels}; leave others out with --ignore",
            name=name,
            missing=missing,
            channels=list(healthy.channels),
        )
    places = [healthy.channels.index(channel) for channel in recording.channels]
    return replace(healthy, channels=recording.channels, values=healthy.values[:, places])


def manner_of(reference: Reference, learned: int) -> Manner:
    """How alarms are raised from the scores of a reference."""
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
    """Channels that never moved in the healthy rows."""
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


def _watched(table: Table, before: Table | None, channel: str, learned: int, budget: float | None) -> Detected:
    """A single channel, after the healthy rows of another recording if there are any."""
    values, seconds, offset = table.values[:, 0], table.seconds, 0
    if before is not None:
        offset = learned
        values = np.concatenate([before.values[:, 0], values])
        seconds = np.concatenate([before.seconds, following(before.seconds, seconds)])
    founded = founded_on(min(len(values), LOOKED_BACK), budget, SHORT)
    watched = watch(values, seconds, learned, founded.budget)
    score, off = watched.score[offset:], watched.off[offset:]
    spans = [Span(first=span.first - offset, last=span.last - offset) for span in watched.spans]
    episodes = []
    for span in spans:
        inside = slice(span.first, span.last + 1)
        farthest = int(np.abs(off[inside]).argmax())
        named = Named(channel=channel, off=float(off[inside][farthest]))
        episodes.append(Alarm(first=span.first, last=span.last, peak=float(score[inside].max()), channels=(named,)))
    return Detected(
        healthy_rows=learned - offset,
        score=score,
        flag=flags(tuple(spans), len(score)),
        alarms=tuple(episodes),
        founded=replace(founded, blocks=0),
        still=(channel,) if watched.still else (),
        season=watched.season,
    )


def following(before: FloatArray, seconds: FloatArray) -> FloatArray:
    """Seconds moved by whole weeks behind those before, so that the time of day and of week stay."""
    step = float(np.median(np.diff(before))) if len(before) > 1 else 1.0
    if not 0 < step <= DAY:
        return np.asarray(seconds - seconds[0] + before[-1] + max(step, 1.0))
    weeks = np.ceil(max(before[-1] + step - seconds[0], 0.0) / (7 * DAY)) * 7 * DAY
    return np.asarray(seconds + weeks)
