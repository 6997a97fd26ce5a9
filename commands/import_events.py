"""`import events`: what came about elsewhere, as labels to learn from."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import printable, show_json, tell

REFUSED = 2  # exit code where something of a file was refused
_SHOWN = 5


def events(
    file: Annotated[Path, typer.Argument(help=say("import.file"), metavar="FILE")],
    data: options.Data = options.DATA,
    label: Annotated[str, typer.Option("--label", help=say("import.label"), metavar="NAME")] = "",
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    timezone: options.Zone = options.ZONE,
    encoding: options.Encoding = "",
    separator: options.Separator = "",
    sheet: options.Sheet = "",
    date_order: options.DateOrder = "",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Import events of a label from CSV or Excel: asset, start, and end and label if there are any."""
    from commands.installation import recorded, registered
    from facility.files.refused import grouped
    from facility.folder import DataFolder
    from facility.label_events import LabelEvents, read_events

    folder = DataFolder(data).existing()
    form = options.file_form(encoding=encoding, separator=separator, sheet=sheet, order=date_order, timezone=timezone)
    with recorded(data) as records:
        assets = [asset.id for asset in registered(records, folder)]
    read = read_events(file, label=label, assets=assets, mapping=options.mapping(mapped), options=form)
    added = LabelEvents(folder.events).add(read.events, dry_run=dry_run)
    lines = grouped(read.refusals)
    labels = sorted({event.label for event in read.events})
    if as_json:
        show_json(
            {
                "rows": read.rows,
                **asdict(added),
                "labels": labels,
                "columns": dict(read.columns),
                "notes": list(map(told, read.notes)),
                "refused": [{"line": refusal.line, "why": told(refusal.what)} for refusal in read.refusals],
                "dry_run": dry_run,
            }
        )
    else:
        for note in read.notes:
            tell(f"  {told(note)}", error=True)
        if dry_run:
            for ours, theirs in read.columns.items():
                tell(f"  {printable(theirs)} -> {ours}")
            for event in read.events[:_SHOWN]:
                tell(f"  {printable(event.asset)} | {event.label} | {event.start.isoformat()}")
        words = "import.events.would" if dry_run else "import.events.done"
        tell(
            say(
                words,
                rows=read.rows,
                labels=", ".join(labels) or "–",
                new=added.new,
                changed=added.changed,
                known=added.known,
                refused=len(read.refusals),
            )
        )
        for line in lines:
            tell(f"  {told(line)}", error=True)
    if read.refusals:
        raise typer.Exit(REFUSED)
