"""Whether an asset is in use on a day: out of use for a time, retired, replaced. Its history stays whatever it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from facility.estate import Asset


class StepKind(StrEnum):
    """What somebody says happened to an asset."""

    RETIRED = "retired"
    OUT_OF_USE = "out_of_use"
    RETURNED = "returned"
    MOVED = "moved"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetStep:
    """One line of an asset's trail; lines are added and never changed."""

    asset: str
    kind: StepKind
    start: date  # the day from which it holds
    end: date | None = None  # the last day, where it was named beforehand
    at: datetime  # UTC, when it was written down
    who: str = ""
    why: str = ""
    detail: Mapping[str, str] = field(default_factory=dict)  # the old and new place, the successor's id


@dataclass(frozen=True, slots=True)
class Spell:
    """A time during which an asset is not in use."""

    kind: StepKind
    start: date
    end: date | None = None  # its last day; None = until further notice

    def covers(self, day: date) -> bool:
        return self.start <= day and (self.end is None or day <= self.end)


Spells = Mapping[str, Sequence[Spell]]
NO_SPELLS: Spells = {}


def spells(steps: Iterable[AssetStep]) -> dict[str, list[Spell]]:
    """The spells that a trail, oldest line first, amounts to. A return ends or takes back what would last beyond it."""
    by_asset: dict[str, list[Spell]] = {}
    for step in steps:
        own = by_asset.setdefault(step.asset, [])
        if step.kind is StepKind.RETURNED:
            last = step.start - timedelta(days=1)
            own[:] = [
                spell if spell.end is not None and spell.end <= last else replace(spell, end=last)
                for spell in own
                if spell.start <= last
            ]
        elif step.kind is not StepKind.MOVED:
            own.append(Spell(step.kind, step.start, step.end))
    return {asset: sorted(own, key=lambda spell: spell.start) for asset, own in by_asset.items() if own}


def spell_on(own: Sequence[Spell], day: date) -> Spell | None:
    """The spell a day lies in; where several do, the one that ends last."""
    over = [spell for spell in own if spell.covers(day)]
    return max(over, key=lambda spell: spell.end or date.max, default=None)


def in_use(assets: Iterable[Asset], spells_by_asset: Spells, day: date) -> list[Asset]:
    """The assets in use on a day, in their order."""
    return [asset for asset in assets if spell_on(spells_by_asset.get(asset.id, ()), day) is None]
