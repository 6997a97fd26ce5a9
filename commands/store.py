"""`store`: choose where readings are kept, look after them, take them elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import progress, show_json, spare_existing, tell
from facility.folder import DataFolder

if TYPE_CHECKING:
    from facility.store import Store

Kind = Annotated[str, typer.Argument(help=say("store.kind"), metavar="lake|influx")]
Url = Annotated[str, typer.Option("--url", help=say("store.url"), metavar="URL")]
Org = Annotated[str, typer.Option("--org", help=say("store.org"), metavar="NAME")]
Bucket = Annotated[str, typer.Option("--bucket", help=say("store.bucket"), metavar="NAME")]
TokenFile = Annotated[str, typer.Option("--token-file", help=say("store.token_file"), metavar="FILE")]
Where = Annotated[str, typer.Option("--place", help=say("store.place"), metavar="DIR|s3://...")]


def use(
    kind: Kind,
    data: options.Data = options.DATA,
    url: Url = "",
    org: Org = "",
    bucket: Bucket = "serviceday",
    token_file: TokenFile = "",
    place: Where = "",
) -> None:
    """Choose the store."""
    from facility.store.configuration import Choice
    from ingest.journal.store_identity import forget_identity

    choice = Choice(kind=kind, url=url, org=org, bucket=bucket, token_file=token_file, place=place)
    folder = DataFolder(data).prepare()
    file = choice.write(folder.path)
    forget_identity(folder)  # the journal meets its store anew
    tell(say("store.use.done", file=file))
    if kind == "influx":
        tell(say("store.use.next"))


def check(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """Read everything and compare files, identities and summaries. Exit code 1 if something is wrong."""
    from facility.store.checking import check as check_store
    from ingest.journal.store_identity import refuse_missing, strange

    refuse_missing(DataFolder(data).existing())
    with _opened(data) as here, _watched("store.check.progress", as_json) as step:
        report = check_store(here, on_progress=step)
        health = here.health()
        if problem := strange(DataFolder(data), here.identity()):
            report.problems.append(problem)
    if as_json:
        show_json(asdict(report) | {"health": asdict(health)})
    else:
        tell(told(health.detail))
        tell(say("store.check.found", readings=f"{report.readings:,}", channels=f"{report.channels:,}"))
        for note in report.notes:
            tell(f"  {told(note)}")
        for problem in report.problems:
            tell(f"  {told(problem)}", error=True)
        tell(say("store.check.bad" if report.problems else "store.check.good", count=len(report.problems)))
    if report.problems:
        raise typer.Exit(1)


def repair(
    data: options.Data = options.DATA,
    backup: Annotated[str, typer.Option("--from", help=say("store.backup"), metavar="DIR|s3://...")] = "",
    accept: Annotated[bool, typer.Option("--accept", help=say("store.accept"))] = False,
    as_json: options.Json = False,
) -> None:
    """Mend damaged files."""
    from commands.repairing import repaired

    with progress(as_json) as shown:
        shown.add_task(say("store.repair.progress"), total=None)
        done = repaired(DataFolder(data).existing(), backup, accept=accept)
    if as_json:
        show_json(
            {
                name: [str(entry) for entry in value] if isinstance(value, list) else value
                for name, value in done.items()
            }
        )
    else:
        for note in done["restored"]:
            tell(f"  {told(note)}")
        for note in done["lost"]:
            tell(f"  ! {told(note)}", error=True)
        key = "bad" if done["readings_lost"] or done["lost"] else "good"
        tell(say(f"store.repair.{key}", lost=f"{done['readings_lost']:,}", again=f"{done['from_journal']:,}"))
    if done["lost"]:
        raise typer.Exit(1)


def compact(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """Merge all small files and refresh the summaries now; safe beside writers and readers."""
    from facility.store.lake.lake import Lake

    with _opened(data) as here, _watched("store.compact.progress", as_json) as step:
        before = here.size()
        replaced = here.compact(on_progress=step) if isinstance(here, Lake) else 0
        if not isinstance(here, Lake):
            here.maintain()
        after = here.size()
    if as_json:
        show_json({"replaced": replaced, "before": asdict(before), "after": asdict(after)})
    else:
        megabytes = f"{after.bytes / 1e6:.1f}"
        tell(say("store.compact.done", before=before.files, after=after.files, megabytes=megabytes))


def keep(
    data: options.Data = options.DATA,
    raw: Annotated[str, typer.Option("--raw", help=say("store.raw"), metavar="SPAN|forever")] = "",
    hourly: Annotated[str, typer.Option("--hourly", help=say("store.hourly"), metavar="SPAN|forever")] = "",
    as_json: options.Json = False,
) -> None:
    """How long readings and hourly summaries are kept."""
    from facility.store import Retention

    def span(words: str, now: timedelta | None) -> timedelta | None:
        return now if not words else None if words == "forever" else options.span(words)

    with _opened(data) as here:
        now = here.retention()
        if raw or hourly:
            here.retain(Retention(raw=span(raw, now.raw), hourly=span(hourly, now.hourly)))
            now = here.retention()
    days = {"raw": _days(now.raw), "hourly": _days(now.hourly)}
    if as_json:
        show_json(days)
    else:
        tell(say("store.keep.done", **{name: value or say("store.forever") for name, value in days.items()}))


def export(
    file: Annotated[Path, typer.Argument(help=say("store.export.file"), metavar="FILE.parquet|FILE.csv")],
    data: options.Data = options.DATA,
    asset: Annotated[list[str], typer.Option("--asset", help=say("store.asset"), metavar="ID")] = [],  # noqa: B006
    channel: Annotated[list[str], typer.Option("--channel", help=say("store.channel"), metavar="KEY")] = [],  # noqa: B006
    start: Annotated[str, typer.Option("--from", help=say("store.from"), metavar="DATE")] = "",
    end: Annotated[str, typer.Option("--until", help=say("store.until"), metavar="DATE")] = "",
    force: options.Force = False,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Write readings to a Parquet or CSV file."""
    from facility.store.exporting import export as write_out

    spare_existing([file], force=force)
    place = options.zone(timezone)

    def moment(words: str) -> datetime | None:
        return options.midnight(options.day(words), place) if words else None

    with _opened(data) as here, _watched("store.export.progress", as_json) as step:
        rows = write_out(
            here,
            file,
            assets=asset or None,
            channels=channel or None,
            start=moment(start),
            end=moment(end),
            on_progress=step,
        )
    if as_json:
        show_json({"file": str(file), "readings": rows})
    else:
        tell(say("store.export.done", readings=f"{rows:,}", file=file))


