"""Values that mean "no value": recognised by what they are, and by standing apart from the reading before.

Outside what a sensor can measure such a value is never a measurement. Inside, it is one only if it is where the channel
already was: a motor that heats up passes 85.0 degC on its way from 84 to 86, a DS18B20 that just lost its power
jumps there from 41. The values are data (`sentinels.toml`); the rule is docs/decisions/0025.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from facility.catalogue.catalogue import Aggregate, Channel

FILE = Path(__file__).parent / "sentinels.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinel:
    """One family of values."""

    key: str
    values: frozenset[float]
    unit: str  # "" where any unit may carry it; then the value is compared as the device said it
    jump: float
    jump_share: float

    def stands_apart(self, value: float, before: float) -> bool:
        return abs(value - before) > (self.jump or self.jump_share * abs(value))


@lru_cache(maxsize=1)
def sentinels() -> tuple[Sentinel, ...]:
    """The families of values that mean "no value", from `sentinels.toml`."""
    with FILE.open("rb") as stream:
        rows = tomllib.load(stream)["sentinel"]
    return tuple(
        Sentinel(
            key=row["key"],
            values=frozenset(row["values"]),
            unit=row.get("unit", ""),
            jump=float(row.get("jump", 0)),
            jump_share=float(row.get("jump_share", 0)),
        )
        for row in rows
    )


@lru_cache(maxsize=1)
def suspicious() -> tuple[float, ...]:
    """Every value that deserves a second look."""
    return tuple(sorted({value for family in sentinels() for value in family.values}))


def sentinel(channel: Channel, value: float, raw: float, before: float | None) -> Sentinel | None:
    """Which sentinel a value is, if it is one.

    `value` is in the channel's unit, `raw` as the device sent it, `before` the last believed value of the channel.
    Without one, a value that a healthy asset may well have is believed.
    """
    for family in sentinels():
        if (raw if not family.unit else value) not in family.values or family.unit not in ("", channel.unit):
            continue
        if not channel.physical.holds(value):
            return family
        if channel.aggregate is Aggregate.STATE:  # all bits may be set
            continue
        if before is None:
            if channel.normal.bounded and not channel.normal.holds(value):
                return family
        elif family.stands_apart(value, before):
            return family
    return None
