"""Dates and times as people write them. Which of day and month comes first is decided by the column, never guessed.

`5/3/2026` is the fifth of March in Berlin and the third of May in Boston. Another row of the column tells which
(`25/3/2026`), or `--date-order` does; where neither does, it is refused. Dots (`05.03.2026`) mean day first: nobody
writes them otherwise. `2026年3月5日`, `２０１７年９月１日`, `20260305`, ISO 8601 and month names say it themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Literal

from facility.files.cells import Value, words
from facility.i18n.messages import Sentence

Order = Literal["dmy", "mdy", ""]
LONGEST = 60  # characters of a moment
OLDEST, NEWEST = 1900, 2200  # years a number may mean
_MONTHS = {name: number for number, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
)}  # fmt: skip
_MONTH = "(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?"
_DATES = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<y>\d{4})(?P<mark>[-/.])(?P<m>\d{1,2})(?P=mark)(?P<d>\d{1,2})",
        r"(?P<y>\d{4}) ?年 ?(?P<m>\d{1,2}) ?月 ?(?P<d>\d{1,2}) ?[日号]",
        r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})",
        r"(?P<y>\d{4}) ?年 ?(?P<m>\d{1,2}) ?月份?",
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})",
        r"(?P<y>\d{4}) ?年?",
        rf"(?P<d>\d{{1,2}})[- .]{{0,2}}{_MONTH}[- ,]{{0,2}}(?P<y>\d{{4}})",
        rf"{_MONTH}[- ]?(?P<d>\d{{1,2}})[ ,]{{1,2}}(?P<y>\d{{4}})",
        r"(?P<first>\d{1,2})(?P<mark>[-/.])(?P<second>\d{1,2})(?P=mark)(?P<y>\d{4})",
    )
)
_TIME = re.compile(
    r"(?P<half>上午|下午|am|pm)? ?(?P<h>\d{1,2})(?::(?P<mi>\d{2})(?::(?P<s>\d{2})(?:[.,](?P<f>\d{1,9}))?)?|"
    r" ?[时点] ?(?:(?P<zmi>\d{1,2}) ?分 ?(?:(?P<zs>\d{1,2}) ?秒)?)?) ?(?P<after>am|pm)? ?"
    r"(?P<zone>z|utc|gmt|(?:utc|gmt)?[+-]\d{2}:?(?:\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
_COMPACT = re.compile(r"(?P<date>\d{8})[T ]?(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})?(?P<zone>Z)?", re.ASCII | re.I)
_WEEKDAY = re.compile(r"[(（]?(?:星期|周|礼拜)[一二三四五六日天][)）]?|^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? ", re.I)
_SPLIT = re.compile(r"(?<=\d)[T ]+(?=\D?\d|[上下]|[ap]m)|(?<=[日号]) ?(?=\d|[上下])", re.I)
_EPOCH = re.compile(r"1\d{9}|\d{12,13}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Written:
    """A moment as written: its calendar day, or the two it may be, its clock time and its offset if it says one."""

    days: tuple[date | None, date | None]  # read day first, month first; the same where the form says which
    clock: time | None
    offset: timedelta | None
    precision: Literal["day", "month", "year"] = "day"

    @property
    def order(self) -> Order:
        """What its form proves of the column's order."""
        day_first, month_first = self.days
        if day_first == month_first:
            return ""
        return "dmy" if month_first is None else "mdy" if day_first is None else ""


@dataclass(frozen=True, slots=True)
class Moments:
    """A column of dates with times: `values` without a zone or with one as written; None where empty or refused."""

    values: list[datetime | None]
    timed: list[bool]  # whether a clock time was given
    precisions: list[str]  # day, month or year
    problems: dict[int, Sentence]
    order: Order


def written(text: str) -> Written | None:
    """A text as a moment; None where it is none."""
    if len(text) > LONGEST:
        return None
    plain = " ".join(unicodedata.normalize("NFKC", text).replace("−", "-").split())
    plain = " ".join(_WEEKDAY.sub(" ", plain).split())
    if _EPOCH.fullmatch(plain) and (moment := _since_epoch(plain)):
        return moment
    if match := _COMPACT.fullmatch(plain):
        day = _day(match["date"])
        clock = _clock(int(match["h"]), int(match["mi"]), int(match["s"] or 0), "")
        if day is None or clock is None:
            return None
        return Written(day.days, clock, timedelta(0) if match["zone"] else None)
    if whole := _day(plain):
        return whole
    for cut in _SPLIT.finditer(plain):
        day, match = _day(plain[: cut.start()].rstrip(",")), _TIME.fullmatch(plain[cut.end() :])
        if day is not None and match is not None and day.precision == "day":
            return _with_clock(day, match)
    return None


def _since_epoch(digits: str) -> Written | None:
    """Seconds or milliseconds since 1970; twelve digits may be a date and time as well."""
    if len(digits) == 12 and OLDEST <= int(digits[:4]) <= NEWEST and _day(digits[:8]):
        return None
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(digits) * (1000 if len(digits) == 10 else 1))
    return Written((moment.date(), moment.date()), moment.time(), timedelta(0))


