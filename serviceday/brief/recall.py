"""Of the faults that were there, how many had a warning or a weak sign: known only through checks drawn by lot.

The assets drawn stand for all assets without a sign. With n of them looked at and k faulty, the share of faulty ones is
k/n, with the exact interval of Clopper and Pearson (Biometrika 26, 1934); times the number of assets in the lot it says
how many faults the signs missed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import comb

CONFIDENCE = 0.95
_STEPS = 60  # halvings: beyond the precision of a float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """One day's lot: what was found at flagged assets, and at those drawn."""

    caught: int  # faults at assets with a sign that were looked at
    pool: int  # assets without a sign, in use that day
    looked: int  # of them drawn and looked at
    faulty: int  # of those


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """The share of faults that had a sign, 0..1, with its 95 % interval, and what it rests on."""

    value: float
    low: float
    high: float
    looked: int
    faulty: int
    pool: int
    caught: int


def recall(strata: Sequence[Stratum]) -> Recall | None:
    """Over one day or several. None where nobody looked by lot, or where no fault was found at all."""
    counted = [stratum for stratum in strata if stratum.looked]
    looked, faulty = sum(stratum.looked for stratum in counted), sum(stratum.faulty for stratum in counted)
    pool, caught = sum(stratum.pool for stratum in counted), sum(stratum.caught for stratum in counted)
    if not looked or not (caught or faulty):
        return None
    low, high = interval(faulty, looked)
    return Recall(
        value=_share(caught, pool * faulty / looked),
        low=_share(caught, max(faulty, pool * high)),
        high=_share(caught, max(faulty, pool * low)),
        looked=looked,
        faulty=faulty,
        pool=pool,
        caught=caught,
    )


def interval(hits: int, trials: int) -> tuple[float, float]:
    """The exact 95 % interval of a share, 0 <= hits <= trials; (0, 1) where nothing was tried."""
    if not trials:
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if not hits else _root(lambda share: 1 - _at_most(hits - 1, trials, share), tail)
    high = 1.0 if hits == trials else _root(lambda share: 1 - _at_most(hits, trials, share), 1 - tail)
    return low, high


def _share(caught: int, missed: float) -> float:
    return caught / (caught + missed) if caught + missed else 1.0


def _at_most(hits: int, trials: int, share: float) -> float:
    return sum(comb(trials, count) * share**count * (1 - share) ** (trials - count) for count in range(hits + 1))


def _root(rising: Callable[[float], float], wanted: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if rising(middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
