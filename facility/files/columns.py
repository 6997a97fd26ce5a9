"""Which line of a sheet is its header, and which column holds what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from facility.files.cells import Grid, RawRow, plain_name, words
from facility.files.workbook import column_letters
from facility.i18n.messages import Sentence

LOOK = 25  # lines that may stand above the header
REASON_COLUMN = "refused because"  # what a file of refused rows adds to them; never read


class Kind(StrEnum):
    """What a field's cells are."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Something a file may say of each row, and how people name its column."""

    key: str
    kind: Kind = Kind.TEXT
    aliases: tuple[str, ...] = ()
    required: bool = False  # the column must be there
    months: bool = False  # a month or a year is enough of a date
    units: tuple[str, ...] = ()  # that may stand after a number


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the file: its name, the letter a spreadsheet shows, and the field it holds, "" for none of ours."""

    place: int  # from 0
    name: str
    field: str

    @property
    def letter(self) -> str:
        return column_letters(self.place + 1)


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a grid: its place among the rows, its columns, and what is wrong with it."""

    place: int
    line: int
    columns: tuple[Column, ...]
    problems: tuple[Sentence, ...]

    @property
    def fields(self) -> dict[str, int]:
        return {column.field: column.place for column in self.columns if column.field}


def find_header(grid: Grid, fields: Sequence[Field], mapping: Mapping[str, str]) -> Header:
    """The first line that names every required field, else the one that names most, else the first.

    `mapping` says which column holds a field (`{"id": "asset"}`), by its name or its letter.
    """
    headers = [_header(place, row, fields, mapping) for place, row in enumerate(grid.rows[:LOOK])]
    required = {field.key for field in fields if field.required}
    complete = [header for header in headers if required and not header.problems and required <= set(header.fields)]
    if complete:
        return complete[0]
    return max(headers, key=lambda header: (len(header.fields), -header.place))


def _header(place: int, row: RawRow, fields: Sequence[Field], mapping: Mapping[str, str]) -> Header:
    names = [words(cell) for cell in row.cells]
    while names and not names[-1]:
        names.pop()
    problems: list[Sentence] = []
    chosen: dict[str, int] = {}
    keys = [field.key for field in fields]
    for ours, theirs in mapping.items():
        if ours not in keys:
            problems.append(
                Sentence("{ours!r} in the mapping is not a field; fields: {known}", ours=ours, known=list(keys))
            )
            continue
        at = [index for index, name in enumerate(names) if name == theirs]
        at = at or [index for index, name in enumerate(names) if name and plain_name(name) == plain_name(theirs)]
        if not at:
            problems.append(
                Sentence(
                    "no column {theirs!r} for {ours!r}; columns: {known}",
                    theirs=theirs,
                    ours=ours,
                    known=[name for name in names if name],
                )
            )
        elif len(at) > 1:
            problems.append(Sentence("column {name!r} stands there twice", name=theirs))
        else:
            chosen[ours] = at[0]
    plain = [plain_name(name) if name else "" for name in names]
    for one in fields:
        if one.key in mapping:
            continue
        spellings = {plain_name(name) for name in (one.key, *one.aliases)}
        at = [index for index, name in enumerate(plain) if name in spellings and index not in chosen.values()]
        if at:
            chosen[one.key] = at[0]
    by_place = {index: key for key, index in chosen.items()}
    columns = tuple(
        Column(index, name, by_place.get(index, ""))
        for index, name in enumerate(names)
        if name and name != REASON_COLUMN
    )
    return Header(place, row.line, columns, tuple(problems))
