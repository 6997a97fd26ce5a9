"""Single channels: season, level, spikes; one event one alarm; better than a rolling z-score on many looks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.evaluation.window_score import learned_rows, standard_score
from models.recordings import Recording
from models.recordings.detecting import detect, following
from models.recordings.seasons import DAY, season_of
from models.recordings.series import watch
from simulators.single_series import LOOKS, single_series

QUARTER = 900.0


def rolling_z(values, width, limit, quiet):
    """Rows farther than `limit` standard deviations from the mean of the `width` before, `quiet` rows apart."""
    total, square = (np.concatenate([[0.0], np.cumsum(values**power)]) for power in (1, 2))
    at = np.arange(len(values))
    first = np.maximum(at - width, 0)
    count = np.maximum(at - first, 1)
    mean = (total[at] - total[first]) / count
    deviation = np.sqrt(np.maximum((square[at] - square[first]) / count - mean**2, 1e-12))
    found = []
    for row in np.flatnonzero(np.abs(values - mean) > limit * deviation):
        if row >= learned_rows(len(values)) and (not found or row - found[-1] >= quiet):
            found.append(int(row))
    return found


def daily(days=21, seed=0, weekend=1.0):
    """Quarter hours; a day's course, lower at weekends; day 14 has none."""
    random = np.random.default_rng(seed)
    at = np.arange(96 * days)
    course = np.sin(at % 96 / 96 * 2 * np.pi) * np.where(at // 96 % 7 < 5, 1.0, weekend)
    return 20 + 5 * course + 0.2 * random.standard_normal(len(at)), QUARTER * at


class TestWatching:
    @pytest.mark.parametrize("seed", range(3))
    def test_a_spike_is_one_short_alarm(self, seed):
        values = np.random.default_rng(seed).standard_normal(2000)
        values[1200:1203] += 15
        watched = watch(values, np.arange(2000.0), 300, 0.01)
        strongest = max(watched.spans, key=lambda span: watched.score[span.first : span.last + 1].max())
        assert strongest.first == 1200
        assert strongest.last <= 1220
        assert len(watched.spans) <= 2

    def test_a_new_level_is_news_once(self):
        values = np.random.default_rng(1).standard_normal(4000)
        values[1500:] += 12
        spans = watch(values, np.arange(4000.0), 600, 0.01).spans
        assert spans[0].first == 1500
        assert spans[0].last <= 1500 + 75
        assert not any(1500 < span.first < 3000 for span in spans)

    def test_a_day_without_its_course_is_seen_by_the_season(self):
        values, seconds = daily()
        values[96 * 14 : 96 * 15] = 20
        watched = watch(values, seconds, 300, 0.01)
        assert watched.season in ("daily", "weekly")
        assert any(96 * 14 <= span.first < 96 * 15 for span in watched.spans)
        assert not any(span.first < 96 * 14 for span in watched.spans)

    @pytest.mark.parametrize("noise", ["white", "wandering", "daily"])
    def test_the_budget_holds_on_healthy_series(self, noise):
        shares = []
        for seed in range(6):
            random = np.random.default_rng(seed)
            values, seconds = daily(days=40, seed=seed)
            if noise == "white":
                values = random.standard_normal(len(values))
            elif noise == "wandering":
                values = values + np.cumsum(0.02 * random.standard_normal(len(values)))
            spans = watch(values, seconds, 600, 0.01).spans
            shares.append(sum(span.rows for span in spans) / (len(values) - 600))
        assert np.mean(shares) <= 0.015

    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(200, 900))
    def test_nothing_crashes_and_alarms_keep_their_distance(self, seed, rows):
        random = np.random.default_rng(seed)
        values = random.choice([0.0, 1.0, np.nan, 1e12, -3.5, 1e300], rows)
        values[0] = 0.0
        seconds = np.cumsum(random.choice([0.0, 1.0, 3600.0, 1e7], rows))
        watched = watch(values, seconds, 100, 0.01)
        assert np.isfinite(watched.score).all()
        assert (watched.score >= 0).all()
        assert all(span.first >= 100 for span in watched.spans)
        assert all(b.first - a.first >= 20 and a.last < b.first for a, b in itertools.pairwise(watched.spans))

    def test_nothing_is_known_of_what_comes(self):
        values, seconds = daily()
        values[1700:1750] += 9
        whole, part = watch(values, seconds, 300, 0.01), watch(values[:1720], seconds[:1720], 300, 0.01)
        same = 1600  # a threshold is read anew every fifty rows, from rows that both have
        assert np.allclose(whole.score[:same], part.score[:same])
        assert np.allclose(whole.score[:1700], part.score[:1700])


