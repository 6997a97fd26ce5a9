"""Made-up fleets of engines, one row a flight, from new until they fail; some have failed, the others still run.

After the manner of public run-to-failure sets: twenty sensors without names, some of which say nothing, one or six
operating conditions that move them far more than wear does, wear that sets in at some flight and grows ever faster,
engines that are not alike when new, unequal lives. Each seed is another machine. Real engines differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.testbeds import FloatArray

SENSORS = 20
SETTINGS = 3  # the first columns, where there are several operating conditions
SHORTEST, MEAN_LIFE, LIFE_SPREAD = 125, 205.0, 45.0  # flights
LONGEST_LEFT, SHORTEST_LEFT = 110, 4  # flights that the running ones have before them


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """`values` (flights, columns) from its first flight on; `life`: flights until it fails, more than it has flown."""

    name: str
    values: FloatArray
    life: int

    @property
    def flown(self) -> int:
        return len(self.values)

    @property
    def left(self) -> int:
        """Flights until it fails; 0 if it has."""
        return self.life - self.flown


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineFleet:
    """Engines that ran until they failed, and engines that still run."""

    columns: tuple[str, ...]
    failed: tuple[Engine, ...]
    running: tuple[Engine, ...]


def engine_fleet(
    seed: int, *, failed: int = 100, running: int = 100, conditions: int = 1, modes: int = 1
) -> EngineFleet:
    """A fleet of one make: `conditions` operating points, `modes` ways to wear out."""
    random = np.random.default_rng(seed)
    level = random.uniform(10, 2000, SENSORS)
    noise = level * random.uniform(0.0005, 0.004, SENSORS)
    telling = random.random(SENSORS) < 0.65
    worn = random.uniform(1.0, 5.5, (modes, SENSORS)) * random.choice([-1.0, 1.0], (modes, SENSORS)) * telling
    worn *= random.random((modes, SENSORS)) < 0.9
    still = ~telling & (random.random(SENSORS) < 0.6)
    whole = random.random(SENSORS) < 0.15
    point_of = random.random((conditions, SETTINGS))
    moved = 0.15 * level * random.standard_normal((conditions, SENSORS)) * (conditions > 1)

    def engine(name: str, runs: bool) -> Engine:
        life = max(SHORTEST, round(MEAN_LIFE + LIFE_SPREAD * random.standard_normal() + 25 * random.exponential()))
        flown = life - int(random.integers(SHORTEST_LEFT, min(LONGEST_LEFT, life - 30))) if runs else life
        onset, rise = random.uniform(0.1, 0.5), random.uniform(2.5, 4.5)
        share = np.clip((np.arange(flown) + 1 - onset * life) / (life - onset * life), 0, None)
        wear = random.uniform(0.0, 0.12) + np.expm1(rise * share) / np.expm1(rise)
        own = 0.35 * random.standard_normal(SENSORS)
        shape = worn[random.integers(0, modes)] * random.uniform(0.9, 1.1, SENSORS)
        point = random.integers(0, conditions, flown)
        readings = own + wear[:, None] * shape + random.standard_normal((flown, SENSORS))
        values = level + moved[point] + noise * readings
        values[:, still] = (level + moved[point])[:, still]
        values[:, whole] = np.round(values[:, whole])
        if conditions > 1:
            settings = point_of[point] + 0.002 * random.standard_normal((flown, SETTINGS))
            values = np.column_stack([settings, values])
        return Engine(name=name, values=values, life=life)

    names = tuple(f"setting_{i + 1}" for i in range(SETTINGS)) if conditions > 1 else ()
    return EngineFleet(
        columns=(*names, *(f"s{i + 1}" for i in range(SENSORS))),
        failed=tuple(engine(f"F-{i + 1:03d}", False) for i in range(failed)),
        running=tuple(engine(f"R-{i + 1:03d}", True) for i in range(running)),
    )


def failing_within(fleet: EngineFleet, flights: int) -> NDArray[np.bool_]:
    """(running engines,): which fail within so many flights."""
    return np.array([engine.left <= flights for engine in fleet.running], dtype=np.bool_)
