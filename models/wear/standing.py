"""Where an asset stands among others of its class by wear: an order, and a probability drawn from the prior only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facility.i18n.phrases import Text
from models import wording
from models.statistics import BoolArray, FloatArray, IntArray, median, spread
from models.wear.wear import Wear

PRIOR = 0.06  # share of assets that need attention at any time
MOST = 0.9  # no more is said than that where nothing was ever found
LEAST_SPREAD = 1.0  # of the standing, in deviations of a day's noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Arrays (assets,). `worse_than` of `among` others that can be compared."""

    index: FloatArray
    grown: FloatArray
    score: FloatArray  # log odds, before they are bounded; for the order
    probability: FloatArray
    worse_than: FloatArray
    among: IntArray

    def sentence(self, row: int) -> Text:
        """The wear of one in words."""
        return wording.say(
            "wear",
            index=wording.number(float(self.index[row])),
            grown=wording.number(float(self.grown[row])),
            worse=int(self.worse_than[row]),
            among=int(self.among[row]),
        )


def standings(worn: Wear, chosen: BoolArray, beside: BoolArray, days: float) -> Standing:
    """Of the chosen assets on the last morning of `worn`, over the days to come; measured by those `beside`."""
    ahead = np.where(chosen, worn.ahead(days)[:, -1], np.nan)
    present = ahead[~np.isnan(ahead) & beside]
    present = present if present.size else ahead[~np.isnan(ahead)]
    middle = float(median(present[None])[0]) if present.size else 0.0
    width = max(float(spread(present[None])[0]), LEAST_SPREAD) if present.size else LEAST_SPREAD
    score = np.log(PRIOR / (1 - PRIOR)) + (np.nan_to_num(ahead, nan=middle) - middle) / width
    ordered = np.sort(present)
    return Standing(
        index=np.where(chosen, worn.index[:, -1], np.nan),
        grown=worn.grown[:, -1],
        score=score,
        probability=np.minimum(1 / (1 + np.exp(-score)), MOST),
        worse_than=np.searchsorted(ordered, np.nan_to_num(ahead, nan=middle)).astype(np.float64),
        among=np.maximum(len(present) - (beside & ~np.isnan(ahead)), 0).astype(np.int64),
    )
