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


def follow_up(found: Deficiency, timezone: tzinfo) -> Request:
    """An open deficiency as a request with its deadline: to mend it, or to see whether it is mended."""
    kind = catalogue().get(found.kind)
    verify = found.state is State.AWAITING_VERIFICATION
    what = PHRASES["verify_what" if verify else "rectify_what"]
    return Request(
        id=found.number,
        text=found.description.zh,
        category=found.kind,
        site=found.site,
        building=found.building,
        asset=found.asset,
        reported=found.opened_at.astimezone(timezone).date(),
        promised=found.deadline,
        minutes=kind.inspect_minutes if kind else _PLAIN_MINUTES,
        qualification=kind.qualification if kind else "",
        source=Source.FOLLOW_UP,
        count=1 + found.repeats,
        fault=found.fault,
        what=what.filled(number=found.number, description=found.description),
    )
