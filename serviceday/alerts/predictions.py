"""What models have flagged: equipment that will need attention, sensors that can't be believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from facility.alerts import Severity, Source
from facility.assessments import Assessment, Trouble
from facility.catalogue.catalogue import EquipmentClass, catalogue
from facility.estate import Asset
from serviceday.alerts.conditions import PHRASES, Condition, Verdict

# All design values (D).
OFF_AFTER = timedelta(hours=24)  # how long a model must stay calm before its warning has returned
OLD_ASSESSMENT = timedelta(hours=48)
SENSOR_BAD, SENSOR_GOOD = 0.5, 0.3
ENOUGH_COVERAGE = 0.5  # an assessment of less data is no all-clear
LIKELY = 0.8
SOON = timedelta(days=7)


def assessment_conditions(
    assessments: Iterable[Assessment], assets: Sequence[Asset], *, now: datetime
) -> list[Condition]:
    """Two conditions an assessment: the equipment and its sensors. Old assessments say nothing."""
    kinds = {asset.id: asset.kind for asset in assets}
    conditions = []
    for assessment in assessments:
        if assessment.asset not in kinds or not now - OLD_ASSESSMENT <= assessment.as_of <= now:
            continue
        kind = catalogue().kind(kinds[assessment.asset])
        conditions += [_equipment(assessment, kind), _sensor(assessment)]
    return conditions


def _verdict(bad: bool, good: bool) -> Verdict:
    return Verdict.BAD if bad else Verdict.GOOD if good else Verdict.UNKNOWN


def _equipment(assessment: Assessment, kind: EquipmentClass) -> Condition:
    mode = kind.modes.get(assessment.mode)
    equipment = [evidence for evidence in assessment.evidence if evidence.trouble is Trouble.EQUIPMENT]
    soon = any(
        e.pattern == "limit" or (e.crosses_limit_at and e.crosses_limit_at <= assessment.as_of + SOON)
        for e in equipment
    )
    grave = assessment.probability >= LIKELY and (soon or not kind.life_safety)
    if kind.life_safety:
        severity = Severity.HIGH if grave else Severity.MEDIUM
    else:
        severity = Severity.MEDIUM if grave else Severity.LOW
    return Condition(
        cause=f"{assessment.asset}/equipment",
        verdict=_verdict(assessment.flagged, assessment.tells_health and assessment.coverage >= ENOUGH_COVERAGE),
        asset=assessment.asset,
        channel=equipment[0].channel if equipment else "",
        source=Source.EQUIPMENT,
        severity=severity,
        title=PHRASES["equipment_title_mode"].filled(mode=mode.name) if mode else PHRASES["equipment_title"],
        reason=assessment.reason,
        seen_at=assessment.as_of,
        began=equipment[0].since if equipment else None,
        began_between=(equipment[0].since_between if equipment else None) or (None, None),
        rests_on=frozenset(evidence.channel for evidence in equipment),
        off_after=OFF_AFTER,
    )


def _sensor(assessment: Assessment) -> Condition:
    doubts = [evidence for evidence in assessment.evidence if evidence.trouble is Trouble.SENSOR]
    good = (
        assessment.sensor_probability < SENSOR_GOOD
        and assessment.tells_health
        and assessment.coverage >= ENOUGH_COVERAGE
    )
    return Condition(
        cause=f"{assessment.asset}/sensor",
        verdict=_verdict(assessment.sensor_probability >= SENSOR_BAD, good),
        asset=assessment.asset,
        channel=doubts[0].channel if doubts else "",
        source=Source.SENSOR,
        severity=Severity.LOW,
        title=PHRASES["sensor_title"],
        reason=doubts[0].sentence if doubts else assessment.reason,
        seen_at=assessment.as_of,
        began=doubts[0].since if doubts else None,
        began_between=(doubts[0].since_between if doubts else None) or (None, None),
        off_after=OFF_AFTER,
    )
