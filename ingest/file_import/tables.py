"""Tables of readings that are read whole: workbooks, other encodings, decimal commas, and wide tables.

A long table has a row a reading: asset, time, value, and a channel unless it is said for all. A wide one has a row a
moment and a column a series: a channel where a column names the asset, an asset where the channel is said for all, or
both in the column's name (`L-1/motor_temperature`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from facility.catalogue.catalogue import catalogue
from facility.errors import Problems
from facility.estate import Asset
from facility.files import (
    Field,
    Grid,
    Header,
    RawRow,
    Refusal,
    Value,
    blank,
    localize,
    read_grids,
    read_moments,
    read_numbers,
    words,
)
from facility.files.cells import plain_name
from facility.files.tables import choose_sheet, fitting, located
from facility.i18n.messages import Sentence
from ingest.file_import.form import FIELDS, SCHEMA, FileForm, Piece

_PARTS = re.compile(r"[/:|.\s]+")


@dataclass(frozen=True, slots=True)
class _Series:
    """A column of values: of which asset and channel, where the column says so."""

    place: int
    asset: str = ""
    channel: str = ""


@dataclass(slots=True)
class _Cells:
    """Readings as they stand, a list a column."""

    rows: list[RawRow]
    assets: list[str]
    channels: list[str]
    times: list[Value]
    values: list[Value]
    numbers: list[float]
    units: list[str]


def read_whole(path: Path, form: FileForm, directory: Mapping[str, Asset]) -> Piece:
    """All readings of a file. Raises `CannotParse`, or `Problems` where it has not the columns it needs."""
    grid, header = choose_sheet(read_grids(path, form.options), _fields(form), form.mapping)
    if header.problems:
        raise Problems(path.name, [located(grid.sheet, header.line, sentence) for sentence in header.problems])
    return typed(grid, header, form, directory)


def _fields(form: FileForm) -> Sequence[Field]:
    return [field for field in FIELDS if field.key != "channel" or form.channel is None]


def typed(grid: Grid, header: Header, form: FileForm, directory: Mapping[str, Asset]) -> Piece:
    """The readings of a grid, each in the form of its column."""
    fields = header.fields
    left: list[Sentence] = []
    if "time" in fields and "value" not in fields:
        series, left = _wide(header, form, directory)
    else:
        series = [_Series(fields["value"])] if "value" in fields else []
    keys = {"asset"} if series and all(column_series.asset for column_series in series) else set[str]()
    keys |= {"channel"} if series and all(column_series.channel for column_series in series) else set()
    missing = [
        Sentence("no column {theirs!r} for {ours}", theirs=form.mapping.get(ours, ours), ours=ours)
        for ours in form.wanted
        if ours not in fields and ours not in keys and not (ours == "value" and series)
    ]
    if missing:
        names = [column.name for column in header.columns]
        raise Problems(
            grid.file,
            [
                *(located(grid.sheet, header.line, sentence) for sentence in missing),
                Sentence("the columns are {names}; name them with --map", names=names),
            ],
        )
    body, refusals = fitting(grid, header)
    refusals = [*(refusal for refusal in grid.refusals if refusal.line > header.line), *refusals]
    surplus = len({refusal.line for refusal in refusals})
    cells, decimal_notes = _cells(body, series, header, form, refusals)
    moments = read_moments(cells.times, order=form.options.order)
    local = localize(
        moments.values,
        form.options.zone,
        series=list(zip(cells.assets, cells.channels, strict=True)),
        earliest=form.options.earliest,
    )
    good = []
    for place, (row, moment) in enumerate(zip(cells.rows, local.values, strict=True)):
        problem = moments.problems.get(place) or local.problems.get(place)
        if problem is not None or moment is None:
            refusals.append(Refusal(line=row.line, what=problem or Sentence("no time"), cells=row.cells))
            continue
        good.append(
            (row.line, cells.assets[place], cells.channels[place], cells.units[place], moment,
             cells.numbers[place] * form.scale)
        )  # fmt: skip
    by_line = {row.line: row.cells for row in body}
    count = len(good) + len(refusals) if len(series) > 1 else len(body) + surplus
    return Piece(
        rows=pl.DataFrame(good, schema=SCHEMA, orient="row"),
        refusals=sorted(refusals, key=lambda refusal: refusal.line),
        cells=by_line.__getitem__,
        seen=count,
        total=count,
        columns=[column.name for column in header.columns],
        understood={column.field: column.name for column in header.columns if column.field}
        | {
            f"{column_series.asset}/{column_series.channel}".strip("/"): _name(header, column_series)
            for column_series in series
            if column_series.asset or column_series.channel
        },
        notes=[*grid.notes, *left, *decimal_notes],
    )


def _name(header: Header, series: _Series) -> str:
    return next(column.name for column in header.columns if column.place == series.place)


def _cells(
    body: Sequence[RawRow], series: Sequence[_Series], header: Header, form: FileForm, refusals: list[Refusal]
) -> tuple[_Cells, list[Sentence]]:
    cells = _Cells([], [], [], [], [], [], [])
    notes = []
    fields = header.fields
    for column_series in series:
        values = [_at(row, column_series.place) for row in body]
        numbers = read_numbers(values, decimal=form.options.decimal, units=None)
        if numbers.decimal == "," and not form.options.decimal:
            notes.append(Sentence("{name}: decimal comma", name=_name(header, column_series)))
        for place, row in enumerate(body):
            if place in numbers.problems or (blank(values[place]) and len(series) == 1):
                what = numbers.problems.get(place, Sentence("no value"))
                refusals.append(Refusal(line=row.line, what=what, cells=row.cells))
            elif not blank(values[place]):
                cells.rows.append(row)
                cells.assets.append(column_series.asset or words(_at(row, fields["asset"])))
                cells.channels.append(column_series.channel or form.channel or words(_at(row, fields["channel"])))
                cells.times.append(_at(row, fields["time"]) if "time" in fields else None)
                cells.values.append(values[place])
                cells.numbers.append(numbers.values[place])
                cells.units.append(numbers.units[place])
    return cells, notes


def _at(row: RawRow, place: int) -> Value:
    return row.cells[place] if place < len(row.cells) else None


def _wide(header: Header, form: FileForm, directory: Mapping[str, Asset]) -> tuple[list[_Series], list[Sentence]]:
    """A series a column, and a word on columns that are none."""
    channels = _channel_names()
    series, left = [], []
    for column in header.columns:
        if column.field:
            continue
        channel = channels.get(plain_name(column.name), "")
        if form.channel is not None and column.name in directory:
            series.append(_Series(column.place, asset=column.name, channel=form.channel))
        elif "asset" in header.fields and channel:
            series.append(_Series(column.place, channel=channel))
        elif (both := _both(column.name, directory, channels)) is not None:
            series.append(_Series(column.place, *both))
        else:
            left.append(Sentence("column {name!r} is no channel and no asset; it was left out", name=column.name))
    return series, left


def _both(name: str, directory: Mapping[str, Asset], channels: Mapping[str, str]) -> tuple[str, str] | None:
    """`L-1/motor_temperature`: an asset and a channel, parted by a stroke, a colon, a dot or a blank."""
    for cut in _PARTS.finditer(name):
        asset, channel = name[: cut.start()], channels.get(plain_name(name[cut.end() :]))
        if asset in directory and channel:
            return asset, channel
    return None


def _channel_names() -> dict[str, str]:
    """Every name of a channel, in either language, where it means one key only."""
    names: dict[str, set[str]] = {}
    for kind in catalogue().values():
        for channel in kind.channels.values():
            for name in (channel.key, channel.name.zh, channel.name.en):
                names.setdefault(plain_name(name), set()).add(channel.key)
    return {name: next(iter(keys)) for name, keys in names.items() if len(keys) == 1}
