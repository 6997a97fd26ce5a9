"""Who may speak of a label: classifiers, wear alone, a count of past events; judged on time or assets held out.

Wear and count need no examples to rank by; here they are given a probability by a logistic curve. A classifier speaks
only where it is better than both by more than chance.
"""

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
from threadpoolctl import threadpool_limits

from models.labels.lessons import Lessons, Rows
from models.statistics import BoolArray, FloatArray, IntArray
from models.wear.wear import WearModel

LEARNED: dict[str, tuple[str, ...]] = {  # what learns from all features: the mean of log odds
    "together": ("straight", "boosted"),
    "straight": ("straight",),
    "boosted": ("boosted",),
}
SIMPLE = ("wear", "count")
MARGIN = 0.004  # of average precision, that a single one must be better than all together
FEWEST_EVENTS = 20  # that began, to learn from
FEWEST_JUDGED = 10  # that began on the days held out, to judge by them
HELD_OUT, SHORTEST_HELD_OUT = 0.25, 28  # of the past; days
SHORTEST = 21  # days of history before a day that is learned from
FEWEST_DAYS = 5
FOLDS = 4
SURE, RESAMPLES = 0.8, 200
BLOCKS = 40  # stretches of days, or assets by lot, that are drawn together


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """What each voice would have said of examples it had not seen, and what came of them."""

    by: str  # time, or assets
    first: int  # earliest day judged
    last: int
    said: dict[str, FloatArray]  # log odds by voice
    came: BoolArray
    block: IntArray  # examples of a block are drawn together: they share their outcomes
    events: int

    def average_precision(self, voice: str) -> float:
        return _precision(self.said[voice], self.came)

    @property
    def figures(self) -> dict[str, float]:
        return {voice: self.average_precision(voice) for voice in self.said}

    @property
    def simplest(self) -> str:
        """The better of those that need no examples."""
        return max((voice for voice in SIMPLE if voice in self.said), key=self.average_precision)

    @property
    def champion(self) -> str:
        """All together, unless a single one was clearly better: choosing by noise costs more."""
        learned = {voice: self.average_precision(voice) for voice in LEARNED if voice in self.said}
        best = max(learned, key=lambda voice: learned[voice])
        return best if learned[best] > learned["together"] + MARGIN else "together"

    def proven(self) -> bool:
        """Whether the champion beats the better simple voice in four of five resamples of blocks."""
        mine, theirs = self.said[self.champion], self.said[self.simplest]
        if self.events < FEWEST_JUDGED or _precision(mine, self.came) <= _precision(theirs, self.came):
            return False
        random = np.random.default_rng(0)
        blocks = np.unique(self.block)
        members = [np.flatnonzero(self.block == block) for block in blocks]
        better = 0
        for _ in range(RESAMPLES):
            drawn = np.concatenate([members[i] for i in random.integers(0, len(blocks), len(blocks))])
            better += _precision(mine[drawn], self.came[drawn]) > _precision(theirs[drawn], self.came[drawn])
        return better >= SURE * RESAMPLES


def _precision(odds: FloatArray, outcomes: BoolArray) -> float:
    return float(average_precision_score(outcomes, odds)) if outcomes.any() else 0.0


def taught(rows: Rows, names: Sequence[str], seed: int) -> dict[str, Any]:
    """Fresh estimators of the names, fitted on one core."""
    with threadpool_limits(1):
        return {name: _fresh(name, seed).fit(_seen(name, rows), rows.came) for name in names}


def _fresh(name: str, seed: int) -> Any:
    if name == "boosted":
        return HistGradientBoostingClassifier(
            max_iter=150,
            learning_rate=0.05,
            max_leaf_nodes=7,
            min_samples_leaf=40,
            l2_regularization=20.0,
            max_features=0.4,
            early_stopping=False,
            random_state=seed,
        )
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01 if name == "straight" else 1.0, max_iter=500))


def _seen(name: str, rows: Rows) -> FloatArray:
    return {"wear": rows.wear[:, None], "count": rows.count[:, None]}.get(name, rows.features)


