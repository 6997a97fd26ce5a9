"""Wrong flags that there is evidence against: settings, parts that were renewed, seasons, steps of a coarse sensor."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from level_windows import level_windows

from facility.assessments import Assessment, Evidence, Trouble
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from models.assessment.carried_evidence import carried_rows
from models.assessment.memory import Memory
from models.assessment.pipeline import assess
from models.detectors.trend import TrendToLimit
from models.features.daily import daily_figures
from models.features.hourly import build_cube
from models.features.windows import Figure, Windows

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
DAYS = 50


def hourly(end, series, around=0.002):
    frames = [
        pl.DataFrame(
            {
                "asset": asset,
                "channel": channel,
                "hour": [end - timedelta(hours=len(values) - i) for i in range(len(values))],
                "mean": values,
            },
            schema_overrides={"hour": pl.Datetime("us", "UTC")},
        )
        for (asset, channel), values in series.items()
    ]
    mean = pl.col("mean")
    return pl.concat(frames).with_columns(
        pl.lit(4).alias("count"),
        pl.lit(around).alias("std"),
        (mean - around).alias("min"),
        (mean + around).alias("max"),
        mean.alias("first"),
        mean.alias("last"),
        pl.lit(0.0).alias("increase"),
    )


def look(store, assets, end, **memory):
    return assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE, memory=Memory(**memory))


@pytest.mark.parametrize(("flickers", "flagged"), [(False, []), (True, ["C-03"])])
def test_a_circuit_that_is_dimmed_has_no_failing_driver(shelf, end, flickers, flagged):
    """The one with less power by a third since four days; a failing driver would flicker as well."""
    random = np.random.default_rng(1)
    assets = [Asset(id=f"C-{n:02d}", kind="lighting_circuit") for n in range(12)]
    series = {}
    for number, asset in enumerate(assets):
        power = 1000 + 10 * number + random.normal(0, 8, DAYS * 24)
        flicker = 0.015 + random.normal(0, 0.001, DAYS * 24)
        factor = 0.95 + random.normal(0, 0.003, DAYS * 24)
        if number == 3:
            power[-4 * 24 :] *= np.repeat([0.8, 0.62, 0.62, 0.62], 24)
            if flickers:
                flicker[-4 * 24 :] += 0.02
        series |= {
            (asset.id, "circuit_power"): power,
            (asset.id, "flicker"): flicker,
            (asset.id, "power_factor"): factor,
        }
    found = look(shelf(hourly(end, series)), assets, end)
    assert [one.asset for one in found if one.flagged] == flagged


def test_a_battery_that_was_renewed_does_not_fade(end):
    """Its tests had fallen for weeks; the newest, days ago, is above all of them."""
    values = np.full((2, 45), np.nan)
    values[:, 0:40:5] = [[150, 147, 145, 141, 139, 136, 133, 152], [150, 147, 145, 141, 139, 136, 133, 130]]
    adjusted = values - 141
    channel = catalogue()["emergency_lighting"].channels["duration_result"]
    windows = Windows(
        assets=(Asset(id="E-0", kind="emergency_lighting"), Asset(id="E-1", kind="emergency_lighting")),
        channels=(channel, channel),
        figures=(Figure.TEST, Figure.TEST),
        owner=np.array([0, 1]),
        group=np.array([0, 0]),
        groups=1,
        end=end,
        values=values,
        adjusted=adjusted,
        scale=np.array([2.0, 2.0]),
        leverage=np.zeros(2),
        excluded=np.zeros(2, dtype=np.bool_),
    )
    renewed, fading = TrendToLimit().fit(windows).score(windows)
    assert renewed <= 0.5
    assert fading > 3


@pytest.mark.parametrize(("season", "stays"), [(0.0, True), (0.1, False)])
def test_what_a_whole_class_has_moved_since_is_no_part_of_a_shift(shelf, end, season, stays):
    """Mended without a record: the zone is back among the others, which have fallen by as much as it had."""
    random = np.random.default_rng(2)
    days = 80
    assets = [Asset(id=f"Z-{n}", kind="hydrant_zone") for n in range(8)]
    fall = season * np.clip((np.arange(days * 24) / 24 - 57) / 20, 0, 1)
    series = {}
    for number, asset in enumerate(assets):
        values = 0.55 + 0.004 * random.standard_normal(days * 24) - fall
        if number == 2:
            back = 62 if season else days
            values[45 * 24 : back * 24] -= 0.1
        series[asset.id, "end_pressure"] = values
    store = shelf(hourly(end, series))
    moment = end - (days - 55) * timedelta(days=1)
    before: dict[str, object] = {}
    while moment <= end:
        found = look(store, assets, moment, before=before)
        before = {one.asset: one for one in found if one.flagged}
        moment += 5 * timedelta(days=1)
    assert ("Z-2" in before) == stays


def test_a_sensor_that_says_the_same_for_weeks_varies_by_what_its_figures_round(shelf, end):
    values = np.full(DAYS * 24, 0.4)
    frame = hourly(end, {("Z-0", "static_pressure"): values}, around=0.0)
    cube = build_cube(frame, [Asset(id="Z-0", kind="hydrant_zone")], catalogue(), as_of=end, days=DAYS)
    daily = daily_figures(cube, np.zeros(cube.mean.shape, dtype=np.bool_))
    spreads = daily.values[[figure is Figure.SPREAD for figure in daily.figures]]
    assert spreads.size
    assert np.nanmin(np.exp(spreads)) > 1e-5


@pytest.mark.parametrize(("slower", "flagged"), [(False, []), (True, ["D-03"])])
def test_a_door_that_stands_open_longer_has_a_worn_closer_only_if_it_closes_slower(shelf, end, slower, flagged):
    """One door stands open for half as long again since nine days; a worn closer would close slower as well."""
    random = np.random.default_rng(4)
    assets = [Asset(id=f"D-{n:02d}", kind="fire_door") for n in range(12)]
    series = {}
    for number, asset in enumerate(assets):
        closing = 6 + 0.1 * number + random.normal(0, 0.05, DAYS * 24)
        share = 3 + random.normal(0, 0.1, DAYS * 24)
        if number == 3:
            share[-9 * 24 :] *= 1.5
            if slower:
                closing[-9 * 24 :] += 1.0
        series |= {(asset.id, "closing_time"): closing, (asset.id, "open_share"): share}
    assert [one.asset for one in look(shelf(hourly(end, series)), assets, end) if one.flagged] == flagged


@pytest.mark.parametrize("back", [0, 3, 4])
def test_a_trend_that_was_mended_days_ago_rises_no_more(back):
    """It rose for weeks; for the last days it is below where it began."""
    random = np.random.default_rng(8)
    adjusted = random.normal(0, 0.3, (20, 45))
    adjusted[0] += np.maximum(np.arange(45) - 15, 0) * 0.4
    if back:
        adjusted[0, -back:] = -0.5
    windows = level_windows("lighting_circuit", ["flicker"], adjusted, np.full(20, 20.0), np.full(20, 0.3))
    score = TrendToLimit().fit(windows).score(windows)[0]
    assert score > 3 if not back else score < 1


@given(st.floats(0.2, 3.0), st.floats(-4.0, 4.0), st.booleans())
def test_context_explains_half_of_a_shift_at_most(shift, context, rising):
    """Whatever load and season do, they neither keep a fault alive nor bury one that stands in full."""
    shift = shift if rising else -shift
    values = np.full((1, 40), 20.0)
    values[0, 20:] += shift
    moved = np.where(np.arange(40) >= 30, context, 0.0)
    windows = level_windows("lift", ["motor_temperature"], values - 20.0, np.full(1, 20.0), np.ones(1))
    windows = replace(windows, values=values + moved, adjusted=values - 20.0)
    noticed = windows.end - timedelta(days=14)
    evidence = Evidence(
        channel="motor_temperature",
        detector="change",
        trouble=Trouble.EQUIPMENT,
        pattern="level",
        since=None,
        value=20.0 + shift,
        expected=20.0,
        score=9.0,
        crosses_limit_at=None,
        sentence=Text(zh="", en=""),
        noticed=noticed,
    )
    before = Assessment(
        asset="A-0",
        as_of=noticed,
        horizon_days=7,
        probability=0.9,
        sensor_probability=0.0,
        flagged=True,
        score=2.0,
        mode="",
        reason=Text(zh="", en=""),
        coverage=1.0,
        model="",
        evidence=(evidence,),
    )
    carried = carried_rows(windows, Memory(before={"A-0": before}))
    if not rising:
        assert not carried, "a motor that is cooler than it was is no fault that stands"
        return
    explained = min(max(context, 0.0), 0.5 * shift)
    share = min(max((shift + context - explained) / shift, 0.0), 1.0)
    assert (0 in carried) == (share >= 0.5) or abs(share - 0.5) < 1e-6
    if context >= 0:
        assert carried, "the fault stands in full"
