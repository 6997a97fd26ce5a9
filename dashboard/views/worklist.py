"""The inspection list of a service day: what to do, in which order and why, and what did not fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from dashboard import markup, palette, places, planned, query, reach, wording
from dashboard.visit import Visit
from facility.accounts import Action, may
from facility.catalogue.qualifications import qualification
from facility.inspections import InspectionList, Item, Priority
from serviceday.documents.inspection_list import assurance, law_words

_FORMS = {  # and their media types
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "csv": "text/csv",
    "ics": "text/calendar",
}
_COLUMNS = ("number", "time", "person", "priority", "place", "asset", "what", "ground", "reason", "minutes", "due")
_QUESTION = "list-shown"  # of the session: what the list on the page answers
_LEFT_COLUMNS = ("priority", "place", "asset", "what", "ground", "why_not", "reason", "minutes", "due")


def show(visit: Visit) -> None:
    """The page of a day's inspection list: made, kept and written to files from here."""
    st.subheader(visit.say("page_worklist"), anchor=False)
    assets = reach.assets(visit)
    if not assets:
        st.html(markup.empty(visit.say("no_assets"), visit.say("no_assets_do")))
        return
    day, hours, people = _asked(visit)
    place = st.empty()
    question = (str(visit.folder), day, hours, people)
    if st.session_state.get(_QUESTION) != question:
        # An element in the place of the old list: a container would keep what stands in it until the run ends.
        place.html(markup.empty(visit.say("planning"), visit.say("planning_do", day=day)))
    shown = reach.shown(visit, planned.inspection_list(visit.folder, day, hours, people, visit.timezone))
    st.session_state[_QUESTION] = question
    with place.container():
        _list(visit, shown)


def _list(visit: Visit, shown: planned.Shown) -> None:
    inspection_list = shown.plan
    st.html(markup.sentence(_which(visit, shown)))
    st.html(markup.sentence(_law(visit, inspection_list)))
    st.html(_summary(visit, inspection_list))
    _downloads(visit, inspection_list)
    if inspection_list.notes:
        with st.expander(visit.say("planner_notes", n=len(inspection_list.notes)), icon=":material/info:"):
            st.html(markup.bullets(note[visit.language] for note in inspection_list.notes))
    inside, outside = st.tabs(
        [
            visit.say("list_in", n=wording.count(len(inspection_list.items))),
            visit.say("list_out", n=wording.count(len(inspection_list.left_out))),
        ]
    )
    with inside:
        _inside(visit, inspection_list)
    with outside:
        _outside(visit, inspection_list)


def _which(visit: Visit, shown: planned.Shown) -> str:
    """Which plan this is: its day and number, or that it is on no record."""
    inspection_list = shown.plan
    if shown.on_record:
        zone = ZoneInfo(inspection_list.timezone) if inspection_list.timezone else visit.timezone
        moment = f"{inspection_list.created_at.astimezone(zone):%Y-%m-%d %H:%M}"
        return visit.say("plan_kept", number=inspection_list.number, day=inspection_list.service_day, moment=moment)
    if shown.kept is not None:
        return visit.say("plan_preview_beside", day=inspection_list.service_day, number=shown.kept.number)
    return visit.say("plan_preview", day=inspection_list.service_day)


def _law(visit: Visit, inspection_list: InspectionList) -> str:
    """For how many duties of the law the list can speak."""
    return (
        law_words(inspection_list.law, visit.language)
        if inspection_list.breaches
        else assurance(inspection_list, visit.language)
    )


def _asked(visit: Visit) -> tuple[date, float | None, int | None]:
    """The day, and hours and people where the address names them; a crew file says both by itself."""
    today = visit.now.astimezone(visit.timezone).date()
    day_box, hours_box, people_box, _ = st.columns([2, 1.6, 1.6, 3], vertical_alignment="bottom")
    tomorrow = today + timedelta(days=1)
    day = day_box.date_input(visit.say("service_day"), value=_day(tomorrow), key="choice-day", format="YYYY-MM-DD")
    chosen = day if isinstance(day, date) else tomorrow
    query.kept("day", chosen.isoformat(), tomorrow.isoformat())
    standing = planned.kept(visit.folder, chosen)
    if standing is not None and standing.persons:
        names = ", ".join(person.name or person.id for person in standing.persons)
        st.caption(visit.say("plan_crew", names=names, number=standing.number))
        return chosen, None, None
    hours_as_kept = standing.hours if standing else 8.0
    people_as_kept = float(standing.people or 1) if standing else 1.0
    with hours_box:
        hours = query.figure(visit.say("hours"), "hours", low=0.5, high=24.0, default=hours_as_kept, step=0.5)
    with people_box:
        people = query.figure(visit.say("people"), "people", low=1.0, high=50.0, default=people_as_kept, step=1.0)
    asked = "hours" in st.query_params or "people" in st.query_params
    return chosen, hours if asked else None, int(people) if asked else None


