"""Reads a handed-out sheet back: what people filled in beside each item, known by the key in its row.

Every sheet of the workbook that has a column of keys is read, the whole list and each person's. Rows without an answer
say nothing. A row whose key was changed or is of another list, a formula, an unknown word: each is refused by its line.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from facility.inspections import InspectionList, Item
from facility.results import OTHER_FAULT, Answer
from serviceday.documents.branding import PHRASES
from serviceday.documents.row_key import parts, row_key
from serviceday.execution.dates import day_of
from serviceday.execution.results import Reply

_LARGEST = 50 << 20  # bytes, unpacked: a full list of 10,000 items has 10
_HEADER_WITHIN = 20
FILLED = ("result", "measured", "fault", "mended", "note", "done", "by")  # columns that people fill in
_ANSWERS = {
    "result_normal": Answer.NORMAL,
    "result_abnormal": Answer.ABNORMAL,
    "result_not_applicable": Answer.NOT_APPLICABLE,
    "result_no_access": Answer.NO_ACCESS,
}
_NOON = time(12)


@dataclass(frozen=True, slots=True)
class SheetReading:
    """What a workbook says, and what of it could not be understood, with its place."""

    replies: list[Reply]
    refused: list[tuple[str, Sentence]]
    rows: int  # rows with an answer or something like one
    digest: str = ""  # SHA-256 of the file, hexadecimal


@dataclass(frozen=True, slots=True)
class _Cell:
    words: str
    value: object
    formula: bool


_EMPTY = _Cell("", None, False)


def read_sheet(path: Path, plan: InspectionList, *, timezone: ZoneInfo, by: str = "") -> SheetReading:
    """`by` stands for whoever a row does not name. Raises `CannotParse` where the file is no sheet of a list."""
    replies: dict[tuple[int, str], Reply] = {}
    refused: list[tuple[str, Sentence]] = []
    rows, sheets = 0, 0
    digest = _digest(path)
    for sheet, table in _sheets(path):
        header = _header(table)
        if header is None:
            continue
        sheets += 1
        at, columns = header
        for line, cells in table[at + 1 :]:
            row = {name: cells[place] if place < len(cells) else _EMPTY for name, place in columns.items()}
            if not any(row[name].words for name in FILLED if name in row):
                continue
            rows += 1
            where = f"{sheet}:{line}"
            reply = _reply(row, plan, where, timezone, by)
            if isinstance(reply, Sentence):
                refused.append((where, reply))
                continue
            before = replies.setdefault((reply.item, reply.by), reply)
            if _said(before) != _said(reply):
                what = Sentence("item {item} is answered otherwise in {place}", item=reply.item, place=before.where)
                refused.append((where, what))
    if not sheets:
        raise CannotParse(
            "{name} is no sheet of a kept list: no column of keys",
            "Hand lists out with `serviceday plan --keep -o list.xlsx` and fill in that file",
            name=path.name,
        )
    return SheetReading(list(replies.values()), refused, rows, digest)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
        ) from None


def _said(reply: Reply) -> tuple[object, ...]:
    return reply.answer, reply.measured, reply.mode, reply.mended, reply.note


def _reply(row: Mapping[str, _Cell], plan: InspectionList, where: str, timezone: ZoneInfo, by: str) -> Reply | Sentence:
    for name in (*FILLED, "key"):
        if name in row and row[name].formula:
            return Sentence("a formula in column {column}; write the value itself", column=PHRASES[f"column_{name}"])
    words = {name: row[name].words if name in row else "" for name in FILLED}
    item = _item(row["key"].words, plan)
    if isinstance(item, Sentence):
        return item
    if not words["result"]:
        return Sentence("something is filled in, but no result")
    answer = _answers().get(_folded(words["result"]))
    if answer is None:
        choices = [PHRASES[key] for key in _ANSWERS]
        return Sentence("{words!r} is no result; known: {known}", words=words["result"], known=choices)
    mode = _mode(item, words["fault"])
    if mode is None:
        modes = catalogue()[item.kind].modes.values() if item.kind in catalogue() else ()
        names = [*(label.name for label in modes), PHRASES["fault_other"]]
        return Sentence("no fault {mode!r} is known there; known: {known}", mode=words["fault"], known=names)
    mended = _yes(words["mended"])
    if mended is None:
        return Sentence("{words!r} is neither yes nor no", words=words["mended"])
    done_at = _moment(row["done"], plan, timezone) if words["done"] else None
    if isinstance(done_at, Sentence):
        return done_at
    person = plan.person(item.person)
    return Reply(
        item=item.number,
        answer=answer,
        by=words["by"] or by or (person.name or person.id if person else ""),
        measured=words["measured"],
        mode=mode,
        mended=mended,
        note=words["note"],
        done_at=done_at,
        where=where,
    )


def _item(key: str, plan: InspectionList) -> Item | Sentence:
    named = parts(key)
    if named is None:
        return Sentence("the row's key is missing or was changed: {key!r}", key=key)
    if named[0] != plan.number:
        return Sentence("the row is of list {other}, not of list {plan}", other=named[0], plan=plan.number)
    item = next((entry for entry in plan.items if entry.number == named[1]), None)
    if item is None or row_key(plan, item) != key.strip():
        return Sentence("the row's key is missing or was changed: {key!r}", key=key)
    return item


def _folded(words: str) -> str:
    return "".join(words.split()).casefold()


@cache
def _answers() -> dict[str, Answer]:
    answers = {
        _folded(words): answer for key, answer in _ANSWERS.items() for words in (PHRASES[key].zh, PHRASES[key].en)
    }
    return answers | {_folded(answer.value): answer for answer in Answer} | {"notapplicable": Answer.NOT_APPLICABLE}


def _mode(item: Item, words: str) -> str | None:
    """The failure mode that is meant; "" where nothing is said, None where nobody knows it."""
    if not words:
        return ""
    folded = _folded(words)
    modes = catalogue()[item.kind].modes if item.kind in catalogue() else {}
    for key, mode in modes.items():
        if folded in (_folded(key), _folded(mode.name.zh), _folded(mode.name.en)):
            return key
    other = PHRASES["fault_other"]
    return OTHER_FAULT if folded in (OTHER_FAULT, _folded(other.zh), _folded(other.en)) else None


def _yes(words: str) -> bool | None:
    folded, yes, no = _folded(words), PHRASES["yes"], PHRASES["no"]
    if folded in (_folded(yes.zh), _folded(yes.en)):
        return True
    return False if folded in ("", _folded(no.zh), _folded(no.en)) else None


def _moment(cell: _Cell, plan: InspectionList, timezone: ZoneInfo) -> datetime | Sentence:
    """When it was done: a day, a day with a time, or a time of the service day."""
    value = cell.value
    if isinstance(value, time):
        return datetime.combine(plan.service_day, value, timezone)
    if isinstance(value, datetime) and value.time() != time():
        return value.replace(tzinfo=timezone)
    day = day_of(value)
    if day is not None:
        try:
            clock = datetime.fromisoformat(cell.words).time()
        except ValueError:
            clock = time()
        return datetime.combine(day, clock if clock != time() else _NOON, timezone)
    try:
        return datetime.combine(plan.service_day, time.fromisoformat(cell.words), timezone)
    except ValueError:
        return Sentence("{words!r} is no time; write it as 2026-03-12 14:30", words=cell.words)


def _header(table: Sequence[tuple[int, Sequence[_Cell]]]) -> tuple[int, dict[str, int]] | None:
    """Where the header stands and which column is which; None for a sheet without keys."""
    titles = {
        _folded(words): name
        for name in (*FILLED, "key")
        for words in (PHRASES[f"column_{name}"].zh, PHRASES[f"column_{name}"].en)
    }
    for at, (_, cells) in enumerate(table[:_HEADER_WITHIN]):
        columns = {
            titles[folded]: place for place, cell in enumerate(cells) if (folded := _folded(cell.words)) in titles
        }
        if {"key", "result"} <= set(columns):
            return at, columns
    return None


def _sheets(path: Path) -> Iterator[tuple[str, list[tuple[int, list[_Cell]]]]]:
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(member.file_size for member in packed.infolist()) > _LARGEST:
                raise CannotParse(
                    "{name} unpacks to more than {most} MB", "Split it", name=path.name, most=_LARGEST >> 20
                )
        book: Any = openpyxl.load_workbook(path, read_only=True)
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
        ) from None
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, EOFError):
        raise CannotParse(
            "{name} is not an Excel workbook", "Save it again as .xlsx, or as CSV", name=path.name
        ) from None
    try:
        for sheet in book.worksheets:
            sheet.reset_dimensions()
            yield (
                sheet.title,
                [(line, [_cell(cell) for cell in cells]) for line, cells in enumerate(sheet.iter_rows(), start=1)],
            )
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
        ) from None
    finally:
        book.close()


def _cell(cell: Any) -> _Cell:
    value = cell.value
    if value is None:
        return _EMPTY
    formula = cell.data_type == "f"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _Cell(" ".join(str(value).split()), value, formula)
