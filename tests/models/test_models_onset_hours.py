"""The hour of a step: told where the hours bear it out, and the day left as it is where they do not."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.estate import Asset
from models.assessment.memory import Memory
from models.assessment.onset_hours import onset_hour
from models.assessment.pipeline import assess

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
LENGTH, KNOWN = 8 * 24, 3 * 24


def hours(seed, at, height, noise=1.0, swing=3.0):
    clock = np.arange(LENGTH)
    random = np.random.default_rng(seed)
    return np.where(clock >= at, height, 0.0) + swing * np.sin(2 * np.pi * clock / 24) + random.normal(0, noise, LENGTH)


@given(st.integers(KNOWN, LENGTH - KNOWN), st.integers(0, 10_000), st.sampled_from([-1.0, 1.0]))
def test_a_large_step_is_dated_to_the_hour(at, seed, sign):
    found = onset_hour(hours(seed, at, sign * 12.0), KNOWN, sign > 0)
    assert found is not None
    assert abs(found.at - at) <= 2
    assert found.after < found.at < found.before


@given(st.integers(0, 10_000))
def test_noise_and_slopes_have_no_hour(seed):
    assert onset_hour(hours(seed, LENGTH, 0.0), KNOWN, rising=True) is None
    slope = np.clip(np.arange(LENGTH) - KNOWN, 0, None) * 0.15
    assert onset_hour(hours(seed, LENGTH, 0.0) + slope, KNOWN, rising=True) is None


def test_the_interval_holds_the_hour_nine_times_in_ten():
    held = []
    for seed in range(200):
        at = KNOWN + seed % 40
        found = onset_hour(hours(seed, at, 4.0), KNOWN, rising=True)
        if found is not None:
            held.append(found.after < at < found.before)
    assert len(held) > 100
    assert np.mean(held) >= 0.88


def test_hours_that_were_not_heard_widen_the_interval():
    figures = hours(1, 100, 12.0)
    figures[90:104] = np.nan
    found = onset_hour(figures, KNOWN, rising=True)
    assert found is not None
    assert found.after <= 90
    assert found.at == 104


@pytest.mark.parametrize("hour", [3, 13, 20])
def test_an_assessment_tells_the_hour_and_later_looks_keep_it(shelf, end, hour):
    random = np.random.default_rng(4)
    days = 50
    assets = [Asset(id=f"Z-{n}", kind="hydrant_zone") for n in range(8)]
    at = (days - 6) * 24 + hour
    frames = []
    for number, asset in enumerate(assets):
        values = 0.45 + 0.004 * random.standard_normal(days * 24)
        if number == 2:
            values[at:] -= 0.2
        stamps = [end - timedelta(hours=len(values) - i) for i in range(len(values))]
        frames.append(pl.DataFrame({"asset": asset.id, "channel": "end_pressure", "hour": stamps, "mean": values}))
    mean = pl.col("mean")
    store = shelf(
        pl.concat(frames).with_columns(
            pl.col("hour").cast(pl.Datetime("us", "UTC")),
            pl.lit(4).alias("count"),
            pl.lit(0.002).alias("std"),
            (mean - 0.003).alias("min"),
            (mean + 0.003).alias("max"),
            mean.alias("first"),
            mean.alias("last"),
            pl.lit(0.0).alias("increase"),
        )
    )
    true = end - timedelta(hours=days * 24 - at)
    before: dict[str, object] = {}
    for back in (2, 1, 0):
        moment = end - back * timedelta(days=1)
        found = assess(store, assets, as_of=moment, horizon=WEEK, timezone=ZONE, memory=Memory(before=before))
        before = {one.asset: one for one in found if one.flagged}
        told = before["Z-2"].evidence[0]
        assert told.since == true
        assert told.since_between[1] - told.since_between[0] <= timedelta(hours=4)
        local = true.astimezone(ZONE)
        assert f"since {local.day} May" in told.sentence.en
        assert f"since {local.day} May" in before["Z-2"].reason.en
