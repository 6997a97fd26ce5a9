"""What the broker delivered, one message or many: the many in columns, so that no object is made for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROOM = 1 << 20  # bytes of payload after which a batch is full
MOST = 16_384  # messages


@dataclass(frozen=True, slots=True)
class Arrival:
    """One PUBLISH as the broker delivered it. `mid` is 0 for QoS 0."""

    mid: int
    again: bool  # the DUP flag
    topic: str
    payload: bytes
    arrived_us: int  # microseconds since the epoch


@dataclass(slots=True)
class Arrivals:
    """PUBLISH packets in the order of their delivery, as columns of equal length."""

    mids: list[int] = field(default_factory=list)  # 0 for QoS 0
    topics: list[bytes] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    again: list[int] = field(default_factory=list)  # where the DUP flag is set: indexes into the columns
    arrived: list[tuple[int, int]] = field(default_factory=list)  # (how many, microseconds since the epoch), in order
    size: int = 0  # bytes of topics and payloads, about

    def __len__(self) -> int:
        return len(self.mids)

    @property
    def full(self) -> bool:
        return self.size >= ROOM or len(self.mids) >= MOST

    def extend(self, other: Arrivals) -> None:
        """Take another batch's messages after one's own."""
        before = len(self.mids)
        self.again += [before + index for index in other.again]
        self.mids += other.mids
        self.topics += other.topics
        self.payloads += other.payloads
        self.arrived += other.arrived
        self.size += other.size

    def without(self, unwanted: set[int]) -> Arrivals:
        """The messages at all indexes but these; DUP flags are not carried over."""
        indexes = [index for index in range(len(self.mids)) if index not in unwanted]
        times = [moment for count, moment in self.arrived for _ in range(count)]
        return Arrivals(
            mids=[self.mids[index] for index in indexes],
            topics=[self.topics[index] for index in indexes],
            payloads=[self.payloads[index] for index in indexes],
            arrived=[(1, times[index]) for index in indexes],
            size=self.size,
        )

    @classmethod
    def of(cls, arrivals: Sequence[Arrival]) -> Arrivals:
        return cls(
            mids=[arrival.mid for arrival in arrivals],
            topics=[arrival.topic.encode("utf-8", "backslashreplace") for arrival in arrivals],
            payloads=[arrival.payload for arrival in arrivals],
            again=[index for index, arrival in enumerate(arrivals) if arrival.again],
            arrived=[(1, arrival.arrived_us) for arrival in arrivals],
            size=sum(len(arrival.payload) + len(arrival.topic) for arrival in arrivals),
        )


class Message(NamedTuple):
    """One journalled message."""

    seq: int
    arrived_us: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """What a gateway last said of itself, or its last will said of it."""

    site: str
    gateway: str
    online: bool
    since_us: int
    arrived_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedReadings:
    """Admitted readings in columns; times in microseconds since the epoch."""

    names: list[tuple[str, str]]  # asset, channel
    series: NDArray[np.int64]  # of each reading: index into `names`
    times: NDArray[np.int64]  # of the device
    values: NDArray[np.float64]
    arrived: NDArray[np.int64]
