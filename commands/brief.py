"""`brief`: the service day, counted, for the notice board and the authorities; and its publication."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import spare_existing, tell
from facility.errors import CannotDo, CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.brief import Brief


def brief(
    service_day: Annotated[str, typer.Option("--service-day", help=say("brief.service_day"), metavar="DATE")] = "",
    data: options.Data = options.DATA,
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("brief.output"), metavar="FILE")] = [],  # noqa: B006
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """The brief of a service day, every figure traced to its records: Word, PDF, HTML, chat text."""
    from commands.app.papers import paper
    from commands.installation import recorded
    from serviceday.brief import check_brief_form, decoded, encoded, write_brief
    from serviceday.brief.layout import chat

    if not service_day:
        raise CannotParse("a brief without a day", "Give --service-day 2026-12-05")
    for file in outputs:
        check_brief_form(file)
    spare_existing(outputs, force=force)
    day = options.day(service_day)
    with recorded(data) as records:
        published = records.service_days.published(day)
        content = decoded(published.body) if published else counted(records, day, timezone)
    if published:
        tell(say("brief.published", day=day), error=True)
    for file in write_brief(content, outputs, language=preferred(), paper=paper()):
        tell(str(file), error=as_json)
    if as_json:
        sys.stdout.write(encoded(content) + "\n")
    elif not outputs:
        tell(chat(content, preferred()).rstrip("\n"))


def publish(
    on: Annotated[str, typer.Argument(help=say("day.date"), metavar="DATE")],
    data: options.Data = options.DATA,
    by: Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")] = "",
    note: Annotated[str, typer.Option("--note", help=say("day.note"), metavar="TEXT")] = "",
    timezone: options.Zone = options.ZONE,
) -> None:
    """Publish and keep the brief of a service day; it does not change after that."""
    from commands.installation import recorded
    from facility.service_days import DayMove, ServiceDayStep
    from serviceday.brief import encoded

    day = options.day(on)
    with recorded(data) as records:
        content = counted(records, day, timezone)
        step = ServiceDayStep(day=day, at=datetime.now(UTC), who=by, move=DayMove.PUBLISHED, note=note)
        records.service_days.publish(step, encoded(content))
    tell(say("brief.now_published", day=day))


def counted(records: Records, day: date, timezone: str) -> Brief:
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
    return made_brief(records, day, plan, now=now, timezone=zone, names=named(records))
