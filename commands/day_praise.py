"""`day praise`: whom a brief may praise, proposed from verified work; and the word of a person that releases it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import printable, show_json, tell
from facility.errors import CannotDo


def praise(
    on: Annotated[str, typer.Argument(help=say("day.date"), metavar="DATE")],
    data: options.Data = options.DATA,
    release: Annotated[list[str], typer.Option("--release", help=say("day.release"), metavar="NAME")] = [],  # noqa: B006
    by: Annotated[str, typer.Option("--by", help=say("day.by"), metavar="NAME")] = "",
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Whom the brief may praise for verified work; --release says of whom it does."""
    from commands.day_lists import carried_out
    from commands.installation import recorded
    from facility.service_days import DayMove, ServiceDayStep
    from serviceday.brief.counting import verified_work
    from serviceday.brief.facts import gathered

    day, now = options.day(on), datetime.now(UTC)
    with recorded(data) as records:
        about = records.service_days.get(day)
        if about is None:
            raise CannotDo("there is no service day on {day}", "Make it: `serviceday day new {day}`", day=day)
        plan = carried_out(records, day, about)
        work = verified_work(gathered(records, day, plan, now=now, timezone=options.zone(timezone)))
        for name in release:
            if name not in work:
                raise CannotDo(
                    "nothing that {name!r} mended was verified since the service day before", "Proposed: {known}",
                    name=name, known=list(work) or "-",
                )  # fmt: skip
        if release:
            if not by.strip():
                raise CannotDo("nobody is named who says so", "Give --by NAME")
            detail = {"praised": list(dict.fromkeys((*about.praised, *release)))}
            step = ServiceDayStep(day=day, at=now, who=by, move=DayMove.PRAISED, detail=detail)
            about = records.service_days.add(step)
    if as_json:
        show_json({"day": str(day), "proposed": work, "released": about.praised})
        return
    if not work:
        tell(say("day.praise_none"))
    for name, findings in work.items():
        key = "day.praise_released" if name in about.praised else "day.praise_proposed"
        tell(say(key, name=printable(name), count=len(findings), findings=" ".join(findings)))
