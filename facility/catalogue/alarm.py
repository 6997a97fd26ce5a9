"""When readings of a channel become an alert, and when they no longer are one.

Between the reading and the alert lie an on-delay and an off-delay, each a time and a number of readings in a row; both
must have passed. Values between the limit and its deadband are neither bad nor good. A channel of states may name codes
that are trouble by themselves: one such code is one cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from facility.alerts import Severity

AT_ONCE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """The dwell of one channel."""

    after: timedelta = AT_ONCE  # on-delay: bad for so long ...
    count: int = 1  # ... and in so many readings in a row
    back_after: timedelta = AT_ONCE  # off-delay, likewise
    back_count: int = 1
    always: bool = False  # whatever mode the equipment is in: whoever is trapped in a lift under repair is trapped
    codes: Mapping[int, Severity] = field(default_factory=dict)  # states that are trouble by themselves
    shared: frozenset[int] = frozenset()  # codes that have one cause where many of a site report them at once


ONE_IS_ENOUGH = Alarm()


def alarm_of(row: Mapping[str, Any], aggregate: str, cadence: timedelta, duration: Any) -> Alarm:
    """The dwell that a channel's table names, else what suits its kind. `duration` reads a length of time."""
    table: Mapping[str, Any] = row.get("alarm", {})
    usual = _usual(aggregate, cadence)
    return Alarm(
        after=duration(table["after"]) if "after" in table else usual.after,
        count=table.get("count", 1 if "after" in table else usual.count),
        back_after=duration(table["back_after"]) if "back_after" in table else usual.back_after,
        back_count=table.get("back_count", usual.back_count),
        always=table.get("always", False),
        shared=frozenset(table.get("shared", ())),
        codes={code: severity for severity in Severity for code in table.get(severity.value, ())},
    )


def _usual(aggregate: str, cadence: timedelta) -> Alarm:
    """Design values (D). A test and a daily figure are finished measurements; a level has to be seen several times."""
    if aggregate in ("sparse", "daily"):
        return ONE_IS_ENOUGH
    if aggregate == "state":
        return Alarm(back_after=timedelta(minutes=5))
    count = 3 if cadence < timedelta(hours=1) else 2
    return Alarm(
        after=timedelta(minutes=10), count=count, back_after=timedelta(minutes=30), back_count=max(2, count - 1)
    )
