"""A channel that slides away: its sensor, or the machine?"""

from __future__ import annotations

import numpy as np
import pytest
from level_windows import level_windows

from facility.catalogue.catalogue import catalogue
from models.assessment.drift import lone_drifts

LIFT = ("vibration_vertical", "motor_temperature", "levelling_error")


def drifting(trend, temperature, levelling=0.5):
    still = level_windows("lift", LIFT, np.zeros((3, 40)), np.zeros(3), np.ones(3))
    scores = {"trend": np.array([trend, 0.0, 0.0]), "residual": np.array([trend, temperature, levelling])}
    return [one.row for one in lone_drifts(still, scores, np.array([1.0, 0.5, 0.0]), catalogue())]


@pytest.mark.parametrize("trend", [9.0, 15.0, 60.0])
def test_a_slide_alone_is_the_sensors(trend):
    assert drifting(trend, temperature=1.9) == [0]


@pytest.mark.parametrize("trend", [9.0, 15.0, 60.0])
def test_a_second_sign_speaks_for_the_machine_however_far_the_first_has_gone(trend):
    assert drifting(trend, temperature=4.5) == []


def test_little_unrest_beside_a_long_slide_is_no_sign():
    assert drifting(15.0, temperature=3.5) == [0]
