"""Why was I not told? What is known of an asset's conditions: told, put aside, on its way, or held back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from facility.alerts import Alert, HeldBack, Reason
from facility.i18n.phrases import Text
from facility.records import Records
from serviceday.alerts.conditions import PHRASES
from serviceday.alerts.limits import told_at
from serviceday.alerts.rules import Rule, rules
from serviceday.alerts.track import Track
from serviceday.alerts.wording import cause_of, microseconds, moment

SHOWN = 20  # holdings-back that are over


@dataclass(frozen=True, slots=True)
class Account:
    """One thing to know of a cause. `state`: told, shelved, chattering, returning, or a reason for holding back."""

    cause: str
    state: str
    words: Text
    alert: int | None = None
    since: datetime | None = None
    until: datetime | None = None  # None: it still holds


def accounts(records: Records, asset: str, *, now: datetime, timezone: tzinfo = UTC) -> list[Account]:
    """What stands, what is on its way and what was held back at one asset, what holds now first."""
    open_alerts = [_told(alert, now, timezone) for alert in records.alerts.open(asset=asset)]
    kinds = {entry.id: entry.kind for entry in records.estate.assets()}
    compiled = rules()
    under_way: list[Account] = []
    for entry in records.watch.remembered():
        rule = compiled.get((kinds.get(entry.asset, ""), entry.channel))
        if entry.asset == asset and rule is not None:
            cause = cause_of(entry.asset, entry.channel, entry.code)
            under_way += _under_way(cause, Track.of(entry.body), rule, now, timezone)
    withheld = records.watch.held_back(asset=asset)
    current = [entry for entry in withheld if entry.until is None]
    over = [entry for entry in withheld if entry.until is not None][:SHOWN]
    return [*open_alerts, *under_way, *map(_held, [*current, *over])]


def alert_accounts(records: Records, number: int, *, now: datetime, timezone: tzinfo = UTC) -> list[Account]:
    """The same of one alert's cause. Raises `CannotDo` if there is no such alert."""
    alert = records.alerts.get(number)
    own = [entry for entry in accounts(records, alert.asset, now=now, timezone=timezone) if entry.cause == alert.cause]
    alone = [] if any(entry.alert == number for entry in own) else [_told(alert, now, timezone)]
    return alone + own


def _told(alert: Alert, now: datetime, timezone: tzinfo) -> Account:
    if alert.shelved(now) and alert.shelved_until is not None:
        words = PHRASES["explain_shelved"].filled(
            by=alert.shelved_by, until=told_at(alert.shelved_until, timezone), why=alert.shelved_why
        )
        return Account(alert.cause, "shelved", words, alert.id, alert.opened_at)
    words = PHRASES["explain_told"].filled(number=alert.id, at=told_at(alert.opened_at, timezone), reason=alert.reason)
    return Account(alert.cause, "told", words, alert.id, alert.opened_at, alert.closed_at)


def _under_way(cause: str, track: Track, rule: Rule, now: datetime, timezone: tzinfo) -> Iterable[Account]:
    since, now_us = moment(track.since_us), microseconds(now)
    if track.bad_run and not track.bad:
        words = PHRASES["explain_dwell"].filled(
            channel=rule.channel.name,
            since=told_at(since, timezone),
            left=_span(rule.alarm.after - timedelta(microseconds=now_us - track.since_us)),
            readings=max(0, rule.alarm.count - track.bad_run),
        )
        yield Account(cause, Reason.DWELL.value, words, since=since)
    if track.bad and track.good_run:
        left = timedelta(microseconds=track.patience_us(rule.alarm) - (now_us - track.since_us))
        words = PHRASES["explain_returning"].filled(
            channel=rule.channel.name,
            since=told_at(since, timezone),
            left=_span(left),
            readings=max(0, rule.alarm.back_count - track.good_run),
        )
        yield Account(cause, "returning", words, since=since)
    if track.chattering:
        words = PHRASES["explain_chattering"].filled(
            times=track.times, patience=_span(timedelta(microseconds=track.patience_us(rule.alarm)))
        )
        yield Account(cause, Reason.CHATTERING.value, words, since=moment(track.risen[0]))


def _held(entry: HeldBack) -> Account:
    return Account(entry.cause, entry.reason.value, entry.detail, since=entry.since, until=entry.until)


def _span(left: timedelta) -> str:
    seconds = max(0, round(left.total_seconds()))
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"
