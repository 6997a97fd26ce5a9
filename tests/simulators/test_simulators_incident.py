"""What happens while one watches goes out among the live messages, at its time, and ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from simulators.incident import SHORTEST, moves_with_open_doors
from simulators.simulation import Simulation

END = datetime(2026, 6, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("behind", [0, 1, 20, 80, 300])
@pytest.mark.parametrize("speed", [1.0, 12.0, 100.0])
def test_it_begins_within_a_minute_and_is_over_by_the_time_the_clock_is_caught_up_with(
    behind: int, speed: float
) -> None:
    made = Simulation.create(None, assets=20, seed=3, start=END - timedelta(days=1), end=END)
    now = END + behind * MINUTE
    messages = moves_with_open_doors(made.estate.assets, END, now, speed=speed, after=MINUTE, lasts=2 * MINUTE)
    times = [datetime.fromtimestamp(due / 1000, UTC) for due, _ in messages]
    codes = [json.loads(message.payload)["v"]["fault_code"] for _, message in messages]
    assert END < times[0] <= max(END + MINUTE * speed, now + MINUTE)
    assert codes == [12.0] * (len(codes) - 1) + [0.0]
    assert times[-1] - times[0] >= SHORTEST
    assert times[-1] <= max(now, times[0] + SHORTEST)


def test_it_goes_out_among_the_live_messages_once() -> None:
    made = Simulation.create(None, assets=20, seed=3, start=END - timedelta(days=1), end=END)
    for _ in made.history():
        pass
    now = END + 30 * MINUTE
    made.besides = moves_with_open_doors(made.estate.assets, END, now, speed=12, after=MINUTE, lasts=2 * MINUTE)
    clock = iter(range(0, 10_000_000, 60))
    stamps = []
    for message in made.live(now, speed=12, monotonic=lambda: float(next(clock))):
        said = json.loads(message.payload)
        stamps.append(said["ts"])
        if said["ts"] > (END + 2 * timedelta(hours=1)).timestamp() * 1000:
            break
    assert [due for due, _ in made.besides if stamps.count(due) < 1] == []
    assert stamps == sorted(stamps)
