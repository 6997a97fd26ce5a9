"""How far each device's clock is off, told from when its readings arrive; reported, never corrected.

A reading arrives after it was measured, by the way it took and by what the clock is off. The way is never negative, so
the least of (arrival - device time) over an hour is what the clock is off plus the shortest way, as NTP reasons.
A backlog that is uploaded late shows long ways and does not lower the least; a clock that is ahead does.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

HOUR_US = 3_600_000_000
KEPT_HOURS = 48
JUDGED_HOURS = 3  # the offset now is the least of the last so many hours in which it spoke
TREND_HOURS = 6  # a drift is told from at least so many
WRONG_US = 120_000_000  # two minutes off: more than any way a live reading takes (D)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One device's clock. Positive: its time is behind ours, or its readings come that late."""

    asset: str
    offset_us: int
    drift_us_per_day: float | None  # None where there is too little to tell it from
    heard_hour: int  # hours since the epoch
    hours: int  # that the offset is told from, at most `JUDGED_HOURS`

    @property
    def wrong(self) -> bool:
        """Ahead shows at once; behind may be a backlog, until every one of several hours says so."""
        return self.offset_us < -WRONG_US or (self.offset_us > WRONG_US and self.hours == JUDGED_HOURS)


class Clocks:
    """The least way of every device in every recent hour."""

    def __init__(self) -> None:
        self._least: dict[tuple[str, int], int] = {}
        self._changed: set[tuple[str, int]] = set()
        self._newest = 0  # hours since the epoch
        self._lock = threading.Lock()

    def listen(
        self,
        names: Sequence[tuple[str, str]],
        series: NDArray[np.int64],
        times: NDArray[np.int64],
        arrived: NDArray[np.int64],
    ) -> None:
        """Take note of readings, those of one series (index into the names of asset and channel) together."""
        hours = arrived // HOUR_US
        for hour in np.unique(hours).tolist():
            there = hours == hour
            here, ways = series[there], (arrived - times)[there]
            starts = np.flatnonzero(np.concatenate([[True], here[1:] != here[:-1]]))
            least = np.minimum.reduceat(ways, starts).tolist()
            with self._lock:
                for slot, way in zip(here[starts].tolist(), least, strict=True):
                    key = (names[slot][0], hour)
                    if way < self._least.get(key, 1 << 62):
                        self._least[key] = way
                        self._changed.add(key)
                if hour > self._newest:
                    self._newest = hour
                    self._forget()
                elif hour < self._newest - 1 and self._newest > time.time_ns() // 1000 // HOUR_US + 1:
                    self._newest = hour  # our own clock was ahead: forget the hours that have not come yet
                    self._forget()

    def _forget(self) -> None:
        oldest = self._newest - KEPT_HOURS
        latest = max(self._newest, time.time_ns() // 1000 // HOUR_US + 1)
        for key in [key for key in self._least if key[1] <= oldest or key[1] > latest]:
            del self._least[key]
            self._changed.discard(key)

    def load(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            rows = connection.execute("SELECT asset, hour, offset_us FROM clocks")
            self._least.update({(asset, hour): offset for asset, hour, offset in rows})

    def unsaved(self, most: int) -> list[tuple[str, int, int]]:
        with self._lock:
            chosen = [self._changed.pop() for _ in range(min(most, len(self._changed)))]
            return [(*key, self._least[key]) for key in chosen]


def save(connection: sqlite3.Connection, rows: Sequence[tuple[str, int, int]], now_us: int) -> None:
    """Write rows of `Clocks.unsaved` and forget what is too old, within the caller's transaction.

    Hours that have not come yet are of a time when our own clock was ahead.
    """
    connection.executemany("INSERT OR REPLACE INTO clocks VALUES (?, ?, ?)", rows)
    connection.execute("DELETE FROM clocks WHERE hour > ?", (now_us // HOUR_US + 1,))
    connection.execute("DELETE FROM clocks WHERE hour <= (SELECT max(hour) FROM clocks) - ?", (KEPT_HOURS,))


def read_ways(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Asset, hour, least way."""
    return connection.execute("SELECT asset, hour, offset_us FROM clocks").fetchall()


def judged(ways: Iterable[tuple[str, int, int]]) -> list[Clock]:
    """Every device's clock, those furthest off first."""
    hours: dict[str, dict[int, int]] = {}
    for asset, hour, offset in ways:
        own_hours = hours.setdefault(asset, {})
        own_hours[hour] = min(offset, own_hours.get(hour, offset))
    clocks = [judge(asset, sorted(least.items())) for asset, least in hours.items()]
    return sorted(clocks, key=lambda clock: (-abs(clock.offset_us), clock.asset))


def judge(asset: str, least: Sequence[tuple[int, int]]) -> Clock:
    """A device's clock from the least way of each hour, in order of the hours."""
    last = least[-1][0]
    recent = [offset for _, offset in least[-JUDGED_HOURS:]]
    return Clock(asset=asset, offset_us=min(recent), drift_us_per_day=_drift(least), heard_hour=last, hours=len(recent))


def _drift(least: Sequence[tuple[int, int]]) -> float | None:
    """The median of all slopes (Theil-Sen): an hour that saw only a backlog does not turn it."""
    if len(least) < TREND_HOURS:
        return None
    slopes = [(then[1] - now[1]) / (then[0] - now[0]) for index, now in enumerate(least) for then in least[index + 1 :]]
    return 24 * median(slopes)
