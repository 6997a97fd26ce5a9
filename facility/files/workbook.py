"""Excel workbooks: the rows of a sheet, merged cells spread over their area, nothing of the file trusted.

openpyxl reads rows as a stream and says neither which cells are merged nor which formulas have no kept result; a second
look at the sheet's XML does. Before either, every part of the package is looked at for what an entity or a package
can blow up (CWE-776, CWE-409): a document type in any XML part is refused, as defusedxml does.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from facility.errors import CannotParse
from facility.files.cells import Grid, RawRow, Refusal, Value, blank
from facility.files.separated import LARGEST
from facility.i18n.messages import Sentence

MOST_ROWS = 1_048_576  # of a sheet, as Excel has it
MOST_COLUMNS = 16_384
MOST_SPREAD = 1_000_000  # cells that merged areas of one sheet may be spread over
_OLE = b"\xd0\xcf\x11\xe0"
_PACKAGE = b"PK\x03\x04"
_PIECE = 1 << 16
_AREA = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})")


def is_workbook(raw: bytes) -> bool:
    """Whether bytes begin as an Excel file does, old or new."""
    return raw.startswith((_PACKAGE, _OLE))


def read_workbook(raw: bytes, *, file: str, sheet: str = "") -> list[Grid]:
    """The sheets of a workbook that hold anything, or the one named. Raises `CannotParse`."""
    if raw.startswith(_OLE):
        raise CannotParse(
            "{name} is protected by a password, or an old .xls workbook",
            "Save it as .xlsx without a password",
            name=file,
        )
    _check_package(raw, file)
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        book: Any = openpyxl.load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
        try:
            names = [worksheet.title for worksheet in book.worksheets]
            if sheet and sheet not in names:
                raise CannotParse(
                    "{name} has no sheet {sheet!r}", "It has {sheets}", name=file, sheet=sheet, sheets=names
                )
            chosen = [worksheet for worksheet in book.worksheets if sheet in ("", worksheet.title)]
            grids = [_grid(raw, sheet, file) for sheet in chosen]
        finally:
            book.close()
    except CannotParse:
        raise
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, TypeError, AttributeError, IndexError,
            SyntaxError, OverflowError, EOFError, OSError):  # fmt: skip
        # whatever openpyxl and the XML parsers raise on a damaged part
        raise CannotParse("{name} is not an Excel workbook", "Save it again as .xlsx, or as CSV", name=file) from None
    return [grid for grid in grids if grid.rows or grid.refusals]


def _check_package(raw: bytes, file: str) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = packed.infolist()
            if sum(info.file_size for info in parts) > LARGEST:
                raise CannotParse("{name} unpacks to more than {most} MB", "Split it", name=file, most=LARGEST >> 20)
            if any(info.flag_bits & 1 for info in parts):
                raise CannotParse(
                    "{name} is protected by a password, or an old .xls workbook",
                    "Save it as .xlsx without a password",
                    name=file,
                )
            for part in parts:
                if part.filename.lower().endswith((".xml", ".rels", ".vml")):
                    with packed.open(part) as stream:
                        _refuse_document_type(iter(lambda: stream.read(_PIECE), b""), file)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError, expat.ExpatError):
        raise CannotParse("{name} is not an Excel workbook", "Save it again as .xlsx, or as CSV", name=file) from None


class _RootReached(Exception):
    """Enough is known: a document type cannot come any more."""


def _refuse_document_type(pieces: Iterator[bytes], file: str) -> None:
    def doctype(*_: object) -> None:
        raise CannotParse(
            "{name} holds an XML document type, which no program of Excel's kind writes",
            "Save it again as .xlsx from a program you trust",
            name=file,
        )

    def root(*_: object) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = root
    try:
        for piece in pieces:
            parser.Parse(piece)
    except _RootReached:
        return


@dataclass(slots=True)
class _Marks:
    """What openpyxl's stream of rows does not say."""

    areas: list[tuple[int, int, int, int]] = field(default_factory=list)  # first row, column, last row, column
    unknown: dict[int, list[str]] = field(default_factory=dict)  # line -> cells with a formula and no kept result


