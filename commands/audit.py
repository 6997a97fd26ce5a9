"""`audit`: who changed what and when, over every trail."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import known, say
from commands.app.output import cell, show_json, show_table, spare_existing, tell
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from facility.audit import Entry

LONGEST = 60  # characters of a note in the table
COLUMNS = ("at", "who", "area", "subject", "what", "before", "after", "note", "address")
SPEAKS_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def audit(
    data: options.Data = options.DATA,
    since: Annotated[str, typer.Option("--since", help=say("audit.since"), metavar="MOMENT")] = "",
    by: Annotated[str | None, typer.Option("--by", help=say("audit.by"), metavar="NAME")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("audit.output"), metavar="FILE")] = None,
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Who changed what and when, over every trail; as a table, JSON or CSV."""
    from commands.installation import recorded

    place = options.zone(timezone)
    if output is not None and output.suffix.lower() != ".csv":
        raise CannotParse("{file} is not named .csv", "Name it for example audit.csv", file=output)
    spare_existing([output], force=force)
    with recorded(data) as records:
        entries = records.audit.entries(since=options.moment(since) if since else None, by=by)
    if output is not None:
        _write(output, entries)
        tell(say("audit.written", count=len(entries), file=output))
    if as_json:
        show_json([_plain(entry) for entry in entries])
    elif output is None and not entries:
        tell(say("audit.none"))
    elif output is None:
        names = ("at", "who", "area", "subject", "what", "change")
        show_table(
            say("audit.title", zone=place.key),
            [say(f"audit.column.{name}") for name in names],
            [
                (
                    options.local(entry.at, place),
                    entry.who or "–",
                    say(f"audit.area.{entry.area}"),
                    entry.subject,
                    _step(entry),
                    cell(_change(entry), LONGEST),
                )
                for entry in entries
            ],
        )


def _step(entry: Entry) -> str:
    key = f"audit.step.{entry.what}"
    return say(key) if known(key) else entry.what


def _change(entry: Entry) -> str:
    """Before -> after of what changed, then the note and the address."""
    names = dict.fromkeys([*entry.before, *entry.after])
    changes = [
        f"{name}: {_words(entry.before.get(name))} → {_words(entry.after.get(name))}"
        if name in entry.before
        else f"{name}: {_words(entry.after.get(name))}"
        for name in names
    ]
    return " · ".join(filter(None, (*changes, entry.note, entry.address)))


def _words(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _plain(entry: Entry) -> dict[str, object]:
    return asdict(entry) | {"at": entry.at.isoformat(), "area": entry.area.value}


def _write(file: Path, entries: list[Entry]) -> None:
    """CSV as spreadsheets read it, times in UTC; what begins like a formula is made plain text."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for entry in entries:
        rows.writerow([_harmless(getattr(entry, name)) for name in COLUMNS])
    try:
        file.write_text(text.getvalue(), encoding="utf-8-sig", newline="")
    except OSError as error:
        raise CannotDo("{file} cannot be written: {error}", "Choose another place", file=file, error=error) from None


def _harmless(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    words = "" if value == {} else _words(value)
    return f"'{words}" if words.startswith(SPEAKS_FORMULA) else words
