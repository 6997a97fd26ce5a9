"""`announce`: what residents are told before a service day, as a Word document, a PDF, or text for their chat group."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import spare_existing, tell
from commands.app.papers import named, paper
from facility.errors import CannotParse
from facility.i18n.phrases import preferred

if TYPE_CHECKING:
    pass


def announce(
    service_day: Annotated[str, typer.Option("--service-day", help=say("announce.service_day"), metavar="DATE")] = "",
    data: options.Data = options.DATA,
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("announce.output"), metavar="FILE")] = [],  # noqa: B006
    site: Annotated[str, typer.Option("--site", help=say("announce.site"), metavar="SITE")] = "",
    number: Annotated[int, typer.Option("--plan", help=say("announce.plan"), metavar="NUMBER")] = 0,
    timezone: options.Zone = options.ZONE,
    contact: Annotated[str, typer.Option("--contact", help=say("announce.contact"), metavar="TEXT")] = "",
    company: Annotated[str, typer.Option("--company", help=say("announce.company"), metavar="NAME")] = "",
    template: Annotated[Path | None, typer.Option("--template", help=say("announce.template"), metavar="DOCX")] = None,
    save_template: Annotated[
        Path | None, typer.Option("--save-template", help=say("announce.save_template"), metavar="DOCX")
    ] = None,
    force: options.Force = False,
) -> None:
    """The notice for residents before a service day."""
    from dataclasses import replace

    from commands.installation import recorded
    from commands.planned import planning
    from serviceday.documents.inspection_list import (
        beside,
        check_notice_form,
        notice_text,
        notices,
        save_notice_template,
        write_announcement,
    )

    if save_template is not None:
        if save_template.suffix.lower() != ".docx":
            raise CannotParse("{file} is no name of a Word document", "Name it with .docx", file=save_template)
        spare_existing([save_template], force=force)
        tell(str(save_notice_template(save_template)))
        return
    for file in outputs:
        check_notice_form(file)
    day = options.day(service_day) if service_day else None
    with recorded(data) as records:
        plan, names = planning(records, options.zone(timezone)).chosen(number, day, changing=True), named(records)
    chosen = paper()
    chosen = replace(
        chosen,
        contact=contact or chosen.contact,
        company=company or chosen.company,
        template=template or chosen.template,
    )
    language = preferred()
    told = notices(plan, site)
    tell(say("announce.of_plan", number=plan.number, day=plan.service_day), error=True)
    several = len(told) > 1
    spare_existing([beside(file, key if several else "") for key in told for file in outputs], force=force)
    for key, part in told.items():
        for file in outputs:
            target = beside(file, key if several else "")
            tell(str(write_announcement(part, target, language=language, paper=chosen, names=names)))
        if not outputs:
            tell(notice_text(part, language=language, paper=chosen, names=names))
