"""The simulators beside numpy and json: the same payloads with random numbers in them, one core, nothing published."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from simulators.payloads import Message
from simulators.simulation import Simulation

ASSETS, DAYS, SEED = 60, 45, 7
END = datetime(2026, 11, 24, tzinfo=UTC)


def peer(like: list[Message]) -> float:
    """Seconds `numpy` and `json` take to fill as many payloads of the same shapes with plain random numbers."""
    shapes = [(len(payload["t"]), list(payload["v"])) for payload in (json.loads(message.payload) for message in like)]
    dice = np.random.default_rng(SEED)
    begin = time.perf_counter()
    for rows, channels in shapes:
        times = (np.arange(rows) * 900_000).tolist()
        values = {channel: np.round(dice.normal(20.0, 3.0, rows), 2).tolist() for channel in channels}
        json.dumps({"t": times, "v": values}).encode()
    return time.perf_counter() - begin


def main() -> None:
    begin = time.perf_counter()
    made = Simulation.create(None, assets=ASSETS, seed=SEED, start=END - timedelta(days=DAYS), end=END)
    planned = time.perf_counter() - begin
    begin = time.perf_counter()
    messages = list(made.history())
    taken = time.perf_counter() - begin
    readings = sum(message.readings for message in messages)
    random = peer(messages)
    print(
        json.dumps(
            {
                "readings": readings,
                "messages": len(messages),
                "plan_seconds": round(planned, 2),
                "readings_per_second": round(readings / taken),
                "peer_readings_per_second": round(readings / random),
                "times_peer": round(random / taken, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
