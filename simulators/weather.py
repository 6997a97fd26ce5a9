"""Weather of one place: season, time of day, fronts, rain, humidity and daylight.

All assets near one another share it, which is what makes weather a confounder: it moves many sensors at once. The
climate is that of the lower Yangtze; the sun's elevation is the textbook formula (declination and hour angle).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulators.chance import FloatArray, IntArray, Lot

DAY_S = 86_400
MEAN_C = 17.0
SEASON_C = 11.5
WARMEST_DAY = 205
CLEAR_SKY_LUX = 110_000.0


@dataclass(frozen=True, slots=True)
class Weather:
    """One value a tick."""

    temperature: FloatArray  # degC
    humidity: FloatArray  # %
    rain: FloatArray  # mm/h
    cloud: FloatArray  # 0..1
    daylight: FloatArray  # lx, horizontal, outdoors


def sun_elevation(utc_s: IntArray, latitude: float, longitude: float) -> FloatArray:
    """Radians above the horizon."""
    day_of_year = (utc_s / DAY_S) % 365.2425 + 1.0
    declination = np.radians(-23.44) * np.cos(2 * np.pi * (day_of_year + 10.0) / 365.2425)
    hour_angle = 2 * np.pi * ((utc_s % DAY_S) / DAY_S - 0.5) + np.radians(longitude)
    phi = np.radians(latitude)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    return np.asarray(np.arcsin(np.clip(sine, -1.0, 1.0)))


def weather(utc_s: IntArray, hour: FloatArray, lot: Lot, latitude: float, longitude: float) -> Weather:
    """The weather at the given moments. `hour` is the local hour of the day."""
    season = np.cos(2 * np.pi * (utc_s / DAY_S - WARMEST_DAY) / 365.2425)
    front = lot.stream("front").wander(utc_s, 3.5 * DAY_S)
    gloom = lot.stream("cloud").wander(utc_s, 1.3 * DAY_S) + 0.4 * lot.stream("gust").wander(utc_s, 7200)
    cloud = 1.0 / (1.0 + np.exp(-2.0 * gloom))
    shower = np.maximum(lot.stream("shower").wander(utc_s, 3 * 3600) + 0.3, 0.0)
    rain = np.where(cloud > 0.8, 3.0 * shower * (cloud - 0.8) / 0.2, 0.0)
    swing = np.cos(2 * np.pi * (hour - 15.0) / 24.0)
    temperature = MEAN_C + SEASON_C * season + 3.2 * front + (4.5 - 2.8 * cloud) * swing - 0.5 * np.minimum(rain, 3.0)
    humidity = np.clip(
        68.0 + 14.0 * (cloud - 0.5) - 9.0 * (1 - 0.6 * cloud) * swing + 5.0 * np.minimum(rain, 3.0)
        + 4.0 * lot.stream("moisture").wander(utc_s, 5 * 3600),
        22.0,
        100.0,
    )  # fmt: skip
    sine = np.maximum(np.sin(sun_elevation(utc_s, latitude, longitude)), 0.0)
    daylight = CLEAR_SKY_LUX * sine**1.15 * (1.0 - 0.78 * cloud**2)
    return Weather(temperature=temperature, humidity=humidity, rain=rain, cloud=cloud, daylight=daylight)
