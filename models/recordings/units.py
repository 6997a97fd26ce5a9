"""Several units in one recording: each judged by its own healthy beginning where that is long enough, by all of theirs
together where it is not; and ranked by how far gone they are.

A pooled reference is scored on units that it was not learned from, so its threshold knows how units differ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from facility.errors import CannotDo
from models.recordings import Recording
from models.recordings.alarms import alarms, flags
from models.recordings.detecting import (
    FEWEST,
    MOST,
    SHARE,
    Detected,
    alarm_of,
    bridged,
    detect,
    founded_on,
    heard,
    manner_of,
    still_channels,
)
from models.recordings.reference import FOLDS, Reference, Table, libraries_calm, window_widths
from models.statistics import IntArray

OWN = 200  # healthy rows from which on a unit is judged by its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit's rows of the recording, in order, and how many of them at its beginning are taken for healthy."""

    name: str
    places: IntArray
    healthy: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What was detected of a unit. `standing`: mean score of its last short window, 1 is the threshold."""

    unit: Unit
    detected: Detected
    pooled: bool
    standing: float


def units_of(recording: Recording, train_rows: int = 0) -> tuple[Unit, ...]:
    """The units in the order they are first met; healthy unless told: 15 % of their rows, at least 20, at most half."""
    names, first, inverse = np.unique(np.array(recording.units), return_index=True, return_inverse=True)
    order = np.argsort(inverse, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(inverse))[:-1])
    units = []
    for number in np.argsort(first):
        rows = len(parts[number])
        healthy = min(train_rows, rows) or int(min(max(SHARE * rows, FEWEST), MOST * rows))
        units.append(Unit(name=str(names[number]), places=parts[number], healthy=healthy))
    return tuple(units)


def part_of(recording: Recording, places: IntArray) -> Recording:
    """Some rows of a recording, their seconds counted from the recording's first row."""
    return replace(
        recording,
        values=recording.values[places],
        seconds=recording.seconds[places],
        times=tuple(recording.times[place] for place in places) if recording.times else None,
        file_rows=tuple(recording.file_row(int(place)) for place in places),
        units=(),
    )


@libraries_calm()
def detect_units(
    recording: Recording,
    units: Sequence[Unit],
    *,
    healthy: Recording | None = None,
    budget: float | None = None,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Judged, ...]:
    """Every unit, those first whose last rows are farthest off. `healthy`: rows of another file to learn from instead.

    Raises `CannotDo` where all units together have too few healthy rows.
    """
    own = [unit for unit in units if healthy is None and unit.healthy >= OWN]
    pooled = [unit for unit in units if healthy is not None or unit.healthy < OWN]
    total = len(own) + len(pooled)
    judged: list[Judged] = []
    for number, unit in enumerate(own):
        detected = detect(part_of(recording, unit.places), train_rows=unit.healthy, budget=budget, seed=seed)
        short, _ = window_widths(unit.healthy)
        judged.append(
            Judged(unit=unit, detected=detected, pooled=False, standing=float(detected.score[-short:].mean()))
        )
        on_progress(number + 1, total)
    if pooled:
        judged += _pooled(recording, pooled, healthy, budget, seed)
        on_progress(total, total)
    return tuple(sorted(judged, key=lambda judged: -judged.standing))


def _pooled(
    recording: Recording, units: Sequence[Unit], healthy: Recording | None, budget: float | None, seed: int
) -> list[Judged]:
    source = recording if healthy is None else healthy
    parts = [unit.places[: unit.healthy] for unit in units] if healthy is None else _stretches(healthy)
    parts = [part for part in parts if len(part)]
    learned = sum(map(len, parts))
    if learned < FEWEST:
        raise CannotDo(
            "{count} healthy rows of {units} units together: cannot learn from that",
            "Give --healthy FILE with at least {least} rows, or another column for --by",
            count=learned,
            units=len(units),
            least=FEWEST,
        )
    every = np.concatenate(parts)
    chosen = heard(part_of(source, every), learned)
    channels = tuple(recording.channels[place] for place in chosen)
    own_level = healthy is None
    first_half = [(len(part) + 1) // 2 if own_level else 0 for part in parts]
    pooled = Table.joined([_table(source, part, chosen, own) for part, own in zip(parts, first_half, strict=True)])
    widths = window_widths(int(np.median([len(unit.places) for unit in units])))
    founded = founded_on(learned, budget, widths[0])
    reference = Reference(widths, budget=founded.budget, seed=seed, drifts=False)
    reference.fit(pooled, _blocks([len(part) for part in parts]))
    table = Table.joined([_table(recording, unit.places, chosen, unit.healthy if own_level else 0) for unit in units])
    scores, residuals = reference.score(table), reference.residuals(table)
    manner = replace(manner_of(reference, 0), memory=0)
    judged = []
    first = 0
    for unit in units:
        mine = slice(first, first + len(unit.places))
        first = mine.stop
        score = scores[mine]
        spans, _ = alarms(score, manner)
        learned_here = 0 if healthy is not None else unit.healthy
        detected = Detected(
            healthy_rows=learned_here,
            score=score,
            flag=flags(spans, len(score)),
            alarms=tuple(alarm_of(span, score, residuals[mine], channels, widths[0]) for span in spans),
            founded=founded,
            operating_points=reference.behaviour.points,
            still=still_channels(reference, channels),
        )
        judged.append(Judged(unit=unit, detected=detected, pooled=True, standing=float(score[-widths[0] :].mean())))
    return judged


def _table(recording: Recording, places: IntArray, chosen: IntArray, own: int) -> Table:
    """`own`: rows at the beginning that say where this unit itself usually stands; 0: nothing says it."""
    table = Table.of(bridged(recording.values[places][:, chosen]), recording.seconds[places])
    return replace(table, own=np.arange(len(places)) < own) if own else table


def _stretches(healthy: Recording) -> list[IntArray]:
    return [unit.places for unit in units_of(healthy)] if healthy.units else [np.arange(healthy.rows)]


def _blocks(sizes: Sequence[int]) -> list[IntArray]:
    """Whole units are held out where there are enough of them, else blocks of rows."""
    rows = np.arange(sum(sizes))
    if len(sizes) < FOLDS:
        return np.array_split(rows, FOLDS)
    ends = np.cumsum(sizes)
    cuts = [ends[group[-1]] for group in np.array_split(np.arange(len(sizes)), FOLDS)][:-1]
    return np.split(rows, cuts)
