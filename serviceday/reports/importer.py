"""Reads reports from a file that a hotline, a chat program or a spreadsheet exported: CSV or XLSX.

Every problem of the file is told at once, with its line; a row that is not understood is refused and stops no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.errors import Problems
from facility.files import Column, Field, Kind, ReadOptions, Refusal, Row, grouped, read_table
from facility.i18n.messages import Sentence
from serviceday.reports.message import Said

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
_TABLE = tuple(
    Field(key=key, aliases=aliases, required=key == "text", kind=Kind.MOMENT if key == "time" else Kind.TEXT)
    for key, aliases in FIELDS.items()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """The reports of a file, and how it was understood."""

    reports: Sequence[Said]
    columns: Sequence[Column]
    notes: Sequence[Sentence]
    refusals: Sequence[Refusal] = ()  # by line


def read_reports(
    path: Path, *, mapping: Mapping[str, str] | None = None, timezone: ZoneInfo, now: datetime
) -> list[Said]:
    """The reports of a file, in its order; see `read_report_file`. Raises `Problems` where a row is wrong."""
    file = read_report_file(path, mapping=mapping, options=ReadOptions(zone=timezone), now=now)
    if file.refusals:
        raise Problems(path.name, grouped(file.refusals))
    return list(file.reports)


def read_report_file(
    path: Path, *, mapping: Mapping[str, str] | None = None, options: ReadOptions, now: datetime
) -> ReportFile:
    """The reports of a file, in its order.

    `mapping` says which column holds one of our `FIELDS`. Times without a zone are those of `options.zone`; a report
    without a time counts as received today, and is the same report when it comes again another day. Raises `Problems`
    where no row is right, `CannotParse` where it cannot be read.
    """
    options = replace(options, earliest=True)  # an hour more or less changes nothing about a report
    table = read_table(path, fields=_TABLE, mapping=mapping, options=options)
    refusals = list(table.refusals)
    today = now.astimezone(options.zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    read = [_said(row, today, now, refusals) for row in table.rows]
    wrong = {refusal.line for refusal in refusals}
    reports = [report for report in read if report.line not in wrong]
    ordered = sorted(refusals, key=lambda refusal: refusal.line)
    if ordered and (not reports or 0 in wrong):
        raise Problems(path.name, grouped(ordered))
    notes = list(table.notes)
    if untimed := sum(not report.timed for report in reports):
        notes.append(Sentence("{count} reports say no time and count as received today", count=untimed))
    return ReportFile(reports=reports, columns=table.columns, notes=notes, refusals=ordered)


def _said(row: Row, today: datetime, now: datetime, refusals: list[Refusal]) -> Said:
    text, at = row.text("text"), row.moment("time")
    if not text:
        refusals.append(Refusal(line=row.line, what=Sentence("a report without words"), cells=row.cells))
    if len(text) > _LONGEST:
        what = Sentence("{count} characters, more than {most}", count=len(text), most=_LONGEST)
        refusals.append(Refusal(line=row.line, what=what, cells=row.cells))
    if at is not None and at > now + timedelta(days=1):
        what = Sentence("{words} lies in the future", words=f"{at:%Y-%m-%d %H:%M} UTC")
        refusals.append(Refusal(line=row.line, what=what, cells=row.cells))
    plain = {name: row.text(name) for name in ("place", "category", "name", "phone", "reference")}
    return Said(text=text, at=at or today, timed=at is not None, line=row.line, **plain)
