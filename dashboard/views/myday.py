"""My day: the round of whoever looks, stop by stop, with the link that opens it on a telephone."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from dashboard import markup, palette, places, query, reach, sources, wording
from dashboard.visit import Visit
from facility.accounts import Action, may
from facility.errors import CannotConvert
from facility.folder import DataFolder
from facility.inspections import InspectionList, Item
from serviceday.execution.phone.links import Links, address, expiry, link_key, person_named, walking

_STILL_OPEN = timedelta(days=2)  # after a day, results are still taken


def show(visit: Visit) -> None:
    """The page of one person's round on the next service day, or on one that is still open."""
    st.subheader(visit.say("page_myday"), anchor=False)
    if not reach.assets(visit):
        st.html(markup.empty(visit.say("no_assets"), visit.say("no_assets_do")))
        return
    plan = _plan(visit)
    if plan is None:
        st.html(markup.empty(visit.say("no_rounds"), visit.say("no_rounds_do")))
        return
    person = _person(visit, plan)
    if person is None:
        st.html(markup.empty(visit.say("no_round_of_yours", day=plan.service_day), visit.say("no_round_of_yours_do")))
        return
    items = [item for item in plan.items if person in item.people and visit.account.sees(item.site)]
    items.sort(key=lambda item: (item.start is None, item.start, item.number))
    minutes = sum(item.minutes for item in items)
    st.html(
        markup.tiles(
            [
                (wording.calendar_day(plan.service_day, visit.language), visit.say("service_day"), palette.LINE),
                (str(len(items)), visit.say("tasks"), palette.LINE),
                (wording.hours(timedelta(minutes=minutes), visit.language), visit.say("work_time"), palette.LINE),
            ]
        )
    )
    if len(items) < sum(person in item.people for item in plan.items):
        st.html(markup.quiet(visit.say("round_elsewhere")))
    elif items and may(visit.account, Action.RESULTS, items[0].site):
        _link(visit, plan, person)
    st.html(markup.steps([_step(visit, plan, item) for item in items]))


def _plan(visit: Visit) -> InspectionList | None:
    """The kept list of the next service day whose rounds can still be walked."""
    plans, today = sources.records(visit.folder).plans, visit.now.astimezone(visit.timezone).date()
    open_days = [day for day in plans.days() if day >= today - _STILL_OPEN]
    for day in sorted(open_days, key=lambda day: (day < today, abs((day - today).days))):
        plan = plans.newest(day)
        if plan is not None and walking(plan) and visit.now < expiry(plan, visit.timezone):
            return plan
    return None


def _person(visit: Visit, plan: InspectionList) -> int | None:
    """Whoever is signed in, by their name on the list; where nobody signs in, whoever is chosen."""
    if not visit.account.name:
        people = {str(number): name for number, name in walking(plan)}
        first = next(iter(people))
        return int(query.selection(visit.say("person"), "person", list(people), first, people.__getitem__))
    for words in (visit.account.name, visit.account.display):
        if words and not words.isdecimal():
            try:
                return person_named(plan, words)
            except CannotConvert:
                continue
    return None


def _link(visit: Visit, plan: InspectionList, person: int) -> None:
    """The link of the round. It is a key: only whoever walks the round sees it."""
    renewed = reach.renewed(visit)
    links = Links(link_key(DataFolder(renewed.folder).link_key), sources.records(renewed.folder))
    path = address("", links.token(plan, person, timezone=visit.timezone))
    st.html(markup.button(path, visit.say("round_open")))


def _step(visit: Visit, plan: InspectionList, item: Item) -> tuple[str, str, str, str]:
    """When, badge, what, and where with why."""
    when = f"{item.start:%H:%M}" if item.start else "–"
    badge = markup.badge(visit.say(f"priority_{item.priority.value}"), palette.PRIORITIES[item.priority.value])
    where = f"{item.asset} · {places.names(visit).over(plan).place(item)}"
    return when, badge, item.what[visit.language], f"{where} · {item.reason[visit.language]}"
