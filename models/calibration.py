"""Bring log odds to probabilities that come true as often as they say, and measure whether they do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.optimize import minimize

from models.statistics import BoolArray, FloatArray

BOUNDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0001)  # of the reliability table
PRIOR = 0.15  # how firmly slope 1 and intercept 0 are believed before anything is seen, as a standard deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """p = logistic(intercept + slope * log odds), after Platt (1999)."""

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fitted(cls, odds: FloatArray, array: BoolArray, *, days: int) -> Self:
        """From held-out odds and what came, drawn towards leaving them as they are.

        Rows of one day share its luck, and neighbouring days share most of theirs: the evidence is counted in days.
        """
        if days == 0 or not array.any() or array.all():
            return cls()
        worth = days / len(array) * 20  # a day is worth some twenty independent cases

        def loss(at: FloatArray) -> float:
            z = at[0] + at[1] * odds
            fit = np.sum(np.logaddexp(0.0, z) - array * z) * worth
            return float(fit + (at[0] ** 2 + (at[1] - 1) ** 2) / (2 * PRIOR**2))

        solution = minimize(loss, np.array([0.0, 1.0]), method="BFGS")
        return cls(slope=float(solution.x[1]), intercept=float(solution.x[0])) if solution.x[1] > 0 else cls()

    def probability(self, odds: FloatArray) -> FloatArray:
        return np.asarray(1 / (1 + np.exp(-(self.intercept + self.slope * odds))))


def brier(array: FloatArray, bool_array: BoolArray) -> float:
    """Mean squared difference of probability and outcome (Brier 1950); lower is better."""
    return float(np.mean((array - bool_array) ** 2))


def reliability_table(array: FloatArray, bool_array: BoolArray) -> tuple[tuple[float, float, int], ...]:
    """By class of probability: mean said, share that came about, number of cases."""
    bounds = np.array(BOUNDS)
    place = np.digitize(array, bounds) - 1
    return tuple(
        (float(array[place == i].mean()), float(bool_array[place == i].mean()), int((place == i).sum()))
        for i in range(len(bounds) - 1)
        if (place == i).any()
    )
