"""Where the stops of a round are, and how many minutes lie between them.

A stop is a building, or a spot where assets stand without one. With coordinates the way is walked or driven, whichever
is quicker; without, it is a flat allowance. All figures are design values (D): 15 min/km on foot; 8 min to park plus
2 min/km in town and 0.75 min/km beyond 10 km; streets are 1.3 times the straight line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facility.estate import Asset, Building
from serviceday.planning.policy import Policy

_EARTH_KM = 6371.0
_DETOUR = 1.3


class Stops:
    """The stops of some assets, in natural order; `of[i]` is the stop of asset i."""

    def __init__(self, assets: Sequence[Asset], buildings: Sequence[Building], policy: Policy) -> None:
        self._policy = policy
        keys = [_stop(asset) for asset in assets]
        self.keys = sorted(set(keys), key=lambda key: tuple(map(natural, key)))
        number = {key: place for place, key in enumerate(self.keys)}
        self.of = np.array([number[key] for key in keys], dtype=np.int64)
        self._sites = np.array([key[0] for key in self.keys], dtype=object)
        self._radians = np.radians(self._coordinates(assets, buildings, number))
        self._rows: dict[int, NDArray[np.float64]] = {}

    def _coordinates(
        self, assets: Sequence[Asset], buildings: Sequence[Building], number: dict[tuple[str, str], int]
    ) -> NDArray[np.float64]:
        sums = np.zeros((len(self.keys), 3))
        for asset, stop in zip(assets, self.of, strict=True):
            if asset.latitude is not None and asset.longitude is not None:
                sums[stop] += (asset.latitude, asset.longitude, 1)
        for building in buildings:
            place = number.get((building.site, building.id))
            if place is not None and building.latitude is not None and building.longitude is not None:
                sums[place] = (building.latitude, building.longitude, 1)
        with np.errstate(invalid="ignore"):
            return sums[:, :2] / sums[:, 2:]

    def __len__(self) -> int:
        return len(self.keys)

    def minutes_from(self, stop: int) -> NDArray[np.float64]:
        """Minutes from one stop to every stop, whole and symmetric."""
        if stop not in self._rows:
            flat = np.where(
                self._sites == self._sites[stop], self._policy.between_buildings, self._policy.between_sites
            ).astype(float)
            here = self._radians[stop]
            latitude, longitude = self._radians[:, 0], self._radians[:, 1]
            half = (
                np.sin((latitude - here[0]) / 2) ** 2
                + np.cos(latitude) * np.cos(here[0]) * np.sin((longitude - here[1]) / 2) ** 2
            )
            km = _DETOUR * 2 * _EARTH_KM * np.arcsin(np.sqrt(np.clip(half, 0, 1)))
            on_foot = 2 + 15 * km
            driven = 8 + 2 * np.minimum(km, 10) + 0.75 * np.maximum(km - 10, 0)
            row = np.where(np.isnan(km), flat, np.minimum(on_foot, driven))
            row[stop] = 0.0
            self._rows[stop] = np.ceil(row)
        return self._rows[stop]


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