def _day(default: date) -> date:
    """The day the address asks for."""
    try:
        return date.fromisoformat(st.query_params.get("day", ""))
    except ValueError:
        return default


def _summary(visit: Visit, inspection_list: InspectionList) -> str:
    urgent = len(inspection_list.breaches)
    work, walk = timedelta(minutes=inspection_list.work_minutes), timedelta(minutes=inspection_list.travel_minutes)
    return markup.tiles(
        [
            (wording.count(len(inspection_list.items)), visit.say("tasks"), palette.LINE),
            (wording.count(len({item.asset for item in inspection_list.items})), visit.say("assets"), palette.LINE),
            (wording.hours(work, visit.language), visit.say("work_time"), palette.LINE),
            (wording.hours(walk, visit.language), visit.say("walk_time"), palette.LINE),
            (_gap(inspection_list), visit.say("gap"), palette.LINE),
            (wording.count(urgent), visit.say("breaches"), palette.PRIORITIES["urgent"] if urgent else palette.QUIET),
        ]
    )


def _gap(inspection_list: InspectionList) -> str:
    """How far the list may be from the best there can be."""
    return "–" if inspection_list.gap is None else f"≤ {math.ceil(100 * inspection_list.gap)} %"


def _downloads(visit: Visit, inspection_list: InspectionList) -> None:
    *boxes, keep, _ = st.columns([1.4, 1.3, 1.3, 1.6, 1.3, 0.6])
    name = f"serviceday-{inspection_list.service_day.isoformat()}-{visit.language}"
    for box, (form, kind) in zip(boxes, _FORMS.items(), strict=True):
        box.download_button(
            visit.say(f"download_{form}"),
            data=partial(_file, visit, inspection_list, f".{form}"),
            file_name=f"{name}.{form}",
            mime=kind,
            icon=":material/download:",
            on_click="ignore",
            width="stretch",
        )
    if not may(visit.account, Action.PLANS) or inspection_list.number:
        return
    if keep.button(visit.say("keep_list"), icon=":material/save:", help=visit.say("keep_list_help"), width="stretch"):
        number = reach.acting(visit).keep_plan(inspection_list)
        st.toast(visit.say("list_kept", number=number))
        for name in ("hours", "people"):
            st.query_params.pop(name, None)
        st.rerun()


def _file(visit: Visit, inspection_list: InspectionList, ending: str) -> bytes:
    """The file of a list, made when it is asked for, by the rights of that moment."""
    renewed = reach.renewed(visit)
    part = reach.shown(renewed, planned.Shown(inspection_list, None)).plan
    return planned.file(visit.folder, part, ending, visit.language)


def _inside(visit: Visit, inspection_list: InspectionList) -> None:
    if not inspection_list.items:
        st.html(markup.empty(visit.say("list_empty"), visit.say("list_empty_do")))
        return
    _grid(visit, inspection_list, inspection_list.items, _COLUMNS, "list-in")


def _outside(visit: Visit, inspection_list: InspectionList) -> None:
    if not inspection_list.left_out:
        st.html(markup.empty(visit.say("nothing_left_out"), visit.say("nothing_left_out_do")))
        return
    _grid(visit, inspection_list, inspection_list.left_out, _LEFT_COLUMNS, "list-out")


def _grid(
    visit: Visit, inspection_list: InspectionList, items: tuple[Item, ...], columns: tuple[str, ...], key: str
) -> None:
    """The items, and below them everything about the one that is chosen."""
    event: Any = st.dataframe(
        frame(visit, inspection_list, items).select(columns),
        hide_index=True,
        placeholder="–",
        height=markup.table_height(len(items), most=12),
        row_height=markup.ROW,
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [0]}},
        key=f"{key}-{visit.language}-{hash(tuple(item.key for item in items))}",
        column_config=_columns(visit),
    )
    rows = event.selection.rows
    _detail(visit, inspection_list, items[rows[0] if rows and rows[0] < len(items) else 0])


