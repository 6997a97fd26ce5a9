"""Sensor trouble, looked for first and kept apart: a broken sensor is no broken lift.

Each check looks at the hours of one channel, and says from which hour on the sensor is not to be believed. What it made
up is left out of every figure that the equipment is judged by.
"""

from __future__ import annotations

import numpy as np

from facility.catalogue.catalogue import Aggregate, Bad
from models.features.hourly import HOURS, Cube, flat, out_of_service
from models.features.windows import RECENT
from models.sensors.stuck import SensorFinding, frozen, stuck
from models.sensors.unit_changes import changed_units
from models.statistics import BoolArray, FloatArray, IntArray, empty_slices, mean, median, quantile, resolution

LOST, LOST_OF_FITFUL, STEADY = 0.35, 0.55, 0.9  # share missing that counts; more where hours are often empty
RESTING = 0.2  # of the use of an ordinary busy hour: below it the asset all but rests
SEEN_RESTING = 6  # hours at rest that show whether a channel speaks then
RECENT_HOURS = RECENT * HOURS


def sensor_findings(cube: Cube) -> tuple[list[SensorFinding], BoolArray]:
    """All findings of a cube, and the hours (series, days, 24) that must not be averaged."""
    wild = unphysical(cube)
    doubtful = wild.copy()
    findings = [
        *_spikes(cube, doubtful),
        *stuck(cube, doubtful),
        *frozen(cube, doubtful),
        *_missing(cube),
        *changed_units(cube, doubtful & ~wild),
        *_clock(cube, doubtful),
    ]
    rows = {f.row for f in findings}
    findings += [f for f in _impossible(cube, wild) if f.row not in rows]
    return findings, doubtful


def unphysical(cube: Cube) -> BoolArray:
    """(series, days, 24): hours with a reading that cannot be."""
    low = np.array([c.physical.low for c in cube.channels])[:, None, None]
    high = np.array([c.physical.high for c in cube.channels])[:, None, None]
    return np.asarray((cube.low < low) | (cube.high > high))


def _impossible(cube: Cube, wild: BoolArray) -> list[SensorFinding]:
    """Most of what a channel has said over the last three days cannot be."""
    findings = []
    seen = flat(cube.count) > 0
    outside = flat(wild) & seen
    recent = min(3 * HOURS, seen.shape[1])
    share = outside[:, -recent:].sum(axis=1) / np.maximum(seen[:, -recent:].sum(axis=1), 1)
    for row in np.flatnonzero(share > 0.5):
        sane = np.flatnonzero(seen[row] & ~outside[row])
        later = np.flatnonzero(outside[row])
        lasting = later[later > (sane[-1] if sane.size else -1)]
        since = int(lasting[0] if lasting.size else later[-1])
        means = flat(cube.mean)[row]
        usual = float(np.median(means[sane])) if sane.size else np.nan
        value = float(np.median(means[later[-recent:]]))
        findings.append(SensorFinding(int(row), "impossible", since, 12.0, value, usual, 100 * float(share[row])))
    return findings


def _spikes(cube: Cube, doubtful: BoolArray) -> list[SensorFinding]:
    """Single readings far from everything around them, several times in the recent days."""
    rows = cube.rows(Aggregate.MEAN)
    if not rows.size:
        return []
    high, low, centre = (flat(a[rows]) for a in (cube.high, cube.low, cube.mean))
    usual = median(centre)[:, None].astype(np.float32)
    reach = np.fmax(high - usual, usual - low)
    width = median(reach)[:, None]
    far = np.nan_to_num(reach)
    tall = far > np.maximum(12 * width, 4 * quantile(reach, 0.90)[:, None])
    suspect = np.flatnonzero(tall.any(axis=1))
    tall[suspect] &= far[suspect] > 3 * resolution(cube.low[rows[suspect]])[:, None]
    tall |= flat(doubtful[rows])
    alone = _alone(tall, ~np.isnan(centre))
    findings = []
    for i in np.flatnonzero(tall.any(axis=1)):
        row = rows[i]
        doubtful[row] |= alone[i].reshape(doubtful[row].shape)
        recent = np.flatnonzero(alone[i, -RECENT_HOURS:])
        # shares of time or of uses are no measurements: a door held open for an hour is nothing of its sensor
        if recent.size >= 4 and not cube.channels[row].per:
            first = tall.shape[1] - RECENT_HOURS + int(recent[0]) if tall.shape[1] > RECENT_HOURS else int(recent[0])
            extreme = float(np.nanmax(np.where(alone[i, first:], reach[i, first:], np.nan)))
            expected = float(usual[i, 0])
            findings.append(
                SensorFinding(
                    int(row), "spikes", first, 5.0 + recent.size / 4, expected + extreme, expected, recent.size
                )
            )
    return findings


