"""What has to be done before what, and the circles that make it impossible."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from facility.errors import CannotDo
from facility.estate import Asset
from serviceday.planning.crew.crew import Order
from serviceday.planning.crew.cycles import circle
from serviceday.planning.crew.rule_index import RuleIndex
from serviceday.planning.demand.candidates import Candidate


def predecessors(
    candidates: Sequence[Candidate], places: Sequence[Asset], orders: Sequence[Order]
) -> dict[int, tuple[int, ...]]:
    """For each candidate that waits, those that have to end before it. Raises `CannotDo` naming a circle."""
    firsts = defaultdict[tuple[int, object], list[int]](list)
    numbered = list(enumerate(orders))
    by_first = RuleIndex(numbered, lambda entry: entry[1].first)
    for number, candidate in enumerate(candidates):
        place = places[candidate.asset_number]
        for order_number, order in by_first.matching(place, candidate.item.task):
            firsts[order_number, _within(order, place)].append(number)
    before: dict[int, set[int]] = {}
    by_then = RuleIndex(numbered, lambda entry: entry[1].then)
    for number, candidate in enumerate(candidates):
        place = places[candidate.asset_number]
        for order_number, order in by_then.matching(place, candidate.item.task):
            if others := [first for first in firsts.get((order_number, _within(order, place)), ()) if first != number]:
                before.setdefault(number, set()).update(others)
    _refuse_circles(before, candidates)
    return {number: tuple(sorted(firsts)) for number, firsts in before.items()}


def _refuse_circles(graph: Mapping[int, set[int]], candidates: Sequence[Candidate]) -> None:
    if round_ := circle(graph):
        named = " -> ".join(f"{candidates[number].item.asset} {candidates[number].item.task}" for number in round_)
        raise CannotDo(
            "the orders go in a circle: {named}", "Take one of them out of the crew file's [[order]]", named=named
        )


def _within(order: Order, place: Asset) -> object:
    if order.within == "asset":
        return place.id
    if order.within == "building":
        return place.site, place.building
    return place.site if order.within == "site" else ""
