"""When it began: estimated with an interval, kept steady, told as surely as it is known."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_models_memory import DAY, WEEK, remembered, zones

from commands.trial_evaluation import TrialPlan, run_trials
from models.assessment.memory import Memory
from models.assessment.onset import onset
from models.assessment.pipeline import assess

ZONE = ZoneInfo("Asia/Shanghai")
POWER = {"step": 0.0, "slope": 1.0, "quickening": 2.0}


def series(seed, shape, start, size, days=60):
    """Daily figures of unit noise that rise by `size` until the end, from day `start` on."""
    since = np.arange(days) - start
    course = (since >= 0) * np.maximum(since, 0.0) ** POWER[shape]
    return np.random.default_rng(seed).standard_normal(days) + size * course / max(course[-1], 1.0)


@given(
    seed=st.integers(0, 10_000),
    shape=st.sampled_from(sorted(POWER)),
    start=st.integers(10, 52),
    size=st.floats(8, 80),
    falls=st.booleans(),
    missing=st.floats(0, 0.4),
)
def test_the_onset_lies_within_its_interval_and_the_window(seed, shape, start, size, falls, missing):
    figures = series(seed, shape, start, size)
    figures[np.random.default_rng(seed + 1).random(len(figures)) < missing] = np.nan
    found = onset(-figures if falls else figures, 1.0, rising=not falls)
    if found is None:
        return
    assert 0 <= found.at <= len(figures)
    assert found.before >= found.at
    assert found.after is None or found.after <= found.at


def test_the_interval_holds_the_truth_as_often_as_it_says():
    held = total = 0
    for shape in POWER:
        for seed in range(60):
            start = 15 + seed % 35
            found = onset(series(seed, shape, start, 12), 1.0, rising=True)
            total += 1
            held += found is not None and (found.after is None or found.after <= start) and start <= found.before
    assert held / total >= 0.9


@pytest.mark.parametrize("start", [12, 30, 50])
def test_a_clear_step_is_dated_to_the_day(start):
    found = onset(series(3, "step", start, 30), 1.0, rising=True)
    assert abs(found.at - start) <= 1
    assert found.before - found.after <= 4


def test_noise_and_the_other_direction_have_no_onset():
    noise = np.random.default_rng(7).standard_normal(60)
    assert onset(np.full(60, 3.0), 1.0, rising=True) is None
    assert onset(series(1, "step", 30, 30), 1.0, rising=False) is None
    assert onset(noise[:4], 1.0, rising=True) is None


def test_what_was_there_from_the_first_day_may_have_begun_earlier():
    falling = 40 - np.arange(60) + 0.1 * np.random.default_rng(2).standard_normal(60)
    assert onset(-falling, 0.1, rising=True).after is None


def test_a_second_look_keeps_the_onset_and_the_moment_it_was_noticed(shelf, end):
    store, assets = zones(shelf, end, 80, low=0.36)
    began = store.hourly["hour"].min() + 50 * DAY
    before, told = {}, []
    for moment in [began + timedelta(days=4, hours=2 * step) for step in range(12)] + [began + 12 * DAY, end]:
        found = assess(store, assets, as_of=moment, horizon=WEEK, timezone=ZONE, memory=Memory(before=before))
        before = remembered(found)
        told.append(found[2].evidence[0])
    assert len({one.since for one in told}) == 1
    assert {one.noticed for one in told} == {began + 4 * DAY}
    assert abs(told[0].since - began) <= DAY
    after, latest = told[0].since_between
    assert after <= began <= latest
    day = told[0].since.astimezone(ZONE).day
    assert all(f"since {day} " in one.sentence.en or f"about {day} " in one.sentence.en for one in told)


def test_a_daily_mean_is_called_one(shelf, end):
    store, assets = zones(shelf, end, 60, low=0.36)
    sentence = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)[2].evidence[0].sentence
    assert "0.361 MPa (daily mean)" in sentence.en
    assert "（日均）" in sentence.zh


@pytest.mark.slow
def test_onsets_of_simulated_fleets_are_near_the_truth_and_steady():
    figures, watches = run_trials(TrialPlan(fleets=3, first_seed=2130, every_days=7), quiet=True)
    assert figures.onset_error is not None
    assert figures.onset_error <= 3.0
    assert figures.onset_error_90 <= 12.0
    assert sum(one.onsets for one in watches) >= 10
    assert figures.onsets_moved <= 0.02
