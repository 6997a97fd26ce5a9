"""Alerts for engineers: what is open now, worst first, whatever its age; why; and what was done about it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import polars as pl
import streamlit as st

from dashboard import frames, inbox, markup, palette, places, query, reach
from dashboard.fleet import fleet_now
from dashboard.guard import guarded
from dashboard.views import alert_batch, alert_changes, alert_detail
from dashboard.views.alert_detail import began
from dashboard.visit import Visit
from facility.accounts import ALL_SITES, Action, may
from facility.alerts import Alert, AlertState, Severity
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")  # what the records can count to
_REFRESH = timedelta(seconds=10)
_CARDS = 40  # rows shown on a telephone
_CLOSED_SINCE = timedelta(days=90)
_COLUMNS = ("severity", "asset", "place", "title", "reason", "began", "opened", "state")


def show(visit: Visit) -> None:
    """The page of alerts: open, put aside, closed; filters; the chosen one, or several; and what is changing."""
    st.subheader(visit.say("page_alerts"), anchor=False)
    choice, batch_box = st.columns([3, 1], vertical_alignment="center")
    with choice:
        which = query.segments(
            visit.say("alerts_which"),
            "show",
            ("open", "shelved", "closed"),
            "open",
            lambda key: visit.say(f"alerts_{key}"),
        )
    several = False
    if which != "closed" and may(visit.account, Action.ALERTS, _some_site(visit)):
        with batch_box:
            several = query.switch(visit.say("batch"), "batch")
    with st.container(key="filters"):
        wish = _filters(visit) if reach.assets(visit) else inbox.Filter()
    _board(visit, which=which, wish=wish, several=several)
    if which == "open":
        alert_changes.show(visit)


def _some_site(visit: Visit) -> str:
    """A site of theirs, to know whether they may act on anything at all."""
    return ALL_SITES if visit.account.sites is None else next(iter(sorted(visit.account.sites)), ALL_SITES)


def _filters(visit: Visit) -> inbox.Filter:
    """What to look for, kept in the address."""
    assets, naming, known = reach.assets(visit), places.names(visit), catalogue()
    sites = sorted({asset.site for asset in assets})
    kinds = sorted({asset.kind for asset in assets})
    persons = inbox.persons(reach.open_alerts(visit))
    boxes = iter(st.columns([2, 2, 2, 2, 3] if len(sites) > 1 else [2, 2, 2, 3], gap="small"))
    site = ""
    if len(sites) > 1:
        with next(boxes):
            words = {"": visit.say("all_sites"), **{key: naming.site(key) or key for key in sites}}
            site = query.selection(visit.say("site"), "site", ["", *sites], "", words.__getitem__)
    with next(boxes):
        words = {"": visit.say("all_kinds"), **{key: _kind(visit, key) for key in kinds if key in known}}
        kind = query.selection(visit.say("kind"), "kind", list(words), "", words.__getitem__)
    with next(boxes):
        words = {"": visit.say("all_severities"), **{one.value: visit.say(f"severity_{one.value}") for one in Severity}}
        severity = query.selection(visit.say("severity"), "severity", list(words), "", words.__getitem__)
    with next(boxes):
        words = {"": visit.say("all_persons"), inbox.NOBODY: visit.say("nobody"), **{name: name for name in persons}}
        person = query.selection(visit.say("assigned_to"), "person", list(words), "", words.__getitem__)
    with next(boxes):
        typed = query.words(visit.say("search_alerts"), "find")
    return inbox.Filter(site=site, kind=kind, severity=severity, person=person, words=typed)


def _kind(visit: Visit, key: str) -> str:
    return catalogue()[key].name[visit.language]


@st.fragment(run_every=_REFRESH)
@guarded
def _board(visit: Visit, *, which: str, wish: inbox.Filter, several: bool) -> None:
    """The table and, below it, the chosen alert. Renews itself without disturbing the form below it."""
    closed = which == "closed"
    alerts = _closed(visit) if closed else reach.open_alerts(visit)
    now = alert_detail.moment(visit)
    if not closed:
        alerts = [alert for alert in alerts if alert.shelved(now) == (which == "shelved")]
    assets = {asset.id: asset for asset in reach.assets(visit)}
    there = bool(alerts)
    alerts = inbox.matching(alerts, assets, wish, places.names(visit))
    ordered = alerts if closed else sorted(alerts, key=inbox.urgency)
    if which == "open":
        st.html(_counts(visit, ordered))
    if several and ordered:
        chosen = _picks(visit, ordered, assets)
        alert_batch.show(visit, ordered, chosen, assets)
        return
    named = _named(visit, ordered)
    if ordered:
        named = _table(visit, ordered, assets, named)
    elif there:
        st.html(markup.empty(visit.say("nothing_matches"), visit.say("nothing_matches_do")))
    elif which == "shelved":
        st.html(markup.empty(visit.say("no_shelved_alerts"), visit.say("no_shelved_alerts_do")))
    else:
        st.html(_nothing(visit, closed=closed, registered=bool(assets)))
    if named is not None:
        if named not in ordered:
            st.html(markup.quiet(visit.say("alert_no_longer_open" if named.closed_at else "alert_not_listed")))
        alert_detail.detail(visit, named, assets.get(named.asset))
    elif asked := st.query_params.get("alert", ""):
        number = asked[:20]
        st.html(markup.empty(visit.say("alert_unknown", number=number), visit.say("alert_unknown_do")))


def _closed(visit: Visit) -> list[Alert]:
    alerts = reach.closed_alerts(visit, since=visit.now - _CLOSED_SINCE)
    return sorted(alerts, key=lambda alert: alert.closed_at or alert.opened_at, reverse=True)


def _counts(visit: Visit, alerts: Sequence[Alert]) -> str:
    waiting = sum(alert.state in inbox.WAITING for alert in alerts)
    shown = [
        (str(number), visit.say(f"severity_{severity.value}_long"), palette.SEVERITIES[severity.value])
        for severity, number in inbox.severities(alerts)
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
    rows = [ids.index(named.id)] if named is not None and named.id in ids else [0]
    with st.container(key="wide-alerts"):
        event: Any = st.dataframe(
            _frame(visit, alerts, assets),
            hide_index=True,
            height=markup.table_height(len(alerts), most=12),
            row_height=markup.ROW,
            on_select="rerun",
            selection_mode="single-row-required",
            selection_default={"selection": {"rows": rows}},
            key=f"alert-table-{visit.language}-{hash(tuple(ids))}-{named.id if named else 0}",
            column_config=_columns(visit),
        )
    st.html(_cards(visit, alerts, assets))
    clicked: list[int] = event.selection.rows
    if not clicked or clicked[0] >= len(alerts) or clicked == rows:
        return named
    st.query_params["alert"] = str(alerts[clicked[0]].id)
    return alerts[clicked[0]]


def _picks(visit: Visit, alerts: Sequence[Alert], assets: dict[str, Asset]) -> list[Alert]:
    """Draw the table to choose several from; give back those chosen. What changes the rows clears the choice."""
    ids = tuple(alert.id for alert in alerts)
    event: Any = st.dataframe(
        _frame(visit, alerts, assets),
        hide_index=True,
        height=markup.table_height(len(alerts), most=12),
        row_height=markup.ROW,
        on_select="rerun",
        selection_mode="multi-row",
        key=f"alert-picks-{visit.language}-{hash(ids)}-{st.session_state.get(alert_batch.TURN, 0)}",
        column_config=_columns(visit),
    )
    return [alerts[row] for row in event.selection.rows if row < len(alerts)]


def _cards(visit: Visit, alerts: Sequence[Alert], assets: dict[str, Asset]) -> str:
    """The same on a telephone, each a link that opens it."""
    naming, asked = places.names(visit), dict(st.query_params)
    shown = []
    for alert in alerts[:_CARDS]:
        asset = assets.get(alert.asset)
        where = f"{alert.asset} · {naming.place(asset)}" if asset else alert.asset
        badge = markup.badge(visit.say(f"severity_{alert.severity.value}"), palette.SEVERITIES[alert.severity.value])
        words = f"{where} · {visit.relative(alert.opened_at)} · {alert.reason[visit.language]}"
        address = "?" + urlencode({**asked, **visit.link(alert=str(alert.id))})
        shown.append((address, badge, alert.title[visit.language], words))
    more = len(alerts) - len(shown)
    return markup.cards(shown) + (markup.phone_only(visit.say("more_rows", n=more)) if more else "")


def _frame(visit: Visit, alerts: Sequence[Alert], assets: dict[str, Asset]) -> pl.DataFrame:
    rows, naming = [], places.names(visit)
    for alert in alerts:
        asset = assets.get(alert.asset)
        rows.append(
            (
                [visit.say(f"severity_{alert.severity.value}")],
                alert.asset,
                naming.place(asset) if asset else "",
                alert.title[visit.language],
                alert.reason[visit.language],
                began(visit, alert),
                visit.relative(alert.opened_at),
                _progress(visit, alert),
            )
        )
    schema = {name: pl.List(pl.String) if name == "severity" else pl.String for name in _COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


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
