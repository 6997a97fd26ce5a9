"""What an inspection left open, as demand of the next plan."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency, State
from facility.i18n.phrases import Phrases
from facility.requests import Request, Source

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
_PLAIN_MINUTES = 30


def follow_up(deficiency: Deficiency, timezone: tzinfo) -> Request:
    """An open deficiency as a request with its deadline: to mend it, or to see whether it is mended."""
    kind = catalogue().get(deficiency.kind)
    verify = deficiency.state is State.AWAITING_VERIFICATION
    what = PHRASES["verify_what" if verify else "rectify_what"]
    return Request(
        id=deficiency.number,
        text=deficiency.description.zh,
        category=deficiency.kind,
        site=deficiency.site,
        building=deficiency.building,
        asset=deficiency.asset,
        reported=deficiency.opened_at.astimezone(timezone).date(),
        promised=deficiency.deadline,
        minutes=kind.inspect_minutes if kind else _PLAIN_MINUTES,
        qualification=kind.qualification if kind else "",
        source=Source.FOLLOW_UP,
        count=1 + deficiency.repeats,
        fault=deficiency.fault,
        what=what.filled(number=deficiency.number, description=deficiency.description),
    )
