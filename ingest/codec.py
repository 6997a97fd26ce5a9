"""The native payloads: from journalled bytes straight into columns.

    serviceday/v1/{site}/{asset}/telemetry   {"ts": <ms>, "v": {"<channel>": <number>, ...}}
                                             {"t": [<ms>, ...], "v": {"<channel>": [<number or null>, ...], ...}}
    serviceday/v1/{site}/{gateway}/status    {"status": "online" | "offline"}, or the bare word

A payload of the documented types is decoded by msgspec and becomes columns without an object a reading. Any other is
looked at once more, value by value: what is a number is taken, what is not is refused alone, and only a message
whose form is wrong is refused as a whole.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import polars as pl

from facility.errors import CannotParse
from ingest.journal import Presence
from ingest.packing import Message
from ingest.quarantine import Reason, Refusal, batched

TOPICS = "serviceday/v1/#"
TELEMETRY = "serviceday/v1/{site}/{asset}/telemetry"
EXPECTED = '{"ts": ms, "v": {channel: number}} or {"t": [ms, ...], "v": {channel: [number or null, ...]}}'
EXPECTED_STATUS = '{"status": "online"} or {"status": "offline"}'
FURTHEST_MS = 4_000_000_000_000_000  # either way from 1970; beyond any calendar, within 64 bits as microseconds
SHOWN = 200  # characters of what was found

_TOPIC = re.compile(r"serviceday/v1/([^/]+)/([^/]+)/(telemetry|status)", re.DOTALL)
_ONLINE = {"online": True, "offline": False}


class _Payload(msgspec.Struct):
    v: dict[str, float | list[float | None] | None]
    ts: int | None = None
    t: list[int] | None = None


_decode = msgspec.json.Decoder(_Payload).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a run of messages said."""

    readings: pl.DataFrame  # message, place, channel (i32 indexes), time (us since 1970, i64), value (f64)
    places: list[tuple[str, str]]  # site, asset
    channels: list[str]
    refusals: list[Refusal]
    presence: list[Presence]
    unreadable: int  # messages


