"""What many assets of a class did together: one cause, looked for in what they share, beside the assets themselves.

Simultaneity tells a common cause from many faults: onsets of one channel, one way, at one site that lie within a day of
one another and are known as surely. What it is, nothing here knows; where to look first follows from what is measured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import COMMON, Assessment, Evidence, Trouble
from facility.catalogue.catalogue import Catalogue, Channel
from facility.estate import Asset
from facility.i18n.phrases import Text
from models import wording
from models.assessment.evidence import WORTH_TELLING, in_plain_units, recent_figure
from models.assessment.sentences import SURE, Facts, sentence
from models.features.windows import Windows

FEWEST = 3  # assets
SHARE = 0.25  # of the class at the site
NEAR = timedelta(days=1, hours=12)  # that the first and the last onset of one movement lie apart at most
LOOK_AT = {"MPa": "shared_supply", "kPa": "shared_supply", "V": "shared_power", "Cel": "shared_weather"}
Place = tuple[str, str]  # site and class


@dataclass(frozen=True, slots=True)
class CommonCause:
    """One movement of one channel in many assets of a class at a site."""

    place: Place
    channel: str
    rising: bool
    since: datetime  # median of the onsets
    assets: frozenset[str]
    sentence: Text


def shared_evidence(windows: Windows, row: int, timezone: ZoneInfo) -> Evidence | None:
    """Of a series that moved with most of its class on one day, and that nothing else speaks against."""
    apart = windows.apart
    if apart is None or not apart.shared[row]:
        return None
    since = windows.day_start(int(apart.day[row]))
    value = in_plain_units(windows, row, recent_figure(windows.values[row]))
    expected = in_plain_units(windows, row, float(apart.before[row]))
    between = (since - timedelta(days=1), since + timedelta(days=1))
    facts = Facts(
        channel=windows.channels[row],
        figure=windows.figures[row],
        detector="past",
        pattern="level",
        value=value,
        expected=expected,
        since=since,
        between=between,
        end=windows.end,
        zone=timezone,
    )
    return Evidence(
        channel=facts.channel.key,
        detector=COMMON,
        trouble=Trouble.EQUIPMENT,
        pattern="level",
        since=since,
        since_between=between,
        value=value,
        expected=expected,
        score=WORTH_TELLING,
        crosses_limit_at=None,
        sentence=sentence(facts),
    )


def common_causes(
    assessments: Iterable[Assessment], fleet: Sequence[Asset], catalogue: Catalogue, timezone: ZoneInfo
) -> list[CommonCause]:
    """Movements that so many assets of a class at a site made together, largest first. `fleet`: all of them."""
    places = {asset.id: (asset.site, asset.kind) for asset in fleet}
    sizes = Counter(places.values())
    onsets: dict[tuple[Place, str, bool], list[tuple[datetime, str]]] = {}
    latest = None
    for assessment in assessments:
        if assessment.asset not in places:
            continue
        latest = assessment.as_of if latest is None else max(latest, assessment.as_of)
        for evidence in assessment.evidence:
            if _dated(evidence) and evidence.since is not None:
                key = (places[assessment.asset], evidence.channel, evidence.value > evidence.expected)
                onsets.setdefault(key, []).append((evidence.since, assessment.asset))
    out = []
    for (place, channel, rising), dated in onsets.items():
        together = _closest(sorted(dated))
        assets = frozenset(asset for _, asset in together)
        described = catalogue[place[1]].channels.get(channel) if place[1] in catalogue else None
        if described is None or len(assets) < max(FEWEST, SHARE * sizes[place]):
            continue
        since = together[len(together) // 2][0]
        words = wording.say(
            "together",
            name=wording.lower_first(described.name),
            kind=catalogue[place[1]].name,
            site=place[0],
            count=len(assets),
            size=sizes[place],
            moved=wording.say("rose" if rising else "fell"),
            since=wording.day(since, timezone, latest),
            where=_where(described),
        )
        out.append(CommonCause(place, channel, rising, since, assets, wording.sentence_case(words)))
    return sorted(out, key=lambda cause: (-len(cause.assets), cause.place, cause.channel))


def with_common_causes(
    assessments: Sequence[Assessment],
    others: Iterable[Assessment],
    fleet: Sequence[Asset],
    catalogue: Catalogue,
    timezone: ZoneInfo,
) -> list[Assessment]:
    """The same assessments with common causes among their evidence. `others`: what is believed of the other assets."""
    causes = common_causes([*assessments, *others], fleet, catalogue, timezone)
    if not causes:
        return list(assessments)
    of_asset: dict[str, list[CommonCause]] = {}
    for cause in causes:
        for asset in cause.assets:
            of_asset.setdefault(asset, []).append(cause)
    return [_with(assessment, of_asset.get(assessment.asset, ())) for assessment in assessments]


def _with(assessment: Assessment, causes: Sequence[CommonCause]) -> Assessment:
    evidence = list(assessment.evidence)
    reason = assessment.reason
    for cause in causes:
        at = next((i for i, e in enumerate(evidence) if e.channel == cause.channel and _dated(e)), None)
        if at is None:
            continue
        base = evidence[at]
        if at == 0:
            tail = wording.say("together_tail", count=len(cause.assets) - 1)
            reason = Text(zh=reason.zh + tail.zh, en=reason.en + tail.en)
        told = replace(
            base,
            detector=COMMON,
            pattern=COMMON,
            sentence=cause.sentence,
            crosses_limit_at=None,
            crosses_between=None,
            series=(),
            usual=(),
            reference=None,
        )
        evidence.insert(at + 1, told)
    return replace(assessment, evidence=tuple(evidence), reason=reason)


def _dated(evidence: Evidence) -> bool:
    """Is it of the equipment, with an onset that is known to the day?"""
    if evidence.trouble is not Trouble.EQUIPMENT or evidence.pattern == COMMON or evidence.since is None:
        return False
    between = evidence.since_between
    sure = between is not None and between[0] is not None and between[1] - between[0] <= SURE
    return sure and bool(np.isfinite(evidence.value - evidence.expected)) and evidence.value != evidence.expected


def _closest(dated: Sequence[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
    """The largest run of onsets, in order, no further apart than one movement's are."""
    best: list[tuple[datetime, str]] = []
    begin = 0
    for end, (moment, _) in enumerate(dated):
        while moment - dated[begin][0] > NEAR:
            begin += 1
        if end + 1 - begin > len(best):
            best = list(dated[begin : end + 1])
    return best


def _where(channel: Channel) -> Text:
    return wording.say(LOOK_AT.get(channel.unit, "shared_settings"))
