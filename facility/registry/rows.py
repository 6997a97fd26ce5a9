"""The two forms of a registry file, CSV and TOML, as rows that know the line they stand in."""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from facility.errors import CannotParse, Problems
from facility.i18n.messages import Sentence

FIELDS = ("id", "kind", "site", "building", "floor", "name", "commissioned", "latitude", "longitude")

# How spreadsheets name our fields; compared without case and blanks.
_ALIASES = {
    "id": ("id", "编号", "设备编号"),
    "kind": ("kind", "类别", "设备类别"),
    "site": ("site", "项目", "小区"),
    "building": ("building", "楼栋"),
    "floor": ("floor", "楼层"),
    "name": ("name", "名称", "设备名称"),
    "commissioned": ("commissioned", "投用日期"),
    "latitude": ("latitude", "lat", "纬度"),
    "longitude": ("longitude", "lon", "lng", "long", "经度"),
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

    def raise_if_any(self, file: str) -> None:
        if self._found:
            ordered = sorted(self._found, key=lambda one: one[0])
            raise Problems(file, [at_line(line, what) if line else what for line, what in ordered])


def at_line(line: int, what: Sentence | str) -> Sentence:
    return Sentence("line {line}: {what}", line=line, what=what)


def read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the registry file", path=path, error=error
        ) from None
    for encoding in ("utf-8-sig", "gb18030"):  # gb18030 is what Chinese spreadsheets save
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CannotParse("{name} is neither UTF-8 nor GB18030 text", "Save the registry as UTF-8", name=path.name)


# --- CSV -------------------------------------------------------------------------------------------------------------


def csv_rows(words: str, mapping: Mapping[str, str], kind: str | None, report: Report) -> list[Row]:
    first = words.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=delimiter)
    try:
        header = [name.strip() for name in next(reader, [])]
        if not any(header):
            report.add(1, "no header; the first line must name the columns, at least `id` and `kind`")
            return []
        columns = _columns(header, mapping, kind, report)
        return list(_records(reader, header, columns, report))
    except csv.Error as error:
        report.add(reader.line_num, "not readable as CSV: {error}", error=error)
        return []


def _columns(header: list[str], mapping: Mapping[str, str], kind: str | None, report: Report) -> dict[str, int]:
    """Which column holds which of our fields."""
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        report.add(1, "column {name!r} stands there twice", name=name)
    columns: dict[str, int] = {}
    for ours, theirs in mapping.items():
        if ours not in FIELDS:
            report.add(1, "{ours!r} in the mapping is not a field; fields: {known}", ours=ours, known=list(FIELDS))
        elif theirs not in header:
            report.add(
                1, "no column {theirs!r} for {ours!r}; columns: {known}", theirs=theirs, ours=ours, known=list(header)
            )
        else:
            columns[ours] = header.index(theirs)
    plain = ["".join(name.lower().split()) for name in header]
    for ours, names in _ALIASES.items():
        if ours not in mapping:
            place = next((plain.index(name) for name in names if name in plain), None)
            if place is not None and place not in columns.values():
                columns[ours] = place
    if "id" not in columns and "id" not in mapping:
        report.add(1, "no column 'id'; say which it is with `--map id=COLUMN`; columns: {known}", known=list(header))
    if "kind" not in columns and "kind" not in mapping and kind is None:
        report.add(1, "no column 'kind'; add one, or give the kind of all rows with `--kind`")
    return columns


def _records(reader: Any, header: list[str], columns: Mapping[str, int], report: Report) -> Iterator[Row]:
    taken = set(columns.values())
    end = reader.line_num
    for cells in reader:
        line, end = end + 1, reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            report.add(line, "{cells} cells under {columns} columns", cells=len(cells), columns=len(header))
        padded = [cell.strip() for cell in cells[: len(header)]] + [""] * (len(header) - len(cells))
        if "id" not in columns:
            continue
        yield Row(
            line,
            {ours: padded[place] for ours, place in columns.items()},
            attributes={
                name: padded[place]
                for place, name in enumerate(header)
                if name and place not in taken and padded[place]
            },
        )


# --- TOML ------------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"^\s*\[\[\s*(\w+)\s*]]")
_KEY = re.compile(r"^\s*\"?([\w-]+)\"?\s*=")


def toml_rows(path: Path, words: str) -> tuple[list[Row], list[Row], list[Row]]:
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
    places = _table_lines(words)
    found = []
    for table in ("site", "building", "asset"):
        lines = places.get(table, [])
        rows = []
        for number, values in enumerate(document.get(table, [])):
            line, fields = lines[number] if number < len(lines) else (0, {})
            rows.append(_toml_row(values, line, fields))
        found.append(rows)
    return found[0], found[1], found[2]


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _table_lines(words: str) -> dict[str, list[tuple[int, dict[str, int]]]]:
    """Line of each [[table]] and of the keys in it; tomllib does not tell."""
    tables: dict[str, list[tuple[int, dict[str, int]]]] = {}
    keys: dict[str, int] = {}
    for number, line in enumerate(words.splitlines(), start=1):
        if header := _HEADER.match(line):
            keys = {}
            tables.setdefault(header[1], []).append((number, keys))
        elif key := _KEY.match(line):
            keys.setdefault(key[1], number)
    return tables


def _toml_row(values: Mapping[str, Any], line: int, lines: Mapping[str, int]) -> Row:
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


def _words(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()
