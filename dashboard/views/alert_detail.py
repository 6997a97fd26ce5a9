"""The chosen alert: what it says, why it was told or held back, what was done about it, and what can be done."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import unquote

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import markup, palette, places, query, reach, sources
from dashboard.visit import Visit
from facility.alerts import Alert, AlertState
from facility.errors import ServicedayError
from facility.estate import Asset
from serviceday.accounts import Acting
from serviceday.alerts.explaining import Account, accounts, alert_accounts

SHELVES = (1, 3, 7, 14, 30)  # days
_SURE = timedelta(days=4)  # an interval of an onset that is no longer is told as a day
_WAITING = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)
_SIGNATURE = "serviceday-signature"  # cookie of whoever acts where nobody signs in; written by the page's script


def began(visit: Visit, alert: Alert, *, full: bool = False) -> str:
    """The onset as surely as it is known; `full`: with its 90 % interval."""
    if alert.began is None or (alert.began_after is None and alert.began_before is not None):
        limit = alert.began_before
        return visit.say("began_before", day=_day(visit, limit)) if limit is not None else "–"
    told = _day(visit, alert.began)
    if alert.began_after is None or alert.began_before is None or alert.began_before - alert.began_after <= _SURE:
        return told
    if full:
        return visit.say(
            "began_between", day=told, after=_day(visit, alert.began_after), before=_day(visit, alert.began_before)
        )
    return visit.say("began_about", day=told)


def _day(visit: Visit, moment: datetime) -> str:
    return visit.exact(moment)[:10]


def detail(visit: Visit, alert: Alert, asset: Asset | None) -> None:
    """Draw the alert whole, beside it what whoever looks may do about it."""
    with st.container(border=True):
        generator, acted = st.columns([5, 3], gap="medium")
        with generator:
            severity = markup.badge(
                visit.say(f"severity_{alert.severity.value}_long"), palette.SEVERITIES[alert.severity.value]
            )
            st.html(f"{severity} <b>{markup.escaped(alert.title[visit.language])}</b>")
            st.html(markup.sentence(alert.reason[visit.language]))
            st.html(markup.pairs(_facts(visit, alert, asset)))
            if asset is not None:  # a site, or the system itself, has no page
                st.page_link(
                    visit.pages["asset"],
                    label=visit.say("open_asset", asset=markup.plain(alert.asset)),
                    icon=":material/monitoring:",
                    query_params=visit.link(asset=alert.asset),
                )
            if query.switch(visit.say("alert_why"), "why"):
                records = sources.records(visit.folder)
                reasons(visit, alert_accounts(records, alert.id, now=moment(visit), timezone=visit.timezone))
        with acted:
            if not reach.may_act(visit, alert, asset):
                st.html(markup.quiet(visit.say("door_not_allowed")))
            elif alert.state is not AlertState.CLOSED:
                _form(visit, alert)
                _handling(visit, alert)
            _trail(visit, alert)


def _facts(visit: Visit, alert: Alert, asset: Asset | None) -> list[tuple[str, str]]:
    return [
        (visit.say("asset"), f"{alert.asset} · {places.names(visit).place(asset)}" if asset else alert.asset),
        (visit.say("began"), began(visit, alert, full=True)),
        (visit.say("noticed"), visit.both(alert.opened_at)),
        (visit.say("last_seen"), visit.both(alert.last_seen_at)),
        (visit.say("returned"), visit.both(alert.returned_at) if alert.returned_at else ""),
        (visit.say("source"), visit.say(f"source_{alert.source.value}")),
        (visit.say("assigned_to"), alert.assigned_to),
        (visit.say("shelved"), _shelf(visit, alert)),
        (visit.say("note"), alert.note),
        (visit.say("follows"), visit.say("alert_number", number=alert.follows) if alert.follows else ""),
    ]


def _shelf(visit: Visit, alert: Alert) -> str:
    if not alert.shelved(moment(visit)):
        return ""
    return visit.say(
        "shelved_until", until=visit.exact(alert.shelved_until), by=alert.shelved_by, why=alert.shelved_why
    )


def _handling(visit: Visit, alert: Alert) -> None:
    """Give it to somebody, say a word, put it aside for a time or bring it back."""
    with st.expander(visit.say("more_actions")), st.form(f"handle-{alert.id}", border=False):
        name, person = st.columns(2)
        who = signature(visit, name, "handled_by", str(alert.id))
        to = person.text_input(visit.say("assigned_to"), value=alert.assigned_to, max_chars=60)
        words = st.text_input(visit.say("note"), max_chars=500)
        days = st.selectbox(
            visit.say("shelve_for"), SHELVES, format_func=lambda count: visit.say("shelve_days", days=count)
        )
        first, second, third = st.columns(3)
        assign = first.form_submit_button(visit.say("assign"), width="stretch")
        comment = second.form_submit_button(visit.say("comment"), width="stretch")
        aside = alert.shelved(moment(visit))
        shelve = third.form_submit_button(visit.say("unshelve" if aside else "shelve"), width="stretch")
    if not (assign or comment or shelve):
        return
    note, until = words.strip(), moment(visit) + timedelta(days=days)
    actions: dict[str, Callable[[Acting], Alert]] = {
        "assign": lambda acting: acting.assign(alert.id, to=to.strip(), note=note),
        "comment": lambda acting: acting.comment(alert.id, note=note),
        "unshelve": lambda acting: acting.unshelve(alert.id),
        "shelve": lambda acting: acting.shelve(alert.id, until=until, why=note),
    }
    wish = "assign" if assign else "comment" if comment else "unshelve" if aside else "shelve"
    _carry_out(visit, who, actions[wish])


def signature(visit: Visit, place: DeltaGenerator, label: str, key: str) -> str:
    """Whoever is signed in signs by that; where nobody is asked for, a name is typed, and is there again next time."""
    if visit.account.name:
        place.html(markup.quiet(visit.say("signed_as", who=visit.account.words)))
        return visit.account.name
    cookie = st.context.cookies.to_dict().get(_SIGNATURE, "")
    before = st.session_state.get("who") or (unquote(cookie)[:60] if isinstance(cookie, str) else "")
    typed: str = place.text_input(visit.say(label), value=before, max_chars=60, key=f"signature-{label}-{key}")
    return typed.strip()


def _carry_out(visit: Visit, who: str, act: Callable[[Acting], Alert]) -> None:
    """Do what somebody asked for, signed; what cannot be done is told, and the page shows the new state."""
    if not who:
        st.warning(visit.say("name_needed"))
        return
    remember(visit, who)
    try:
        act(reach.acting(visit, who))
    except ServicedayError as error:
        st.warning(markup.plain(visit.told(error)))
        return
    sources.forget_alerts()
    st.rerun(scope="app")


def remember(visit: Visit, who: str) -> None:
    """Offer the name that somebody typed again, where nobody signs in."""
    if not visit.account.name:
        st.session_state["who"] = who


def _form(visit: Visit, alert: Alert) -> None:
    with st.form(f"act-{alert.id}", border=False):
        name, note = st.columns([2, 3])
        who = signature(visit, name, "your_name", str(alert.id))
        words = note.text_input(visit.say("note"), max_chars=500)
        generator, done = st.columns(2)
        acknowledge = generator.form_submit_button(
            visit.say("acknowledge"),
            disabled=alert.state is AlertState.ACKNOWLEDGED,
            width="stretch",
            type="primary" if alert.state in _WAITING else "secondary",
        )
        close = done.form_submit_button(visit.say("close"), width="stretch")
    if acknowledge:
        _carry_out(visit, who, lambda acting: acting.acknowledge(alert.id, note=words.strip()))
    elif close:
        _carry_out(visit, who, lambda acting: acting.close(alert.id, note=words.strip()))


def moment(visit: Visit) -> datetime:
    """Now, as the store of times wants it; a form may be sent long after its page was drawn."""
    return max(visit.now, datetime.now(visit.now.tzinfo))


def _trail(visit: Visit, alert: Alert) -> None:
    steps = sources.records(visit.folder).alerts.trail(alert.id)
    rows = [
        (
            visit.exact(step.at),
            visit.say(f"step_{step.what}"),
            " · ".join(filter(None, (step.who, step.note if step.who else ""))),
        )
        for step in reversed(steps[-8:])
    ]
    st.html(markup.table([visit.say("when"), visit.say("happened"), visit.say("who")], rows, wraps=2))


def of_asset(visit: Visit, asset: str) -> None:
    """Everything that is told, put aside, on its way or held back at an asset."""
    told = accounts(sources.records(visit.folder), asset, now=moment(visit), timezone=visit.timezone)
    reasons(visit, told)


def reasons(visit: Visit, told: list[Account]) -> None:
    """Why something was told or held back, one line each: what it is, since when, why."""
    if not told:
        st.html(markup.quiet(visit.say("why_nothing")))
        return
    rows = [
        (
            visit.say(f"why_{entry.state}"),
            visit.exact(entry.since),
            entry.words[visit.language]
            + (visit.say("why_until", until=visit.exact(entry.until)) if entry.until else ""),
        )
        for entry in told
    ]
    st.html(markup.table([visit.say("state"), visit.say("since"), visit.say("reason")], rows, wraps=2))
