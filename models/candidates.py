"""The classifiers that compete to foresee outages, and how the champion is chosen: on later days than it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.outages import Outages, eligible, events_within, features
from models.robust import BoolArray, FloatArray

CANDIDATES: dict[str, tuple[str, ...]] = {
    "logistic": ("logistic",),
    "boosted": ("boosted",),
    "logistic and boosted": ("logistic", "boosted"),
}
BETWEEN = 3  # days between days learned from: neighbours tell nearly the same


class Lessons:
    """Feature tables and outcomes by day, each computed once."""

    def __init__(self, outages: Outages, horizon: int) -> None:
        self.outages = outages
        self.horizon = horizon
        self._tables: dict[int, FloatArray] = {}
        self.names: tuple[str, ...] = ()

    def table(self, day: int) -> FloatArray:
        if day not in self._tables:
            self._tables[day], self.names = features(self.outages, day)
        return self._tables[day]

    def examples(self, days: Sequence[int]) -> tuple[FloatArray, BoolArray]:
        """Rows of the assets that were not down already, of all days together."""
        kept = [eligible(self.outages, day) for day in days]
        x = np.concatenate([self.table(day)[k] for day, k in zip(days, kept, strict=True)])
        y = np.concatenate(
            [events_within(self.outages, day, self.horizon)[k] for day, k in zip(days, kept, strict=True)]
        )
        return x, y


def training_days(until: int, horizon: int, shortest: int) -> list[int]:
    """Days whose whole horizon lies before `until`, newest first."""
    return list(range(until - horizon, shortest - 1, -BETWEEN))


def fitted(names: Sequence[str], x: FloatArray, y: BoolArray, seed: int) -> tuple[Any, ...]:
    """Fresh estimators of the names, fitted."""
    return tuple(_fresh(name, seed).fit(x, y) for name in names)


def _fresh(name: str, seed: int) -> Any:
    if name == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=500))
    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.03,
        max_leaf_nodes=5,
        min_samples_leaf=400,
        l2_regularization=50.0,
        max_features=0.3,
        early_stopping=False,
        random_state=seed,
    )


def log_odds(estimator: Any, x: FloatArray) -> FloatArray:
    p = np.clip(estimator.predict_proba(x)[:, 1], 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


def compare(lessons: Lessons, until: int, shortest: int, seed: int) -> dict[str, float]:
    """Average precision of each candidate on the last quarter of the past, learned from what was before it."""
    horizon = lessons.horizon
    judged = list(range(until - horizon, until - horizon - max(4 * 7, (until - shortest) // 4), -7))
    days = training_days(min(judged), horizon, shortest)
    if len(days) < 5 or min(judged) <= shortest:
        return {}
    x, y = lessons.examples(days)
    if y.sum() < 20 or y.all():
        return {}
    single = {name: fitted((name,), x, y, seed)[0] for name in ("logistic", "boosted")}
    held = [lessons.examples([day]) for day in judged]
    out = {}
    for name, parts in CANDIDATES.items():
        figures = [
            average_precision_score(y_day, np.mean([log_odds(single[p], x_day) for p in parts], axis=0))
            for x_day, y_day in held
            if y_day.any()
        ]
        out[name] = float(np.mean(figures)) if figures else 0.0
    return out
