"""Alerts for engineers: what is open now, worst first, whatever its age; why; and what was done about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import frames, markup, palette, query, reach, sources
from dashboard.fleet import fleet_now
from dashboard.guard import guarded
from dashboard.visit import Visit
from facility.alerts import Alert, AlertState, Severity
from facility.errors import CannotDo, ServicedayError
from facility.estate import Asset
from serviceday.accounts import Acting

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")  # what the records can count to
_SHELVES = (1, 3, 7, 14, 30)  # days
_REFRESH = timedelta(seconds=10)
_SURE = timedelta(days=4)  # an interval of an onset that is no longer is told as a day
_CLOSED_SINCE = timedelta(days=90)
_WAITING = (AlertState.UNACKNOWLEDGED, AlertState.RETURNED)
_COLUMNS = ("severity", "asset", "place", "title", "reason", "began", "opened", "state")


def show(visit: Visit) -> None:
    """The page of alerts: open, put aside, closed, and the chosen one with what can be done about it."""
    st.subheader(visit.say("page_alerts"), anchor=False)
    which = query.segments(
        visit.say("alerts_which"), "show", ("open", "shelved", "closed"), "open", lambda key: visit.say(f"alerts_{key}")
    )
    _board(visit, which=which)


@st.fragment(run_every=_REFRESH)
@guarded
def _board(visit: Visit, *, which: str) -> None:
    """The table and, beside it, the chosen alert. Renews itself without disturbing the form below it."""
    closed = which == "closed"
    alerts = _closed(visit) if closed else reach.open_alerts(visit)
    now = _moment(visit)
    if not closed:
        alerts = [alert for alert in alerts if alert.shelved(now) == (which == "shelved")]
    assets = {asset.id: asset for asset in reach.assets(visit)}
    ordered = alerts if closed else sorted(alerts, key=_urgency)
    if which == "open":
        st.html(_counts(visit, ordered))
    chosen = _named(visit, ordered)
    if ordered:
        chosen = _table(visit, ordered, assets, chosen)
    elif which == "shelved":
        st.html(markup.empty(visit.say("no_shelved_alerts"), visit.say("no_shelved_alerts_do")))
    else:
        st.html(_nothing(visit, closed=closed, registered=bool(assets)))
    if chosen is not None:
        if chosen not in ordered:
            st.html(markup.quiet(visit.say("alert_no_longer_open")))
        _detail(visit, chosen, assets.get(chosen.asset))
    elif asked := st.query_params.get("alert", ""):
        number = asked[:20]
        st.html(markup.empty(visit.say("alert_unknown", number=number), visit.say("alert_unknown_do")))


def _closed(visit: Visit) -> list[Alert]:
    alerts = reach.closed_alerts(visit, since=visit.now - _CLOSED_SINCE)
    return sorted(alerts, key=lambda alert: alert.closed_at or alert.opened_at, reverse=True)


def _urgency(alert: Alert) -> tuple[int, bool, float]:
    return alert.severity.rank, alert.state not in _WAITING, -alert.opened_at.timestamp()


def _counts(visit: Visit, alerts: Sequence[Alert]) -> str:
    severities = Counter(alert.severity for alert in alerts)
    waiting = sum(alert.state in _WAITING for alert in alerts)
    shown = [
        (str(severities[severity]), visit.say(f"severity_{severity.value}_long"), palette.SEVERITIES[severity.value])
        for severity in Severity
    ]
    return markup.tiles([*shown, (str(waiting), visit.say("alerts_waiting"), palette.LINE)])


def _nothing(visit: Visit, *, closed: bool, registered: bool) -> str:
    """No alerts is good news only of assets that were heard and assessed; the others are counted by their state."""
    if closed:
        return markup.empty(visit.say("no_closed_alerts"), visit.say("no_closed_alerts_do"))
    if not registered:
        return markup.empty(visit.say("no_assets"), visit.say("no_assets_do"))
    states = frames.by_state(fleet_now(visit))
    words = visit.say("no_alerts_do", count=states.pop("normal"))
    unclear = [f"{visit.say(f'state_{state}')} {number}" for state, number in states.items() if number]
    if unclear:
        words += " " + visit.say("no_alerts_unknown", states=" · ".join(unclear))
    return markup.empty(visit.say("no_alerts"), words)


def _named(visit: Visit, shown: Sequence[Alert]) -> Alert | None:
    """The alert that the address names, though it may have been closed since; without one, the first that is shown."""
    asked = st.query_params.get("alert", "")
    if not asked:
        return shown[0] if shown else None
    if not _NUMBER.fullmatch(asked):
        return None
    number = int(asked)
    listed = next((alert for alert in shown if alert.id == number), None)
    if listed is not None:
        return listed
    try:
        return reach.alert(visit, number)
    except CannotDo:
        return None


def _table(visit: Visit, alerts: Sequence[Alert], assets: dict[str, Asset], named: Alert | None) -> Alert | None:
    """Draw the table; give back the alert that was clicked, else the one that the address names."""
    ids = [alert.id for alert in alerts]
    places = [ids.index(named.id)] if named is not None and named.id in ids else []
    event: Any = st.dataframe(
        _frame(visit, alerts, assets),
        hide_index=True,
        height=markup.table_height(len(alerts), most=8),
        row_height=markup.ROW,
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": places}},
        key=f"alert-table-{visit.language}-{hash(tuple(ids))}-{named.id if named else 0}",
        column_config=_columns(visit),
    )
    rows = event.selection.rows
    chosen = alerts[rows[0]] if rows and rows[0] < len(alerts) else named
    if chosen is not None and str(chosen.id) != st.query_params.get("alert", ""):
        st.query_params["alert"] = str(chosen.id)
    return chosen


def _frame(visit: Visit, alerts: Sequence[Alert], assets: dict[str, Asset]) -> pl.DataFrame:
    rows, places = [], sources.names(visit.folder)
    for alert in alerts:
        asset = assets.get(alert.asset)
        rows.append(
            (
                [visit.say(f"severity_{alert.severity.value}")],
                alert.asset,
                places.place(asset) if asset else "",
                alert.title[visit.language],
                alert.reason[visit.language],
                _began(visit, alert),
                visit.relative(alert.opened_at),
                _progress(visit, alert),
            )
        )
    schema = {name: pl.List(pl.String) if name == "severity" else pl.String for name in _COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _began(visit: Visit, alert: Alert, *, full: bool = False) -> str:
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


def _progress(visit: Visit, alert: Alert) -> str:
    words = visit.say(f"alert_{alert.state.value}")
    who = alert.closed_by if alert.state is AlertState.CLOSED else alert.assigned_to or alert.acknowledged_by
    return f"{words} · {who}" if who else words


def _columns(visit: Visit) -> dict[str, Any]:
    text = st.column_config.TextColumn
    severities = [visit.say(f"severity_{severity.value}") for severity in Severity]
    return {
        "severity": st.column_config.MultiselectColumn(
            visit.say("severity"), options=severities, color=list(palette.SEVERITIES.values()), width=72
        ),
        "asset": text(visit.say("asset"), width=75),
        "place": text(visit.say("place"), width=165),
        "title": text(visit.say("what"), width=190),
        "reason": text(visit.say("reason"), width=190),
        "began": text(visit.say("began"), width=110),
        "opened": text(visit.say("noticed"), width=78),
        "state": text(visit.say("state"), width=125),
    }


def _detail(visit: Visit, alert: Alert, asset: Asset | None) -> None:
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
        with acted:
            if not reach.may_act(visit, alert, asset):
                st.html(markup.quiet(visit.say("door_not_allowed")))
            elif alert.state is not AlertState.CLOSED:
                _form(visit, alert)
                _handling(visit, alert)
            _trail(visit, alert)


def _facts(visit: Visit, alert: Alert, asset: Asset | None) -> list[tuple[str, str]]:
    return [
        (visit.say("asset"), f"{alert.asset} · {sources.names(visit.folder).place(asset)}" if asset else alert.asset),
        (visit.say("began"), _began(visit, alert, full=True)),
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
    if not alert.shelved(_moment(visit)):
        return ""
    return visit.say(
        "shelved_until", until=visit.exact(alert.shelved_until), by=alert.shelved_by, why=alert.shelved_why
    )


def _handling(visit: Visit, alert: Alert) -> None:
    """Give it to somebody, say a word, put it aside for a time or bring it back."""
    with st.expander(visit.say("more_actions")), st.form(f"handle-{alert.id}", border=False):
        name, person = st.columns(2)
        who = _signature(visit, name, "handled_by")
        to = person.text_input(visit.say("assigned_to"), value=alert.assigned_to, max_chars=60)
        words = st.text_input(visit.say("note"), max_chars=500)
        days = st.selectbox(
            visit.say("shelve_for"), _SHELVES, format_func=lambda count: visit.say("shelve_days", days=count)
        )
        first, second, third = st.columns(3)
        assign = first.form_submit_button(visit.say("assign"), width="stretch")
        comment = second.form_submit_button(visit.say("comment"), width="stretch")
        aside = alert.shelved(_moment(visit))
        shelve = third.form_submit_button(visit.say("unshelve" if aside else "shelve"), width="stretch")
    if not (assign or comment or shelve):
        return
    note, until = words.strip(), _moment(visit) + timedelta(days=days)
    actions: dict[str, Callable[[Acting], Alert]] = {
        "assign": lambda acting: acting.assign(alert.id, to=to.strip(), note=note),
        "comment": lambda acting: acting.comment(alert.id, note=note),
        "unshelve": lambda acting: acting.unshelve(alert.id),
        "shelve": lambda acting: acting.shelve(alert.id, until=until, why=note),
    }
    wish = "assign" if assign else "comment" if comment else "unshelve" if aside else "shelve"
    _carry_out(visit, who, actions[wish])


def _signature(visit: Visit, place: DeltaGenerator, label: str) -> str:
    """Whoever is signed in signs by that; where nobody is asked for, a name is typed."""
    if visit.account.name:
        place.html(markup.quiet(visit.say("signed_as", who=visit.account.words)))
        return visit.account.name
    typed: str = place.text_input(visit.say(label), value=st.session_state.get("who", ""), max_chars=60)
    return typed.strip()


def _carry_out(visit: Visit, who: str, act: Callable[[Acting], Alert]) -> None:
    """Do what somebody asked for, signed; what cannot be done is told, and the page shows the new state."""
    if not who:
        st.warning(visit.say("name_needed"))
        return
    if not visit.account.name:
        st.session_state["who"] = who
    try:
        act(reach.acting(visit, who))
    except ServicedayError as error:
        st.warning(markup.plain(visit.told(error)))
        return
    sources.forget_alerts()
    st.rerun(scope="app")


def _form(visit: Visit, alert: Alert) -> None:
    with st.form(f"act-{alert.id}", border=False):
        name, note = st.columns([2, 3])
        who = _signature(visit, name, "your_name")
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


def _moment(visit: Visit) -> datetime:
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
    st.html(markup.table([visit.say("when"), visit.say("happened"), visit.say("who")], rows))
