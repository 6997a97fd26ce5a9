"""What was last heard of every channel: when it came, when its value last changed, how long it ever stood still.

Kept in memory while ingest runs, saved every few seconds beside the journal, and loaded at the next start, so that a
restart neither forgets a silence nor invents one. A death loses the last few seconds of it and no reading.

Only what carries the channel forward counts: a reading with the device time of the one before, sent again or late,
is no sign of life.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ingest.messages import AdmittedReadings
from ingest.monitor.clock_offset import Clocks

Row = tuple[str, str, int, int, int, float, int, int, int]  # of the table `heard`
SAVED_AT_ONCE = 5_000  # rows; a longer transaction would hold up acknowledgements
_SAVE = (
    "INSERT INTO heard VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(asset, channel) DO UPDATE SET"
    " advanced_us = excluded.advanced_us, time_us = excluded.time_us, value = excluded.value,"
    " since_us = excluded.since_us, same = excluded.same, longest_us = excluded.longest_us"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One channel. Times in microseconds since the epoch."""

    asset: str
    channel: str
    first_us: int  # arrival of the first reading ever
    advanced_us: int  # arrival of the last reading that was newer than all before
    time_us: int  # device time of that reading ...
    value: float  # ... and its value
    since_us: int  # device time since when the value has been the same
    same: int  # readings with that value in a row
    longest_us: int  # the longest the channel ever kept a value before it changed


