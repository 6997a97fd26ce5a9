"""From the unit a device declares to the unit the catalogue keeps: a table of exact factors, nothing guessed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FILE = Path(__file__).parent / "units.toml"


@dataclass(frozen=True, slots=True)
class Conversion:
    """value in our unit = value * factor + offset."""

    factor: float = 1.0
    offset: float = 0.0


SAME = Conversion()


@dataclass(frozen=True, slots=True)
class _Unit:
    code: str
    dimension: str
    factor: float
    offset: float


@lru_cache(maxsize=1)
def _table() -> dict[str, _Unit]:
    """Every spelling. A spelling that two units would share is an error in the table."""
    with FILE.open("rb") as stream:
        dimensions = tomllib.load(stream)
    table: dict[str, _Unit] = {}
    for dimension, units in dimensions.items():
        for code, row in units.items():
            unit = _Unit(code, dimension, float(row.get("factor", 1)), float(row.get("offset", 0)))
            for spelling in (code, *row.get("also", ())):
                if spelling in table:
                    raise ValueError(f"{FILE.name}: {spelling!r} is both {table[spelling].code} and {code}")
                table[spelling] = unit
    return table


@lru_cache(maxsize=4096)
def conversion(declared: str, ours: str) -> Conversion | None:
    """How to convert; None where the units are unknown or do not measure the same thing."""
    if declared in ("", ours):
        return SAME
    table = _table()
    theirs, own = table.get(declared.strip()), table.get(ours)
    if theirs is None or own is None or theirs.dimension != own.dimension:
        return None
    if theirs == own:
        return SAME
    return Conversion(theirs.factor / own.factor, (theirs.offset - own.offset) / own.factor)
