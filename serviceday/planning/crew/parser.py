"""Reads a crew file (TOML) and says everything that is wrong with it at once, each with its line.

`docs/planning.md` describes the file. Whoever keeps it mends it in an editor; one mistake a run would cost them a day.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from facility.catalogue.catalogue import catalogue
from facility.catalogue.qualifications import QUALIFICATIONS
from facility.errors import CannotParse
from facility.registry.rows import Report, read_text
from serviceday.planning.crew.crew import DAY_MINUTES, Crew, Lunch, Place, Span, Validity, Worker
from serviceday.planning.crew.rules import hours_of, orders_of, theme_of, tools_of, ways_of, work_of
from serviceday.planning.crew.tables import (
    Table,
    clock_of,
    is_day,
    only,
    strangers,
    strings_of,
    tables_of,
    whole,
    words_of,
)

_DAY_KEYS = ("from", "to", "lunch", "start", "returns")
_PERSON_KEYS = ("id", "name", "qualifications", "tools", "off", "kinds", *_DAY_KEYS)
_MOST_PEOPLE = 50
MOST_RANDOM_CHECKS = 200


def read_crew(path: Path, *, people: int = 1, hours: float = 8.0) -> Crew:
    """Read a crew file. Without people of its own it holds the rules for `people` anonymous ones.

    Raises `Problems` with every mistake of the file, `CannotParse` where it is not readable at all.
    """
    return parse_crew(read_text(path), path.name, folder=path.parent, people=people, hours=hours)


def parse_crew(
    words: str, name: str = "crew.toml", *, folder: Path | None = None, people: int = 1, hours: float = 8.0
) -> Crew:
    """A crew from its file's words. Raises `Problems` with every mistake and its line."""
    try:
        document = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=name, error=error
        ) from None
    report = Report()
    tables = tables_of(document, words, report)
    day = only(tables, "day")
    strangers(day, (*_DAY_KEYS, "even"), report)
    even = day.values.get("even", True)
    if not isinstance(even, bool):
        report.add(day.at("even"), "even = {even!r}; write true or false", even=even)
    default = _daily(day, Worker(id=""), report)
    workers = _workers(tables, default, report)
    tools = tools_of(tables["tool"], report)
    crew = Crew(
        people=max(people, 1),
        hours=hours,
        workers=tuple(workers),
        named=bool(tables["person"] or tables["contractor"]),
        tools=tools,
        windows=tuple(hours_of(table, report) for table in tables["window"]),
        work=tuple(work_of(table, tools, workers, report) for table in tables["work"]),
        orders=orders_of(tables["order"], report),
        ways=ways_of(only(tables, "travel"), folder, report),
        themes=tuple(theme_of(table, report) for table in tables["theme"]),
        random_checks=_random_checks(only(tables, "random"), report),
        even=bool(even),
        text=words,
        folder=str(folder.absolute()) if folder else "",
    )
    report.raise_if_any(name)
    return crew


def _random_checks(table: Table, report: Report) -> int:
    strangers(table, ("checks",), report)
    count = table.values.get("checks", 0)
    if not whole(count) or not 0 <= count <= MOST_RANDOM_CHECKS:
        report.add(
            table.at("checks"),
            "checks = {count!r} is not a number from 0 to {most}",
            count=count,
            most=MOST_RANDOM_CHECKS,
        )
        return 0
    return int(count)


def _workers(tables: Mapping[str, Sequence[Table]], default: Worker, report: Report) -> list[Worker]:
    workers: list[Worker] = []
    lines: dict[str, int] = {}
    for table in tables["person"]:
        strangers(table, _PERSON_KEYS, report)
        workers.append(_worker(table, default, report))
        _unique(workers[-1].id, table, lines, report)
    for table in tables["contractor"]:
        strangers(table, ("people", *_PERSON_KEYS), report)
        worker = _worker(table, default, report)
        firm = worker.name or worker.id
        count = table.values.get("people", 1)
        if not whole(count) or not 1 <= count <= _MOST_PEOPLE:
            report.add(
                table.at("people"),
                "people = {count!r} is not a number from 1 to {most}",
                count=count,
                most=_MOST_PEOPLE,
            )
            count = 1
        for number in range(1, count + 1):
            id_ = worker.id if count == 1 else f"{worker.id}-{number}"
            named = firm if count == 1 else f"{firm} {number}"
            workers.append(replace(worker, id=id_, name=named, contractor=firm))
            _unique(id_, table, lines, report)
    return workers


def _unique(id_: str, table: Table, lines: dict[str, int], report: Report) -> None:
    if id_ and id_ in lines:
        report.add(table.at("id"), "{id!r} stands there twice, first in line {first}", id=id_, first=lines[id_])
    lines.setdefault(id_, table.line)


