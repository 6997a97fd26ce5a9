"""`detect`: try the detectors on any machine's CSV file, without a registry or a store."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from commands.app import options
from commands.app.messages import say, told
from commands.app.output import printable, progress, show_json, show_table, spare_existing, tell
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from facility.files import ReadOptions
    from models.recordings import Recording
    from models.recordings.detecting import Alarm, Detected
    from models.recordings.units import Judged

SHOWN = 20  # alarms or units in a table


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
    healthy: Annotated[Path | None, typer.Option("--healthy", help=say("detect.healthy"), metavar="FILE")] = None,
    by: Annotated[str, typer.Option("--by", help=say("detect.by"), metavar="COLUMN")] = "",
    budget: Annotated[float | None, typer.Option("--budget", help=say("detect.budget"), min=1e-6, max=0.5)] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("detect.output"), metavar="FILE")] = None,
    force: options.Force = False,
    seed: Annotated[int, typer.Option("--seed", help=say("option.seed"))] = 0,
    as_json: Annotated[bool, typer.Option("--json", help=say("detect.json"))] = False,
) -> None:
    """Try the detectors on any CSV: learn from its healthy beginning, score and flag every row."""
    from models.recordings.detecting import detect as look
    from models.recordings.detecting import healthy_rows, matched
    from models.recordings.files import read_recording
    from models.recordings.units import detect_units, units_of

    _refuse_two_meanings(train_rows, train_until, healthy, by)
    spare_existing([output], force=force)
    form = options.file_form(
        encoding=encoding,
        separator=separator,
        sheet=sheet,
        decimal=decimal,
        order=date_order,
        timezone=timezone,
    )
    recording = read_recording(file, time=time, ignore=ignore, by=by, options=form)
    _tell_reading(recording)
    known = None
    if healthy is not None:
        known = _healthy(healthy, time, ignore, by, form)
        known = matched(recording, known, healthy.name)
    learned = train_rows or (_rows_until(recording, train_until, form.zone) if train_until else 0)
    with progress(as_json) as shown:
        task = shown.add_task(say("detect.progress"), total=None)

        def on_progress(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        if by:
            judged = detect_units(
                recording,
                units_of(recording, train_rows),
                healthy=known,
                budget=budget,
                seed=seed,
                on_progress=on_progress,
            )
        else:
            detected = look(
                recording,
                train_rows=learned or healthy_rows(recording),
                healthy=known,
                budget=budget,
                seed=seed,
                on_progress=on_progress,
            )
    rows = _unit_rows(recording, judged) if by else _rows(recording, detected)
    if output is not None:
        _write(output, recording, rows)
    if as_json:
        show_json(_units_summary(recording, judged) if by else _summary(recording, detected))
    elif output is None:
        _write(None, recording, rows)
    elif by:
        _show_units(recording, judged, output)
    else:
        _show(recording, detected, output)


def _refuse_two_meanings(train_rows: int, train_until: str, healthy: Path | None, by: str) -> None:
    given = [
        name
        for name, there in (("--train-rows", train_rows), ("--train-until", train_until), ("--healthy", healthy))
        if there
    ]
    if len(given) > 1:
        raise CannotParse("{first} and {second} both say what is healthy", "Give one of them", first=given[0],
                          second=given[1])  # fmt: skip
    if by and train_until:
        raise CannotParse("--train-until is one moment for all units", "Say --train-rows, of each unit, with --by")


def _tell_reading(recording: Recording) -> None:
    for note in recording.notes:
        tell(printable(told(note)), error=True)
    for column in recording.left_out:
        tell(say("detect.left_out", column=printable(column.column), why=printable(told(column.why))), error=True)


def _healthy(file: Path, time: str, ignore: list[str], by: str, form: ReadOptions) -> Recording:
    """The healthy file; the units of its rows where it has that column, too."""
    from models.recordings.files import read_recording

    names = list(ignore)
    try:
        return read_recording(file, time=time, optional=names, by=by, options=form)
    except CannotParse:
        if not by:
            raise
    return read_recording(file, time=time, optional=names, options=form)


def _show(recording: Recording, detected: Detected, output: Path) -> None:
    tell(
        say(
            "detect.done",
            rows=f"{recording.rows:,}",
            channels=len(recording.channels),
            healthy=f"{detected.founded.rows:,}",
            alarms=len(detected.alarms),
            share=f"{detected.flag.mean():.1%}",
            file=output,
        )
    )
    _tell_foundation(detected)
    if detected.alarms:
        show_table(
            say("detect.alarms"),
            [say("column.from"), say("column.until"), say("column.rows"), say("column.peak"), say("column.off")],
            [
                (
                    _when(recording, alarm.first),
                    _when(recording, alarm.last),
                    alarm.last - alarm.first + 1,
                    f"{alarm.peak:.1f}",
                    _off(alarm),
                )
                for alarm in sorted(detected.alarms, key=lambda a: -a.peak)[:SHOWN]
            ],
            right=[2, 3],
        )


def _tell_foundation(detected: Detected) -> None:
    """How well the budget is founded, and what it cannot show."""
    founded = detected.founded
    key = "detect.founded" if founded.blocks else "detect.founded_rolling"
    tell(
        say(
            key,
            budget=f"{founded.budget:.1%}",
            rows=f"{founded.rows:,}",
            windows=f"{founded.windows:,.0f}",
            blocks=founded.blocks,
        ),
        error=True,
    )
    if founded.budget < founded.provable:
        tell(say("detect.provable", share=f"{founded.provable:.1%}"), error=True)


def _show_units(recording: Recording, judged: tuple[Judged, ...], output: Path) -> None:
    alarmed = sum(bool(unit.detected.alarms) for unit in judged)
    tell(
        say(
            "detect.units_done",
            rows=f"{recording.rows:,}",
            units=f"{len(judged):,}",
            alarmed=f"{alarmed:,}",
            file=output,
        )
    )
    pooled = next((unit for unit in judged if unit.pooled), None)
    if pooled is not None:
        tell(say("detect.pooled", units=sum(unit.pooled for unit in judged)), error=True)
        _tell_foundation(pooled.detected)
    show_table(
        say("detect.units"),
        [say("column.machine"), say("column.rows"), say("column.standing"), say("column.alarms"), say("column.off")],
        [
            (
                unit.unit.name,
                len(unit.unit.places),
                f"{unit.standing:.2f}",
                len(unit.detected.alarms),
                _off(unit.detected.alarms[-1]) if unit.detected.alarms else "",
            )
            for unit in judged[:SHOWN]
        ],
        right=[1, 2, 3],
    )


def _off(alarm: Alarm) -> str:
    return ", ".join(f"{c.channel} {c.off:+.1f}" for c in alarm.channels)


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


Scored = tuple[int, str, float, int]  # place in the recording, unit, score, flag


def _rows(recording: Recording, detected: Detected) -> list[Scored]:
    return [(row, "", float(detected.score[row]), int(detected.flag[row])) for row in range(recording.rows)]


def _unit_rows(recording: Recording, judged: tuple[Judged, ...]) -> list[Scored]:
    """In the order of the recording."""
    found: list[Scored] = []
    for unit in judged:
        score, flag = unit.detected.score.tolist(), unit.detected.flag.tolist()
        places = unit.unit.places.tolist()
        found += [(place, unit.unit.name, score[row], int(flag[row])) for row, place in enumerate(places)]
    return sorted(found)


def _write(output: Path | None, recording: Recording, rows: list[Scored]) -> None:
    """Row, time and unit if there are any, score, flag. To standard output where no file is named."""
    named = ["row", *(["time"] if recording.times else []), *(["unit"] if recording.units else []), "score", "flag"]
    try:
        with output.open("w", encoding="utf-8", newline="") if output else nullcontext(sys.stdout) as stream:
            table = csv.writer(stream, lineterminator="\n")
            table.writerow(named)
            for place, unit, score, flag in rows:
                moment = [recording.times[place]] if recording.times else []
                name = [unit] if recording.units else []
                table.writerow([recording.file_row(place), *moment, *name, f"{score:.4f}", flag])
    except OSError as error:
        raise CannotDo(
            "{path} cannot be written: {error}", "Choose another file with -o", path=output, error=error
        ) from None


def _reading(recording: Recording) -> dict[str, object]:
    return {
        "rows": recording.rows,
        "channels": list(recording.channels),
        "left_out": [{"column": column.column, "why": told(column.why)} for column in recording.left_out],
        "notes": [told(note) for note in recording.notes],
        "threshold": 1.0,
    }


def _foundation(detected: Detected) -> dict[str, object]:
    founded = detected.founded
    return {
        "budget": round(founded.budget, 6),
        "provable_budget": round(founded.provable, 4),
        "founded_on": {"rows": founded.rows, "windows": round(founded.windows, 1), "held_out_blocks": founded.blocks},
    }


def _summary(recording: Recording, detected: Detected) -> dict[str, object]:
    return (
        _reading(recording)
        | {"healthy_rows": detected.healthy_rows}
        | _foundation(detected)
        | {
            "operating_points": detected.operating_points,
            "season": detected.season,
            "never_moved": list(detected.still),
            "flagged_rows": int(detected.flag.sum()),
            "flagged_rows_after_training": int(detected.flag[detected.healthy_rows :].sum()),
            "alarms": [_alarm(recording, alarm, range(recording.rows)) for alarm in detected.alarms],
        }
    )


def _units_summary(recording: Recording, judged: tuple[Judged, ...]) -> dict[str, object]:
    return _reading(recording) | {
        "units": [
            {
                "unit": unit.unit.name,
                "rank": rank,
                "standing": round(unit.standing, 4),
                "rows": len(unit.unit.places),
                "healthy_rows": unit.detected.healthy_rows,
                "reference": "pooled" if unit.pooled else "own",
                **_foundation(unit.detected),
                "flagged_rows": int(unit.detected.flag.sum()),
                "alarms": [_alarm(recording, alarm, unit.unit.places.tolist()) for alarm in unit.detected.alarms],
            }
            for rank, unit in enumerate(judged, 1)
        ],
    }


def _alarm(recording: Recording, alarm: Alarm, places: Sequence[int]) -> dict[str, object]:
    """`places`: rows of the recording that the detected ones are."""
    return {
        "first_row": recording.file_row(places[alarm.first]),
        "last_row": recording.file_row(places[alarm.last]),
        "from": _when(recording, places[alarm.first]),
        "until": _when(recording, places[alarm.last]),
        "peak": round(alarm.peak, 3),
        "channels": [asdict(channel) | {"off": round(channel.off, 2)} for channel in alarm.channels],
    }
