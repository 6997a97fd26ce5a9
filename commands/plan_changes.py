"""`plan explain`, `plan diff`, `plan lock`: why a plan is as it is, what changed, and changing it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, spare_existing, tell
from commands.plan import clock, show_plan, who
from commands.planned import beliefs, planning, shown_progress
from facility.errors import CannotDo, CannotParse
from facility.i18n.messages import Sentence
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.inspections import InspectionList, Instruction, Item
    from facility.records import Records
    from serviceday.documents.inspection_list import Names
    from serviceday.planning import Change

Day = Annotated[str, typer.Option("--service-day", help=say("plan.of_day"), metavar="DATE")]
Number = Annotated[int, typer.Option("--plan", help=say("plan.number"), metavar="NUMBER")]
Files = Annotated[list[Path], typer.Option("--output", "-o", help=say("plan.output"), metavar="FILE")]
Asset = Annotated[str, typer.Argument(help=say("plan.asset"), metavar="ASSET")]


def explain(
    asset: Asset,
    data: options.Data = options.DATA,
    service_day: Day = "",
    number: Number = 0,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.installation import recorded

    with recorded(data) as records:
        made = _kept(records, timezone, service_day, number)
        known = {one.id for one in records.estate.assets()}
    found = [one for one in (*made.items, *made.left_out) if asset in (one.asset, one.request)]
    if not found and asset not in known:
        raise CannotDo(
            "no asset {asset!r}", "See `serviceday due`, or the registry, for the ids there are", asset=asset
        )
    if as_json:
        import msgspec

        show_json({"plan": made.number, "service_day": made.service_day, "items": msgspec.to_builtins(found)})
        return
    tell(say("plan.explain_head", asset=asset, number=made.number, day=made.service_day))
    if not found:
        tell(say("plan.explain_nothing"))
    for one in found:
        for line in _story(made, one):
            tell(line)


def _story(made: InspectionList, one: Item) -> list[str]:
    language = preferred()
    what = one.what[language]
    if one.number:
        until = f"{one.end:%H:%M}" if one.end else ""
        head = say("plan.explain_in", what=what, number=one.number, who=who(made, one), start=clock(one), end=until)
    else:
        head = say("plan.explain_breach" if one.breach else "plan.explain_out", what=what)
    lines = [head, f"    {say('plan.explain_why')}{one.reason[language]}"]
    if one.left_out_reason is not None:
        lines.append(f"    {say('plan.explain_why_not')}{one.left_out_reason[language]}")
    if one.breach_from is not None and not one.breach:
        lines.append(f"    {say('plan.explain_breach_from', day=one.breach_from)}")
    if one.locked:
        lines.append(f"    {say('plan.explain_locked')}")
    return lines


def diff(
    numbers: Annotated[list[int], typer.Argument(help=say("plan.diff_numbers"), metavar="[OLD NEW]")] = [],  # noqa: B006
    data: options.Data = options.DATA,
    service_day: Day = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.app.papers import named
    from commands.installation import recorded

    with recorded(data) as records:
        if len(numbers) not in (0, 2):
            raise CannotParse("a comparison takes two plans", "Write for example `serviceday plan diff 3 4`")
        if numbers:
            before, after = (_kept(records, timezone, "", one) for one in numbers)
        else:
            after = _kept(records, timezone, service_day, 0)
            earlier = [one for one in records.plans.on(after.service_day) if one.number < after.number]
            if not earlier:
                raise CannotDo(
                    "plan {number} is the only one for {day}",
                    "Name two: plan diff 3 4",
                    number=after.number,
                    day=after.service_day,
                )
            before = next((one for one in earlier if one.number == after.follows), earlier[-1])
        names = named(records)
    _show_changes(before, after, names, as_json)


def lock(
    asset: Asset,
    data: options.Data = options.DATA,
    service_day: Day = "",
    task: Annotated[str, typer.Option("--task", help=say("plan.lock_task"), metavar="TASK")] = "",
    person: Annotated[str, typer.Option("--person", help=say("plan.lock_person"), metavar="PERSON")] = "",
    at: Annotated[str, typer.Option("--at", help=say("plan.lock_at"), metavar="HH:MM")] = "",
    ban: Annotated[bool, typer.Option("--ban", help=say("plan.lock_ban"))] = False,
    undo: Annotated[bool, typer.Option("--undo", help=say("plan.lock_undo"))] = False,
    number: Number = 0,
    outputs: Files = [],  # noqa: B006
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.installation import installation

    place = options.zone(timezone)
    if sum((ban, undo, bool(person or at))) > 1:
        raise CannotParse("--ban, --undo and --person or --at don't go together", "Give one of them")
    from commands.app.papers import named, paper
    from serviceday.documents.inspection_list import check_form, write_lists
    from serviceday.planning import again

    for file in outputs:
        check_form(file)
    spare_existing(outputs, force=force)
    with installation(data) as here:
        plans = planning(here.records, place)
        before = plans.chosen(number, options.day(service_day) if service_day else None, changing=True)
        if before.timezone:  # its clock times are those of the place it was made for
            place = ZoneInfo(before.timezone)
            plans = planning(here.records, place)
        told = _told(before, asset, task, person, at, ban=ban, undo=undo)
        believed = beliefs(here, before.service_day, place, kind=before.asked.kind, quiet=as_json)
        with shown_progress(quiet=as_json) as shown:
            made = plans.make(replace(again(before), instructions=told), believed, before=before, on_progress=shown)
        names = named(here.records)
        with here.records.plans.keeping(made) as made:
            outputs = write_lists(made, outputs, language=preferred(), paper=paper(), names=names)
    _show_changes(before, made, names, as_json)
    if not as_json:
        tell(say("plan.kept", number=made.number, day=made.service_day))
        tell(say("plan.print_it", number=made.number))
        for file in outputs:
            tell(str(file))


def show(
    number: Annotated[int, typer.Argument(help=say("plan.number"), metavar="[NUMBER]")] = 0,
    data: options.Data = options.DATA,
    service_day: Day = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.app.papers import named
    from commands.installation import recorded

    with recorded(data) as records:
        made, names = _kept(records, timezone, service_day, number), named(records)
    if as_json:
        import sys

        from serviceday.documents.inspection_list import FORMS

        sys.stdout.buffer.write(FORMS[".json"](made, language=preferred()) + b"\n")
        return
    show_plan(made, [], preferred(), names)
    for one in made.asked.instructions:
        words = (one.asset, one.task, one.person, f"{one.start:%H:%M}" if one.start else "")
        tell(say(f"plan.told_{one.directive.value}", what=" ".join(filter(None, words))))


def export(
    number: Annotated[int, typer.Argument(help=say("plan.number"), metavar="[NUMBER]")] = 0,
    data: options.Data = options.DATA,
    service_day: Day = "",
    outputs: Files = [],  # noqa: B006
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
) -> None:
    from commands.app.papers import named, paper
    from commands.installation import recorded
    from serviceday.documents.inspection_list import write_lists

    if not outputs:
        raise CannotParse("no file to write", "Name one with -o, for example -o list.pdf")
    spare_existing(outputs, force=force)
    with recorded(data) as records:
        day = options.day(service_day) if service_day else None
        made = planning(records, options.zone(timezone)).chosen(number, day, changing=True)
        names = named(records)
    for file in write_lists(made, outputs, language=preferred(), paper=paper(), names=names):
        tell(say("plan.exported", number=made.number, day=made.service_day, file=file))


def list_plans(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    from commands.installation import recorded

    with recorded(data) as records:
        found = records.plans.all()
    rows = [
        {
            "number": one.number,
            "service_day": one.service_day,
            "created_at": one.created_at,
            "follows": one.follows or None,
            "kind": one.asked.kind,
            "people": one.people,
            "items": len(one.items),
            "breaches": len(one.breaches),
            "by_hand": len(one.asked.instructions),
        }
        for one in found
    ]
    if as_json:
        show_json(rows)
        return
    names = ("number", "day", "made", "kind", "people", "items", "breaches", "by_hand")
    show_table(
        say("plan.list_title", count=len(rows)),
        [say(f"plan.column_{name}") for name in names],
        [
            (
                one.number,
                one.service_day,
                f"{one.created_at.astimezone(ZoneInfo(one.timezone or 'UTC')):%Y-%m-%d %H:%M}",
                one.asked.kind,
                one.people,
                len(one.items),
                len(one.breaches),
                len(one.asked.instructions) or "",
            )
            for one in found
        ],
        right=[0, 4, 5, 6, 7],
    )


def _told(
    before: InspectionList, asset: str, task: str, person: str, at: str, *, ban: bool, undo: bool
) -> Sequence[Instruction]:
    """The instructions of the plan with this one in the place of what was said of the same before."""
    from facility.inspections import Directive, Instruction

    matching = [one for one in (*before.items, *before.left_out) if one.asset == asset and task in ("", one.task)]
    if not matching:
        tasks = [one.task for one in (*before.items, *before.left_out) if one.asset == asset]
        raise CannotDo(
            "{item} is no candidate of plan {number}",
            "There: {known}",
            item=f"{asset} {task}".strip(),
            number=before.number,
            known=tasks or Sentence("nothing"),
        )
    kept = [one for one in before.asked.instructions if (one.asset, one.task) != (asset, task)]
    if undo:
        if len(kept) == len(before.asked.instructions):
            raise CannotDo(
                "nothing is locked at {item}", "See `serviceday plan explain`", item=f"{asset} {task}".rstrip()
            )
        return kept
    who_ = _person(before, person) if person else ""
    directive = Directive.BAN if ban else Directive.PIN if person or at else Directive.LOCK
    return [*kept, Instruction(asset=asset, task=task, directive=directive, person=who_, start=_clock(at))]


def _person(before: InspectionList, name: str) -> str:
    for one in before.persons:
        if name in (one.id, one.name, str(one.number)):
            return one.id
    if not before.persons and name.isdecimal() and 1 <= int(name) <= before.people:
        return name
    names = [one.name or one.id for one in before.persons]
    known = names or Sentence("1 to {most}", most=before.people)
    raise CannotDo(
        "nobody called {name!r} works on {day}",
        "Working: {known}",
        name=name,
        day=before.service_day,
        known=known,
    )


def _clock(words: str) -> time | None:
    if not words:
        return None
    try:
        return time.fromisoformat(words)
    except ValueError:
        raise CannotParse("{words!r} is not a time of day", "Write it as 09:30", words=words) from None


def _kept(records: Records, timezone: str, service_day: str, number: int) -> InspectionList:
    day = options.day(service_day) if service_day else None
    return planning(records, options.zone(timezone)).chosen(number, day)


def _show_changes(before: InspectionList, after: InspectionList, names: Names, as_json: bool) -> None:
    from serviceday.planning import differences

    changes = differences(before, after)
    if as_json:
        show_json(
            {
                "before": before.number,
                "after": after.number,
                "harm": round(after.harm - before.harm, 4),
                "breaches": len(after.breaches) - len(before.breaches),
                "changes": [_change(one) for one in changes],
            }
        )
        return
    tell(
        say(
            "plan.diff_done",
            before=before.number,
            after=after.number,
            changes=len(changes),
            harm=f"{after.harm - before.harm:+.2f}",
            breaches=f"{len(after.breaches) - len(before.breaches):+d}",
        )
    )
    retimed = sum(one.what == "retimed" for one in changes)
    if changes := [one for one in changes if one.what != "retimed"]:
        language = preferred()
        show_table(
            say("plan.diff_title"),
            [say("column.place"), say("column.asset"), say("column.work"), say("plan.column_change")],
            [(names.place(one.item), one.item.asset, one.item.what[language], one.words[language]) for one in changes],
        )

    if retimed:
        tell(say("plan.diff_retimed", count=retimed))


def _change(one: Change) -> dict[str, object]:
    words = {"zh": one.words.zh, "en": one.words.en}
    return {"what": one.what, "asset": one.item.asset, "task": one.item.task, "words": words}
