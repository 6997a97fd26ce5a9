"""`day compare`: service days beside each other, with what is missing and why."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.output import show_json, show_table, spare_existing, tell
from facility.i18n.phrases import preferred


def compare(
    data: options.Data = options.DATA,
    last: Annotated[int, typer.Option("--last", min=1, max=120, help=say("day.compare_last"), metavar="N")] = 12,
    outputs: Annotated[list[Path], typer.Option("--output", "-o", help=say("day.compare_output"), metavar="FILE")] = [],  # noqa: B006
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Service days beside each other: what was done, found, put right, and how the warnings did."""
    from commands.app.papers import paper
    from commands.installation import recorded
    from serviceday.brief.comparison import comparison
    from serviceday.brief.comparison_forms import check_form, in_words, write_comparison
    from serviceday.documents.fonts import typefaces

    for file in outputs:
        check_form(file)
    spare_existing(outputs, force=force)
    now, zone, language = datetime.now(UTC), options.zone(timezone), preferred()
    with recorded(data) as records:
        compared = comparison(records, now=now, timezone=zone, last=last)
    words = in_words(compared, language, now=now, timezone=zone)
    faces = typefaces(paper().font) if outputs else None
    if faces is not None:
        for file in write_comparison(words, outputs, language=language, faces=faces):
            tell(str(file), error=as_json)
    if as_json:
        show_json(asdict(compared))
        return
    if not words.rows:
        tell(say("day.compare_none"))
        return
    columns = [words.heads[0], *(row[0] for row in words.rows)]
    figures = [
        (head, *(row[place] for row in words.rows)) for place, head in enumerate(words.heads) if place
    ]  # fmt: skip
    show_table(f"{words.title} · {words.subtitle}", columns, figures)
    if words.recall:
        tell(words.recall)
    for line in words.missing:
        tell(f"  {line}")
