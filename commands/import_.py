"""`import assets` and `import readings`: files in, as often as one likes, with the same result."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options, refused
from commands.app.messages import say, told
from commands.app.output import printable, progress, show_json, tell

if TYPE_CHECKING:
    from facility.i18n.messages import Sentence
    from ingest.files import ImportSummary

File = Annotated[Path, typer.Argument(help=say("import.file"), metavar="FILE")]


def assets(
    file: File,
    data: options.Data = options.DATA,
    kind: options.Kind = "",
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    allow_moves: Annotated[bool, typer.Option("--allow-moves", help=say("import.allow_moves"))] = False,
    allow_alike: Annotated[bool, typer.Option("--allow-alike", help=say("import.allow_alike"))] = False,
    encoding: options.Encoding = "",
    separator: options.Separator = "",
    sheet: options.Sheet = "",
    date_order: options.DateOrder = "",
    timezone: options.Zone = options.ZONE,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Import a registry from TOML, CSV or Excel."""
    from commands.app.operator import operator
    from commands.installation import installation
    from facility.audit import Area, Entry
    from facility.errors import Problems
    from facility.files import Refusal
    from facility.registry.registry import read_registry
    from serviceday.execution import checked, last_dates
    from serviceday.execution import told as refusals

    now = datetime.now(UTC)
    today = now.astimezone(options.zone(timezone)).date()
    form = options.file_form(encoding=encoding, separator=separator, sheet=sheet, order=date_order)
    registry = read_registry(
        file, kind=kind or None, mapping=options.mapping(mapped), options=form, alike=allow_alike, by_row=True
    )
    estate, given = last_dates(registry.estate)
    entries, wrong = checked(given, {asset.id: asset for asset in estate.assets}, today=today)
    if any(line not in registry.cells for line, _ in wrong):
        raise Problems(file.name, refusals(wrong))
    rows = [*registry.refusals, *(Refusal(line=line, what=what, cells=registry.cells[line]) for line, what in wrong)]
    refused_file = "" if dry_run else refused.kept(rows, registry.header, file=file, data=data)
    moved: Sequence[str] = ()
    dates_new = dates_known = 0
    if dry_run and not (data / "records.sqlite").exists():
        from facility.records.estate import Changes

        changes = Changes(len(estate.assets), 0, 0)
    else:
        with installation(data, create=not dry_run) as here:
            estate, moved = here.records.trail.where_moved(estate)
            changes = here.records.estate.put(
                estate, moves=allow_moves, alike=allow_alike, dry_run=dry_run, made=registry.made
            )
            if not dry_run:
                if changes.added or changes.changed:
                    here.records.audit.add(
                        Entry(
                            at=now,
                            who=operator(),
                            area=Area.REGISTRY,
                            subject=file.name,
                            what="imported",
                            after={"added": changes.added, "changed": changes.changed},
                        )
                    )
                recorded = here.records.duties.record(entries, at=now, who="", source=file.name)
                dates_new, dates_known = len(recorded.new), recorded.known
    lines = len({refusal.line for refusal in rows})
    if as_json:
        show_json(
            asdict(changes)
            | {"last_dates": dates_new, "last_dates_known": dates_known, "moved": moved}
            | {"columns": dict(registry.columns), "notes": list(map(told, registry.notes))}
            | {"refused": refused.plain(rows), "refused_file": refused_file}
            | ({"dry_run": True} if dry_run else {})
        )
        raise typer.Exit(refused.EXIT_CODE if rows else 0)
    if dry_run:
        _understood(registry.columns, registry.notes)
        for asset in estate.assets[:5]:
            parts = (asset.id, asset.kind, asset.site, asset.building, asset.floor, asset.name)
            tell(f"  {printable(' | '.join(parts))}")
    else:
        for note in registry.notes:
            tell(f"  {told(note)}", error=True)
    done = "import.assets.would" if dry_run else "import.assets.done"
    tell(say(done, added=changes.added, changed=changes.changed, unchanged=changes.unchanged, refused=lines))
    if moved:
        tell(say("import.moved", count=len(moved), assets=", ".join(moved[:5]) + (" …" if len(moved) > 5 else "")))
    if entries and not dry_run:
        tell(say("import.last_dates", new=dates_new, known=dates_known))
    refused.tell_refused(rows, refused_file)
    if rows:
        raise typer.Exit(refused.EXIT_CODE)


def readings(
    file: File,
    data: options.Data = options.DATA,
    channel: Annotated[str, typer.Option("--channel", help=say("import.channel"), metavar="CHANNEL")] = "",
    scale: Annotated[float, typer.Option("--scale", help=say("import.scale"))] = 1.0,
    mapped: options.Maps = [],  # noqa: B006 - typer copies it
    timezone: options.Zone = options.ZONE,
    encoding: options.Encoding = "",
    separator: options.Separator = "",
    sheet: options.Sheet = "",
    decimal: options.Decimal = "",
    date_order: options.DateOrder = "",
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Import readings from CSV, CSV.gz, Excel or Parquet."""
    from commands.installation import installation
    from ingest.files import FileForm, import_readings

    form = FileForm(
        channel=channel or None,
        scale=scale,
        mapping=options.mapping(mapped),
        options=options.file_form(
            encoding=encoding, separator=separator, sheet=sheet, decimal=decimal, order=date_order, timezone=timezone
        ),
    )
    with installation(data, create=not dry_run) as here, progress(as_json) as shown, ExitStack() as claims:
        if not dry_run:
            claims.enter_context(here.folder.claim("import"))
        task = shown.add_task(say("import.progress"), total=None)
        summary = import_readings(
            file,
            form,
            directory={asset.id: asset for asset in here.assets()},
            store=None if dry_run else here.store,
            refused=None if dry_run else here.folder.path / refused.FOLDER,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
        if not dry_run:
            here.store.maintain()
            here.store.sync()
    if as_json:
        show_json(_plain(summary, dry_run))
        return
    if dry_run:
        _understood(summary.columns, summary.notes)
        for asset, key, time, value in summary.first:
            tell(f"  {printable(asset)} | {key} | {time.astimezone(form.options.zone).isoformat()} | {value:g}")
    else:
        for note in summary.notes:
            tell(f"  {told(note)}", error=True)
    tell(
        say(
            "import.readings.would" if dry_run else "import.readings.done",
            rows=f"{summary.rows:,}",
            stored=f"{summary.stored:,}",
            duplicates=f"{summary.duplicates:,}",
            quarantined=f"{summary.quarantined:,}",
        )
    )
    for problem in summary.problems:
        tell(f"  {told(problem)}", error=True)
    if summary.refused_file:
        tell(say("import.refused", file=summary.refused_file), error=True)


def _plain(summary: ImportSummary, dry_run: bool) -> dict[str, object]:
    return {
        "rows": summary.rows,
        "stored": summary.stored,
        "duplicates": summary.duplicates,
        "quarantined": summary.quarantined,
        "problems": list(map(told, summary.problems)),
        "notes": list(map(told, summary.notes)),
        "refused_file": summary.refused_file,
        "columns": dict(summary.columns),
    } | ({"dry_run": True, "first": summary.first} if dry_run else {})


def _understood(columns: Any, notes: Sequence[Sentence]) -> None:
    """The columns as understood, and what was decided on the way."""
    for ours, theirs in columns.items():
        tell(f"  {printable(theirs)} -> {ours}")
    for note in notes:
        tell(f"  {told(note)}")
