"""Files of last dates: a row for each duty done, or a row for each asset with a column for each duty."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from facility.errors import CannotParse, Problems
from facility.i18n.messages import Sentence
from facility.registry.rows import ALIASES
from serviceday.execution.checking import Given
from serviceday.execution.naming import last_date_column
from serviceday.execution.places import FIELDS as PLACES
from serviceday.execution.rows import Cell, file_rows

FIELDS = {  # and how spreadsheets call them, without case, blanks and underscores
    "asset": ("asset", "assetid", "id", "device", "设备", "设备编号", "编号", "资产编号", "设备号"),
    "duty": ("duty", "task", "work", "item", "检查项", "维保类型", "维保项目", "保养类型", "任务", "工作", "类型"),
    "on": (
        "lastdone", "doneon", "done", "date", "on", "last", "lastdate", "上次完成", "上次日期", "上次完成日期",
        "上次维保日期", "上次保养日期", "完成日期", "维保日期", "保养日期", "检查日期", "日期",
    ),
    "by": ("by", "doneby", "who", "inspector", "人员", "完成人", "维保人", "维保人员", "检查人", "执行人"),
    "note": ("note", "notes", "remark", "remarks", "comment", "备注", "说明"),
}  # fmt: skip
_TAKEN = {alias for names in FIELDS.values() for alias in names}
FIELDS |= {place: (place, *(alias for alias in ALIASES[place] if alias not in _TAKEN)) for place in PLACES}
_HEADER_WITHIN = 20  # rows above the header that may hold a title


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as it was understood."""

    given: list[Given]
    columns: dict[str, str]  # our field, or `last:DUTY`, -> the file's heading
    rows: int
    header: list[str]
    cells: Mapping[int, Sequence[Cell]]  # the rows by their lines
    refused: list[tuple[int, Sentence]]  # rows that were not understood, by line


def read_duties(path: Path, *, mapping: Mapping[str, str] | None = None) -> Reading:
    """The duties done that a file tells of, not yet checked against the assets.

    A title above the header is passed over; a row with a cell too many is refused. Raises `Problems` where columns are
    missing, `CannotParse` where the file cannot be read.
    """
    rows = list(file_rows(path))
    if not rows:
        raise CannotParse("{name} is empty", "The first line must name the columns", name=path.name)
    at = next((place for place, row in enumerate(rows[:_HEADER_WITHIN]) if _is_header(row[1], mapping or {})), 0)
    line, cells = rows[at]
    header = [_words(cell) for cell in cells]
    fields, wide = _columns(line, header, mapping or {}, path.name)
    given = []
    overlong = {number for number, row in rows[at + 1 :] if any(map(_words, row[len(header) :]))}
    for number, row in rows[at + 1 :]:
        if number in overlong:
            continue
        values = {name: row[place] if place < len(row) else None for name, place in fields.items()}
        plain = {name: _words(values.get(name)) for name in ("asset", "by", "note")}
        where = {name: _words(values.get(name)) for name in PLACES if name in fields}
        if "on" in fields and "duty" in fields:
            given.append(Given(line=number, duty=_words(values["duty"]), on=_day(values["on"]), where=where, **plain))
        for place, duty in wide.items():
            if place < len(row) and _words(row[place]):
                given.append(Given(line=number, duty=duty, on=_day(row[place]), where=where, **plain))
    columns = {name: header[place] for name, place in fields.items()}
    columns |= {f"last:{duty}": header[place] for place, duty in wide.items()}
    refused = [(number, Sentence("more cells than there are columns")) for number in sorted(overlong)]
    return Reading(given, columns, len(rows) - at - 1, header, dict(rows[at + 1 :]), refused)


def _is_header(cells: Sequence[Cell], mapping: Mapping[str, str]) -> bool:
    words = [_words(cell) for cell in cells]
    named = ("asset", "building", "name")
    return any(_field(word) in named or word in map(mapping.get, named) for word in words if word) and (
        any(_field(word) in ("duty", "on") or word in mapping.values() for word in words)
        or any(last_date_column(word) for word in words)
    )


def _columns(
    line: int, header: Sequence[str], mapping: Mapping[str, str], file: str
) -> tuple[dict[str, int], dict[int, str]]:
    problems: list[Sentence] = []
    fields: dict[str, int] = {}
    for ours, theirs in mapping.items():
        if ours not in FIELDS:
            problems.append(
                Sentence(
                    "line {line}: {ours!r} in the mapping is not a field; fields: {known}",
                    line=line,
                    ours=ours,
                    known=list(FIELDS),
                )
            )
        elif theirs not in header:
            problems.append(
                Sentence(
                    "line {line}: no column {theirs!r} for {ours!r}; columns: {known}",
                    line=line,
                    theirs=theirs,
                    ours=ours,
                    known=list(filter(None, header)),
                )
            )
        else:
            fields[ours] = header.index(theirs)
    for place, name in enumerate(header):
        ours = _field(name) or ""
        if ours and ours not in fields and ours not in mapping and place not in fields.values():
            fields[ours] = place
    wide = {
        place: duty
        for place, name in enumerate(header)
        if place not in fields.values() and (duty := last_date_column(name)) is not None
    }
    identified = {"asset", "name"} & set(fields) or {"building", "kind"} <= set(fields)
    missing = [name for name in (() if wide else ("duty", "on")) if name not in fields]
    if not identified:
        missing.insert(0, "asset")
    if missing and not problems:
        problems.append(
            Sentence(
                "line {line}: no column for {missing}; say which it is with `--map {first}=COLUMN`; columns: {known}",
                line=line,
                missing=missing,
                first=missing[0],
                known=list(filter(None, header)),
            )
        )
    if problems:
        raise Problems(file, problems)
    return fields, wide


def _field(heading: str) -> str | None:
    plain = "".join(unicodedata.normalize("NFKC", heading).casefold().replace("_", " ").replace("-", " ").split())
    return next((ours for ours, names in FIELDS.items() if plain in names), None)


def _words(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _day(cell: Cell) -> object:
    return _words(cell) if isinstance(cell, float | int | str) or cell is None else cell
