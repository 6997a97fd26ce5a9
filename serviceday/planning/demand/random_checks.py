"""Assets without a sign of trouble, put on the list by lot on purpose: only so can it be known what warnings miss.

The lot depends on the day, the seed and which assets there are, in whatever order they come: the same again gives the
same assets, and anybody can draw them again from what the list records.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.inspections import RANDOM_CHECK, Ground, InspectionList, Item, LeftOut, Priority, RandomDraw
from facility.requests import Request, Source
from serviceday.planning.demand.candidates import Candidate, Candidates, Tier
from serviceday.planning.demand.items import PHRASES, item


def with_random_checks(
    candidates: Candidates,
    requests: Sequence[Request],
    *,
    count: int,
    seed: int,
    service_day: date,
    before: InspectionList | None = None,
) -> tuple[Candidates, RandomDraw | None]:
    """The candidates with `count` looks at assets drawn by lot, and the draw; None where none was asked for.

    Whatever has a warning or a weak sign of its own, or a finding that is open, is not in the lot. A list that changes
    `before` keeps the assets drawn for that as far as they are still in the lot.
    """
    if count <= 0:
        return candidates, None
    pool = _without_a_sign(candidates, requests)
    drawn = drawn_by_lot([asset.id for asset in pool], count, seed=seed, service_day=service_day)
    if before is not None and before.random is not None and before.random.wanted == count:
        ids = {asset.id for asset in pool}
        stay = [asset for asset in before.random.drawn if asset in ids]
        drawn = tuple(sorted([*stay, *(asset for asset in drawn if asset not in stay)][: len(drawn)]))
    draw = RandomDraw(wanted=count, seed=seed, pool=len(pool), drawn=drawn)
    numbers = {asset.id: number for number, asset in enumerate(candidates.places) if asset.id in drawn}
    more = [
        Candidate(_look(candidates.places[numbers[asset]], draw), numbers[asset], Tier.GOAL, 1.0) for asset in drawn
    ]
    return replace(candidates, possible=[*candidates.possible, *more]), draw


def drawn_by_lot(assets: Sequence[str], count: int, *, seed: int, service_day: date) -> tuple[str, ...]:
    """So many of the assets, each as likely as any other; the same for the same day, seed and assets."""
    pool = sorted(set(assets))
    chance = random.Random(f"{service_day.isoformat()}/{seed}")  # noqa: S311 - to be drawn again, not to be secret
    return tuple(sorted(chance.sample(pool, min(count, len(pool)))))


def _without_a_sign(candidates: Candidates, requests: Sequence[Request]) -> list[Asset]:
    suspected = {candidate.item.asset for candidate in candidates.possible if candidate.item.ground is Ground.RISK}
    suspected |= {entry.asset for entry in candidates.refused if entry.left_out is LeftOut.FOLLOWED_UP}
    suspected |= {
        request.asset for request in requests if request.source is Source.FOLLOW_UP and request.closed is None
    }
    return [place for place in candidates.places if place.kind in catalogue() and place.id not in suspected]


def _look(asset: Asset, draw: RandomDraw) -> Item:
    kind = catalogue()[asset.kind]
    return item(
        asset,
        task=RANDOM_CHECK,
        what=PHRASES["random_check"],
        method=PHRASES["method_warning"],
        passes=PHRASES["passes_warning"],
        ground=Ground.RANDOM,
        reason=PHRASES["drawn"].filled(count=len(draw.drawn), pool=draw.pool, seed=draw.seed),
        priority=Priority.MEDIUM,
        qualification=kind.qualification,
        minutes=kind.inspect_minutes,
        due=None,
    )
