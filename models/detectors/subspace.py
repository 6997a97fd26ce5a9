"""PCA subspace: do an asset's channels still move together the way they used to?

For each asset the daily vector of its adjusted channels is split into the principal subspace of its reference days and
the rest. Hotelling's T2 within and Q (squared prediction error) outside it are brought to standard normal scale
(Wilson-Hilferty) and averaged over the recent days. The score goes to the channels that contribute most.
Few days and many channels: the covariance is drawn towards the identity.
"""

from __future__ import annotations

from typing import Self

import numpy as np

from models.detectors.class_statistics import ClassFigures, scatter_by_group
from models.features.directions import badness
from models.features.windows import Figure, Windows
from models.statistics import FloatArray, IntArray, empty_slices, median

IDENTITY = 0.35  # weight of the identity in the covariance
VARIANCE = 0.8  # share of variance the principal subspace holds
FEWEST_DAYS = 10


class Subspace(ClassFigures):
    """What the joint behaviour of an asset's channels does not explain (PCA)."""

    name = "subspace"

    def fit(self, windows: Windows) -> Self:
        self.keep("scatter", windows, scatter_by_group(windows, self.once(windows, self._raw)))
        return self

    def score(self, windows: Windows) -> FloatArray:
        return badness(windows, self.once(windows, self._raw) / self.recall("scatter", windows, 1.0))

    def _raw(self, windows: Windows) -> FloatArray:
        out = np.zeros(len(windows.channels))
        if windows.reference < FEWEST_DAYS:
            return out
        for rows in assets_by_size(windows):
            out[rows] = _contributions(windows, rows)
        return out


def assets_by_size(windows: Windows) -> list[IntArray]:
    """Rows of well-filled level and rate figures, assets of two such channels or more: (assets, channels) a size."""
    chosen = windows.having(Figure.LEVEL, Figure.RATE) & ~windows.excluded
    chosen &= np.isfinite(windows.scale)
    chosen &= np.mean(~np.isnan(windows.adjusted[:, -windows.reference :]), axis=1) > 0.7
    rows_of: dict[int, list[int]] = {}
    for row in np.flatnonzero(chosen):
        rows_of.setdefault(int(windows.owner[row]), []).append(int(row))
    by_size: dict[int, list[list[int]]] = {}
    for rows in rows_of.values():
        if len(rows) >= 2:
            by_size.setdefault(len(rows), []).append(rows)
    return [np.array(members, dtype=np.int64) for members in by_size.values()]


def _contributions(windows: Windows, rows: IntArray) -> FloatArray:
    """(assets, channels) signed scores for assets with equally many channels; `rows` (assets, channels)."""
    size = rows.shape[1]
    vectors = np.clip(np.nan_to_num(windows.standard[rows]), -12, 12).transpose(0, 2, 1)
    past = np.clip(vectors[:, : windows.reference], -4, 4)
    covariance = np.einsum("adc,ade->ace", past, past) / windows.reference
    covariance = (1 - IDENTITY) * covariance + IDENTITY * np.eye(size)
    variances, axes = np.linalg.eigh(covariance)
    top = variances[:, ::-1]
    before = np.cumsum(top, axis=1) - top
    principal = (before < VARIANCE * top.sum(axis=1, keepdims=True))[:, ::-1]
    scores = np.einsum("adc,acp->adp", vectors, axes)
    t2 = np.sum(np.where(principal[:, None, :], scores**2 / variances[:, None, :], 0.0), axis=2)
    q = np.sum(np.where(principal[:, None, :], 0.0, scores**2 / variances[:, None, :]), axis=2)
    inside = principal.sum(axis=1)
    strange = np.maximum(_to_normal(t2, inside), _to_normal(q, size - inside))
    usual = median(strange[:, : windows.reference])
    recent = np.minimum(median(strange[:, -3:]), strange[:, -2:].mean(axis=1) + 1.0)
    score = np.maximum(recent - np.maximum(np.nan_to_num(usual), 0.0), 0.0)
    now = median(vectors[:, -3:], axis=1)
    with empty_slices():
        part = np.abs(now) / np.max(np.abs(now), axis=1, keepdims=True)
    return np.asarray(np.nan_to_num(score[:, None] * part) * np.sign(now))


def _to_normal(chi: FloatArray, freedom: IntArray) -> FloatArray:
    """Wilson and Hilferty (1931): the cube root of chi-square over its degrees of freedom is nearly normal."""
    k = np.maximum(freedom, 1)[:, None]
    return np.asarray(
        np.where(freedom[:, None] > 0, (np.cbrt(chi / k) - (1 - 2 / (9 * k))) / np.sqrt(2 / (9 * k)), 0.0)
    )
