"""What a failure would cost people: how much an asset matters, beside how likely it is to fail."""

from __future__ import annotations

import math

from facility.catalogue.catalogue import Catalogue
from facility.estate import Asset

LIFE_SAFETY = 1.5  # weight of equipment that people's lives depend on (D)
ORDINARY_CROWD = 50.0  # people served, from which an asset counts more (D)
PEOPLE = "people_served"  # attribute of an asset


def consequence(asset: Asset, catalogue: Catalogue) -> float:
    """Criticality of the class, more where life depends on it and where many people do. 1 = ordinary.

    People count by their logarithm: ten times as many double what fifty add.
    """
    kind = catalogue.get(asset.kind)
    weight = kind.criticality * (LIFE_SAFETY if kind.life_safety else 1.0) if kind is not None else 1.0
    try:
        people = float(asset.attributes.get(PEOPLE, ""))
    except ValueError:
        people = 0.0
    crowd = math.log10(max(people, ORDINARY_CROWD) / ORDINARY_CROWD) if math.isfinite(people) else 0.0
    return weight * (1.0 + crowd)
