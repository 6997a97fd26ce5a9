"""`plan`: the inspection list for a named date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands import options
from commands.shown import show_table
from commands.words import say
from facility.language import Language, preferred

if TYPE_CHECKING:
    from commands.installation import Installation
    from facility.assessments import Assessment
    from facility.inspections import InspectionList

FRESH = timedelta(days=7)  # an older assessment does not speak for a service day


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
    from commands.announce import named, paper
    from commands.installation import installation
    from serviceday.lists import check_form, write_list

    day, place = options.day(service_day), options.zone(timezone)
    for file in outputs:
        check_form(file)
    with installation(data) as here:
        believed = beliefs(here, day, place, kind=kind, quiet=as_json)
        made = planned(here, believed, day=day, hours=hours, people=people, kind=kind)
        here.records.plans.put(made)
        names = named(here.records)
    language = preferred()
    looks = paper()
    outputs = [one for file in outputs for one in write_list(made, file, language=language, paper=looks, names=names)]
    if as_json:
        import sys

        from serviceday.lists import FORMS

        sys.stdout.buffer.write(FORMS[".json"](made, language=language) + b"\n")
        return
    _show(made, outputs, language)


def beliefs(
    here: Installation, day: date, place: ZoneInfo, *, kind: str = "", quiet: bool = False
) -> dict[str, Assessment]:
    """What was believed shortly before the service day: as kept, or assessed now from what was known before it."""
    from commands.assess import assessments

    morning = options.midnight(day, place)
    moment = min(morning, datetime.now(UTC))
    wanted = {asset.id for asset in here.assets(kind)}
    kept = {
        asset: one
        for asset, one in here.records.assessments.latest().items()
        if asset in wanted and moment - FRESH <= one.as_of <= moment
    }
    if len(kept) == len(wanted):
        return kept
    found = assessments(here, as_of=moment, horizon=FRESH, timezone=place, kind=kind, quiet=quiet)
    here.records.assessments.put(found)
    return {one.asset: one for one in found}


def planned(
    here: Installation, believed: Mapping[str, Assessment], *, day: date, hours: float, people: int, kind: str = ""
) -> InspectionList:
    """The plan for a day from what is believed and what is on record."""
    from commands.report import demand
    from serviceday.planning import Crew
    from serviceday.planning import plan as make

    return make(
        here.assets(kind),
        believed,
        here.records.duties.last_done(),
        service_day=day,
        now=datetime.now(UTC),
        crew=Crew(people=people, hours=hours),
        buildings=here.records.estate.buildings(),
        requests=demand(here.records) if not kind else (),
    )


def _show(made: InspectionList, outputs: list[Path], language: Language) -> None:
    available = round(made.people * made.hours * 60)
    typer.echo(
        say(
            "plan.done",
            day=made.service_day,
            items=len(made.items),
            minutes=made.work_minutes + made.travel_minutes,
            available=available,
            left=len(made.left_out),
        )
    )
    for note in made.notes:
        typer.echo(f"  {note[language]}")
    if not outputs:
        show_table(
            say("plan.title"),
            [
                "#",
                say("column.place"),
                say("column.asset"),
                say("column.work"),
                say("column.minutes"),
                say("column.reason"),
            ],
            [
                (one.number, one.place, one.asset, one.what[language], one.minutes, one.reason[language])
                for one in made.items
            ],
            right=[0, 4],
        )
    for file in outputs:
        typer.echo(str(file))