def _detail(visit: Visit, inspection_list: InspectionList, item: Item) -> None:
    language = visit.language
    with st.container(border=True):
        priority = markup.badge(visit.say(f"priority_{item.priority.value}"), palette.PRIORITIES[item.priority.value])
        st.html(f"{priority} <b>{markup.escaped(item.what[language])}</b>")
        if item.left_out_reason:
            st.html(markup.sentence(item.left_out_reason[language]))
        st.html(markup.sentence(item.reason[language]))
        st.html(markup.pairs(_facts(visit, inspection_list, item)))
        if any(asset.id == item.asset for asset in reach.assets(visit)):
            st.page_link(
                visit.pages["asset"],
                label=visit.say("open_asset", asset=markup.plain(item.asset)),
                icon=":material/monitoring:",
                query_params=visit.link(asset=item.asset),
            )


def _facts(visit: Visit, inspection_list: InspectionList, item: Item) -> list[tuple[str, str]]:
    language = visit.language
    length = wording.hours(timedelta(minutes=item.minutes), language)
    hours = f"{item.start:%H:%M}–{item.end:%H:%M}" if item.start and item.end else length
    return [
        (visit.say("asset"), f"{item.asset} · {places.names(visit).over(inspection_list).place(item)}"),
        (visit.say("time"), hours),
        (visit.say("person"), _who(inspection_list, item)),
        (visit.say("how"), item.method[language]),
        (visit.say("passes"), item.passes[language]),
        (visit.say("qualification"), qualification(item.qualification)[language] if item.qualification else ""),
        (visit.say("out_of_service"), visit.say("out_of_service_then") if item.out_of_service else ""),
        (visit.say("due"), item.due.isoformat() if item.due else ""),
        (visit.say("breach_from"), item.breach_from.isoformat() if item.breach_from else ""),
    ]


def _who(inspection_list: InspectionList, item: Item) -> str:
    """Everybody who does it, by name or by number."""
    named = [(number, inspection_list.person(number)) for number in item.people]
    return " + ".join(person.name if person and person.name else str(number) for number, person in named)


def frame(visit: Visit, inspection_list: InspectionList, items: tuple[Item, ...]) -> pl.DataFrame:
    """One row an item, in words."""
    language, naming = visit.language, places.names(visit).over(inspection_list)
    rows = [
        {
            "number": item.number,
            "time": f"{item.start:%H:%M}" if item.start else "",
            "person": _who(inspection_list, item),
            "priority": [visit.say(f"priority_{item.priority.value}")],
            "place": naming.place(item),
            "asset": item.asset,
            "what": item.what[language],
            "ground": visit.say(f"ground_{item.ground.value}"),
            "why_not": item.left_out_reason[language] if item.left_out_reason else "",
            "reason": item.reason[language],
            "minutes": item.minutes,
            "due": item.due,
        }
        for item in items
    ]
    schema: Mapping[str, Any] = {
        "number": pl.Int64,
        "priority": pl.List(pl.String),
        "minutes": pl.Int64,
        "due": pl.Date,
    }
    names = dict.fromkeys((*_COLUMNS, *_LEFT_COLUMNS))
    return pl.DataFrame(rows, schema={name: schema.get(name, pl.String) for name in names})


def _columns(visit: Visit) -> dict[str, Any]:
    text = st.column_config.TextColumn
    figure = st.column_config.NumberColumn
    priorities = [visit.say(f"priority_{priority.value}") for priority in Priority]
    return {
        "number": figure(visit.say("number"), width=44),
        "time": text(visit.say("time"), width=52),
        "person": text(visit.say("person"), width=58),
        "priority": st.column_config.MultiselectColumn(
            visit.say("priority"), options=priorities, color=list(palette.PRIORITIES.values()), width=72
        ),
        "place": text(visit.say("place"), width=145),
        "asset": text(visit.say("asset"), width=72),
        "what": text(visit.say("task"), width=155),
        "ground": text(visit.say("ground"), width=86),
        "why_not": text(visit.say("why_not"), width=180),
        "reason": text(visit.say("reason"), width=165),
        "minutes": figure(visit.say("minutes"), width=48),
        "due": st.column_config.DateColumn(visit.say("due"), format="YYYY-MM-DD", width=88),
    }