class TestSeasons:
    def test_weekly_only_where_weeks_differ(self):
        assert season_of(*daily(days=49), 300).name == "daily"
        assert season_of(*daily(days=49, weekend=0.2), 300).name == "weekly"

    def test_no_season_in_noise_or_in_rows_a_day_apart(self):
        values, seconds = daily()
        noise = np.random.default_rng(0).standard_normal(len(values))
        assert season_of(noise, seconds, 300).name == ""
        assert season_of(values, seconds * 96, 300).name == ""

    def test_nothing_of_a_day_is_used_within_it(self):
        values, seconds = daily()
        changed = values.copy()
        changed[96 * 20 :] = 99
        before, after = season_of(values, seconds, 300), season_of(changed, seconds, 300)
        assert np.array_equal(before.expected, after.expected, equal_nan=True)


class TestRecordings:
    def test_a_single_channel_is_watched_as_a_series(self):
        values, seconds = daily()
        values[1700:1703] += 9
        one = Recording(channels=("a",), values=values[:, None], seconds=seconds, times=None)
        found = detect(one, train_rows=300)
        assert found.season == "daily"
        assert found.founded.blocks == 0
        assert [alarm.channels[0].channel for alarm in found.alarms] == ["a"]
        assert 1700 <= found.alarms[0].first <= 1702

    def test_healthy_rows_of_another_file_come_before(self):
        values, seconds = daily()
        values[1700:1703] += 9
        healthy = Recording(channels=("a",), values=values[:960, None], seconds=seconds[:960], times=None)
        later = Recording(channels=("a",), values=values[960:, None], seconds=seconds[960:] - seconds[960], times=None)
        found = detect(later, healthy=healthy)
        assert found.healthy_rows == 0
        assert len(found.score) == len(later.values)
        assert 1700 - 960 in {alarm.first for alarm in found.alarms}

    @given(st.floats(0, 40 * DAY), st.floats(0, 40 * DAY))
    def test_moved_seconds_follow_and_keep_the_time_of_the_week(self, begins, length):
        before = begins + np.linspace(0, length + 600, 50)
        seconds = np.arange(10) * 600.0
        moved = following(before, seconds)
        assert moved[0] >= before[-1]
        assert np.allclose(np.diff(moved), 600)
        assert abs((moved - seconds) / (7 * DAY) - np.round((moved - seconds) / (7 * DAY))).max() < 1e-6


@pytest.mark.slow
def test_better_than_a_rolling_z_score_on_series_of_many_looks():
    """Seeds that the path was not built on; the peer has its best width, threshold and silence of four of each."""

    def scored(alarms_of):
        runs = []
        for look in LOOKS:
            for seed in range(300, 304):
                series = single_series(look, seed)
                runs.append((len(series.values), series.windows, alarms_of(series)))
        return standard_score(runs)

    def ours(series):
        spans = watch(series.values, series.seconds, learned_rows(len(series.values)), 0.01).spans
        return [span.first for span in spans]

    peers = [
        scored(lambda series, w=width, k=limit, q=quiet: rolling_z(series.values, w, k, q))
        for width in (288, 600, 1000)
        for limit in (3, 4, 5)
        for quiet in (50, 150)
    ]
    assert scored(ours) >= max(peers) + 3


class TestScore:
    def test_all_none_and_nonsense(self):
        windows = [(200, 300), (600, 700)]
        assert standard_score([(1000, windows, [200, 600])]) == pytest.approx(100)
        assert standard_score([(1000, windows, [])]) == pytest.approx(0)
        assert standard_score([(1000, windows, [400])]) < 0
        assert standard_score([(1000, windows, [50, 200, 250, 600])]) == pytest.approx(100)
        assert np.isnan(standard_score([(1000, [], [400])]))

    def test_earlier_is_better_and_an_alarm_just_after_costs_less(self):
        def score(*alarms):
            return standard_score([(1000, [(200, 300), (600, 700)], alarms)])

        assert score(210, 600) > score(290, 600) > score(600)
        assert score(200, 600, 302) > score(200, 600, 450)
