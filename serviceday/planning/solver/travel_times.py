"""Where the stops of a round are, and how many minutes lie between them.

A stop is a building, or a spot where assets stand without one. With coordinates the way is walked or driven, whichever
is quicker; without, it is a flat allowance. All figures are design values (D): 15 min/km on foot; 8 min to park plus
2 min/km in town and 0.75 min/km beyond 10 km; streets are 1.3 times the straight line. A matrix of the crew file
goes before all of these.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facility.estate import Asset, Building
from serviceday.planning.crew.crew import Place, Ways
from serviceday.planning.policy import Policy

_EARTH_KM = 6371.0
_DETOUR = 1.3
_NO_WAYS = Ways()

Floats = NDArray[np.float64]


class Stops:
    """The stops of some assets, in natural order; `of[i]` is the stop of asset i."""

    def __init__(
        self, assets: Sequence[Asset], buildings: Sequence[Building], policy: Policy, ways: Ways = _NO_WAYS
    ) -> None:
        self.walk = policy.walk_minutes if ways.walk is None else ways.walk
        self.floor = policy.floor_minutes if ways.floor is None else ways.floor
        self._buildings_apart = policy.between_buildings if ways.buildings is None else ways.buildings
        self._sites_apart = policy.between_sites if ways.sites is None else ways.sites
        self._matrix = ways.matrix
        keys = [_stop(asset) for asset in assets]
        self.keys = sorted(set(keys), key=lambda key: tuple(map(natural, key)))
        number = {key: place for place, key in enumerate(self.keys)}
        self.of = np.array([number[key] for key in keys], dtype=np.int64)
        self.floors = np.array([level(asset.floor) for asset in assets], dtype=float)
        self._sites = np.array([key[0] for key in self.keys], dtype=object)
        self._points = {
            (building.site, building.id): (building.latitude, building.longitude)
            for building in buildings
            if building.latitude is not None and building.longitude is not None
        }
        self._radians = np.radians(self._coordinates(assets, number))
        self._rows: dict[int, Floats] = {}

    def _coordinates(self, assets: Sequence[Asset], number: dict[tuple[str, str], int]) -> Floats:
        sums = np.zeros((len(self.keys), 3))
        for asset, stop in zip(assets, self.of, strict=True):
            if asset.latitude is not None and asset.longitude is not None:
                sums[stop] += (asset.latitude, asset.longitude, 1)
        for key, point in self._points.items():
            if key in number:
                sums[number[key]] = (*point, 1)
        with np.errstate(invalid="ignore"):
            return sums[:, :2] / sums[:, 2:]

    def __len__(self) -> int:
        return len(self.keys)

    def minutes_from(self, stop: int) -> Floats:
        """Minutes from one stop to every stop, whole."""
        if stop not in self._rows:
            site, building = self.keys[stop]
            row = self._minutes(site, building, self._radians[stop])
            row[stop] = 0.0
            self._rows[stop] = row
        return self._rows[stop]

    def minutes_from_place(self, place: Place) -> Floats:
        """Minutes from where people set out to every stop, whole."""
        key = (place.site, place.building)
        if place.building and key in self.keys:
            return self.minutes_from(self.keys.index(key))
        if place.latitude is not None and place.longitude is not None:
            point = (place.latitude, place.longitude)
        else:
            point = self._points.get(key, (np.nan, np.nan))
        return self._minutes(place.site, place.building, np.radians(point))

    def _minutes(self, site: str, building: str, here: Floats) -> Floats:
        flat = np.where(self._sites == site, self._buildings_apart, self._sites_apart).astype(float)
        latitude, longitude = self._radians[:, 0], self._radians[:, 1]
        half = (
            np.sin((latitude - here[0]) / 2) ** 2
            + np.cos(latitude) * np.cos(here[0]) * np.sin((longitude - here[1]) / 2) ** 2
        )
        km = _DETOUR * 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
        on_foot = 2 + 15 * km
        driven = 8 + 2 * np.minimum(km, 10) + 0.75 * np.maximum(km - 10, 0)
        row = np.where(np.isnan(km), flat, np.minimum(on_foot, driven))
        if self._matrix and building:
            for number, (_, other) in enumerate(self.keys):
                minutes = self._matrix.get((building, other))
                row[number] = row[number] if minutes is None else minutes
        return np.ceil(row)

    def between_assets(self, some: Sequence[int]) -> NDArray[np.int16]:
        """Minutes between the assets numbered, walks and floors included; nothing between an asset and itself."""
        chosen = np.array(some, dtype=np.int64)
        stops = self.of[chosen]
        used, place = np.unique(stops, return_inverse=True)
        grid = np.empty((used.size, used.size), dtype=np.int16)
        for number, stop in enumerate(used):
            grid[number] = np.minimum(self.minutes_from(int(stop))[used], 20_000)
        minutes = grid[place[:, None], place[None, :]] + np.int16(self.walk)
        if self.floor > 0:
            apart = np.abs(self.floors[chosen][:, None] - self.floors[chosen][None, :])
            climbs = np.where(place[:, None] == place[None, :], np.ceil(self.floor * apart), 0)
            minutes = minutes + climbs.astype(np.int16)
        np.fill_diagonal(minutes, 0)
        return minutes


def level(floor: str) -> float:
    """A floor as a number, basements below nought; 0 where the words hold none."""
    match = re.search(r"\d+", floor)
    if match is None:
        return 0.0
    return -float(match[0]) if re.match(r"\s*(?:[Bb]|-|地下|负)", floor) else float(match[0])


def natural(words: str) -> tuple[tuple[int, float, str], ...]:
    """Sort key: 2号楼 before 10号楼, basements (B2, -1) before the ground."""
    basement = re.fullmatch(r"(?:[Bb]|-)(\d+)[Ff]?", words.strip())
    if basement:
        return ((0, -float(basement[1]), ""),)
    parts = re.findall(r"\d+|\D+", words.strip())
    return tuple((1, float(part), "") if part.isdecimal() else (2, 0.0, part) for part in parts)


def _stop(asset: Asset) -> tuple[str, str]:
    if asset.building or asset.latitude is None or asset.longitude is None:
        return asset.site, asset.building
    return asset.site, f"{asset.latitude:.3f},{asset.longitude:.3f}"
