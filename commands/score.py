"""`score`: what is believed of every asset now, kept, with its alerts. `rank`: the same as a list, for any date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import progress, show_json, show_table, tell
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from commands.installation import Installation
    from facility.assessments import Assessment, Knowledge
    from facility.i18n.phrases import Text

SHOWN = 5  # assets named of those of which too little is known
Horizon = Annotated[str, typer.Option("--horizon", help=say("option.horizon"), metavar="SPAN")]


def assessments(
    here: Installation,
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    kind: str = "",
    quiet: bool = False,
    false_flags: float | None = None,
) -> list[Assessment]:
    """Assess the registered assets from readings strictly before `as_of`."""
    from commands.recalling import alarmed, recalled
    from facility.standing import in_use
    from models.assessment.pipeline import assess, flag_within
    from models.assessment.ranking import ordered
    from models.feedback import adopted

    with progress(quiet) as shown:
        task = shown.add_task(say("score.progress"), total=None)
        assessed = assess(
            here.store,
            in_use(here.assets(kind), here.records.trail.spells(), as_of.astimezone(timezone).date()),
            as_of=as_of,
            horizon=horizon,
            timezone=timezone,
            folder=here.folder.models,
            memory=recalled(here, before=as_of, cold=True),
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    correction = adopted(here.folder.models, before=as_of.astimezone(timezone).date())
    assessed = correction.corrected(assessed) if correction else assessed
    assessed = assessed if false_flags is None else flag_within(assessed, false_flags)
    return ordered(alarmed(here, assessed, now=as_of))


def score(
    data: options.Data = options.DATA,
    as_of: Annotated[str, typer.Option("--as-of", help=say("score.as_of"), metavar="DATE")] = "",
    horizon: Horizon = "7d",
    false_flags: Annotated[
        float | None, typer.Option("--false-flags", help=say("score.false_flags"), metavar="N", min=0)
    ] = None,
    full: Annotated[bool, typer.Option("--full", help=say("score.full"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Assess every asset, keep what is believed, and open or update alerts from it."""
    from commands.app.papers import placed
    from commands.installation import installation
    from commands.listening import watcher_conditions
    from commands.scoring import keep, score_now
    from facility.assessments import Knowledge, by_knowledge
    from serviceday.alerts import evaluate_alerts

    place, length = options.zone(timezone), options.span(horizon)
    now = datetime.now(UTC)
    moment = options.midnight(options.day(as_of), place) if as_of else now
    values: dict[str, object] = {}
    with installation(data) as here:
        if as_of:  # of another day: nothing to go on from, and nothing that the next hour could
            found = assessments(
                here, as_of=moment, horizon=length, timezone=place, quiet=as_json, false_flags=false_flags
            )
            here.records.assessments.put(found)
        else:
            with progress(as_json) as shown:
                task = shown.add_task(say("score.progress"), total=None)
                scored = score_now(
                    here,
                    now=now,
                    horizon=length,
                    timezone=place,
                    full=full,
                    false_flags=false_flags,
                    on_progress=lambda done, total: shown.update(task, completed=done, total=total),
                )
            keep(here, scored)
            found = scored.found
            values = {
                "judged_again": scored.again,
                "whole_fleet": bool(scored.why),
                "because": scored.why or None,
                "whole_at": scored.standing.whole_at.isoformat(),
            }
        died = [] if as_of else watcher_conditions(here, now=moment, timezone=place)
        changes = evaluate_alerts(here.records, here.store, found, now=moment, timezone=place, extra=died)
        places = placed(here.records)
    flagged = [assessment for assessment in found if assessment.flagged]
    states = by_knowledge(
        [assessment.asset for assessment in found], {assessment.asset: assessment for assessment in found}
    )
    if as_json:
        show_json(
            {
                "as_of": moment.isoformat(),
                "assets": len(found),
                **values,
                "flagged": [assessment.asset for assessment in flagged],
                "states": {state.value: len(ids) for state, ids in states.items()},
                "not_known": {state.value: ids for state, ids in states.items() if state is not Knowledge.ASSESSED},
                "common_causes": [
                    {"sentence": sentence[preferred()], "assets": ids}
                    for sentence, ids in _common_causes(found).items()
                ],
                "set_aside": [
                    {"asset": assessment.asset, "failure": assessment.failure}
                    for assessment in found
                    if assessment.failure
                ],
                "sensor_trouble": [assessment.asset for assessment in found if assessment.sensor_probability >= 0.5],
                "alerts": {
                    "opened": len(changes.opened),
                    "updated": len(changes.updated),
                    "cleared": len(changes.cleared),
                },
            }
        )
        return
    tell(say("score.done", assets=len(found), flagged=len(flagged), opened=len(changes.opened)))
    if values and values["because"]:
        tell(say(f"score.whole_{values['because']}"))
    elif values:
        since = scored.standing.whole_at.astimezone(place)
        tell(say("score.followed", again=scored.again, since=f"{since:%Y-%m-%d %H:%M}"))
    _how_little(states, found)
    for sentence in _common_causes(found):
        tell(sentence[preferred()])
    _table(flagged or found[:10], places)


