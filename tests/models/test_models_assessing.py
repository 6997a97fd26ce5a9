"""Assessments of a small fleet in which the trouble is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pyarrow as pa
import pytest

from facility.assessments import Knowledge, Trouble
from facility.errors import CannotConvert
from facility.estate import Asset
from facility.store import READINGS, open_store
from models.assessment.evidence import SUSPICIOUS
from models.assessment.pipeline import assess
from models.assessment.ranking import ordered, ranking

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)


def looked_at(store, assets, end, **options):
    return assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE, **options)


def sagging(hours):
    """A standby battery going: 0.02 V a day over the last two weeks."""
    return -0.02 * np.clip((hours - (40 - 14) * 24) / 24, 0, None)


def test_a_healthy_fleet_raises_no_flag(panels, end):
    store, assets = panels(24)
    found = looked_at(store, assets, end)
    assert [one.asset for one in found] == [a.id for a in assets]
    assert not [one.asset for one in found if one.flagged]
    assert all(one.coverage > 0.95 for one in found)


def test_a_sagging_battery_is_first_named_and_explained(panels, end):
    store, assets = panels(12, changes={5: {"battery_voltage": sagging, "charge_current": lambda h: -3 * sagging(h)}})
    first = ordered(looked_at(store, assets, end))[0]
    assert first.asset == "F-0005"
    assert first.flagged
    assert first.mode == "panel_battery"
    assert {e.channel for e in first.evidence} >= {"battery_voltage", "charge_current"}
    battery = next(e for e in first.evidence if e.channel == "battery_voltage")
    assert battery.value < battery.expected
    assert battery.since is not None
    assert end - timedelta(days=16) <= battery.since <= end - timedelta(days=4)
    assert "battery" in first.reason.en
    assert "电池" in first.reason.zh


def test_nobody_is_sent_without_a_word_why(panels, end):
    def little(size):
        return {"battery_voltage": lambda h: size * sagging(h), "charge_current": lambda h: -0.3 * size * sagging(h)}

    changes = {number: little(0.35 + 0.05 * number) for number in range(1, 9)}
    found = looked_at(*panels(24, changes=changes), end)
    suspicious = [one for one in found if one.probability >= SUSPICIOUS]
    assert all(one.evidence[0].channel and one.evidence[0].series for one in suspicious)
    weak = [one for one in suspicious if one.evidence[0].score < 3]
    assert len(weak) >= 2
    assert all(one.reason.en.startswith("A weak sign: ") and "迹象尚弱" in one.reason.zh for one in weak)
    assert {one.reason.en for one in found if not one.evidence} == {"Nothing unusual"}


def test_a_change_for_the_better_is_no_trouble(panels, end):
    store, assets = panels(12, changes={5: {"earth_resistance": lambda h: 300.0 * (h > 33 * 24)}})
    assert not any(one.flagged for one in looked_at(store, assets, end))


def test_what_the_whole_fleet_does_is_no_fault(panels, end):
    drop = {"earth_resistance": lambda h: -200.0 * (h > 35 * 24)}
    store, assets = panels(24, changes=dict.fromkeys(range(24), drop))
    assert sum(one.flagged for one in looked_at(store, assets, end)) == 0


def test_a_small_sudden_change_of_scale_is_no_fault(panels, end):
    store, assets = panels(12, changes={3: {"battery_voltage": lambda h: -0.6 * (h >= 26 * 24)}})
    by_asset = {one.asset: one for one in looked_at(store, assets, end)}
    assert not by_asset["F-0003"].flagged


def test_a_broken_sensor_is_no_broken_panel(panels, end):
    store, assets = panels(12)
    late = (pl.col("asset") == "F-0002") & (pl.col("channel") == "earth_resistance")
    late &= pl.col("hour") >= end - timedelta(days=4)
    shown = [pl.when(late).then(905.0).otherwise(pl.col(c)).alias(c) for c in ("mean", "min", "max", "first", "last")]
    store.hourly = store.hourly.with_columns(*shown)
    one = next(a for a in looked_at(store, assets, end) if a.asset == "F-0002")
    assert one.sensor_probability > 0.5
    assert not one.flagged
    assert [e.pattern for e in one.evidence if e.trouble is Trouble.SENSOR] == ["stuck"]


def test_what_comes_after_the_moment_changes_nothing(panels, end):
    store, assets = panels(12, changes={5: {"battery_voltage": sagging}})
    earlier = end - timedelta(days=3)
    whole = looked_at(store, assets, earlier)
    store.hourly = store.hourly.filter(pl.col("hour") < earlier)
    assert looked_at(store, assets, earlier) == whole


@pytest.mark.parametrize("days", [1, 3, 9])
def test_a_young_fleet_is_not_judged_with_confidence(panels, end, days):
    store, assets = panels(6, days=days)
    found = looked_at(store, assets, end)
    assert not any(one.flagged for one in found)
    assert all(one.coverage < 1 for one in found)


def test_an_asset_nothing_is_known_of_says_so(panels, end):
    store, assets = panels(6)
    unknown = [*assets, Asset(id="F-9999", kind="fire_panel"), Asset(id="X-1", kind="teapot")]
    found = looked_at(store, unknown, end)[-2:]
    assert [one.coverage for one in found] == [0.0, 0.0]
    assert not any(one.flagged for one in found)
    assert [one.state for one in found] == [Knowledge.NEVER_HEARD, Knowledge.NOT_ASSESSED]
    assert "Nothing was ever heard" in found[0].reason.en
    assert "teapot" in found[1].reason.en


def test_an_empty_store_and_no_assets(shelf, panels, end):
    store, assets = panels(3)
    assert looked_at(shelf(store.hourly.clear()), assets, end)[0].coverage == 0.0
    assert looked_at(store, [], end) == []


def test_a_moment_without_a_zone_is_refused(panels):
    store, assets = panels(3)
    with pytest.raises(CannotConvert, match="time zone"):
        looked_at(store, assets, datetime(2026, 6, 1))


def test_ranking_is_complete_and_repeatable(panels, end):
    store, assets = panels(8)
    found = looked_at(store, assets, end)
    rows = ranking(found)
    assert [row["rank"] for row in rows] == list(range(1, 9))
    assert ranking(list(reversed(found))) == rows
    assert set(rows[0]) == {"asset", "probability", "rank", "reason", "state"}


def test_through_a_real_store(tmp_path: Path):
    """Readings into the lake, an assessment out of it: the emergency battery whose tests get shorter."""
    end = datetime(2026, 6, 1, tzinfo=UTC)
    random = np.random.default_rng(3)
    rows = {"asset": [], "channel": [], "time": [], "value": []}
    for number in range(6):
        for week in range(7):
            tested = end - timedelta(days=7 * (6 - week) + 1, hours=3)
            minutes = 180 - (9 * week if number == 4 else 0) + random.normal(0, 1)
            rows["asset"].append(f"E-{number}")
            rows["channel"].append("duration_result")
            rows["time"].append(tested)
            rows["value"].append(2.0 * round(minutes / 2))
    table = pl.DataFrame(rows).with_columns(
        pl.col("time").cast(pl.Datetime("us", "UTC")), arrived=pl.col("time").cast(pl.Datetime("us", "UTC"))
    )
    with_store = open_store(tmp_path / "readings", create=True)
    try:
        with_store.append(pa.Table.from_batches(table.to_arrow().to_batches()).cast(READINGS))
        assets = [Asset(id=f"E-{n}", kind="emergency_lighting") for n in range(6)]
        first = ordered(looked_at(with_store, assets, end))[0]
    finally:
        with_store.close()
    assert first.asset == "E-4"
    assert first.mode == "emergency_battery_fade"
    assert first.evidence[0].crosses_limit_at is not None
