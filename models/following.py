"""Following a fleet hour by hour: a new hour costs an hour's work.

A full look (`models.looking`) reads weeks of hours; between two of them only the last day is read. Every series gets
its newest daily figure, and a gate compares it with what was to be expected. Assets that pass unremarkably keep what
was last believed of them. The remarkable, and the suspects that have moved, are judged in full, among healthy assets of
their classes and under the null that the whole fleet has shown.

What is late or corrected, and sensors that break, come in with the next full look: one a day is meant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Assessment
from facility.channels import Aggregate, Bad, catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.store import Store
from models.adjusting import fleet_windows
from models.assessing import VERSION, assessment_of, judge
from models.combining import FleetNull, fleet_null
from models.cube import HOURS, Cube, build_cube
from models.detectors import default_detectors
from models.figures import DailyFigures, daily_figures
from models.looking import Looked, look_at
from models.outlook import outage_channels
from models.robust import BoolArray, FloatArray, IntArray
from models.sensing import unphysical
from models.windows import Figure

DAY = timedelta(days=1)
GATE = 3.5  # healthy standard deviations of a newest figure that are remarkable
SUSPECT = 0.2  # probability from which an asset is judged again as soon as it moves
MOVED = 1.0  # standard deviations that a figure has moved since the full look: below it belief stands
PEERS = 40  # healthy assets of each class judged along, so that the class is known
READ_AT_ONCE = 2_500  # assets whose last day is in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a full look at a fleet has left to go on from."""

    as_of: datetime
    assets: tuple[Asset, ...]
    looked: Looked
    null: FleetNull
    probability: FloatArray  # one an asset
    expected: FloatArray  # one a series of `looked.daily`: what its next figure should be; NaN if it is not judged
    scale: FloatArray  # one a series: healthy standard deviation


def stand(
    store: Store, assets: Sequence[Asset], *, as_of: datetime, horizon: timedelta, timezone: ZoneInfo
) -> tuple[Standing, list[Assessment]]:
    """A full look, with the assessments it comes to (outage histories apart, see `models.outlook`)."""
    looked = look_at(store, assets, as_of=as_of, timezone=timezone)
    windows = fleet_windows(looked.daily, tuple(assets), looked.excluded, end=looked.end, timezone=timezone)
    known = catalogue()
    judged = judge(windows, known, default_detectors(), timezone)
    null = fleet_null(np.array([one.verdict.chance for one in judged]))
    made = [
        assessment_of(asset, as_of, horizon, VERSION, judged[i], looked.views[i], known)
        for i, asset in enumerate(assets)
    ]
    expected = np.full(len(looked.daily.row), np.nan)
    scale = np.full(len(looked.daily.row), np.inf)
    rows = np.flatnonzero([c.bad is not Bad.NONE for c in looked.daily.channels])
    recent = windows.latest(windows.values - windows.adjusted, 3)
    seen = ~np.isnan(recent)
    newest = np.where(seen.any(axis=1), recent.shape[1] - 1 - np.argmax(seen[:, ::-1], axis=1), 0)
    expected[rows] = recent[np.arange(len(rows)), newest]
    scale[rows] = windows.scale
    return (
        Standing(
            as_of=as_of,
            assets=tuple(assets),
            looked=looked,
            null=null,
            probability=np.array([one.verdict.probability for one in judged]),
            expected=expected,
            scale=scale,
        ),
        made,
    )


