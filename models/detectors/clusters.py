"""k-means windows: is the asset in a state it has not been in before?

The daily vectors of an asset's adjusted channels over its reference days are gathered into a few clusters: its ways of
working. How far the recent days lie from the nearest of them, against how far the reference days lie, is the score; it
goes to the channels that make the distance. (k-means on windows is among the best of TSB-AD, Liu and Paparrizos 2024.)
"""

from __future__ import annotations

from typing import Self

import numpy as np

from models.detectors.class_statistics import ClassFigures, scatter_by_group
from models.detectors.subspace import assets_by_size
from models.features.directions import badness
from models.features.windows import Windows
from models.statistics import FloatArray, IntArray, empty_slices, median, spread

STATES = 3
ROUNDS = 8
FEWEST_DAYS = 12


class Clusters(ClassFigures):
    """Distance to the usual states of a class (k-means)."""

    name = "clusters"

    def fit(self, windows: Windows) -> Self:
        self.keep("scatter", windows, scatter_by_group(windows, self.once(windows, self._raw)))
        return self

    def score(self, windows: Windows) -> FloatArray:
        return badness(windows, self.once(windows, self._raw) / self.recall("scatter", windows, 1.0))

    def _raw(self, windows: Windows) -> FloatArray:
        out = np.zeros(len(windows.channels))
        if windows.reference >= FEWEST_DAYS:
            for rows in assets_by_size(windows):
                out[rows] = _distances(windows, rows)
        return out


def _distances(windows: Windows, rows: IntArray) -> FloatArray:
    """(assets, channels) signed scores of assets with equally many channels; `rows` (assets, channels)."""
    vectors = np.clip(np.nan_to_num(windows.standard[rows]), -12, 12).transpose(0, 2, 1)
    past = np.clip(vectors[:, : windows.reference], -4, 4)
    centres = _centres(past)
    apart = vectors[:, :, None, :] - centres[:, None, :, :]
    squared = np.sum(apart**2, axis=3)
    nearest = np.argmin(squared, axis=2)
    distance = np.sqrt(np.min(squared, axis=2))
    usual = distance[:, : windows.reference]
    width = np.maximum(spread(usual), 0.3)
    with empty_slices():
        strange = (distance - median(usual)[:, None]) / width[:, None]
    score = np.maximum(np.minimum(median(strange[:, -3:]), strange[:, -2:].mean(axis=1) + 1.0), 0.0)
    off = np.take_along_axis(apart, nearest[:, :, None, None], 2)[:, :, 0, :]
    now = median(off[:, -3:], axis=1)
    with empty_slices():
        part = np.abs(now) / np.max(np.abs(now), axis=1, keepdims=True)
    return np.asarray(np.nan_to_num(score[:, None] * part) * np.sign(now))


def _centres(past: FloatArray) -> FloatArray:
    """(assets, states, channels): Lloyd's iterations from the mean and the days farthest from what is chosen."""
    centres = past.mean(axis=1, keepdims=True)
    every = np.arange(len(past))
    while centres.shape[1] < STATES:
        far = np.min(np.sum((past[:, :, None] - centres[:, None]) ** 2, axis=3), axis=2)
        centres = np.concatenate([centres, past[every, np.argmax(far, axis=1)][:, None]], axis=1)
    for _ in range(ROUNDS):
        member = np.argmin(np.sum((past[:, :, None] - centres[:, None]) ** 2, axis=3), axis=2)
        mask = (member[:, :, None] == np.arange(STATES)).astype(np.float64)
        size = mask.sum(axis=1)[:, :, None]
        means = np.einsum("ads,adc->asc", mask, past) / np.maximum(size, 1)
        centres = np.where(size > 0, means, centres)
    return np.asarray(centres, dtype=np.float64)