def _worker(table: Table, default: Worker, report: Report) -> Worker:
    id_, name = words_of(table, "id", report), words_of(table, "name", report)
    if not id_ and not name:
        report.add(table.line, "a {name} without an id or a name", name=table.name)
    kinds = strings_of(table, "kinds", report)
    for kind in kinds:
        if kind not in catalogue():
            report.add(table.at("kinds"), "no class {kind!r}; known: {known}", kind=kind, known=list(catalogue()))
    off = table.values.get("off", [])
    if not isinstance(off, list) or not all(is_day(value) for value in off):
        report.add(table.at("off"), "off is a list of dates, for example [2026-12-05]")
        off = []
    return replace(
        _daily(table, default, report),
        id=id_ or name,
        name=name or id_,
        qualifications=_qualifications(table, report),
        tools=frozenset(strings_of(table, "tools", report)),
        kinds=frozenset(kinds),
        off=frozenset(off),
    )


def _qualifications(table: Table, report: Report) -> dict[str, Validity]:
    validities: dict[str, Validity] = {}
    given = table.values.get("qualifications", [])
    if not isinstance(given, list):
        report.add(table.at("qualifications"), "qualifications is a list")
        return validities
    english = {text.en.lower(): key for key, text in QUALIFICATIONS.items()}
    line = table.at("qualifications")
    for one in given:
        entry = {"name": one} if isinstance(one, str) else one
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            report.add(
                line, "{one!r} is not a qualification; write a name, or {{name = ..., until = 2027-04-30}}", one=one
            )
            continue
        key = entry["name"].strip()
        key = english.get(key.lower(), key)
        if key not in QUALIFICATIONS:
            report.add(line, "no qualification {key!r}; known: {known}", key=key, known=list(QUALIFICATIONS))
        dates = {each: entry.get(each) for each in ("from", "until")}
        for each in entry:
            if each not in ("name", "from", "until"):
                report.add(line, "a qualification knows no {each!r}; it knows name, from, until", each=each)
        for each, value in dates.items():
            if value is not None and not is_day(value):
                report.add(
                    line,
                    "{key}: {each} = {value!r} is not a date; write it as 2027-04-30, without quotes",
                    key=key,
                    each=each,
                    value=value,
                )
                dates[each] = None
        if dates["from"] and dates["until"] and dates["until"] < dates["from"]:
            report.add(line, "{key}: ends before it begins", key=key)
        validities[key] = Validity(since=dates["from"], until=dates["until"])
    return validities


def _daily(table: Table, default: Worker, report: Report) -> Worker:
    """Hours, lunch, start and way back: the table's own, else the default's."""
    start = clock_of(table, "from", default.hours.start, report)
    end = clock_of(table, "to", default.hours.end, report)
    if end <= start:
        report.add(table.at("to"), "the day ends before it begins")
        start, end = default.hours.start, default.hours.end
    lunch = _lunch(table, report) if "lunch" in table.values else default.lunch
    if lunch is not None and not (start <= lunch.within.start and lunch.within.end <= end):
        if "lunch" in table.values and table.name != "day":
            report.add(table.at("lunch"), "lunch is outside the working hours")
        lunch = None  # whoever works half a day has none
    returns = table.values.get("returns", default.returns)
    if not isinstance(returns, bool):
        report.add(table.at("returns"), "returns is true or false")
        returns = False
    place = _place(table, report) if "start" in table.values else default.start
    return replace(default, hours=Span(start, end), lunch=lunch, start=place, returns=returns)


def _lunch(table: Table, report: Report) -> Lunch | None:
    given, line = table.values["lunch"], table.at("lunch")
    if given is False:
        return None
    if not isinstance(given, dict) or not {"from", "to"} <= given.keys() <= {"from", "to", "minutes"}:
        report.add(line, 'lunch is {from = "11:30", to = "13:30", minutes = 60}, or false')
        return None
    inner = Table(table.name, line, given)
    start, end = clock_of(inner, "from", 0, report), clock_of(inner, "to", DAY_MINUTES, report)
    minutes = given.get("minutes", max(end - start, 0))
    if not whole(minutes) or not 0 < minutes <= end - start:
        report.add(line, "a lunch of {minutes!r} minutes does not fit between from and to", minutes=minutes)
        return None
    return Lunch(within=Span(start, end), minutes=minutes)


def _place(table: Table, report: Report) -> Place | None:
    given, line = table.values["start"], table.at("start")
    if isinstance(given, str):
        site, slash, building = given.partition("/")
        return Place(site=site, building=building) if slash else Place(site="default", building=given)
    keys = {"name", "site", "building", "latitude", "longitude"}
    if not isinstance(given, dict) or not given.keys() <= keys:
        report.add(line, "start is a building, or {name = ..., latitude = ..., longitude = ...}")
        return None
    figures = {}
    for key, most in (("latitude", 90.0), ("longitude", 180.0)):
        value = given.get(key)
        if value is not None and not (isinstance(value, int | float) and -most <= value <= most):
            report.add(
                line, "{key} {value!r} is not a number from -{most:g} to {most:g}", key=key, value=value, most=most
            )
            value = None
        figures[key] = value
    if (figures["latitude"] is None) != (figures["longitude"] is None):
        report.add(line, "a latitude and a longitude go together")
    return Place(
        name=str(given.get("name", "")),
        site=str(given.get("site", "default")),
        building=str(given.get("building", "")),
        latitude=figures["latitude"],
        longitude=figures["longitude"],
    )
