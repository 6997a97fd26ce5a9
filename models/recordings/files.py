"""Read a recording from a file as people have them: any separator and encoding, decimal commas, a time column or none.

The earliest row comes first whatever the order of the file. A cell that is no number counts as missing, a column of
words is left out; either is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

from facility.errors import CannotDo, CannotParse, Problems
from facility.files import (
    Column,
    Grid,
    Header,
    RawRow,
    ReadOptions,
    blank,
    grouped,
    localize,
    newest_first,
    read_grids,
    read_moments,
    read_numbers,
    words,
)
from facility.files.tables import fitting, located
from facility.i18n.messages import Sentence
from models.recordings import LeftOut, Recording
from models.statistics import FloatArray

TIME_NAMES = ("time", "timestamp", "datetime", "date", "date_time", "ts", "时间", "日期时间", "采集时间", "日期")
EMPTY = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-", "inf", "-inf", "Inf", "-Inf", "#N/A"]
LOOK = 25  # rows that the header may stand below
MOSTLY = 0.5  # of a channel's cells must be numbers (D)
_SWITCH = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0}
_FAST = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M")
_NAIVE = pl.Datetime("us")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingForm:
    """What somebody said of a recording."""

    time: str = ""  # its time column
    ignore: Collection[str] = ()  # columns to leave out
    by: str = ""  # the column that names a row's unit
    options: ReadOptions = field(default_factory=ReadOptions)


def read_recording(
    path: Path,
    *,
    time: str = "",
    ignore: Collection[str] = (),
    optional: Collection[str] = (),
    by: str = "",
    options: ReadOptions | None = None,
) -> Recording:
    """The numeric columns of a file, its rows in the order of their times, of the file where it has none.

    Without `time` a column is taken for the time if its name or its content says so. Columns in `ignore` are left out,
    `optional` ones where they are there, those of words too; `by` names the unit of each row and is no channel. Raises
    `CannotDo` if the file cannot be opened, `CannotParse` if it is no table of numbers, or if its numbers or dates can
    be read in two ways.
    """
    form = RecordingForm(time=time, ignore=ignore, by=by, options=options or ReadOptions())
    try:
        path.open("rb").close()
    except OSError as error:
        raise CannotDo(
            "{path} cannot be read: {error}", "Check the name and its permissions", path=path, error=error
        ) from None
    columns, lines, notes = _columns(path, form)
    missing = [name for name in (*ignore, *filter(None, (time, by))) if name not in columns]
    if missing:
        raise CannotParse(
            "{name} has no column {missing!r}",
            "It has {columns}",
            name=path.name,
            missing=list(missing),
            columns=list(columns),
        )
    ignore = {*ignore, *optional}
    if not lines:
        raise CannotParse("{name} has a head and no rows", "There is nothing to look at", name=path.name)
    units = _units(columns[by], lines, path.name) if by else ()
    clock = time or _time_column([name for name in columns if name not in ignore and name != by], columns)
    seconds, first = None, None
    if clock:
        seconds, first = _seconds(columns[clock], path.name, form, notes)
    values: dict[str, FloatArray] = {}
    left_out: list[LeftOut] = []
    for name, cells in columns.items():
        if name in (clock, by) or name in ignore:
            continue
        numbers, why = _channel(name, cells, lines, path.name, form)
        if numbers is None:
            left_out.append(LeftOut(column=name, why=why))
            continue
        values[name] = numbers
        if why:
            notes.append(why)
    if not values:
        raise CannotParse(
            "{name} has no column of numbers besides the time",
            "Say --separator or --time if they were misread",
            name=path.name,
        )
    order = np.arange(len(lines)) if seconds is None else np.argsort(seconds, kind="stable")
    if seconds is not None and not np.array_equal(order, np.arange(len(lines))):
        notes.append(Sentence("the rows were put in the order of their times"))
        if (np.diff(seconds) < 0).sum() > (np.diff(seconds) > 0).sum():  # one moment twice: the later line came first
            order = (len(lines) - 1 - np.argsort(seconds[::-1], kind="stable")).astype(order.dtype)
    shown = columns[clock].fill_null("").gather(pl.Series(order)).to_list() if clock else None
    offset = 0.0 if seconds is None else float(seconds[order[0]])
    return Recording(
        channels=tuple(values),
        values=np.column_stack(list(values.values()))[order],
        seconds=np.arange(len(lines), dtype=np.float64) if seconds is None else seconds[order] - offset,
        times=tuple(shown) if shown is not None else None,
        first=first,
        file_rows=tuple((order + 1).tolist()),
        units=tuple(units[place] for place in order) if units else (),
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


# -- the table ----------------------------------------------------------------------------------------------------


def _columns(path: Path, form: RecordingForm) -> tuple[dict[str, pl.Series], list[int], list[Sentence]]:
    """The columns as text, null where empty, the line of each row, and what was decided on the way."""
    grid = next(iter(read_grids(path, form.options)))
    header = _header(grid)
    body, refusals = fitting(grid, header)
    refusals = [*(refusal for refusal in grid.refusals if refusal.line > header.line), *refusals]
    if refusals:
        raise Problems(path.name, [located(grid.sheet, 0, sentence) for sentence in grouped(refusals)])
    notes = list(grid.notes)
    if header.place:
        notes.append(Sentence("{count} lines above the header were passed over", count=header.place))
    columns = {}
    for column in header.columns:
        cells = [words(row.cells[column.place]) if column.place < len(row.cells) else "" for row in body]
        text = pl.Series(column.name, cells, dtype=pl.String).str.strip_chars()
        columns[column.name] = text.set(text.is_in(EMPTY), None) if len(text) else text
    return columns, [row.line for row in body], notes


def _header(grid: Grid) -> Header:
    """The first of the rows that fill the most columns."""
    head = grid.rows[:LOOK]
    counts = [sum(not blank(cell) for cell in row.cells) for row in head]
    usual = max(counts, key=counts.count) if len(counts) > 2 else counts[0]
    place = next(at for at, count in enumerate(counts) if count >= usual)
    row: RawRow = head[place]
    names: list[str] = []
    for cell in row.cells:
        name = words(cell)
        taken = sum(other == name or other.startswith(f"{name} (") for other in names)
        names.append(f"{name} ({taken + 1})" if name and taken else name)
    columns = tuple(Column(at, name, "") for at, name in enumerate(names) if name)
    if not columns:
        raise CannotParse("{name} is empty", "The first line must name the columns", name=grid.file)
    return Header(place, row.line, columns, ())


def _units(cells: pl.Series, lines: list[int], file: str) -> tuple[str, ...]:
    """The unit of each row; a row of none is of nothing that could be judged."""
    if cells.has_nulls():
        empty = cells.is_null().arg_true().to_list()
        raise CannotParse(
            "{file}, line {line}: column {name!r} names no unit ({count} such rows)",
            "Fill it in, or take the rows out",
            file=file,
            line=lines[empty[0]],
            name=cells.name,
            count=len(empty),
        )
    return tuple(cells.to_list())


# -- times --------------------------------------------------------------------------------------------------------


def _time_column(names: list[str], columns: Mapping[str, pl.Series]) -> str:
    """A column named like a time, or the first whose words read as moments."""
    for name in names:
        if name.strip().lower() in TIME_NAMES:
            return name
    for name in names[:3]:
        sample = columns[name].drop_nulls().head(20).to_list()
        numbers = read_numbers(sample)
        if sample and len(numbers.problems) == len(sample) and not read_moments(sample, order="dmy").problems:
            return name
    return ""


def _seconds(
    cells: pl.Series, file: str, form: RecordingForm, notes: list[Sentence]
) -> tuple[FloatArray | None, datetime | None]:
    """Seconds since 1970 in the order of the file, and the first moment there is."""
    options = form.options
    naive = _fast(cells)
    if naive is not None:
        zoned = naive.dt.replace_time_zone(options.zone.key, ambiguous="null", non_existent="null")
        if not zoned.has_nulls():
            seconds = zoned.dt.convert_time_zone("UTC").dt.epoch("us").to_numpy() / 1e6
            return seconds, datetime.fromtimestamp(float(seconds.min()), UTC)
    texts = cells.to_list()
    moments = read_moments(texts, order=options.order)
    if moments.problems and (numbers := read_numbers(texts, decimal=".")) and not numbers.problems:
        found = np.array(numbers.values)
        if np.isfinite(found).all():
            found = found / (1e3 if np.median(found) > 1e11 else 1.0)
            return found, datetime.fromtimestamp(float(found.min()), UTC) if abs(found).max() < 1e11 else None
    local = localize(moments.values, options.zone, earliest=True, backwards=newest_first(moments.values))
    problems = {**moments.problems, **local.problems}
    empty = [place for place, value in enumerate(local.values) if value is None and place not in problems]
    asking = next((sentence for sentence in problems.values() if "--date-order" in sentence.template), None)
    if asking is not None or ((problems or empty) and form.time):
        place = min([*problems, *empty])
        what = asking or problems.get(place, Sentence("no time"))
        raise CannotParse(
            "{file}: column {name!r}: {what}", "Write it as 2026-03-31 14:05:00",
            file=file, name=cells.name, what=what,
        )  # fmt: skip
    if problems or empty:
        place = min([*problems, *empty])
        notes.append(
            Sentence(
                "column {name!r} is no time throughout ({what}); rows are counted instead",
                name=cells.name,
                what=problems.get(place, Sentence("no time")),
            )
        )
        return None, None
    if local.twice:
        notes.append(
            Sentence(
                "{count} clock times come twice as summer time ends; the first of the two was taken",
                count=len(local.twice),
            )
        )
    stamps = np.array([moment.timestamp() for moment in local.values if moment is not None])
    return stamps, datetime.fromtimestamp(float(stamps.min()), UTC)


def _fast(cells: pl.Series) -> pl.Series | None:
    """Clock times without an offset in one of the forms that say themselves what they are; None where one is not."""
    plain = cells.str.replace("T", " ", literal=True)
    for form in _FAST:
        series = plain.str.to_datetime(form, time_unit="us", strict=False)
        if not series.has_nulls():
            return series
    return None


# -- numbers ------------------------------------------------------------------------------------------------------


def _channel(
    name: str, cells: pl.Series, lines: list[int], file: str, form: RecordingForm
) -> tuple[FloatArray | None, Sentence]:
    """A column as numbers, NaN where a cell is empty or none, with a word on those; None for a column of words."""
    there = cells.drop_nulls()
    if there.is_empty():
        return None, Sentence("it is empty")
    switch = there.str.to_lowercase().replace_strict(_SWITCH, default=None, return_dtype=pl.Float64)
    if not switch.has_nulls():
        series = cells.str.to_lowercase().replace_strict(_SWITCH, default=None, return_dtype=pl.Float64)
        return series.fill_null(np.nan).to_numpy().astype(np.float64), Sentence("")
    fast = cells.cast(pl.Float64, strict=False)
    if form.options.decimal != "," and fast.null_count() == cells.null_count():
        numbers = fast.fill_null(np.nan).to_numpy().astype(np.float64)
        return np.where(np.isfinite(numbers), numbers, np.nan), Sentence("")
    read = read_numbers(cells.to_list(), decimal=form.options.decimal, units=None)
    units = Counter(unit for value, unit in zip(read.values, read.units, strict=True) if value == value)
    unit = units.most_common(1)[0][0] if units else ""  # of the column; what has another is another thing
    read = read_numbers(cells.to_list(), decimal=form.options.decimal, units=(unit,))
    asking = next((sentence for sentence in read.problems.values() if "--decimal" in sentence.template), None)
    bad = sorted(read.problems)
    if len(bad) > (1 - MOSTLY) * len(there):
        if asking is not None:
            raise CannotParse("{file}: column {name!r}: {what}", "Then run it again", file=file, name=name, what=asking)
        first = words(cells[bad[0]])[:40]
        if len(bad) == len(there):
            return None, Sentence("it holds words, {first!r} first", first=first)
        return None, Sentence("{bad} of its {count} cells are no numbers, {first!r} first", bad=len(bad),
                              count=len(there), first=first)  # fmt: skip
    numbers = np.array(read.values, dtype=np.float64)
    if not bad:
        return numbers, Sentence("")
    return numbers, Sentence(
        "column {name!r}: {bad} cells are no numbers and count as missing, {first!r} in line {line} first",
        name=name,
        bad=len(bad),
        first=words(cells[bad[0]])[:40],
        line=lines[bad[0]],
    )
