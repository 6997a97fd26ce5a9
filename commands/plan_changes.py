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
from commands.app.operator import operator
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
    """Why an asset is on the list, or is not."""
    from commands.installation import recorded

    with recorded(data) as records:
        inspection_list = _kept(records, timezone, service_day, number)
        ids = {asset.id for asset in records.estate.assets()}
    items = [
        item for item in (*inspection_list.items, *inspection_list.left_out) if asset in (item.asset, item.request)
    ]
    if not items and asset not in ids:
        raise CannotDo(
            "no asset {asset!r}", "See `serviceday due`, or the registry, for the ids there are", asset=asset
        )
    if as_json:
        import msgspec

        show_json(
            {
                "plan": inspection_list.number,
                "service_day": inspection_list.service_day,
                "items": msgspec.to_builtins(items),
            }
        )
        return
    tell(say("plan.explain_head", asset=asset, number=inspection_list.number, day=inspection_list.service_day))
    if not items:
        tell(say("plan.explain_nothing"))
    for one in items:
        for line in _story(inspection_list, one):
            tell(line)


def _story(inspection_list: InspectionList, item: Item) -> list[str]:
    language = preferred()
    what = item.what[language]
    if item.number:
        until = f"{item.end:%H:%M}" if item.end else ""
        head = say(
            "plan.explain_in",
            what=what,
            number=item.number,
            who=who(inspection_list, item),
            start=clock(item),
            end=until,
        )
    else:
        head = say("plan.explain_breach" if item.breach else "plan.explain_out", what=what)
    lines = [head, f"    {say('plan.explain_why')}{item.reason[language]}"]
    if item.left_out_reason is not None:
        lines.append(f"    {say('plan.explain_why_not')}{item.left_out_reason[language]}")
    if item.breach_from is not None and not item.breach:
        lines.append(f"    {say('plan.explain_breach_from', day=item.breach_from)}")
    if item.locked:
        lines.append(f"    {say('plan.explain_locked')}")
    return lines


def diff(
    numbers: Annotated[list[int], typer.Argument(help=say("plan.diff_numbers"), metavar="[OLD NEW]")] = [],  # noqa: B006
    data: options.Data = options.DATA,
    service_day: Day = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Compare two plans: what is on them, who does it, when."""
    from commands.app.papers import named
    from commands.installation import recorded

    with recorded(data) as records:
        if len(numbers) not in (0, 2):
            raise CannotParse("a comparison takes two plans", "Write for example `serviceday plan diff 3 4`")
        if numbers:
            before, after = (_kept(records, timezone, "", number) for number in numbers)
        else:
            after = _kept(records, timezone, service_day, 0)
            earlier = [
                inspection_list
                for inspection_list in records.plans.on(after.service_day)
                if inspection_list.number < after.number
            ]
            if not earlier:
                raise CannotDo(
                    "plan {number} is the only one for {day}",
                    "Name two: plan diff 3 4",
                    number=after.number,
                    day=after.service_day,
                )
            before = next(
                (inspection_list for inspection_list in earlier if inspection_list.number == after.follows), earlier[-1]
            )
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
    """Change a plan by hand: lock an item, give it to somebody, at a time, or take it off."""
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
        instructions = _told(before, asset, task, person, at, ban=ban, undo=undo)
        believed = beliefs(here, before.service_day, place, kind=before.asked.kind, quiet=as_json)
        with shown_progress(quiet=as_json) as shown:
            inspection_list = plans.make(
                replace(again(before), instructions=instructions), believed, before=before, on_progress=shown
            )
        names = named(here.records)
        with here.records.plans.keeping(inspection_list, by=operator()) as inspection_list:
            outputs = write_lists(inspection_list, outputs, language=preferred(), paper=paper(), names=names)
    _show_changes(before, inspection_list, names, as_json)
    if not as_json:
        tell(say("plan.kept", number=inspection_list.number, day=inspection_list.service_day))
        tell(say("plan.print_it", number=inspection_list.number))
        for file in outputs:
            tell(str(file))


def show(
    number: Annotated[int, typer.Argument(help=say("plan.number"), metavar="[NUMBER]")] = 0,
    data: options.Data = options.DATA,
    service_day: Day = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Show a plan that was kept; without a number that of the next service day."""
    from commands.app.papers import named
    from commands.installation import recorded

    with recorded(data) as records:
        inspection_list, names = _kept(records, timezone, service_day, number), named(records)
    if as_json:
        import sys

        from serviceday.documents.inspection_list import FORMS

        sys.stdout.buffer.write(FORMS[".json"](inspection_list, language=preferred()) + b"\n")
        return
    show_plan(inspection_list, [], preferred(), names)
    for instruction in inspection_list.asked.instructions:
        words = (
            instruction.asset,
            instruction.task,
            instruction.person,
            f"{instruction.start:%H:%M}" if instruction.start else "",
        )
        tell(say(f"plan.told_{instruction.directive.value}", what=" ".join(filter(None, words))))


def export(
    number: Annotated[int, typer.Argument(help=say("plan.number"), metavar="[NUMBER]")] = 0,
    data: options.Data = options.DATA,
    service_day: Day = "",
    outputs: Files = [],  # noqa: B006
    as_records: Annotated[bool, typer.Option("--records", help=say("plan.records"))] = False,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
) -> None:
    """Write a plan that was kept to files; nothing is planned anew."""
    from commands.app.papers import named, paper
    from commands.installation import recorded
    from serviceday.documents.inspection_list import write_lists
    from serviceday.documents.record.writer import write_records

    if not outputs:
        raise CannotParse("no file to write", "Name one with -o, for example -o list.pdf")
    spare_existing(outputs, force=force)
    with recorded(data) as records:
        day = options.day(service_day) if service_day else None
        inspection_list = planning(records, options.zone(timezone)).chosen(number, day, changing=True)
        names, assets = named(records), {asset.id: asset for asset in records.estate.assets()}
    if as_records:
        written = write_records(inspection_list, outputs, assets, language=preferred(), paper=paper(), names=names)
    else:
        written = write_lists(inspection_list, outputs, language=preferred(), paper=paper(), names=names)
    for file in written:
        tell(say("plan.exported", number=inspection_list.number, day=inspection_list.service_day, file=file))


def list_plans(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """The plans that were kept, the newest first."""
    from commands.installation import recorded

    with recorded(data) as records:
        lists = records.plans.all()
    rows = [
        {
            "number": inspection_list.number,
            "service_day": inspection_list.service_day,
            "created_at": inspection_list.created_at,
            "follows": inspection_list.follows or None,
            "kind": inspection_list.asked.kind,
            "people": inspection_list.people,
            "items": len(inspection_list.items),
            "breaches": len(inspection_list.breaches),
            "by_hand": len(inspection_list.asked.instructions),
        }
        for inspection_list in lists
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
                inspection_list.number,
                inspection_list.service_day,
                f"{inspection_list.created_at.astimezone(ZoneInfo(inspection_list.timezone or 'UTC')):%Y-%m-%d %H:%M}",
                inspection_list.asked.kind,
                inspection_list.people,
                len(inspection_list.items),
                len(inspection_list.breaches),
                len(inspection_list.asked.instructions) or "",
            )
            for inspection_list in lists
        ],
        right=[0, 4, 5, 6, 7],
    )


