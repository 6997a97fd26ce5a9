"""Fills the rounds of a crew: which candidates each person does, and in which order the stops are walked.

A round is built by insertion: of everything that still fits, the candidate worth most per minute is taken, the minutes
of the detour included, tier after tier. Where the ways are long the first stop decides much, so several are tried and
the best round is kept. Rounds are filled one person after the other. Nothing here is random.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from serviceday.planning.candidates import Candidate, Tier
from serviceday.planning.policy import Crew, Policy
from serviceday.planning.travel import Stops

_STARTS = 12  # first stops tried: the best half by themselves, the other half by what is near them
_NEAR_MINUTES = 30.0

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(slots=True)
class Filled:
    """One person's round: candidates by number, stops in walking order."""

    stops: list[int] = field(default_factory=list)
    chosen: list[int] = field(default_factory=list)
    assets: set[int] = field(default_factory=set)
    work: int = 0
    travel: int = 0

    @property
    def minutes(self) -> int:
        return self.work + self.travel


class Offer:
    """The candidates as columns, for choosing among thousands at once."""

    def __init__(self, candidates: Sequence[Candidate], stops: Stops, policy: Policy) -> None:
        self.stops = stops
        self.walk = policy.walk_minutes
        self.minutes: Floats = np.array([one.item.minutes for one in candidates], dtype=float)
        self.value: Floats = np.array([one.value for one in candidates], dtype=float)
        self.tier: Integers = np.array([one.tier for one in candidates], dtype=np.int64)
        self.asset: Integers = np.array([one.asset_number for one in candidates], dtype=np.int64)
        self.stop: Integers = stops.of[self.asset] if len(candidates) else np.empty(0, dtype=np.int64)
        self.free = np.ones(len(candidates), dtype=bool)


def fill_rounds(offer: Offer, crew: Crew) -> list[Filled]:
    """Rounds of the whole crew; what is chosen is no longer free in the offer, and nothing free fits any more."""
    rounds = []
    for _ in range(crew.people):
        best = max(
            (_begin(offer, crew.minutes, start) for start in _starts(offer)), key=_merit(offer), default=Filled()
        )
        offer.free[best.chosen] = False
        size = -1
        while size != len(best.chosen):
            size = len(best.chosen)
            _shorten(best, offer)
            _fill(offer, best, crew.minutes)
            offer.free[best.chosen] = False
        rounds.append(best)
    return rounds


def shortfalls(offer: Offer, rounds: Sequence[Filled], crew: Crew) -> tuple[Integers, Integers]:
    """Of the round that each candidate misses by least: the minutes it needs there, way included, and those left."""
    needed = np.array([_extra(offer, one) for one in rounds])
    left = np.array([crew.minutes - one.minutes for one in rounds], dtype=float)
    nearest = np.argmin(needed - left[:, None], axis=0)
    return needed[nearest, np.arange(needed.shape[1])].astype(np.int64), left[nearest].astype(np.int64)


def _starts(offer: Offer) -> list[int | None]:
    """Candidates to begin with. With one stop, or none to spare, the choice is free and one try is enough."""
    free = np.flatnonzero(offer.free)
    if free.size == 0:
        return []
    first = free[offer.tier[free] == offer.tier[free].min()]
    worth = offer.value[first] / offer.minutes[first]
    if np.unique(offer.stop[free]).size < 3:
        return [None]
    alone = first[np.argsort(-worth, kind="stable")][: _STARTS * 4]
    at_stop = np.zeros(len(offer.stops))
    np.add.at(at_stop, offer.stop[first], worth)
    near = [float(at_stop[offer.stops.minutes_from(int(offer.stop[one])) <= _NEAR_MINUTES].sum()) for one in alone]
    crowded = alone[np.argsort(-np.array(near), kind="stable")]
    half = _STARTS // 2
    return [None, *dict.fromkeys([*alone[:half].tolist(), *crowded[:half].tolist()])]


