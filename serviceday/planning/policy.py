"""How a list weighs risk, rotation and ways, and how long it is looked for. Defaults are our design."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a list weighs and how long it is looked for."""

    risk_floor: float = 0.10  # below this probability nobody is sent
    sensor_floor: float = 0.50
    assume_rotation: bool = False  # treat duties without a record as due when their turn comes, before risk
    rotation_days: int = 7  # how long a turn lasts
    next_service_day: date | None = None  # what falls due before it is due now
    old_after_days: int = 7  # assessments older than this are worth a note
    walk_minutes: int = 3  # to the next asset in a building
    floor_minutes: float = 0.0  # and for each floor between the two
    between_buildings: int = 8  # where no coordinates are known
    between_sites: int = 30
    effort: int = 3_500  # attempts to improve the list, at most; small days need fewer
    random_checks: int = 0  # looks at assets without a sign, drawn by lot
    keep: float = 0.0  # worth of leaving an item with the person who had it, as a share of its own worth
