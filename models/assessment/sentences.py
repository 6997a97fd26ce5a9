"""Evidence in a sentence, checked against its own numbers before it is said.

A direction is that of the two figures named; figures that read alike are given digits until they differ; a pace is told
only where it leads from one figure to the other in the time that is named; a limit is called crossed only if it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import Channel
from facility.i18n.phrases import Text
from models import wording
from models.features.windows import Figure

SURE = timedelta(days=4)  # an onset is a day, and not about a day, if its interval is no longer
WEEK = timedelta(days=7)
AGREES = (0.5, 2.0)  # of the distance between the figures named, that a pace covers in the time named
Between = tuple[datetime | None, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a sentence about one channel may say; values in the channel's unit (shares of the day: 0 to 1)."""

    channel: Channel
    figure: Figure
    detector: str
    pattern: str  # level, trend, variance, rate, limit; standing: since an earlier look
    value: float
    expected: float
    since: datetime | None
    between: Between | None  # 90 % interval of `since`
    end: datetime  # of the data
    zone: ZoneInfo
    slope: float = 0.0  # a day
    crosses: datetime | None = None


def onset_words(since: datetime, between: Between | None, *, end: datetime, zone: ZoneInfo) -> Text:
    """The day of an onset as surely as it is known: 3 June; about 3 June; before 3 June."""
    if between is None:
        return wording.day(since, zone, end)
    after, before = between
    if after is None:
        return wording.say("before_day", day=wording.day(before, zone, end))
    text = wording.day(since, zone, end)
    return text if before - after <= SURE else wording.say("about_day", day=text)


def sentence(facts: Facts) -> Text:
    """The evidence in words, in both languages."""
    channel, percent = facts.channel, facts.figure is Figure.SHARE
    unit, factor = ("%", 100.0) if percent else (channel.unit, 1.0)
    value, expected = factor * facts.value, factor * (max(facts.expected, 0.0) if percent else facts.expected)
    key = _key(facts)
    now, was = wording.apart(value, expected, unit)
    if now == was and key != "limit":
        return wording.sentence_case(wording.say("alike", name=wording.lower_first(channel.name), value=now))
    limit = channel.limit.high if value > channel.limit.high else channel.limit.low
    if key == "limit":
        now, edge = wording.apart(value, limit, channel.unit)
    else:
        edge = wording.quantity(limit, channel.unit)
    if facts.figure is Figure.LEVEL:
        now = wording.say("daily_mean", value=now)
    since = None if facts.since is None else onset_words(facts.since, facts.between, end=facts.end, zone=facts.zone)
    words = wording.say(
        key,
        name=wording.lower_first(channel.name),
        since=since or "",
        moved=wording.say(_moved(facts)),
        direction=wording.say("rising" if value > expected else "falling"),
        weekly=wording.quantity(abs(facts.slope) * 7, unit),
        value=now,
        expected=was,
        limit=edge,
    )
    return wording.sentence_case(_with_crossing(words, facts, key))


def _key(facts: Facts) -> str:
    """Which sentence the numbers bear."""
    timed = facts.since is not None
    if facts.pattern == "standing" or facts.detector == "past":
        key = "standing_spread" if facts.figure is Figure.SPREAD else "standing"
        return key if timed else "standing_long"
    if facts.figure is Figure.SPREAD:
        return "spread" if facts.value > facts.expected else "steadier"
    if facts.figure is Figure.SHARE:
        return "share" if facts.value > facts.expected else "share_less"
    if facts.pattern == "limit" and not facts.channel.limit.holds(facts.value):
        return "limit"
    if facts.detector == "peers":
        return "peers"
    if facts.figure is Figure.RATE:
        return "rate" if timed else "rate_untimed"
    if not timed:
        return "level_untimed"
    if facts.pattern == "trend" and _agrees(facts):
        return "trend"
    return "subspace" if facts.detector == "subspace" else "level"


def _agrees(facts: Facts) -> bool:
    """Does the slope lead from the one figure to the other since the onset?"""
    distance = facts.value - facts.expected
    if facts.since is None or facts.slope * distance <= 0:
        return False
    covered = abs(facts.slope) * ((facts.end - facts.since) / timedelta(days=1))
    return AGREES[0] * abs(distance) <= covered <= AGREES[1] * abs(distance)


def _moved(facts: Facts) -> str:
    """Up or down; of a deviation from zero (levelling error) whether it is further away or nearer."""
    normal = facts.channel.normal
    if math.isfinite(normal.low) and normal.low < 0 < normal.high and normal.low == -normal.high:
        return "further" if abs(facts.value) > abs(facts.expected) else "nearer"
    return "up" if facts.value > facts.expected else "down"


def _with_crossing(words: Text, facts: Facts, key: str) -> Text:
    limit = facts.channel.limit.high if facts.slope > 0 else facts.channel.limit.low
    inside = facts.channel.limit.holds(facts.value)
    crossing = facts.crosses is not None and facts.crosses > facts.end and math.isfinite(limit)
    if facts.crosses is None or not crossing or key == "limit" or not inside:
        return words
    if facts.slope * (facts.value - facts.expected) <= 0:
        return words  # it was said to have gone the other way
    when = wording.day(facts.crosses, facts.zone, facts.end)
    tail = wording.say("crossing", when=when, limit=wording.quantity(limit, facts.channel.unit))
    return Text(zh=words.zh + tail.zh, en=words.en + tail.en)
