"""Is a store what it should be? All that a lake promises, looked up in its files; of any store, whether it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from facility.errors import ServicedayError
from facility.i18n.messages import Sentence, foreign
from facility.store.contract import Store
from facility.store.deduplication import IDENTITY
from facility.store.hourly import KEY, summarise
from facility.store.lake.lake import Lake

Progress = Callable[[int, int], object]


@dataclass(slots=True)
class Report:
    """`problems` is empty if all is well."""

    readings: int = 0
    files: int = 0
    channels: int = 0
    problems: list[Sentence] = field(default_factory=list)
    notes: list[Sentence] = field(default_factory=list)  # what was damaged once and is known


def check(store: Store, *, on_progress: Progress | None = None) -> Report:
    """Read everything and compare: files with their list, readings with their identity, hours with their readings."""
    report = Report()
    health = store.health()
    if not health.ok:
        report.problems.append(foreign(health.detail))
        return report
    size = store.size()
    report.readings, report.files = size.readings, size.files
    damaged: set[str] = set()
    if isinstance(store, Lake):
        damaged = _check_files(store, report)
        if not any(path.startswith("latest/") for path in damaged) and not report.problems:
            report.channels = store.latest().height
        _check_lake(store, report, damaged, on_progress)
        return report
    latest = store.latest()
    report.channels = latest.height
    if size.readings and latest.is_empty():
        report.problems.append(Sentence("there are readings, and no newest one of any channel"))
    return report


def _check_files(lake: Lake, report: Report) -> set[str]:
    """Compare every file with what was written. Gives those that are damaged, by their path below the lake."""
    report.notes += lake.mended
    damaged = lake.damaged_files()
    for path, what in damaged:
        report.problems.append(Sentence("{file}: {what}", file=path, what=what))
    for first, last, count in lake.lost:
        report.notes.append(
            Sentence(
                "{count} readings between {first} and {last} were lost to damage; hourly summaries made of them before"
                " are kept",
                count=count,
                first=first[:16],
                last=last[:16],
            )
        )
    return {path for path, _ in damaged}


def _check_lake(lake: Lake, report: Report, damaged: set[str], on_progress: Progress | None) -> None:
    files = lake.readings_files()
    files = files.filter(~("raw/" + pl.col("path")).is_in(list(damaged)))
    days = files["day"].unique().sort().to_list()
    newest: list[pl.DataFrame] = []
    for number, day in enumerate(days):
        of_day = files.filter(pl.col("day") == day)
        try:
            newest.append(_check_day(lake, day, of_day, report))
        except (ServicedayError, OSError, pl.exceptions.PolarsError) as error:
            if damaged:
                continue  # told by its file
            report.problems.append(Sentence("{day}: {what}", day=day, what=foreign(" ".join(str(error).split())[:300])))
        if on_progress is not None:
            on_progress(number + 1, len(days))
    frame = pl.concat(newest).group_by("asset", "channel").agg(pl.col("time").max()) if newest else None
    if frame is not None and not report.problems and not lake.lost:
        latest = lake.latest()
        wrong = latest.join(frame, on=IDENTITY, how="anti").height + frame.join(latest, on=IDENTITY, how="anti").height
        if wrong:
            report.problems.append(
                Sentence("the newest reading of {wrong} channels is not what it should be", wrong=wrong)
            )


def _check_day(lake: Lake, day: date, files: pl.DataFrame, report: Report) -> pl.DataFrame:
    """Look at one day. Gives the newest time of its channels."""
    readings = lake.scan_readings(files).collect()
    if readings.height != int(files["rows"].sum()):
        report.problems.append(
            Sentence(
                "{day}: {count} readings, where {listed} are listed",
                day=day,
                count=readings.height,
                listed=int(files["rows"].sum()),
            )
        )
    twice = readings.height - readings.select(IDENTITY).n_unique()
    if twice:
        report.problems.append(Sentence("{day}: {twice} identities stand there more than once", day=day, twice=twice))
    strange = readings.filter(pl.any_horizontal(pl.all().is_null()) | ~pl.col("value").is_finite()).height
    if strange:
        report.problems.append(Sentence("{day}: {strange} readings without a proper value", day=day, strange=strange))
    outside = readings.filter(pl.col("time").dt.date() != day).height
    if outside:
        report.problems.append(Sentence("{day}: {outside} readings of other days", day=day, outside=outside))
    wrong = 0 if report.problems else _hours_differ(lake, day, readings)
    if wrong:
        report.problems.append(
            Sentence("{day}: {wrong} hourly summaries differ from their readings", day=day, wrong=wrong)
        )
    return readings.group_by("asset", "channel").agg(pl.col("time").max())


def _hours_differ(lake: Lake, day: date, readings: pl.DataFrame) -> int:
    frame, summary = lake.hours_of(day), summarise(readings.lazy())
    for first, last, _ in lake.lost:
        expression = pl.col("hour").is_between(datetime.fromisoformat(first), datetime.fromisoformat(last))
        frame, summary = frame.filter(~expression), summary.filter(~expression)
    lonely = frame.join(summary, on=KEY, how="anti").height + summary.join(frame, on=KEY, how="anti").height
    both = frame.join(summary, on=KEY, suffix="_made")
    exact = [pl.col(name) == pl.col(f"{name}_made") for name in ("count", "min", "max", "first", "last")]
    near = [
        (pl.col(name) - pl.col(f"{name}_made")).abs() <= 1e-6 + 1e-9 * pl.col(f"{name}_made").abs()
        for name in ("mean", "increase", "area")
    ]
    return lonely + both.filter(~pl.all_horizontal(*exact, *near)).height
