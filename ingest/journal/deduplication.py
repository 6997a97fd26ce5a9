"""Which message was last delivered under which packet id: so a redelivery is known, exactly, across restarts.

The journal's rows tell it as long as they are there; of a row that is deleted the digests are kept for those ids that
were not used again since. All is of one journal and changes in the journal's own transactions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from hashlib import blake2b
from typing import Any

import numpy as np

from ingest.journal.damage import read_row
from ingest.journal.packing import Packed, unpack
from ingest.messages import Arrivals, Message

DIGEST = 8  # bytes
IDS = 1 << 16
ROWS_AT_HAND = 4  # what comes again comes in the order in which it came: row after row
LOOKED_BACK = 4 * IDS  # deliveries; what was delivered before is not delivered again


class Deliveries:
    """For each packet id the number of the last message under it, 0 if unknown."""

    def __init__(self, reader: sqlite3.Connection) -> None:
        self._last: np.ndarray[Any, np.dtype[np.int64]] = np.zeros(IDS, dtype=np.int64)
        looked = 0
        rows = reader.execute("SELECT first, count, mids FROM batches ORDER BY first DESC")
        for first, count, mids in rows:
            ids = np.frombuffer(mids[: len(mids) // 2 * 2], dtype="<u2")
            if len(ids) != count:  # damaged; `Journal.after` will tell
                continue
            newer = self._last[ids] != 0
            numbers = np.arange(first, first + count)
            self._last[ids[~newer]] = numbers[~newer]
            looked += count
            if looked >= LOOKED_BACK:
                break
        rows.close()
        self._last[0] = 0  # QoS 0

    def fresh(self, writer: sqlite3.Connection, batches: Sequence[Arrivals]) -> Iterator[Arrivals]:
        """The batches without what was delivered before. Nothing is noted yet."""
        row = lru_cache(ROWS_AT_HAND)(partial(_row, writer))
        within: dict[int, bytes] = {}  # by packet id: the digest of the last delivery in this very call
        suspicious = any(batch.again for batch in batches)
        for batch in batches:
            mids: set[int] = set()
            if suspicious:
                again = set(batch.again)
                for index, mid in enumerate(batch.mids):
                    if not mid:
                        continue
                    digest = _digest(batch.topics[index], batch.payloads[index])
                    if index in again and (within.get(mid) or self._kept(writer, row, mid)) == digest:
                        mids.add(index)
                    else:
                        within[mid] = digest
            if len(mids) < len(batch):
                yield batch.without(mids) if mids else batch

    def note(self, rows: Sequence[Packed]) -> None:
        """Remember rows that have been written."""
        for row in rows:
            self._last[np.frombuffer(row.mids, dtype="<u2")] = np.arange(row.first, row.first + row.length)
        self._last[0] = 0

    def forget(self, writer: sqlite3.Connection, first: int) -> None:
        """Keep the digests of a row that is about to be deleted, where nothing newer has their packet id."""
        count, mids = writer.execute("SELECT count, mids FROM batches WHERE first = ?", (first,)).fetchone()
        ids = np.frombuffer(mids[: len(mids) // 2 * 2], dtype="<u2")
        if len(ids) != count:
            return
        still = np.flatnonzero((self._last[ids] == np.arange(first, first + count)) & (ids != 0))
        if still.size:
            messages = _row(writer, first)
            if not messages:  # damaged after it was decoded: its readings are in the store
                return
            digests = [
                (int(ids[index]), _digest(messages[index].topic.encode(), messages[index].payload)) for index in still
            ]
            writer.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?)", digests)

    def _kept(self, writer: sqlite3.Connection, row: Callable[[int], list[Message]], mid: int) -> bytes | None:
        number = int(self._last[mid])
        if number:
            (first,) = writer.execute("SELECT max(first) FROM batches WHERE first <= ?", (number,)).fetchone()
            if first is not None:
                messages = row(first)
                if number - first < len(messages):
                    message = messages[number - first]
                    return _digest(message.topic.encode(), message.payload)
        found = writer.execute("SELECT digest FROM deliveries WHERE mid = ?", (mid,)).fetchone()
        return bytes(found[0]) if found else None


def _row(connection: sqlite3.Connection, first: int) -> list[Message]:
    """The messages of a row; none of a damaged one."""
    row = read_row(connection, first)
    return [] if row is None else unpack(row)


def _digest(topic: bytes, payload: bytes) -> bytes:
    return blake2b(topic.decode("utf-8", "backslashreplace").encode() + b"\0" + payload, digest_size=DIGEST).digest()