def copy(
    to: Annotated[str, typer.Option("--to", help=say("store.to"), metavar="DIR|s3://...|influx")],
    data: options.Data = options.DATA,
    url: Url = "",
    org: Org = "",
    bucket: Bucket = "serviceday",
    token_file: TokenFile = "",
    as_json: options.Json = False,
) -> None:
    """Copy all readings into another store and verify every stretch."""
    from facility.store.configuration import Choice
    from facility.store.copying import copy as bring
    from facility.store.registry import open_at

    folder = DataFolder(data).existing()
    influx = Choice(kind="influx", url=url, org=org, bucket=bucket, token_file=token_file) if url else None
    with _opened(data) as here, _watched("store.copy.progress", as_json) as step:
        target = open_at(to, aside=folder.readings, influx=influx)
        try:
            done = bring(here, target, on_progress=step)
        finally:
            target.close()
    if as_json:
        show_json(asdict(done))
        return
    values = {"readings": f"{done.readings:,}", "stored": f"{done.stored:,}", "checksum": done.checksum}
    tell(say("store.copy.done", **values))
    if done.extra:
        tell(say("store.copy.extra", count=f"{done.extra:,}"))


def _days(span: timedelta | None) -> str:
    return "" if span is None else f"{span / timedelta(days=1):g}d"


@contextmanager
def _opened(data: Path) -> Iterator[Store]:
    from facility.store import open_store

    store = open_store(DataFolder(data).existing().readings)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def _watched(key: str, quiet: bool) -> Iterator[Callable[[int, int], Any]]:
    """A progress bar fed by `step(done, total)`."""
    with progress(quiet) as shown:
        task = shown.add_task(say(key), total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
