"""`brief`: the service day, counted, for the notice board and the authorities; its publication and its corrections."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import printable, show_json, spare_existing, tell
from facility.errors import CannotDo, CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.brief import Brief


Day = Annotated[str, typer.Option("--service-day", help=say("brief.service_day"), metavar="DATE")]
Outputs = Annotated[list[Path], typer.Option("--output", "-o", help=say("brief.output"), metavar="FILE")]
Photos = Annotated[list[int], typer.Option("--photo", help=say("brief.photo"), metavar="NUMBER")]


def brief(
    context: typer.Context,
    service_day: Day = "",
    data: options.Data = options.DATA,
    outputs: Outputs = [],  # noqa: B006
    photos: Photos = [],  # noqa: B006
    board: Annotated[bool, typer.Option("--board", help=say("brief.board"))] = False,
    edition: Annotated[int, typer.Option("--edition", help=say("brief.edition"), metavar="N")] = 0,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """The brief of a service day, every figure traced to its records: Word, PDF, HTML, chat text."""
    if context.invoked_subcommand is not None:
        return
    from commands.installation import recorded
    from serviceday.brief import check_brief_form

    if not service_day:
        raise CannotParse("a brief without a day", "Give --service-day 2026-12-05")
    for file in outputs:
        check_brief_form(file, board=board)
    spare_existing(outputs, force=force)
    day = options.day(service_day)
    with recorded(data) as records:
        published = _edition(records, day, edition)
        content = published or counted(records, day, timezone, photos)
    if published:
        if photos:
            raise CannotDo(
                "the brief of {day} is published: its photos stay", "See `serviceday brief correct`", day=day
            )
        key = "brief.published_corrected" if published.corrections else "brief.published"
        tell(say(key, day=day, count=len(published.corrections)), error=True)
    _write(content, outputs, data, as_json, board=board)


def publish(
    on: Annotated[str, typer.Argument(help=say("day.date"), metavar="DATE")],
    data: options.Data = options.DATA,
    by: Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")] = "",
    note: Annotated[str, typer.Option("--note", help=say("day.note"), metavar="TEXT")] = "",
    photos: Photos = [],  # noqa: B006
    timezone: options.Zone = options.ZONE,
) -> None:
    """Publish and keep the brief of a service day; it does not change after that."""
    from commands.installation import recorded
    from facility.service_days import DayMove, ServiceDayStep
    from serviceday.brief import encoded

    day = options.day(on)
    with recorded(data) as records:
        content = counted(records, day, timezone, photos)
        step = ServiceDayStep(day=day, at=datetime.now(UTC), who=by, move=DayMove.PUBLISHED, note=note)
        records.service_days.publish(step, encoded(content))
    tell(say("brief.now_published", day=day))


def correct(
    service_day: Day = "",
    data: options.Data = options.DATA,
    why: Annotated[str, typer.Option("--why", help=say("brief.why"), metavar="TEXT")] = "",
    by: Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")] = "",
    outputs: Outputs = [],  # noqa: B006
    photos: Photos = [],  # noqa: B006
    dry_run: options.DryRun = False,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Follow a published brief by a correction, which says what counts otherwise now and why."""
    from commands.installation import recorded
    from facility.service_days import DayMove, ServiceDayStep
    from serviceday.brief import check_brief_form, decoded, encoded
    from serviceday.brief.publishing import changes, corrected, spoken

    if not service_day:
        raise CannotParse("a brief without a day", "Give --service-day 2026-12-05")
    for file in outputs:
        check_brief_form(file)
    spare_existing(outputs, force=force)
    day = options.day(service_day)
    with recorded(data) as records:
        published = records.service_days.published(day)
        if published is None:
            raise CannotDo("no brief of {day} is published", "Publish it: `serviceday day publish {day}`", day=day)
        before = decoded(published.body)
        recount = counted(records, day, timezone, photos)
        if dry_run:
            content, differences = before, changes(before, recount)
        else:
            content = corrected(before, recount, why=why, who=by, at=datetime.now(UTC))
            differences = content.corrections[-1].changes
            step = ServiceDayStep(day=day, at=content.as_of, who=by, move=DayMove.CORRECTED, note=why)
            records.service_days.publish(step, encoded(content), follows=published.id)
    if as_json and dry_run:
        show_json({"day": str(day), "changes": [asdict(change) for change in differences]})
        return
    if not dry_run:
        tell(say("brief.now_corrected", day=day, number=len(content.corrections)), error=as_json)
    elif not differences:
        tell(say("brief.nothing_differs", day=day))
    for change in differences:
        words = spoken(change)[preferred()]
        mark = say("brief.of_the_moment") if change.of_the_moment else ""
        tell(f"  {printable(words)}{mark}", error=as_json)
    if not dry_run and (outputs or as_json):
        _write(content, outputs, data, as_json)


def _edition(records: Records, day: date, number: int) -> Brief | None:
    """What was published of a day: the first for 1, else the last; None where nothing was."""
    from serviceday.brief import decoded

    editions = records.service_days.editions(day)
    if number and not 0 < number <= len(editions):
        raise CannotDo(
            "the brief of {day} has {count} editions: there is none of number {number}",
            "See `serviceday day show`",
            day=day,
            count=len(editions),
            number=number,
        )  # fmt: skip
    return decoded(editions[number - 1].body) if editions else None


def _write(content: Brief, outputs: list[Path], data: Path, as_json: bool, *, board: bool = False) -> None:
    from commands.app.papers import paper
    from facility.folder import DataFolder
    from serviceday.brief import encoded, write_brief
    from serviceday.brief.layout import chat
    from serviceday.execution.phone.photos import PhotoFolder

    folder = PhotoFolder(DataFolder(data).photos)
    for file in write_brief(content, outputs, language=preferred(), paper=paper(), photos=folder, board=board):
        tell(str(file), error=as_json)
    if as_json:
        sys.stdout.write(encoded(content) + "\n")
    elif not outputs:
        tell(chat(content, preferred()).rstrip("\n"))


def counted(records: Records, day: date, timezone: str, photos: Sequence[int] = ()) -> Brief:
    """The brief of a day as the records stand now. Raises `CannotDo` where there is nothing to count."""
    from commands.app.papers import named
    from commands.day_lists import carried_out
    from serviceday.brief import brief as made_brief

    about = records.service_days.get(day)
    plan = carried_out(records, day, about)
    now, zone = datetime.now(UTC), options.zone(timezone)
    if day > now.astimezone(zone).date():
        raise CannotDo("the service day {day} is still to come", "Write its brief when it is over", day=day)
    if about is None and plan is None:
        raise CannotDo("nothing is on record of {day}", "Make a plan or a service day", day=day)
    return made_brief(records, day, plan, now=now, timezone=zone, names=named(records), photos=photos)
