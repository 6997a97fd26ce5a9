"""`plan`: the inspection list for a named date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands import options
from commands.shown import show_json, show_table
from commands.words import say
from facility.errors import CannotDo, CannotParse
from facility.language import preferred

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment
    from facility.inspections import InspectionList

FORMATS = (".xlsx", ".csv", ".json")


def plan(
    service_day: Annotated[str, typer.Option("--service-day", help=say("plan.service_day"), metavar="DATE")],
    data: options.Data = options.DATA,
    hours: Annotated[float, typer.Option("--hours", help=say("plan.hours"))] = 8.0,
    people: Annotated[int, typer.Option("--people", help=say("plan.people"))] = 1,
    kind: options.Kind = "",
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("plan.output"), metavar="FILE")] = [],  # noqa: B006
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.assess import assessments
    from commands.installation import installation

    day, place = options.day(service_day), options.zone(timezone)
    check_outputs(outputs)
    with installation(data) as here:
        known = here.records.assessments.latest()
        believed = {asset.id: known[asset.id] for asset in here.assets(kind) if asset.id in known}
        moment = options.midnight(day, place)
        fresh = [one for one in believed.values() if moment - timedelta(days=7) <= one.as_of <= moment]
        if not fresh:  # nothing believed of that date yet: look now, at what was known before it
            found = assessments(
                here,
                as_of=min(moment, datetime.now(UTC)),
                horizon=timedelta(days=7),
                timezone=place,
                kind=kind,
                quiet=as_json,
            )
            here.records.assessments.put(found)
            believed = {one.asset: one for one in found}
        made = planned(here, believed, day=day, hours=hours, people=people, kind=kind)
        here.records.plans.put(made)
        write(here, made, outputs, believed)
    if as_json:
        show_json(list_as_json(made, preferred()))
        return
    typer.echo(summary(made))
    if not outputs:
        language = preferred()
        show_table(
            say("plan.title"),
            ["#", say("column.place"), say("column.asset"), say("column.work"), say("column.minutes"), say("column.reason")],
            [(one.number, one.place, one.asset, one.what[language], one.minutes, one.reason[language]) for one in made.items],
            right=[0, 4],
        )
    for file in outputs:
        typer.echo(str(file))
