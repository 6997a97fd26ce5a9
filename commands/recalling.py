"""What the records remember of a fleet that is assessed: what was flagged, what people did, which alerts are open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from facility.inspections import Finding
from models.assessment.memory import Memory, with_alarms

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment


def recalled(here: Installation, *, before: datetime, cold: bool = False) -> Memory:
    """What assessments of a moment go on from: only what was believed and recorded before it.

    `cold`: no look of late can be gone on from, so days long ago are to be looked at too.
    """
    attended, cleared = _attention(here, before)
    return Memory(before=here.records.assessments.flagged(before=before), attended=attended, cleared=cleared, cold=cold)


def _attention(here: Installation, before: datetime) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """When each asset was last put right, and when somebody last looked and found nothing, before a moment.

    Of an asset with a finding that nobody had mended by then, a confirmation is no repair.
    """
    attended: dict[str, datetime] = {}
    unmended: set[str] = set()
    for deficiency in here.records.deficiencies.all():
        asset = deficiency.asset
        if deficiency.opened_at >= before:
            continue
        if deficiency.mended_at is not None and deficiency.mended_at < before:
            attended[asset] = max(deficiency.mended_at, attended.get(asset, deficiency.mended_at))
        elif deficiency.state.open or (deficiency.mended_at or deficiency.closed_at or before) >= before:
            unmended.add(asset)
    cleared: dict[str, datetime] = {}
    for outcome in here.records.outcomes.all(until=before):
        if outcome.finding is Finding.NOT_FOUND:
            cleared[outcome.asset] = outcome.at
        elif outcome.asset not in unmended:
            attended[outcome.asset] = max(outcome.at, attended.get(outcome.asset, outcome.at))
    return {asset: moment for asset, moment in attended.items() if asset not in unmended}, cleared


def alarmed(here: Installation, assessments: Sequence[Assessment], *, now: datetime) -> list[Assessment]:
    """The same assessments, none calmer than an alert of its readings that was open at `now`."""
    alerts = [alert for alert in here.records.alerts.open() if alert.opened_at <= now]
    return with_alarms(assessments, alerts)
