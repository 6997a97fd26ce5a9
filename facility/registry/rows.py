"""The two forms of a registry file, tables and TOML, as rows that know the line they stand in."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from facility.errors import CannotParse, Problems
from facility.files import (
    Field,
    Grid,
    Header,
    Order,
    RawRow,
    Refusal,
    Value,
    grouped,
    read_moments,
    read_numbers,
    words,
)
from facility.files.encodings import decode
from facility.files.tables import choose_sheet, fitting, part_mapping
from facility.i18n.messages import Sentence
from facility.toml_lines import table_lines

_TOLD_APART = 20  # problems; of more, those that are alike are told as one
FIELDS = ("id", "kind", "site", "building", "floor", "name", "commissioned", "latitude", "longitude")

# How spreadsheets name our fields; compared without case, width, blanks and what stands in brackets.
ALIASES = {
    "id": ("编号", "设备编号", "资产编号", "设备代码", "设备号", "asset id", "asset number"),
    "kind": ("类别", "设备类别", "类型", "设备类型", "种类", "设备种类", "class", "asset class", "equipment class"),
    "site": ("项目", "小区", "项目名称", "小区名称", "园区", "estate"),
    "building": ("楼栋", "楼号", "栋号", "楼宇", "楼栋号", "bldg"),
    "floor": ("楼层", "层", "所在楼层", "level"),
    "name": ("名称", "设备名称", "点位", "位置", "安装位置", "point"),
    "commissioned": ("投用日期", "投入使用日期", "启用日期", "投用时间", "commissioned on"),
    "latitude": ("lat", "纬度"),
    "longitude": ("lon", "lng", "long", "经度"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One asset, building or site as the file has it, with the line to blame."""

    line: int
    values: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)  # of single fields, where they have lines of their own
    attributes: Mapping[str, str] = field(default_factory=dict)

    def at(self, name: str) -> int:
        return self.lines.get(name, self.line)


class Report:
    """Problems by line, told in the order of the file."""

    def __init__(self) -> None:
        self._found: list[tuple[int, Sentence]] = []

    def add(self, line: int, what: str, /, **values: object) -> None:
        """A template and its values, as in `Sentence`; line 0 is the file as a whole."""
        self._found.append((line, Sentence(what, **values)))

    def add_sentence(self, line: int, what: Sentence) -> None:
        self._found.append((line, what))

    @property
    def problems(self) -> Sequence[tuple[int, Sentence]]:
        """Line and problem, in the order they were noticed."""
        return tuple(self._found)

    def raise_if_any(self, file: str) -> None:
        if self._found:
            ordered = sorted(self._found, key=lambda problem: problem[0])
            if len(ordered) > _TOLD_APART:
                raise Problems(file, grouped([Refusal(line=line, what=what) for line, what in ordered]))
            raise Problems(file, [at_line(line, what) if line else what for line, what in ordered])


def at_line(line: int, what: Sentence | str) -> Sentence:
    """A problem with the line it stands in."""
    return Sentence("line {line}: {what}", line=line, what=what)


