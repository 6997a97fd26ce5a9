"""Many assessments, one order: what is likeliest to need attention comes first, whatever kind of asset it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facility.assessments import Assessment
from facility.i18n.phrases import Language
from models.outages.forecast import DOWN


def ordered(assessments: Sequence[Assessment]) -> list[Assessment]:
    """Highest score first; ties by asset, so that the same beliefs always give the same list."""
    return sorted(assessments, key=lambda one: (-one.score, -one.sensor_probability, one.asset))


def running(assessments: Sequence[Assessment]) -> list[Assessment]:
    """Those not known to be out of service already: nobody needs to foresee what has happened."""
    return [one for one in assessments if all(e.pattern != DOWN for e in one.evidence)]


def ranking(assessments: Sequence[Assessment], language: Language = "en") -> list[dict[str, Any]]:
    """The list a script wants: asset, probability, rank (from 1), reason, state (how much is known of it)."""
    return [
        {
            "asset": one.asset,
            "probability": one.probability,
            "rank": rank,
            "reason": one.reason[language],
            "state": one.state.value,
        }
        for rank, one in enumerate(ordered(assessments), 1)
    ]
