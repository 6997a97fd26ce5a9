"""Is it our own clock that is wrong? Told from devices that are all off alike, and from our clock being set.

One device that is off has a wrong clock. Nearly all of them off by the same amount means that this machine's clock is,
or that of the one gateway they come through. That it is ours is proven when the clock is set by that amount, or when
messages arrive "before" earlier ones. Readings that were refused as "in the future" under a clock that was proven
behind are understood again by themselves once it is right, judged by when they really arrived.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median

from ingest.messages import Message
from ingest.monitor.clock_offset import WRONG_US

NOTE = "host_clock"
DEVICES_AT_LEAST = 3
ALIKE_SHARE = 0.8  # of the devices ...
ALIKE_US = 30_000_000  # ... within so much of the median
STEP_US = 5_000_000  # a clock that is disciplined does not jump so far
MATCHES_US = 60_000_000  # a step that differs by no more from what the devices said explains it
WINDOW = 300.0  # seconds; devices are compared over one or two of these
PERIODS_AT_MOST = 20
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
BY_CLOCK = 2  # `replays.vouched` of readings that are understood again because our clock was wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Messages that came while our clock was off."""

    first: int  # numbers of messages
    last: int
    skew_us: int  # our clock less the true time: negative when it is behind
    ours: bool  # proven to be our clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Timekeeping:
    """What is kept of our clock over restarts."""

    newest_us: int = 0  # arrival of the newest message so far
    base_us: int = 0  # our clock less the time since boot
    boot: str = ""
    since: int = 0  # the message from which on the clock has not been set
    skew_us: int = 0  # as the devices have it now; 0 when it is right or nobody can tell
    devices: int = 0  # that say so
    periods: tuple[Period, ...] = ()


@dataclass(slots=True)
class _Window:
    """The least (arrival - device time) of every device, over up to two stretches."""

    began: float = -WINDOW
    ways: dict[str, int] = field(default_factory=dict)
    before: dict[str, int] = field(default_factory=dict)


class HostClock:
    """Watches over our own clock; one thread at a time calls `observe`, any may ask `state`."""

    def __init__(self) -> None:
        self.state = Timekeeping()
        self._window = _Window()

    def load(self, connection: sqlite3.Connection) -> None:
        """Take up what was kept."""
        row = connection.execute("SELECT value FROM notes WHERE name = ?", (NOTE,)).fetchone()
        if row:
            saved = json.loads(row[0])
            self.state = Timekeeping(**saved | {"periods": tuple(Period(**period) for period in saved["periods"])})

    def observe(self, ways: Mapping[str, int], messages: Sequence[Message], *, base_us: int, boot: str) -> None:
        """Take note of a batch: the least (arrival - device time) of each registered asset in it, in microseconds.

        `base_us`: our clock less the time since boot, now.
        """
        state = self.state
        first, last = messages[0].seq, messages[-1].seq
        oldest, newest = messages[0].arrived_us, max(messages[0].arrived_us, messages[-1].arrived_us)
        state = self._stepped(state, first, base_us, boot)
        self._listen(ways)
        skew = self._skew()
        if skew is not None:
            off = abs(skew[0]) > WRONG_US
            state = replace(state, skew_us=skew[0] if off else 0, devices=skew[1] if off else 0)
            if off:
                backwards = skew[0] < 0 and oldest < state.newest_us - MATCHES_US
                state = replace(state, periods=_extended(state.periods, state.since, last, skew[0], ours=backwards))
        self.state = replace(
            state, newest_us=newest if newest < state.newest_us - STEP_US else max(newest, state.newest_us)
        )

    def right_again(self) -> list[Period]:
        """Periods of a clock proven behind that are over; they are forgotten with this call."""
        if self.state.skew_us:
            return []
        over = [period for period in self.state.periods if period.ours and period.skew_us < 0]
        if over:
            self.state = replace(
                self.state, periods=tuple(period for period in self.state.periods if period not in over)
            )
        return over

    def save(self, connection: sqlite3.Connection) -> None:
        """Keep the state, within the caller's transaction."""
        value = json.dumps(asdict(self.state))
        connection.execute(
            "INSERT INTO notes VALUES (?, ?, 0) ON CONFLICT(name) DO UPDATE SET value = excluded.value", (NOTE, value)
        )

    def _stepped(self, state: Timekeeping, first: int, base_us: int, boot: str) -> Timekeeping:
        """The state after our clock may have been set; what the devices said before no longer counts then."""
        if boot != state.boot:
            return replace(state, boot=boot, base_us=base_us, since=first)
        step = base_us - state.base_us
        if abs(step) < STEP_US:
            return state
        self._window = _Window()
        explained = [period for period in state.periods if abs(period.skew_us + step) < MATCHES_US]
        periods = tuple(replace(period, ours=True) if period in explained else period for period in state.periods)
        if step > WRONG_US and not explained:  # too few devices to have told
            period = Period(first=state.since, last=first - 1, skew_us=-step, ours=True)
            periods = (*periods, period)[-PERIODS_AT_MOST:]
        return replace(state, base_us=base_us, since=first, skew_us=0, devices=0, periods=periods)

    def _listen(self, ways: Mapping[str, int]) -> None:
        now = time.monotonic()
        window = self._window
        if now - window.began > WINDOW:
            window = self._window = _Window(began=now, before=window.ways)
        for asset, way in ways.items():
            if way < window.ways.get(asset, way + 1):
                window.ways[asset] = way

    def _skew(self) -> tuple[int, int] | None:
        """Our clock less that of the devices, and how many say so; None if they do not agree."""
        window = self._window
        ways = window.before | window.ways
        if len(ways) < DEVICES_AT_LEAST:
            return None
        middle = int(median(ways.values()))
        alike = sum(abs(way - middle) <= ALIKE_US for way in ways.values())
        return (middle, alike) if alike >= ALIKE_SHARE * len(ways) else None


def _extended(periods: tuple[Period, ...], since: int, last: int, skew_us: int, *, ours: bool) -> tuple[Period, ...]:
    if periods and abs(periods[-1].skew_us - skew_us) < MATCHES_US:
        period = periods[-1]
        grown = replace(period, first=min(since, period.first), last=last, ours=period.ours or ours)
        return (*periods[:-1], grown)
    return (*periods, Period(first=since, last=last, skew_us=skew_us, ours=ours))[-PERIODS_AT_MOST:]


def base_now() -> tuple[int, str]:
    """Our clock less the time since boot, in microseconds, and which boot that was."""
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    try:
        boot = BOOT_ID.read_text("ascii").strip()
    except OSError:
        boot = "unknown"
    return (time.time_ns() - time.clock_gettime_ns(clock)) // 1000, boot