def read_text(path: Path) -> str:
    """A file's text in whatever encoding it is. Raises `CannotParse` where it cannot be read."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the registry file", path=path, error=error
        ) from None
    return decode(raw, file=path.name).text


# --- tables ----------------------------------------------------------------------------------------------------------


def table_rows(
    grids: Sequence[Grid], mapping: Mapping[str, str], kind: str | None, report: Report
) -> tuple[list[Row], Header, Grid, bool]:
    """The assets of a CSV or a workbook, its header, and whether it has a column of numbers (ids)."""
    named, meanings = part_mapping(mapping)
    strange = [field for field in meanings if field not in FIELDS]
    by_place = named.get("id") == "-"
    by_name = {ours: theirs for ours, theirs in named.items() if ours in FIELDS and not (ours == "id" and by_place)}
    fields = [field for field in _fields() if not (field.key == "id" and by_place)]
    grid, header = choose_sheet(grids, fields, by_name)
    for ours in [*strange, *(ours for ours in named if ours not in FIELDS)]:
        report.add(
            header.line, "{ours!r} in the mapping is not a field; fields: {known}", ours=ours, known=list(FIELDS)
        )
    for problem in header.problems:
        report.add_sentence(header.line, problem)
    names = [column.name for column in header.columns]
    for name in sorted({name for name in names if names.count(name) > 1}):
        report.add(header.line, "column {name!r} stands there twice", name=name)
    numbered = "id" in header.fields
    if not numbered and "id" not in by_name:
        likely = "" if by_place else _like_numbers(grid, header)
        if likely:
            report.add(
                header.line,
                "no column 'id', and {name!r} looks like numbers; say `--map id={name}`, or `--map id=-` to number "
                "assets by where they stand",
                name=likely,
            )
        elif not {"building", "site"} & set(header.fields):
            report.add(
                header.line, "no column 'id'; say which it is with `--map id=COLUMN`; columns: {known}", known=names
            )
    if "kind" not in header.fields and "kind" not in named and kind is None:
        report.add(header.line, "no column 'kind'; add one, or give the kind of all rows with `--kind`")
    body, refusals = fitting(grid, header)
    for refusal in (*(refusal for refusal in grid.refusals if refusal.line > header.line), *refusals):
        report.add_sentence(refusal.line, refusal.what)
    columns = {key: [_at(row, place) for row in body] for key, place in header.fields.items()}
    shown = {key: [words(cell) for cell in cells] for key, cells in columns.items()}
    for key, replaced in meanings.items():
        if key in shown:
            shown[key] = [replaced.get(cell, cell) for cell in shown[key]]
    for key in ("latitude", "longitude"):
        if key in columns:
            values = read_numbers(columns[key]).values
            shown[key] = [f"{v!r}" if v == v else cell for v, cell in zip(values, shown[key], strict=True)]
    others = [column for column in header.columns if not column.field]
    rows = [
        Row(
            row.line,
            {key: cells[place] for key, cells in shown.items()},
            attributes={column.name: text for column in others if (text := words(_at(row, column.place)))},
        )
        for place, row in enumerate(body)
    ]
    return rows, header, grid, numbered


def _like_numbers(grid: Grid, header: Header) -> str:
    """A column of none of our fields that tells every row apart by something with a digit, but is no plain count."""
    body, _ = fitting(grid, header)
    for column in header.columns:
        cells = [words(_at(row, column.place)) for row in body]
        counted = cells == [str(number) for number in range(1, len(cells) + 1)]
        distinct = len(cells) > 1 and len(set(cells)) == len(cells)
        if not column.field and distinct and not counted and all(_NUMBER.fullmatch(cell) for cell in cells):
            return column.name
    return ""


_NUMBER = re.compile(r"(?=.*\d)[\w.-]{1,40}")


def table_dates(rows: Sequence[Row], grid: Grid, header: Header, order: Order, report: Report) -> list[Row]:
    """The same rows with the day of commissioning written as ISO 8601, read as one column."""
    place = header.fields.get("commissioned")
    if place is None:
        return list(rows)
    lines = {row.line: _at(row, place) for row in grid.rows}
    cells = [_year(lines[row.line]) for row in rows]
    moments = read_moments(cells, order=order, months=True)
    for at, problem in moments.problems.items():
        report.add(rows[at].line, "commissioned: {problem}", problem=problem)
    days = ["" if moment is None else moment.date().isoformat() for moment in moments.values]
    return [replace(row, values={**row.values, "commissioned": day}) for row, day in zip(rows, days, strict=True)]


def _year(cell: Value) -> Value:
    """A year as programs write a number: 2004.0."""
    return cell[:4] if isinstance(cell, str) and _YEAR.fullmatch(cell.strip()) else words(cell) if isinstance(
        cell, int | float
    ) else cell  # fmt: skip


_YEAR = re.compile(r"\d{4}\.0")


def _at(row: RawRow, place: int) -> Value:
    return row.cells[place] if place < len(row.cells) else None


def _fields() -> list[Field]:
    return [Field(key=key, aliases=ALIASES[key]) for key in FIELDS]


# --- TOML ------------------------------------------------------------------------------------------------------------


def toml_rows(path: Path, words: str) -> tuple[list[Row], list[Row], list[Row]]:
    """Sites, buildings and assets of a TOML registry. Raises `CannotParse` for what is none."""
    try:
        document = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=path.name, error=error
        ) from None
    strangers = [key for key in document if key not in ("site", "building", "asset")]
    wrong = [key for key in ("site", "building", "asset") if not _is_tables(document.get(key, []))]
    if strangers or wrong:
        raise CannotParse(
            "{name}: {names} is not [[site]], [[building]] or [[asset]]",
            "See docs/registry.md",
            name=path.name,
            names=strangers + wrong,
        )
    places = table_lines(words)
    rowses = []
    for table in ("site", "building", "asset"):
        lines = places.get(table, [])
        rows = []
        for number, values in enumerate(document.get(table, [])):
            line, fields = lines[number] if number < len(lines) else (0, {})
            rows.append(_toml_row(values, line, fields))
        rowses.append(rows)
    return rowses[0], rowses[1], rowses[2]


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(table, dict) for table in value)


def _toml_row(values: Mapping[str, object], line: int, lines: Mapping[str, int]) -> Row:
    plain = {name: _words(value) for name, value in values.items() if not isinstance(value, dict)}
    tables = [(table, value) for table, value in values.items() if isinstance(value, dict)]
    attributes = {
        f"last:{name}" if table == "last" else name: _words(value)
        for table, inner in tables
        for name, value in inner.items()
    }
    ours = {name: value for name, value in plain.items() if name in FIELDS}
    attributes |= {name: value for name, value in plain.items() if name not in FIELDS}
    return Row(line, ours, lines, attributes)


def _words(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()
