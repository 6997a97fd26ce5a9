"""What a planner may set: the crew, and how a list weighs risk, rotation and ways. Defaults are our design."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from facility.errors import CannotDo


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """Who works on the day. Raises `CannotDo` for a crew that can't work."""

    people: int = 1
    hours: float = 8.0  # of each person

    def __post_init__(self) -> None:
        if self.people < 1:
            raise CannotDo(f"a crew of {self.people} people", "Give --people 1 or more")
        if not 0 < self.hours <= 24:
            raise CannotDo(f"a working day of {self.hours:g} hours", "Give --hours between 0 and 24")

    @property
    def minutes(self) -> int:
        return int(self.hours * 60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    risk_floor: float = 0.10  # below this probability nobody is sent
    sensor_floor: float = 0.50
    assume_rotation: bool = False  # treat duties without a record as due when their turn comes, before risk
    rotation_days: int = 7  # how long a turn lasts
    next_service_day: date | None = None  # what falls due before it is due now
    old_after_days: int = 7  # assessments older than this are worth a note
    walk_minutes: int = 3  # to the next asset in a building
    between_buildings: int = 8  # where no coordinates are known
    between_sites: int = 30
