"""`import assets` and `import readings`: files in, as often as one likes, with the same result."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import progress, show_json

File = Annotated[Path, typer.Argument(help=say("import.file"), metavar="FILE")]


def assets(
    file: File,
    data: options.Data = options.DATA,
    kind: options.Kind = "",
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.installation import installation
    from facility.errors import Problems
    from facility.registry.registry import read_estate
    from serviceday.execution import checked, last_dates
    from serviceday.execution import told as refusals

    now = datetime.now(UTC)
    today = now.astimezone(options.zone(timezone)).date()
    estate, given = last_dates(read_estate(file, kind=kind or None, mapping=options.mapping(mapped)))
    entries, wrong = checked(given, {one.id: one for one in estate.assets}, today=today)
    if wrong:
        raise Problems(file.name, refusals(wrong))
    with installation(data, create=True) as here:
        estate, moved = here.records.trail.where_moved(estate)
        changes = here.records.estate.put(estate)
        recorded = here.records.duties.record(entries, at=now, who="", source=file.name)
    if as_json:
        show_json(
            asdict(changes) | {"last_dates": len(recorded.new), "last_dates_known": recorded.known, "moved": moved}
        )
        return
    typer.echo(say("import.assets.done", added=changes.added, changed=changes.changed, unchanged=changes.unchanged))
    if moved:
        typer.echo(
            say("import.moved", count=len(moved), assets=", ".join(moved[:5]) + (" …" if len(moved) > 5 else ""))
        )
    if entries:
        typer.echo(say("import.last_dates", new=len(recorded.new), known=recorded.known))


def readings(
    file: File,
    data: options.Data = options.DATA,
    channel: Annotated[str, typer.Option("--channel", help=say("import.channel"), metavar="CHANNEL")] = "",
    scale: Annotated[float, typer.Option("--scale", help=say("import.scale"))] = 1.0,
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    from commands.installation import installation
    from ingest.files import import_readings

    place = options.zone(timezone)
    with installation(data, create=True) as here, here.folder.claim("import"), progress(as_json) as shown:
        task = shown.add_task(say("import.progress"), total=None)
        known = {asset.id: asset for asset in here.assets()}
        summary = import_readings(
            file,
            channel=channel or None,
            scale=scale,
            mapping=options.mapping(mapped),
            directory=known,
            store=here.store,
            timezone=place,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
        here.store.maintain()
        here.store.sync()
    if as_json:
        show_json(asdict(summary))
        return
    typer.echo(
        say(
            "import.readings.done",
            rows=f"{summary.rows:,}",
            stored=f"{summary.stored:,}",
            duplicates=f"{summary.duplicates:,}",
            quarantined=f"{summary.quarantined:,}",
        )
    )
    for problem in summary.problems:
        typer.echo(f"  {told(problem)}", err=True)
