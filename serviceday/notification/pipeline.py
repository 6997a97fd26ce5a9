"""From a step of an alert's trail to somebody who is told, in one line.

Each stage takes notices and gives back those that go on and those that it holds back, with the reason. They are pure:
`now` is passed in, and what was told before is asked of the ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from facility.alerts import AlertState, Severity
from facility.notifications import Message, MessageState, Reason
from serviceday.notification.notices import RECOVERY, Context, Held, Notice, Passed, sorted_out
from serviceday.notification.routing import behind, channels_of, next_clock, taken_by, until, window_done, window_over
from serviceday.notification.schema import RobotChannel, SmtpChannel, WebhookChannel

URGENT_SUMMARY = timedelta(minutes=2)  # how long a grave notice waits in a flood
SEEN_AGAIN = timedelta(minutes=1)  # between looks whether something is still seen to be so after planned work


def keep_the_latest(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """Of several steps of one alert the last says it all."""
    last: dict[tuple[int, int, bool], int] = {}
    for notice in notices:
        about = notice.alert.id, notice.level, notice.recovery
        last[about] = max(notice.step, last.get(about, 0))

    def superseded(notice: Notice) -> Held | None:
        latest = last[notice.alert.id, notice.level, notice.recovery]
        return Held(notice, Reason.SUPERSEDED) if notice.step < latest else None

    return sorted_out(notices, superseded)


def hold_back_settled(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """What somebody has taken on, or what is over, is no news."""

    def settled(notice: Notice) -> Held | None:
        alert = notice.alert
        if notice.recovery:
            return None
        if alert.closed_at is not None:
            return Held(notice, Reason.CLOSED, alert.closed_by)
        if alert.acknowledged_at is not None and (notice.level or notice.what in ("opened", "unshelved")):
            return Held(notice, Reason.ACKNOWLEDGED, alert.acknowledged_by)
        if (notice.level or notice.again) and alert.state is AlertState.RETURNED:
            return Held(notice, Reason.RETURNED)
        return None

    return sorted_out(notices, settled)


def hold_back_explained(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """Planned work explains what it causes; it is told when it is still seen to be so after the work."""

    def explained(notice: Notice) -> Held | None:
        if notice.recovery:
            return None
        work = window_over(notice.alert, now, context)
        if work is not None:
            return Held(notice, Reason.WINDOW, f"{work[0].name}: {work[0].reason}", work[1])
        done = window_done(notice.alert, now, context) if notice.again else None
        if done is not None:
            return Held(notice, Reason.WINDOW, f"{done.name}: {done.reason}", now + SEEN_AGAIN)
        return None

    return sorted_out(notices, explained)


def hold_back_shelved(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """Somebody put it aside for a time."""

    def shelved(notice: Notice) -> Held | None:
        alert = notice.alert
        if notice.recovery or not alert.shelved(now):
            return None
        again = None if notice.level else alert.shelved_until  # what comes back escalates anew
        return Held(notice, Reason.SHELVED, f"{alert.shelved_by}: {alert.shelved_why}", again)

    return sorted_out(notices, shelved)


def follow_routes(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """One notice a target. An escalation comes with its route; a recovery goes to those who were told."""
    passed, fallback = Passed(), context.rules.settings.fallback
    for notice in notices:
        if notice.recovery:
            passed.notices.extend(_to_those_told(notice, now, context))
            continue
        routes = [notice.route] if notice.route else list(taken_by(notice.alert, now, context))
        for route in routes:
            targets = route.escalate[notice.level - 1].to if notice.level else route.to
            passed.notices.extend(replace(notice, route=route, target=target) for target in targets)
        if not routes:
            passed.held.append(Held(notice, Reason.NO_ROUTE))
            passed.notices.extend(replace(notice, target=target) for target in fallback)
    return passed


def _to_those_told(notice: Notice, now: datetime, context: Context) -> list[Notice]:
    """A recovery for each receiver who was told last that it is bad; machines are told every one.

    What is still collected will be told as it stands then. Who was told that nobody has acknowledged is told when it is
    closed, not each time it comes and goes: that it is normal again acknowledges nothing.
    """
    routes = {route.name: route for route in context.rules.routes}
    latest: dict[str, Message] = {}
    for message in context.ledger.about(notice.alert.id):
        waits = message.state is MessageState.COLLECTED and message.due_at > now
        if message.step < notice.step and message.state is not MessageState.HELD and not waits:
            latest[message.receiver] = message
    recoveries = []
    for receiver, message in latest.items():
        route = routes.get(message.route)
        machine = isinstance(context.rules.channels.get(receiver.removeprefix("channel:")), WebhookChannel)
        news = message.what not in RECOVERY and not (message.level and notice.what == "returned")
        if machine or (news and (route is None or route.recovery)):
            recoveries.append(replace(notice, route=route, target=receiver))
    return recoveries


def find_receivers(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """Whoever is on duty; where nobody is, those who are named for it. Nobody is told the same thing twice."""
    passed, addressed = Passed(), set[tuple[int, int, int, str]]()

    def aim(notice: Notice, receiver: str) -> None:
        about = (notice.alert.id, notice.step, notice.level, receiver)
        if about not in addressed:
            addressed.add(about)
            passed.notices.append(replace(notice, receiver=receiver))

    for notice in notices:
        receiver = behind(notice.target, now, context.rules)
        if receiver:
            aim(notice, receiver)
            continue
        passed.held.append(Held(notice, Reason.NOBODY_ON_DUTY, notice.target.removeprefix("roster:")))
        for target in context.rules.settings.fallback:
            if instead := behind(target, now, context.rules):
                aim(notice, instead)
    return passed


def choose_channels(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """The first channel, and those that are tried should it be dead."""
    passed = Passed()
    for notice in notices:
        ways = channels_of(notice.receiver, notice.route, context.rules)
        if ways:
            passed.notices.append(replace(notice, channel=ways[0], ways=tuple(ways[1:])))
        else:
            passed.held.append(Held(notice, Reason.NO_ADDRESS))
    return passed


def drop_already_told(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """What is in the log is in the log: no restart and no second process doubles it."""
    existing = context.ledger.existing([notice.key for notice in notices])
    return Passed([notice for notice in notices if notice.key not in existing])


def wait_for_hours(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """What can wait is collected: for a route's digest, or until a person's quiet hours are over."""
    passed = Passed()
    for notice in notices:
        zone, digest = context.rules.zone, notice.route.digest if notice.route else []
        person = context.rules.people.get(notice.receiver.removeprefix("person:"))
        quiet = until(person.quiet, now, zone) if person and person.quiet else None
        if digest and not _machine(notice, context):
            notice = replace(notice, due=next_clock(digest, now, zone), because=Reason.DIGEST)
        elif quiet and notice.alert.severity is not Severity.HIGH and not notice.level:
            notice = replace(notice, due=quiet, because=Reason.QUIET)
        passed.notices.append(notice)
    return passed


def summarise_floods(notices: Sequence[Notice], now: datetime, context: Context) -> Passed:
    """More than a person can read becomes a summary; grave ones first and sooner. Machines read everything."""
    settings, passed = context.rules.settings, Passed()
    coming: Counter[str] = Counter()
    for notice in sorted(notices, key=lambda each: (each.alert.severity.rank, each.step)):
        if notice.due is None and not _machine(notice, context):
            if notice.receiver not in coming:
                coming[notice.receiver] = context.ledger.recent(notice.receiver, now - settings.flood_within)
            if coming[notice.receiver] >= settings.flood:
                grave = notice.alert.severity is Severity.HIGH
                slot = min(URGENT_SUMMARY, settings.flood_within) if grave else settings.flood_within
                notice = replace(notice, due=_end_of_slot(now, slot), because=Reason.FLOOD)
            else:
                coming[notice.receiver] += 1
        passed.notices.append(notice)
    return passed


def _machine(notice: Notice, context: Context) -> bool:
    channel = context.rules.channels.get(notice.channel)
    return notice.receiver.startswith("channel:") and not isinstance(channel, (RobotChannel, SmtpChannel))


def _end_of_slot(now: datetime, length: timedelta) -> datetime:
    epoch = datetime(2000, 1, 1, tzinfo=UTC)
    return epoch + ((now - epoch) // length + 1) * length


PIPELINE = (
    keep_the_latest,
    hold_back_settled,
    hold_back_explained,
    hold_back_shelved,
    follow_routes,
    find_receivers,
    choose_channels,
    drop_already_told,
    wait_for_hours,
    summarise_floods,
)
