"""Which way a change is bad where both ways are."""

from __future__ import annotations

import numpy as np
from level_windows import level_windows

from models.features.directions import badness

DAYS = 40


def after(kind, key, levels, far):
    """How bad it is that the first of some assets has moved by `far` from one day to the next, four days ago."""
    adjusted = np.zeros((len(levels), DAYS))
    adjusted[0, -4:] = far
    windows = level_windows(kind, (key,), adjusted, np.array(levels), np.full(len(levels), 1.0))
    return badness(windows, np.array([far, *np.zeros(len(levels) - 1)]))[0]


def test_a_detector_that_is_cleaned_returns_to_its_class():
    assert after("smoke_detector", "chamber", [40.0, 12.0, 13.0, 14.0, 12.5, 13.5], -26.0) < 0


def test_circuits_of_all_sizes_have_no_level_to_return_to():
    sizes = [200.0, 150.0, 300.0, 450.0, 600.0, 800.0]
    assert after("lighting_circuit", "circuit_power", sizes, 180.0) > 0
    assert after("lighting_circuit", "circuit_power", [200.0, 401.0, 399.0, 400.0, 402.0, 398.0], 180.0) < 0
