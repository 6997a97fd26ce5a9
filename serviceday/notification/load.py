"""How much is asked of the people who are told, after ISA-18.2 and EEMUA 191: rates, floods, bad actors, stale ones.

Rates count what comes up (opened, recurred, no longer put aside) in stretches of ten minutes. A flood begins with a
stretch of more than ten and ends with one of fewer than five. Norms: fewer than one in ten minutes and operator, under
1 % of the time in flood, some 80 % low, 15 % medium and 5 % high.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median, quantiles

from facility.alerts import Alert, AlertState, Severity, Step
from facility.notifications import Message, MessageState

STRETCH = timedelta(minutes=10)
FLOOD_ABOVE, FLOOD_BELOW = 10, 5
CHATTERING = 3  # times within a minute
STALE = timedelta(hours=24)
FOLLOWED_UP = timedelta(days=14)  # how long after its opening a finding at the asset is put down to an alert
_TOP = 10
_COMES_UP = ("opened", "recurred", "unshelved")


@dataclass(frozen=True, slots=True)
class Load:
    """What one site or person had to bear."""

    total: int
    average: float  # in ten minutes
    peak: int
    floods: int
    in_flood: float  # share of the time


@dataclass(frozen=True, slots=True)
class Actor:
    """A cause that comes up often."""

    cause: str
    times: int
    share: float


@dataclass(frozen=True, slots=True)
class Stale:
    """An alert that has been bad for more than a day."""

    alert: int
    asset: str
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of the time from `since` to `until`. Spans in minutes; `None` where there was nothing to measure."""

    since: datetime
    until: datetime
    sites: Mapping[str, Load]
    people: Mapping[str, Load]
    actors: Sequence[Actor]
    chattering: Sequence[Actor]
    stale: Sequence[Stale]
    mix: Mapping[str, float]
    opened: int
    acknowledged: tuple[float, float] | None  # median and 90 %
    closed: tuple[float, float] | None
    followed_up: float | None  # share of those opened at whose asset a fault was found within `FOLLOWED_UP`


def figures(
    trail: Iterable[Step],
    alerts: Mapping[int, Alert],
    messages: Iterable[Message],
    *,
    sites: Mapping[str, str],
    faults: Mapping[str, Sequence[datetime]],
    within: tuple[datetime, datetime],
) -> Figures:
    """The figures of a time. `sites` are those of assets; `faults`, times at which something was found at an asset."""
    since, until = within
    up = [
        (step.at, alerts[step.alert])
        for step in trail
        if since <= step.at < until and step.what in _COMES_UP and step.alert in alerts
    ]
    by_site, by_cause = defaultdict[str, list[datetime]](list), defaultdict[str, list[datetime]](list)
    for at, alert in up:
        by_site[sites.get(alert.asset, "")].append(at)
        by_cause[alert.cause].append(at)
    by_person = defaultdict[str, list[datetime]](list)
    for message in messages:
        if message.state is MessageState.SENT and message.sent_at and since <= message.sent_at < until:
            by_person[message.receiver].append(message.sent_at)
    opened = [alert for alert in alerts.values() if since <= alert.opened_at < until]
    severities = Counter(alert.severity for alert in opened)
    return Figures(
        since=since,
        until=until,
        sites={site: load(times, since, until) for site, times in sorted(by_site.items())},
        people={person: load(times, since, until) for person, times in sorted(by_person.items())},
        actors=[
            Actor(cause, len(times), len(times) / len(up))
            for cause, times in sorted(by_cause.items(), key=lambda each: (-len(each[1]), each[0]))[:_TOP]
        ],
        chattering=[
            Actor(cause, worst, len(times) / len(up))
            for cause, times in sorted(by_cause.items())
            if (worst := _within_a_minute(times)) >= CHATTERING
        ],
        stale=_stale(alerts.values(), until),
        mix={severity.value: severities[severity] / len(opened) if opened else 0.0 for severity in Severity},
        opened=len(opened),
        acknowledged=_spans((alert.opened_at, alert.acknowledged_at) for alert in opened),
        closed=_spans((alert.opened_at, alert.closed_at) for alert in opened),
        followed_up=sum(_followed_up(alert, faults) for alert in opened) / len(opened) if opened else None,
    )


def load(times: Iterable[datetime], since: datetime, until: datetime) -> Load:
    """Rates and floods of moments within a time."""
    counts = Counter((at - since) // STRETCH for at in times)
    stretches = max(1, -((since - until) // STRETCH))
    floods, flooded, place = 0, 0, -1
    for start in sorted(counts):
        if counts[start] > FLOOD_ABOVE and start > place:
            floods, place = floods + 1, start
            while counts[place] >= FLOOD_BELOW:
                place, flooded = place + 1, flooded + 1
    total = sum(counts.values())
    return Load(total, total / stretches, max(counts.values(), default=0), floods, min(1.0, flooded / stretches))


def _within_a_minute(times: Sequence[datetime]) -> int:
    """The most that fall within one minute."""
    ordered = sorted(times)
    return max((bisect_left(ordered, at + timedelta(minutes=1)) - place for place, at in enumerate(ordered)), default=0)


def _stale(alerts: Iterable[Alert], until: datetime) -> list[Stale]:
    waiting = [
        Stale(alert.id, alert.asset, (until - alert.opened_at) / timedelta(hours=1))
        for alert in alerts
        if alert.state in (AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED) and until - alert.opened_at > STALE
    ]
    return sorted(waiting, key=lambda each: (-each.hours, each.alert))


def _spans(pairs: Iterable[tuple[datetime, datetime | None]]) -> tuple[float, float] | None:
    minutes = sorted((end - begin) / timedelta(minutes=1) for begin, end in pairs if end is not None)
    if not minutes:
        return None
    most = quantiles(minutes, n=10, method="inclusive")[-1] if len(minutes) > 1 else minutes[0]
    return median(minutes), most


def _followed_up(alert: Alert, faults: Mapping[str, Sequence[datetime]]) -> bool:
    return any(alert.opened_at <= at < alert.opened_at + FOLLOWED_UP for at in faults.get(alert.asset, ()))
