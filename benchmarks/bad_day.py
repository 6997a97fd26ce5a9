"""A bad day in three estates, as a list of what arrives when: what really breaks, and all that only looks like it.

Nothing here knows how it is watched. Times are seconds since the day's beginning at 08:00 in Shanghai.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from facility.estate import Asset

BEGIN = datetime(2026, 3, 10, 0, 0, tzinfo=UTC)  # 08:00 in Shanghai, a Tuesday
HOURS = 8
MINUTE, HOUR = 60, 3600
SITES = ("north", "south", "east")
BROKER_DOWN = (2 * HOUR, 2 * HOUR + 20 * MINUTE)  # no gateway gets rid of anything; all keep it and send it later
FLAPPING = (3 * HOUR, 4 * HOUR)  # the gateway of north: four minutes off, two minutes on; it keeps what it has
GATEWAY_DEAD = 5 * HOUR  # the same gateway, for good, and what it holds is lost
POWER_OUT = (4 * HOUR + 30 * MINUTE, 4 * HOUR + 40 * MINUTE)  # the whole of east; its lifts say so as they stop
CLOCK_BACK = (4 * HOUR, 4 * HOUR + 30 * MINUTE)  # ten pump sets of east tell times three hours ago
WORK = (1 * HOUR, 4 * HOUR)  # planned work at one lift of south
WORKED_ON = "S-L-20"
DEAD_SENSORS = {("S-L-07", "motor_temperature"): 1 * HOUR, ("S-H-03", "static_pressure"): 1 * HOUR}

Reading = tuple[str, str, float, float]  # asset, channel, second of the day that it tells, value


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that really breaks, for good, and within how many seconds somebody has to be told."""

    asset: str
    channel: str
    value: float
    at: int
    within: int


@dataclass(frozen=True, slots=True)
class Series:
    """One channel of one device: how often it reports, and about what."""

    asset: str
    channel: str
    every: int  # seconds
    level: float
    spread: float
    phase: int


FAULTS = (
    Fault("S-L-01", "fault_code", 15, 40 * MINUTE, 60),  # somebody is trapped
    Fault("S-L-02", "motor_temperature", 121.0, 75 * MINUTE, 8 * MINUTE),
    Fault("N-D-05", "temperature", 63.0, 95 * MINUTE, 60),  # a fire
    Fault("E-T-01", "level", 0.9, 110 * MINUTE, 5 * MINUTE),
    Fault("E-L-04", "fault_code", 11, 125 * MINUTE, BROKER_DOWN[1] - 125 * MINUTE + 60),  # while the broker is down
    Fault("S-H-05", "end_pressure", 0.03, 150 * MINUTE, 8 * MINUTE),
    Fault("S-L-09", "machine_room_temperature", 47.0, 190 * MINUTE, 13 * MINUTE),
    Fault("N-C-150", "supply_voltage", 181.0, 200 * MINUTE, 250 * MINUTE),  # low: it waits for the digest at 15:30
    Fault("E-P-02", "suction_pressure", -0.4, 255 * MINUTE, 5 * MINUTE),  # one whose clock is wrong is E-P-01
    Fault("S-F-01", "battery_voltage", 22.8, 285 * MINUTE, 16 * MINUTE),
    Fault("E-E-01", "failure_status", 1, 310 * MINUTE, 60),
    Fault("S-L-11", "door_close_time", 5.2, 330 * MINUTE, 14 * MINUTE),
    Fault("E-L-09", "fault_code", 12, 350 * MINUTE, 60),
    Fault("S-H-08", "static_pressure", 0.09, 380 * MINUTE, 8 * MINUTE),
    Fault("E-D-03", "fault_bits", 4, 420 * MINUTE, 60),
)
CHATTERING = ("S-L-13", "S-L-14", "S-L-15")  # doors that close about as slowly as their limit allows


def estate() -> list[Asset]:
    """344 assets: 200 circuits and 20 detectors behind one gateway, and two mixed estates."""
    return [
        *_assets("N-C", "lighting_circuit", "north", 200),
        *_assets("N-D", "smoke_detector", "north", 20),
        *_assets("S-L", "lift", "south", 40),
        *_assets("S-H", "hydrant_zone", "south", 12),
        *_assets("S-F", "fire_panel", "south", 2),
        *_assets("E-L", "lift", "east", 20),
        *_assets("E-P", "pump_set", "east", 12),
        *_assets("E-T", "tank", "east", 6),
        *_assets("E-E", "emergency_lighting", "east", 12),
        *_assets("E-D", "smoke_detector", "east", 20),
    ]


def _assets(prefix: str, kind: str, site: str, count: int) -> list[Asset]:
    width = max(2, len(str(count)))
    return [
        Asset(id=f"{prefix}-{number:0{width}}", kind=kind, site=site, building=f"{number % 4 + 1}")
        for number in range(1, count + 1)
    ]