def _told(
    before: InspectionList, asset: str, task: str, person: str, at: str, *, ban: bool, undo: bool
) -> Sequence[Instruction]:
    """The instructions of the plan with this one in the place of what was said of the same before."""
    from facility.inspections import Directive, Instruction

    matching = [item for item in (*before.items, *before.left_out) if item.asset == asset and task in ("", *item.tasks)]
    if not matching:
        tasks = [item.task for item in (*before.items, *before.left_out) if item.asset == asset]
        raise CannotDo(
            "{item} is no candidate of plan {number}",
            "There: {known}",
            item=f"{asset} {task}".strip(),
            number=before.number,
            known=tasks or Sentence("nothing"),
        )
    instructions = [
        instruction
        for instruction in before.asked.instructions
        if (instruction.asset, instruction.task) != (asset, task)
    ]
    if undo:
        if len(instructions) == len(before.asked.instructions):
            raise CannotDo(
                "nothing is locked at {item}", "See `serviceday plan explain`", item=f"{asset} {task}".rstrip()
            )
        return instructions
    who_ = _person(before, person) if person else ""
    directive = Directive.BAN if ban else Directive.PIN if person or at else Directive.LOCK
    return [*instructions, Instruction(asset=asset, task=task, directive=directive, person=who_, start=_clock(at))]


def _person(before: InspectionList, name: str) -> str:
    for person in before.persons:
        if name in (person.id, person.name, str(person.number)):
            return person.id
    if not before.persons and name.isdecimal() and 1 <= int(name) <= before.people:
        return name
    names = [person.name or person.id for person in before.persons]
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
                "changes": [_change(change) for change in changes],
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
    retimed = sum(change.what == "retimed" for change in changes)
    if changes := [change for change in changes if change.what != "retimed"]:
        language = preferred()
        show_table(
            say("plan.diff_title"),
            [say("column.place"), say("column.asset"), say("column.work"), say("plan.column_change")],
            [
                (names.place(change.item), change.item.asset, change.item.what[language], change.words[language])
                for change in changes
            ],
        )

    if retimed:
        tell(say("plan.diff_retimed", count=retimed))


def _change(change: Change) -> dict[str, object]:
    words = {"zh": change.words.zh, "en": change.words.en}
    return {"what": change.what, "asset": change.item.asset, "task": change.item.task, "words": words}