def rank(
    data: options.Data = options.DATA,
    as_of: Annotated[str, typer.Option("--as-of", help=say("rank.as_of"), metavar="DATE")] = "",
    horizon: Horizon = "7d",
    kind: options.Kind = "",
    label: Annotated[list[str], typer.Option("--label", help=say("rank.label"), metavar="LABEL")] = [],  # noqa: B006
    top: Annotated[int, typer.Option("--top", help=say("rank.top"), min=0)] = 0,
    down: Annotated[bool, typer.Option("--down", help=say("rank.down"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Which assets most likely need attention in the days after a date."""
    from commands.app.papers import placed
    from commands.installation import installation
    from models.assessment.ranking import ranking, running

    place, length = options.zone(timezone), options.span(horizon)
    moment = options.midnight(options.day(as_of) if as_of else _today(place), place)
    with installation(data) as here:
        places = placed(here.records)
        if label:
            from commands.learning import ranked_by

            ranked, gone = ranked_by(here, label, as_of=moment, horizon=length, timezone=place, kind=kind)
            left_out = len(gone)
        else:
            every = assessments(here, as_of=moment, horizon=length, timezone=place, kind=kind, quiet=as_json)
            ranked = every if down else running(every)
            left_out = len(every) - len(ranked)
    ranked = ranked[: top or None]
    if as_json:
        show_json(ranking(ranked, preferred()))
        return
    _table(ranked[: top or 30], places)
    if left_out:
        tell(say("rank.left_out_label" if label else "rank.left_out", count=left_out))


def _today(place: ZoneInfo) -> date:
    return datetime.now(place).date()


def _how_little(states: Mapping[Knowledge, Sequence[str]], assessed: Sequence[Assessment]) -> None:
    """Assets of which nothing, or too little, is known: counted by why, the first few named."""
    from facility.assessments import Knowledge

    for state, ids in states.items():
        if ids and state is not Knowledge.ASSESSED:
            tell(say(f"score.state_{state.value}", count=len(ids), assets=_some(ids)))
    aside = [assessment.asset for assessment in assessed if assessment.failure]
    if aside:
        tell(say("score.set_aside", count=len(aside), assets=_some(aside)))


def _common_causes(assessed: Sequence[Assessment]) -> dict[Text, list[str]]:
    """What many assets of a class did together, each said once, with the assets it is said of."""
    from facility.assessments import COMMON

    out: dict[Text, list[str]] = {}
    for assessment in assessed:
        for evidence in assessment.evidence:
            if evidence.pattern == COMMON:
                out.setdefault(evidence.sentence, []).append(assessment.asset)
    return out


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:SHOWN]) + (" …" if len(ids) > SHOWN else "")


def _table(assessed: list[Assessment], places: Mapping[str, str]) -> None:
    language = preferred()
    show_table(
        say("rank.title"),
        [say(f"column.{name}") for name in ("rank", "place", "asset", "probability", "reason")],
        [
            (
                number,
                places.get(assessment.asset, ""),
                assessment.asset,
                _percent(assessment),
                assessment.reason[language],
            )
            for number, assessment in enumerate(assessed, 1)
        ],
        right=[0, 3],
    )


def _percent(assessment: Assessment) -> str:
    """Of an asset of which too little is known there is no figure, only what holds of any."""
    return f"{assessment.probability:.0%}" if assessment.tells_health else "–"
