"""Many assessments, one order: what is likeliest to need attention comes first, whatever kind of asset it is."""

from __future__ import annotations

from collections.abc import Sequence

from facility.assessments import Assessment
from facility.i18n.phrases import Language
from models.outages.forecast import DOWN


def ordered(assessments: Sequence[Assessment]) -> list[Assessment]:
    """Highest score first; ties by asset, so that the same beliefs always give the same list."""
    return sorted(
        assessments, key=lambda assessment: (-assessment.score, -assessment.sensor_probability, assessment.asset)
    )


def running(assessments: Sequence[Assessment]) -> list[Assessment]:
    """Those not known to be out of service already: nobody needs to foresee what has happened."""
    return [assessment for assessment in assessments if all(e.pattern != DOWN for e in assessment.evidence)]


def ranking(assessments: Sequence[Assessment], language: Language = "en") -> list[dict[str, object]]:
    """The list a script wants: asset, probability, rank (from 1), reason, state (how much is known of it)."""
    return [
        {
            "asset": assessment.asset,
            "probability": assessment.probability,
            "rank": rank,
            "reason": assessment.reason[language],
            "state": assessment.state.value,
        }
        for rank, assessment in enumerate(ordered(assessments), 1)
    ]
