"""What a channel's driver explains of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from level_windows import level_windows

from models.features.drivers import without_driven

KEYS = ("circuit_power", "illuminance", "driver_temperature", "flicker")
LEVELS = np.array([400.0, 100.0, 30.0, 0.02])
DAYS = 40


def circuit(**moved):
    """One lighting circuit, whose channels moved by so much over the last five days."""
    adjusted = np.zeros((len(KEYS), DAYS))
    for key, far in moved.items():
        adjusted[KEYS.index(key), -5:] = far
    return level_windows("lighting_circuit", KEYS, adjusted, LEVELS, 0.01 * LEVELS)


def left(windows):
    return dict(zip(KEYS, without_driven(windows).adjusted[:, -1], strict=True))


def test_light_that_is_dimmed_with_its_circuit_is_no_worn_lamp():
    assert left(circuit(circuit_power=-80.0, illuminance=-18.0)) == pytest.approx(
        {"circuit_power": -80.0, "illuminance": 0.0, "driver_temperature": 0.0, "flicker": 0.0}
    )


def test_what_goes_beyond_its_driver_stays():
    assert left(circuit(circuit_power=-80.0, illuminance=-50.0))["illuminance"] == pytest.approx(-30.0)


def test_less_light_or_more_warmth_at_the_same_power_stays():
    unmoved = left(circuit(circuit_power=-10.0, illuminance=-18.0, driver_temperature=9.0))
    assert (unmoved["illuminance"], unmoved["driver_temperature"]) == (-18.0, 9.0)
    assert left(circuit(circuit_power=-80.0, driver_temperature=9.0))["driver_temperature"] == 9.0


def test_a_circuit_that_burns_by_day_warms_its_drivers():
    assert left(circuit(circuit_power=400.0, driver_temperature=12.0))["driver_temperature"] == 0.0


def test_a_driver_that_is_not_to_be_believed_explains_nothing():
    windows = circuit(circuit_power=-80.0, illuminance=-18.0)
    doubted = replace(windows, excluded=np.array([True, False, False, False]))
    assert left(doubted)["illuminance"] == -18.0


def test_gaps_and_channels_that_rest_at_nought_break_nothing():
    windows = circuit(circuit_power=-80.0, illuminance=-18.0)
    holed = windows.adjusted.copy()
    holed[0, ::2] = np.nan
    silent = replace(windows, adjusted=holed, values=np.where(np.isnan(holed), np.nan, 0.0))
    assert np.array_equal(without_driven(silent).adjusted, holed, equal_nan=True)
