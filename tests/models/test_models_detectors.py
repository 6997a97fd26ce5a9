"""One suite for all detectors: what each must hold to, whatever it looks for."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from level_windows import level_windows

from models.detectors import all_detectors
from models.features.windows import Windows

NAMES = [d.name for d in all_detectors()]
CHANNELS = ("battery_voltage", "charge_current", "earth_resistance")


def fleet(assets: int = 12, days: int = 40, seed: int = 0) -> Windows:
    """Healthy windows: white daily noise of one standard deviation around levels inside the normal band."""
    random = np.random.default_rng(seed)
    levels = np.tile([27.0, 0.2, 900.0], assets)
    width = np.tile([0.05, 0.01, 20.0], assets)
    adjusted = random.normal(0, 1, (assets * len(CHANNELS), days)) * width[:, None]
    return level_windows("fire_panel", CHANNELS, adjusted, levels, width)


def moved(windows: Windows, row: int, by: np.ndarray) -> Windows:
    """One series moved by so many standard deviations a day."""
    change = np.zeros_like(windows.values)
    change[row] = by * windows.scale[row]
    return replace(windows, values=windows.values + change, adjusted=windows.adjusted + change)


def late(days: int, size: float, last: int = 10) -> np.ndarray:
    return np.where(np.arange(days) >= days - last, size, 0.0)


@pytest.fixture(params=NAMES)
def detector(request):
    return next(d for d in all_detectors() if d.name == request.param)


def test_names_are_unique():
    assert len(set(NAMES)) == len(NAMES) >= 3


def test_scores_are_one_a_series_finite_and_repeatable(detector):
    windows = fleet()
    score = detector.fit(windows).score(windows)
    assert score.shape == (len(windows.channels),)
    assert np.isfinite(score).all()
    assert np.array_equal(score, detector.fit(windows).score(windows))


def test_healthy_series_stay_small(detector):
    windows = fleet(assets=30, seed=5)
    assert np.quantile(detector.fit(windows).score(windows), 0.98) < 4.0


@pytest.mark.parametrize("days", [1, 2, 3, 6])
def test_a_short_history_is_no_reason_to_cry(detector, days):
    windows = fleet(days=days)
    score = detector.fit(windows).score(windows)
    assert np.isfinite(score).all()
    assert score.max(initial=0.0) < 4.0


def test_constant_and_absent_series(detector):
    windows = fleet()
    adjusted, values, scale = windows.adjusted.copy(), windows.values.copy(), windows.scale.copy()
    adjusted[0], values[0], scale[0] = 0.0, 27.0, np.inf
    adjusted[1], values[1] = np.nan, np.nan
    adjusted[5, ::2], values[5, ::2] = np.nan, np.nan
    holed = replace(windows, adjusted=adjusted, values=values, scale=scale)
    score = detector.fit(holed).score(holed)
    assert np.isfinite(score).all()
    assert score[0] <= 0.5
    assert score[1] == 0.0


def test_no_series_at_all(detector):
    windows = fleet().taking(np.zeros(0, dtype=np.int64))
    assert detector.fit(windows).score(windows).shape == (0,)


@pytest.mark.parametrize("name", ["residual", "trend"])
def test_worse_is_positive_better_is_not(name):
    detector = next(d for d in all_detectors() if d.name == name)
    for key, sign in (("battery_voltage", -1), ("charge_current", 1)):
        row = CHANNELS.index(key)
        ramp = np.clip(np.arange(40) - 25, 0, None) * 0.6
        worse, better = (moved(fleet(), row, way * sign * ramp) for way in (1, -1))
        assert detector.fit(worse).score(worse)[row] > 3.5
        assert detector.fit(better).score(better)[row] <= 0.0


def test_what_is_learned_outlives_the_run_as_plain_json(detector):
    windows = moved(fleet(), 2, late(40, -6.0))
    score = detector.fit(windows).score(windows)
    kept = json.loads(json.dumps(detector.state()))
    fresh = next(d for d in all_detectors() if d.name == detector.name).restore(kept)
    assert np.allclose(fresh.score(windows), score)


def test_what_is_over_is_over():
    detector = next(d for d in all_detectors() if d.name == "residual")
    past = np.where((np.arange(40) > 30) & (np.arange(40) < 37), 8.0, 0.0)
    repaired = moved(fleet(), 1, past)
    assert detector.fit(repaired).score(repaired)[1] < 3.0


def test_a_broken_relation_is_seen_by_the_subspace():
    """Two channels that always moved together part: neither is far out alone."""
    windows = fleet(assets=12, seed=2)
    common = np.random.default_rng(4).normal(0, 3, (12, 40))
    together = np.repeat(common, 3, axis=0) * np.array([-1.0, 1.0, -1.0] * 12)[:, None]
    together[0:3, -4:] = np.array([[6.0], [6.0], [-6.0]])
    scaled = windows.adjusted + together * windows.scale[:, None]
    broken = replace(windows, adjusted=scaled, scale=windows.scale * 3.2)
    detector = next(d for d in all_detectors() if d.name == "subspace")
    score = detector.fit(broken).score(broken)
    assert np.abs(score[:3]).max() > 2.0
    assert np.abs(score[:3]).max() > np.abs(score[3:]).max()


def test_outside_the_limit_day_after_day_counts_unless_all_are():
    detector = next(d for d in all_detectors() if d.name == "limit")
    windows = fleet()
    low = windows.values.copy()
    low[0] = 23.0
    assert detector.fit(replace(windows, values=low)).score(replace(windows, values=low))[0] >= 5.0
    low[::3] = 23.0
    assert detector.fit(replace(windows, values=low)).score(replace(windows, values=low))[0] == 0.0


def test_an_outlier_among_peers_is_seen_without_any_history_of_its_own():
    detector = next(d for d in all_detectors() if d.name == "peers")
    windows = moved(fleet(), 0, np.full(40, -20.0))
    score = detector.fit(windows).score(windows)
    assert score[0] == score.max() > 4.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), holes=st.floats(0, 0.95), size=st.sampled_from([1e-6, 1.0, 1e9]))
def test_no_input_makes_nan_or_a_crash(seed, holes, size):
    windows = fleet(assets=6, days=20, seed=seed % 7)
    random = np.random.default_rng(seed)
    wild = np.where(random.random(windows.values.shape) < holes, np.nan, random.standard_cauchy(windows.values.shape))
    strange = replace(windows, values=wild * size, adjusted=wild * size)
    for detector in all_detectors():
        assert np.isfinite(detector.fit(strange).score(strange)).all(), detector.name
