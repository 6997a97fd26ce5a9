"""Units that changed: a gateway set anew, a decimal point moved, Fahrenheit for Celsius.

Three things give one away. The level jumps, between two readings, by a factor that lies between two units, and its ups
and downs grow by the same. Or the steps in which the channel is told move by powers of ten along with it: what
multiplies every reading multiplies their last digit too, and no fault does that. Or, where the channel has no past, it
is as far from all of its class as one unit is from another.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facility.catalogue.catalogue import Aggregate
from models.features.hourly import HOURS, Cube, Hourly, flat
from models.sensors.stuck import PEERS, SensorFinding
from models.statistics import BoolArray, FloatArray, IntArray, empty_slices, mean, median

SLIPS = (10.0, 100.0, 1000.0)  # a decimal point, a per cent, a prefix: any unit may suffer them
CONVERSIONS = {  # what else each unit is taken for
    "bar": (14.504, 10.197),
    "MPa": (9.807, 10.197, 145.04, 101.97),
    "m": (3.281,),
    "mm": (25.4,),
    "m/s2": (9.807,),
    "mm/s": (25.4,),
    "lx": (10.764,),
    "m3": (35.31,),
    "min": (60.0,),
    "s": (60.0,),
    "h": (60.0, 3600.0),
    "kW.h": (3.6,),
}
LEAST_RATIO = 1.6  # between the days of a channel whose unit may have changed; 85 Cel is 185 degF
SHARP = 3  # hours on either side of the moment at which a unit changes
DAYS_BEFORE, DAYS_SEEN = 3, 6  # that daily levels need
NEAR = 4  # days on either side that are compared: weeks drift, units do not
HOURS_BEFORE, HOURS_AFTER = HOURS, 8  # that hours need
DIGITS = np.arange(-3, 5)  # decimal places that readings are told in
FEWEST_VALUES = 5  # different ones, before digits mean anything
ROUGHLY = 2.0  # how far the level may be from what the digits say
ALIKE = 0.15  # relative scatter of a class that would show a unit
MOST_FAR = 0.1  # of a class: more are another make, not another unit
SCORE = 12.0
_TOLD = (Aggregate.MEAN, Aggregate.DAILY, Aggregate.SPARSE)


def changed_units(cube: Cube, doubtful: BoolArray) -> list[SensorFinding]:
    """All that are found. `doubtful` (series, days, 24): hours that are not to be believed for other reasons."""
    findings = []
    believed = np.where(doubtful, np.nan, cube.mean)
    daily = mean(believed)
    with empty_slices():
        within = np.nanstd(believed, axis=-1)
        ratio = np.nanmax(np.abs(daily), axis=-1) / np.nanmin(np.abs(daily), axis=-1)
    measured = np.array([channel.aggregate in _TOLD for channel in cube.channels], dtype=np.bool_)
    for row in np.flatnonzero(measured & ~(ratio < LEAST_RATIO)):
        finding = (
            _by_days(cube, int(row), daily[row], within[row], flat(believed)[row])
            or _by_hours(cube, int(row), flat(believed)[row])
            or _by_digits(cube, int(row))
        )
        if finding is not None:
            findings.append(finding)
    rows = {finding.row for finding in findings}
    return findings + [finding for finding in _by_class(cube, daily, within) if finding.row not in rows]


def _by_days(cube: Cube, row: int, daily: FloatArray, within: FloatArray, hours: Hourly) -> SensorFinding | None:
    present = np.flatnonzero(~np.isnan(daily))
    if present.size < DAYS_SEEN:
        return None
    series, inner = daily[present], within[present]
    steps = np.abs(np.diff(series))
    cut = int(np.argmax(steps[DAYS_BEFORE - 1 :])) + DAYS_BEFORE
    first, last = max(cut - 1 - NEAR, 0), cut + NEAR
    series, inner = series[first:last], inner[first:last]
    day, cut = int(present[cut - 1]), cut - first
    factor = _between_units(series, inner, cut, cube.channels[row].unit)
    before, after = float(np.median(series[: cut - 1])), float(np.median(series[cut:]))
    if factor is None or not _at_once(hours, day, after - before):
        return None
    return SensorFinding(row, "unit", day * HOURS, SCORE, after, before, factor)


def _by_hours(cube: Cube, row: int, hours: Hourly) -> SensorFinding | None:
    """The same from hours, where there are too few days: within the first week, or less than a day ago."""
    present = np.flatnonzero(~np.isnan(hours))
    if present.size < HOURS_BEFORE + HOURS_AFTER + 1:
        return None
    series = hours[present].astype(np.float64)
    steps = np.abs(np.diff(series))[HOURS_BEFORE : present.size - HOURS_AFTER]
    cut = int(np.argmax(steps)) + HOURS_BEFORE + 1
    factor = _between_units(series, flat(cube.std)[row, present].astype(np.float64), cut, cube.channels[row].unit)
    if factor is None:
        return None
    before, after = float(np.median(series[: cut - 1])), float(np.median(series[cut:]))
    return SensorFinding(row, "unit", int(present[cut]), SCORE, after, before, factor)


def _between_units(series: FloatArray, inner: FloatArray, cut: int, unit: str) -> float | None:
    """The factor between two units that explains the largest step of a series, if one does."""
    past, now = series[: cut - 1], series[cut:]
    if past.size < DAYS_BEFORE or not now.size:
        return None
    before, after = float(np.median(past)), float(np.median(now))
    jump = abs(after - before)
    restless = float(np.max(np.abs(past - before))) > 0.3 * jump or float(np.ptp(now)) > 0.5 * jump
    if restless or abs(before) < 1e-9 or abs(after) < 1e-9:
        return None
    if unit == "Cel" and after > before + 15 and abs(after - (1.8 * before + 32)) < 3.0:
        return 1.8
    growth = float(np.median(inner[cut:])) / max(float(np.median(inner[: cut - 1])), 1e-9)
    tolerance = min(0.05 + 2 * float(np.median(np.abs(past - before))) / abs(before), 0.15)
    for factor in _factors(unit):
        if abs(after / before / factor - 1) < tolerance and factor / 4 < growth < factor * 4:
            return factor
    return None


def _factors(unit: str) -> Iterator[float]:
    for factor in (*SLIPS, *CONVERSIONS.get(unit, ())):
        yield factor
        yield 1 / factor


def _at_once(hours: Hourly, day: int, jump: float) -> bool:
    """Equipment takes hours to change, a unit changes between two readings: a step of at least half of the jump."""
    near = hours[max(day - 1, 0) * HOURS : (day + 2) * HOURS]
    near = near[~np.isnan(near)]
    if near.size < 2 * SHARP:
        return True
    sliding = np.median(np.lib.stride_tricks.sliding_window_view(near, SHARP), axis=1)
    return bool(np.max((sliding[SHARP:] - sliding[:-SHARP]) * np.sign(jump)) > 0.6 * abs(jump))


def _by_digits(cube: Cube, row: int) -> SensorFinding | None:
    """From some hour on all readings come with so many digits fewer, or more, and the level has moved by as much."""
    read = np.stack([flat(cube.low)[row], flat(cube.high)[row]], axis=1)
    present = np.flatnonzero(~np.isnan(read[:, 0]))
    if present.size < HOURS_BEFORE + HOURS_AFTER:
        return None
    values = read[present].astype(np.float64)
    places = _places(values)
    if places is None:
        return None
    finer = _cut(places, values)
    coarser = _cut(places[::-1], values[::-1])
    cuts = [] if finer is None else [(finer[0], 10.0 ** -finer[1])]
    cuts += [] if coarser is None else [(present.size - coarser[0], 10.0 ** coarser[1])]
    for cut, factor in cuts:
        if cut < HOURS_BEFORE or present.size - cut < HOURS_AFTER:
            continue
        past, now = values[:cut], values[cut:]
        before, after = float(np.median(np.abs(past))), float(np.median(np.abs(now)))
        if before > 0 and factor / ROUGHLY < after / before < factor * ROUGHLY:
            usual, value = float(np.median(past)), float(np.median(now))
            return SensorFinding(row, "unit", int(present[cut]), SCORE, value, usual, factor)
    return None


def _places(values: FloatArray) -> IntArray | None:
    """Decimal places that each hour's lowest and highest reading are told in; None if they have no end."""
    scaled = values[:, :, None] * 10.0**DIGITS
    slack = 1e-6 * np.abs(scaled) + 1e-6  # readings come in single precision
    fits = (np.abs(scaled - np.round(scaled)) <= slack) & (slack < 0.05)
    if not fits.any(axis=2).all():
        return None
    return np.asarray(DIGITS[np.argmax(fits, axis=2)].max(axis=1), dtype=np.int64)