def _with_clock(day: Written, match: re.Match[str]) -> Written | None:
    minute, second = match["mi"] or match["zmi"] or 0, match["s"] or match["zs"] or 0
    half = {"上午": "am", "下午": "pm"}.get(match["half"] or "", match["half"] or match["after"] or "").lower()
    hour, days = int(match["h"]), day.days
    if hour == 24 and not int(minute) and not int(second) and not half:  # ISO 8601: the end of the day
        later = tuple(day and day + timedelta(days=1) for day in days)
        hour, days = 0, (later[0], later[1])
    clock = _clock(hour, int(minute), int(second), half)
    if clock is None:
        return None
    clock = clock.replace(microsecond=int((match["f"] or "0")[:6].ljust(6, "0")))
    offset = _offset(match["zone"])
    if match["zone"] and offset is None:
        return None
    return Written(days, clock, offset)


def _clock(hour: int, minute: int, second: int, half: str) -> time | None:
    if half:
        if (not 0 <= hour <= 12 and half == "am") or hour > 23:
            return None
        hour = hour % 12 + 12 if half == "pm" and hour <= 12 else hour % 12 if half == "am" else hour
    if hour > 23 or minute > 59 or second > 59:
        return None
    return time(hour, minute, second)


def _offset(zone: str | None) -> timedelta | None:
    if not zone:
        return None
    digits = zone.upper().removeprefix("UTC").removeprefix("GMT").replace(":", "")
    if digits in ("Z", ""):
        return timedelta(0)
    length = timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5] or 0))
    if length > timedelta(hours=18) or int(digits[3:5] or 0) > 59:
        return None
    return -length if digits[0] == "-" else length


def _day(text: str) -> Written | None:
    for form in _DATES:
        match = form.fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        year = int(parts["y"])
        if not OLDEST <= year <= NEWEST:
            return None
        if "first" in parts:
            first, second = int(parts["first"]), int(parts["second"])
            days = (_date(year, second, first), None if parts["mark"] == "." else _date(year, first, second))
            if days[0] is None and days[1] is None:
                return None
            return Written(days, None, None)
        month = _MONTHS[parts["name"].lower()[:3]] if parts.get("name") else int(parts.get("m") or 1)
        day = _date(year, month, int(parts.get("d") or 1))
        if day is None:
            return None
        precision: Literal["day", "month", "year"] = "day" if parts.get("d") else "month" if parts.get("m") else "year"
        return Written((day, day), None, None, precision)
    return None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_moments(cells: Sequence[Value], *, order: Order = "", months: bool = False) -> Moments:
    """A column as moments, those without a zone left without one.

    `order` says whether day or month comes first where somebody said so. With `months` a month or a year is enough;
    it counts as its first day.
    """
    readings = [_cell(cell) for cell in cells]
    day_first, month_first = (
        any(isinstance(reading, Written) and reading.order == way for reading in readings) for way in ("dmy", "mdy")
    )
    shown: Order = order or ("" if day_first and month_first else "dmy" if day_first else "mdy" if month_first else "")
    values: list[datetime | None] = []
    timed, precisions, problems = [], [], dict[int, Sentence]()
    for place, (cell, one) in enumerate(zip(cells, readings, strict=True)):
        value, clock, precision = None, False, "day"
        if isinstance(one, datetime):
            value, clock = one, True
        elif isinstance(one, date):
            value = datetime(one.year, one.month, one.day)
        elif isinstance(one, Written):
            day = _chosen(one, shown, asked=bool(order))
            clock, precision = one.clock is not None, one.precision
            if day is None:
                problems[place] = _unclear(cell, one, order)
            elif precision != "day" and not months:
                problems[place] = Sentence("{words!r} says no day", words=words(cell))
            else:
                zone = None if one.offset is None else timezone(one.offset)
                value = datetime.combine(day, one.clock or time(0), tzinfo=zone)
        elif words(cell):
            problems[place] = Sentence(
                "{words!r} is no date or time; write it as 2026-03-12 14:30", words=words(cell)[:LONGEST]
            )
        values.append(value)
        timed.append(clock)
        precisions.append(precision)
    return Moments(values, timed, precisions, problems, shown)


def _cell(cell: Value) -> Written | date | None:
    if isinstance(cell, date):  # a datetime is one
        return cell
    if isinstance(cell, bool) or cell is None or isinstance(cell, time):
        return None
    text = words(cell)
    return written(text) if text else None


def _chosen(written: Written, order: Order, *, asked: bool) -> date | None:
    day_first, month_first = written.days
    if day_first == month_first:
        return day_first
    if written.order and not asked:
        return day_first if written.order == "dmy" else month_first
    return day_first if order == "dmy" else month_first if order == "mdy" else None


def _unclear(cell: Value, written: Written, order: Order) -> Sentence:
    if order:
        return Sentence("{words!r} is no date in the order {order}", words=words(cell), order=order)
    return Sentence(
        "{words!r} may be {first} or {second}; say which comes first with --date-order dmy or --date-order mdy",
        words=words(cell),
        first=str(written.days[0]),
        second=str(written.days[1]),
    )
