"""The native payloads: from journalled bytes straight into columns.

    serviceday/v1/{site}/{asset}/telemetry   {"ts": <ms>, "v": {"<channel>": <number>, ...}}
                                             {"t": [<ms>, ...], "v": {"<channel>": [<number or null>, ...], ...}}
                                             either with "u": {"<channel>": "<unit>"} for units that are not ours
    serviceday/v1/{site}/{gateway}/status    {"status": "online" | "offline"}, or the bare word

A payload of the documented types is decoded by msgspec and becomes columns without an object a reading. Any other is
looked at once more, value by value: what is a number is taken, what is not is refused alone, and only a message
whose form is wrong is refused as a whole.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import polars as pl

from facility.errors import CannotParse
from facility.i18n.messages import Sentence
from ingest.codecs.contract import FURTHEST_MS, Decoded, DeviceMoment
from ingest.codecs.state import CodecState
from ingest.messages import Message, Presence
from ingest.refusals import Reason, Refusal
from ingest.topics import TOPICS, Rules

__all__ = ["EXPECTED", "TELEMETRY", "TOPICS", "Decoded", "decode"]

TELEMETRY = "serviceday/v1/{site}/{asset}/telemetry"
EXPECTED = '{"ts": ms, "v": {channel: number}} or {"t": [ms, ...], "v": {channel: [number or null, ...]}}'
EXPECTED_STATUS = '{"status": "online"} or {"status": "offline"}'
SHOWN = 200  # characters of what was found
LONG = 4000  # bytes; a longer payload likely holds many moments

_TOPIC = re.compile(r"serviceday/v1/([^/]+)/([^/]+)/(telemetry|status)", re.DOTALL)
_STATUS, _UNKNOWN, _NOT_ALLOWED = -1, -2, -3  # in place of a telemetry topic's place
_ONLINE = {"online": True, "offline": False}
_UNCLEAR = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError)


class _Moment(msgspec.Struct, gc=False):
    ts: int
    v: dict[str, float]
    t: msgspec.Raw | None = None
    u: dict[str, str] | None = None


class _Stretch(msgspec.Struct, gc=False):
    t: list[int]
    v: dict[str, list[float | None]]
    ts: msgspec.Raw | None = None
    u: dict[str, str] | None = None


_moment = msgspec.json.Decoder(_Moment).decode
_stretch = msgspec.json.Decoder(_Stretch).decode


class _Columns:
    """Columns under construction."""

    def __init__(self) -> None:
        self.places: dict[tuple[str, str], int] = {}
        self.channels: dict[tuple[str, str], int] = {}
        self.messages: list[int] = []  # of single moments, with ...
        self.at: list[int] = []  # ... their places, ...
        self.stamps: list[int] = []
        self.said: list[dict[str, float]] = []
        self._runs: list[tuple[int, int, int, int]] = []  # message, place, channel, length
        self._times: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        self._values: list[np.ndarray[Any, np.dtype[np.float64]]] = []

    def place(self, site: str, asset: str) -> int:
        return self.places.setdefault((site, asset), len(self.places))

    def channel(self, key: str, unit: str = "") -> int:
        return self.channels.setdefault((key, unit), len(self.channels))

    def run(self, message: int, place: int, times: Any, columns: dict[str, Any], units: Mapping[str, str]) -> None:
        for key, values in columns.items():
            there = ~np.isnan(values)
            present = values if there.all() else values[there]
            self._runs.append((message, place, self.channel(key, units.get(key, "")), len(present)))
            self._values.append(present)
            self._times.append(times if len(present) == len(times) else times[there])

    def frame(self) -> pl.DataFrame:
        shapes: dict[tuple[str, ...], int] = {}  # devices say the same channels in the same order again and again
        shape = np.array([shapes.setdefault(keys, len(shapes)) for keys in map(tuple, self.said)], dtype=np.int32)
        sizes = np.array([len(keys) for keys in shapes], dtype=np.int32)
        channels = np.array([self.channel(key) for keys in shapes for key in keys], dtype=np.int32)
        counts = sizes[shape]
        total = int(counts.sum())
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        first = (np.cumsum(sizes) - sizes)[shape]
        numbers = np.fromiter(chain.from_iterable(map(dict.values, self.said)), np.float64, total)

        runs = np.array(self._runs, dtype=np.int32).reshape(-1, 4)
        lengths = runs[:, 3]

        def whole(single: Any, column: int) -> Any:
            return np.concatenate([single, np.repeat(runs[:, column], lengths)])

        ms = np.concatenate([np.repeat(np.array(self.stamps, dtype=np.int64), counts), *self._times])
        return pl.DataFrame(
            {
                "message": whole(np.repeat(np.array(self.messages, dtype=np.int32), counts), 0),
                "place": whole(np.repeat(np.array(self.at, dtype=np.int32), counts), 1),
                "channel": whole(channels[np.repeat(first, counts) + within], 2),
                "time": np.clip(ms, -FURTHEST_MS, FURTHEST_MS) * 1000,
                "value": np.concatenate([numbers, *self._values]),
            }
        )


def decode(messages: Sequence[Message], rules: Rules = Rules()) -> Decoded:  # noqa: B008 - frozen
    """Understand messages, each for itself: whatever one holds, the others are not touched by it."""
    columns = _Columns()
    refusals: list[Refusal] = []
    presence: list[Presence] = []
    unreadable = 0
    places: dict[str, int] = {}
    short = min(LONG, rules.payload_limit)
    add_message, add_place = columns.messages.append, columns.at.append
    add_time, add_values = columns.stamps.append, columns.said.append
    for index, message in enumerate(messages):
        topic, payload = message.topic, message.payload
        place = places.get(topic)
        if place is None:
            place = places[topic] = _place(columns, topic, rules)
        size = len(payload)
        if place >= 0 and size <= short:
            try:
                moment = _moment(payload)
                stamp = moment.ts
                if moment.u is None and moment.t is None and -FURTHEST_MS <= stamp <= FURTHEST_MS:
                    add_message(index)
                    add_place(place)
                    add_time(stamp)
                    add_values(moment.v)
                    continue
            except _UNCLEAR:
                pass
        try:
            if place < 0 or size > rules.payload_limit:
                _refuse_or_greet(place, message, rules, presence)
            elif not _fast(columns, index, place, payload):
                refusals.extend(_slow(columns, index, place, message))
        except _Refused as error:
            unreadable += 1
            refusals.append(
                Refusal(seq=message.seq, reason=error.reason, detail=str(error.what)[:SHOWN], payload=payload)
            )
        except CannotParse as error:
            unreadable += 1
            refusals.append(Refusal(seq=message.seq, reason=Reason.UNREADABLE, detail=str(error.what), payload=payload))
    readings = columns.frame()
    return Decoded(
        readings=readings,
        places=list(columns.places),
        channels=[key for key, _ in columns.channels],
        units=[unit for _, unit in columns.channels],
        refusals=refusals,
        presence=presence,
        unreadable=unreadable,
    )


def batched(readings: Collection[tuple[int, str, object]], units: Mapping[str, object] | None = None) -> bytes:
    """Readings of one asset (time in ms, channel, value) as a native batched payload, with the units it declared."""
    columns: dict[str, dict[tuple[int, int], object]] = {}
    for time, channel, value in readings:
        column = columns.setdefault(channel, {})
        again = 0  # the same moment may have been told twice, and both are kept
        while (time, again) in column:
            again += 1
        column[time, again] = value
    rows = sorted({row for column in columns.values() for row in column})
    times = [time for time, _ in rows]
    values = {channel: [column.get(row) for row in rows] for channel, column in columns.items()}
    declared = {channel: unit for channel, unit in (units or {}).items() if channel in values}
    return json.dumps({"t": times, "v": values} | ({"u": declared} if declared else {})).encode()


class NativeCodec:
    """Our own language as a codec. A device of it is `site/asset`, and needs no map."""

    name = "native"
    topic_filters = (TOPICS,)
    repeatable = True

    def __init__(self, rules: Rules = Rules()) -> None:  # noqa: B008 - frozen
        self._rules = rules

    def source(self, topic: str) -> str:
        """`site/asset` of a topic; "" for one that is none of ours."""
        match = _TOPIC.fullmatch(topic)
        return f"{match[1]}/{match[2]}" if match else ""

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        """Understand messages; nothing is remembered between them."""
        return decode(messages, self._rules)

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        """Only a number is one."""
        number = _number(value)
        return None if math.isnan(number) else number

    def encode(self, moments: Iterable[DeviceMoment]) -> list[tuple[str, bytes]]:
        """One message a moment."""
        return [
            (
                "serviceday/v1/{}/{}/telemetry".format(*moment.device.split("/", 1)),
                json.dumps({"ts": moment.time_ms, "v": dict(moment.values)}).encode(),
            )
            for moment in moments
        ]


class _Refused(CannotParse):
    """A message that is not even looked into."""

    def __init__(self, reason: Reason, what: Sentence) -> None:
        super().__init__(what)
        self.reason = reason


def _place(columns: _Columns, topic: str, rules: Rules) -> int:
    match = _TOPIC.fullmatch(topic)
    if match is None:
        return _UNKNOWN
    if not rules.allows(topic):
        return _NOT_ALLOWED
    return _STATUS if match[3] == "status" else columns.place(match[1], match[2])


def _refuse_or_greet(place: int, message: Message, rules: Rules, presence: list[Presence]) -> None:
    if place == _UNKNOWN:
        raise _Refused(Reason.UNKNOWN_TOPIC, Sentence("expected {topic} or .../status", topic=TELEMETRY))
    if place == _NOT_ALLOWED:
        raise _Refused(Reason.NOT_ALLOWED, Sentence("allowed: {filters}", filters=list(rules.filters)))
    if len(message.payload) > rules.payload_limit:
        raise _Refused(
            Reason.TOO_LARGE,
            Sentence("{found} bytes, at most {most}", found=len(message.payload), most=rules.payload_limit),
        )
    presence.append(_status(message))


def _fast(columns: _Columns, index: int, place: int, payload: bytes) -> bool:
    """Take a payload of exactly the documented types. False if it is not one; nothing was taken then."""
    try:
        stretch = _stretch(payload)
        times = np.array(stretch.t, dtype=np.int64)
        arrays = {key: np.array(values, dtype=np.float64) for key, values in stretch.v.items()}
    except _UNCLEAR:
        return False
    if stretch.ts is not None or any(array.shape != times.shape for array in arrays.values()):
        return False
    columns.run(index, place, times, arrays, stretch.u or {})
    return True


def _slow(columns: _Columns, index: int, place: int, message: Message) -> list[Refusal]:
    """Take what is good of a payload, and refuse the rest value by value. Raises `CannotParse` for a wrong form."""
    try:
        body = json.loads(message.payload)
    except (ValueError, RecursionError) as error:
        raise CannotParse("not JSON ({error}); expected {expected}", error=_short(error), expected=EXPECTED) from None
    if not isinstance(body, dict) or not isinstance(body.get("v"), dict) or ("ts" in body) == ("t" in body):
        raise CannotParse("expected {expected}", expected=EXPECTED)
    declared = body.get("u") or {}
    if not isinstance(declared, dict):
        raise CannotParse('u is {declared}; expected "u": {{channel: unit}}', declared=_short(declared))
    units = {_storable(key): _short(unit) for key, unit in declared.items() if unit is not None}
    many = "t" in body
    stamps = body["t"] if many else [body["ts"]]
    if not isinstance(stamps, list):
        raise CannotParse("t is no list; expected {expected}", expected=EXPECTED)
    times = [_milliseconds(stamp) for stamp in stamps]
    series = body["v"] if many else {key: [value] for key, value in body["v"].items()}
    for key, values in series.items():
        if not isinstance(values, list) or len(values) != len(times):
            listed = isinstance(values, list)
            sentence = Sentence("{count} values", count=len(values)) if listed else Sentence("no list")
            raise CannotParse(
                "{value} has {found} for {count} times; expected {expected}",
                value=_short(key),
                found=sentence,
                count=len(times),
                expected=EXPECTED,
            )
    good: dict[str, object] = {}
    bad: list[tuple[str, int, object]] = []
    for key, values in series.items():
        numbers = [_number(value) for value in values]
        good[_storable(key)] = np.array(numbers, dtype=np.float64)
        bad += [
            (key, stamp, value)
            for stamp, value, number in zip(times, values, numbers, strict=True)
            if math.isnan(number) and value is not None
        ]
    columns.run(index, place, np.array(times, dtype=np.int64), good, units)
    if not bad:
        return []
    return [
        Refusal(
            seq=message.seq,
            reason=Reason.NOT_A_NUMBER,
            detail=f"{_short(bad[0][0])} is {_short(bad[0][2])}",
            payload=batched([(stamp, key, value) for key, stamp, value in bad], declared),
            count=len(bad),
        )
    ]


def _milliseconds(stamp: object) -> int:
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or abs(stamp) == math.inf or stamp != stamp:
        raise CannotParse(
            "the time {value} is no number of milliseconds since 1970; expected {expected}",
            value=_short(stamp),
            expected=EXPECTED,
        )
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


def _status(message: Message) -> Presence:
    site, gateway = message.topic.split("/")[2:4]
    text = message.payload.decode("utf-8", "replace").strip()
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        body = text
    if isinstance(body, dict):
        body = body.get("status", body.get("state"))
    online = _ONLINE.get(body.lower()) if isinstance(body, str) else None
    if online is None:
        raise CannotParse("status {value}; expected {expected}", value=_short(text), expected=EXPECTED_STATUS)
    return Presence(
        site=site, gateway=gateway, online=online, since_us=message.arrived_us, arrived_us=message.arrived_us
    )


def _storable(text: str) -> str:
    """JSON may spell half a surrogate pair, which no store can keep."""
    return text.encode("utf-8", "backslashreplace").decode()


def _short(value: object) -> str:
    return _storable(str(value))[:SHOWN]