def _marks(raw: bytes, part: str) -> _Marks:
    marks = _Marks()
    cell, formula, result, inside, textual, row = "", False, False, False, False, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal cell, formula, result, inside, textual, row
        name = name.rpartition(":")[2]
        if name == "c":
            cell, formula, result, inside = attributes.get("r", "?"), False, False, False
            textual = attributes.get("t") in ("str", "inlineStr")  # an empty text is a result
        elif name == "row":
            number = attributes.get("r", "")
            row = int(number) if number.isdecimal() else row + 1
        elif name == "f":
            formula = True
        elif name in ("v", "is"):
            inside, result = True, textual
        elif name == "mergeCell" and (area := _AREA.fullmatch(attributes.get("ref", "").upper())):
            marks.areas.append((int(area[2]), _column(area[1]), int(area[4]), _column(area[3])))

    def end(name: str) -> None:
        nonlocal inside
        name = name.rpartition(":")[2]
        if name == "v":
            inside = False
        elif name == "c" and formula and not result:
            marks.unknown.setdefault(row, []).append(cell)

    def characters(text: str) -> None:
        nonlocal result
        result = result or (inside and bool(text.strip()))

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    with zipfile.ZipFile(io.BytesIO(raw)) as packed, packed.open(part.lstrip("/")) as stream:
        while piece := stream.read(_PIECE):
            parser.Parse(piece)
    return marks


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(number: int) -> str:
    """1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _grid(raw: bytes, sheet: Any, file: str) -> Grid:
    marks = _marks(raw, sheet._worksheet_path)
    sheet.reset_dimensions()  # what a file says of its own size cuts off rows and columns where it is wrong
    rows: dict[int, list[Value]] = {}
    for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1):
        if line > MOST_ROWS or len(cells) > MOST_COLUMNS:
            raise CannotParse(
                "{name}: sheet {sheet!r} is larger than Excel allows", "Save it again", name=file, sheet=sheet.title
            )
        if not all(map(blank, cells)):
            rows[line] = list(cells)
    notes = _spread(rows, marks.areas, file, sheet.title)
    refusals = [
        Refusal(
            line=line,
            what=Sentence(
                "{cells}: a formula whose result the file does not hold; open and save it in Excel",
                cells=cells[:5],
            ),
            cells=tuple(rows.pop(line, ())),
        )
        for line, cells in sorted(marks.unknown.items())
    ]
    return Grid(
        file=file,
        sheet=sheet.title,
        rows=[RawRow(line, tuple(cells)) for line, cells in sorted(rows.items())],
        notes=notes,
        refusals=refusals,
    )


def _spread(
    rows: dict[int, list[Value]], areas: list[tuple[int, int, int, int]], file: str, sheet: str
) -> list[Sentence]:
    """Each cell of a merged area gets the value of its first, on lines that hold something else."""
    spread, effort = [], 0
    for top, left, bottom, right in sorted(areas):
        source = rows.get(top, [])
        value = source[left - 1] if left <= len(source) else None
        if blank(value):
            continue
        lines = range(top, bottom + 1) if bottom - top < len(rows) else [row for row in rows if top <= row <= bottom]
        effort += len(lines) * (right - left + 1)
        if effort > MOST_SPREAD or right > MOST_COLUMNS:
            raise CannotParse(
                "{name}: sheet {sheet!r} merges more than {most} cells", "Unmerge them",
                name=file, sheet=sheet, most=MOST_SPREAD,
            )  # fmt: skip
        for line in lines:
            if line in rows:
                cells = rows[line]
                cells += [None] * (right - len(cells))
                cells[left - 1 : right] = [value] * (right - left + 1)
        if bottom > top:
            spread.append(f"{column_letters(left)}{top}:{column_letters(right)}{bottom}")
    if not spread:
        return []
    return [
        Sentence(
            "{count} merged areas were read as if their value stood in each cell: {areas}",
            count=len(spread),
            areas=[*spread[:5], *(["…"] if len(spread) > 5 else [])],
        )
    ]
