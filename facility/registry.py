"""Reads a registry of sites, buildings and assets from TOML or CSV, and says everything that is wrong with it at once.

Whoever keeps a registry mends it in a spreadsheet or an editor: a report of one mistake a run would cost them an
afternoon, so every problem of the file is collected with its line. `docs/registry.md` describes both forms.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from facility.channels import catalogue
from facility.errors import CannotParse, Problems
from facility.estate import Asset, Building, Estate, Site

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
_LONGEST_ID = 120
_FORBIDDEN = re.compile(r"[/+#\s\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class _Row:
    """One asset, building or site as the file has it, with the line to blame."""

    line: int
    values: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)  # of single fields, where they have lines of their own
    attributes: Mapping[str, str] = field(default_factory=dict)

    def at(self, name: str) -> int:
        return self.lines.get(name, self.line)


class _Report:
    """Problems by line, told in the order of the file."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, what: str) -> None:
        self._found.append((line, what))

    def raise_if_any(self, file: str) -> None:
        if self._found:
            ordered = sorted(self._found, key=lambda one: one[0])
            raise Problems(file, [f"line {line}: {what}" if line else what for line, what in ordered])


def read_estate(path: Path, *, kind: str | None = None, mapping: Mapping[str, str] | None = None) -> Estate:
    """Read a registry; `.toml` is read as TOML, everything else as CSV.

    `kind` is the equipment class of every asset in the file. `mapping` says which column of a CSV file holds one of
    our `FIELDS`, e.g. `{"id": "asset"}`. Raises `Problems` with every mistake of the file, `CannotParse` where it is
    not readable at all.
    """
    report = _Report()
    if kind is not None and kind not in catalogue():
        report.add(0, f"unknown kind {kind!r}; known: {', '.join(catalogue())}")
    words = _read_text(path)
    if path.suffix.lower() == ".toml":
        if mapping:
            report.add(0, "columns can be mapped in CSV files only")
        sites, buildings, assets = _toml_rows(path, words)
    else:
        sites, buildings, assets = [], [], _csv_rows(words, mapping or {}, kind, report)
    estate = _checked(sites, buildings, assets, kind, report)
    report.raise_if_any(path.name)
    return estate


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CannotParse(f"{path} cannot be read: {error.strerror}", "Check the name of the registry file") from None
    for encoding in ("utf-8-sig", "gb18030"):  # gb18030 is what Chinese spreadsheets save
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise CannotParse(f"{path.name} is neither UTF-8 nor GB18030 text", "Save the registry as UTF-8")


# --- CSV -------------------------------------------------------------------------------------------------------------


def _csv_rows(words: str, mapping: Mapping[str, str], kind: str | None, report: _Report) -> list[_Row]:
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
        report.add(reader.line_num, f"not readable as CSV: {error}")
        return []


def _columns(header: list[str], mapping: Mapping[str, str], kind: str | None, report: _Report) -> dict[str, int]:
    """Which column holds which of our fields."""
    for name in sorted({name for name in header if name and header.count(name) > 1}):
        report.add(1, f"column {name!r} stands there twice")
    columns: dict[str, int] = {}
    for ours, theirs in mapping.items():
        if ours not in FIELDS:
            report.add(1, f"{ours!r} in the mapping is not a field; fields: {', '.join(FIELDS)}")
        elif theirs not in header:
            report.add(1, f"no column {theirs!r} for {ours!r}; columns: {', '.join(header)}")
        else:
            columns[ours] = header.index(theirs)
    plain = ["".join(name.lower().split()) for name in header]
    for ours, names in _ALIASES.items():
        if ours not in mapping:
            place = next((plain.index(name) for name in names if name in plain), None)
            if place is not None and place not in columns.values():
                columns[ours] = place
    if "id" not in columns and "id" not in mapping:
        report.add(1, f"no column 'id'; say which it is with `--map id=COLUMN`; columns: {', '.join(header)}")
    if "kind" not in columns and "kind" not in mapping and kind is None:
        report.add(1, "no column 'kind'; add one, or give the kind of all rows with `--kind`")
    return columns


