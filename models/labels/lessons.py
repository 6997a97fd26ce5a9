"""Feature tables and outcomes of a label's history: what was known each morning, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.labels.history import LabelHistory
from models.outages.asset_features import Traits
from models.outages.features import features
from models.outages.history import Outages, decayed
from models.outages.label import Label
from models.statistics import BoolArray, FloatArray, IntArray
from models.wear.daily_table import DailyTable
from models.wear.wear import WearModel

AGAIN = 0.2  # of the events that follow another at the same asset: their history foretells them
BETWEEN = 2  # days between days learned from
MOST_EXAMPLES = 150_000
COUNTED = 30.0  # days, time constant of the plain count of events
EVENT = Label("event", ">=", 1.0)
BATCH = 250  # assets whose features are reckoned at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Examples, or assets to be ranked: one a row."""

    features: FloatArray
    wear: FloatArray  # standing of the unsupervised wear over the horizon, log; 0 where it cannot be told
    count: FloatArray  # decayed count of events, log
    came: BoolArray
    asset: IntArray
    day: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """A label's history beside its assets' sensors; all have the same assets and days."""

    history: LabelHistory
    table: DailyTable | None
    horizon: int
    traits: Traits

    @property
    def repeats(self) -> bool:
        """Whether events come again at the same asset often enough for their history to tell."""
        count = self.history.begun.sum(axis=1)
        total = int(count.sum())
        return not self.history.hindsight and total > 0 and float(np.maximum(count - 1, 0).sum()) >= AGAIN * total

    def days_before(self, until: int, shortest: int) -> list[int]:
        """Mornings that may be learned from, so far apart that the examples are not too many."""
        days = until - self.horizon - shortest + 1
        between = max(BETWEEN, -(-max(days, 0) * len(self.history.assets) // MOST_EXAMPLES))
        return list(range(until - self.horizon, shortest - 1, -between))

    def examples(
        self, days: Sequence[int], wear: WearModel | None, *, repeats: bool, assets: IntArray | None = None
    ) -> Rows:
        """Rows of the assets of which the outcome is known, of all days together."""
        judged = np.stack([self.history.judged(day, self.horizon) for day in days], axis=1)
        outcomes = np.stack([self.history.outcome(day, self.horizon) for day in days], axis=1)
        if assets is not None:
            chosen_days = np.zeros(len(judged), dtype=np.bool_)
            chosen_days[assets] = True
            judged &= chosen_days[:, None]
        return self.rows(days, wear, judged, outcomes, repeats=repeats)

    def rows(
        self, days: Sequence[int], wear: WearModel | None, chosen: BoolArray, outcomes: BoolArray, *, repeats: bool
    ) -> Rows:
        """Features of the chosen (assets, days)."""
        asset, place = np.nonzero(chosen)
        parts: list[FloatArray] = []
        standing = np.zeros(len(asset))
        if wear is not None and self.table is not None:
            figures = np.zeros((len(asset), len(wear.names)))
            for begin in range(0, len(chosen), BATCH):
                mine = np.flatnonzero((asset >= begin) & (asset < begin + BATCH))
                if not len(mine):
                    continue
                worn = wear.wear(self.table.taking(np.arange(begin, min(begin + BATCH, len(chosen)))), days)
                at = (asset[mine] - begin, place[mine])
                figures[mine] = worn.features[at]
                standing[mine] = np.log1p(np.nan_to_num(worn.ahead(self.horizon)[at]))
            parts.append(figures)
        came_about = self.history.came.astype(np.float64)
        if repeats:
            outages = Outages(assets=self.history.assets, label=EVENT, first=self.history.first, values=came_about)
            newest_first = np.argsort(days)
            tables, _ = features(outages.until(max(days)), sorted(days), self.traits)
            ordered = np.empty_like(newest_first)
            ordered[newest_first] = np.arange(len(days))
            parts.append(tables[ordered[place], asset].astype(np.float64))
        begun = self.history.begun & (not self.history.hindsight)
        counted = np.stack([decayed(begun[:, :day], COUNTED) for day in days], axis=1)
        return Rows(
            features=np.concatenate(parts, axis=1) if parts else np.zeros((len(asset), 0)),
            wear=standing,
            count=np.log1p(counted[asset, place]),
            came=outcomes[asset, place],
            asset=asset.astype(np.int64),
            day=np.asarray(days, dtype=np.int64)[place],
        )
