"""Payloads of a second of processor time, for each codec, beside `json.loads` alone on the same payloads."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from zoneinfo import ZoneInfo

from ingest.codecs.contract import Codec, DeviceMoment, Encoder
from ingest.codecs.native import NativeCodec
from ingest.codecs.registry import codec_names, open_codec
from ingest.codecs.state import CodecState
from ingest.messages import Message

DEVICES, MOMENTS = 500, 40
NOW_MS = 1_760_000_000_000
VALUES = tuple(f"value_{number}" for number in range(10))


def best(work: Callable[[], object], rounds: int = 3) -> float:
    """Seconds of processor time, the least of some rounds."""
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def messages(codec: Encoder, native: bool) -> list[Message]:
    """Ten values of each of so many devices, so many times."""
    chance = random.Random(7)
    moments = (
        DeviceMoment(
            device=f"site/device-{device}" if native else f"device-{device}",
            time_ms=NOW_MS + 1000 * moment,
            values={name: round(chance.uniform(1, 40), 2) for name in VALUES},
        )
        for moment in range(MOMENTS)
        for device in range(DEVICES)
    )
    return [
        Message(number + 1, NOW_MS * 1000, topic, payload)
        for number, (topic, payload) in enumerate(codec.encode(moments))
    ]


def main() -> None:
    codecs: list[Codec] = [NativeCodec(), *(open_codec(name, zone=ZoneInfo("Asia/Shanghai")) for name in codec_names())]
    for codec in codecs:
        if not isinstance(codec, Encoder):
            continue
        try:
            said = messages(codec, codec.name == "native")
        except ValueError:
            continue
        except Exception as error:  # noqa: BLE001 - a profile that does not say how its devices write
            print(json.dumps({"codec": codec.name, "left_out": str(error)}))
            continue
        decoded = codec.decode(said, CodecState())
        assert decoded.readings.height >= MOMENTS * DEVICES * len(VALUES), codec.name
        taken = best(lambda codec=codec, said=said: codec.decode(said, CodecState()))  # type: ignore[misc]
        figures: dict[str, object] = {
            "codec": codec.name,
            "payload_bytes": len(said[0].payload),
            "payloads_per_second": round(len(said) / taken),
            "readings_per_second": round(decoded.readings.height / taken),
        }
        if said[0].payload[:1] in (b"{", b"["):
            plain = best(lambda said=said: [json.loads(one.payload) for one in said])  # type: ignore[misc]
            figures["times_json_loads"] = round(plain / taken, 2)
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