def _cut(places: IntArray, values: FloatArray) -> tuple[int, int] | None:
    """The hour from which on readings have more places than ever before, and how many more."""
    most = int(places.max())
    first = int(np.argmax(places == most))
    if first == 0 or np.mean(places[first:] == most) < 0.5:
        return None
    usual = int(places[:first].max())
    if np.mean(places[:first] == usual) < 0.5 or np.unique(values[:first]).size < FEWEST_VALUES:
        return None
    return first, most - usual


def _by_class(cube: Cube, daily: FloatArray, within: FloatArray) -> list[SensorFinding]:
    """A channel that has never been anywhere else, as far from all of its class as one unit is from another."""
    level, inner = median(daily), np.maximum(median(within), 1e-9)
    members: dict[tuple[str, str], list[int]] = {}
    for row, channel in enumerate(cube.channels):
        if channel.aggregate in _TOLD and np.isfinite(level[row]):
            members.setdefault((channel.kind, channel.key), []).append(row)
    findings = []
    for of_class in members.values():
        rows = np.array(of_class)
        usual = float(np.median(level[rows]))
        scatter = 1.4826 * float(np.median(np.abs(level[rows] - usual)))
        if len(rows) <= PEERS or usual == 0 or scatter > ALIKE * abs(usual):
            continue
        ratio, growth = level[rows] / usual, inner[rows] / np.median(inner[rows])
        tolerance = max(0.05, 2 * scatter / abs(usual))
        for factor in _factors(cube.channels[of_class[0]].unit):
            far = (np.abs(ratio / factor - 1) < tolerance) & (growth >= factor / 4) & (growth <= factor * 4)
            if far.sum() > max(1.0, MOST_FAR * len(rows)):
                continue
            for row in rows[far]:
                since = int(np.flatnonzero(flat(cube.count)[row])[0])
                findings.append(SensorFinding(int(row), "unit", since, SCORE, float(level[row]), usual, factor))
    return findings
