"""A service day in people's calendars: an event for each stop, in each person's own file or all in one.

An event keeps its identity (UID) when the day is planned again, and counts up its sequence, so that importing the new
file moves what is there instead of adding to it. There are no alarms: people set their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vText

from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item
from serviceday.documents.branding import NO_NAMES, NO_PAPER, PHRASES, Names, Paper
from serviceday.documents.inspection_list import summary
from serviceday.documents.sanitize import clean, one_line

_PRODUCT = "-//serviceday//service day//EN"
_EPOCH = datetime.fromisoformat("2020-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Visit:
    """One stay at a building, an entry of the calendar."""

    site: str
    building: str
    start: time | None
    end: time | None
    items: tuple[Item, ...]


def as_calendar(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> bytes:
    """Everybody's day in one calendar; where there are several people, an event says whose it is."""
    names = names.over(plan)
    days = summary.days(plan, language)
    return _calendar(plan, days, language, paper, names, told=len(days) > 1)


def calendars(plan: InspectionList, *, language: Language, paper: Paper, names: Names) -> dict[str, bytes]:
    """A calendar for each person, by number and name, fit for a file's name."""
    nameless = {PHRASES.say("inspector", language, number=round.person) for round in plan.rounds}
    return {
        f"{day.number}" + ("" if day.name in nameless else f"-{_fit_for_a_file(day.name)}"): _calendar(
            plan, [day], language, paper, names, told=False
        )
        for day in summary.days(plan, language)
    }


def _calendar(
    plan: InspectionList, days: Sequence[summary.Day], language: Language, paper: Paper, names: Names, *, told: bool
) -> bytes:
    book = Calendar()
    book.add("prodid", _PRODUCT)
    book.add("version", "2.0")
    book.add("calscale", "GREGORIAN")
    book.add("method", "PUBLISH")
    title = PHRASES.say("calendar_title", language, day=plan.service_day)
    book.add("x-wr-calname", vText(one_line(" · ".join(filter(None, (paper.company, title))))))
    if plan.timezone:
        book.add("x-wr-timezone", one_line(plan.timezone))
    for day in days:
        counts: Counter[tuple[str, str]] = Counter()
        for visit in visits(day.items):
            counts[visit.site, visit.building] += 1
            nth = counts[visit.site, visit.building]
            book.add_component(_event(plan, day, visit, nth, language, names, told=told))
    if plan.timezone and any(item.start for item in plan.items):
        book.add_missing_timezones()
    return bytes(book.to_ical())


def visits(items: Iterable[Item]) -> list[Visit]:
    """Items that follow one another at one building."""
    visits: list[Visit] = []
    for item in items:
        if visits and (visits[-1].site, visits[-1].building) == (item.site, item.building):
            last = visits.pop()
            visits.append(Visit(item.site, item.building, last.start, item.end or last.end, (*last.items, item)))
        else:
            visits.append(Visit(item.site, item.building, item.start, item.end, (item,)))
    return visits


def _event(
    plan: InspectionList, day: summary.Day, visit: Visit, nth: int, language: Language, names: Names, *, told: bool
) -> Event:
    person = plan.person(day.number)
    who = person.id if person and person.id else str(day.number)
    where = names.whereabouts(visit.site, visit.building)
    count = PHRASES.say("calendar_summary", language, place=where or "-", items=len(visit.items))
    event = Event()
    key = (str(plan.service_day), who, visit.site, visit.building, str(nth))
    event.add("uid", "-".join(_fit_for_a_file(part) for part in key if part) + "@serviceday")
    event.add("dtstamp", plan.created_at)
    event.add("last-modified", plan.created_at)
    event.add("sequence", plan.number or int((plan.created_at - _EPOCH).total_seconds() // 60))
    event.add("summary", vText(clean(f"{day.name}: {count}" if told else count)))
    event.add("location", vText(clean(where)))
    event.add("description", vText(clean("\n".join(_lines(visit.items, language, names)))))
    if visit.start:
        zone = ZoneInfo(plan.timezone) if plan.timezone else None
        begin = datetime.combine(plan.service_day, visit.start, zone)
        end = datetime.combine(plan.service_day, visit.end or visit.start, zone)
        event.add("dtstart", begin)
        event.add("dtend", max(end, begin + timedelta(minutes=1)))
    else:
        event.add("dtstart", plan.service_day)
        event.add("dtend", plan.service_day + timedelta(days=1))
        event.add("transp", "TRANSPARENT")
    return event


def _lines(items: Sequence[Item], language: Language, names: Names) -> Iterable[str]:
    for item in items:
        at = f"{summary.clock(item.start)} " if item.start else ""
        stop = f" ({PHRASES['needs_shutdown'][language]})" if item.out_of_service else ""
        yield f"{item.number}. {at}{names.place(item)} {item.asset}: {item.what[language]}{stop}"


def _fit_for_a_file(words: str) -> str:
    """Letters and digits of any script; the rest becomes one hyphen."""
    return re.sub(r"[^\w.]+", "-", clean(words)).strip("-.")[:60] or "x"
