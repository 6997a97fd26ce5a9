"""What is left of a message that was taken in part: the refused values, by the device's own names.

    serviceday/devices/{codec}/{device}    a native batched payload whose channels are the device's values

Nothing publishes there, and ingest does not subscribe to it: it is the topic under which such a rest lies in
quarantine, so that it can be understood again once the device is mapped or its profile mended.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from facility.errors import CannotParse
from ingest.codecs.contract import Codec, Decoded, Rows
from ingest.codecs.native import batched
from ingest.messages import Message
from ingest.refusals import Reason, Refusal

KEPT = "serviceday/devices/"


def kept_topic(codec: str, device: str) -> str:
    """Under which topic the rest of a device's message is kept."""
    return f"{KEPT}{codec}/{device}"


def device_of(topic: str) -> tuple[str, str]:
    """Codec and device of such a topic."""
    codec, _, device = topic.removeprefix(KEPT).partition("/")
    return codec, device


def decode_kept(messages: Sequence[Message], codecs: Mapping[str, Codec]) -> list[tuple[int, Decoded]]:
    """Understand such rests, each with its index; what was no number is converted by the codec of today."""
    return [(index, _decoded(index, message, codecs)) for index, message in enumerate(messages)]


def _decoded(index: int, message: Message, codecs: Mapping[str, Codec]) -> Decoded:
    name, device = device_of(message.topic)
    rows = Rows(name)
    codec = codecs.get(name)
    try:
        body = json.loads(message.payload)
        times, values, units = body["t"], body["v"], body.get("u") or {}
        cells = [
            (str(key), int(time), value)
            for key, column in values.items()
            for time, value in zip(times, column, strict=True)
            if value is not None
        ]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        rows.refuse(message, str(CannotParse("not a rest of a message: {error}", error=type(error).__name__)))
        return rows.decoded()
    unread: list[tuple[int, str, object]] = []
    for key, time, value in cells:
        number = _number(value)
        if number is None and codec is not None:
            number = codec.convert(device, key, value)
        if number is None:
            unread.append((time, key, value))
        else:
            rows.add(index, device, (key, str(units.get(key, "")), time, number))
    if unread:
        rows.refusals.append(
            Refusal(
                seq=message.seq,
                reason=Reason.NOT_A_NUMBER,
                detail=f"{name}: {unread[0][1]} = {str(unread[0][2])[:80]}",
                payload=batched(unread, units),
                count=len(unread),
                topic=message.topic,
            )
        )
    return rows.decoded()


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def rest(unread: Collection[tuple[int, str, object]], units: Mapping[str, object]) -> bytes:
    """The payload of a rest: time in ms, value name and value each."""
    return batched(unread, units)
