"""Made-up single series of eight looks, with windows about what is wrong: load, traffic, counts, temperatures, shapes.

Each seed is another series: levels, scales, seasons, noise, tails and gaps are drawn anew. A window is a tenth of the
rows, shared out among the anomalies and laid about each, as the Numenta Anomaly Benchmark does (Lavin and Ahmad 2015).
They are for comparing detectors with each other; real series differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.testbeds import FloatArray, wander

FIVE_MINUTES, HALF_HOUR, HOUR, DAY = 300.0, 1800.0, 3600.0, 86_400.0
WINDOWED = 0.1  # share of the rows in windows
HEALTHY = 0.15  # share at the beginning without an anomaly


@dataclass(frozen=True, slots=True, kw_only=True)
class SingleSeries:
    """`values` and `seconds` (rows,); `windows`: first and last row about each anomaly, in order, apart."""

    look: str
    values: FloatArray
    seconds: FloatArray
    windows: tuple[tuple[int, int], ...]


Drawn = tuple[NDArray[np.floating], NDArray[np.floating], list[int]]  # values, seconds, rows where anomalies begin


def _places(random: np.random.Generator, rows: int, count: int) -> list[int]:
    return sorted(int(place) for place in random.uniform(0.2, 0.95, count) * rows)


def _load(random: np.random.Generator) -> Drawn:
    """A processor's load: noise about a level, bursts, jobs by the hour; spikes, new levels, restlessness."""
    rows = 4032
    level = random.uniform(0.1, 60)
    noise = random.standard_normal
    values = level * (1 + 0.02 * wander(random, rows, 50)) + random.uniform(0.005, 0.08) * level * noise(rows)
    bursts = random.random(rows) < random.uniform(0.001, 0.03)
    values += level * random.uniform(0.05, 0.6) * bursts * random.exponential(1, rows)
    if random.random() < 0.4:
        period = int(random.choice([12, 48, 60, 288]))
        values += level * random.uniform(0.05, 0.5) * (np.arange(rows) % period < max(1, period // 20))
    if random.random() < 0.4:
        values += 0.1 * level * np.sin(2 * np.pi * np.arange(rows) / 288)
    places = _places(random, rows, int(random.integers(1, 4)))
    for place in places:
        kind = int(random.integers(0, 4))
        part = slice(place, (place + int(random.integers(1, 6)), rows, place + 160, place + 110)[kind])
        by = (random.uniform(0.5, 4), random.choice([-1, 1]) * random.uniform(0.1, 0.6))[min(kind, 1)]
        values[part] += 0.3 * level * noise(len(values[part])) if kind == 3 else level * by
    return np.maximum(values, 0), FIVE_MINUTES * np.arange(rows), places


def _network(random: np.random.Generator) -> Drawn:
    """Bytes: a heavy tail, transfers by the clock; a flood, a doubled rate, a line nearly dead."""
    rows = int(random.integers(1200, 4730))
    level = 10 ** random.uniform(2, 6)
    values = level * random.lognormal(0, random.uniform(0.1, 1.0), rows)
    if random.random() < 0.6:
        period = int(random.choice([12, 24, 72, 288]))
        regular = np.arange(rows) % period < max(1, period // 12)
        values += level * random.uniform(1, 6) * regular * random.uniform(0.7, 1.3, rows)
    places = _places(random, rows, int(random.integers(1, 3)))
    for place in places:
        kind = int(random.integers(0, 3))
        if kind == 0:
            values[place : place + int(random.integers(1, 10))] += level * random.uniform(8, 60)
        else:
            part = slice(place, place + int(random.integers(40, 250)))
            values[part] *= random.uniform(2, 5) if kind == 1 else random.uniform(0, 0.15)
    return values, FIVE_MINUTES * np.arange(rows), places


def _demand(random: np.random.Generator) -> Drawn:
    """Rides or energy: a day's course, quieter weekends; a storm, a holiday, a fair."""
    step = float(random.choice([HALF_HOUR, HOUR, FIVE_MINUTES]))
    rows = {HALF_HOUR: 7200, HOUR: 5000, FIVE_MINUTES: 9000}[step]
    day = int(DAY / step)
    angle = np.arange(rows) % day / day * 2 * np.pi
    weekend = np.arange(rows) // day % 7 >= 5
    values = 100 * (1.2 + 0.8 * np.sin(angle - 2) + 0.3 * np.sin(2 * angle))
    values *= np.where(weekend, random.uniform(0.5, 0.9), 1.0)
    values *= (1 + 0.05 * wander(random, rows, day)) * (1 + 0.03 * random.standard_normal(rows))
    places = _places(random, rows, int(random.integers(2, 6)))
    for place in places:
        by = random.choice([random.uniform(0.3, 0.75), random.uniform(1.3, 1.7)])
        values[place : place + int(day * random.uniform(0.3, 1.5))] *= by
    return values, step * np.arange(rows), places


def _mentions(random: np.random.Generator) -> Drawn:
    """Counts of messages: Poisson about a day's course, small bursts always, a few great ones."""
    rows = 15_800
    angle = np.arange(rows) % 288 / 288 * 2 * np.pi
    rate = random.uniform(3, 80) * np.exp(0.6 * np.sin(angle - 2) + 0.2 * wander(random, rows, 300))
    bursts = (random.random(rows) < 0.002) * random.pareto(2.2, rows)
    rate *= 1 + np.convolve(bursts, np.exp(-np.arange(30) / 6))[:rows]
    places = _places(random, rows, int(random.integers(2, 5)))
    for place in places:
        length = int(random.integers(6, 60))
        rate[place : place + length] *= 1 + random.uniform(4, 20) * np.exp(-2 * np.arange(length) / length)
    return random.poisson(np.minimum(rate, 1e5)).astype(np.float64), FIVE_MINUTES * np.arange(rows), places


def _road(random: np.random.Generator) -> Drawn:
    """Speed or occupancy of a road, at uneven intervals: rush hours on workdays; an accident."""
    rows = int(random.integers(1100, 2500))
    seconds = np.cumsum(random.choice([300.0, 300.0, 600.0, 600.0, 900.0, 5400.0], rows))
    angle = seconds % DAY / DAY * 2 * np.pi
    workday = seconds // DAY % 7 < 5
    fast = random.random() < 0.5
    if fast:
        rush = 18 * np.exp(-(((angle - 4.5) / 0.35) ** 2)) * (random.random() < 0.6) * workday
        values = 68 + 3 * np.sin(angle) - rush + 4 * random.uniform(0.5, 1.5) * random.standard_normal(rows)
    else:
        values = np.maximum(0, 8 + 6 * np.sin(angle - 2) + random.gamma(2, 2, rows) * (1 + np.sin(angle - 2)) / 2)
    places = _places(random, rows, int(random.integers(1, 5)))
    for place in places:
        values[place : place + int(random.integers(3, 30))] += (-1 if fast else 1) * random.uniform(15, 45)
    return values, seconds, places


def _machine(random: np.random.Generator) -> Drawn:
    """A temperature that wanders for days; it falls away for hours."""
    rows = int(random.integers(7000, 20_000))
    values = 80 + 6 * wander(random, rows, random.uniform(100, 600)) + random.standard_normal(rows)
    values += 4 * wander(random, rows, 4000)
    places = _places(random, rows, int(random.integers(1, 4)))
    for place in places:
        length = int(random.integers(50, 350))
        part = values[place : place + length]
        part -= random.uniform(20, 60) * np.exp(-(((np.arange(len(part)) - length / 2) / (length / 4)) ** 2))
    return values, float(random.choice([FIVE_MINUTES, HOUR])) * np.arange(rows), places


def _shape(random: np.random.Generator) -> Drawn:
    """The same course every day, with noise or without; one day it is missing, higher, lower, or spiked."""
    rows, day = 4032, 288
    phase = np.arange(rows) % day
    high, low = random.uniform(40, 90), random.uniform(10, 30)
    values = np.where((phase > 100) & (phase < 220), high, low)
    values = values + random.uniform(-8, 8, rows) * random.choice([0, 0.5, 1.0])
    place = _places(random, rows, 1)[0] // day * day
    place = max(place, int(0.6 * rows) // day * day)
    by = (-1.0, 0.9, -0.5, 0.0)[int(random.integers(0, 4))]
    if by:
        values[place + 100 : place + 220] += by * (high - low)
    else:
        values[place + 100 :] += 0.7 * (high - low) * (np.arange(rows - place - 100) % 20 < 2)
    return values, FIVE_MINUTES * np.arange(rows), [place + 100]


def _prices(random: np.random.Generator) -> Drawn:
    """Hourly prices: skewed noise, hardly a season; hours at several times the price."""
    rows = int(random.integers(1540, 1650))
    angle = np.arange(rows) % 24 / 24 * 2 * np.pi
    values = random.uniform(0.05, 3) * (1 + random.uniform(0, 0.3) * np.sin(angle))
    values = values * random.lognormal(0, random.uniform(0.08, 0.5), rows)
    places = _places(random, rows, int(random.integers(1, 5)))
    for place in places:
        values[place : place + int(random.choice([1, 1, 2, 6, 24]))] *= random.uniform(3, 9)
    return values, HOUR * np.arange(rows), places


LOOKS: dict[str, Callable[[np.random.Generator], Drawn]] = {
    "load": _load,
    "network": _network,
    "demand": _demand,
    "mentions": _mentions,
    "road": _road,
    "machine": _machine,
    "shape": _shape,
    "prices": _prices,
}


def single_series(look: str, seed: int) -> SingleSeries:
    """A made-up series of one look, with its anomalies; the same seed makes the same."""
    random = np.random.default_rng([seed, list(LOOKS).index(look)])
    values, seconds, places = LOOKS[look](random)
    half = max(1, int(WINDOWED * len(values) / len(places)) // 2)
    windows: list[tuple[int, int]] = []
    for place in places:
        first = max(int(HEALTHY * len(values)) + 1, place - half)
        last = min(len(values) - 1, place + half)
        if windows and first <= windows[-1][1]:
            windows[-1] = (windows[-1][0], last)
        else:
            windows.append((first, last))
    return SingleSeries(
        look=look,
        values=np.asarray(values, dtype=np.float64),
        seconds=np.asarray(seconds, dtype=np.float64),
        windows=tuple(windows),
    )
