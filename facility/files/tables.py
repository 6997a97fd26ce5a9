"""A file as a table of typed rows: what every import stands on.

`read_table` finds the sheet, the header and the columns, reads each column as one (a decimal mark or an order of day
and month is the column's, not the cell's), and parts rows that are understood from rows that are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.errors import CannotParse, Problems
from facility.files.cells import Grid, RawRow, Refusal, Value, at_line, blank, words
from facility.files.clocks import localize
from facility.files.columns import Column, Field, Header, Kind, find_header
from facility.files.moments import Order, read_moments
from facility.files.numerals import Mark, read_numbers
from facility.files.separated import read_bytes, read_separated
from facility.files.workbook import is_workbook, read_workbook
from facility.i18n.messages import Sentence

LONGEST_CELL = 20_000  # characters

Typed = str | float | date | datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """What somebody said of a file; "" where the file must tell by itself."""

    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    decimal: Mark = ""
    order: Order = ""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))  # of clock times without an offset
    earliest: bool = False  # of two moments with one clock time take the first, and note it


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row that was understood.

    `values` by field: text "" where empty, numbers, dates and moments (in UTC) None where empty. `extra` are the cells
    of columns that are none of our fields, as text, the empty ones left out. `cells` is the row as it stands.
    """

    line: int
    values: Mapping[str, Typed]
    extra: Mapping[str, str]
    cells: tuple[Value, ...]

    def text(self, key: str) -> str:
        value = self.values.get(key)
        return "" if value is None else str(value)

    def number(self, key: str) -> float | None:
        value = self.values.get(key)
        return value if isinstance(value, float) else None

    def day(self, key: str) -> date | None:
        value = self.values.get(key)
        return value if isinstance(value, date) and not isinstance(value, datetime) else None

    def moment(self, key: str) -> datetime | None:
        value = self.values.get(key)
        return value if isinstance(value, datetime) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file as understood: its columns, the rows that were read and those that were refused."""

    file: str
    sheet: str
    header_line: int
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Sentence, ...]
    refusals: tuple[Refusal, ...]

    @property
    def fields(self) -> frozenset[str]:
        """Our fields that have a column."""
        return frozenset(column.field for column in self.columns if column.field)

    def raise_if_refused(self) -> None:
        """Raise `Problems` with every refusal, alike ones grouped: for files that are taken whole or not at all."""
        from facility.files.refused import grouped

        if self.refusals:
            raise Problems(self.file, grouped(self.refusals))


def read_grids(path: Path, options: ReadOptions | None = None) -> list[Grid]:
    """The sheets of a file that hold anything; a text file is one. Raises `CannotParse`."""
    options = options or ReadOptions()
    raw = read_bytes(path)
    if is_workbook(raw):
        if path.suffix.lower() not in (".xlsx", ".xlsm", ".xltx", ".xls"):
            raise CannotParse("{name} is an Office file by another name", "Save it as .xlsx or as CSV", name=path.name)
        grids = read_workbook(raw, file=path.name, sheet=options.sheet)
    elif path.suffix.lower() in (".xlsx", ".xlsm", ".xltx"):
        raise CannotParse("{name} is not an Excel workbook", "Save it again as .xlsx, or as CSV", name=path.name)
    else:
        grid = read_separated(raw, file=path.name, encoding=options.encoding, separator=options.separator)
        grids = [grid] if grid.rows else []
    if not grids:
        raise CannotParse("{name} is empty", "The first line must name the columns", name=path.name)
    return grids


def read_table(
    path: Path,
    *,
    fields: Sequence[Field],
    mapping: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
) -> Table:
    """Read CSV and its kin or XLSX, from any program, as rows of `fields`.

    `mapping` says which column holds a field (`{"id": "asset"}`), and what a word of the file means in a field of text
    (`{"kind:电梯": "lift"}`). Rows with a cell that is not understood, or with more cells than columns, are refused
    whole, each with its line. Raises `CannotParse` for a file that cannot be read at all and `Problems` for one without
    the required columns.
    """
    options = options or ReadOptions()
    named, meanings = part_mapping(mapping or {})
    grid, header = choose_sheet(read_grids(path, options), fields, named)
    problems = [*header.problems, *_missing(header, fields, named), *_twice(header)]
    if problems:
        raise Problems(path.name, [located(grid.sheet, header.line, sentence) for sentence in problems])
    return _table(grid, header, fields, meanings, options)


def part_mapping(mapping: Mapping[str, str]) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Names of columns, and meanings of words by field: `kind:电梯` = `lift`."""
    named, meanings = dict[str, str](), dict[str, dict[str, str]]()
    for ours, theirs in mapping.items():
        key, colon, word = ours.partition(":")
        if colon and word:
            meanings.setdefault(key, {})[word.strip()] = theirs
        else:
            named[ours] = theirs
    return named, meanings


def choose_sheet(grids: Sequence[Grid], fields: Sequence[Field], mapping: Mapping[str, str]) -> tuple[Grid, Header]:
    """The sheet whose header names most of the fields, the first of them."""
    headers = [(grid, find_header(grid, fields, mapping)) for grid in grids if grid.rows]
    if not headers:
        raise Problems(grids[0].file, [at_line(refusal.line, refusal.what) for refusal in grids[0].refusals])
    return max(headers, key=lambda pair: len(pair[1].fields) - len(pair[1].problems))


