"""Made-up machines whose trouble is labelled row by row: a pump loop, an air-handling unit, an engine, a cold store.

Each has physics and nuisances of its own (warming up, a wandering mains voltage, weather, schedules, operating points,
duty cycles), so that a detector that does well on all of them was not fitted to one. Every draw of a seed is another
machine with another fault. They are for comparing detectors with each other; real machines differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Testbed:
    """`values` (rows, channels); `labels`: 1 where something is wrong. The first `train` rows are healthy."""

    name: str
    columns: tuple[str, ...]
    values: FloatArray
    labels: NDArray[np.int64]
    train: int
    step_seconds: int


def wander(random: np.random.Generator, rows: int, time_constant: float) -> FloatArray:
    """A stationary AR(1) of unit variance."""
    keep = np.exp(-1 / time_constant)
    shocks = random.standard_normal(rows) * np.sqrt(1 - keep**2)
    out = np.empty(rows)
    level = random.standard_normal()
    for i in range(rows):
        level = keep * level + shocks[i]
        out[i] = level
    return out


def _ramp(rows: int, start: int, end: int, rise: int) -> FloatArray:
    """0 before `start`, up to 1 within `rise` rows, back to 0 within `rise` rows after `end`."""
    at = np.arange(rows)
    return np.clip((at - start) / rise, 0, 1) * np.clip((end - at) / rise + 1, 0, 1)


def pump(seed: int) -> Testbed:
    """A closed water loop, one row a second: it warms up all the while; valves close, bearings and seals suffer."""
    random = np.random.default_rng(seed)
    rows, train = int(random.integers(950, 1200)), 400
    start = int(random.integers(520, 640))
    end = start + int(random.integers(250, 400))
    noise = random.standard_normal
    at = np.arange(rows)
    warming = random.normal(0, 2) * (1 - np.exp(-at / random.uniform(400, 1500)))
    mains = wander(random, rows, random.uniform(30, 200))
    load = wander(random, rows, random.uniform(5, 40))
    kind = random.integers(0, 5)
    size = random.uniform(1.2, 3.5)
    strength = size * _ramp(rows, start, end, int(random.integers(2, 60)))
    shut = strength if kind in (0, 1) else np.zeros(rows)  # a valve closes, before or behind the pump
    shaken = strength if kind in (2, 3) else np.zeros(rows)
    starved = strength if kind == 4 else np.zeros(rows)  # too little water: cavitation
    swing = 1 + 0.5 * np.sin(at / random.uniform(4, 20)) * (random.random() < 0.4)
    flow = 32 - 1.1 * shut * swing - 0.5 * starved + 0.2 * load + noise(rows) * (0.7 + 0.5 * starved)
    pressure = 0.2 + (1 if kind == 0 else -1) * 0.12 * shut + 0.05 * load + 0.25 * noise(rows) * (1 + starved)
    current = 2.3 - 0.08 * shut * swing + 0.06 * load + 0.12 * mains + 0.13 * noise(rows) + 0.06 * shaken
    shake1 = 0.21 * (1 + 0.02 * load) + 0.004 * shaken - 0.001 * shut + 0.0025 * noise(rows) * (1 + 0.4 * starved)
    shake2 = 0.26 + (0.002 if kind == 2 else 0.006) * shaken + 0.002 * starved + 0.0035 * noise(rows)
    motor = 70 + warming + 0.3 * shaken * np.clip(at - start, 0, 300) / 300 + 0.15 * noise(rows)
    water = 25 + 0.4 * warming + 0.08 * noise(rows) + 0.1 * wander(random, rows, 60)
    voltage = 228 + 6 * mains + 5 * noise(rows)
    values = np.column_stack([shake1, shake2, current, pressure, motor, water, voltage, np.round(flow, 0)])
    names = ("shake 1", "shake 2", "current", "pressure", "motor temperature", "water temperature", "voltage", "flow")
    labels = ((at >= start) & (at < end)).astype(np.int64)
    return Testbed(name="pump", columns=names, values=values, labels=labels, train=train, step_seconds=1)


def air_handler(seed: int) -> Testbed:
    """An air-handling unit, a row every fifteen minutes for weeks: schedule, weather, weekends; a part gets stuck."""
    random = np.random.default_rng(seed)
    a_day, days, learned = 96, 28, 10
    rows, train = a_day * days, a_day * learned
    at = np.arange(rows)
    hour = at % a_day / 4
    weekday = (at // a_day + int(random.integers(0, 7))) % 7 < 5
    occupied = (hour >= 7) & (hour < 19) & weekday
    outdoor = 12 + 6 * np.sin((hour - 9) / 24 * 2 * np.pi) + 3.5 * wander(random, rows, a_day * 2.0) + 0.1 * at / a_day
    noise = random.standard_normal
    start = int(random.integers(train + a_day, rows - 8 * a_day))
    end = start + int(random.integers(2, 6)) * a_day
    kind = random.integers(0, 4)
    strength = random.uniform(0.4, 1.3) * _ramp(rows, start, end, int(random.integers(1, 40)))
    fan = np.where(
        occupied, 75 + 8 * np.clip((outdoor - 12) / 10, -1, 1) + 1.5 * noise(rows), 0.3 * np.abs(noise(rows))
    )
    demand = np.where(occupied, np.clip((outdoor - 14) / 12, -1, 1) + 0.05 * noise(rows), 0.0)
    cooling, heating = 100 * np.clip(demand, 0, 1), 100 * np.clip(-demand, 0, 1)
    damper = np.where(occupied, 20 + 60 * np.exp(-(((outdoor - 14) / 5) ** 2)), 0.0)
    if kind == 0:  # the damper sticks
        damper = damper + strength * (45 - damper) * np.where(occupied, 1.0, 0.3)
    leak = 3.0 * strength if kind == 1 else 0.0  # the heating valve leaks
    fouled = 0.25 * strength if kind == 2 else 0.0  # the filter clogs
    biased = 1.6 * strength if kind == 3 else 0.0  # the supply sensor drifts off
    room = 21.5 + 0.15 * (outdoor - 12) * ~occupied + 0.3 * wander(random, rows, 12)
    mixed = room + damper / 100 * (outdoor - room) + 0.2 * noise(rows)
    supply = np.where(occupied, 16.5 + 0.25 * noise(rows) + 0.5 * leak, room + 0.3 * noise(rows) + leak) + biased
    cooling = np.clip(cooling + 8 * leak * occupied, 0, 100)
    pressure = np.where(occupied, 250 * (fan / 75) ** 2 * (1 - fouled) + 5 * noise(rows), 2 * np.abs(noise(rows)))
    power = 4.2 * (fan / 75) ** 3 * (1 + 0.5 * np.asarray(fouled)) + 0.05 * noise(rows) + 0.3
    values = np.column_stack([outdoor, fan, damper, mixed, supply, room, cooling, heating, pressure, power])
    names = ("outdoor", "fan", "damper", "mixed", "supply", "room", "cooling", "heating", "pressure", "power")
    labels = ((at >= start) & (at < end)).astype(np.int64)
    return Testbed(name="air handler", columns=names, values=values, labels=labels, train=train, step_seconds=900)


def engine(seed: int) -> Testbed:
    """An engine flown at changing operating points, one row a flight, until it fails: labelled from when it matters."""
    random = np.random.default_rng(seed)
    rows = int(random.integers(180, 320))
    train = int(rows * 0.35)
    points = int(random.choice([1, 3, 6]))
    setting = random.random((6, 3))[random.integers(0, points, rows)]
    setting = setting + 0.002 * random.standard_normal((rows, 3))
    wear = np.clip((np.arange(rows) - rows * random.uniform(0.4, 0.55)) / rows, 0, None) * 2
    wear = np.expm1(random.uniform(1.5, 3.0) * wear) / 3
    mixing = random.standard_normal((3, 12))
    level = 50 * np.tanh(setting @ mixing) + 400
    noise = random.uniform(0.3, 1.2, 12)
    taste = random.standard_normal(12) * (random.random(12) < 0.6)
    common = 0.5 * random.standard_normal((rows, 1)) * random.standard_normal(12)
    values = level + noise * (random.standard_normal((rows, 12)) + common + 2.0 * wear[:, None] * taste)
    values[:, 10:] = np.round(values[:, 10:])
    values[:, 9] = 100.0
    names = ("altitude", "speed", "throttle", *(f"sensor {i}" for i in range(12)))
    labels = (wear > 0.35).astype(np.int64)
    return Testbed(
        name="engine", columns=names, values=np.column_stack([setting, values]), labels=labels, train=train,
        step_seconds=3600,
    )  # fmt: skip


def cold_store(seed: int) -> Testbed:
    """A cold store, a row a minute: compressor on and off, defrosting, doors; it loses refrigerant or its fan slows."""
    random = np.random.default_rng(seed)
    rows, train = 6000, 2000
    start = int(random.integers(2600, 4200))
    end = start + int(random.integers(500, 1500))
    kind = random.integers(0, 3)
    strength = random.uniform(0.5, 1.3) * _ramp(rows, start, end, int(random.integers(5, 300)))
    outdoor = 18 + 5 * np.sin(np.arange(rows) / 1440 * 2 * np.pi) + 1.5 * wander(random, rows, 900)
    air, running, out = -20.0, False, np.empty((rows, 6))
    noise = random.standard_normal
    for i in range(rows):
        defrost = i % 480 < 20
        running = False if defrost else (True if air > -18.5 else False if air < -21.5 else running)
        loss = 0.25 * strength[i] if kind == 0 else 0.0
        slow = 0.3 * strength[i] if kind == 1 else 0.0
        worn = 0.25 * strength[i] if kind == 2 else 0.0
        pull = 0.55 * (1 - loss) * (1 - 0.6 * slow) * running
        air += -pull + 0.006 * (outdoor[i] - air) + (0.25 if defrost else 0.0) + 0.04 * noise()
        suction = (1.6 - 0.8 * loss) * running + 2.8 * (not running) + 0.05 * noise()
        head = (9 + 0.25 * (outdoor[i] - 18) - 2 * loss) * running + 5 * (not running) + 0.15 * noise()
        current = (12 + 0.2 * (outdoor[i] - 18) - 3 * loss + 3 * worn) * running + 0.2 + 0.2 * noise()
        coil = air - 7 * running * (1 + slow) + (18 if defrost else 0) + 0.3 * noise()
        shake = (1.0 + 1.2 * worn) * running * (1 + 0.15 * noise()) + 0.05 + 0.02 * noise()
        out[i] = air + 0.1 * noise(), coil, suction, head, current, shake
    labels = ((np.arange(rows) >= start) & (np.arange(rows) < end)).astype(np.int64)
    names = ("air", "coil", "suction", "head", "current", "shake")
    return Testbed(name="cold store", columns=names, values=out, labels=labels, train=train, step_seconds=60)


TESTBEDS: dict[str, Callable[[int], Testbed]] = {
    "pump": pump,
    "air handler": air_handler,
    "engine": engine,
    "cold store": cold_store,
}
