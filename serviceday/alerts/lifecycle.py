"""What becomes of alerts, given what holds now. Pure: it reads no clock and keeps nothing.

An alert opens when its condition is bad and none is open for the cause; it follows the one closed last, so that
"cleared, but not mended" can be seen. It returns when the condition is good; acknowledged, it closes with that,
otherwise it waits to be acknowledged. Nobody's silence closes it. Which step leads from which state where is a table,
`facility.alert_life.TRANSITIONS`; nothing here goes beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from facility.alert_life import TRANSITIONS
from facility.alerts import Alert, AlertState, Source
from serviceday.alerts.conditions import Condition, Verdict


@dataclass(frozen=True, slots=True)
class Change:
    """An alert as it is now, and the step that led there ("" where only the latest sighting moved)."""

    alert: Alert
    step: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What an evaluation opens and changes."""

    opened: tuple[Alert, ...]  # without a number yet
    changed: tuple[Change, ...]


def decide(
    open_alerts: Iterable[Alert], conditions: Iterable[Condition], last_closed: Mapping[str, int], *, now: datetime
) -> Decisions:
    """What to open and change. `last_closed` is the number of the alert closed last, by cause."""
    by_cause = {alert.cause: alert for alert in open_alerts}
    opened: dict[str, Alert] = {}
    changed: list[Change] = []
    for one in {condition.cause: condition for condition in conditions}.values():
        alert = by_cause.get(one.cause)
        if alert is not None:
            change = _change(alert, one, now)
            if change is not None:
                changed.append(change)
        elif one.verdict is Verdict.BAD:
            opened[one.cause] = _open(one, last_closed.get(one.cause), now)
    return Decisions(tuple(opened.values()), tuple(changed))


def _open(condition: Condition, follows: int | None, now: datetime) -> Alert:
    return Alert(
        id=0,
        asset=condition.asset,
        cause=condition.cause,
        channel=condition.channel,
        source=condition.source,
        severity=condition.severity,
        title=condition.title,
        reason=condition.reason,
        opened_at=now,
        last_seen_at=condition.seen_at,
        follows=follows,
        began=condition.began,
        began_after=condition.began_between[0],
        began_before=condition.began_between[1],
    )


def _change(alert: Alert, condition: Condition, now: datetime) -> Change | None:
    """The alert after one condition of its cause; None where it says nothing new."""
    current = _as_seen(alert, condition) if condition.verdict is Verdict.BAD else alert
    step = _step(alert, current, condition)
    if not step:
        return None if current == alert else Change(current, "")
    state = TRANSITIONS[alert.state, step]
    over = state is AlertState.CLOSED
    if state is AlertState.RETURNED or over:
        current = replace(current, returned_at=alert.returned_at or now, closed_at=now if over else None)
    note = f"{alert.severity} -> {current.severity}" if step == "worsened" else ""
    return Change(current, step, "; ".join(filter(None, (note, condition.note))))


def _step(alert: Alert, current: Alert, condition: Condition) -> str:
    """Which transition of the table a condition asks for; "" for none."""
    if condition.verdict is Verdict.BAD:
        if alert.returned_at is not None:
            return "" if current is alert else "recurred"
        if current.severity is not alert.severity:
            return "worsened"
        return "revised" if condition.revises and current.began != alert.began else ""
    if condition.verdict is Verdict.UNKNOWN or condition.seen_at < alert.last_seen_at + condition.off_after:
        return ""
    if alert.acknowledged_at is not None:
        return "closed" if condition.verdict is Verdict.GOOD else "withdrawn"
    if alert.returned_at is not None:
        return ""
    return "returned" if condition.verdict is Verdict.GOOD else "withdrawn"


def _as_seen(alert: Alert, condition: Condition) -> Alert:
    """The alert with what is seen of it now.

    Severity only rises while an alert is open: easing would flap, and what was grave once deserves a look. What is no
    newer than what had returned recalls nothing.
    """
    if alert.returned_at is not None and condition.seen_at <= alert.last_seen_at:
        return alert
    worse = condition.severity.rank < alert.severity.rank
    current = replace(alert, last_seen_at=max(alert.last_seen_at, condition.seen_at), returned_at=None)
    if (
        worse
        or condition.revises
        or alert.returned_at is not None
        or condition.source not in (Source.LIMIT, Source.FAULT)
    ):
        # a limit's reason says since when; it is kept, because later evaluations look back no further
        after, before = condition.began_between
        current = replace(current, title=condition.title, reason=condition.reason, channel=condition.channel)
        if condition.began is not None:
            current = replace(current, began=condition.began, began_after=after, began_before=before)
    return replace(current, severity=condition.severity) if worse else current