def _records(reader: Any, header: list[str], columns: Mapping[str, int], report: _Report) -> Iterator[_Row]:
    taken = set(columns.values())
    end = reader.line_num
    for cells in reader:
        line, end = end + 1, reader.line_num
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(header):
            report.add(line, f"{len(cells)} cells under {len(header)} columns")
        padded = [cell.strip() for cell in cells[: len(header)]] + [""] * (len(header) - len(cells))
        if "id" not in columns:
            continue
        yield _Row(
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


def _toml_rows(path: Path, words: str) -> tuple[list[_Row], list[_Row], list[_Row]]:
    try:
        document = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise CannotParse(f"{path.name} is not TOML: {error}", "Mend that line and run it again") from None
    strangers = [key for key in document if key not in ("site", "building", "asset")]
    wrong = [key for key in ("site", "building", "asset") if not _is_tables(document.get(key, []))]
    if strangers or wrong:
        names = ", ".join(strangers + wrong)
        raise CannotParse(f"{path.name}: {names} is not [[site]], [[building]] or [[asset]]", "See docs/registry.md")
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


def _toml_row(values: Mapping[str, Any], line: int, lines: Mapping[str, int]) -> _Row:
    plain = {name: _words(value) for name, value in values.items() if not isinstance(value, dict)}
    tables = (value for value in values.values() if isinstance(value, dict))
    attributes = {name: _words(value) for table in tables for name, value in table.items()}
    ours = {name: value for name, value in plain.items() if name in FIELDS}
    attributes |= {name: value for name, value in plain.items() if name not in FIELDS}
    return _Row(line, ours, lines, attributes)


def _words(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value).strip()


# --- checks, the same for both forms ---------------------------------------------------------------------------------


def _checked(sites: list[_Row], buildings: list[_Row], assets: list[_Row], kind: str | None, report: _Report) -> Estate:
    known_sites: dict[str, Site] = {}
    for row in sites:
        if _identified(row, "site", known_sites, report):
            key = row.values["id"]
            known_sites[key] = Site(id=key, name=row.values.get("name", ""))
    known_buildings: dict[tuple[str, str], Building] = {}
    for row in buildings:
        building = _building(row, known_sites, known_buildings, report)
        if building is not None:
            known_buildings[building.site, building.id] = building
    declared_sites, declared_buildings = bool(sites), {key[0] for key in known_buildings}
    found: dict[str, Asset] = {}
    first_line: dict[str, int] = {}
    for row in assets:
        asset = _asset(row, kind, first_line, report)
        if asset is None:
            continue
        found[asset.id] = asset
        if asset.site not in known_sites:
            if declared_sites:
                report.add(row.at("site"), f"unknown site {asset.site!r}; known: {', '.join(known_sites)}")
            else:
                known_sites[asset.site] = Site(id=asset.site)
        place = (asset.site, asset.building)
        if asset.building and place not in known_buildings:
            if declared_buildings:
                known = ", ".join(b for s, b in known_buildings if s == asset.site) or "none"
                report.add(
                    row.at("building"),
                    f"unknown building {asset.building!r} at site {asset.site!r}; known there: {known}",
                )
            else:
                known_buildings[place] = Building(id=asset.building, site=asset.site)
    return Estate(
        sites=tuple(known_sites.values()), buildings=tuple(known_buildings.values()), assets=tuple(found.values())
    )


def _identified(row: _Row, noun: str, known: Mapping[Any, object], report: _Report) -> bool:
    key = row.values.get("id", "")
    if not key:
        report.add(row.line, f"{noun} without an id")
    elif problem := _bad_id(key):
        report.add(row.at("id"), f"{noun} id {key!r} {problem}")
    elif key in known:
        report.add(row.at("id"), f"{noun} {key!r} stands there twice")
    else:
        return True
    return False


def _bad_id(key: str) -> str:
    if _FORBIDDEN.search(key):
        return "holds a blank or one of / + #; ids stand in MQTT topics"
    if len(key) > _LONGEST_ID:
        return f"is longer than {_LONGEST_ID} characters"
    return ""


def _building(
    row: _Row, sites: dict[str, Site], known: Mapping[tuple[str, str], Building], report: _Report
) -> Building | None:
    key, site = row.values.get("id", ""), row.values.get("site", "default")
    if not key:
        report.add(row.line, "building without an id")
        return None
    if (site, key) in known:
        report.add(row.at("id"), f"building {key!r} stands twice at site {site!r}")
        return None
    if site not in sites:
        if sites:
            report.add(row.at("site"), f"unknown site {site!r}; known: {', '.join(sites)}")
        elif problem := _bad_id(site):
            report.add(row.at("site"), f"site id {site!r} {problem}")
    latitude, longitude = _coordinates(row, report)
    return Building(id=key, site=site, name=row.values.get("name", ""), latitude=latitude, longitude=longitude)


def _asset(row: _Row, kind: str | None, first_line: dict[str, int], report: _Report) -> Asset | None:
    values = row.values
    key = values.get("id", "")
    if not key:
        report.add(row.line, "asset without an id")
    elif problem := _bad_id(key):
        report.add(row.at("id"), f"asset id {key!r} {problem}")
    elif key in first_line:
        report.add(row.at("id"), f"asset {key!r} stands twice, first in line {first_line[key]}")
    known_kind = kind or values.get("kind", "")
    if not known_kind:
        report.add(row.line, f"asset {key!r} without a kind; known: {', '.join(catalogue())}")
    elif known_kind not in catalogue() and kind is None:
        report.add(row.at("kind"), f"unknown kind {known_kind!r}; known: {', '.join(catalogue())}")
    site = values.get("site", "") or "default"
    if problem := _bad_id(site):
        report.add(row.at("site"), f"site id {site!r} {problem}")
    commissioned = _commissioned(row, report)
    latitude, longitude = _coordinates(row, report)
    if not key or key in first_line:
        return None
    first_line[key] = row.at("id")
    return Asset(
        id=key,
        kind=known_kind,
        site=site,
        building=values.get("building", ""),
        floor=values.get("floor", ""),
        name=values.get("name", ""),
        commissioned=commissioned,
        latitude=latitude,
        longitude=longitude,
        attributes=dict(row.attributes),
    )


_DATE = re.compile(r"^(\d{4})(?:[-/.](\d{1,2})[-/.](\d{1,2}))?(?:\.0)?(?:[T ].*)?$")


def _commissioned(row: _Row, report: _Report) -> date | None:
    """A date, or a bare year (then its first of January)."""
    words = row.values.get("commissioned", "")
    if not words:
        return None
    parts = _DATE.match(words)
    try:
        if parts is None:
            raise ValueError
        return datetime(int(parts[1]), int(parts[2] or 1), int(parts[3] or 1)).date()
    except ValueError:
        report.add(row.at("commissioned"), f"commissioned {words!r} is no date; write it as 2019-06-30")
        return None


def _coordinates(row: _Row, report: _Report) -> tuple[float | None, float | None]:
    found: dict[str, float] = {}
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        words = row.values.get(name, "")
        if not words:
            continue
        try:
            value = float(words)
        except ValueError:
            value = float("nan")
        if not -most <= value <= most:
            report.add(row.at(name), f"{name} {words!r} is not a number from -{most:g} to {most:g}")
            return None, None
        found[name] = value
    if len(found) == 1:
        (only,) = found
        report.add(row.at(only), f"{only} without its other coordinate")
        return None, None
    return found.get("latitude"), found.get("longitude")
