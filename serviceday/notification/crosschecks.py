"""What a file's tables say of each other: names that nothing bears, rosters with holes, windows that contradict."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from facility.catalogue.catalogue import catalogue
from facility.errors import ServicedayError
from facility.i18n.messages import Sentence
from facility.toml_lines import TableLines
from serviceday.notification.duty.calendar import events
from serviceday.notification.duty.timetable import minutes_of_week
from serviceday.notification.problems import Problem, line_of, unknown
from serviceday.notification.rules import timetables
from serviceday.notification.schema import (
    DAYS,
    SEVERITIES,
    SOURCES,
    NotificationFile,
    Roster,
    Secret,
    SmtpChannel,
)

FIELDS = (
    "severity",
    "title",
    "place",
    "site",
    "asset",
    "since",
    "reason",
    "do",
    "link",
    "acknowledge",
    "number",
    "step",
)
_WEEK = 7 * 1440
WHOLE = (datetime(1990, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC))  # a calendar, as far as any goes
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def contradictions(parsed: NotificationFile, lines: TableLines, folder: Path) -> list[Problem]:
    """Everything that cannot be meant, with its line."""
    checks = (_twice, _named, _matches, _channels, _templates, _rosters, _windows, _escalations)
    problems = [problem for check in checks for problem in check(parsed, lines)]
    return problems + list(_calendars(parsed, lines, folder))


def _at(lines: TableLines, *location: object) -> int:
    return line_of(location, lines)


def _twice(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    tables: list[tuple[str, str, Sequence[object]]] = [
        (table, "id" if table == "site" else "name", getattr(parsed, table))
        for table in ("channel", "person", "roster", "route", "window", "site")
    ]
    for table, key, rows in tables:
        names = [getattr(row, key) for row in rows]
        for place, name in enumerate(names):
            if names.index(name) != place:
                yield _at(lines, table, place, key), Sentence("{key!r} stands there twice", key=name)


def _named(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    """Names that point to nothing."""
    people, rosters = [row.name for row in parsed.person], [row.name for row in parsed.roster]
    channels = [row.name for row in parsed.channel]
    groups = {"person": people, "roster": rosters, "channel": channels}
    nouns = {"person": Sentence("person"), "roster": Sentence("roster"), "channel": Sentence("channel")}

    def named(kind: str, name: str, *location: object) -> Iterator[Problem]:
        if name not in groups[kind]:
            yield _at(lines, *location), unknown(nouns[kind], name, groups[kind])

    def aimed(targets: Sequence[str], *location: object) -> Iterator[Problem]:
        for target in targets:
            kind, _, name = target.partition(":")
            yield from named(kind, name, *location)
            if kind == "channel" and any(row.name == name and isinstance(row, SmtpChannel) for row in parsed.channel):
                what = Sentence("channel {name!r} writes to people; name a person or a roster", name=name)
                yield _at(lines, *location), what

    yield from aimed(parsed.settings.fallback, "settings", "fallback")
    for place, person in enumerate(parsed.person):
        for channel, address in person.address.items():
            yield from named("channel", channel, "person", place, "address")
            smtp = any(row.name == channel and isinstance(row, SmtpChannel) for row in parsed.channel)
            if smtp and not _mail_address(address):
                what = Sentence("{address!r} is not an e-mail address", address=address[:60])
                yield _at(lines, "person", place, "address"), what
    for table in ("shift", "replacement", "holiday"):
        for place, row in enumerate(getattr(parsed, table)):
            yield from named("roster", row.roster, table, place, "roster")
            for name in row.people if table == "shift" else [row.person]:
                yield from named("person", name, table, place, "people" if table == "shift" else "person")
    for place, route in enumerate(parsed.route):
        yield from aimed(route.to, "route", place, "to")
        for channel in route.channels:
            yield from named("channel", channel, "route", place, "channels")
        for escalation in route.escalate:
            yield from aimed(escalation.to, "route", place, "escalate")


def _mail_address(words: str) -> bool:
    local, at, host = words.rpartition("@")
    return bool(at and local and host) and words.isprintable() and not set(words) & set(' <>,;"\\')


def _matches(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    kinds = list(catalogue())
    vocabularies = (
        ("severity", SEVERITIES, Sentence("severity")),
        ("source", SOURCES, Sentence("source")),
        ("kind", kinds, Sentence("class of equipment")),
    )
    for table in ("route", "window"):
        for place, row in enumerate(getattr(parsed, table)):
            for key, vocabulary, noun in vocabularies:
                for word in getattr(row.match, key):
                    if word not in vocabulary:
                        yield _at(lines, table, place, "match", key), unknown(noun, word, list(vocabulary))


def _channels(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    for place, channel in enumerate(parsed.channel):
        for key in ("url", "secret", "password", "token"):
            source = getattr(channel, key, None)
            if isinstance(source, Secret) and bool(source.env) == bool(source.file):
                what = Sentence('{key} is a secret; write {{ env = "NAME" }} or {{ file = "path" }}', key=key)
                yield _at(lines, "channel", place, key), what
        if isinstance(channel, SmtpChannel):
            if channel.password is not None and not channel.user:
                yield _at(lines, "channel", place, "password"), Sentence("{key} is missing", key="user")
            if channel.password is not None and channel.tls == "none" and channel.host not in _LOOPBACK:
                what = Sentence("the password would travel in the clear; write tls = {better!r}", better="starttls")
                yield _at(lines, "channel", place, "tls"), what


def _templates(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    for language, template in parsed.settings.templates.items():
        line = _at(lines, "settings", "templates", language)
        try:
            parts = list(string.Formatter().parse(template))
        except ValueError as error:
            yield line, Sentence("the template cannot be filled: {error}", error=error)
            continue
        fields = [name for _, name, _, _ in parts if name is not None]
        for name in fields:
            if name not in FIELDS:
                yield line, unknown(Sentence("field"), name, FIELDS)
        if any(spec or conversion for _, _, spec, conversion in parts):
            yield line, Sentence("fields are written plainly, for example {field}", field="{title}")
        elif not {"title", "reason"} & set(fields):
            yield line, Sentence("a message without title and reason does not say what is wrong")


def _rosters(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    for place, roster in enumerate(parsed.roster):
        shifts = [(number, shift) for number, shift in enumerate(parsed.shift) if shift.roster == roster.name]
        if roster.ics:
            for number, _ in shifts:
                what = Sentence("roster {name!r} comes from a calendar and takes no shifts", name=roster.name)
                yield _at(lines, "shift", number, "roster"), what
            continue
        spans = sorted((*span, number) for number, shift in shifts for span in minutes_of_week(shift, roster.handover))
        yield from _cover(roster, spans, _at(lines, "roster", place, "name"), lines)
        periods = sorted(
            (
                (row.begins, row.ends, number)
                for number, row in enumerate(parsed.replacement)
                if row.roster == roster.name
            )
        )
        for begins, ends, number in periods:
            if ends <= begins:
                yield _at(lines, "replacement", number, "ends"), Sentence("ends before it begins")
        for earlier, later in pairwise(periods):
            if later[0] < earlier[1]:
                what = Sentence("overlaps the replacement of line {line}", line=_at(lines, "replacement", earlier[2]))
                yield _at(lines, "replacement", later[2], "begins"), what
        days: dict[object, int] = {}
        for number, holiday in enumerate(parsed.holiday):
            for day in holiday.dates if holiday.roster == roster.name else []:
                if day in days:
                    yield _at(lines, "holiday", number, "dates"), Sentence("{key!r} stands there twice", key=f"{day}")
                days[day] = number


def _cover(roster: Roster, spans: Sequence[tuple[int, int, int]], line: int, lines: TableLines) -> Iterator[Problem]:
    """Holes and overlaps of a plain week."""
    if not spans:
        yield line, Sentence("roster {name!r} has neither shifts nor a calendar", name=roster.name)
        return
    around = [*spans, (spans[0][0] + _WEEK, spans[0][1] + _WEEK, spans[0][2])]
    reach, holder = spans[0][1], spans[0][2]
    for begins, ends, number in around[1:]:
        if begins > reach:
            yield (
                line,
                Sentence(
                    "nobody has roster {name!r} from {begins} to {ends}",
                    name=roster.name,
                    begins=_weekly(reach),
                    ends=_weekly(begins),
                ),
            )
        elif begins < reach:
            yield (
                _at(lines, "shift", number, "hours"),
                Sentence(
                    "overlaps the shift of line {line} from {begins} to {ends}",
                    line=_at(lines, "shift", holder),
                    begins=_weekly(begins),
                    ends=_weekly(min(reach, ends)),
                ),
            )
        if ends >= reach:
            reach, holder = ends, number


def _weekly(minute: int) -> str:
    day, clock = divmod(minute % _WEEK, 1440)
    return f"{DAYS[day]} {clock // 60:02d}:{clock % 60:02d}"


def _windows(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    ordered = sorted(range(len(parsed.window)), key=lambda place: parsed.window[place].begins)
    for place, window in enumerate(parsed.window):
        if window.ends <= window.begins:
            yield _at(lines, "window", place, "ends"), Sentence("ends before it begins")
    for position, earlier in enumerate(ordered):
        for later in ordered[position + 1 :]:
            first, second = parsed.window[earlier], parsed.window[later]
            if second.begins >= first.ends:
                break
            if first.match == second.match:
                what = Sentence("overlaps the window of line {line}", line=_at(lines, "window", earlier))
                yield _at(lines, "window", later, "begins"), what


def _escalations(parsed: NotificationFile, lines: TableLines) -> Iterator[Problem]:
    for place, route in enumerate(parsed.route):
        spans = [step.after for step in route.escalate]
        if any(later <= earlier for earlier, later in pairwise(spans)):
            what = Sentence("each step comes later than the one before it; `after` counts from the first message")
            yield _at(lines, "route", place, "escalate"), what
        if route.digest and route.escalate:
            what = Sentence("what waits for a digest is not escalated; leave out one of them")
            yield _at(lines, "route", place, "escalate"), what


def _calendars(parsed: NotificationFile, lines: TableLines, folder: Path) -> Iterator[Problem]:
    """Calendars that cannot be read, and events for people whom nobody knows."""
    people = {row.name for row in parsed.person} | {row.title for row in parsed.person if row.title}
    for place, timetable in enumerate(timetables(parsed, folder).values()):
        if timetable.calendar is None:
            continue
        line = _at(lines, "roster", place, "ics")
        try:
            duties = events(timetable.calendar, timetable.zone, *WHOLE)
        except ServicedayError as error:
            yield line, error.what
            continue
        if not duties:
            yield line, Sentence("the calendar {file} holds no duty", file=timetable.roster.ics)
        for name in sorted({event.summary for event in duties} - people):
            yield line, unknown(Sentence("person"), name[:60], sorted(people))
