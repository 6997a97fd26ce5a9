"""Something that happens while one watches: a fault that a lift reports of itself, soon after the present begins.

Faults of the plan set in over days; whoever starts the demo would wait long for one. This one goes the ordinary way, as
readings of a lift of the fleet: it moves with open doors, says so every half minute, and is right again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from facility.estate import Asset
from simulators.payloads import Message, single, telemetry_topic

OPEN_DOORS = 12.0  # the catalogue's code for moving with the door open
EVERY_S = 30.0
SHORTEST = timedelta(minutes=2)


def moves_with_open_doors(
    assets: Sequence[Asset], begin: datetime, now: datetime, *, speed: float, after: timedelta, lasts: timedelta
) -> list[tuple[int, Message]]:
    """Messages of the first lift, with when they are due (milliseconds since 1970); none in a fleet without lifts.

    `begin` is the simulated time of the first live moment, `now` that of the clock of whoever watches; `after` and
    `lasts` are by that clock. Simulated time runs `speed` times as fast until it has caught up with it, so what would
    last beyond that is cut short, to two minutes at least.
    """
    lift = next((asset for asset in assets if asset.kind == "lift"), None)
    if lift is None:
        return []
    start = min(begin + after * speed, max(now, begin) + after)
    length = max(SHORTEST, min(lasts * speed, now - start))
    steps = int(length.total_seconds() / EVERY_S)
    moments = [start + timedelta(seconds=EVERY_S) * step for step in range(steps + 1)]
    topic = telemetry_topic(lift)
    messages = []
    for step, moment in enumerate(moments):
        due_ms = round(moment.timestamp() * 1000)
        code = OPEN_DOORS if step < steps else 0.0
        messages.append((due_ms, single(topic, due_ms, {"fault_code": code})))
    return messages
