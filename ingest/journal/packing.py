"""A batch of messages as one row of the journal, and back.

One row a batch costs SQLite a tenth of what a row a message costs. The columns stand in the order in which they are
asked for: packet ids are read without touching the payloads behind them.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from ingest.messages import Arrivals, Message

_topics = msgspec.msgpack.Encoder().encode
_names = msgspec.msgpack.Decoder(list[str]).decode


class Packed(NamedTuple):
    """A row of `batches`; the arrays are little-endian."""

    first: int  # the seq of the first message; the others follow without a gap
    length: int  # messages
    newest_us: int  # the latest arrival
    mids: bytes  # u16 each
    arrived: bytes  # i64 each, microseconds since the epoch
    names: bytes  # distinct topics, msgpack
    topics: bytes  # u32 each, index into `names`
    sizes: bytes  # u32 each, of the payloads
    payloads: bytes  # end to end


def pack(first: int, arrivals: Arrivals) -> Packed:
    """The row of a batch that is not empty."""
    known: dict[bytes, int] = {}
    topics = [known.setdefault(topic, len(known)) for topic in arrivals.topics]
    counts, moments = zip(*arrivals.arrived, strict=True)
    return Packed(
        first=first,
        length=len(arrivals),
        newest_us=max(moments),
        mids=np.array(arrivals.mids, dtype="<u2").tobytes(),
        arrived=np.repeat(np.array(moments, dtype="<i8"), counts).tobytes(),
        names=_topics([topic.decode("utf-8", "backslashreplace") for topic in known]),
        topics=np.array(topics, dtype="<u4").tobytes(),
        sizes=np.array([len(payload) for payload in arrivals.payloads], dtype="<u4").tobytes(),
        payloads=b"".join(arrivals.payloads),
    )


def unpack(row: Packed) -> list[Message]:
    """The messages of a row, in order."""
    names = _names(row.names)
    ends = np.frombuffer(row.sizes, dtype="<u4").cumsum(dtype=np.int64).tolist()
    payloads = row.payloads
    return list(
        map(
            Message,
            range(row.first, row.first + row.length),
            np.frombuffer(row.arrived, dtype="<i8").tolist(),
            [names[topic] for topic in np.frombuffer(row.topics, dtype="<u4").tolist()],
            [payloads[start:end] for start, end in pairwise([0, *ends])],
        )
    )
