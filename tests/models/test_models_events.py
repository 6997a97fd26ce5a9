"""Days of assessments against the truth: what counts as found, early, listed or wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from facility.assessments import Assessment
from facility.i18n.phrases import Text
from models.assessment.fusion import threshold_within
from models.assessment.pipeline import flag_within
from models.evaluation.event_metrics import sum_up, watch
from models.evaluation.ranking_metrics import TrueFault

START = datetime(2026, 5, 1, tzinfo=UTC)
WEEK = timedelta(days=7)


def said(asset, day, probability, sensor=0.0, mode=""):
    return Assessment(
        asset=asset,
        as_of=START + timedelta(days=day),
        horizon_days=7,
        probability=probability,
        sensor_probability=sensor,
        flagged=probability >= 0.5,
        score=float(np.log(probability / (1 - probability))),
        mode=mode,
        reason=Text(zh="x", en="x"),
        coverage=1.0,
        model="test",
    )


def fault(asset, onset, visible, *, trouble="equipment", failure=None, repaired=None):
    def day(number):
        return None if number is None else START + timedelta(days=number)

    return TrueFault(
        asset=asset,
        mode="wear",
        trouble=trouble,
        onset=START + timedelta(days=onset),
        detectable_from=day(visible),
        repaired_at=day(repaired),
        failure_time=day(failure),
    )


def days(flags, count=10):
    """Assessments of `count` days; `flags`: asset -> days on which it is flagged."""
    return [[said(a, d, 0.9 if d in on else 0.05) for a, on in flags.items()] for d in range(count)]


def test_a_fault_seen_in_time_has_its_lead():
    seen = watch(days({"A": {6, 7, 8, 9}, "B": set()}), [fault("A", 2, 4, failure=12)], list_size=1, horizon=WEEK)
    (event,) = seen.events
    assert (event.found, event.listed) == (True, True)
    assert (event.lead, event.possible, event.delay) == (6.0, 8.0, 2.0)
    assert seen.false_flags == 0


def test_a_fault_never_flagged_is_missed_and_one_never_visible_is_no_event():
    truth = [fault("A", 2, 4, failure=12), fault("B", 3, None)]
    figures = sum_up([watch(days({"A": set(), "B": set()}), truth, list_size=1, horizon=WEEK)])
    assert (figures.events, figures.recall) == (1, 0.0)


def test_runs_of_false_flags_are_counted_once_and_per_asset_week():
    seen = watch(days({"A": {2, 3, 4, 8}, "B": set()}, 14), [], list_size=1, horizon=WEEK)
    assert seen.false_flags == 2
    assert sum_up([seen]).false_flags_per_asset_week == pytest.approx(2 / 4)


def test_looking_every_other_day_gives_the_same_asset_weeks():
    seen = watch(days({"A": {2, 3}}, 15)[::2], [], list_size=1, horizon=WEEK)
    assert seen.well_days == pytest.approx(16)


def test_a_flag_that_outlives_the_repair_by_a_day_is_not_false():
    truth = [fault("A", 1, 2, failure=8, repaired=5)]
    assert watch(days({"A": {3, 4, 5, 6}}), truth, list_size=1, horizon=WEEK).false_flags == 0


def test_sensors_and_machines_are_told_apart():
    truth = [fault("A", 1, 2, failure=20), fault("B", 1, 2, trouble="sensor")]
    found = [[said("A", d, 0.9, mode="wear"), said("B", d, 0.05, sensor=0.9), said("C", d, 0.7)] for d in range(5)]
    figures = sum_up([watch(found, truth, list_size=1, horizon=WEEK)])
    assert figures.confusion["equipment"] == {"equipment": 1, "sensor": 0, "well": 0}
    assert figures.confusion["sensor"] == {"equipment": 0, "sensor": 1, "well": 0}
    assert figures.confusion["well"]["equipment"] == 1
    assert figures.precision == pytest.approx(0.5)


def test_a_forecaster_that_is_right_is_reliable():
    truth = [fault("A", 0, 0, failure=30)]
    figures = sum_up([watch(days({"A": set(range(10)), "B": set()}), truth, list_size=1, horizon=WEEK)])
    assert figures.brier < figures.brier_of_base_rate
    assert figures.reliability[-1] == (pytest.approx(0.9), 1.0, 10)


@pytest.mark.parametrize(("budget", "flagged"), [(0.0, 0), (0.1, 1), (0.5, 2), (1.1, 3)])
def test_the_threshold_follows_from_the_budget(budget, flagged):
    probabilities = [0.95, 0.7, 0.4, 0.05]
    found = flag_within([said(f"A{i}", 0, p) for i, p in enumerate(probabilities)], budget)
    assert sum(one.flagged for one in found) == flagged
    assert threshold_within(np.array(probabilities), 0.0) == 1.0
