"""A track as a condition that people can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from math import inf

from facility.alerts import Severity, Source
from facility.catalogue.catalogue import Channel
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import PHRASES, Condition, Verdict
from serviceday.alerts.limits import excess_scale, limit_severity, quantity, told_at
from serviceday.alerts.rules import Rule
from serviceday.alerts.track import Track

LIMIT = -1  # the code of a condition that is about a limit
LATE_US = 600_000_000  # a reading that takes longer to arrive came late


def cause_of(asset: str, channel: str, code: int) -> str:
    """The cause of a limit or of a fault code: one open alert each."""
    return f"{asset}/limit/{channel}" if code == LIMIT else f"{asset}/fault/{channel}/{code}"


def condition(
    name: tuple[str, str, int], track: Track, rule: Rule, verdict: Verdict, *, timezone: tzinfo = UTC
) -> Condition:
    """What holds of a track's condition. `name` is asset, channel and code."""
    asset, channel, code = name
    bad = verdict is Verdict.BAD
    began = moment(track.began_us if bad else track.since_us)
    title, reason, severity = (
        _limit(rule.channel, track, began, timezone) if code == LIMIT else _fault(rule, code, track, began, timezone)
    )
    if bad and track.chattering:
        reason = PHRASES["chattering"].filled(reason=reason, times=track.times)
    return Condition(
        cause=cause_of(asset, channel, code),
        verdict=verdict,
        asset=asset,
        channel=channel,
        source=Source.LIMIT if code == LIMIT else Source.FAULT,
        severity=severity,
        title=title,
        reason=reason,
        seen_at=moment(track.seen_us),
        began=began if bad and not track.earlier else None,
        began_between=(None if track.earlier else began, began) if bad else (None, None),
        revises=track.late and bad,
        note=late_note(track),
    )


def late_note(track: Track) -> str:
    """For the trail: that it rests on readings that came late."""
    if track.late or track.arrived_us - track.seen_us > LATE_US:
        return f"late: measured {told_at(moment(track.seen_us), UTC)}, arrived {told_at(moment(track.arrived_us), UTC)}"
    return ""


def _limit(channel: Channel, track: Track, since: datetime, timezone: tzinfo) -> tuple[Text, Text, Severity]:
    above = track.value > channel.limit.high or channel.limit.low == -inf
    limit = channel.limit.high if above else channel.limit.low
    reason = PHRASES["limit_above" if above else "limit_below"].filled(
        channel=channel.name,
        value=quantity(channel, track.value),
        limit=quantity(channel, limit),
        since=_since(track, since, timezone),
    )
    # how grave it is has a dwell of its own: a single value far beyond says little
    severity = limit_severity(channel, limit + _excess(channel, limit, above, far=track.far), limit)
    return PHRASES["limit_title"].filled(channel=channel.name), reason, severity


def _excess(channel: Channel, limit: float, above: bool, *, far: bool) -> float:
    return (1 if above else -1) * (excess_scale(channel, limit) if far else 0.0)


def _since(track: Track, since: datetime, timezone: tzinfo) -> Text:
    return PHRASES["or_earlier" if track.bad and track.earlier else "from"].filled(moment=told_at(since, timezone))


def _fault(rule: Rule, code: int, track: Track, since: datetime, timezone: tzinfo) -> tuple[Text, Text, Severity]:
    channel = rule.channel
    state = channel.states.get(code, Text(zh=str(code), en=str(code)))
    title = PHRASES["fault_title"].filled(channel=channel.name, state=state)
    if not track.bad:
        return title, PHRASES["fault_gone"].filled(state=state), rule.severity_of(code)
    since_words = _since(track, since, timezone)
    reason = PHRASES["fault_reason"].filled(state=state, channel=channel.name, code=code, since=since_words)
    return title, reason, rule.severity_of(code)


def moment(microseconds: int) -> datetime:
    """A moment from microseconds since the epoch."""
    return datetime.fromtimestamp(microseconds / 1e6, UTC)


def microseconds(when: datetime) -> int:
    """Since 1970."""
    return (when - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
