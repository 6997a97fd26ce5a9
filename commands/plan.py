"""`plan`: the inspection list for a named date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.operator import operator
from commands.app.output import show_json, show_table, spare_existing, tell
from commands.planned import beliefs, planning, shown_progress
from facility.errors import CannotParse
from facility.i18n.phrases import Language, preferred

if TYPE_CHECKING:
    from facility.assessments import Assessment
    from facility.inspections import InspectionList, Item
    from serviceday.documents.inspection_list import Names
    from serviceday.planning import Crew, Planning, PlanRequest

Texts = Annotated[list[str], typer.Option("--goal", help=say("plan.goal"), metavar="GOAL")]


def plan(
    context: typer.Context,
    service_day: Annotated[str, typer.Option("--service-day", help=say("plan.service_day"), metavar="DATE")] = "",
    data: options.Data = options.DATA,
    crew: Annotated[Path | None, typer.Option("--crew", help=say("plan.crew"), metavar="FILE")] = None,
    hours: Annotated[float, typer.Option("--hours", help=say("plan.hours"))] = 8.0,
    people: Annotated[int, typer.Option("--people", help=say("plan.people"))] = 1,
    goals: Texts = [],  # noqa: B006
    themes: Annotated[list[str], typer.Option("--theme", help=say("plan.theme"), metavar="THEME")] = [],  # noqa: B006
    what_if: Annotated[list[str], typer.Option("--what-if", help=say("plan.what_if"), metavar="CHANGE")] = [],  # noqa: B006
    next_day: Annotated[str, typer.Option("--next-service-day", help=say("plan.next_day"), metavar="DATE")] = "",
    seed: Annotated[int, typer.Option("--seed", help=say("option.seed"))] = 0,
    random_checks: Annotated[
        int | None, typer.Option("--random-checks", min=0, max=200, help=say("plan.random_checks"), metavar="N")
    ] = None,
    kind: options.Kind = "",
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("plan.output"), metavar="FILE")] = [],  # noqa: B006
    keep: Annotated[bool, typer.Option("--keep", help=say("plan.keep"))] = False,
    force: options.Force = False,
    fresh: Annotated[bool, typer.Option("--fresh", help=say("plan.fresh"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """The inspection list for a service day."""
    if context.invoked_subcommand is not None:
        return
    from commands.app.papers import named, paper
    from commands.installation import installation
    from serviceday.documents.inspection_list import check_form, write_lists
    from serviceday.planning import PlanRequest

    if not service_day:
        raise CannotParse("a plan without a day", "Give --service-day 2026-12-05")
    place, day = options.zone(timezone), options.day(service_day)
    request = PlanRequest(
        day=day,
        crew=_crew(crew, people, hours),  # a crew file that is wrong is told before anything takes long
        kind=kind,
        goals=goals,
        themes=themes,
        instructions=() if fresh else None,
        next_day=options.day(next_day) if next_day else None,
        seed=seed,
        random_checks=random_checks,
        with_gains=not what_if,
    )
    for file in outputs:
        check_form(file)
    spare_existing(outputs, force=force)
    language, looks = preferred(), paper()
    with installation(data) as here:
        believed = beliefs(here, day, place, kind=kind, quiet=as_json)
        plans = planning(here.records, place)
        if what_if:
            _side_by_side(plans, believed, request, what_if, as_json)
            return
        with shown_progress(quiet=as_json) as progress:
            inspection_list = plans.make(request, believed, on_progress=progress)
        names, standing = named(here.records), plans.newest(day)
        if keep or outputs:
            with here.records.plans.keeping(inspection_list, by=operator()) as inspection_list:
                outputs = write_lists(inspection_list, outputs, language=language, paper=looks, names=names)
    if as_json:
        import sys

        from serviceday.documents.inspection_list import FORMS

        sys.stdout.buffer.write(FORMS[".json"](inspection_list, language=language) + b"\n")
        return
    show_plan(inspection_list, outputs, language, names)
    if not inspection_list.number:
        tell(say("plan.not_kept_but", number=standing.number) if standing else say("plan.not_kept"))


def _crew(file: Path | None, people: int, hours: float) -> Crew:
    from serviceday.planning import Crew, read_crew

    return Crew(people=people, hours=hours) if file is None else read_crew(file, people=people, hours=hours)


def _side_by_side(
    plans: Planning, believed: dict[str, Assessment], request: PlanRequest, scenarios: Sequence[str], as_json: bool
) -> None:
    """The plan as asked for and under each change; none of them is kept."""
    from serviceday.planning import changed

    crew = request.crew
    crews = [("", crew), *((words, changed(crew, words, request.day)) for words in scenarios)]
    results = []
    for words, each in crews:
        with shown_progress(words, quiet=as_json) as progress:
            inspection_list = plans.make(replace(request, crew=each), believed, on_progress=progress)
        results.append((words or say("plan.as_asked"), inspection_list))
    rows = [
        {
            "scenario": words,
            "people": inspection_list.people,
            "items": len(inspection_list.items),
            "breaches": len(inspection_list.breaches),
            "harm": round(inspection_list.harm, 2),
            "gap": None if inspection_list.gap is None else round(inspection_list.gap, 4),
            "work_minutes": inspection_list.work_minutes,
            "travel_minutes": inspection_list.travel_minutes,
            "left_out": len(inspection_list.left_out),
        }
        for words, inspection_list in results
    ]
    if as_json:
        show_json(rows)
        return
    names = ("scenario", "people", "items", "breaches", "harm", "gap", "work", "travel", "left_out")
    show_table(
        say("plan.what_if_title", day=request.day),
        [say(f"plan.column_{name}") for name in names],
        [[_cell(value) for value in row.values()] for row in rows],
        right=range(1, len(names)),
    )


def _cell(value: object) -> str:
    return "" if value is None else str(value)


def show_plan(inspection_list: InspectionList, outputs: list[Path], language: Language, names: Names) -> None:
    """A list as people read it on a screen: breaches first, then what is in, what is left out, and where it went."""
    from serviceday.documents.inspection_list import assurance, law_words

    places = names.over(inspection_list)
    for breach in inspection_list.breaches:
        words = breach.left_out_reason[language] if breach.left_out_reason else ""
        tell(say("plan.breach", place=places.place(breach), asset=breach.asset, what=breach.what[language], why=words))
    tell(law_words(inspection_list.law, language) if inspection_list.breaches else assurance(inspection_list, language))
    available = round(inspection_list.people * inspection_list.hours * 60)
    tell(
        say(
            "plan.done",
            day=inspection_list.service_day,
            items=len(inspection_list.items),
            minutes=inspection_list.work_minutes + inspection_list.travel_minutes,
            available=available,
            left=len(inspection_list.left_out),
        )
    )
    if inspection_list.number:
        tell(say("plan.kept", number=inspection_list.number, day=inspection_list.service_day))
    if inspection_list.gap is not None and inspection_list.harm > 0:
        tell(say("plan.worth", harm=f"{inspection_list.harm:.2f}", gap=f"{inspection_list.gap:.1%}"))
    for gain in inspection_list.gains:
        tell(
            say(
                "plan.gain", what=gain.what[language], harm=f"{gain.harm:.2f}", items=gain.items, breaches=gain.breaches
            )
        )
    for goal in inspection_list.goals:
        tell(f"  {goal.what[language]}")
    for note in inspection_list.notes:
        tell(f"  {note[language]}")
    if not outputs:
        _table(inspection_list, language, places)
    for file in outputs:
        tell(str(file))


def _table(inspection_list: InspectionList, language: Language, places: Names) -> None:
    names = ("time", "who", "place", "asset", "work", "minutes", "reason")
    show_table(
        say("plan.title"),
        ["#", *(say(f"column.{name}") for name in names)],
        [
            (
                item.number,
                clock(item),
                who(inspection_list, item),
                places.place(item),
                item.asset,
                item.what[language],
                item.minutes,
                item.reason[language],
            )
            for item in inspection_list.items
        ],
        right=[0, 6],
    )


def clock(item: Item) -> str:
    """A clock time as it is shown."""
    return f"{item.start:%H:%M}" if item.start else ""


def who(inspection_list: InspectionList, item: Item) -> str:
    """Everybody who does it: by name, or by number."""
    named = [(number, inspection_list.person(number)) for number in item.people]
    return " + ".join(person.name if person and person.name else str(number) for number, person in named)
