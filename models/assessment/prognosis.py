"""From evidence to what comes of it: how many days are left, what else it could be, what would refute it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from facility.assessments import Evidence, Prognosis
from facility.catalogue.catalogue import Catalogue
from facility.consequence import consequence
from facility.estate import Asset
from facility.i18n.phrases import Text
from models import wording
from models.assessment.fusion import Verdict

DAY = timedelta(days=1)


def prognosis(
    asset: Asset, verdict: Verdict, evidence: Sequence[Evidence], catalogue: Catalogue, *, as_of: datetime
) -> Prognosis:
    """What is foreseen of one asset; `evidence` of its equipment, strongest first."""
    crossing = [e for e in evidence if e.crosses_limit_at is not None]
    first = min(crossing, key=lambda e: e.crosses_limit_at or as_of) if crossing else None
    days = between = None
    if first is not None and first.crosses_limit_at is not None:
        days = max((first.crosses_limit_at - as_of) / DAY, 0.0)
        if first.crosses_between is not None:
            soon, late = first.crosses_between
            between = (max((soon - as_of) / DAY, 0.0), None if late is None else max((late - as_of) / DAY, 0.0))
    return Prognosis(
        consequence=consequence(asset, catalogue),
        days_to_limit=days,
        days_between=between,
        alternatives=verdict.alternatives if evidence else (),
        refuted_if=_refuted_if(asset, verdict, evidence, catalogue) if evidence else None,
    )


def _refuted_if(asset: Asset, verdict: Verdict, evidence: Sequence[Evidence], catalogue: Catalogue) -> Text | None:
    """The strongest channel back where it was; or the mode's other signs still quiet."""
    kind = catalogue.get(asset.kind)
    if kind is None:
        return None
    strongest = evidence[0]
    channel = kind.channels[strongest.channel]
    back = wording.say(
        "refuted_back",
        name=wording.lower_first(channel.name),
        expected=wording.quantity(strongest.expected, channel.unit),
    )
    mode = kind.modes.get(verdict.mode)
    spoken = {e.channel for e in evidence}
    quiet = [kind.channels[key].name for key in mode.signs if key not in spoken] if mode is not None else []
    if not quiet or mode is None:
        return wording.sentence_case(back)
    others = Text(
        zh="、".join(name.zh for name in quiet[:3]), en=", ".join(wording.lower_first(name).en for name in quiet[:3])
    )
    tail = wording.say("refuted_quiet", mode=mode.name, others=others)
    return wording.sentence_case(Text(zh=back.zh + tail.zh, en=back.en + tail.en))
