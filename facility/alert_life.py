"""The life of an alert after ISA-18.2, as a table: from which state which step leads where.

Whatever changes an alert's state writes the step into its trail, so that the trail read from its beginning gives the
state (`state_after`). A step that is not in the table cannot happen. Assigning, commenting and putting aside leave the
state as it is and stand beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from facility.alerts import AlertState, Step

_NEW = AlertState.UNACKNOWLEDGED
_TAKEN = AlertState.ACKNOWLEDGED
_NORMAL = AlertState.RETURNED
_OVER = AlertState.CLOSED

TRANSITIONS: Mapping[tuple[AlertState | None, str], AlertState] = {
    (None, "opened"): _NEW,
    (_NEW, "worsened"): _NEW,
    (_NEW, "revised"): _NEW,
    (_NEW, "returned"): _NORMAL,
    (_NEW, "withdrawn"): _NORMAL,  # late readings show that it was not so; somebody may have been told
    (_NEW, "acknowledged"): _TAKEN,
    (_NEW, "closed"): _OVER,
    (_NORMAL, "recurred"): _NEW,
    (_NORMAL, "revised"): _NORMAL,
    (_NORMAL, "acknowledged"): _TAKEN,  # and closed with the same act
    (_NORMAL, "closed"): _OVER,
    (_TAKEN, "worsened"): _TAKEN,
    (_TAKEN, "revised"): _TAKEN,
    (_TAKEN, "recurred"): _TAKEN,  # it had returned while somebody acknowledged it
    (_TAKEN, "returned"): _TAKEN,
    (_TAKEN, "withdrawn"): _OVER,
    (_TAKEN, "closed"): _OVER,
}
BESIDE = frozenset({"assigned", "commented", "shelved", "unshelved"})


def state_after(trail: Iterable[Step]) -> AlertState | None:
    """The state that a trail, oldest step first, leads to. Raises `KeyError` for a step that cannot happen there."""
    state: AlertState | None = None
    for step in trail:
        if step.what not in BESIDE:
            state = TRANSITIONS[state, step.what]
    return state
