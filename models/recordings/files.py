"""Read a recording from a CSV file as people have them: any separator, decimal commas, a time column or none."""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from facility.errors import CannotDo, CannotParse
from models.recordings import Recording
from models.statistics import FloatArray

SEPARATORS = (",", ";", "\t", "|")
TIME_NAMES = ("time", "timestamp", "datetime", "date", "date_time", "ts", "时间", "日期时间", "采集时间")
EMPTY = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-"]
LOOK = 65_536  # bytes looked at to see what kind of file it is
FORMATS = ("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S")
FORMATS_ISO = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y%m%d %H:%M:%S", "%Y%m%d%H%M%S")


def read_recording(path: Path, *, time: str = "", separator: str = "", ignore: Collection[str] = ()) -> Recording:
    """The numeric columns of a CSV file, in its order of rows.

    Without `time` a column is taken for the time if its name or its content says so. Columns in `ignore` are left out,
    text columns too. Raises `CannotDo` if the file cannot be opened, `CannotParse` if it is no table of numbers.
    """
    head = _head(path)
    chosen = separator or _separator(head)
    frame = _frame(path, chosen)
    missing = [name for name in (*ignore, *([time] if time else [])) if name not in frame.columns]
    if missing:
        raise CannotParse(
            "{name} has no column {missing!r}",
            "It has {columns}",
            name=path.name,
            missing=list(missing),
            columns=list(frame.columns),
        )
    if frame.is_empty():
        raise CannotParse("{name} has a head and no rows", "There is nothing to look at", name=path.name)
    clock = time or _time_column([c for c in frame.columns if c not in ignore], frame)
    seconds, times, first = None, None, None
    if clock:
        times = tuple(frame[clock].fill_null("").to_list())
        moments = _moments(frame[clock], path.name, asked=bool(time))
        if moments is not None:
            seconds, first = _seconds(moments)
    values: dict[str, FloatArray] = {}
    for name in frame.columns:
        if name == clock or name in ignore:
            continue
        numbers = _numbers(frame[name], comma=chosen != ",")
        if numbers is not None:
            values[name] = numbers
    if not values:
        raise CannotParse(
            "{name} has no column of numbers besides the time",
            "Say --separator or --time if they were misread",
            name=path.name,
        )
    return Recording(
        channels=tuple(values),
        values=np.column_stack(list(values.values())),
        seconds=np.arange(len(frame), dtype=np.float64) if seconds is None else seconds,
        times=times,
        first=first,
    )


def _head(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            raw = stream.read(LOOK)
    except OSError as error:
        raise CannotDo(
            "{path} cannot be read: {error}", "Check the name and its permissions", path=path, error=error
        ) from None
    if b"\0" in raw:
        raise CannotParse("{name} is no text file", "Save the table as CSV", name=path.name)
    text = raw.decode("utf-8", errors="ignore")
    if not text.strip():
        raise CannotParse("{name} is empty", "There is nothing to look at", name=path.name)
    return text


def _separator(head: str) -> str:
    """The one that cuts the first lines into equally many parts, and into most."""
    lines = [line for line in head.splitlines() if line.strip()][:50]
    lines = lines[:-1] if len(lines) > 2 else lines  # the last may be cut off

    def fit(separator: str) -> tuple[float, int]:
        parts = [len(row) for row in csv.reader(lines, delimiter=separator)]
        return float(np.mean(np.array(parts) == parts[0])) if parts[0] > 1 else 0.0, parts[0]

    return max(SEPARATORS, key=fit)


def _frame(path: Path, separator: str) -> pl.DataFrame:
    encodings: tuple[Literal["utf8", "utf8-lossy"], ...] = ("utf8", "utf8-lossy")
    for encoding in encodings:
        try:
            frame = pl.read_csv(
                path, separator=separator, infer_schema=False, null_values=EMPTY, encoding=encoding,
                truncate_ragged_lines=False,
            )  # fmt: skip
        except pl.exceptions.PolarsError as error:
            problem = str(error).splitlines()[0]
            if encoding == "utf8" and "utf" in problem.lower():
                continue
            raise CannotParse(
                "{name}: {problem}",
                "Is {separator!r} its separator? Say --separator",
                name=path.name,
                problem=problem,
                separator=separator,
            ) from None
        return frame.rename({name: name.strip().lstrip("\ufeff") for name in frame.columns})
    raise AssertionError("unreachable")


def _time_column(columns: list[str], frame: pl.DataFrame) -> str:
    """A column named like a time, or the first whose words read as moments."""
    for name in columns:
        if name.lower() in TIME_NAMES:
            return name
    for name in columns[:3]:
        sample = frame[name].drop_nulls().head(20)
        if len(sample) and _numbers(sample, comma=True) is None and _parsed(sample) is not None:
            return name
    return ""


def _moments(words: pl.Series, file: str, *, asked: bool) -> pl.Series | None:
    parsed = _parsed(words)
    if parsed is not None:
        return parsed
    numbers = _numbers(words, comma=False)
    if numbers is not None and np.isfinite(numbers).all():
        unit: float = 1e3 if np.nanmedian(numbers) > 1e11 else 1.0
        return pl.Series((numbers / unit * 1e6).astype(np.int64)).cast(pl.Datetime("us"))
    if asked:
        bad = next((w for w in words.to_list() if w is None or _parsed(pl.Series([w])) is None), "")
        raise CannotParse(
            "{file}: {bad!r} in column {name!r} is no time",
            "Write it as 2026-03-31 14:05:00",
            file=file,
            bad=bad,
            name=words.name,
        )
    return None


def _parsed(words: pl.Series) -> pl.Series | None:
    """As local times without a zone, or None if any is not a time. An offset is taken off."""
    plain = words.str.strip_chars().str.replace(r"(Z|[+-]\d{2}:?\d{2})$", "").str.replace("T", " ", literal=True)
    attempts: list[Callable[[], pl.Series]] = [
        lambda: plain.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False),
        lambda: plain.str.to_datetime("%Y-%m-%d %H:%M", time_unit="us", strict=False),
        *(
            lambda form=form: plain.str.to_datetime(form, time_unit="us", strict=False)
            for form in (*FORMATS, *FORMATS_ISO)
        ),
    ]
    for attempt in attempts:
        try:
            found = attempt()
        except pl.exceptions.PolarsError:
            continue
        if not found.has_nulls():
            return found
    return None


def _seconds(moments: pl.Series) -> tuple[FloatArray, datetime]:
    micros = moments.cast(pl.Int64).to_numpy()
    first: datetime = moments[0]
    return (micros - micros[0]) / 1e6, first


def _numbers(words: pl.Series, *, comma: bool) -> FloatArray | None:
    """As numbers, NaN where empty or infinite; None for a text column. Yes and no count as 1 and 0."""
    plain = words.str.strip_chars()
    found = plain.cast(pl.Float64, strict=False)
    if comma and (found.is_null() & plain.is_not_null()).any():
        found = plain.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    if (found.is_null() & plain.is_not_null()).any():
        known = {"true": 1.0, "false": 0.0, "on": 1.0, "off": 0.0, "yes": 1.0, "no": 0.0}
        found = plain.str.to_lowercase().replace_strict(known, default=None, return_dtype=pl.Float64)
        if (found.is_null() & plain.is_not_null()).any():
            return None
    if plain.null_count() == len(plain):
        return None
    numbers = found.fill_null(np.nan).to_numpy().astype(np.float64)
    return np.where(np.isfinite(numbers), numbers, np.nan)
