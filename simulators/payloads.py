"""Samples as MQTT messages: the native topic, batched payloads for history and single ones for live readings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from facility.estate import Asset
from simulators.sheet import Batch

_encode = msgspec.json.Encoder().encode  # writes NaN as null
_ROOM = 60_000  # bytes; a payload stays under 64 KB
_CELL = 9  # bytes a value or time takes, roughly, at most


@dataclass(frozen=True, slots=True)
class Message:
    """One PUBLISH: `readings` is how many values (nulls not counted) its payload holds."""

    topic: str
    payload: bytes
    readings: int


def telemetry_topic(asset: Asset) -> str:
    """The topic an asset's readings are published on."""
    return f"serviceday/v1/{asset.site}/{asset.id}/telemetry"


def status_topic(site: str, gateway: str) -> str:
    """The topic a gateway's presence is published on."""
    return f"serviceday/v1/{site}/{gateway}/status"


def status(state: str, ts_ms: int) -> bytes:
    """Birth and last will of a gateway."""
    return _encode({"state": state, "ts": ts_ms})


def single(topic: str, stamp_ms: int, values: dict[str, float]) -> Message:
    """One moment's values as a message."""
    return Message(topic, _encode({"ts": stamp_ms, "v": values}), len(values))


def batched(topic: str, batch: Batch, first: int, last: int) -> list[Message]:
    """Samples first..last-1 of a batch, as one message or, if it grew too long, several."""
    rows = max(1, _ROOM // (_CELL + 6 + _CELL * len(batch.values)))
    messages = []
    for begin in range(first, last, rows):
        end = min(begin + rows, last)
        columns, readings = {}, 0
        for key, values in batch.values.items():
            column = values[begin:end]
            known = len(column) - int(np.count_nonzero(column != column))
            if known:
                columns[key] = column.tolist()
                readings += known
        if readings:
            payload = _encode({"t": batch.stamp_ms[begin:end].tolist(), "v": columns})
            messages.append(Message(topic, payload, readings))
    return messages


def forwarded(kept: Iterable[Message]) -> list[Message]:
    """Single messages that were kept while offline, put together into batches: one topic and set of channels each."""
    rows: dict[tuple[str, tuple[str, ...]], list[dict[str, Any]]] = {}
    for message in kept:
        row = msgspec.json.decode(message.payload)
        rows.setdefault((message.topic, tuple(row["v"])), []).append(row)
    messages = []
    for (topic, channels), held in rows.items():
        most = max(1, _ROOM // (_CELL + 6 + _CELL * len(channels)))
        for begin in range(0, len(held), most):
            some = held[begin : begin + most]
            columns = {channel: [row["v"][channel] for row in some] for channel in channels}
            payload = _encode({"t": [row["ts"] for row in some], "v": columns})
            messages.append(Message(topic, payload, len(some) * len(channels)))
    return messages