def located(sheet: str, line: int, what: Sentence) -> Sentence:
    """A problem with its sheet and line."""
    if sheet:
        return Sentence("sheet {sheet!r}, line {line}: {what}", sheet=sheet, line=line, what=what)
    return at_line(line, what)


def _missing(header: Header, fields: Sequence[Field], mapping: Mapping[str, str]) -> list[Sentence]:
    return [
        Sentence(
            "no column {name!r}; say which it is with `--map {name}=COLUMN`; columns: {known}",
            name=field.key,
            known=[column.name for column in header.columns],
        )
        for field in fields
        if field.required and field.key not in header.fields and field.key not in mapping
    ]


def _twice(header: Header) -> list[Sentence]:
    names = [column.name for column in header.columns]
    return [Sentence("column {name!r} stands there twice", name=name) for name in sorted(set(names))
            if names.count(name) > 1]  # fmt: skip


def _table(
    grid: Grid,
    header: Header,
    fields: Sequence[Field],
    meanings: Mapping[str, Mapping[str, str]],
    options: ReadOptions,
) -> Table:
    notes = list(grid.notes)
    if header.place:
        above = [row.line for row in grid.rows[: header.place]]
        notes.append(Sentence("{count} lines above the header were passed over", count=len(above)))
    body, refusals = fitting(grid, header)
    refusals = [*(refusal for refusal in grid.refusals if refusal.line > header.line), *refusals]
    columns = {field.key: [_at(row, header.fields[field.key]) for row in body] for field in fields
               if field.key in header.fields}  # fmt: skip
    problems: dict[int, list[Sentence]] = {}
    typed: dict[str, Sequence[Typed]] = {}
    for one in fields:
        if one.key in columns:
            values, wrong, sentences = _typed(one, columns[one.key], meanings.get(one.key, {}), options)
            typed[one.key] = values
            notes += sentences
            for place, what in wrong.items():
                problems.setdefault(place, []).append(
                    Sentence("{name}: {what}", name=header_name(header, one.key), what=what)
                )
    rows = []
    others = [column for column in header.columns if not column.field]
    for place, row in enumerate(body):
        if place in problems:
            refusals += [Refusal(line=row.line, what=what, cells=row.cells) for what in problems[place]]
            continue
        extra = {column.name: shown for column in others if (shown := words(_at(row, column.place)))}
        values_of = {key: column[place] for key, column in typed.items()}
        rows.append(Row(line=row.line, values=values_of, extra=extra, cells=row.cells))
    return Table(
        file=grid.file,
        sheet=grid.sheet,
        header_line=header.line,
        columns=header.columns,
        rows=tuple(rows),
        notes=tuple(notes),
        refusals=tuple(sorted(refusals, key=lambda refusal: refusal.line)),
    )


def header_name(header: Header, key: str) -> str:
    """What the file calls one of our fields; the field's own key where it has no column."""
    return next((column.name for column in header.columns if column.field == key), key)


def fitting(grid: Grid, header: Header) -> tuple[list[RawRow], list[Refusal]]:
    """The rows below the header, without its repeats; and refusals of those with too many or too long cells."""
    width = max((column.place for column in header.columns), default=-1) + 1
    heading = grid.rows[header.place].cells
    body, refusals = [], []
    for row in grid.rows[header.place + 1 :]:
        if row.cells == heading:
            continue
        if any(not blank(cell) for cell in row.cells[max(width, len(heading)) :]):
            what = Sentence("{cells} cells under {columns} columns", cells=len(row.cells), columns=width)
            refusals.append(Refusal(line=row.line, what=what, cells=row.cells))
        elif any(isinstance(cell, str) and len(cell) > LONGEST_CELL for cell in row.cells):
            what = Sentence("a cell of more than {most} characters", most=LONGEST_CELL)
            refusals.append(Refusal(line=row.line, what=what, cells=row.cells))
        else:
            body.append(row)
    return body, refusals


def _at(row: RawRow, place: int) -> Value:
    return row.cells[place] if place < len(row.cells) else None


def _typed(
    about: Field, cells: Sequence[Value], meanings: Mapping[str, str], options: ReadOptions
) -> tuple[Sequence[Typed], Mapping[int, Sentence], list[Sentence]]:
    if about.kind is Kind.TEXT:
        texts = [words(cell) for cell in cells]
        return [meanings.get(text, text) for text in texts], {}, []
    if about.kind is Kind.NUMBER:
        numbers = read_numbers(cells, decimal=options.decimal, units=about.units)
        empty = [None if value != value else value for value in numbers.values]
        sentences = [Sentence("{name}: decimal comma", name=about.key)] if numbers.decimal == "," else []
        return empty, numbers.problems, sentences
    moments = read_moments(cells, order=options.order, months=about.months)
    shown = Sentence("day, month, year") if moments.order == "dmy" else Sentence("month, day, year")
    sentences = [Sentence("{name}: dates in the order {order}", name=about.key, order=shown)] if moments.order else []
    if about.kind is Kind.DATE:
        return (
            [None if moment is None else _date_of(moment, options.zone) for moment in moments.values],
            moments.problems,
            sentences,
        )
    local = localize(moments.values, options.zone, earliest=options.earliest)
    if local.twice:
        sentences.append(
            Sentence(
                "{count} clock times come twice as summer time ends; the first of the two was taken",
                count=len(local.twice),
            )
        )
    return local.values, {**moments.problems, **local.problems}, sentences


def _date_of(moment: datetime, zone: ZoneInfo) -> date:
    return (moment if moment.tzinfo is None else moment.astimezone(zone)).date()