class _Columns:
    """Columns under construction."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, str], int] = {}
        self.channels: dict[str, int] = {}
        self._single: tuple[list[int], list[int], list[int], list[int], list[float]] = ([], [], [], [], [])
        self._runs: list[tuple[int, int, int, int]] = []  # message, place, channel, length
        self._times: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        self._values: list[np.ndarray[Any, np.dtype[np.float64]]] = []

    def place(self, site: str, asset: str) -> int:
        return self.places.setdefault((site, asset), len(self.places))

    def single(self, message: int, place: int, ts: int, values: dict[str, float]) -> None:
        messages, places, channels, times, numbers = self._single
        for key, value in values.items():
            messages.append(message)
            places.append(place)
            channels.append(self.channels.setdefault(key, len(self.channels)))
            times.append(ts)
            numbers.append(value)

    def run(self, message: int, place: int, times: Any, columns: dict[str, Any]) -> None:
        for key, values in columns.items():
            there = ~np.isnan(values)
            kept = values if there.all() else values[there]
            self._runs.append((message, place, self.channels.setdefault(key, len(self.channels)), len(kept)))
            self._values.append(kept)
            self._times.append(times if len(kept) == len(times) else times[there])

    def frame(self) -> pl.DataFrame:
        messages, places, channels, times, numbers = self._single
        runs = np.array(self._runs, dtype=np.int32).reshape(-1, 4)
        lengths = runs[:, 3]

        def whole(single: list[int], column: int) -> Any:
            return np.concatenate([np.array(single, dtype=np.int32), np.repeat(runs[:, column], lengths)])

        ms = np.concatenate([np.array(times, dtype=np.int64), *self._times])
        return pl.DataFrame(
            {
                "message": whole(messages, 0),
                "place": whole(places, 1),
                "channel": whole(channels, 2),
                "time": np.clip(ms, -FURTHEST_MS, FURTHEST_MS) * 1000,
                "value": np.concatenate([np.array(numbers, dtype=np.float64), *self._values]),
            }
        )


def decode(messages: Sequence[Message]) -> Decoded:
    """Understand messages, each for itself: whatever one holds, the others are not touched by it."""
    columns = _Columns()
    refusals: list[Refusal] = []
    presence: list[Presence] = []
    unreadable = 0
    for index, message in enumerate(messages):
        topic = _TOPIC.fullmatch(message.topic)
        try:
            if topic is None:
                raise _Unknown(f"expected {TELEMETRY} or .../status")
            site, name, what = topic.groups()
            if what == "status":
                presence.append(_status(message, site, name))
            elif not _fast(columns, index, columns.place(site, name), message.payload):
                refusals.extend(_slow(columns, index, columns.place(site, name), message))
        except CannotParse as error:
            unreadable += 1
            reason = Reason.UNKNOWN_TOPIC if isinstance(error, _Unknown) else Reason.UNREADABLE
            refusals.append(Refusal(seq=message.seq, reason=reason, detail=error.what, payload=message.payload))
    return Decoded(
        readings=columns.frame(),
        places=list(columns.places),
        channels=list(columns.channels),
        refusals=refusals,
        presence=presence,
        unreadable=unreadable,
    )


class _Unknown(CannotParse):
    """A topic that is none of ours."""


def _fast(columns: _Columns, index: int, place: int, payload: bytes) -> bool:
    """Take a payload of exactly the documented types. False if it is not one; nothing was taken then."""
    try:
        said = _decode(payload)
        if said.t is None:
            if said.ts is None or abs(said.ts) > FURTHEST_MS:
                return False
            values: dict[str, float] = said.v  # type: ignore[assignment]  # looked at in the next line
            if not all(type(value) is float for value in values.values()):
                return False
            columns.single(index, place, said.ts, values)
            return True
        times = np.array(said.t, dtype=np.int64)
        arrays = {key: np.array(values, dtype=np.float64) for key, values in said.v.items()}
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError):
        return False
    if said.ts is not None or any(array.shape != times.shape for array in arrays.values()):
        return False
    columns.run(index, place, times, arrays)
    return True


def _slow(columns: _Columns, index: int, place: int, message: Message) -> list[Refusal]:
    """Take what is good of a payload, and refuse the rest value by value. Raises `CannotParse` for a wrong form."""
    try:
        said = json.loads(message.payload)
    except (ValueError, RecursionError) as error:
        raise CannotParse(f"not JSON ({_short(error)}); expected {EXPECTED}") from None
    if not isinstance(said, dict) or not isinstance(said.get("v"), dict) or ("ts" in said) == ("t" in said):
        raise CannotParse(f"expected {EXPECTED}")
    many = "t" in said
    stamps = said["t"] if many else [said["ts"]]
    if not isinstance(stamps, list):
        raise CannotParse(f"t is no list; expected {EXPECTED}")
    times = [_milliseconds(stamp) for stamp in stamps]
    series = said["v"] if many else {key: [value] for key, value in said["v"].items()}
    for key, values in series.items():
        if not isinstance(values, list) or len(values) != len(times):
            found = f"{len(values)} values" if isinstance(values, list) else "no list"
            raise CannotParse(f"{_short(key)} has {found} for {len(times)} times; expected {EXPECTED}")
    good: dict[str, Any] = {}
    bad: list[tuple[str, int, Any]] = []
    for key, values in series.items():
        numbers = [_number(value) for value in values]
        good[_storable(key)] = np.array(numbers, dtype=np.float64)
        bad += [
            (key, stamp, value)
            for stamp, value, number in zip(times, values, numbers, strict=True)
            if math.isnan(number) and value is not None
        ]
    columns.run(index, place, np.array(times, dtype=np.int64), good)
    if not bad:
        return []
    return [
        Refusal(
            seq=message.seq,
            reason=Reason.NOT_A_NUMBER,
            detail=f"{_short(bad[0][0])} is {_short(bad[0][2])}",
            payload=batched([(stamp, key, value) for key, stamp, value in bad]),
            count=len(bad),
        )
    ]


def _milliseconds(stamp: object) -> int:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or not math.isfinite(stamp):
        raise CannotParse(f"the time {_short(stamp)} is no number of milliseconds since 1970; expected {EXPECTED}")
    return int(max(-FURTHEST_MS, min(FURTHEST_MS, stamp)))


def _number(value: object) -> float:
    """The value, or NaN for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        number = float(value)
    except OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _status(message: Message, site: str, gateway: str) -> Presence:
    text = message.payload.decode("utf-8", "replace").strip()
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    if isinstance(said, dict):
        said = said.get("status", said.get("state"))
    online = _ONLINE.get(said.lower()) if isinstance(said, str) else None
    if online is None:
        raise CannotParse(f"status {_short(text)}; expected {EXPECTED_STATUS}")
    return Presence(
        site=site, gateway=gateway, online=online, since_us=message.arrived_us, arrived_us=message.arrived_us
    )


def _storable(text: str) -> str:
    """JSON may spell half a surrogate pair, which no store can keep."""
    return text.encode("utf-8", "backslashreplace").decode()


def _short(found: object) -> str:
    return _storable(str(found))[:SHOWN]
