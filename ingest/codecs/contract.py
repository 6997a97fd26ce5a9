"""What a codec is: it makes readings of (topic, payload, state), and never touches the network.

A codec speaks of *devices* and of *values* by the names that the device uses. Which asset and which channel that is
says the device map, after decoding (`ingest.admission.resolution`); only the native codec names assets and channels
itself.
Each message is understood for itself: whatever one holds, the others are not touched by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from ingest.codecs.state import CodecState
from ingest.messages import Message, Presence
from ingest.refusals import Reason, Refusal

FURTHEST_MS = 4_000_000_000_000_000  # either way from 1970; beyond any calendar, within 64 bits as microseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a run of messages said."""

    readings: pl.DataFrame  # message, place, channel (i32 indexes), time (us since 1970, i64), value (f64)
    places: list[tuple[str, str]]  # site, asset; of a foreign codec: its name, device
    channels: list[str]
    units: list[str]  # beside `channels`: the unit the payload declared, "" for none; a channel stands once for each
    refusals: list[Refusal]
    presence: list[Presence]  # `site` is the codec's name where a device spoke of itself
    unreadable: int  # messages
    requests: list[tuple[str, bytes]] = field(default_factory=list)  # topic and payload a codec asks to be published
    subscriptions: list[str] = field(default_factory=list)  # topics a codec has learned of and asks to be subscribed to


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMoment:
    """What a device says of one moment, for a codec that can also write its language."""

    device: str
    time_ms: int
    values: Mapping[str, float]  # by the device's own names


@runtime_checkable
class Codec(Protocol):
    """One language of devices."""

    @property
    def name(self) -> str:
        """The key by which it is switched on, and by which its devices are listed."""

    @property
    def topic_filters(self) -> tuple[str, ...]:
        """MQTT filters to subscribe to. A message is of the first codec one of whose filters its topic matches."""

    @property
    def repeatable(self) -> bool:
        """Whether a message means the same when it is understood again later, whatever came in between."""

    def source(self, topic: str) -> str:
        """The device a topic speaks for; "" where that stands in the payload."""

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        """Understand messages. What is remembered goes into `state` and nowhere else."""

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        """A value that was no number when it came, by the mapping of today; None where it still is none."""


@runtime_checkable
class Learner(Protocol):
    """A codec that is told by its devices which topics they speak on."""

    def claims(self, topic: str, state: CodecState) -> bool:
        """Whether a topic that no filter takes is one of those."""

    def learned(self, state: CodecState) -> list[str]:
        """All of them."""


@runtime_checkable
class Encoder(Protocol):
    """A codec that can also write: for simulated devices and for round trips in the tests."""

    def encode(self, moments: Iterable[DeviceMoment]) -> list[tuple[str, bytes]]:
        """Topic and payload of messages that say the same."""


@dataclass(slots=True)
class Rows:
    """Readings under construction, one value at a time."""

    codec: str
    places: dict[str, int] = field(default_factory=dict)
    channels: dict[tuple[str, str], int] = field(default_factory=dict)
    message: list[int] = field(default_factory=list)
    place: list[int] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    presence: list[Presence] = field(default_factory=list)
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    subscriptions: list[str] = field(default_factory=list)
    unreadable: int = 0

    def add(self, message: int, device: str, reading: tuple[str, str, int, float]) -> None:
        """One reading of a message: value name, unit it declares, time in ms, value."""
        name, unit, time_ms, value = reading
        self.message.append(message)
        self.place.append(self.places.setdefault(device, len(self.places)))
        self.channel.append(self.channels.setdefault((name, unit), len(self.channels)))
        self.times_ms.append(time_ms)
        self.values.append(value)

    def refuse(self, message: Message, detail: str, reason: Reason = Reason.UNREADABLE) -> None:
        """Refuse a message as a whole."""
        self.unreadable += 1
        self.refusals.append(Refusal(seq=message.seq, reason=reason, detail=detail, payload=message.payload))

    def decoded(self) -> Decoded:
        """All of it in columns."""
        ms = np.clip(np.array(self.times_ms, dtype=np.int64), -FURTHEST_MS, FURTHEST_MS)
        return Decoded(
            readings=pl.DataFrame(
                {
                    "message": np.array(self.message, dtype=np.int32),
                    "place": np.array(self.place, dtype=np.int32),
                    "channel": np.array(self.channel, dtype=np.int32),
                    "time": ms * 1000,
                    "value": np.array(self.values, dtype=np.float64),
                }
            ),
            places=[(self.codec, device) for device in self.places],
            channels=[name for name, _ in self.channels],
            units=[unit for _, unit in self.channels],
            refusals=self.refusals,
            presence=self.presence,
            unreadable=self.unreadable,
            requests=self.requests,
            subscriptions=self.subscriptions,
        )
