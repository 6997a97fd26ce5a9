"""Reads reports from a file that a hotline, a chat program or a spreadsheet exported: CSV or XLSX.

Every problem of the file is told at once, with its line; nothing is taken from a file that has one.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from facility.errors import CannotParse, Problems
from facility.i18n.messages import Sentence
from serviceday.reports.intake import Said

FIELDS: Mapping[str, tuple[str, ...]] = {
    "text": (
        "text",
        "report",
        "request",
        "description",
        "content",
        "message",
        "problem",
        "内容",
        "报修内容",
        "诉求",
        "诉求内容",
        "问题描述",
        "问题",
        "描述",
        "事项",
        "反映内容",
    ),
    "place": (
        "place",
        "location",
        "address",
        "where",
        "地点",
        "位置",
        "地址",
        "房号",
        "楼栋房号",
        "报修位置",
        "报修地点",
    ),
    "time": (
        "time",
        "date",
        "received",
        "receivedat",
        "reported",
        "reportedat",
        "时间",
        "日期",
        "报修时间",
        "登记时间",
        "提交时间",
        "受理时间",
        "来电时间",
    ),
    "category": (
        "category",
        "type",
        "kind",
        "subject",
        "类别",
        "类型",
        "分类",
        "诉求类型",
        "报修类别",
    ),
    "name": (
        "name",
        "reporter",
        "reportedby",
        "contact",
        "resident",
        "姓名",
        "报修人",
        "联系人",
        "业主",
        "业主姓名",
        "来电人",
    ),
    "phone": (
        "phone",
        "tel",
        "telephone",
        "mobile",
        "电话",
        "手机",
        "手机号",
        "联系电话",
        "来电号码",
        "联系方式",
    ),
    "reference": (
        "reference",
        "ref",
        "ticket",
        "reportno",
        "工单号",
        "单号",
        "工单编号",
        "受理编号",
    ),
}
_LONGEST = 4000  # characters of one report
_LARGEST = 400 << 20  # bytes of an unpacked workbook: a file of a megabyte can pack gigabytes
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
Cell = str | datetime | date | time | float | int | bool | None


def read_reports(
    path: Path, *, mapping: Mapping[str, str] | None = None, timezone: ZoneInfo, now: datetime
) -> list[Said]:
    """The reports of a file, in its order.

    `mapping` says which column holds one of our `FIELDS`. Times without a zone are `timezone`'s; a report without a
    time counts as received today. Raises `Problems` with every mistake, `CannotParse` where it cannot be read.
    """
    rows = list(_workbook(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _text(path))
    if not rows:
        raise CannotParse(
            "{name} is empty", "The first line must name the columns, at least the report's text", name=path.name
        )
    problems: list[Sentence] = []
    (_, header), *body = rows
    columns = _columns([str(cell or "").strip() for cell in header], mapping or {}, problems)
    found = []
    for line, cells in body:
        values = {ours: cells[at] if at < len(cells) else None for ours, at in columns.items()}
        if "text" not in columns:
            break
        said = _said(line, values, timezone, now, problems)
        if said is not None:
            found.append(said)
    if problems:
        raise Problems(path.name, problems)
    return found


def _said(
    line: int, values: Mapping[str, Cell], timezone: ZoneInfo, now: datetime, problems: list[Sentence]
) -> Said | None:
    text = _words(values.get("text"))
    if not text:
        problems.append(Sentence("line {line}: a report without words", line=line))
    if len(text) > _LONGEST:
        problems.append(
            Sentence("line {line}: {count} characters, more than {most}", line=line, count=len(text), most=_LONGEST)
        )
    at = _moment(values.get("time"), timezone, now)
    if at is None:
        problems.append(
            Sentence(
                "line {line}: {words!r} is no time; write it as 2026-03-12 14:30",
                line=line,
                words=_words(values.get("time")),
            )
        )
    elif at > now + timedelta(days=1):
        problems.append(
            Sentence("line {line}: {words} lies in the future", line=line, words=_words(values.get("time")))
        )
    if not text or at is None:
        return None
    plain = {name: _words(values.get(name)) for name in ("place", "category", "name", "phone", "reference")}
    return Said(text=text, at=at, line=line, **plain)


def _columns(header: Sequence[str], mapping: Mapping[str, str], problems: list[Sentence]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for ours, theirs in mapping.items():
        if ours not in FIELDS:
            problems.append(
                Sentence(
                    "line 1: {ours!r} in the mapping is not a field; fields: {known}", ours=ours, known=list(FIELDS)
                )
            )
        elif theirs not in header:
            problems.append(
                Sentence(
                    "line 1: no column {theirs!r} for {ours!r}; columns: {known}",
                    theirs=theirs,
                    ours=ours,
                    known=list(filter(None, header)),
                )
            )
        else:
            columns[ours] = header.index(theirs)
    plain = ["".join(name.lower().replace("_", " ").split()) for name in header]
    for ours, names in FIELDS.items():
        if ours not in mapping:
            place = next((plain.index(name) for name in names if name in plain), None)
            if place is not None and place not in columns.values():
                columns[ours] = place
    if "text" not in columns and "text" not in mapping:
        problems.append(
            Sentence(
                "line 1: no column for the text; say which it is with `--map text=COLUMN`; columns: {known}",
                known=list(filter(None, header)),
            )
        )
    return columns


def _words(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():  # Excel keeps a phone number as a float
        return str(int(cell))
    return str(cell).strip()


def _moment(cell: Cell, timezone: ZoneInfo, now: datetime) -> datetime | None:
    """A cell as a moment in UTC; an empty one is the start of today, so that a repeated import finds it again today."""
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=timezone)).astimezone(UTC)
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day, tzinfo=timezone).astimezone(UTC)
    words = _words(cell).replace("/", "-").replace("年", "-").replace("月", "-").replace("日", "")
    if not words:
        today = now.astimezone(timezone)
        return today.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    for form in _TIMES:
        try:
            return datetime.strptime(words, form).replace(tzinfo=timezone).astimezone(UTC)
        except ValueError:
            continue
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone)).astimezone(UTC)


def _text(path: Path) -> Iterator[tuple[int, Sequence[Cell]]]:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
        ) from None
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise CannotParse("{name} is an Office file by another name", "Save it as .xlsx or as CSV", name=path.name)
    for encoding in ("utf-8-sig", "gb18030"):  # gb18030 is what Chinese spreadsheets save
        try:
            words = raw.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise CannotParse("{name} is neither UTF-8 nor GB18030 text", "Save it as UTF-8, or as .xlsx", name=path.name)
    first = words.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(words, newline=""), delimiter=max(",;\t", key=first.count))
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise CannotParse(
            "{name}, line {line}: {error}", "Save it again as CSV", name=path.name, line=line, error=error
        ) from None


def _workbook(path: Path) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows of the first sheet that has any."""
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(one.file_size for one in packed.infolist()) > _LARGEST:
                raise CannotParse(
                    "{name} unpacks to more than {most} MB", "Split it", name=path.name, most=_LARGEST >> 20
                )
        book: Any = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Check the name of the file", path=path, error=error
        ) from None
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError):
        raise CannotParse(
            "{name} is not an Excel workbook", "Save it again as .xlsx, or as CSV", name=path.name
        ) from None
    try:
        for sheet in book.worksheets:
            rows = [
                (line, cells)
                for line, cells in enumerate(sheet.iter_rows(values_only=True), start=1)
                if any(cell not in (None, "") for cell in cells)
            ]
            if rows:
                yield from rows
                return
    finally:
        book.close()
