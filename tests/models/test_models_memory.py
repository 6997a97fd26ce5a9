"""A fault that nobody mends is not forgotten, with earlier assessments and without; what people record ends it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from facility.alerts import Alert, Severity, Source
from facility.assessments import Knowledge
from facility.estate import Asset
from facility.i18n.phrases import Text
from models.assessment.incremental import follow, stand
from models.assessment.memory import Memory, with_alarms
from models.assessment.pipeline import assess

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
DAY = timedelta(days=1)


def hourly(end, series):
    """Rollups of hourly values: {(asset, channel): values}, all ending at `end`."""
    frames = []
    for (asset, channel), values in series.items():
        stamps = [end - timedelta(hours=len(values) - i) for i in range(len(values))]
        frames.append(
            pl.DataFrame(
                {"asset": asset, "channel": channel, "hour": stamps, "mean": values},
                schema_overrides={"hour": pl.Datetime("us", "UTC")},
            )
        )
    mean = pl.col("mean")
    return pl.concat(frames).with_columns(
        pl.lit(4).alias("count"),
        pl.lit(0.002).alias("std"),
        (mean - 0.003).alias("min"),
        (mean + 0.003).alias("max"),
        mean.alias("first"),
        mean.alias("last"),
        pl.lit(0.0).alias("increase"),
    )


def zones(shelf, end, days, *, count=8, since=50, low=0.035, channel="end_pressure"):
    """Hydrant zones of 0.45 MPa, hour by hour; the third falls to `low` on day `since` for good."""
    random = np.random.default_rng(5)
    assets = [Asset(id=f"Z-{number}", kind="hydrant_zone") for number in range(count)]
    series = {}
    for number, asset in enumerate(assets):
        values = 0.45 + 0.002 * number + 0.004 * random.standard_normal(days * 24)
        if number == 2:
            values[since * 24 :] = low + 0.004 * random.standard_normal((days - since) * 24)
        series[asset.id, channel] = values
    return shelf(hourly(end, series)), assets


def remembered(found):
    return {one.asset: one for one in found if one.flagged}


def week_by_week(store, assets, end, start, stop, **memory):
    """Assessments of one asset on days `start`, `start` + 7, ... of the history, each remembering the one before."""
    before, out = {}, []
    for day in range(start, stop, 7):
        moment = store.hourly["hour"].min() + day * DAY
        found = assess(store, assets, as_of=moment, horizon=WEEK, timezone=ZONE, memory=Memory(before=before, **memory))
        before = remembered(found)
        out.append(found[2])
    return out


def test_a_closed_valve_stays_flagged_for_as_long_as_it_is_closed(shelf, end):
    store, assets = zones(shelf, end, 260)
    for one in week_by_week(store, assets, end, 56, 260):
        assert one.flagged, (one.as_of, one.probability, one.reason.en)
        assert one.evidence[0].channel == "end_pressure"
        assert "Nothing unusual" not in one.reason.en


@pytest.mark.parametrize("days", [130, 250, 400])
def test_a_fault_of_months_is_found_by_somebody_who_looks_for_the_first_time(shelf, end, days):
    store, assets = zones(shelf, end, days)
    found = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert [one.asset for one in found if one.flagged] == ["Z-2"]


@pytest.mark.parametrize("days", [130, 250, 600])
def test_an_old_fault_within_the_limits_is_found_by_days_long_ago(shelf, end, days):
    """Zones differ by nature here, so that neither limits nor the class tell; only what the zone was long ago does."""
    random = np.random.default_rng(5)
    assets = [Asset(id=f"Z-{number}", kind="hydrant_zone") for number in range(8)]
    series = {}
    for number, asset in enumerate(assets):
        values = 0.25 + 0.05 * number + 0.004 * random.standard_normal(days * 24)
        if number == 6:
            values[50 * 24 :] -= 0.15
        series[asset.id, "end_pressure"] = values
    store = shelf(hourly(end, series))
    found = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert [one.asset for one in found if one.flagged] == ["Z-6"]
    evidence = found[6].evidence[0]
    assert evidence.expected == pytest.approx(0.55, abs=0.02)
    assert "has not come back" in evidence.sentence.en
    began = store.hourly["hour"].min() + 50 * DAY
    after, before = evidence.since_between
    assert after - 2 * DAY <= began <= before
    accepted = Memory(attended={"Z-6": end - 30 * DAY}, cold=True)
    again = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE, memory=accepted)
    assert not any(one.flagged for one in again)


@pytest.mark.parametrize("days", [200, 420])
def test_seasons_and_natural_differences_of_the_years_are_no_fault(shelf, end, days):
    random = np.random.default_rng(6)
    hours = np.arange(days * 24)
    assets = [Asset(id=f"Z-{number}", kind="hydrant_zone") for number in range(12)]
    season = 0.05 * np.sin(2 * np.pi * hours / (365 * 24))
    series = {
        (asset.id, "end_pressure"): 0.3 + 0.03 * number + season + 0.004 * random.standard_normal(len(hours))
        for number, asset in enumerate(assets)
    }
    found = assess(shelf(hourly(end, series)), assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert not any(one.flagged for one in found)


def test_a_fault_within_the_limits_stays_flagged_too(shelf, end):
    store, assets = zones(shelf, end, 200, low=0.36)
    looks = week_by_week(store, assets, end, 56, 200)
    assert all(one.flagged for one in looks)
    late = looks[-1]
    assert "has not come back" in late.reason.en
    assert late.evidence[0].expected == pytest.approx(0.45, abs=0.01)
    assert late.evidence[0].value == pytest.approx(0.36, abs=0.01)


def test_what_comes_back_by_itself_is_calm_again(shelf, end):
    store, assets = zones(shelf, end, 120, low=0.36)
    begin = store.hourly["hour"].min()
    back = (pl.col("asset") == "Z-2") & (pl.col("hour") >= begin + 80 * DAY)
    store.hourly = store.hourly.with_columns(
        *(pl.when(back).then(pl.col(name) + 0.094).otherwise(pl.col(name)).alias(name) for name in ("mean", "min"))
    ).with_columns(pl.when(back).then(pl.col("max") + 0.094).otherwise("max").alias("max"))
    looks = week_by_week(store, assets, end, 56, 120)
    assert looks[0].flagged
    assert not looks[-1].flagged
    assert looks[-1].state is Knowledge.ASSESSED


def test_an_outcome_starts_a_new_normal_at_once(shelf, end):
    store, assets = zones(shelf, end, 160, low=0.36)
    begin = store.hourly["hour"].min()
    before = remembered(assess(store, assets, as_of=begin + 70 * DAY, horizon=WEEK, timezone=ZONE))
    assert set(before) == {"Z-2"}
    attended = {"Z-2": begin + 71 * DAY}

    def looked(day):
        memory = Memory(before=before, attended=attended)
        return assess(store, assets, as_of=begin + day * DAY, horizon=WEEK, timezone=ZONE, memory=memory)[2]

    soon = looked(75)
    assert not soon.flagged
    assert soon.state is Knowledge.TOO_LITTLE
    assert "since it was last attended to: 4 days" in soon.reason.en
    later = looked(100)
    assert not later.flagged
    assert later.state is Knowledge.ASSESSED


def test_an_outcome_on_a_fault_beyond_its_limit_does_not_hide_it(shelf, end):
    store, assets = zones(shelf, end, 90)
    memory = Memory(attended={"Z-2": store.hourly["hour"].min() + 80 * DAY})
    assert assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE, memory=memory)[2].flagged


def test_silence_does_not_end_a_fault(shelf, end):
    store, assets = zones(shelf, end, 140, low=0.36)
    begin = store.hourly["hour"].min()
    silent = (pl.col("asset") == "Z-2") & (pl.col("hour") >= begin + 100 * DAY)
    store.hourly = store.hourly.filter(~silent)
    assert all(one.flagged for one in week_by_week(store, assets, end, 56, 140))


def test_the_next_hours_remember_too(panels, end):
    store, assets = panels(40, changes={5: {"battery_voltage": lambda h: -0.05 * np.clip(h / 24 - 28, 0, None)}})
    standing, found = stand(store, assets, as_of=end - timedelta(hours=2), horizon=WEEK, timezone=ZONE)
    memory = Memory(before=remembered(found))
    followed = follow(
        store, standing, assets, as_of=end, horizon=WEEK, timezone=ZONE, memory=memory, late={"F-0005"}, peers=5
    )
    assert [one.asset for one in followed.assessments if one.flagged] == ["F-0005"]


def alarm(end, **changed):
    fields = {
        "id": 1,
        "asset": "Z-1",
        "cause": "Z-1/limit/end_pressure",
        "channel": "end_pressure",
        "source": Source.LIMIT,
        "severity": Severity.HIGH,
        "title": Text(zh="超限", en="beyond its limit"),
        "reason": Text(zh="低于限值", en="below the limit"),
        "opened_at": end,
        "last_seen_at": end,
    }
    return Alert(**(fields | changed))


def test_an_open_alert_of_a_limit_is_a_floor(shelf, end):
    store, assets = zones(shelf, end, 30, since=29, low=0.45)
    found = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert not any(one.flagged for one in found)
    floored = with_alarms(found, [alarm(end)])
    assert [one.asset for one in floored if one.flagged] == ["Z-1"]
    assert floored[1].probability >= 0.5
    assert floored[1].reason.en == "below the limit"
    for calm in (alarm(end, returned_at=end), alarm(end, closed_at=end), alarm(end, source=Source.SENSOR)):
        assert with_alarms(found, [calm]) == found
