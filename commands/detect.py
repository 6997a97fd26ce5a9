"""`detect`: try the detectors on any machine's CSV file, without a registry or a store."""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import printable, progress, show_json, show_table, spare_existing, tell
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from models.recordings import Recording
    from models.recordings.detecting import Detected

SHOWN = 20  # alarms in the table


def detect(
    file: Annotated[Path, typer.Argument(help=say("detect.file"), metavar="FILE")],
    train_rows: Annotated[int, typer.Option("--train-rows", help=say("detect.train_rows"), min=0)] = 0,
    train_until: Annotated[str, typer.Option("--train-until", help=say("detect.train_until"), metavar="TIME")] = "",
    time: Annotated[str, typer.Option("--time", help=say("detect.time"), metavar="COLUMN")] = "",
    separator: Annotated[str, typer.Option("--separator", help=say("detect.separator"), metavar="CHAR")] = "",
    ignore: Annotated[list[str], typer.Option("--ignore", help=say("detect.ignore"), metavar="COLUMN")] = [],  # noqa: B006 - typer copies it
    encoding: options.Encoding = "",
    sheet: options.Sheet = "",
    decimal: options.Decimal = "",
    date_order: options.DateOrder = "",
    timezone: options.Zone = options.ZONE,
    budget: Annotated[float, typer.Option("--budget", help=say("detect.budget"), min=1e-6, max=0.5)] = 0.01,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("detect.output"), metavar="FILE")] = None,
    force: options.Force = False,
    seed: Annotated[int, typer.Option("--seed", help=say("option.seed"))] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=say("detect.json"))] = False,
) -> None:
    from models.recordings.detecting import detect as look
    from models.recordings.detecting import healthy_rows
    from models.recordings.files import read_recording

    if train_rows and train_until:
        raise CannotParse("--train-rows and --train-until both say what is healthy", "Give one of them")
    spare_existing([output], force=force)
    form = options.file_form(
        encoding=encoding,
        separator=separator,
        sheet=sheet,
        decimal=decimal,
        order=date_order,
        timezone=timezone,
    )
    recording = read_recording(file, time=time, ignore=ignore, options=form)
    for note in recording.notes:
        tell(printable(told(note)), error=True)
    for one in recording.left_out:
        tell(say("detect.left_out", column=printable(one.column), why=printable(told(one.why))), error=True)
    healthy = train_rows or (_rows_until(recording, train_until, form.zone) if train_until else healthy_rows(recording))
    with progress(as_json) as shown:
        task = shown.add_task(say("detect.progress"), total=None)
        found = look(
            recording,
            train_rows=healthy,
            budget=budget,
            seed=seed,
            on_progress=lambda done, total: shown.update(task, completed=done, total=total),
        )
    if output is not None:
        _write(output, recording, found)
    if as_json:
        show_json(_summary(recording, found, budget))
        return
    if output is None:
        _write(None, recording, found)
        return
    tell(
        say(
            "detect.done",
            rows=f"{recording.rows:,}",
            channels=len(recording.channels),
            healthy=f"{found.healthy_rows:,}",
            alarms=len(found.alarms),
            share=f"{found.flag.mean():.1%}",
            file=output,
        )
    )
    if budget < found.provable:
        tell(say("detect.provable", share=f"{found.provable:.1%}"), error=True)
    if found.alarms:
        show_table(
            say("detect.alarms"),
            [say("column.from"), say("column.until"), say("column.rows"), say("column.peak"), say("column.off")],
            [
                (
                    _when(recording, one.first),
                    _when(recording, one.last),
                    one.last - one.first + 1,
                    f"{one.peak:.1f}",
                    ", ".join(f"{c.channel} {c.off:+.1f}" for c in one.channels),
                )
                for one in sorted(found.alarms, key=lambda a: -a.peak)[:SHOWN]
            ],
            right=[2, 3],
        )


def _rows_until(recording: Recording, until: str, zone: ZoneInfo) -> int:
    """Rows before a moment written as in the file, or any ISO 8601 time."""
    from datetime import datetime

    if recording.first is None:
        raise CannotParse(
            "--train-until needs a time column, and none was found", "Name it with --time, or use --train-rows"
        )
    try:
        moment = datetime.fromisoformat(until)
    except ValueError:
        raise CannotParse(
            "{words!r} is not a time", "Write it as 2026-03-31 or 2026-03-31T14:05", words=until
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    rows = int((recording.seconds < (moment - recording.first) / timedelta(seconds=1)).sum())
    if rows == 0:
        raise CannotDo(
            "no row lies before {until}",
            "The file begins at {first}",
            until=until,
            first=recording.first.astimezone(zone),
        )
    return rows


def _when(recording: Recording, row: int) -> str:
    return recording.times[row] if recording.times else str(recording.file_row(row))


def _write(output: Path | None, recording: Recording, found: Detected) -> None:
    """Row, time if there is one, score, flag. To standard output where no file is named."""
    try:
        with output.open("w", encoding="utf-8", newline="") if output else nullcontext(sys.stdout) as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(["row", *(["time"] if recording.times else []), "score", "flag"])
            for row in range(recording.rows):
                moment = [recording.times[row]] if recording.times else []
                table.writerow([recording.file_row(row), *moment, f"{found.score[row]:.4f}", int(found.flag[row])])
    except OSError as error:
        raise CannotDo(
            "{path} cannot be written: {error}", "Choose another file with -o", path=output, error=error
        ) from None


def _summary(recording: Recording, found: Detected, budget: float) -> dict[str, Any]:
    return {
        "rows": recording.rows,
        "channels": list(recording.channels),
        "left_out": [{"column": one.column, "why": told(one.why)} for one in recording.left_out],
        "notes": [told(note) for note in recording.notes],
        "healthy_rows": found.healthy_rows,
        "budget": budget,
        "provable_budget": round(found.provable, 4),
        "threshold": 1.0,
        "operating_points": found.operating_points,
        "never_moved": list(found.still),
        "flagged_rows": int(found.flag.sum()),
        "flagged_rows_after_training": int(found.flag[found.healthy_rows :].sum()),
        "alarms": [
            {
                "first_row": recording.file_row(one.first),
                "last_row": recording.file_row(one.last),
                "from": _when(recording, one.first),
                "until": _when(recording, one.last),
                "peak": round(one.peak, 3),
                "channels": [asdict(c) | {"off": round(c.off, 2)} for c in one.channels],
            }
            for one in found.alarms
        ],
    }
