"""What the asset page draws of each channel: its readings, its last value, and where it is heading."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from dashboard.charts import Forecast
from dashboard.wording import number, quantity, say
from facility.assessments import Assessment, Evidence
from facility.catalogue.catalogue import Aggregate, Channel, EquipmentClass
from facility.i18n.phrases import Language

_HOURS = 200  # steps of an hour that a chart can show apart
_STEP = timedelta(minutes=1)
_POINTS = 700  # more than a chart is wide in pixels would only be slower
_STANDARD = re.compile(r"\b(GB(/T)?|EN|ISO|TSG|IES|DALI-2) [^:;(,]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """One channel as it is shown."""

    channel: Channel
    frame: pl.DataFrame  # time, value and, for hourly summaries, low and high
    last_time: datetime | None
    last_value: float | None
    stale: bool
    beyond_limit: bool
    forecast: Forecast | None


def window_end(newest: datetime) -> datetime:
    """Just after the newest reading, in whole minutes: pages drawn within one share what was read."""
    return newest - timedelta(seconds=newest.second, microseconds=newest.microsecond) + _STEP


def window_start(frame: pl.DataFrame, moment: datetime) -> datetime:
    """Where charts begin: as asked, but no earlier than there is anything to see."""
    first = frame["time"].min()
    return max(moment, first) if isinstance(first, datetime) else moment


def traces(
    kind: EquipmentClass, frame: pl.DataFrame, latest: pl.DataFrame, assessment: Assessment | None, *, now: datetime
) -> list[Trace]:
    """The channels of an asset that were ever heard of: first those that speak for trouble, then those with limits.

    `frame`: as `sources.window` gives it. `latest`: the newest reading of each channel of this asset.
    """
    newest = {row["channel"]: (row["time"], row["value"]) for row in latest.iter_rows(named=True)}
    parts = {str(key[0]): part for key, part in frame.partition_by("channel", as_dict=True).items()}
    speaking = {evidence.channel: evidence for evidence in reversed(assessment.evidence)} if assessment else {}
    places = (
        {evidence.channel: place for place, evidence in reversed(list(enumerate(assessment.evidence)))}
        if assessment
        else {}
    )
    channels = [channel for channel in kind.channels.values() if channel.key in newest]
    order = {channel.key: place for place, channel in enumerate(channels)}
    channels.sort(key=lambda channel: (places.get(channel.key, math.inf), _plainness(channel), order[channel.key]))
    return [
        _trace(channel, parts.get(channel.key), newest[channel.key], speaking.get(channel.key), now)
        for channel in channels
    ]


def _plainness(channel: Channel) -> int:
    if channel.limit.bounded:
        return 0
    if channel.normal.bounded:
        return 1
    return 3 if channel.aggregate is Aggregate.COUNTER else 2


def _trace(
    channel: Channel,
    part: pl.DataFrame | None,
    newest: tuple[datetime, float],
    evidence: Evidence | None,
    now: datetime,
) -> Trace:
    time, value = newest
    return Trace(
        channel=channel,
        frame=_shown(part, channel) if part is not None else pl.DataFrame(schema={"time": pl.Datetime, "value": float}),
        last_time=time,
        last_value=value,
        stale=now - time > channel.stale_after,
        beyond_limit=not channel.limit.holds(value),
        forecast=_forecast(channel, evidence, time, value),
    )


def _shown(part: pl.DataFrame, channel: Channel) -> pl.DataFrame:
    """The columns a chart of this channel draws."""
    if channel.aggregate is Aggregate.COUNTER:
        return _rate(part.select("time", pl.col("increase").alias("value")).drop_nulls("value"))
    read = part.drop_nulls("value")
    if channel.aggregate is Aggregate.STATE:
        return read.select("time", pl.col("last").alias("value"))
    if channel.aggregate is Aggregate.MEAN and (read["low"] != read["high"]).any():
        return thin(read.select("time", "value", "low", "high"))
    return (
        read.select("time", "value") if channel.aggregate is not Aggregate.MEAN else thin(read.select("time", "value"))
    )


def _rate(hourly: pl.DataFrame) -> pl.DataFrame:
    """What a counter grew by an hour; over a long window each day's mean, which a chart can still show."""
    if hourly.height <= _HOURS:
        return hourly
    return hourly.sort("time").group_by_dynamic("time", every="1d").agg(pl.col("value").mean()).select("time", "value")


def thin(frame: pl.DataFrame, points: int = _POINTS) -> pl.DataFrame:
    """At most about that many rows: neighbours are averaged, their lowest and highest kept."""
    each = -(-frame.height // points)
    if each <= 1:
        return frame
    lowest, highest = ("low", "high") if "low" in frame.columns else ("value", "value")
    return (
        frame.group_by(pl.int_range(pl.len()) // each, maintain_order=True)
        .agg(
            pl.col("time").first(),
            pl.col("value").mean(),
            pl.col(lowest).min().alias("low"),
            pl.col(highest).max().alias("high"),
        )
        .select("time", "value", "low", "high")
    )


def _forecast(channel: Channel, evidence: Evidence | None, time: datetime, value: float) -> Forecast | None:
    if evidence is None or evidence.crosses_limit_at is None or evidence.crosses_limit_at <= time:
        return None
    rising = evidence.value >= evidence.expected
    limit = channel.limit.high if rising else channel.limit.low
    if not math.isfinite(limit):
        return None
    start = evidence.value if math.isfinite(evidence.value) else value
    return Forecast(time, start, evidence.crosses_limit_at, limit)


def last_words(trace: Trace, language: Language) -> str:
    """The last value as people say it: a state by name, a figure with its unit."""
    if trace.last_value is None:
        return "–"
    named: Mapping[int, str] = {value: words[language] for value, words in trace.channel.states.items()}
    return named.get(round(trace.last_value)) or quantity(trace.last_value, trace.channel.unit, language)


def bounds_words(channel: Channel, language: Language) -> str:
    """Normal band and limit in words, with where they come from."""
    parts = []
    for key, band in (("normal_words", channel.normal), ("limit_words", channel.limit)):
        if band.bounded:
            low, high = math.isfinite(band.low), math.isfinite(band.high)
            words = (
                f"{number(band.low)} … {quantity(band.high, channel.unit, language)}"
                if low and high
                else f"≤ {quantity(band.high, channel.unit, language)}"
                if high
                else f"≥ {quantity(band.low, channel.unit, language)}"
            )
            parts.append(say(key, language, band=words))
    if channel.aggregate is Aggregate.COUNTER:
        parts.append(say("growth_words", language))
    if parts:
        parts.append(source_words(channel.source, language))
    return " · ".join(filter(None, parts))


def source_words(source: str, language: Language) -> str:
    """The standard that a threshold comes from, or that it is our own; remarks are left to the catalogue."""
    standard = _STANDARD.search(source)
    if standard:
        return standard.group().strip()
    return say("design_value", language) if re.search(r"\bD\b", source) else ""
