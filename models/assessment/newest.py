"""Figures of a single day, for series whose habits are known from a look at many."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from facility.catalogue.catalogue import Aggregate, catalogue
from facility.estate import Asset
from facility.store import Store
from models.assessment.baseline import Expectations, names_of
from models.features.daily import MINIMUM_HOURS, daily_figures
from models.features.hourly import HOURS, Cube, build_cube
from models.features.windows import Figure
from models.outages.forecast import outage_channels
from models.sensors.checks import unphysical
from models.statistics import BoolArray, FloatArray, IntArray

DAY = timedelta(days=1)
READ_AT_ONCE = 2_500  # assets whose day is in memory at once


def newest_figures(store: Store, expected: Expectations, assets: Sequence[Asset], as_of: datetime) -> FloatArray:
    """The figure of the last twenty-four hours of every series; NaN where a day is too short to tell."""
    codes = {name: code for code, name in enumerate(sorted(set(expected.name)))}
    series = expected.owner * len(codes) + np.array([codes[name] for name in expected.name], dtype=np.int64)
    newest = np.full(len(expected), np.nan)
    classes = catalogue()
    keys = sorted(classes.channel_keys() - outage_channels(classes))
    for begin in range(0, len(assets), READ_AT_ONCE):
        batch = assets[begin : begin + READ_AT_ONCE]
        hours = store.rollups(assets=[a.id for a in batch], channels=keys, start=as_of - DAY, end=as_of)
        cube = build_cube(hours, batch, classes, as_of=as_of, days=1)
        profiles, least = _habits(cube, expected, series, codes, begin)
        fresh = daily_figures(cube, unphysical(cube), profiles, least)
        names = names_of(fresh)
        of_fresh = np.array([codes.get(name, -1) for name in names], dtype=np.int64)
        told = np.array([figure is not Figure.SHARE for figure in fresh.figures], dtype=np.bool_) & (of_fresh >= 0)
        rows, there = _rows_of(series, (fresh.owner + begin) * len(codes) + of_fresh)
        told &= there
        newest[rows[told]] = fresh.values[told, 0]
    return newest


def _habits(
    cube: Cube, expected: Expectations, series: IntArray, codes: dict[str, int], begin: int
) -> tuple[FloatArray, IntArray]:
    """Profiles of the day and hours that a figure takes of every series of a cube, as they were when it was judged."""
    profiles = np.zeros((len(cube.channels), HOURS))
    least = np.full(len(cube.channels), MINIMUM_HOURS, dtype=np.int64)
    regular = cube.rows(Aggregate.MEAN)
    for figure in (Figure.TEST, Figure.LEVEL):
        code = np.array([codes.get(f"{cube.channels[row].key}/{figure}", -1) for row in regular], dtype=np.int64)
        rows, there = _rows_of(series, (cube.owner[regular] + begin) * len(codes) + code)
        there &= code >= 0
        least[regular[there]] = expected.least[rows[there]]
        profiles[regular[there]] = expected.profile[rows[there]]
    return profiles, least


def _rows_of(series: IntArray, array: IntArray) -> tuple[IntArray, BoolArray]:
    """Where each wanted code stands in the ascending codes, and whether it does."""
    if not series.size:
        return np.zeros(len(array), dtype=np.int64), np.zeros(len(array), dtype=np.bool_)
    rows = np.minimum(np.searchsorted(series, array), len(series) - 1)
    return rows, series[rows] == array
