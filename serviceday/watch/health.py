"""Whether what takes readings in, keeps them and watches them is well: each part that is not is an alert of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from facility.alerts import Alert, Severity, Source
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import PHRASES, Condition, Verdict


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with what takes readings in, keeps them or watches them."""

    key: str  # ingest, store
    title: Text
    reason: Text
    severity: Severity = Severity.HIGH


def system_conditions(troubles: Sequence[Trouble], open_alerts: Iterable[Alert], *, now: datetime) -> list[Condition]:
    """One condition a part that is not well, and the all-clear of those that are well again."""
    bad = {
        f"system/{trouble.key}": Condition(
            cause=f"system/{trouble.key}",
            verdict=Verdict.BAD,
            asset="",
            channel="",
            source=Source.SYSTEM,
            severity=trouble.severity,
            title=trouble.title,
            reason=trouble.reason,
            seen_at=now,
            began=now,
            began_between=(now, now),
        )
        for trouble in troubles
    }
    good = [
        Condition(
            cause=alert.cause,
            verdict=Verdict.GOOD,
            asset="",
            channel="",
            source=Source.SYSTEM,
            severity=alert.severity,
            title=alert.title,
            reason=alert.reason,
            seen_at=now,
        )
        for alert in open_alerts
        if alert.source is Source.SYSTEM and alert.cause not in bad
    ]
    return [*bad.values(), *good]


def ingest_trouble(findings: Sequence[Text] | None) -> Trouble:
    """`findings`: what ingest says is wrong with it; None where it does not run."""
    title = PHRASES["system_ingest_title"]
    if findings is None:
        return Trouble("ingest", title, PHRASES["system_ingest_not_running"])
    reason = findings[0] if findings else title
    for other in findings[1:]:
        reason = PHRASES["and_also"].filled(first=reason, other=other)
    return Trouble("ingest", title, reason)


def watcher_trouble(looked_at: str) -> Trouble:
    """That the watcher has died."""
    return Trouble("watch", PHRASES["system_watch_title"], PHRASES["system_watch_reason"].filled(moment=looked_at))


def store_trouble(problem: str) -> Trouble:
    """That the store does not answer."""
    return Trouble("store", PHRASES["system_store_title"], PHRASES["system_store_reason"].filled(problem=problem))
