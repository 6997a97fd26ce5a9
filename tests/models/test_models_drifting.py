"""A channel that slides away: its sensor, or the machine?"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from facility.channels import catalogue
from facility.estate import Asset
from models.drifting import lone_drifts
from models.windows import Figure, Windows, number_groups

LIFT = ("vibration_vertical", "motor_temperature", "levelling_error")


def one_lift() -> Windows:
    channels = tuple(catalogue()["lift"].channels[key] for key in LIFT)
    figures = (Figure.LEVEL,) * len(channels)
    group, groups = number_groups(channels, figures)
    level = np.zeros((len(channels), 40))
    return Windows(
        assets=(Asset(id="L-1", kind="lift"),),
        channels=channels,
        figures=figures,
        owner=np.zeros(len(channels), dtype=np.int64),
        group=group,
        groups=groups,
        end=datetime(2026, 6, 1, tzinfo=UTC),
        values=level,
        adjusted=level,
        scale=np.ones(len(channels)),
        leverage=np.zeros(len(channels)),
        excluded=np.zeros(len(channels), dtype=np.bool_),
    )


def drifting(trend, temperature, levelling=0.5):
    scores = {"trend": np.array([trend, 0.0, 0.0]), "residual": np.array([trend, temperature, levelling])}
    return [one.row for one in lone_drifts(one_lift(), scores, np.array([1.0, 0.5, 0.0]), catalogue())]


@pytest.mark.parametrize("trend", [9.0, 15.0, 60.0])
def test_a_slide_alone_is_the_sensors(trend):
    assert drifting(trend, temperature=1.9) == [0]


@pytest.mark.parametrize("trend", [9.0, 15.0, 60.0])
def test_a_second_sign_speaks_for_the_machine_however_far_the_first_has_gone(trend):
    assert drifting(trend, temperature=4.5) == []


def test_little_unrest_beside_a_long_slide_is_no_sign():
    assert drifting(15.0, temperature=3.5) == [0]
