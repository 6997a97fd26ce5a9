"""Reads a registry of sites, buildings and assets from TOML, CSV or Excel, and says everything that is wrong at once.

Whoever keeps a registry mends it in a spreadsheet or an editor: a report of one mistake a run would cost them an
afternoon, so every problem of the file is collected with its line. `docs/registry.md` describes the forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset, Building, Estate, Site
from facility.files import ReadOptions, Refusal, Value, read_grids
from facility.files.cells import plain_name
from facility.i18n.messages import Sentence
from facility.identity import bad_id, folded, made_id
from facility.registry.rows import FIELDS, Report, Row, read_text, table_dates, table_rows, toml_rows

__all__ = ["FIELDS", "Registry", "read_estate", "read_registry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """What a file says of the estate, and how it was understood."""

    estate: Estate
    columns: Mapping[str, str] = field(default_factory=dict)  # our field -> their column
    notes: Sequence[Sentence] = ()
    made: bool = False  # the file numbers nothing: ids were made from where things stand
    header: Sequence[str] = ()  # a table's column names, as they stand
    cells: Mapping[int, tuple[Value, ...]] = field(default_factory=dict)  # a table's rows by their lines
    refusals: Sequence[Refusal] = ()  # rows of a table that were not understood


def read_estate(
    path: Path,
    *,
    kind: str | None = None,
    mapping: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
) -> Estate:
    """What `read_registry` reads, without how it was understood."""
    return read_registry(path, kind=kind, mapping=mapping, options=options).estate


def read_registry(
    path: Path,
    *,
    kind: str | None = None,
    mapping: Mapping[str, str] | None = None,
    options: ReadOptions | None = None,
    alike: bool = False,
    by_row: bool = False,
) -> Registry:
    """Read a registry; `.toml` is read as TOML, everything else as a table.

    `kind` is the equipment class of every asset in the file. `mapping` says which column of a table holds one of our
    `FIELDS`, e.g. `{"id": "asset"}`, and what a word of it means: `{"kind:电梯": "lift"}`. `alike` lets ids
    stand side by side that differ in case or width only. `by_row` refuses the rows of a table that are wrong, each for
    itself, and reads the others. Raises `Problems` with every mistake of the file (`by_row`: where the mistake is not
    one of rows, or no row is right), `CannotParse` where it is not readable at all.
    """
    report, options = Report(), options or ReadOptions()
    if kind is not None and kind not in catalogue():
        report.add(0, "unknown kind {kind!r}; known: {known}", kind=kind, known=list(catalogue()))
    columns, notes, unnumbered = dict[str, str](), list[Sentence](), False
    names, cells = list[str](), dict[int, tuple[Value, ...]]()
    if path.suffix.lower() == ".toml":
        words = read_text(path)
        if mapping:
            report.add(0, "columns can be mapped in tables only")
        sites, buildings, assets = toml_rows(path, words)
    else:
        rows, header, grid, numbered = table_rows(read_grids(path, options), mapping or {}, kind, report)
        assets = table_dates(rows, grid, header, options.order, report)
        sites, buildings = list[Row](), list[Row]()
        columns = {column.field or column.name: column.name for column in header.columns}
        names = [column.name for column in header.columns]
        cells = {row.line: row.cells for row in grid.rows if row.line > header.line}
        notes = list(grid.notes)
        if header.place:
            notes.append(Sentence("{count} lines above the header were passed over", count=header.place))
        if not numbered and {"building", "site"} & set(header.fields):
            unnumbered = True
            assets = _numbered(assets)
            width = len(names)
            numbers = {row.line: row.values["id"] for row in assets}
            names.append("id")  # of a row that is refused, so that it is the same asset when it comes again
            cells = {
                line: (*row[:width], *[""] * (width - len(row)), numbers.get(line, "")) for line, row in cells.items()
            }
            notes.append(
                Sentence(
                    "no column of numbers: each asset was numbered by where it stands, {first}", first=_first(assets)
                )
            )
    assets = [_classed(row) for row in assets]
    estate = _checked(sites, buildings, assets, kind, report, alike)
    refusals = list[Refusal]()
    problems = report.problems
    while by_row and problems and assets and all(line in cells for line, _ in problems):
        refusals += [Refusal(line=line, what=what, cells=cells[line]) for line, what in problems]
        wrong = {line for line, _ in problems}
        assets = [row for row in assets if row.line not in wrong]
        again = Report()
        estate = _checked(sites, buildings, assets, kind, again, alike)
        problems = again.problems
    if not by_row or not estate.assets or problems:
        report.raise_if_any(path.name)
    return Registry(
        estate=estate,
        columns=columns,
        notes=notes,
        made=unnumbered,
        header=names,
        cells=cells,
        refusals=sorted(refusals, key=lambda refusal: refusal.line),
    )


def _first(assets: Sequence[Row]) -> str:
    return assets[0].values["id"] if assets else ""


def _numbered(rows: Sequence[Row]) -> list[Row]:
    """Rows with a number made of site, building, floor and name; those that share all four are counted."""
    taken, found = set[str](), []
    for row in rows:
        values = row.values
        point = values.get("name", "") or values.get("kind", "")
        parts = (values.get("site", ""), values.get("building", ""), values.get("floor", ""), point)
        key = made_id(parts, taken)
        taken.add(key)
        found.append(replace(row, values={**values, "id": key}))
    return found


def _classed(row: Row) -> Row:
    """The row with its class by our key, where it names it in Chinese or English."""
    words = row.values.get("kind", "")
    ours = _class_names().get(plain_name(words)) if words and words not in catalogue() else None
    return row if ours is None else replace(row, values={**row.values, "kind": ours})


def _class_names() -> dict[str, str]:
    return {
        plain_name(name): kind.key
        for kind in catalogue().values()
        for name in (kind.key, kind.name.zh, kind.name.en, *kind.also)
    }


def _checked(
    sites: list[Row], buildings: list[Row], assets: list[Row], kind: str | None, report: Report, allowed: bool
) -> Estate:
    known_sites: dict[str, Site] = {}
    for row in sites:
        if _new_site(row, known_sites, report):
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
    alike: dict[str, str] = {}
    for row in assets:
        asset = _asset(row, kind, first_line, report)
        if asset is None:
            continue
        found[asset.id] = asset
        other = alike.setdefault(folded(asset.id), asset.id)
        if other != asset.id and not allowed:
            report.add(
                row.at("id"),
                "asset id {key!r} looks like {other!r} in line {line}; one thing has one number",
                key=asset.id,
                other=other,
                line=first_line[other],
            )
        if asset.site not in known_sites:
            if declared_sites:
                report.add(
                    row.at("site"),
                    "unknown site {site!r}; known: {known}",
                    site=asset.site,
                    known=list(known_sites),
                )
            else:
                known_sites[asset.site] = Site(id=asset.site)
        place = (asset.site, asset.building)
        if asset.building and place not in known_buildings:
            if declared_buildings:
                known = [building for site, building in known_buildings if site == asset.site] or Sentence("none")
                report.add(
                    row.at("building"),
                    "unknown building {building!r} at site {site!r}; known there: {known}",
                    building=asset.building,
                    site=asset.site,
                    known=known,
                )
            else:
                known_buildings[place] = Building(id=asset.building, site=asset.site)
    return Estate(
        sites=tuple(known_sites.values()),
        buildings=tuple(known_buildings.values()),
        assets=tuple(found.values()),
        lines=first_line,
    )


def _new_site(row: Row, sites: Mapping[str, Site], report: Report) -> bool:
    key = row.values.get("id", "")
    if not key:
        report.add(row.line, "site without an id")
    elif problem := bad_id(key):
        report.add(row.at("id"), "site id {site!r} {problem}", site=key, problem=problem)
    elif key in sites:
        report.add(row.at("id"), "site {site!r} stands there twice", site=key)
    else:
        return True
    return False


def _building(
    row: Row, sites: dict[str, Site], buildings: Mapping[tuple[str, str], Building], report: Report
) -> Building | None:
    key, site = row.values.get("id", ""), row.values.get("site", "default")
    if not key:
        report.add(row.line, "building without an id")
        return None
    if (site, key) in buildings:
        report.add(row.at("id"), "building {key!r} stands twice at site {site!r}", key=key, site=site)
        return None
    if site not in sites:
        if sites:
            report.add(row.at("site"), "unknown site {site!r}; known: {known}", site=site, known=list(sites))
        elif problem := bad_id(site):
            report.add(row.at("site"), "site id {site!r} {problem}", site=site, problem=problem)
    latitude, longitude = _coordinates(row, report)
    return Building(id=key, site=site, name=row.values.get("name", ""), latitude=latitude, longitude=longitude)


def _asset(row: Row, kind: str | None, first_line: dict[str, int], report: Report) -> Asset | None:
    values = row.values
    key = values.get("id", "")
    if not key:
        report.add(row.line, "asset without an id")
    elif problem := bad_id(key):
        report.add(row.at("id"), "asset id {key!r} {problem}", key=key, problem=problem)
    elif key in first_line:
        report.add(row.at("id"), "asset {key!r} stands twice, first in line {line}", key=key, line=first_line[key])
    known_kind = kind or values.get("kind", "")
    if not known_kind:
        report.add(row.line, "asset {key!r} without a kind; known: {known}", key=key, known=list(catalogue()))
    elif known_kind not in catalogue() and kind is None:
        report.add(row.at("kind"), "unknown kind {kind!r}; known: {known}", kind=known_kind, known=list(catalogue()))
    site = values.get("site", "") or "default"
    if problem := bad_id(site):
        report.add(row.at("site"), "site id {site!r} {problem}", site=site, problem=problem)
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


def _commissioned(row: Row, report: Report) -> date | None:
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
        report.add(row.at("commissioned"), "commissioned {words!r} is no date; write it as 2019-06-30", words=words)
        return None


def _coordinates(row: Row, report: Report) -> tuple[float | None, float | None]:
    place: dict[str, float] = {}
    for name, most in (("latitude", 90.0), ("longitude", 180.0)):
        words = row.values.get(name, "")
        if not words:
            continue
        try:
            value = float(words)
        except ValueError:
            value = float("nan")
        if not -most <= value <= most:
            report.add(
                row.at(name),
                "{name} {words!r} is not a number from -{most:g} to {most:g}",
                name=name,
                words=words,
                most=most,
            )
            return None, None
        place[name] = value
    if len(place) == 1:
        (only,) = place
        report.add(row.at(only), "{name} without its other coordinate", name=only)
        return None, None
    return place.get("latitude"), place.get("longitude")
