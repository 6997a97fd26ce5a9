"""The hour of a step, where its day is known: of new flags, hours are read again.

The usual course of a day is that of the days before the onset. A step is fitted for every hour between; all hours that
fit about as well are its 90 % interval, widened for noise that has a memory, as with days (`models.assessment.onset`).
What takes longer than a day, or fits a slope nearly as well, keeps the onset that the days tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from facility.assessments import COMMON, Assessment, Evidence, Trouble
from facility.i18n.phrases import Text
from facility.store import Store
from models.assessment.onset import NINETY, POWERS, RULED_OUT, squares_left
from models.assessment.sentences import SURE, onset_words
from models.features.hourly import HOURS
from models.statistics import FloatArray, median

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AROUND = 3 * DAY  # hours on either side of what the days tell
MARGIN = 2 * DAY  # beyond what the days tell: a step within a day looks like a short slope to them
MOST = 200  # assets a look
PATTERNS = frozenset({"level", "trend", "limit"})
CERTAIN = 25.0  # reduction of the squares, in variances
LONGEST = 24  # hours that the interval may span
RAMPS = 6  # hours between the starts of slopes that a step is compared with
BESIDE = 6  # hours on either side of the step that have to differ by half of it already


@dataclass(frozen=True, slots=True)
class HourOnset:
    """Hours since the first of the figures: the first at the new level, and its 90 % interval."""

    at: int
    after: int
    before: int


def to_the_hour(store: Store, assessments: Sequence[Assessment], timezone: ZoneInfo) -> list[Assessment]:
    """The same assessments; steps of levels that were noticed just now begin at their hour, where it can be told."""
    chosen = [assessment for assessment in assessments if assessment.flagged and _wanted(assessment)][:MOST]
    if not chosen:
        return list(assessments)
    spans = [between for assessment in chosen if (between := _sure(assessment.evidence[0])) is not None]
    rollups = store.rollups(
        assets=[assessment.asset for assessment in chosen],
        channels=sorted({assessment.evidence[0].channel for assessment in chosen}),
        start=min(after for after, _ in spans) - AROUND,
        end=max(before for _, before in spans) + AROUND,
    ).select("asset", "channel", "hour", "mean")
    by_series = rollups.partition_by("asset", "channel", as_dict=True)
    refined = {assessment.asset: _refined(assessment, by_series, timezone) for assessment in chosen}
    return [refined.get(assessment.asset, assessment) for assessment in assessments]


def _wanted(assessment: Assessment) -> bool:
    first = assessment.evidence[0] if assessment.evidence else None
    return (
        first is not None
        and first.trouble is Trouble.EQUIPMENT
        and first.pattern in PATTERNS - {COMMON}
        and first.noticed is not None
        and abs(assessment.as_of - first.noticed) < DAY
        and _sure(first) is not None
    )


def _sure(evidence: Evidence) -> tuple[datetime, datetime] | None:
    """The interval of an onset that is known to the day."""
    between = evidence.since_between
    if evidence.since is None or between is None or between[0] is None:
        return None
    return (between[0], between[1]) if HOUR * LONGEST <= between[1] - between[0] <= SURE else None


def _refined(
    assessment: Assessment, by_series: dict[tuple[object, ...], pl.DataFrame], timezone: ZoneInfo
) -> Assessment:
    first = assessment.evidence[0]
    between, hours = _sure(first), by_series.get((assessment.asset, first.channel))
    if between is None or hours is None or first.since is None:
        return assessment
    start = between[0] - AROUND
    count = round((between[1] + AROUND - start) / HOUR)
    place = ((hours["hour"] - start).dt.total_seconds() // 3600).to_numpy()
    inside = (place >= 0) & (place < count)
    values = np.full(count, np.nan)
    values[place[inside]] = hours["mean"].to_numpy()[inside]
    margin = round(AROUND / HOUR)
    onset = onset_hour(values, margin, first.value > first.expected)
    if onset is None:
        return assessment
    since = start + onset.at * HOUR
    if not between[0] - MARGIN <= since <= between[1] + MARGIN:
        return assessment
    narrow = (start + onset.after * HOUR, start + onset.before * HOUR)
    was = onset_words(first.since, first.since_between, end=assessment.as_of, zone=timezone)
    now = onset_words(since, narrow, end=assessment.as_of, zone=timezone)
    evidence = replace(first, since=since, since_between=narrow, sentence=_reworded(first.sentence, was, now))
    return replace(
        assessment, evidence=(evidence, *assessment.evidence[1:]), reason=_reworded(assessment.reason, was, now)
    )


def _reworded(words: Text, was: Text, now: Text) -> Text:
    return Text(zh=words.zh.replace(was.zh, now.zh, 1), en=words.en.replace(was.en, now.en, 1))


def onset_hour(figures: FloatArray, margin: int, rising: bool) -> HourOnset | None:
    """The hour of a lasting step; None where there is none that stands out. The first `margin` hours are before it."""
    usual = median(figures[:margin].reshape(-1, HOURS), axis=0)
    values = (figures - np.resize(usual, len(figures))) * (1.0 if rising else -1.0)
    hours = np.flatnonzero(np.isfinite(values))
    values = values[hours]
    size = len(values)
    if size < 2 * HOURS or not (hours < margin).any() or not (hours >= len(figures) - margin).any():
        return None
    total = float(((values - values.mean()) ** 2).sum())
    first = np.arange(1, size)
    before = np.cumsum(values)[:-1]
    low, high = before / first, (values.sum() - before) / (size - first)
    squares = np.where(high > low, total - first * (size - first) / size * (high - low) ** 2, total)
    best = int(np.argmin(squares))
    rest = values - np.where(np.arange(size) < first[best], low[best], high[best])
    lagged = min(max(float(rest[1:] @ rest[:-1]) / max(float(rest @ rest), 1e-30), 0.0), 0.8)
    unit = max(float(squares[best]) / (size - 3), 1e-12 * total, 1e-30) * (1 + lagged) / (1 - lagged)
    near = values[max(first[best] - BESIDE, 0) : first[best]], values[first[best] : first[best] + BESIDE]
    sudden = bool(near[1].mean() - near[0].mean() >= 0.5 * (high[best] - low[best]))
    within = hours[first[squares <= squares[best] + NINETY * unit]]
    moments, even = hours.astype(np.float64), values - values.mean()
    starts = np.arange(moments[0] + 1, moments[-1], RAMPS)
    ramps = min(float(squares_left(moments, even, total, starts, power).min()) for power in POWERS if power > 0)
    sudden = sudden and ramps - squares[best] >= RULED_OUT * unit
    at = int(hours[first[best]])
    gap = int(hours[first[best] - 1])
    if total - squares[best] < CERTAIN * unit or not sudden or within.max() - within.min() > LONGEST:
        return None
    return HourOnset(at, min(int(within.min()) - 1, gap), int(within.max()) + 1)
