"""Which routes take an alert, and who stands behind their targets at a moment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from facility.alerts import Alert
from serviceday.notification.notices import Context
from serviceday.notification.rules import Rules
from serviceday.notification.schema import DAYS, Match, Route, Window

AFTERWARDS = timedelta(hours=1)  # after planned work; what nobody has seen again by then is told all the same (D)


def taken_by(alert: Alert, now: datetime, context: Context) -> Iterator[Route]:
    """The routes that take an alert: the first that matches, and those after it where it says `also`."""
    for route in context.rules.routes:
        if matches(route.match, alert, now, context):
            yield route
            if not route.also:
                return


def window_over(alert: Alert, now: datetime, context: Context) -> tuple[Window, datetime] | None:
    """The window of planned work that explains an alert now, and when it ends (UTC)."""
    zone = context.rules.zone_of(context.place(alert.asset).site)
    for window in context.rules.windows:
        begins, ends = (moment.replace(tzinfo=zone) for moment in (window.begins, window.ends))
        if begins <= now < ends and matches(window.match, alert, now, context):
            return window, ends
    return None


def window_done(alert: Alert, now: datetime, context: Context) -> Window | None:
    """The window of planned work that explained an alert, while nothing has been seen of it since; for `AFTERWARDS`."""
    zone = context.rules.zone_of(context.place(alert.asset).site)
    for window in context.rules.windows:
        begins, ends = (moment.replace(tzinfo=zone) for moment in (window.begins, window.ends))
        told_of = begins <= alert.opened_at < ends and alert.last_seen_at < ends <= now < ends + AFTERWARDS
        if told_of and matches(window.match, alert, now, context):
            return window
    return None


def matches(match: Match, alert: Alert, now: datetime, context: Context) -> bool:
    """Whether an alert is one that a route takes."""
    place = context.place(alert.asset)
    local = now.astimezone(context.rules.zone_of(place.site))
    return (
        (not match.site or place.site in match.site)
        and (not match.kind or place.kind in match.kind)
        and (not match.severity or alert.severity in match.severity)
        and (not match.source or alert.source in match.source)
        and (not match.asset or alert.asset in match.asset)
        and (not match.days or DAYS[local.weekday()] in match.days)
        and (match.hours is None or within(match.hours, local.time()))
    )


def within(hours: tuple[time, time], clock: time) -> bool:
    """Whether a clock time lies in hours that may pass midnight."""
    begins, ends = hours
    return begins <= clock < ends if begins < ends else clock >= begins or clock < ends


def until(hours: tuple[time, time], now: datetime, zone: ZoneInfo) -> datetime | None:
    """When the hours that it is now are over; `None` outside them."""
    local = now.astimezone(zone)
    return next_clock([hours[1]], now, zone) if within(hours, local.time()) else None


def next_clock(clocks: Sequence[time], now: datetime, zone: ZoneInfo) -> datetime:
    """The next of some clock times after a moment."""
    today = now.astimezone(zone).date()
    moments = [
        datetime.combine(today + timedelta(days=ahead), clock, tzinfo=zone) for clock in clocks for ahead in (0, 1, 2)
    ]
    return min(moment for moment in moments if moment.timestamp() > now.timestamp()).astimezone(now.tzinfo)


def behind(target: str, now: datetime, rules: Rules) -> str:
    """Who stands behind a target now, as person:NAME or channel:NAME; "" where nobody is on duty."""
    kind, _, name = target.partition(":")
    if kind != "roster":
        return target
    person = rules.timetables[name].on_duty(now) if name in rules.timetables else ""
    return f"person:{person}" if person in rules.people else ""


def channels_of(receiver: str, route: Route | None, rules: Rules) -> list[str]:
    """By which channels a receiver is reached, the one to try first standing first."""
    kind, _, name = receiver.partition(":")
    if kind == "channel":
        return [name]
    person = rules.people.get(name)
    if person is None:
        return []
    preferred = [channel for channel in (route.channels if route else []) if channel in person.address]
    return [*preferred, *(channel for channel in person.address if channel not in preferred)]