class Hearing:
    """Listens to all that is admitted. One thread listens and saves; any may ask."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self._slots: dict[tuple[str, str], int] = {}
        self._state = np.zeros((7, 1024), dtype=np.float64)
        self._changed: set[int] = set()
        self._lock = threading.Lock()

    # Rows of the state, one column a channel. Microseconds since the epoch are exact in float64 until the year 2255.
    _FIRST, _ADVANCED, _TIME, _VALUE, _SINCE, _SAME, _LONGEST = range(7)

    def before(self, asset: str, channel: str) -> float | None:
        """The last believed value of a channel."""
        slot = self._slots.get((asset, channel))
        return None if slot is None else float(self._state[self._VALUE, slot])

    def listen(self, readings: AdmittedReadings) -> None:
        """Take note of readings, in any order."""
        if not readings.series.size:
            return
        order = np.argsort(readings.series, kind="stable")
        series, times = readings.series[order], readings.times[order]
        if ((times[1:] < times[:-1]) & (series[1:] == series[:-1])).any():  # most devices speak in order
            order = np.lexsort((readings.arrived, readings.times, readings.series))
            series, times = readings.series[order], readings.times[order]
        arrived = readings.arrived[order]
        self.clocks.listen(readings.names, series, times, arrived)
        with self._lock:
            here = np.unique(series)
            slots = np.zeros(len(readings.names), dtype=np.int64)
            slots[here] = [self._slot(readings.names[number]) for number in here.tolist()]
            slot, values = slots[series], readings.values[order]
            if len(np.unique(slots[here])) < len(here):  # one channel told in two units
                again = np.lexsort((times, slot))
                slot, times, values, arrived = slot[again], times[again], values[again], arrived[again]
            self._advance(slot, times, values, arrived)

    def _advance(
        self,
        slot: NDArray[np.int64],
        times: NDArray[np.int64],
        value: NDArray[np.float64],
        arrived: NDArray[np.int64],
    ) -> None:
        """Rows of one slot stand together, in the order of their times."""
        state = self._state
        newer = times > state[self._TIME, slot]
        newer[1:] &= (slot[1:] != slot[:-1]) | (times[1:] != times[:-1])
        slot, times, value, arrived = slot[newer], times[newer], value[newer], arrived[newer]
        if not slot.size:
            return
        first = np.concatenate([[True], slot[1:] != slot[:-1]])
        known = state[self._FIRST, slot] > 0
        prior = np.where(
            first, np.where(known, state[self._VALUE, slot], np.nan), np.concatenate([[np.nan], value[:-1]])
        )
        changed = value != prior  # NaN, nothing before, counts as changed
        # runs of the same value: where each begins, and when
        starts = np.flatnonzero(changed | first)
        run_slot = slot[starts]
        fresh = changed[starts]
        began = np.where(fresh, times[starts], state[self._SINCE, run_slot])
        lengths = np.diff(np.append(starts, slot.size))
        count = np.where(fresh, lengths, lengths + state[self._SAME, run_slot])
        last_of_slot = np.append(run_slot[1:] != run_slot[:-1], True)
        first_of_slot = np.concatenate([[True], run_slot[1:] != run_slot[:-1]])
        # a run ended where the next began: in this batch, or the one remembered from before it
        ended = np.flatnonzero(~last_of_slot)
        np.maximum.at(state[self._LONGEST], run_slot[ended], times[starts[ended + 1] - 1] - began[ended])
        broke = np.flatnonzero(first_of_slot & fresh & known[starts])
        stood = state[self._TIME, run_slot[broke]] - state[self._SINCE, run_slot[broke]]
        np.maximum.at(state[self._LONGEST], run_slot[broke], stood)
        ends = np.flatnonzero(np.append(slot[1:] != slot[:-1], True))
        at = slot[ends]
        state[self._FIRST, at] = np.where(known[first], state[self._FIRST, at], arrived[first])
        heard_before = state[self._ADVANCED, at]
        heard_before[heard_before > time.time_ns() // 1000] = 0  # our own clock was ahead then
        state[self._ADVANCED, at] = np.maximum(heard_before, arrived[ends])
        state[self._TIME, at], state[self._VALUE, at] = times[ends], value[ends]
        state[self._SINCE, at], state[self._SAME, at] = began[last_of_slot], count[last_of_slot]
        self._changed.update(at.tolist())

    def _slot(self, name: tuple[str, str]) -> int:
        slot = self._slots.setdefault(name, len(self._slots))
        if slot >= self._state.shape[1]:
            self._state = np.concatenate([self._state, np.zeros_like(self._state)], axis=1)
        return slot

    def load(self, connection: sqlite3.Connection) -> None:
        """Take up what was saved."""
        with self._lock:
            for row in connection.execute(
                "SELECT asset, channel, first_us, advanced_us, time_us, value, since_us, same, longest_us FROM heard"
            ):
                slot = self._slot((row[0], row[1]))
                self._state[:, slot] = row[2:]
        self.clocks.load(connection)

    def unsaved(self) -> list[Row]:
        """The next rows to save, at most so many."""
        with self._lock:
            chosen = {self._changed.pop() for _ in range(min(SAVED_AT_ONCE, len(self._changed)))}
            if not chosen:
                return []
            names = list(self._slots)
            return [_row(names[slot], *self._state[:, slot].tolist()) for slot in chosen]


def _row(
    name: tuple[str, str],
    first: float,
    advanced: float,
    moment: float,
    value: float,
    since: float,
    same: float,
    longest: float,
) -> Row:
    return (*name, int(first), int(advanced), int(moment), value, int(since), int(same), int(longest))


def save(connection: sqlite3.Connection, rows: list[Row]) -> None:
    """Write rows of `Hearing.unsaved`, within the caller's transaction."""
    connection.executemany(_SAVE, rows)


def together(first: Heard, other: Heard) -> Heard:
    """What two ingests that share the messages heard of one channel; where in doubt, that it moved."""
    older, newer = sorted((first, other), key=lambda heard: heard.time_us)
    since_us, same = newer.since_us, newer.same
    if older.time_us >= newer.since_us:  # both heard of it meanwhile
        alike = older.value == newer.value
        since_us = max(older.since_us, newer.since_us) if alike else newer.time_us
        same = older.same + newer.same if alike else 1
    return replace(
        newer,
        first_us=min(older.first_us, newer.first_us),
        advanced_us=max(older.advanced_us, newer.advanced_us),
        since_us=since_us,
        same=same,
        longest_us=max(older.longest_us, newer.longest_us),
    )


def read_heard(connection: sqlite3.Connection) -> list[Heard]:
    """What was last heard of every channel, as it was saved."""
    rows = connection.execute(
        "SELECT asset, channel, first_us, advanced_us, time_us, value, since_us, same, longest_us FROM heard"
        " ORDER BY asset, channel"
    )
    names = tuple(Heard.__dataclass_fields__)
    return [Heard(**dict(zip(names, row, strict=True))) for row in rows]
