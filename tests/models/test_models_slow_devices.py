"""Devices that report once to three times a day, weekly or on change are judged by their own habit."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from test_models_memory import hourly

from facility.assessments import Knowledge
from facility.catalogue.catalogue import Aggregate, catalogue
from facility.estate import Asset
from models.assessment.incremental import follow, stand
from models.assessment.pipeline import assess
from models.features.daily import RARE, daily_figures, habit
from models.features.hourly import build_cube
from models.features.windows import Figure

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
HABITS = {
    "02:00 and 14:00": lambda hour, _: np.isin(hour % 24, (2, 14)),
    "once a day": lambda hour, _: hour % 24 == 6,
    "three times": lambda hour, _: np.isin(hour % 24, (0, 8, 16)),
    "weekly": lambda hour, _: hour % 168 == 10,
    "on change": lambda hour, random: random.random(len(hour)) < 0.08,
}


def zones(shelf, end, days, reports, *, since=None, count=24):
    """Hydrant zones of 0.45 MPa that report by a habit; the sixth falls to 0.035 (limit 0.07) on day `since`."""
    random = np.random.default_rng(8)
    assets = [Asset(id=f"Z-{number:02d}", kind="hydrant_zone") for number in range(count)]
    series = {}
    for number, asset in enumerate(assets):
        hour = np.arange(days * 24)
        values = 0.45 + 0.001 * number + 0.004 * random.standard_normal(days * 24)
        if number == 5 and since is not None:
            values[since * 24 :] -= 0.415
        values[~reports(hour, random)] = np.nan
        series[asset.id, "end_pressure"] = values
    store = shelf(hourly(end, series).filter(pl.col("mean").is_not_nan()))
    return store, assets


def looked(store, assets, moment):
    return assess(store, assets, as_of=moment, horizon=WEEK, timezone=ZONE)


@pytest.mark.parametrize("name", HABITS)
def test_a_closed_valve_is_found_whatever_the_habit(shelf, end, name):
    store, assets = zones(shelf, end, 80, HABITS[name], since=52)
    found = looked(store, assets, end)
    assert [one.asset for one in found if one.flagged] == ["Z-05"]
    assert found[5].evidence[0].channel == "end_pressure"
    assert "0.035" in found[5].reason.en or "0.0" in found[5].reason.en


@pytest.mark.parametrize("name", ["02:00 and 14:00", "once a day", "three times", "on change"])
def test_it_is_found_within_days(shelf, end, name):
    store, assets = zones(shelf, end, 57, HABITS[name], since=52)
    assert [one.asset for one in looked(store, assets, end) if one.flagged] == ["Z-05"]


@pytest.mark.parametrize("name", HABITS)
def test_healthy_slow_devices_are_well_and_their_data_complete(shelf, end, name):
    store, assets = zones(shelf, end, 80, HABITS[name])
    for one in looked(store, assets, end):
        assert not one.flagged
        assert one.state is Knowledge.ASSESSED
        assert one.coverage >= (0.6 if name == "on change" else 0.9)
        assert one.sensor_probability < 0.5


def test_where_there_is_no_habit_it_says_so(shelf, end):
    store, assets = zones(shelf, end, 60, lambda hour, _: hour % (24 * 29) == 5)
    for one in looked(store, assets, end):
        assert one.state is Knowledge.TOO_LITTLE
        assert "too few readings to compare" in one.reason.en


def test_what_a_figure_takes_is_the_habit_of_the_channel(shelf, end):
    for name, least in (("once a day", 1), ("02:00 and 14:00", 1), ("three times", 2), ("weekly", RARE)):
        store, assets = zones(shelf, end, 40, HABITS[name], count=2)
        cube = build_cube(store.hourly, assets, catalogue(), as_of=end, days=40)
        assert habit(cube).tolist() == [least, least]
        daily = daily_figures(cube, np.zeros(cube.mean.shape, dtype=np.bool_))
        wanted = Figure.TEST if least == RARE else Figure.LEVEL
        assert set(daily.figures) == {wanted}


def test_hourly_devices_keep_their_four_hours(panels, end):
    store, assets = panels(2, days=12)
    cube = build_cube(store.hourly, assets, catalogue(), as_of=end, days=12)
    rows = cube.rows(Aggregate.MEAN)
    assert set(habit(cube)[rows].tolist()) == {4}


@pytest.mark.parametrize("name", ["02:00 and 14:00", "weekly"])
def test_the_next_hours_do_not_take_slow_devices_for_silent(shelf, end, name):
    store, assets = zones(shelf, end, 80, HABITS[name])
    standing, _ = stand(store, assets, as_of=end - timedelta(hours=9), horizon=WEEK, timezone=ZONE)
    followed = follow(store, standing, assets, as_of=end, horizon=WEEK, timezone=ZONE, peers=5)
    assert followed.assessments == []


def test_a_plain_device_among_talkative_ones_has_all_its_data(shelf, end):
    """Coverage is against what this device has, not against what others of its class have."""
    random = np.random.default_rng(1)
    keys = [c.key for c in catalogue()["lighting_circuit"].channels.values() if c.aggregate is Aggregate.MEAN]
    assets = [Asset(id=f"C-{number}", kind="lighting_circuit") for number in range(8)]
    series = {
        (asset.id, key): 50.0 + random.standard_normal(40 * 24)
        for asset in assets
        for key in (keys if asset.id != "C-3" else keys[:1])
    }
    found = looked(shelf(hourly(end, series)), assets, end)
    assert found[3].coverage == pytest.approx(1.0)
    assert "oo little data" not in found[3].reason.en
