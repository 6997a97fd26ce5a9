"""A large fleet in blocks, so that memory does not grow with it and an asset costs what it costs in a small one.

A class is known as well from hundreds of its members as from all of them; what all have in common (`FleetNull`) is
taken from the whole fleet in the end. Fleets of one block are looked at whole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from facility.estate import Asset
from models.statistics import IntArray

LARGEST = 2_000  # assets of a block, more or less
MEMBERS = 200  # of a class that stay together at least


def blocks_of(assets: Sequence[Asset], largest: int = LARGEST) -> list[IntArray]:
    """Places of the assets of each block, ascending. Every asset stands in one; sites stay together where they can."""
    count = max(1, -(-len(assets) // largest))
    if count == 1:
        return [np.arange(len(assets))]
    of_kind: dict[str, list[int]] = {}
    for place, asset in enumerate(assets):
        of_kind.setdefault(asset.kind, []).append(place)
    blocks: list[list[int]] = [[] for _ in range(count)]
    for places in sorted(of_kind.values(), key=len, reverse=True):
        places.sort(key=lambda place: (assets[place].site, place))
        parts = min(count, max(1, len(places) // MEMBERS))
        emptiest = sorted(range(count), key=lambda number: (len(blocks[number]), number))[:parts]
        for number, part in zip(sorted(emptiest), np.array_split(np.array(places), parts), strict=True):
            blocks[number].extend(int(place) for place in part)
    return [np.array(sorted(block), dtype=np.int64) for block in blocks if block]
