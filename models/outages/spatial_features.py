"""Who stands near whom: the same building, the same neighbourhood, the same region."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from facility.estate import Asset
from models.statistics import FloatArray, IntArray

AROUND = 60  # nearest assets that are looked at for the surroundings
KM_A_DEGREE = 111.2


def neighbourhoods(assets: Sequence[Asset]) -> IntArray:
    """A number for each place: the building, else the coordinates to about a kilometre, else the asset alone."""
    numbers: dict[object, int] = {}
    out = []
    for asset in assets:
        place: object = asset.id
        if asset.building:
            place = (asset.site, asset.building)
        elif asset.latitude is not None and asset.longitude is not None:
            place = (round(asset.latitude, 2), round(asset.longitude, 2))
        out.append(numbers.setdefault(place, len(numbers)))
    return np.array(out, dtype=np.int64)


def mean_of_others(figure: FloatArray, place: IntArray, worth: float = 1.0) -> FloatArray:
    """(assets, days) mean over the others of the same group; the fleet's mean is worth `worth` of them."""
    size = np.bincount(place)
    member = csr_array((np.ones(len(place)), (place, np.arange(len(place)))), shape=(len(size), len(place)))
    total = np.asarray(member @ figure)
    return np.asarray((total[place] - figure + worth * figure.mean(axis=0)) / (size[place] - 1 + worth)[:, None])


def mean_around(weights: csr_array, figure: FloatArray) -> FloatArray:
    """(assets, days) weighted mean over the surroundings, with the fleet's mean worth one asset."""
    return np.asarray((weights @ figure + figure.mean(axis=0)) / (weights.sum(axis=1) + 1.0)[:, None])


def surroundings(assets: Sequence[Asset], reach: float) -> csr_array:
    """(assets, assets) weights exp(-distance / reach in km) of the nearest others; none for assets without a place."""
    places = tuple((a.latitude, a.longitude) for a in assets)
    return _weights(places, reach)


@lru_cache(maxsize=4)
def _weights(places: tuple[tuple[float | None, float | None], ...], reach: float) -> csr_array:
    placed = np.array([i for i, (lat, lon) in enumerate(places) if lat is not None and lon is not None], dtype=np.int64)
    if len(placed) < 2:
        return csr_array((len(places), len(places)))
    degrees = np.array([places[i] for i in placed], dtype=np.float64)
    shrink = np.cos(np.deg2rad(degrees[:, 0].mean()))
    km = degrees * KM_A_DEGREE * np.array([1.0, shrink])
    distance, other = cKDTree(km).query(km, k=min(AROUND + 1, len(placed)))
    weight = np.exp(-distance / reach)
    weight[other == np.arange(len(placed))[:, None]] = 0.0
    rows = np.repeat(placed, distance.shape[1])
    return csr_array((weight.ravel(), (rows, placed[other.ravel()])), shape=(len(places), len(places)))
