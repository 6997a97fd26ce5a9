"""Data as it really comes: whatever is missing, frozen, swapped or wild, an assessment says how little it knows."""

from __future__ import annotations

import math
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facility.estate import Asset
from models.assessment.pipeline import assess

ZONE = ZoneInfo("Asia/Shanghai")
VALUES = ("mean", "min", "max", "first", "last")
CHANNELS = ("battery_voltage", "charge_current", "earth_resistance", "humidity")


def scaled(rows, factor):
    return [pl.when(rows).then(pl.col(c) * factor).otherwise(pl.col(c)).alias(c) for c in (*VALUES, "std")]


def spoil(frame, kind, asset, channel, day, end):
    """One kind of mischief from `day` days before the end on."""
    here = (pl.col("asset") == asset) & (pl.col("channel") == channel)
    late = here & (pl.col("hour") >= end - timedelta(days=day))
    if kind == "channel_missing":
        return frame.filter(~here)
    if kind == "gone_quiet":
        return frame.filter(~late)
    if kind == "constant":
        level = pl.col("mean").filter(here).first()
        frozen = [pl.when(here).then(level).otherwise(pl.col(c)).alias(c) for c in VALUES]
        return frame.with_columns(*frozen, pl.when(here).then(0.0).otherwise(pl.col("std")).alias("std"))
    if kind == "unit":
        return frame.with_columns(*scaled(late, 1000.0))
    if kind == "not_a_number":
        return frame.with_columns(
            *(pl.when(late).then(float("nan")).otherwise(pl.col(c)).alias(c) for c in (*VALUES, "std"))
        )
    if kind == "infinite":
        return frame.with_columns(*(pl.when(late).then(math.inf).otherwise(pl.col(c)).alias(c) for c in VALUES))
    if kind == "power_on_85":
        return frame.with_columns(*(pl.when(late).then(85.0).otherwise(pl.col(c)).alias(c) for c in VALUES))
    if kind == "clock_jump":
        moved = pl.when(late).then(pl.col("hour") + timedelta(days=400)).otherwise(pl.col("hour")).alias("hour")
        return frame.with_columns(moved)
    if kind == "clock_behind":
        moved = pl.when(late).then(pl.col("hour") - timedelta(hours=7)).otherwise(pl.col("hour")).alias("hour")
        return frame.with_columns(moved).unique(["asset", "channel", "hour"], keep="last")
    assert kind == "new_asset"
    return frame.filter((pl.col("asset") != asset) | (pl.col("hour") >= end - timedelta(days=min(day, 3))))


KINDS = (
    *("channel_missing", "gone_quiet", "constant", "unit", "not_a_number", "infinite"),
    *("power_on_85", "clock_jump", "clock_behind", "new_asset"),
)
mischief = st.tuples(st.sampled_from(KINDS), st.integers(0, 7), st.sampled_from(CHANNELS), st.integers(1, 20))


def believed(store, assets, end):
    return assess(store, assets, as_of=end, horizon=timedelta(days=7), timezone=ZONE)


def holds(one):
    assert 0.0 <= one.probability <= 1.0
    assert 0.0 <= one.sensor_probability <= 1.0
    assert 0.0 <= one.coverage <= 1.0
    assert math.isfinite(one.score)
    assert one.reason.en
    assert one.reason.zh
    for piece in one.evidence:
        assert math.isfinite(piece.score)
        assert "nan" not in piece.sentence.en.lower()
        assert "inf" not in piece.sentence.en.lower().split()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tricks=st.lists(mischief, max_size=5), days=st.sampled_from([2, 3, 8, 12, 40]), hours=st.integers(0, 30))
def test_no_mischief_breaks_an_assessment(panels, end, tricks, days, hours):
    store, assets = panels(8, days=days)
    for kind, number, channel, day in tricks:
        store.hourly = spoil(store.hourly, kind, assets[number].id, channel, day, end)
    found = believed(store, [*assets, Asset(id="F-new", kind="fire_panel")], end - timedelta(hours=hours))
    assert len(found) == 9
    for one in found:
        holds(one)
        if days < 10:
            assert not one.flagged
            assert one.coverage < 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("channel", ["battery_voltage", "earth_resistance"])
def test_one_spoilt_channel_is_no_machine_fault(panels, end, kind, channel):
    store, assets = panels(12)
    store.hourly = spoil(store.hourly, kind, "F-0003", channel, 5, end)
    by_asset = {one.asset: one for one in believed(store, assets, end)}
    assert not any(one.flagged for name, one in by_asset.items() if name != "F-0003")
    assert not by_asset["F-0003"].flagged, by_asset["F-0003"].reason.en


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [("gone_quiet", "missing"), ("not_a_number", "missing"), ("unit", "unit"), ("power_on_85", "impossible")],
)
def test_the_broken_sensor_is_named(panels, end, kind, pattern):
    store, assets = panels(12)
    store.hourly = spoil(store.hourly, kind, "F-0003", "battery_voltage", 5, end)
    one = next(a for a in believed(store, assets, end) if a.asset == "F-0003")
    assert pattern in {piece.pattern for piece in one.evidence}
    assert one.sensor_probability >= 0.5


@pytest.mark.parametrize("days", [2, 4, 8, 20])
@pytest.mark.parametrize("back", [0, 3, 14])
@pytest.mark.parametrize("channel", ["battery_voltage", "earth_resistance", "charge_current"])
def test_a_power_on_value_is_no_machine_fault_however_young_the_asset(panels, end, days, back, channel):
    store, assets = panels(8, days=days)
    for number, since in ((3, 1), (5, 30)):  # one that jumped there a day ago, one that never said anything else
        store.hourly = spoil(store.hourly, "power_on_85", assets[number].id, channel, since, end)
    by_asset = {one.asset: one for one in believed(store, assets, end - timedelta(hours=back))}
    assert not any(one.flagged for one in by_asset.values())
    assert by_asset["F-0005"].sensor_probability >= 0.5


def test_a_fleet_of_one_is_judged_by_its_own_past(panels, end):
    store, assets = panels(1, changes={0: {"battery_voltage": lambda h: -0.05 * np.clip(h / 24 - 28, 0, None)}})
    (one,) = believed(store, assets, end)
    assert one.evidence
    assert one.evidence[0].channel == "battery_voltage"


def test_a_new_asset_among_old_ones_is_known_little_of(panels, end):
    store, assets = panels(12)
    store.hourly = spoil(store.hourly, "new_asset", "F-0003", "battery_voltage", 3, end)
    by_asset = {one.asset: one for one in believed(store, assets, end)}
    assert not by_asset["F-0003"].flagged
    assert by_asset["F-0003"].coverage < by_asset["F-0004"].coverage
