"""Scoring the fleet now: from where the last look left it if that will do, else the whole of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from commands.recalling import alarmed, recalled
from facility.errors import CannotDo, CannotParse
from facility.standing import in_use
from models.assessment.checkpoint import Standing, conditions, load, save
from models.assessment.incremental import DAY, follow, stand
from models.assessment.pipeline import flag_within, model_version, newest_model
from models.assessment.ranking import ordered
from models.detectors import DEFAULT
from models.feedback import Correction, adopted

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What is believed of the fleet, and how much of it was looked at for that."""

    found: list[Assessment]  # of every asset, in the order of their need
    fresh: list[Assessment]  # what has to be kept: made, or flagged otherwise than before
    again: int  # assets that were assessed anew
    why: str  # the whole fleet was: first, asked, due, broken, changed, late, much; "" if it was not
    standing: Standing


def score_now(
    here: Installation,
    *,
    now: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    full: bool = False,
    false_flags: float | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """What is believed of every registered asset, from readings strictly before `now`. Keeps nothing yet."""
    assets = in_use(here.assets(), here.records.trail.spells(), now.astimezone(timezone).date())
    correction = adopted(here.folder.models, before=now.astimezone(timezone).date())
    model = newest_model(here.folder.models, now, timezone)
    settings = (model_version(model), correction.version if correction else "", horizon, timezone.key, DEFAULT)
    so = conditions(*settings)
    standing, why = (None, "asked") if full else _usable(here, so, now)
    memory = recalled(here, before=now)
    revised = here.store.revised(standing.cursor if standing else "", before=now - DAY)
    if standing is not None and revised.assets is None:
        standing, why = None, "late"
    believed = here.records.assessments.latest() if standing is not None else {}
    if standing is not None and revised.assets is not None:
        unseen = {asset.id for asset in assets if asset.id not in believed}
        unseen |= {asset for asset, at in memory.attended.items() if asset in believed and at > believed[asset].as_of}
        try:
            followed = follow(
                here.store,
                standing,
                assets,
                as_of=now,
                horizon=horizon,
                timezone=timezone,
                folder=here.folder.models,
                late=revised.assets | unseen,
                on_progress=on_progress,
                memory=memory,
            )
        except CannotDo:
            why = "much"
        else:
            fresh = _corrected(correction, followed.assessments)
            merged = believed | {assessment.asset: assessment for assessment in fresh}
            assessments = [merged[asset.id] for asset in assets]
            standing = replace(followed.standing, cursor=revised.cursor)
            scored = _flagged(assessments, len(fresh), "", standing, false_flags)
            return _settled(here, scored, believed, now)
    standing, made = stand(
        here.store,
        assets,
        as_of=now,
        horizon=horizon,
        timezone=timezone,
        folder=here.folder.models,
        on_progress=on_progress,
        memory=replace(memory, cold=why != "due"),
    )
    standing = replace(standing, conditions=so, cursor=revised.cursor)
    scored = _flagged(_corrected(correction, made), len(made), why, standing, false_flags)
    return _settled(here, scored, {}, now)


def keep(here: Installation, scored: Scored) -> None:
    """Keep beliefs first and what to go on from after them: a crash between the two repeats work and loses none."""
    here.records.assessments.put(scored.fresh)
    save(here.folder.standing, scored.standing)


def _usable(here: Installation, so: str, now: datetime) -> tuple[Standing | None, str]:
    """The standing of the last look if it can be gone on from; else why not."""
    try:
        standing = load(here.folder.standing)
    except CannotParse:
        return None, "broken"
    if standing is None:
        return None, "first"
    if standing.conditions != so:
        return None, "changed"
    if not (standing.seen_at <= now and now - standing.whole_at < DAY):
        return None, "due"
    return standing, ""


def _corrected(correction: Correction | None, assessments: list[Assessment]) -> list[Assessment]:
    return correction.corrected(assessments) if correction else assessments


def _flagged(
    assessments: list[Assessment], again: int, why: str, standing: Standing, false_flags: float | None
) -> Scored:
    assessments = assessments if false_flags is None else flag_within(assessments, false_flags)
    return Scored(found=assessments, fresh=[], again=again, why=why, standing=standing)


def _settled(here: Installation, scored: Scored, before: dict[str, Assessment], now: datetime) -> Scored:
    """In the order of need, no calmer than open alerts, and with what has to be kept of it."""
    assessments = ordered(alarmed(here, scored.found, now=now))
    return replace(
        scored,
        found=assessments,
        fresh=[assessment for assessment in assessments if before.get(assessment.asset) != assessment],
    )
