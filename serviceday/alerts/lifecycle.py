"""What becomes of alerts, given what holds now. Pure: it reads no clock and keeps nothing.

An alert opens when its condition is bad and none is open for the cause; it follows the one closed last, so that
"cleared, but not mended" can be seen. It returns when the condition is good; acknowledged, it closes with that,
otherwise it waits to be acknowledged. Nobody's silence closes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from facility.alerts import Alert, Severity, Source
from serviceday.alerts.conditions import Condition, Verdict

_RANK = {Severity.LOW: 0, Severity.MEDIUM: 1, Severity.HIGH: 2}


@dataclass(frozen=True, slots=True)
class Change:
    """An alert as it is now, and the step that led there ("" where only the latest sighting moved)."""

    alert: Alert
    step: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Decisions:
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
            change = _still_bad(alert, one) if one.verdict is Verdict.BAD else _maybe_good(alert, one, now)
            if change is not None:
                changed.append(change)
        elif one.verdict is Verdict.BAD:
            opened[one.cause] = _open(one, last_closed.get(one.cause), now)
    return Decisions(tuple(opened.values()), tuple(changed))


def _open(one: Condition, follows: int | None, now: datetime) -> Alert:
    return Alert(
        id=0,
        asset=one.asset,
        cause=one.cause,
        channel=one.channel,
        source=one.source,
        severity=one.severity,
        title=one.title,
        reason=one.reason,
        opened_at=now,
        last_seen_at=one.seen_at,
        follows=follows,
        began=one.began,
        began_after=one.began_between[0],
        began_before=one.began_between[1],
    )


def _still_bad(alert: Alert, one: Condition) -> Change | None:
    """Severity only rises while an alert is open: easing would flap, and what was grave once deserves a look."""
    if alert.returned_at is not None and one.seen_at <= alert.last_seen_at:
        return None  # nothing newer than what had returned
    worse = _RANK[one.severity] > _RANK[alert.severity]
    seen = replace(alert, last_seen_at=max(alert.last_seen_at, one.seen_at), returned_at=None)
    if worse or alert.returned_at is not None or one.source is not Source.LIMIT:
        # a limit's reason says since when; it is kept, because later evaluations look back no further
        after, before = one.began_between
        seen = replace(seen, title=one.title, reason=one.reason, channel=one.channel)
        if one.began is not None:
            seen = replace(seen, began=one.began, began_after=after, began_before=before)
    if worse:
        seen = replace(seen, severity=one.severity)
    if alert.returned_at is not None:
        return Change(seen, "recurred")
    if worse:
        return Change(seen, "worsened", f"{alert.severity} -> {one.severity}")
    return None if seen == alert else Change(seen, "")


def _maybe_good(alert: Alert, one: Condition, now: datetime) -> Change | None:
    if one.verdict is not Verdict.GOOD or one.seen_at < alert.last_seen_at + one.off_after:
        return None
    if alert.acknowledged_at is not None:
        return Change(replace(alert, returned_at=alert.returned_at or now, closed_at=now), "closed")
    return None if alert.returned_at is not None else Change(replace(alert, returned_at=now), "returned")
