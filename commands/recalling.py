"""What the records remember of a fleet that is assessed: what was flagged, what people did, which alerts are open."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from models.assessment.memory import Memory, with_alarms

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment


def recalled(here: Installation, *, before: datetime, cold: bool = False) -> Memory:
    """What assessments of a moment go on from: only what was believed and recorded before it.

    `cold`: no look of late can be gone on from, so days long ago are to be looked at too.
    """
    return Memory(
        before=here.records.assessments.flagged(before=before),
        attended={one.asset: one.at for one in here.records.outcomes.all(until=before)},
        cold=cold,
    )


def alarmed(here: Installation, found: Sequence[Assessment], *, now: datetime) -> list[Assessment]:
    """The same assessments, none calmer than an alert of its readings that was open at `now`."""
    alerts = [one for one in here.records.alerts.open() if one.opened_at <= now]
    return with_alarms(found, alerts)