def _alone(tall: BoolArray, present: BoolArray) -> BoolArray:
    """Which tall hours have no tall reading before or after them, however many hours lie between readings."""
    out = np.zeros_like(tall)
    for row in np.flatnonzero(tall.any(axis=1)):
        hours = np.flatnonzero(present[row] | tall[row])
        high = tall[row, hours]
        single = high.copy()
        single[1:] &= ~high[:-1]
        single[:-1] &= ~high[1:]
        out[row, hours] = single
    return out


def _missing(cube: Cube) -> list[SensorFinding]:
    """A channel that has fallen silent, wholly or for much of the time, against its own habit.

    What is measured only while the asset works cannot be missed while it rests or is out of service: such hours do
    not count for channels that used to say nothing in them, nor for those of which nobody knows what they do then,
    because the asset has hardly ever rested.
    """
    findings = []
    present = flat(cube.count) > 0
    rest = (_idle(cube) | flat(out_of_service(cube)))[cube.owner] if len(cube.owner) else present
    recent_hours = min(3 * HOURS, present.shape[1] // 2)
    for row in np.flatnonzero(~present[:, -recent_hours:].all(axis=1)) if recent_hours else ():
        if cube.channels[row].aggregate in (Aggregate.SPARSE, Aggregate.DAILY):
            continue
        before = present[row, :-recent_hours]
        begun = np.flatnonzero(before)
        if begun.size < HOURS:
            continue
        resting = rest[row, begun[0] : -recent_hours]
        expected = np.ones(recent_hours, dtype=np.bool_)
        past = before[begun[0] :]
        away = rest[row, -recent_hours:].sum() >= HOURS / 2
        tells = resting.sum() >= (HOURS if not away else SEEN_RESTING)
        if (past[resting].mean() < 0.5 if tells else away) and (~resting).sum() >= HOURS:
            past, expected = past[~resting], ~rest[row, -recent_hours:]
        usual = past.mean()
        if usual < 0.4 or expected.sum() < HOURS / 2:
            continue
        share = present[row, -recent_hours:][expected].mean()
        lost = 1 - share / usual
        if lost < (LOST if usual > STEADY else LOST_OF_FITFUL) or (usual - share) * expected.sum() < 12:
            continue
        since = _quiet_since(present[row, begun[0] :], float(usual), float(share)) + int(begun[0])
        findings.append(
            SensorFinding(int(row), "missing", since, 4.0 + 6 * float(lost), np.nan, np.nan, 100 * float(lost))
        )
    return findings


def _quiet_since(present: BoolArray, usual: float, share: float) -> int:
    """The hour from which on a channel was there less than usual: the likeliest change of its rate (CUSUM).

    An empty hour weeks before is not the beginning of anything.
    """
    before, after = np.clip(usual, 0.02, 0.98), np.clip(share, 0.01, 0.97)
    gain = np.where(present, np.log(after / before), np.log((1 - after) / (1 - before)))
    from_here_on = np.cumsum(gain[::-1])[::-1]
    return int(np.argmax(from_here_on))


def _idle(cube: Cube) -> BoolArray:
    """(assets, hours): hours in which every count of use (trips, openings) that was heard of stood all but still."""
    grew = np.zeros((len(cube.assets), cube.days * HOURS), dtype=np.bool_)
    heard = np.zeros_like(grew)
    for row in cube.rows(Aggregate.COUNTER):
        if cube.channels[row].unit != "1" or cube.channels[row].bad is not Bad.NONE:
            continue
        grown = cube.grown[row].ravel()
        busy = grown[np.nan_to_num(grown) > 0]
        little = RESTING * float(np.median(busy)) if busy.size else 0.0
        grew[cube.owner[row]] |= np.nan_to_num(grown) > little
        heard[cube.owner[row]] |= ~np.isnan(grown)
    return heard & ~grew


def _clock(cube: Cube, doubtful: BoolArray) -> list[SensorFinding]:
    """The daily rhythm of an asset's channels comes hours too early or too late, and that of others' like them not.

    The weather moves its own rhythm, and with it that of every channel that follows it.
    """
    rows = np.array([i for i, c in enumerate(cube.channels) if c.aggregate in (Aggregate.MEAN, Aggregate.COUNTER)])
    if not rows.size or cube.days < RECENT + 7:
        return []
    counters = np.array([cube.channels[i].aggregate is Aggregate.COUNTER for i in rows])[:, None, None]
    hourly = np.where(counters, cube.grown[rows], np.where(doubtful[rows], np.nan, cube.mean[rows]))
    hourly = hourly - mean(hourly)[:, :, None].astype(np.float32)
    past, late = mean(hourly[:, :-RECENT], axis=1), mean(hourly[:, -4:], axis=1)
    usual = median(_alike(hourly[:, -RECENT - 7 : -RECENT], past[:, None, :]), axis=1)
    lags = np.arange(-12, 12)
    heard = np.maximum((cube.count[rows] > 0).sum(axis=2).max(axis=1), 1)
    gap = np.ceil(HOURS / heard)  # hours between readings: less than two of them is no shift that could be seen
    by_lag = np.stack([_alike(np.roll(late, -lag, axis=1), past) for lag in lags], axis=1)
    best = np.argmax(np.nan_to_num(by_lag, nan=-1.0), axis=1)
    rows_of: dict[int, list[int]] = {}
    alike: dict[str, list[int]] = {}
    for i in np.flatnonzero(np.nan_to_num(usual, nan=0.0) > 0.6):
        rows_of.setdefault(int(cube.owner[rows[i]]), []).append(int(i))
        alike.setdefault(cube.channels[rows[i]].key, []).append(int(i))

    def shared(i: int, shift: int) -> bool:
        """Do the others' channels of this name come as much too early or too late?"""
        others = [
            lags[best[j]] for j in alike[cube.channels[rows[i]].key] if cube.owner[rows[j]] != cube.owner[rows[i]]
        ]
        return bool(others) and abs(np.median(others) - shift) <= 1

    findings = []
    for members in rows_of.values():
        shifts = np.array([lags[best[i]] for i in members])
        shift = int(np.median(shifts))
        agree = [i for i, s in zip(members, shifts, strict=True) if abs(s - shift) <= 1 and s != 0]
        agree = [i for i in agree if gap[i] == 1 or abs(shift) >= 2 * gap[i]]
        if shift == 0 or len(agree) < max(2, 0.6 * len(members)):
            continue
        agree = [i for i in agree if not shared(i, shift)]
        if len(agree) < 2:
            continue
        gain = np.median([by_lag[i, best[i]] - by_lag[i, 12] for i in agree])
        if not (gain >= 0.12 and np.median([by_lag[i, best[i]] for i in agree]) >= 0.75):
            continue
        row = int(rows[agree[0]])
        since = (cube.days - RECENT) * HOURS
        findings.append(SensorFinding(row, "clock", since, 5.0 + 10 * float(gain), np.nan, np.nan, float(shift)))
    return findings


def _alike(array: FloatArray, other: FloatArray) -> FloatArray:
    """Correlation along the last axis."""
    with empty_slices():
        a, b = array - np.nanmean(array, axis=-1, keepdims=True), other - np.nanmean(other, axis=-1, keepdims=True)
        return np.asarray(np.nansum(a * b, axis=-1) / np.sqrt(np.nansum(a * a, axis=-1) * np.nansum(b * b, axis=-1)))


def believable(channels_rows: IntArray, findings: list[SensorFinding]) -> BoolArray:
    """Which of the rows no lasting finding speaks against."""
    broken = {f.row for f in findings if f.pattern in ("stuck", "unit", "missing", "spikes", "impossible")}
    return np.array([int(row) not in broken for row in channels_rows], dtype=np.bool_)
