"""Sensors that say the same for ever: stuck where they were, or frozen at a value out of nowhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facility.catalogue.catalogue import Aggregate
from models.features.hourly import HOURS, Cube, Hourly, flat
from models.statistics import BoolArray

FEWEST_ALIKE = 3  # hours of one value that are more than chance
PEERS = 5  # others of a class that show where its values lie


@dataclass(frozen=True, slots=True)
class SensorFinding:
    """One channel (row of the cube) whose sensor is not to be believed since hour `since` of the cube."""

    row: int
    pattern: str  # stuck, missing, spikes, unit, clock, impossible
    since: int
    score: float  # robust standard deviations, or what is as rare
    value: float
    expected: float
    amount: float  # hours stuck or shifted, share missing, number of spikes, factor: what the sentence tells


def stuck(cube: Cube, doubtful: BoolArray) -> list[SensorFinding]:
    """The very same value for a day or more, in a channel that used to move, away from the ends of its range."""
    findings = []
    rows = cube.rows(Aggregate.MEAN)
    low, high = (flat(a[rows]) for a in (cube.low, cube.high))
    for i in np.flatnonzero(np.sum(low == high, axis=1) >= HOURS):
        row = rows[i]
        present = np.flatnonzero(~np.isnan(low[i]))
        if present.size < 4 * HOURS:
            continue
        lows, highs = low[i, present], high[i, present]
        same = (lows == highs) & (lows == lows[-1])
        moved = np.flatnonzero(~same)
        if not moved.size:
            continue
        begin = int(moved[-1]) + 1
        run = present.size - begin
        if run < HOURS or begin < 3 * HOURS:
            continue
        steady = np.concatenate([[False], (lows[1:begin] == highs[1:begin]) & (lows[1:begin] == lows[: begin - 1])])
        if run < max(HOURS, 4 * _longest_run(steady)):
            continue
        floor, ceiling = np.quantile(lows[:begin], 0.01), np.quantile(highs[:begin], 0.99)
        inside = floor + 0.04 * (ceiling - floor) < lows[-1] < ceiling - 0.04 * (ceiling - floor)
        if not inside:
            continue
        since = int(present[begin])
        doubtful[row].reshape(-1)[since:] = True
        findings.append(
            SensorFinding(
                int(row), "stuck", since, 6.0 + run / HOURS, float(lows[-1]), float(np.median(lows[:begin])), run
            )
        )
    return findings


def frozen(cube: Cube, doubtful: BoolArray) -> list[SensorFinding]:
    """One and the same value, hour after hour, where the channel has never been, or where none of its class is.

    Machines fail noisily; what reads exactly alike is a converter's power-on value, a full scale or a loose wire.
    Nought and the ends of the physical range are left out: that is what dead equipment reads. A few such hours are put
    aside without a word, a good half day is a finding.
    """
    findings = []
    rows = cube.rows(Aggregate.MEAN)
    low, high = (flat(a[rows]) for a in (cube.low, cube.high))
    constant = low == high
    doubted = {i for i in range(len(rows)) if doubtful[rows[i]].any()}
    for i in np.flatnonzero(np.sum(constant, axis=1) >= FEWEST_ALIKE):
        row, present = int(rows[i]), np.flatnonzero(~np.isnan(low[i]))
        value = float(low[i, present[-1]])
        physical = cube.channels[row].physical
        same = constant[i, present] & (low[i, present] == value)
        if i in doubted or not same[-1] or value in (0.0, physical.low, physical.high):
            continue
        others = np.flatnonzero(~same)
        begin = int(others[-1]) + 1 if others.size else 0
        run = present.size - begin
        if run < FEWEST_ALIKE or not _never_there(
            cube, row, low[i, present[:begin]], high[i, present[:begin]], run, value
        ):
            continue
        since = int(present[begin])
        doubtful[row].reshape(-1)[since:] = True
        if run >= HOURS / 2:
            usual = float(np.median(low[i, present[:begin]])) if begin else np.nan
            findings.append(SensorFinding(row, "stuck", since, 6.0 + run / HOURS, value, usual, run))
    return findings


def _never_there(cube: Cube, row: int, low: Hourly, high: Hourly, run: int, value: float) -> bool:
    """Is a value far from where the channel was before, moving; or, where it has no past, from its class?"""
    if low.size >= HOURS:
        steady = np.concatenate([[False], (low[1:] == high[1:]) & (low[1:] == low[:-1])])
        if run < 4 * _longest_run(steady):
            return False
    else:
        channel = cube.channels[row]
        alike = [i for i, c in enumerate(cube.channels) if c.key == channel.key and c.kind == channel.kind and i != row]
        moving = cube.low[alike] < cube.high[alike]
        if np.sum(moving.mean(axis=(1, 2)) > 0.5) < PEERS:
            return False
        low, high = cube.low[alike][moving], cube.high[alike][moving]
    floor, ceiling = np.quantile(low, 0.01), np.quantile(high, 0.99)
    return bool(value > ceiling + 0.5 * (ceiling - floor) or value < floor - 0.5 * (ceiling - floor))


def _longest_run(flags: BoolArray) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int(np.max(edges[1::2] - edges[::2])) if edges.size else 0
