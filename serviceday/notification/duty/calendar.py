"""A roster kept as a calendar (.ics, RFC 5545): events with recurrences, exceptions and overrides.

Recurrences are laid out by the clock of the event's own zone and only then made instants, so that a duty from 08:00
begins at 08:00 in summer and in winter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import takewhile
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
from dateutil.rrule import rrulestr

from facility.errors import CannotParse

_MOST = 20_000  # occurrences of one event that are looked at: five years of hourly duties
LARGEST = 4_000_000  # bytes


@dataclass(frozen=True, slots=True)
class Event:
    """A stretch of a calendar with the names that stand in it."""

    begins: datetime  # UTC
    ends: datetime
    summary: str


def events(file: Path, zone: ZoneInfo, begins: datetime, ends: datetime) -> list[Event]:
    """What a calendar has between two moments. Times without a zone are of `zone`. Raises `CannotParse`."""
    try:
        state = file.stat()
        if state.st_size > LARGEST:
            raise CannotParse("{file} is longer than {most} bytes", "Export the duty alone", file=file, most=LARGEST)
        calendar = _calendar(file, state.st_mtime_ns, state.st_size)
        return [event for event in _occurrences(calendar, zone, begins, ends) if event.ends > begins]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as error:
        raise CannotParse(
            "{file} is not a calendar that can be read: {error}",
            "Export it again as .ics (iCalendar, RFC 5545)",
            file=file,
            error=f"{error}"[:120],
        ) from None


@lru_cache(maxsize=16)
def _calendar(file: Path, _written: int, _size: int) -> Any:
    return icalendar.Calendar.from_ical(file.read_bytes())


def _occurrences(calendar: Any, zone: ZoneInfo, begins: datetime, ends: datetime) -> Iterator[Event]:
    parts = [part for part in calendar.walk("VEVENT") if str(part.get("STATUS", "")).upper() != "CANCELLED"]
    overridden = {
        (str(part.get("UID", "")), _instant(part["RECURRENCE-ID"].dt, zone))
        for part in calendar.walk("VEVENT")
        if "RECURRENCE-ID" in part
    }
    deleted = {(str(part.get("UID", "")), moment) for part in parts for moment in _excluded(part, zone)}
    for part in parts:
        start = part["DTSTART"].dt
        length = _length(part, start, zone)
        summary = str(part.get("SUMMARY", "")).strip()
        own = "RECURRENCE-ID" in part
        if own and (str(part.get("UID", "")), _instant(part["RECURRENCE-ID"].dt, zone)) in deleted:
            continue
        for begin in [start] if own else _starts(part, start, zone, ends):
            there = _instant(begin, zone)
            if there >= ends or (not own and (str(part.get("UID", "")), there) in overridden):
                continue
            closing = _instant(begin + length, zone)  # by the clock: Python adds to an aware time without its offset
            if closing > there and closing > begins:
                yield Event(there, closing, summary)


def _starts(part: Any, start: Any, zone: ZoneInfo, ends: datetime) -> Iterator[Any]:
    excluded = _excluded(part, zone)
    added = [each.dt for group in _listed(part, "RDATE") for each in group.dts]
    rule = part.get("RRULE")
    moments = [start, *added, *(() if rule is None else _recurring(rule, start, zone, ends))]
    instants = set[datetime]()
    for moment in moments:
        there = _instant(moment, zone)
        if there not in excluded and there not in instants:
            instants.add(there)
            yield moment


def _excluded(part: Any, zone: ZoneInfo) -> set[datetime]:
    return {_instant(each.dt, zone) for group in _listed(part, "EXDATE") for each in group.dts}


def _recurring(rule: Any, start: Any, zone: ZoneInfo, ends: datetime) -> Iterator[Any]:
    """Starts by the clock, up to `ends`. UNTIL is an instant and is compared as one."""
    words = rule.to_ical().decode()
    parts = [part for part in words.split(";") if not part.upper().startswith("UNTIL=")]
    until = next((_instant(each, zone, late=True) for each in rule.get("UNTIL", [])), None)
    plain = datetime.combine(start, time()) if _whole_days(start) else start.replace(tzinfo=None)
    place = None if _whole_days(start) else start.tzinfo
    last = ends.replace(tzinfo=None) + timedelta(days=2)
    for count, moment in enumerate(takewhile(lambda each: each <= last, rrulestr(";".join(parts), dtstart=plain))):
        begin = moment.date() if _whole_days(start) else moment.replace(tzinfo=place)
        if count >= _MOST or (until is not None and _instant(begin, zone) > until):
            return
        yield begin


def _listed(part: Any, key: str) -> list[Any]:
    value = part.get(key, [])
    return value if isinstance(value, list) else [value]


def _length(part: Any, start: Any, zone: ZoneInfo) -> timedelta:
    if "DTEND" in part:
        end = part["DTEND"].dt
        if _whole_days(start) and _whole_days(end):
            return timedelta(days=(end - start).days)
        if not _whole_days(start) and not _whole_days(end) and start.tzinfo == end.tzinfo:
            return timedelta(seconds=(end.replace(tzinfo=None) - start.replace(tzinfo=None)).total_seconds())
        return _instant(end, zone) - _instant(start, zone)
    if "DURATION" in part:
        duration: timedelta = part["DURATION"].dt
        return duration
    return timedelta(days=1) if _whole_days(start) else timedelta(0)


def _whole_days(moment: object) -> bool:
    return isinstance(moment, date) and not isinstance(moment, datetime)


def _instant(moment: date | datetime, zone: ZoneInfo, *, late: bool = False) -> datetime:
    """A date or time of a calendar in UTC; a date is its beginning, or with `late` its end."""
    if not isinstance(moment, datetime):
        whole = datetime.combine(moment, time(), tzinfo=zone)
        return (whole + timedelta(days=1, seconds=-1) if late else whole).astimezone(UTC)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
