"""Below the inbox: what is getting worse and what has gone quiet, before anybody would call it an alert."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from dashboard import inbox, markup, places, reach, sources
from dashboard.fleet import fleet_now
from dashboard.guard import guarded
from dashboard.visit import Visit

_SHOWN = 6
_REFRESH = timedelta(seconds=60)


@st.fragment(run_every=_REFRESH)
@guarded
def show(visit: Visit) -> None:
    """Two short tables beside each other; each asset is a link to its page."""
    assets = {asset.id: asset for asset in reach.assets(visit)}
    if not assets:
        return
    worse, quiet = st.columns(2, gap="medium")
    with worse, st.container(border=True, height="stretch"):
        _worse(visit)
    with quiet, st.container(border=True, height="stretch"):
        _quiet(visit)


def _worse(visit: Visit) -> None:
    st.markdown(f"**{visit.say('getting_worse')}**")
    steps = sources.records(visit.folder).alerts.steps_between(visit.now - inbox.RECENT, visit.now)
    assessments = reach.assessments(visit)
    rows = inbox.worsening(reach.open_alerts(visit), steps, assessments)
    if not rows:
        st.html(markup.quiet(visit.say("nothing_worse")))
        return
    assets, naming = {asset.id: asset for asset in reach.assets(visit)}, places.names(visit)
    shown = []
    for row in rows[:_SHOWN]:
        asset, assessment = assets.get(row.asset), assessments.get(row.asset)
        words = visit.say("worse_days", days=f"{row.days:.0f}") if row.days is not None else visit.relative(row.at)
        where = naming.place(asset) if asset else ""
        reason = assessment.reason[visit.language] if assessment else ""
        shown.append((row.asset, where, f"{words} · {reason}" if reason else words))
    st.html(_links(visit, shown))
    if len(rows) > _SHOWN:
        st.html(markup.quiet(visit.say("more_rows", n=len(rows) - _SHOWN)))


def _quiet(visit: Visit) -> None:
    st.markdown(f"**{visit.say('gone_quiet')}**")
    silent = inbox.quiet(fleet_now(visit))
    if silent.is_empty():
        st.html(markup.quiet(visit.say("nothing_quiet")))
        return
    rows = silent.head(_SHOWN).select("asset", "place", "last").iter_rows()
    st.html(_links(visit, [(asset, place, visit.both(last)) for asset, place, last in rows]))
    if silent.height > _SHOWN:
        st.page_link(
            visit.pages["fleet"],
            label=visit.say("all_silent", n=silent.height),
            query_params=visit.link(state="silent"),
        )


def _links(visit: Visit, rows: list[tuple[str, str, str]]) -> str:
    return markup.linked([(visit.address("asset", asset=asset), asset, place, words) for asset, place, words in rows])
