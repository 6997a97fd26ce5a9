"""What can be done about a finding: assign, start, done, verify, send back, postpone, close; each once and signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import streamlit as st

from dashboard import markup, reach, sources
from dashboard.views import alert_detail
from dashboard.visit import Visit
from facility.accounts import Action, may
from facility.deficiencies import Deficiency, State
from facility.errors import ServicedayError
from facility.folder import DataFolder
from serviceday.execution.grades import read_grades
from serviceday.execution.rectification import Rectification

_LATEST = timedelta(days=1830)  # a deadline further off is a slip

# What may follow in each state; the service refuses whatever else is tried.
_FOLLOWS = {
    State.DRAFT: ("assign", "reject", "close"),
    State.AWAITING_APPROVAL: ("assign", "reject", "close"),
    State.TO_RECTIFY: ("start", "done", "assign", "postpone", "close"),
    State.RECTIFYING: ("done", "assign", "postpone", "close"),
    State.AWAITING_VERIFICATION: ("verify", "reject"),
}


def show(visit: Visit, deficiency: Deficiency) -> None:
    """The form of a finding that is open, for whoever may say what was found at its site."""
    steps = _FOLLOWS.get(deficiency.state, ())
    if not steps:
        return
    if not may(visit.account, Action.RESULTS, deficiency.site):
        st.html(markup.quiet(visit.say("door_not_allowed")))
        return
    today = visit.now.astimezone(visit.timezone).date()
    number = deficiency.id
    with st.form(f"finding-{number}-{deficiency.state}", border=True):
        name, person, day = st.columns([2, 2, 2])
        who = alert_detail.signature(visit, name, "your_name", f"finding-{number}")
        to = person.text_input(visit.say("finding_to"), value=deficiency.person, max_chars=60)
        until = day.date_input(
            visit.say("finding_until"), value=None, min_value=today, max_value=today + _LATEST, format="YYYY-MM-DD"
        )
        words = st.text_input(visit.say("finding_words"), max_chars=500)
        pressed = ""
        for column, step in zip(st.columns(len(steps)), steps, strict=True):
            if column.form_submit_button(visit.say(f"finding_do_{step}"), width="stretch"):
                pressed = step
    if not pressed:
        return
    if not who:
        st.warning(visit.say("name_needed"))
        return
    if pressed == "postpone" and until is None:
        st.warning(visit.say("finding_until_needed"))
        return
    why = words.strip()

    def act(service: Rectification, by: str) -> None:
        steps: dict[str, Callable[[], object]] = {
            "assign": lambda: service.assign(number, by=by, person=to.strip(), until=until),
            "start": lambda: service.start(number, by=by),
            "done": lambda: service.done(number, by=by, measures=why),
            "verify": lambda: service.verify(number, by=by, note=why),
            "reject": lambda: service.reject(number, by=by, why=why),
            "postpone": lambda: service.postpone(number, until or today, by=by, why=why),
            "close": lambda: service.close(number, by=by, why=why),
        }
        steps[pressed]()

    _carry_out(visit, deficiency, who, act)


def _carry_out(visit: Visit, deficiency: Deficiency, who: str, act: Callable[[Rectification, str], None]) -> None:
    alert_detail.remember(visit, who)
    try:
        by = reach.rectifying(visit, deficiency, who)
        grades = read_grades(DataFolder(visit.folder).path / "grades.toml")
        records, now = sources.records(visit.folder), alert_detail.moment(visit)
        act(Rectification(records, now=now, timezone=visit.timezone, grades=grades), by)
    except ServicedayError as error:
        st.warning(markup.plain(visit.told(error)))
        return
    st.rerun()
