"""The inbox of alerts: which of them somebody asked to see, what is getting worse, and what has gone quiet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from dashboard import frames
from facility.alerts import Alert, AlertState, Severity, Step
from facility.assessments import Assessment
from facility.estate import Asset
from facility.i18n.phrases import LANGUAGES
from serviceday.documents.branding import NO_NAMES, Names

NOBODY = "-"  # assigned to nobody
WAITING = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)
RECENT = timedelta(days=7)  # how long something counts as getting worse, or as gone quiet just now


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What somebody wants to see; "" is no limit."""

    site: str = ""
    kind: str = ""
    severity: str = ""
    person: str = ""  # to whom it is assigned, or `NOBODY`
    words: str = ""  # looked for in number, class, place, pinyin initials, title and reason: as they stand, else each


@dataclass(frozen=True, slots=True)
class Worsening:
    """An asset whose trouble grows: since when that is known, and how many days it has to a limit, if that is known."""

    asset: str
    at: datetime | None
    days: float | None


def matching(
    alerts: Iterable[Alert], assets: Mapping[str, Asset], wish: Filter, names: Names = NO_NAMES
) -> list[Alert]:
    """The alerts that a filter lets through, in their order. Alerts of a site or the system itself have no class."""
    shown = []
    for alert in alerts:
        asset = assets.get(alert.asset)
        if wish.site and (asset.site if asset else alert.asset) != wish.site:
            continue
        if wish.kind and (asset is None or asset.kind != wish.kind):
            continue
        if wish.severity and alert.severity != wish.severity:
            continue
        if wish.person and (alert.assigned_to or NOBODY) != wish.person:
            continue
        shown.append(alert)
    asked = wish.words.casefold().split()
    if not asked:
        return shown
    texts = [(alert, _spoken(alert, assets.get(alert.asset), names)) for alert in shown]
    whole = [alert for alert, text in texts if " ".join(asked) in text]
    return whole or [alert for alert, text in texts if all(word in text for word in asked)]


def _spoken(alert: Alert, asset: Asset | None, names: Names) -> str:
    place = f"{names.place(asset)} {frames.spoken(asset, names)}" if asset else ""
    said = (text[code] for text in (alert.title, alert.reason) for code in LANGUAGES)
    return " ".join([f"#{alert.id}", alert.asset, *said, place]).casefold()


def urgency(alert: Alert) -> tuple[int, bool, float]:
    """By what alerts are put in order: the worst first, of these whoever waits for somebody, of these the newest."""
    return alert.severity.rank, alert.state not in WAITING, -alert.opened_at.timestamp()


def persons(alerts: Iterable[Alert]) -> list[str]:
    """To whom any of the alerts is assigned, by name."""
    return sorted({alert.assigned_to for alert in alerts if alert.assigned_to})


def severities(alerts: Iterable[Alert]) -> list[tuple[Severity, int]]:
    """How many there are of each severity, worst first."""
    counts = dict.fromkeys(Severity, 0)
    for alert in alerts:
        counts[alert.severity] += 1
    return list(counts.items())


def worsening(alerts: Iterable[Alert], steps: Iterable[Step], assessments: Mapping[str, Assessment]) -> list[Worsening]:
    """What is getting worse: alerts made worse lately and assets on their way to a limit, soonest first."""
    open_alerts = {alert.id: alert.asset for alert in alerts}
    risen: dict[str, datetime] = {}
    for step in steps:
        if step.what == "worsened" and step.alert in open_alerts:
            asset = open_alerts[step.alert]
            risen[asset] = max(step.at, risen.get(asset, step.at))
    days = {
        name: assessment.prognosis.days_to_limit
        for name, assessment in assessments.items()
        if assessment.flagged and assessment.prognosis is not None and assessment.prognosis.days_to_limit is not None
    }
    rows = [Worsening(asset, risen.get(asset), days.get(asset)) for asset in {*risen, *days}]
    return sorted(rows, key=lambda row: (row.days if row.days is not None else float("inf"), row.asset))


def quiet(fleet: pl.DataFrame) -> pl.DataFrame:
    """The rows of `frames.fleet` that have fallen silent, whoever did so last first."""
    return fleet.filter(pl.col("state") == "silent").sort("last", "asset", descending=[True, False])
