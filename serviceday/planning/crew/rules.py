"""The rules of a crew file: tools, hours of places, what work takes, orders, ways, themes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from facility.catalogue.catalogue import catalogue
from facility.i18n.phrases import Text
from facility.registry.rows import Report
from serviceday.planning.crew.crew import DAY_MINUTES, Hours, Order, Selector, Span, Theme, Ways, Work, Worker
from serviceday.planning.crew.cycles import circle
from serviceday.planning.crew.tables import Table, minutes_of, strangers, strings_of, text_of, whole, words_of
from serviceday.planning.crew.travel_matrix import read_matrix

_SELECTS = ("kind", "task", "site", "building", "floor", "asset")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DASHES = str.maketrans({"–": "-", "—": "-", "－": "-", "~": "-", "～": "-", "至": "-"})
_WITHIN = ("asset", "building", "site", "anywhere")


def tools_of(tables: Sequence[Table], report: Report) -> dict[str, int]:
    """Shared tools and how many there are of each."""
    tools: dict[str, int] = {}
    for table in tables:
        strangers(table, ("name", "count"), report)
        name, count = words_of(table, "name", report), table.values.get("count", 1)
        if not name:
            report.add(table.line, "a tool without a name")
        if name in tools:
            report.add(table.at("name"), "tool {name!r} stands there twice", name=name)
        if not whole(count) or count < 0:
            report.add(table.at("count"), "count = {count!r} is not a whole number", count=count)
            count = 0
        tools[name] = count
    return tools


def _selector(values: Mapping[str, Any], line: int, report: Report) -> Selector:
    given = {}
    for key in _SELECTS:
        value = values.get(key, "")
        if not isinstance(value, str):
            report.add(line, "{key} = {value!r} is not text; put it in quotes", key=key, value=value)
            value = ""
        given[key] = value
    if given["kind"] and given["kind"] not in catalogue():
        report.add(line, "no class {kind!r}; known: {known}", kind=given["kind"], known=list(catalogue()))
    return Selector(**given)


def hours_of(table: Table, report: Report) -> Hours:
    """When some work may go on."""
    strangers(table, (*_SELECTS, "open", "never", "weekdays", "why"), report)
    of = _selector(table.values, table.line, report)
    if "open" not in table.values and "never" not in table.values:
        report.add(table.line, 'a window without open or never, for example never = ["07:00-09:00"]')
    days = strings_of(table, "weekdays", report)
    for day in days:
        if day not in _WEEKDAYS:
            report.add(table.at("weekdays"), "no weekday {one!r}; known: {known}", one=day, known=list(_WEEKDAYS))
    return Hours(
        of=of,
        open=_spans(table, "open", report),
        never=_spans(table, "never", report),
        weekdays=frozenset(_WEEKDAYS.index(day) for day in days if day in _WEEKDAYS),
        why=text_of(table, "why", report),
    )


def _spans(table: Table, key: str, report: Report) -> tuple[Span, ...]:
    spans = []
    for word in strings_of(table, key, report):
        start, dash, end = unicodedata.normalize("NFKC", word).translate(_DASHES).partition("-")
        minutes = [minutes_of(start.strip()), minutes_of(end.strip())]
        if not dash or minutes[0] is None or minutes[1] is None or minutes[0] == minutes[1]:
            report.add(table.at(key), "{one!r} is not a span of the day; write it as 07:00-09:00", one=word)
            continue
        if minutes[0] < minutes[1]:
            spans.append(Span(minutes[0], minutes[1]))
        else:  # over midnight: the two parts that lie in one day
            parts = (Span(0, minutes[1]), Span(minutes[0], DAY_MINUTES))
            spans += [span for span in parts if span.minutes]
    return tuple(spans)


def work_of(table: Table, tools: Mapping[str, int], workers: Sequence[Worker], report: Report) -> Work:
    """What some work needs beyond one qualified person."""
    strangers(table, (*_SELECTS, "people", "second", "tools", "minutes", "out_of_service"), report)
    people = table.values.get("people", 1)
    if people not in (1, 2) or isinstance(people, bool):
        report.add(table.at("people"), "people = {people!r}; work takes 1 or 2", people=people)
        people = 1
    second = table.values.get("second", "same")
    if second not in ("same", "any"):
        report.add(
            table.at("second"),
            'second = {second!r}; the second person is "same" (qualification) or "any"',
            second=second,
        )
    minutes = table.values.get("minutes")
    if minutes is not None and not (whole(minutes) and 1 <= minutes <= DAY_MINUTES):
        report.add(
            table.at("minutes"),
            "minutes = {minutes!r} is not a number from 1 to {most}",
            minutes=minutes,
            most=DAY_MINUTES,
        )
        minutes = None
    needed = strings_of(table, "tools", report)
    somewhere = set(tools).union(*(worker.tools for worker in workers))
    for tool in needed:
        if tool not in somewhere:
            report.add(table.at("tools"), "tool {tool!r} is neither a [[tool]] nor carried by anybody", tool=tool)
    out = table.values.get("out_of_service")
    if out is not None and not isinstance(out, bool):
        report.add(table.at("out_of_service"), "out_of_service is true or false")
    return Work(
        of=_selector(table.values, table.line, report),
        people=people,
        second_any=second == "any",
        tools=frozenset(needed),
        minutes=minutes,
        out_of_service=out,
    )


def orders_of(tables: Sequence[Table], report: Report) -> tuple[Order, ...]:
    """What must be done before what."""
    orders: list[Order] = []
    valid: list[Table] = []
    for table in tables:
        strangers(table, ("first", "then", "within"), report)
        within = table.values.get("within", "building")
        if within not in _WITHIN:
            report.add(table.at("within"), "within = {within!r}; known: {known}", within=within, known=list(_WITHIN))
        sides = [table.values.get("first"), table.values.get("then")]
        if not all(isinstance(side, dict) and side and side.keys() <= set(_SELECTS) for side in sides):
            report.add(
                table.line, 'an order is first = {{kind = "..."}}, then = {{...}}; of {known}', known=list(_SELECTS)
            )
            continue
        first, then = (_selector(side, table.line, report) for side in sides if isinstance(side, dict))
        orders.append(Order(first=first, then=then, within=str(within)))
        valid.append(table)
    _refuse_circles(orders, valid, report)
    return tuple(orders)


def _refuse_circles(orders: Sequence[Order], tables: Sequence[Table], report: Report) -> None:
    names = list(dict.fromkeys(side for order in orders for side in (order.first, order.then)))
    numbers = {name: number for number, name in enumerate(names)}
    graph: dict[int, set[int]] = {}
    for one in orders:
        graph.setdefault(numbers[one.then], set()).add(numbers[one.first])
    if cycle := circle(graph):
        inside = {names[number] for number in cycle}
        lines = [
            t.line for t, order in zip(tables, orders, strict=True) if order.first in inside and order.then in inside
        ]
        path = " before ".join(str(names[number]) for number in cycle)
        report.add(lines[0], "the orders go in a circle: {named} (lines {lines})", named=path, lines=list(lines))


def ways_of(table: Table, folder: Path | None, report: Report) -> Ways:
    """Minutes of ways, with the matrix that stands beside the file."""
    strangers(table, ("asset", "floor", "buildings", "sites", "matrix"), report)
    figures: dict[str, Any] = {}
    for key in ("asset", "floor", "buildings", "sites"):
        value = table.values.get(key)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float) or value < 0):
            report.add(table.at(key), "{key} = {value!r} is not a number of minutes", key=key, value=value)
            value = None
        figures[key] = value
    matrix: dict[tuple[str, str], float] = {}
    if "matrix" in table.values:
        matrix = read_matrix(words_of(table, "matrix", report), folder, table.at("matrix"), report)
    rounded = {key: None if figures[key] is None else round(figures[key]) for key in ("asset", "buildings", "sites")}
    return Ways(
        walk=rounded["asset"],
        floor=figures["floor"],
        buildings=rounded["buildings"],
        sites=rounded["sites"],
        matrix=matrix,
    )


def theme_of(table: Table, report: Report) -> Theme:
    """What a day is about, and by how much it counts more."""
    strangers(table, ("key", "name", "classes", "weight"), report)
    key, kinds = words_of(table, "key", report), strings_of(table, "classes", report)
    if not key:
        report.add(table.line, "a theme without a key")
    for kind in kinds:
        if kind not in catalogue():
            report.add(table.at("classes"), "no class {kind!r}; known: {known}", kind=kind, known=list(catalogue()))
    weight = table.values.get("weight", 1.5)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 1 <= weight <= 5:
        report.add(table.at("weight"), "weight = {weight!r} is not a number from 1 to 5", weight=weight)
        weight = 1.0
    name = text_of(table, "name", report)
    return Theme(key=key, name=name if name.en else Text(zh=key, en=key), kinds=frozenset(kinds), weight=float(weight))
