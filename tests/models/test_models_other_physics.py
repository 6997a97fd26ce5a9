"""The models on a plant that is nothing like the simulators: other noise, other week, other cadence, other courses."""

from __future__ import annotations

import importlib.util
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from models.assessing import assess
from models.ranking import ordered

_SPEC = importlib.util.spec_from_file_location("other_physics", Path(__file__).with_name("other_physics.py"))
assert _SPEC is not None and _SPEC.loader is not None
other_physics = importlib.util.module_from_spec(_SPEC)
sys.modules["other_physics"] = other_physics
_SPEC.loader.exec_module(other_physics)

END = datetime(2027, 1, 20, tzinfo=UTC)


def believed(shelf, plant):
    return assess(
        shelf(plant.hourly), plant.assets, as_of=END, horizon=timedelta(days=7), timezone=ZoneInfo("Africa/Cairo")
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_healthy_plant_is_left_alone(shelf, seed):
    found = believed(shelf, other_physics.make_plant(seed, END))
    assert sum(one.flagged for one in found) <= 1
    assert sum(one.sensor_probability >= 0.5 for one in found) <= 2


@pytest.mark.parametrize("seed", [3, 4])
def test_what_is_ill_stands_at_the_top_and_is_named(shelf, seed):
    plant = other_physics.make_plant(seed, END, faults=8)
    found = believed(shelf, plant)
    top = [one.asset for one in ordered(found)[: len(plant.ill)]]
    assert sum(asset in plant.ill for asset in top) >= 7
    assert sum(one.flagged for one in found if one.asset not in plant.ill) <= 1
    flagged = [one for one in found if one.flagged and one.asset in plant.ill]
    assert len(flagged) >= 6
    assert sum(one.mode == plant.ill[one.asset] for one in flagged) >= 0.75 * len(flagged)
