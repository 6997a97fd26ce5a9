"""`outcome`: record what was found at an asset, and see what was."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, tell
from facility.errors import CannotConvert, CannotParse
from facility.i18n.messages import Sentence
from facility.inspections import Finding, Outcome


def add(
    asset: Annotated[str, typer.Argument(help=say("outcome.asset"), metavar="ASSET")],
    finding: Annotated[str, typer.Argument(help=say("outcome.finding"), metavar="confirmed|not_found|other")],
    data: options.Data = options.DATA,
    at: Annotated[str, typer.Option("--at", help=say("outcome.at"), metavar="TIME")] = "",
    by: Annotated[str, typer.Option("--by", help=say("outcome.by"), metavar="NAME")] = "",
    mode: Annotated[str, typer.Option("--mode", help=say("outcome.mode"), metavar="MODE")] = "",
    note: Annotated[str, typer.Option("--note", help=say("alerts.note"), metavar="TEXT")] = "",
    duties: Annotated[list[str], typer.Option("--duty", help=say("outcome.duty"), metavar="DUTY")] = [],  # noqa: B006
    timezone: options.Zone = options.ZONE,
) -> None:
    """Record an outcome; one of the same asset and moment is corrected by it."""
    from commands.duty import valid
    from commands.installation import recorded
    from facility.catalogue.catalogue import catalogue
    from serviceday.execution import Given

    if finding not in tuple(Finding):
        raise CannotParse("{finding!r} is not a finding", "Say {known}", finding=finding, known=list(Finding))
    now = datetime.now(UTC)
    moment = _moment(at, timezone) if at else now
    if moment > now + timedelta(minutes=10):
        raise CannotConvert(
            "{words!r} lies in the future: nothing was found yet",
            "Write when it was found, as 2026-03-31T14:05",
            words=at,
        )
    with recorded(data) as records:
        assets = {asset.id: asset for asset in records.estate.assets()}
        if asset not in assets:
            from facility.identity import nearest

            near = nearest(asset, assets)
            raise CannotConvert(
                "no asset {asset!r} is registered",
                Sentence("Is it {near!r}?", near=near) if near else "Look it up in the registry",
                asset=asset,
            )
        kind = assets[asset].kind
        modes = catalogue()[kind].modes if kind in catalogue() else {}
        if mode and mode not in modes:
            raise CannotConvert(
                "{kind} has no failure mode {mode!r}",
                "It has {known}",
                kind=kind,
                mode=mode,
                known=list(modes) or Sentence("none"),
            )
        day = moment.astimezone(options.zone(timezone)).date()
        today = datetime.now(options.zone(timezone)).date()
        done = [valid(records, Given(asset=asset, duty=duty, on=day, by=by, note=note), today) for duty in duties]
        records.outcomes.put(
            Outcome(asset=asset, at=moment, finding=Finding(finding), by=by, mode=mode, note=note),
        )
        records.duties.record(done, at=datetime.now(UTC), who=by, source="outcome", again=True)
    tell(
        say(
            "outcome.done",
            asset=asset,
            finding=say(f"outcome.finding.{finding}"),
            at=options.shown(moment, options.zone(timezone)),
        )
    )


def list_outcomes(
    data: options.Data = options.DATA,
    asset: Annotated[str, typer.Option("--asset", help=say("outcome.asset"), metavar="ASSET")] = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """List outcomes."""
    from commands.installation import recorded

    place = options.zone(timezone)
    with recorded(data) as records:
        outcomes = records.outcomes.all(asset=asset or None)
    if as_json:
        show_json([asdict(outcome) for outcome in outcomes])
        return
    show_table(
        say("outcome.title", count=len(outcomes), zone=place.key),
        [say("column.when"), say("column.asset"), say("column.found"), say("column.mode"), say("column.note")],
        [
            (
                options.local(outcome.at, place),
                outcome.asset,
                say(f"outcome.finding.{outcome.finding}"),
                outcome.mode,
                f"{outcome.by} {outcome.note}",
            )
            for outcome in outcomes
        ],
    )


def _moment(words: str, timezone: str) -> datetime:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise CannotParse("{words!r} is not a time", "Write it as 2026-03-31T14:05", words=words) from None
    from facility.files import localize

    local = localize([moment], options.zone(timezone), earliest=True)
    if local.problems:
        raise CannotParse("{name}: {what}", "Write another time", name="--at", what=local.problems[0])
    return local.values[0] or moment