def _merit(offer: Offer) -> Callable[[Filled], tuple[float, ...]]:
    def merit(one: Filled) -> tuple[float, ...]:
        """Worth tier by tier, the law first; of equal worth the shorter."""
        worth = [round(float(offer.value[[c for c in one.chosen if offer.tier[c] == tier]].sum()), 6) for tier in Tier]
        return (*worth, -float(one.minutes))

    return merit


def _begin(offer: Offer, minutes: int, start: int | None) -> Filled:
    filled = Filled()
    if start is not None and offer.minutes[start] + offer.walk <= minutes:
        _take(offer, filled, start)
    _fill(offer, filled, minutes)
    return filled


def _fill(offer: Offer, filled: Filled, minutes: int) -> None:
    """Take what fits, tier by tier, until a whole pass finds nothing: a new stop may bring others within reach."""
    free = offer.free.copy()
    free[filled.chosen] = False
    before = -1
    while before != len(filled.chosen):
        before = len(filled.chosen)
        for tier in Tier:
            open_ = np.flatnonzero(free & (offer.tier == tier))
            while open_.size:
                extra = _extra(offer, filled, open_)
                fits = extra <= minutes - filled.minutes
                open_, extra = open_[fits], extra[fits]
                if not open_.size:
                    break
                best = int(np.argmax(offer.value[open_] / extra))
                _take(offer, filled, int(open_[best]))
                free[open_[best]] = False
                open_ = np.delete(open_, best)


def _extra(offer: Offer, filled: Filled, among: Integers | None = None) -> Floats:
    """Minutes each candidate would add to a round: its work, the walk to the asset, the detour to the stop."""
    chosen = slice(None) if among is None else among
    assets = offer.asset[chosen]
    known = np.isin(assets, list(filled.assets)) if filled.assets else np.zeros(assets.size, dtype=bool)
    detour = _detours(offer, filled)[0][offer.stop[chosen]]
    return offer.minutes[chosen] + np.where(known, 0, offer.walk + detour)


def _detours(offer: Offer, filled: Filled) -> tuple[Floats, Integers]:
    """For every stop, the least extra way and the place in the round where it would be put."""
    size = len(offer.stops)
    if not filled.stops:
        return np.zeros(size), np.zeros(size, dtype=np.int64)
    rows = np.array([offer.stops.minutes_from(stop) for stop in filled.stops])
    between = rows[:-1] + rows[1:] - rows[range(len(rows) - 1), filled.stops[1:]][:, None]
    ways = np.vstack([rows[:1], between, rows[-1:]])
    place = np.argmin(ways, axis=0)
    least = np.maximum(ways[place, np.arange(size)], 0)
    least[filled.stops] = 0
    return least, place


def _take(offer: Offer, filled: Filled, candidate: int) -> None:
    asset, stop = int(offer.asset[candidate]), int(offer.stop[candidate])
    if asset not in filled.assets:
        filled.assets.add(asset)
        filled.travel += offer.walk
        if stop not in filled.stops:
            least, place = _detours(offer, filled)
            filled.travel += int(least[stop])
            filled.stops.insert(int(place[stop]), stop)
    filled.work += int(offer.minutes[candidate])
    filled.chosen.append(candidate)


def _shorten(filled: Filled, offer: Offer) -> None:
    """Natural order of the stops where it is no longer a way, then 2-opt; the round can only become shorter."""
    walks = offer.walk * len(filled.assets)
    best = min((sorted(filled.stops), filled.stops), key=lambda order: _way(offer, order))
    improved = True
    while improved:
        improved = False
        for left in range(len(best) - 1):
            for right in range(left + 2, len(best) + 1):
                turned = best[:left] + best[left:right][::-1] + best[right:]
                if _way(offer, turned) < _way(offer, best):
                    best, improved = turned, True
    if best and best[0] > best[-1] and _way(offer, best[::-1]) <= _way(offer, best):
        best = best[::-1]
    way = _way(offer, best)
    if way + walks <= filled.travel:
        filled.stops, filled.travel = best, int(way + walks)


def _way(offer: Offer, stops: Sequence[int]) -> float:
    return float(sum(offer.stops.minutes_from(one)[other] for one, other in pairwise(stops)))
