"""The tile that moves: how many readings are kept, how fast they come, how old the newest is."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard import markup, reach, sources, wording
from dashboard.guard import guarded
from dashboard.visit import Visit

EVERY = timedelta(seconds=2)
REMEMBERED = 40  # ticks of the little chart


@st.fragment(run_every=EVERY)
@guarded
def tile(visit: Visit) -> None:
    """Counts of the store, renewed every two seconds by itself."""
    now = datetime.now(UTC)
    if not reach.everything(visit):
        newest = reach.latest(visit)["time"].max()
        last = newest if isinstance(newest, datetime) else None
        st.html(markup.quiet(visit.say("live_newest", when=wording.relative(last, now, visit.language))))
        return
    size = sources.size(visit.folder)
    seen: deque[tuple[datetime, int]] = st.session_state.setdefault("live_counts", deque(maxlen=REMEMBERED))
    if not seen or seen[-1][1] != size.readings or now - seen[-1][0] >= EVERY:
        seen.append((now, size.readings))
    rates = [
        max(0.0, (after[1] - before[1]) / max(0.5, (after[0] - before[0]).total_seconds()))
        for before, after in zip(seen, list(seen)[1:], strict=False)
    ]
    rate = visit.say("live_rate", rate=wording.number(sum(rates[-5:]) / max(1, len(rates[-5:]))))
    st.metric(
        visit.say("live_readings"), wording.count(size.readings), delta=rate, delta_color="gray", delta_arrow="off"
    )
    if any(rates):
        low, high = wording.number(min(rates)), wording.number(max(rates))
        st.html(markup.spark(rates, visit.say("live_spark", rate=rate, low=low, high=high)))
    newest = wording.relative(size.last, now, visit.language)
    clock = visit.say("live_clock", when=wording.exact(now, visit.timezone), zone=str(visit.timezone))
    st.html(markup.quiet(visit.say("live_newest", when=newest)) + markup.quiet(clock))
