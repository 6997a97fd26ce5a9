"""What was believed before, and what people have done since: a fault that nobody mends is not forgotten.

An asset that was flagged is compared with what it was when it was flagged, for as long as it takes: the days of a fault
become the past of later days, and must not become their reference. What ends it is a person's record, or the channel
itself, if it comes back. Only what was put right starts a new normal: whoever looked and found nothing has changed
nothing, and a fault that was confirmed and is still to be mended goes on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from facility.alerts import Alert, Source
from facility.assessments import COMMON, Assessment, Evidence, Knowledge, Reference, Trouble
from facility.estate import Asset
from models.assessment.fusion import FLAG_AT
from models.features.daily import DailyFigures

LASTING = 0.5  # of the shift that was flagged: less is a channel that has come back
UNMENDED = 0.7  # of it: from there on the asset stays flagged


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of a fleet, by asset id: the flagged among the last assessments, and what people did about them since."""

    before: Mapping[str, Assessment] = field(default_factory=dict)
    attended: Mapping[str, datetime] = field(default_factory=dict)  # when it was last put right: a new normal
    cleared: Mapping[str, datetime] = field(default_factory=dict)  # when somebody last looked and found nothing
    cold: bool = False  # there is nothing to go on from: days long ago are looked at as well

    def standing(self, asset: str) -> tuple[Evidence, ...]:
        """Evidence of its equipment that stands until somebody records an outcome; the strongest first."""
        assessment = self.before.get(asset)
        if assessment is None or not assessment.flagged:
            return ()
        equipment = [
            e
            for e in assessment.evidence
            if e.trouble is Trouble.EQUIPMENT and e.pattern != COMMON and _has_reference(e)
        ]
        ended = max((moment for moment in (self.attended.get(asset), self.cleared.get(asset)) if moment), default=None)
        # an outcome may be recorded days late: what counts is when the trouble was noticed, not when it was last seen
        return tuple(e for e in equipment if ended is None or (e.noticed or assessment.as_of) > ended)

    def flagged(self, asset: str) -> Assessment | None:
        """The assessment that stands, if the asset was flagged and nobody has recorded an outcome since."""
        return self.before.get(asset) if self.standing(asset) else None


def _has_reference(evidence: Evidence) -> bool:
    reference = reference_of(evidence)
    numbers = (reference.expected, reference.shift, reference.score)
    return all(math.isfinite(number) for number in numbers) and reference.shift != 0


def lasting(evidence: Evidence, now: float) -> float:
    """0..1: how much of the shift that was flagged is still there, if the channel reads `now` (in its unit)."""
    reference = reference_of(evidence)
    share = (now - reference.expected) / reference.shift
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 1.0


def reference_of(evidence: Evidence) -> Reference:
    """The largest shift that was seen, and its strength: what becomes of the evidence is measured by it."""
    if evidence.reference is not None:
        return evidence.reference
    shift = evidence.value - evidence.expected
    return Reference(expected=evidence.expected, shift=shift, score=evidence.score)


def renewed(daily: DailyFigures, assets: Sequence[Asset], memory: Memory, end: datetime) -> DailyFigures:
    """Figures without those from before an outcome was recorded: a new normal begins with it."""
    days = daily.values.shape[1]
    first = np.zeros(len(assets), dtype=np.int64)
    for number, asset in enumerate(assets):
        moment = memory.attended.get(asset.id)
        if moment is not None:
            # the day somebody was there belongs to neither normal
            first[number] = days - max(int((end - moment).total_seconds() // 86_400), 0)
    if not first.any():
        return daily
    before = np.arange(days) < first[daily.owner][:, None]
    return replace(daily, values=np.where(before, np.nan, daily.values))


def with_alarms(assessments: Sequence[Assessment], alerts: Sequence[Alert]) -> list[Assessment]:
    """The same assessments; an open alert of a reading beyond its limit is a floor under what is believed.

    Alerts whose channel has returned to normal say nothing any more, nor do those of a sensor that is doubted.
    """
    beyond: dict[str, list[Alert]] = {}
    for alert in alerts:
        if alert.source is Source.LIMIT and alert.returned_at is None and alert.closed_at is None:
            beyond.setdefault(alert.asset, []).append(alert)
    out = []
    for assessment in assessments:
        doubted = {e.channel for e in assessment.evidence if e.trouble is Trouble.SENSOR}
        speaking = [alert for alert in beyond.get(assessment.asset, ()) if alert.channel not in doubted]
        if assessment.flagged or not speaking:
            out.append(assessment)
            continue
        out.append(
            replace(
                assessment,
                probability=max(assessment.probability, FLAG_AT),
                score=max(assessment.score, 0.0),
                flagged=True,
                reason=speaking[0].reason,
                state=Knowledge.ASSESSED,
            )
        )
    return out
