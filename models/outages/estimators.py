"""The classifiers that compete to foresee outages, and how they are judged: on later days than they have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from models.outages.asset_features import Traits
from models.outages.features import features
from models.outages.history import Outages, decayed_count, eligible, events_within
from models.statistics import BoolArray, FloatArray

CANDIDATES: dict[str, dict[str, float]] = {  # voices and their weights
    "together": {"straight": 1.0, "curved": 1.0, "boosted": 0.5},  # mean of log odds; first, so that it wins a tie
    "straight": {"straight": 1.0},
    "curved": {"curved": 1.0},
    "boosted": {"boosted": 1.0},
}
BETWEEN = 2  # days between days learned from: neighbours tell nearly the same
MOST_EXAMPLES = 300_000  # beyond, days lie farther apart
HELD_OUT = 0.25  # of the past, for judging
SHORTEST_HELD_OUT = 28  # days
FEWEST_DAYS = 5  # days learned from, before anything is judged
FEWEST_EVENTS = 20
SURE = 0.8  # of the resamples must be better than the decayed count
RESAMPLES = 2000
SIMPLE_BELOW = 200  # events: fewer than these teach a straight line and nothing else
CURVES = 200  # examples that the curved voice compares with


class Lessons:
    """Feature tables and outcomes by day, each computed once."""

    def __init__(self, outages: Outages, horizon: int, traits: Traits | None = None) -> None:
        self.outages = outages
        self.horizon = horizon
        self.traits = Traits.of(outages.assets) if traits is None else traits
        self._tables: dict[int, FloatArray] = {}
        self.names: tuple[str, ...] = ()

    def table(self, day: int) -> FloatArray:
        self.prepare([day])
        return self._tables[day]

    def examples(self, days: Sequence[int]) -> tuple[FloatArray, BoolArray]:
        """Rows of the assets that were not down already, of all days together."""
        self.prepare(days)
        chosen = [eligible(self.outages, day) for day in days]
        x = np.concatenate([self._tables[day][k] for day, k in zip(days, chosen, strict=True)])
        y = np.concatenate(
            [events_within(self.outages, day, self.horizon)[k] for day, k in zip(days, chosen, strict=True)]
        )
        return x, y

    def training_days(self, until: int, shortest: int) -> list[int]:
        """Days whose whole horizon lies before `until`, newest first."""
        days = until - self.horizon - shortest + 1
        between = max(BETWEEN, -(-days * len(self.outages.assets) // MOST_EXAMPLES))
        return list(range(until - self.horizon, shortest - 1, -between))

    def prepare(self, days: Sequence[int]) -> None:
        """Compute the tables of many days together, which is far cheaper than one after the other."""
        missing = sorted({day for day in days if day not in self._tables})
        if missing:
            tables, self.names = features(self.outages.until(max(missing)), missing, self.traits)
            self._tables |= zip(missing, tables, strict=True)


def fitted(names: Sequence[str], x: FloatArray, y: BoolArray, seed: int) -> tuple[Any, ...]:
    """Fresh estimators of the names, fitted on one core: threads that wait for each other cost more than they bring."""
    with threadpool_limits(1):
        return tuple(_fresh(name, x.shape, seed).fit(x, y) for name in names)


def _fresh(name: str, shape: tuple[int, ...], seed: int) -> Any:
    """How much each is held back goes with the number of examples, most of which tell nearly the same.

    straight: logistic regression. curved: the same, with likeness to some examples (radial basis functions) besides.
    boosted: small trees.
    """
    examples, width = shape
    if name == "boosted":
        return HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=0.03,
            max_leaf_nodes=5,
            min_samples_leaf=int(np.clip(examples / 150, 20, 100)),
            l2_regularization=50.0,
            max_features=0.2,
            early_stopping=False,
            random_state=seed,
        )
    line = LogisticRegression(C=min(1.0, 12 / examples), max_iter=500)
    if name == "straight":
        return make_pipeline(StandardScaler(), line)
    likeness = Nystroem(n_components=min(CURVES, examples), gamma=0.2 / width, random_state=seed)
    both = FeatureUnion([("straight", "passthrough"), ("curved", likeness)], transformer_weights={"curved": 8.0})
    return make_pipeline(StandardScaler(), both, line)


def log_odds(estimator: Any, x: FloatArray) -> FloatArray:
    """An estimator's log odds of an outage, a row each."""
    p = np.clip(estimator.predict_proba(x)[:, 1], 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What each candidate would have said on days of the past it had not seen, and what came."""

    first: int  # the earliest day judged; what was learned from ends before it
    days: tuple[int, ...]
    said: dict[str, tuple[FloatArray, ...]]  # log odds by candidate, a day each
    came: tuple[BoolArray, ...]
    counts: tuple[FloatArray, ...]  # the decayed count on the same days
    horizon: int = 7  # days that the outcomes of neighbouring days share

    @property
    def baseline(self) -> float:
        """Average precision of the decayed count on the same days."""
        return mean_average_precision(self.counts, self.came)

    @property
    def events(self) -> int:
        return int(sum(y.sum() for y in self.came))

    def proven(self, name: str) -> bool:
        """Is it better than the decayed count by more than chance may bring about?

        Days whose outcomes overlap are drawn in runs of neighbours (Kuensch 1989).
        """
        gain = daily_average_precision(self.said[name], self.came) - daily_average_precision(self.counts, self.came)
        if self.events < FEWEST_EVENTS or not len(gain) or gain.mean() <= 0:
            return False
        run = min(max(1, -(-self.horizon // BETWEEN)), len(gain))
        first = np.random.default_rng(0).integers(0, len(gain), (RESAMPLES, -(-len(gain) // run)))
        draws = ((first[:, :, None] + np.arange(run)) % len(gain)).reshape(RESAMPLES, -1)[:, : len(gain)]
        return bool((gain[draws].mean(axis=1) > 0).mean() >= SURE)

    def average_precision(self, name: str) -> float:
        return mean_average_precision(self.said[name], self.came)

    @property
    def by_candidate(self) -> dict[str, float]:
        return {name: self.average_precision(name) for name in self.said}


def daily_average_precision(arrays: Sequence[FloatArray], bool_arrays: Sequence[BoolArray]) -> FloatArray:
    """Average precision of each day on which anything came."""
    return np.array([average_precision_score(y, s) for s, y in zip(arrays, bool_arrays, strict=True) if y.any()])


def mean_average_precision(arrays: Sequence[FloatArray], bool_arrays: Sequence[BoolArray]) -> float:
    """Average precision of each day, averaged over the days on which anything came."""
    figures = daily_average_precision(arrays, bool_arrays)
    return float(figures.mean()) if len(figures) else 0.0


def weighted(arrays: Sequence[FloatArray], weights: Sequence[float]) -> FloatArray:
    """Mean of the voices' log odds."""
    return np.asarray(np.average(np.array(arrays), axis=0, weights=weights))


def held_out(lessons: Lessons, until: int, shortest: int, seed: int) -> HeldOut | None:
    """Judge the candidates on the last quarter of the past, learned from what was before it; None if it is too short.

    Nothing is learned from a day whose horizon reaches into the days that are judged.
    """
    horizon = lessons.horizon
    length = max(SHORTEST_HELD_OUT, round(HELD_OUT * (until - shortest)))
    judged = list(range(until - horizon, until - horizon - length, -BETWEEN))
    days = lessons.training_days(min(judged), shortest)
    if len(days) < FEWEST_DAYS or min(judged) <= shortest:
        return None
    lessons.prepare([*days, *judged])
    x, y = lessons.examples(days)
    if y.sum() < FEWEST_EVENTS or y.all():
        return None
    parts = {name: fitted((name,), x, y, seed)[0] for name in simple_enough(int(y.sum()))}
    tests = [lessons.examples([day]) for day in judged]
    single = {name: [log_odds(part, x_day) for x_day, _ in tests] for name, part in parts.items()}
    stated = {
        name: tuple(weighted([single[p][i] for p in voices], [*voices.values()]) for i in range(len(judged)))
        for name, voices in CANDIDATES.items()
        if set(voices) <= set(parts)
    }
    happened = tuple(y_day for _, y_day in tests)
    counts = tuple(decayed_count(lessons.outages, day)[eligible(lessons.outages, day)] for day in judged)
    return HeldOut(
        first=min(judged),
        days=tuple(judged),
        said=stated,
        came=happened,
        counts=counts,
        horizon=horizon,
    )


def simple_enough(events: int) -> tuple[str, ...]:
    """The estimators that so many events can teach."""
    return ("straight",) if events < SIMPLE_BELOW else ("straight", "curved", "boosted")


def champion(judged: HeldOut | None, events: int, margin: float = 0.004) -> str:
    """The mean of all, unless a single one was clearly better on held-out days: a choice by noise costs more."""
    figures = {} if judged is None else judged.by_candidate
    if "boosted" not in simple_enough(events) or (figures and "together" not in figures):
        return "straight"
    best = max(figures, key=lambda name: figures[name], default="together")
    return best if figures and figures[best] > figures["together"] + margin else "together"
