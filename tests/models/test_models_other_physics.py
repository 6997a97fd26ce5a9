"""The models on a plant that is nothing like the simulators: nothing in them may depend on one simulator's ways.

Noise is heavy-tailed (Student t with three degrees of freedom) and multiplicative, levels wander like processes of
Ornstein and Uhlenbeck, the day has two peaks, the week ends elsewhere, a cold spell comes and goes, readings come every
other hour or with holes, and faults grow like a square root.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from facility.catalogue.catalogue import Aggregate, catalogue
from facility.estate import Asset
from models.assessment.pipeline import assess
from models.assessment.ranking import ordered

END = datetime(2027, 1, 20, tzinfo=UTC)

# kind -> channel -> (level, noise as a share of it, daily swing as a share, weather per degree, use)
PLANTS: dict[str, dict[str, tuple[float, float, float, float, float]]] = {
    "lift": {
        "door_close_time": (2.1, 0.015, 0.004, 0.0, 0.01),
        "door_motor_current": (0.9, 0.03, 0.02, -0.002, 0.03),
        "vibration_vertical": (0.10, 0.05, 0.03, 0.0, 0.02),
        "noise": (46.0, 0.008, 0.01, 0.0, 0.01),
        "motor_temperature": (38.0, 0.03, 0.08, 0.010, 0.15),
        "drive_current": (11.0, 0.04, 0.05, 0.0, 0.15),
        "trips": (14.0, 0.3, 0.6, 0.0, 1.0),
    },
    "fire_panel": {
        "battery_voltage": (27.3, 0.002, 0.001, 0.0001, 0.0),
        "charge_current": (0.15, 0.06, 0.02, 0.0, 0.0),
        "earth_resistance": (700.0, 0.03, 0.02, 0.004, 0.0),
        "humidity": (48.0, 0.08, 0.05, -0.01, 0.0),
    },
    "tank": {
        "level": (2.7, 0.01, 0.01, 0.0, 0.0),
        "water_temperature": (16.0, 0.02, 0.03, 0.02, 0.0),
        "inflow": (0.02, 0.5, 0.1, 0.0, 0.2),
    },
}
# mode -> what each channel does when the fault has run its course, as a share of its level
FAULTS: dict[str, tuple[str, dict[str, float]]] = {
    "door_operator_wear": ("lift", {"door_close_time": 0.22, "door_motor_current": 0.45}),
    "machine_bearing": ("lift", {"vibration_vertical": 0.8, "noise": 0.07, "motor_temperature": 0.2}),
    "panel_battery": ("fire_panel", {"battery_voltage": -0.035, "charge_current": 0.9}),
    "panel_earth_fault": ("fire_panel", {"earth_resistance": -0.5}),
}
COUNTS = {"lift": 36, "fire_panel": 16, "tank": 12}


@dataclass(frozen=True)
class Plant:
    assets: list[Asset]
    hourly: pl.DataFrame
    ill: dict[str, str]  # asset -> mode


def make_plant(seed: int, end: datetime, *, days: int = 40, faults: int = 0) -> Plant:
    """A plant of 64 assets up to `end`, so many of them ill for the last 8 to 14 days."""
    random = np.random.default_rng(seed)
    assets = [
        Asset(id=f"{kind}-{i}", kind=kind, site=f"works-{i % 2}")
        for kind, count in COUNTS.items()
        for i in range(count)
    ]
    modes = list(FAULTS)
    ill: dict[str, str] = {}
    for number in range(faults):
        kind = FAULTS[modes[number % len(modes)]][0]
        well = [a.id for a in assets if a.kind == kind and a.id not in ill]
        ill[well[int(random.integers(len(well)))]] = modes[number % len(modes)]
    weather = _wander(random, days * 24, 4.0, 60) - 6.0 * np.exp(-(((np.arange(days * 24) - 500) / 60) ** 2))
    frames = [_asset(random, asset, weather, days, end, ill.get(asset.id)) for asset in assets]
    return Plant(assets=assets, hourly=pl.concat(frames), ill=ill)


def _wander(random: np.random.Generator, hours: int, size: float, memory: float) -> np.ndarray:
    out = np.zeros(hours)
    kicks = random.normal(0, size * np.sqrt(2 / memory), hours)
    for hour in range(1, hours):
        out[hour] = out[hour - 1] * (1 - 1 / memory) + kicks[hour]
    return out


def _asset(
    random: np.random.Generator, asset: Asset, weather: np.ndarray, days: int, end: datetime, mode: str | None
) -> pl.DataFrame:
    hours = np.arange(days * 24)
    clock, weekday = hours % 24, (hours // 24) % 7
    use = np.exp(-(((clock - 7) / 2) ** 2)) + 0.8 * np.exp(-(((clock - 19) / 3) ** 2)) + 0.05
    use = use * np.where(weekday >= 5, 0.35, 1.0) * np.exp(_wander(random, len(hours), 0.1, 30))
    course = np.zeros(len(hours))
    if mode is not None:
        lasting = 24 * int(random.integers(8, 15))
        course[-lasting:] = np.sqrt(np.arange(lasting) / lasting) * random.uniform(0.8, 1.2)
    frames = []
    for key, (level, noise, swing, warm, busy) in PLANTS[asset.kind].items():
        own = level * np.exp(random.normal(0, 0.08 if key != "battery_voltage" else 0.004))
        values = own * (1 + swing * np.sin(2 * np.pi * (clock + 3) / 12) + warm * weather + busy * (use - use.mean()))
        values = values * (
            1 + _wander(random, len(hours), noise / 2, 48) + noise * random.standard_t(3, len(hours)) / 1.7
        )
        if mode is not None:
            values = values + own * FAULTS[mode][1].get(key, 0.0) * course
        channel = catalogue()[asset.kind].channels[key]
        frames.append(_rollups(random, asset.id, key, values, abs(own) * noise, end, channel.aggregate))
    return pl.concat(frames)


def _rollups(
    random: np.random.Generator,
    asset: str,
    key: str,
    values: np.ndarray,
    within: float,
    end: datetime,
    aggregate: Aggregate,
) -> pl.DataFrame:
    hours = [end - timedelta(hours=len(values) - i) for i in range(len(values))]
    counter = aggregate is Aggregate.COUNTER
    grown = np.maximum(values, 0.0) if counter else np.zeros(len(values))
    shown = 5000 + np.cumsum(grown) if counter else values
    kept = np.arange(len(values)) % 2 == 0 if key in ("noise", "humidity") else random.random(len(values)) > 0.08
    spread = 0.0 if counter else within
    frame = pl.DataFrame(
        {
            "asset": asset,
            "channel": key,
            "hour": hours,
            "count": 3,
            "mean": shown,
            "std": np.full(len(values), spread),
            "min": shown - (grown if counter else spread),
            "max": shown + (0.0 if counter else spread),
            "first": shown - grown,
            "last": shown,
            "increase": grown,
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )
    return frame.filter(pl.Series(kept))


def believed(shelf, plant):
    return assess(
        shelf(plant.hourly), plant.assets, as_of=END, horizon=timedelta(days=7), timezone=ZoneInfo("Africa/Cairo")
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_healthy_plant_is_left_alone(shelf, seed):
    found = believed(shelf, make_plant(seed, END))
    assert sum(one.flagged for one in found) <= 1
    assert sum(one.sensor_probability >= 0.5 for one in found) <= 2


@pytest.mark.parametrize("seed", [3, 4])
def test_what_is_ill_stands_at_the_top_and_is_named(shelf, seed):
    plant = make_plant(seed, END, faults=8)
    found = believed(shelf, plant)
    top = [one.asset for one in ordered(found)[: len(plant.ill)]]
    assert sum(asset in plant.ill for asset in top) >= 7
    assert sum(one.flagged for one in found if one.asset not in plant.ill) <= 1
    flagged = [one for one in found if one.flagged and one.asset in plant.ill]
    assert len(flagged) >= 6
    assert sum(one.mode == plant.ill[one.asset] for one in flagged) >= 0.75 * len(flagged)