def log_odds(estimators: dict[str, Any], names: Sequence[str], rows: Rows) -> FloatArray:
    """Mean log odds of the named estimators, a row each."""
    odds = []
    with threadpool_limits(1):
        for name in names:
            p = np.clip(estimators[name].predict_proba(_seen(name, rows))[:, 1], 1e-6, 1 - 1e-6)
            odds.append(np.log(p / (1 - p)))
    return np.asarray(np.mean(odds, axis=0))


def held_out(lessons: Lessons, until: int, seed: int) -> HeldOut | None:
    """By time where enough events began on both sides of the cut, else by assets; None where neither is possible."""
    return _by_time(lessons, until, seed) or _by_assets(lessons, until, seed)


def _by_time(lessons: Lessons, until: int, seed: int) -> HeldOut | None:
    length = max(SHORTEST_HELD_OUT, round(HELD_OUT * (until - SHORTEST)))
    judged = list(range(until - lessons.horizon, until - lessons.horizon - length, -2))
    days = lessons.days_before(min(judged), SHORTEST)
    began = lessons.history.begun
    first = min(judged)
    if len(days) < FEWEST_DAYS or first <= SHORTEST:
        return None
    if began[:, :first].sum() < FEWEST_EVENTS or began[:, first:].sum() < FEWEST_JUDGED:
        return None
    table = lessons.table
    wear = WearModel.learned(table.until(first), seed=seed) if table is not None else None
    repeats = lessons.repeats
    learned = lessons.examples(days, wear, repeats=repeats)
    tests = lessons.examples(judged, wear, repeats=repeats)
    odds = _said(learned, tests, wear, seed)
    if odds is None:
        return None
    width = max(1, lessons.horizon, -(-length // BLOCKS))
    return HeldOut(
        by="time",
        first=first,
        last=max(judged),
        said=odds,
        came=tests.came,
        block=tests.day // width,
        events=int(began[:, first:].sum()),
    )


def _by_assets(lessons: Lessons, until: int, seed: int) -> HeldOut | None:
    """Each quarter of the assets judged by what was learned from the others: for lives that lie beside each other."""
    began = lessons.history.begun
    ill = np.flatnonzero(began.any(axis=1))
    days = lessons.days_before(until, SHORTEST)
    if len(ill) < FEWEST_EVENTS or len(days) < FEWEST_DAYS:
        return None
    fold = np.random.default_rng(seed).permutation(len(began)) % FOLDS
    parts: list[tuple[dict[str, FloatArray], Rows]] = []
    for part in range(FOLDS):
        others, mine = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        wear = WearModel.learned(lessons.table, others, seed) if lessons.table is not None else None
        tests = lessons.examples(days, wear, repeats=lessons.repeats, assets=mine)
        odds = _said(lessons.examples(days, wear, repeats=lessons.repeats, assets=others), tests, wear, seed)
        if odds is None:
            return None
        parts.append((odds, tests))
    voices = set.intersection(*(set(odds) for odds, _ in parts))
    asset = np.concatenate([rows.asset for _, rows in parts])
    return HeldOut(
        by="assets",
        first=min(days),
        last=max(days),
        said={voice: np.concatenate([odds[voice] for odds, _ in parts]) for voice in sorted(voices)},
        came=np.concatenate([rows.came for _, rows in parts]),
        block=asset % BLOCKS,
        events=len(ill),
    )


def _said(learned: Rows, tests: Rows, wear: WearModel | None, seed: int) -> dict[str, FloatArray] | None:
    if not learned.came.any() or learned.came.all() or not tests.came.any() or not learned.features.shape[1]:
        return None
    simple = SIMPLE if wear is not None else ("count",)
    estimators = taught(learned, ("straight", "boosted", *simple), seed)
    odds = {voice: log_odds(estimators, names, tests) for voice, names in LEARNED.items()}
    return odds | {voice: log_odds(estimators, (voice,), tests) for voice in simple}
