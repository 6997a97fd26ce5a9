"""One condition followed through its readings: how long it has been bad, or good again, and what is believed of it.

Pure: it reads no clock. Times are microseconds since 1970. A track is fed the readings of one channel in the order of
their times; the on-delay and the off-delay each want a time and a number of readings in a row. What comes and goes many
times within an hour is chattering: from then on its off-delay is long, and doubles with every further return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Any, Self

from facility.catalogue.alarm import Alarm

# All design values (D).
CHATTERING = 5  # times that it became bad within an hour
WITHIN_US = 3_600_000_000
CALM_US = 1_800_000_000  # how long what chatters must be good to be believed, the first time
CALMEST_US = 14_400_000_000
GAPS = 2.0  # of a device's own usual gap between readings: its last reading speaks for so long


@dataclass(slots=True, kw_only=True)
class Track:
    """What is believed of one condition, and what points the other way."""

    bad: bool = False
    bad_run: int = 0  # readings in a row, up to the last
    good_run: int = 0
    far_run: int = 0  # readings in a row that are far beyond
    since_us: int = 0  # since when the last run points the way it does
    began_us: int = 0  # when what is believed bad began
    horizon_us: int = 0  # the oldest reading that was looked at, where it was made out anew
    seen_us: int = 0  # of the last reading ...
    value: float = 0.0  # ... and its value
    arrived_us: int = 0
    gap_us: int = 0  # between the last two readings
    far: bool = False  # it is believed to be far beyond
    late: bool = False  # readings that came late made it what it is
    risen: list[int] = field(default_factory=list)  # when it became bad, of late

    def feed(self, reading: Reading, alarm: Alarm) -> bool:
        """Take one reading in. Whether what is believed changed, or became graver."""
        if self.seen_us:
            self.gap_us = reading.time_us - self.seen_us
        self.seen_us, self.value, self.arrived_us = reading.time_us, reading.value, reading.arrived_us
        if reading.bad != bool(self.bad_run) or reading.good != bool(self.good_run):
            self.since_us = reading.time_us
        self.bad_run = self.bad_run + 1 if reading.bad else 0
        self.good_run = self.good_run + 1 if reading.good else 0
        self.far_run = self.far_run + 1 if reading.far else 0
        return self.elapse(reading.time_us, alarm) or self._graver(alarm)

    def elapse(self, now_us: int, alarm: Alarm) -> bool:
        """Let time pass with the last reading standing. Whether what is believed changed."""
        if not self.bad and self.bad_run >= alarm.count and now_us - self.since_us >= _us(alarm.after):
            self.bad, self.began_us, self.far = True, self.since_us, self.far_run >= alarm.count
            self.risen = [moment for moment in self.risen if now_us - moment < WITHIN_US] + [now_us]
            return True
        if self.bad and self.good_run >= alarm.back_count and now_us - self.since_us >= self.patience_us(alarm):
            self.bad = self.far = False
            return True
        return False

    def _graver(self, alarm: Alarm) -> bool:
        graver = self.bad and not self.far and self.far_run >= alarm.count
        self.far |= graver
        return graver

    @property
    def earlier(self) -> bool:
        """Whether it may have begun before anything that was looked at."""
        return self.began_us <= self.horizon_us

    @property
    def times(self) -> int:
        """How often it became bad within an hour, up to the last time."""
        return sum(self.risen[-1] - moment < WITHIN_US for moment in self.risen) if self.risen else 0

    @property
    def chattering(self) -> bool:
        return self.times >= CHATTERING

    def patience_us(self, alarm: Alarm) -> int:
        """How long it must be good to be believed."""
        if not self.chattering:
            return _us(alarm.back_after)
        return max(_us(alarm.back_after), min(CALMEST_US, CALM_US << min(self.times - CHATTERING, 3)))

    def due_us(self, alarm: Alarm, *, stands: bool) -> int | None:
        """When time alone will change what is believed; None if only a reading can. `stands`: a state holds until the
        next, a measured level only says what it was."""
        if not stands:
            return None
        if not self.bad and self.bad_run >= alarm.count:
            return self.since_us + _us(alarm.after)
        if self.bad and self.good_run >= alarm.back_count:
            return self.since_us + self.patience_us(alarm)
        return None

    def calm(self, now_us: int, alarm: Alarm, *, stands: bool) -> bool:
        """Whether it is good, and has been for as long as that takes to be believed."""
        until_us = now_us if stands else self.seen_us
        return (
            not self.bad and self.good_run >= alarm.back_count and until_us - self.since_us >= self.patience_us(alarm)
        )

    def fresh_until_us(self, stale_after: timedelta) -> int:
        """Until when the last reading speaks; of a device that reports more rarely, by its own habit."""
        return self.seen_us + max(_us(stale_after), int(GAPS * self.gap_us))

    @property
    def quiet(self) -> bool:
        """Nothing is or has lately been wrong, so that there is nothing to remember."""
        return not self.bad and not self.bad_run and (not self.risen or self.seen_us - self.risen[-1] > WITHIN_US)

    def copy(self) -> Self:
        return replace(self, risen=list(self.risen))

    def plain(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> Self:
        """From `plain`, of this version or another."""
        return cls(**{name: body[name] for name in cls.__dataclass_fields__ if name in body})


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading as a condition sees it."""

    time_us: int
    value: float
    arrived_us: int
    bad: bool
    good: bool
    far: bool = False


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
