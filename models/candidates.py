"""The classifiers that compete to foresee outages, and how they are judged: on later days than they have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from models.foretelling import Traits, features
from models.outages import Outages, decayed_count, eligible, events_within
from models.robust import BoolArray, FloatArray

CANDIDATES: dict[str, tuple[str, ...]] = {
    "together": ("logistic", "boosted"),  # the mean of their log odds; first, so that it wins a tie
    "logistic": ("logistic",),
    "boosted": ("boosted",),
}
BETWEEN = 3  # days between days learned from: neighbours tell nearly the same
HELD_OUT = 0.25  # of the past, for judging
SHORTEST_HELD_OUT = 28  # days
FEWEST_DAYS = 5  # days learned from, before anything is judged
FEWEST_EVENTS = 20
SIMPLE_BELOW = 200  # events: fewer than these teach a straight line and nothing else


class Lessons:
    """Feature tables and outcomes by day, each computed once."""

    def __init__(self, outages: Outages, horizon: int, traits: Traits | None = None) -> None:
        self.outages = outages
        self.horizon = horizon
        self.traits = Traits.of(outages.assets) if traits is None else traits
        self._tables: dict[int, FloatArray] = {}
        self.names: tuple[str, ...] = ()

    def table(self, day: int) -> FloatArray:
        if day not in self._tables:
            table, self.names = features(self.outages, day, self.traits)
            self._tables[day] = table.astype(np.float32)
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
    return tuple(_fresh(name, len(y), seed).fit(x, y) for name in names)


def _fresh(name: str, examples: int, seed: int) -> Any:
    """How much each is held back goes with the number of examples, most of which tell nearly the same."""
    if name == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(C=min(1.0, 12 / examples), max_iter=500))
    return HistGradientBoostingClassifier(
        max_iter=150,
        learning_rate=0.03,
        max_leaf_nodes=5,
        min_samples_leaf=int(np.clip(examples / 150, 20, 400)),
        l2_regularization=50.0,
        max_features=0.2,
        early_stopping=False,
        random_state=seed,
    )


def log_odds(estimator: Any, x: FloatArray) -> FloatArray:
    p = np.clip(estimator.predict_proba(x)[:, 1], 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What each candidate would have said on days of the past it had not seen, and what came."""

    first: int  # the earliest day judged; what was learned from ends before it
    days: tuple[int, ...]
    said: dict[str, tuple[FloatArray, ...]]  # log odds by candidate, a day each
    came: tuple[BoolArray, ...]
    baseline: float  # average precision of the decayed count on the same days

    def average_precision(self, name: str) -> float:
        return mean_average_precision(self.said[name], self.came)

    @property
    def by_candidate(self) -> dict[str, float]:
        return {name: self.average_precision(name) for name in self.said}


def mean_average_precision(said: Sequence[FloatArray], came: Sequence[BoolArray]) -> float:
    """Average precision of each day, averaged over the days on which anything came."""
    figures = [average_precision_score(y, s) for s, y in zip(said, came, strict=True) if y.any()]
    return float(np.mean(figures)) if figures else 0.0


def held_out(lessons: Lessons, until: int, shortest: int, seed: int) -> HeldOut | None:
    """Judge the candidates on the last quarter of the past, learned from what was before it; None if it is too short.

    Nothing is learned from a day whose horizon reaches into the days that are judged.
    """
    horizon = lessons.horizon
    length = max(SHORTEST_HELD_OUT, round(HELD_OUT * (until - shortest)))
    judged = list(range(until - horizon, until - horizon - length, -BETWEEN))
    days = training_days(min(judged), horizon, shortest)
    if len(days) < FEWEST_DAYS or min(judged) <= shortest:
        return None
    x, y = lessons.examples(days)
    if y.sum() < FEWEST_EVENTS or y.all():
        return None
    parts = {name: fitted((name,), x, y, seed)[0] for name in simple_enough(int(y.sum()))}
    tests = [lessons.examples([day]) for day in judged]
    single = {name: [log_odds(part, x_day) for x_day, _ in tests] for name, part in parts.items()}
    said = {
        name: tuple(np.mean([single[p][i] for p in members], axis=0) for i in range(len(judged)))
        for name, members in CANDIDATES.items()
        if set(members) <= set(parts)
    }
    came = tuple(y_day for _, y_day in tests)
    counts = [decayed_count(lessons.outages, day)[eligible(lessons.outages, day)] for day in judged]
    return HeldOut(
        first=min(judged),
        days=tuple(judged),
        said=said,
        came=came,
        baseline=mean_average_precision(counts, came),
    )


def simple_enough(events: int) -> tuple[str, ...]:
    """The estimators that so many events can teach."""
    return ("logistic",) if events < SIMPLE_BELOW else ("logistic", "boosted")


def champion(judged: HeldOut | None, events: int, margin: float = 0.004) -> str:
    """The mean of all, unless a single one was clearly better on held-out days: a choice by noise costs more."""
    figures = {} if judged is None else judged.by_candidate
    if "boosted" not in simple_enough(events) or (figures and "together" not in figures):
        return "logistic"
    best = max(figures, key=lambda name: figures[name], default="together")
    return best if figures and figures[best] > figures["together"] + margin else "together"
