"""PUBLISH packets found in what was read from a socket, many at once.

Everything the stock client does for one packet (a select, three reads, a message object, a callback under a lock) is
done here once for all packets of a read. Only QoS 0 and 1 are taken; the first packet of another kind ends the run.
"""

from __future__ import annotations

import time

from ingest.messages import Arrivals

PUBLISH = 0x30
QOS_2 = 0x04
HAS_ID = 0x06  # QoS 1 or 2
DUP = 0x08
MALFORMED = -1


def take(data: bytes, at: int, *, v5: bool) -> tuple[Arrivals, int, int]:
    """The PUBLISH packets from `at` on that are there whole, in a row.

    Gives them, where they end, and how many bytes from there on are needed to go on: 0 if a packet of another kind (or
    QoS 2) is there whole, `MALFORMED` if what follows is nothing a broker may send.
    """
    mids: list[int] = []
    topics: list[bytes] = []
    payloads: list[bytes] = []
    again: list[int] = []
    start, end = at, len(data)
    needed = 2
    while at + 2 <= end:
        kind = data[at]
        length = data[at + 1]
        head = at + 2
        if length & 128:
            length, head = _long_length(data, at + 1)
            if head == 0:
                needed = end - at + 1 if length == 0 else MALFORMED
                break
        stop = head + length
        if stop > end:
            needed = stop - at
            break
        if kind & 0xF0 != PUBLISH or kind & QOS_2:
            needed = 0
            break
        body = head + 2 + (data[head] << 8 | data[head + 1]) if length >= 2 else stop + 1
        topic = data[head + 2 : body]
        mid = 0
        if kind & HAS_ID:
            if body + 2 <= stop:
                mid = data[body] << 8 | data[body + 1]
            body += 2
        if v5:
            body = _past_properties(data, body, stop)
        if body > stop or not (topic or v5):
            needed = MALFORMED
            break
        if kind & DUP and mid:
            again.append(len(mids))
        mids.append(mid)
        topics.append(topic)
        payloads.append(data[body:stop])
        at = stop
    arrived = [(len(mids), time.time_ns() // 1000)] if mids else []
    return Arrivals(mids, topics, payloads, again, arrived, at - start), at, needed


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer and where it ends; (0, 0) if it is not there whole, (1, 0) if it never ends."""
    value = 0
    for index, byte in enumerate(data[at : at + 4]):
        value |= (byte & 127) << 7 * index
        if not byte & 128:
            return value, at + index + 1
    return (1, 0) if at + 4 <= len(data) else (0, 0)


def _past_properties(data: bytes, at: int, stop: int) -> int:
    """Where the payload begins; beyond `stop` if there are no properties where they must be."""
    length, end = _long_length(data, at)
    return end + length if end else stop + 1