def follow(
    store: Store, standing: Standing, *, as_of: datetime, horizon: timedelta, timezone: ZoneInfo
) -> list[Assessment]:
    """Assessments of the assets that the last day makes worth judging again; nothing is said of the others.

    Raises `CannotDo` if the full look is a day old or more: then another one is due.
    """
    if not timedelta(0) <= as_of - standing.as_of < DAY:
        raise CannotDo(
            "the last full look at {as_of} is too old",
            "Look at the whole fleet again",
            as_of=standing.as_of.isoformat(),
        )
    newest = _newest(store, standing, as_of)
    daily = standing.looked.daily
    with np.errstate(invalid="ignore"):
        off = np.nan_to_num(np.abs(newest - standing.expected) / standing.scale)
        since = np.nan_to_num(np.abs(newest - daily.values[:, -1]) / standing.scale, nan=np.inf)
    remarkable = (off > GATE) | (standing.probability >= SUSPECT)[daily.owner]
    judged_anew = remarkable & (off > 0) & (since > MOVED) & ~standing.looked.excluded
    suspect = np.zeros(len(standing.assets), dtype=np.bool_)
    suspect[daily.owner[judged_anew]] = True
    if not suspect.any():
        return []
    chosen = _with_peers(standing.assets, suspect)
    place = np.full(len(standing.assets), -1)
    place[chosen] = np.arange(len(chosen))
    rows = np.flatnonzero(place[daily.owner] >= 0)
    part = DailyFigures(
        owner=place[daily.owner[rows]],
        channels=tuple(daily.channels[i] for i in rows),
        figures=tuple(daily.figures[i] for i in rows),
        values=np.concatenate([daily.values[rows, 1:], newest[rows, None]], axis=1),
        floor=daily.floor[rows],
        row=daily.row[rows],
    )
    assets = tuple(standing.assets[i] for i in chosen)
    windows = fleet_windows(part, assets, standing.looked.excluded[rows], end=as_of, timezone=timezone)
    known = catalogue()
    judged = judge(windows, known, default_detectors(), timezone, standing.null)
    return [
        assessment_of(assets[i], as_of, horizon, VERSION, judged[i], standing.looked.views[number], known)
        for i, number in enumerate(chosen)
        if suspect[number]
    ]


def _newest(store: Store, standing: Standing, as_of: datetime) -> FloatArray:
    """The figure of the last twenty-four hours of every series; what it was before where a day is too short to tell."""
    daily = standing.looked.daily
    of_series = {
        (int(owner), channel.key, figure): i
        for i, (owner, channel, figure) in enumerate(zip(daily.owner, daily.channels, daily.figures, strict=True))
    }
    newest = np.where([f is Figure.SHARE for f in daily.figures], daily.values[:, -1], np.nan)
    known = catalogue()
    wanted = sorted(known.channel_keys() - outage_channels(known))
    for begin in range(0, len(standing.assets), READ_AT_ONCE):
        batch = standing.assets[begin : begin + READ_AT_ONCE]
        hours = store.rollups(assets=[a.id for a in batch], channels=wanted, start=as_of - DAY, end=as_of)
        cube = build_cube(hours, batch, known, as_of=as_of, days=1)
        fresh = daily_figures(cube, unphysical(cube), _profiles(cube, standing, begin))
        for i, (owner, channel, figure) in enumerate(zip(fresh.owner, fresh.channels, fresh.figures, strict=True)):
            row = of_series.get((int(owner) + begin, channel.key, figure))
            if row is not None and figure is not Figure.SHARE:
                newest[row] = fresh.values[i, 0]
    return newest


def _profiles(cube: Cube, standing: Standing, begin: int) -> FloatArray:
    out = np.zeros((len(cube.channels), HOURS))
    for row in cube.rows(Aggregate.MEAN):
        usual = standing.looked.profiles.get((int(cube.owner[row]) + begin, cube.channels[row].key))
        if usual is not None:
            out[row] = usual
    return out


def _with_peers(assets: Sequence[Asset], suspect: BoolArray) -> IntArray:
    """The suspects and some others of every kind, evenly out of the list, in the order of the assets."""
    chosen = suspect.copy()
    by_kind: dict[str, list[int]] = {}
    for number, asset in enumerate(assets):
        if not suspect[number]:
            by_kind.setdefault(asset.kind, []).append(number)
    for numbers in by_kind.values():
        step = max(1, len(numbers) // PEERS)
        chosen[numbers[::step][:PEERS]] = True
    return np.flatnonzero(chosen)
