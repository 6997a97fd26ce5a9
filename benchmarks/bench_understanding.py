"""Decoding and admitting on one core, beside `json.loads` alone on the same payloads."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from ingest.admission.admission import admit
from ingest.codecs.native import decode
from ingest.messages import Message

MESSAGES, ASSETS, MOMENTS = 100_000, 2_000, 500
NOW_MS = 1_795_500_000_000
CHANNELS = ("door_close_time", "motor_temperature", "drive_current")


def messages(payload: Callable[[int, random.Random], object], count: int) -> list[Message]:
    chance = random.Random(7)
    return [
        Message(
            seq=number + 1,
            arrived_us=NOW_MS * 1000,
            topic=f"serviceday/v1/harbour/EL-{number % ASSETS}/telemetry",
            payload=json.dumps(payload(number, chance)).encode(),
        )
        for number in range(count)
    ]


def moment(number: int, chance: random.Random) -> object:
    """150 bytes, three values: what a device sends live."""
    values = {key: round(chance.uniform(1, 40), 3) for key in CHANNELS}
    return {
        "ts": NOW_MS - number // ASSETS * 1000,
        "v": values,
        "from": "gateway-17",
        "sequence": number,
        "rssi": -61.5,
    }


def stretch(number: int, chance: random.Random) -> object:
    """What a gateway kept while it was offline."""
    times = [NOW_MS - 60_000 * step - number for step in range(MOMENTS)]
    return {"t": times, "v": {key: [round(chance.uniform(1, 40), 2) for _ in times] for key in CHANNELS}}


def best(work: Callable[[], object], rounds: int = 3) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def main() -> None:
    assets = {f"EL-{i}": Asset(id=f"EL-{i}", kind="lift", site="harbour") for i in range(ASSETS)}
    figures: dict[str, float] = {}
    for name, said in (("single", messages(moment, MESSAGES)), ("batched", messages(stretch, 400))):
        decoded = decode(said)
        rows = decoded.readings.height
        plain = best(lambda said=said: [json.loads(one.payload) for one in said])  # type: ignore[misc]
        into_columns = best(lambda said=said: decode(said))  # type: ignore[misc]
        admitted = best(lambda said=said, decoded=decoded: admit(decoded, said, assets=assets, catalogue=catalogue()))  # type: ignore[misc]
        figures |= {
            f"{name}_payload_bytes": len(said[0].payload),
            f"{name}_messages_decoded_per_second": round(len(said) / into_columns),
            f"{name}_readings_decoded_per_second": round(rows / into_columns),
            f"{name}_readings_admitted_per_second": round(rows / admitted),
            f"{name}_readings_understood_per_second": round(rows / (into_columns + admitted)),
            f"{name}_times_json_loads": round(plain / into_columns, 2),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
