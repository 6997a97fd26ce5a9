"""`plan`: the inspection list for a named date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
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
    kind: options.Kind = "",
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("plan.output"), metavar="FILE")] = [],  # noqa: B006
    keep: Annotated[bool, typer.Option("--keep", help=say("plan.keep"))] = False,
    force: options.Force = False,
    fresh: Annotated[bool, typer.Option("--fresh", help=say("plan.fresh"))] = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
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
        with shown_progress(quiet=as_json) as told:
            made = plans.make(request, believed, on_progress=told)
        names, standing = named(here.records), plans.newest(day)
        if keep or outputs:
            with here.records.plans.keeping(made) as made:
                outputs = write_lists(made, outputs, language=language, paper=looks, names=names)
    if as_json:
        import sys

        from serviceday.documents.inspection_list import FORMS

        sys.stdout.buffer.write(FORMS[".json"](made, language=language) + b"\n")
        return
    show_plan(made, outputs, language, names)
    if not made.number:
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
    found = []
    for words, each in crews:
        with shown_progress(words, quiet=as_json) as told:
            made = plans.make(replace(request, crew=each), believed, on_progress=told)
        found.append((words or say("plan.as_asked"), made))
    rows = [
        {
            "scenario": words,
            "people": made.people,
            "items": len(made.items),
            "breaches": len(made.breaches),
            "harm": round(made.harm, 2),
            "gap": None if made.gap is None else round(made.gap, 4),
            "work_minutes": made.work_minutes,
            "travel_minutes": made.travel_minutes,
            "left_out": len(made.left_out),
        }
        for words, made in found
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


def show_plan(made: InspectionList, outputs: list[Path], language: Language, names: Names) -> None:
    from serviceday.documents.inspection_list import assurance, law_words

    places = names.over(made)
    for breach in made.breaches:
        words = breach.left_out_reason[language] if breach.left_out_reason else ""
        tell(say("plan.breach", place=places.place(breach), asset=breach.asset, what=breach.what[language], why=words))
    tell(law_words(made.law, language) if made.breaches else assurance(made, language))
    available = round(made.people * made.hours * 60)
    tell(
        say(
            "plan.done",
            day=made.service_day,
            items=len(made.items),
            minutes=made.work_minutes + made.travel_minutes,
            available=available,
            left=len(made.left_out),
        )
    )
    if made.number:
        tell(say("plan.kept", number=made.number, day=made.service_day))
    if made.gap is not None and made.harm > 0:
        tell(say("plan.worth", harm=f"{made.harm:.2f}", gap=f"{made.gap:.1%}"))
    for gain in made.gains:
        tell(
            say(
                "plan.gain", what=gain.what[language], harm=f"{gain.harm:.2f}", items=gain.items, breaches=gain.breaches
            )
        )
    for goal in made.goals:
        tell(f"  {goal.what[language]}")
    for note in made.notes:
        tell(f"  {note[language]}")
    if not outputs:
        _table(made, language, places)
    for file in outputs:
        tell(str(file))


def _table(made: InspectionList, language: Language, places: Names) -> None:
    names = ("time", "who", "place", "asset", "work", "minutes", "reason")
    show_table(
        say("plan.title"),
        ["#", *(say(f"column.{name}") for name in names)],
        [
            (
                one.number,
                clock(one),
                who(made, one),
                places.place(one),
                one.asset,
                one.what[language],
                one.minutes,
                one.reason[language],
            )
            for one in made.items
        ],
        right=[0, 6],
    )


def clock(item: Item) -> str:
    return f"{item.start:%H:%M}" if item.start else ""


def who(made: InspectionList, item: Item) -> str:
    """Everybody who does it: by name, or by number."""
    named = [(number, made.person(number)) for number in item.people]
    return " + ".join(one.name if one and one.name else str(number) for number, one in named)