_CHANNELS: dict[str, tuple[tuple[str, int, float, float], ...]] = {
    "lift": (
        ("motor_temperature", MINUTE, 52, 3),
        ("machine_room_temperature", MINUTE, 27, 1),
        ("door_close_time", 5 * MINUTE, 2.4, 0.08),
        ("fault_code", HOUR, 0, 0),
    ),
    "lighting_circuit": (("supply_voltage", 5 * MINUTE, 226, 2), ("driver_temperature", 15 * MINUTE, 51, 2)),
    "hydrant_zone": (("static_pressure", MINUTE, 0.52, 0.01), ("end_pressure", MINUTE, 0.31, 0.01)),
    "pump_set": (("suction_pressure", MINUTE, 0.9, 0.02), ("room_temperature", 10 * MINUTE, 18, 1)),
    "tank": (("level", MINUTE, 2.7, 0.05),),
    "fire_panel": (("battery_voltage", 5 * MINUTE, 27, 0.1),),
    "emergency_lighting": (("battery_voltage", 15 * MINUTE, 26, 0.2), ("failure_status", HOUR, 0, 0)),
    "smoke_detector": (
        ("temperature", 15 * MINUTE, 23, 0.5),
        ("chamber", 15 * MINUTE, 24, 1),
        ("fault_bits", HOUR, 0, 0),
    ),
}
_EVENTS = {"fault_code", "failure_status", "fault_bits", "temperature"}  # what breaks is sent at once


@dataclass
class BadDay:
    """What arrives in each step of the day. The hour before it has been quiet, and arrives with the first step."""

    seed: int = 1
    step: int = 10
    _pending: list[tuple[float, Reading]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = np.random.default_rng(self.seed)
        self._site = {asset.id: asset.site for asset in estate()}
        self._series = [
            Series(asset.id, channel, every, level, spread, int(self._dice.integers(0, every)))
            for asset in estate()
            for channel, every, level, spread in _CHANNELS[asset.kind]
        ]
        self._faults = {(fault.asset, fault.channel): fault for fault in FAULTS}

    def arrivals(self) -> Iterator[tuple[int, list[Reading]]]:
        """Each step's second and what has arrived by then."""
        waiting = sorted((self._arrives(reading), reading) for reading in self._sent())
        at = 0
        for second in range(0, HOURS * HOUR + 1, self.step):
            begin = at
            while at < len(waiting) and waiting[at][0] <= second:
                at += 1
            yield second, [reading for arrival, reading in waiting[begin:at] if arrival < float("inf")]

    def _sent(self) -> Iterator[Reading]:
        for series in self._series:
            name = (series.asset, series.channel)
            for second in range(series.phase - HOUR, HOURS * HOUR, series.every):
                if second >= DEAD_SENSORS.get(name, 10**9) or self._without_power(series.asset, second):
                    continue
                yield self._reading(series, second)
            fault = self._faults.get(name)
            if fault and series.channel in _EVENTS:
                yield (*name, float(fault.at), fault.value)
        yield from self._around_power()

    def _reading(self, series: Series, second: int) -> Reading:
        value = series.level + float(self._dice.normal(0, series.spread)) if series.spread else series.level
        fault = self._faults.get((series.asset, series.channel))
        if fault and second >= fault.at:
            value = fault.value
        elif series.asset in CHATTERING and series.channel == "door_close_time":
            value = 3.7 + float(self._dice.normal(0, 0.12))
        elif series.asset == WORKED_ON and WORK[0] <= second < WORK[1]:
            value = {"motor_temperature": 112.0, "fault_code": float(second // HOUR % 3)}.get(series.channel, value)
        return series.asset, series.channel, float(second), round(value, 3)

    def _without_power(self, asset: str, second: int) -> bool:
        return self._site[asset] == "east" and POWER_OUT[0] <= second < POWER_OUT[1]

    def _around_power(self) -> Iterator[Reading]:
        """Lifts have enough in their capacitors to say why they stop, and say that it is over."""
        for asset, site in self._site.items():
            if asset.startswith("E-L") and site == "east":
                broken = self._faults.get((asset, "fault_code"))
                code = broken.value if broken and broken.at < POWER_OUT[0] else 0.0
                yield asset, "fault_code", float(POWER_OUT[0]), 41.0
                yield asset, "fault_code", float(POWER_OUT[1] + 30), code

    def _arrives(self, reading: Reading) -> float:
        asset, _, second, _ = reading
        arrival = second + 1.0
        if self._site[asset] == "north":
            if second >= GATEWAY_DEAD:
                return float("inf")
            if FLAPPING[0] <= second < FLAPPING[1]:
                within = (second - FLAPPING[0]) % (6 * MINUTE)
                arrival += max(0.0, 4 * MINUTE - within)
        if BROKER_DOWN[0] <= arrival < BROKER_DOWN[1]:
            arrival = BROKER_DOWN[1] + 2 + (hash_of(asset) % 20)
        return arrival

    def told_time(self, reading: Reading) -> datetime:
        """The time that the device writes on it."""
        asset, _, second, _ = reading
        wrong = asset.startswith("E-P") and asset != "E-P-02" and CLOCK_BACK[0] <= second < CLOCK_BACK[1]
        return moment(second - (3 * HOUR if wrong else 0))


def hash_of(name: str) -> int:
    """The same number in every process."""
    return sum(map(ord, name))


def moment(second: float) -> datetime:
    """The moment of a second of the day."""
    return BEGIN + timedelta(seconds=second)


def busiest(seconds: list[float], within: int = 10 * MINUTE) -> int:
    """The most of them within ten minutes."""
    ordered = sorted(seconds)
    return max((sum(first <= other < first + within for other in ordered) for first in ordered), default=0)


Told = Callable[[Fault], float | None]  # the second at which somebody was told of it
