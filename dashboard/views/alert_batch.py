"""Several alerts at once: acknowledge, assign or put aside, each in its own trail, signed by whoever did it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import streamlit as st

from dashboard import markup, reach, sources
from dashboard.views import alert_detail
from dashboard.visit import Visit
from facility.alerts import Alert
from facility.errors import ServicedayError
from facility.estate import Asset
from serviceday.accounts import Acting

TURN = "alert_batch_turn"  # counts what was carried out: the choice begins anew with each
_RESULT = "alert_batch_result"  # what the last one came to, told once


def show(visit: Visit, alerts: Sequence[Alert], picks: Sequence[Alert], assets: Mapping[str, Asset]) -> None:
    """The form for the alerts that were picked, or for all that are shown."""
    _result(visit)
    with st.form(f"batch-{st.session_state.get(TURN, 0)}", border=True):
        st.markdown(f"**{visit.say('batch_picked', n=len(picks))}**")
        whole = st.checkbox(visit.say("batch_all", n=len(alerts)))
        name, person, words, length = st.columns([2, 2, 3, 2])
        who = alert_detail.signature(visit, name, "your_name", "batch")
        to = person.text_input(visit.say("assigned_to"), max_chars=60)
        note = words.text_input(visit.say("batch_note"), max_chars=500)
        days = length.selectbox(
            visit.say("shelve_for"),
            alert_detail.SHELVES,
            format_func=lambda count: visit.say("shelve_days", days=count),
        )
        first, second, third = st.columns(3)
        acknowledge = first.form_submit_button(visit.say("batch_acknowledge"), type="primary", width="stretch")
        assign = second.form_submit_button(visit.say("batch_assign"), width="stretch")
        shelve = third.form_submit_button(visit.say("batch_shelve"), width="stretch")
    if not (acknowledge or assign or shelve):
        return
    chosen = [alert for alert in (alerts if whole else picks) if reach.may_act(visit, alert, assets.get(alert.asset))]
    if not chosen:
        st.warning(visit.say("batch_none"))
        return
    if not who:
        st.warning(visit.say("name_needed"))
        return
    alert_detail.remember(visit, who)
    until, said = alert_detail.moment(visit) + timedelta(days=days), note.strip()

    def act(acting: Acting, number: int) -> Alert:
        if acknowledge:
            return acting.acknowledge(number, note=said)
        if assign:
            return acting.assign(number, to=to.strip(), note=said)
        return acting.shelve(number, until=until, why=said)

    _carry_out(visit, who, [alert.id for alert in chosen], act)


def _carry_out(visit: Visit, who: str, numbers: Sequence[int], act: Callable[[Acting, int], Alert]) -> None:
    """Do it to each; one that cannot be done stops none of the others, and is told."""
    done, refused = 0, list[str]()
    for number in numbers:
        try:
            act(reach.acting(visit, who), number)
            done += 1
        except ServicedayError as error:
            refused.append(visit.say("batch_refused", number=number, why=visit.told(error)))
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1
    st.session_state[_RESULT] = (done, refused)
    sources.forget_alerts()
    st.rerun(scope="app")


def _result(visit: Visit) -> None:
    done, refused = st.session_state.pop(_RESULT, (0, []))
    if done:
        st.success(visit.say("batch_done", n=done))
    if refused:
        st.warning("\n\n".join(markup.plain(line) for line in dict.fromkeys(refused)))
