"""Looking at a fleet: from stored hours to daily figures, with broken sensors found and put aside.

Hours are read a batch of assets at a time, two batches at once: what is kept is a figure a day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.store import Store
from models.assessment.evidence import sensor_evidence
from models.features.daily import DailyFigures, daily_figures, profile
from models.features.hourly import HOURS, Cube, Hourly, build_cube, flat
from models.features.windows import RECENT, Figure
from models.outages.forecast import outage_channels
from models.sensors.checks import believable, sensor_findings
from models.sensors.stuck import SensorFinding
from models.statistics import BoolArray, FloatArray

LONGEST_HISTORY = 60  # days
SHORTEST_HISTORY = 10  # days of a fleet before anything is compared with its past
BATCH = 250  # assets whose hours are in memory at once
AT_ONCE = 2  # batches, or blocks of a large fleet
SELDOM = 0.04  # of the hours: less than once a day
GAPS = 2.5  # of a series' own usual gaps without a word before it counts as silent
EVIDENCE = 5  # pieces kept an asset

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorView:
    """What the hours of one asset say about its sensors and its data."""

    evidence: tuple[Evidence, ...]
    coverage: float  # 0..1 of the hours its channels usually fill, over the recent days
    heard: bool  # anything at all
    days: float = 0.0  # from the first hour that was heard of to the end
    attended: bool = False  # those days began when somebody recorded an outcome
    looked_back: int = 0  # days that were looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look at a fleet leaves: all that assessing needs, and no hours."""

    daily: DailyFigures
    excluded: BoolArray  # one a series of `daily`: its sensor is not believed
    end: datetime  # UTC; of the last hour of the last day
    views: tuple[SensorView, ...]  # one an asset
    profiles: Hourly  # (level series of `daily`, 24): usual deviation of each hour of the day


def look_at(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    timezone: ZoneInfo,
    on_progress: Progress | None = None,
    at_once: int = AT_ONCE,
) -> Looked:
    """Look at all assets up to `as_of`, `at_once` batches at a time."""
    classes = catalogue()
    first = store.size().first
    days = LONGEST_HISTORY if first is None else min(LONGEST_HISTORY, max(1, -(-(as_of - first) // timedelta(days=1))))
    keys = sorted(classes.channel_keys() - outage_channels(classes))
    batches = [assets[begin : begin + BATCH] for begin in range(0, len(assets), BATCH)]

    def one(batch: Sequence[Asset]) -> Looked:
        start = as_of - timedelta(days=days)
        rollups = store.rollups(assets=[a.id for a in batch], channels=keys, start=start, end=as_of)
        return _look_at_hours(build_cube(rollups, batch, classes, as_of=as_of, days=days), timezone)

    parts: list[Looked] = []
    with ThreadPoolExecutor(at_once) as pool:
        for part in pool.map(one, batches):
            parts.append(part)
            if on_progress is not None:
                on_progress(min(len(parts) * BATCH, len(assets)), len(assets))
    return _together(parts, as_of)


def _look_at_hours(cube: Cube, timezone: ZoneInfo) -> Looked:
    findings, doubtful = sensor_findings(cube)
    daily = daily_figures(cube, doubtful)
    regular = daily.row[[figure is Figure.LEVEL for figure in daily.figures]]
    believed = np.where(doubtful[regular], np.float32(np.nan), cube.mean[regular])
    return Looked(
        daily=daily,
        excluded=~believable(daily.row, findings),
        end=cube.end,
        views=tuple(_sensor_views(cube, findings, timezone)),
        profiles=profile(believed).astype(np.float32) if regular.size else np.zeros((0, HOURS), dtype=np.float32),
    )


def _together(parts: Sequence[Looked], as_of: datetime) -> Looked:
    shifted = [replace(part.daily, owner=part.daily.owner + BATCH * i) for i, part in enumerate(parts)]
    return Looked(
        daily=_joined(shifted),
        excluded=np.concatenate([part.excluded for part in parts] or [np.zeros(0, dtype=np.bool_)]),
        end=parts[0].end if parts else as_of,
        views=tuple(view for part in parts for view in part.views),
        profiles=np.concatenate([part.profiles for part in parts] or [np.zeros((0, HOURS), dtype=np.float32)]),
    )


def _joined(parts: Sequence[DailyFigures]) -> DailyFigures:
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return DailyFigures(
            owner=empty, channels=(), figures=(), values=np.zeros((0, 1)), floor=np.zeros(0), row=empty, least=empty
        )
    return DailyFigures(
        owner=np.concatenate([p.owner for p in parts]),
        channels=tuple(c for p in parts for c in p.channels),
        figures=tuple(f for p in parts for f in p.figures),
        values=np.concatenate([p.values for p in parts]),
        floor=np.concatenate([p.floor for p in parts]),
        row=np.concatenate([p.row for p in parts]),
        least=np.concatenate([p.least for p in parts]),
    )


def _sensor_views(cube: Cube, findings: list[SensorFinding], timezone: ZoneInfo) -> list[SensorView]:
    """Sensor evidence and coverage of each asset of a cube."""
    present = cube.count > 0
    share_of = _against_habit(flat(present), cube.days)
    rows_of: list[list[int]] = [[] for _ in cube.assets]
    for row, owner in enumerate(cube.owner):
        rows_of[int(owner)].append(row)
    by_asset: dict[int, list[SensorFinding]] = {}
    for finding in findings:
        by_asset.setdefault(int(cube.owner[finding.row]), []).append(finding)
    views = []
    hour = np.argmax(flat(present), axis=1) if present.size else np.zeros(len(cube.channels), dtype=np.int64)
    first = hour // HOURS
    for number, rows in enumerate(rows_of):
        strongest = sorted(by_asset.get(number, []), key=lambda f: -f.score)[:EVIDENCE]
        share = [share_of[r] for r in rows]
        age = cube.days - min((int(first[r]) for r in rows), default=cube.days)
        fullness = min(1.0, age / SHORTEST_HISTORY)
        views.append(
            SensorView(
                evidence=tuple(sensor_evidence(cube, f, timezone) for f in strongest),
                coverage=float(np.mean(share)) * fullness if share else 0.0,
                heard=bool(rows),
                days=max(((cube.days * HOURS - int(hour[r])) / HOURS for r in rows), default=0.0),
                looked_back=cube.days,
            )
        )
    return views


def _against_habit(present: BoolArray, days: int) -> FloatArray:
    """(series,): share of what a series usually sends that it has sent of late: in a week, or three of its own gaps."""
    hours = present.shape[1] if present.size else days * HOURS
    number = present.sum(axis=1)
    first = np.argmax(present, axis=1) if present.size else np.zeros(len(present), dtype=np.int64)
    usual = number / np.maximum(hours - first, 1)
    share = np.zeros(len(present))
    week = min(RECENT * HOURS, hours)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nan_to_num(present[:, hours - week :].sum(axis=1) / week / usual)
    for row in np.flatnonzero(usual < SELDOM):
        gaps = np.diff(np.flatnonzero(present[row]))
        back = min(hours - int(first[row]), max(week, round(GAPS * float(np.median(gaps))) if gaps.size else hours))
        share[row] = float(present[row, hours - back :].sum() > 0) if gaps.size else 1.0
    return np.asarray(np.minimum(share, 1.0), dtype=np.float64)
