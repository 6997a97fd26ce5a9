"""What the law and good practice ask for by a date, from the last dates on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from facility.catalogue.catalogue import Duty, catalogue
from facility.estate import Asset
from facility.inspections import LawRecord
from facility.standing import NO_SPELLS, Spell, Spells, in_use, spell_on


@dataclass(frozen=True, slots=True)
class Due:
    asset: Asset
    duty: Duty
    last: date
    due: date

    def late(self, today: date) -> int:
        """Days late; negative = days left."""
        return (today - self.due).days


@dataclass(frozen=True, slots=True)
class Dues:
    due: list[Due]  # the longest overdue first
    unrecorded: dict[tuple[str, str], int]  # (kind, statutory duty) -> assets without a date
    law: LawRecord  # for how many duties of the law this can speak


def next_due(duty: Duty, last: date, spells: Sequence[Spell] = ()) -> date | None:
    """The day by which a duty is due again; None while its asset is out of use until further notice.

    What would fall due while the asset is out of use is due on the day it is back.
    """
    due = duty.interval.after(last)
    while spell := spell_on(spells, due):
        if spell.end is None or spell.end == date.max:
            return None
        due = spell.end + timedelta(days=1)
    return due


def law_record(assets: Sequence[Asset], last_done: Mapping[tuple[str, str], date]) -> LawRecord:
    """How many duties of the law these assets have, and of how many the last date is on record."""
    duties = [
        (asset.id, duty.key)
        for asset in assets
        for duty in catalogue().kind(asset.kind).duties.values()
        if duty.statutory
    ]
    dated = [key for key in duties if key in last_done]
    undated = {asset for asset, duty in duties if (asset, duty) not in last_done}
    return LawRecord(duties=len(duties), dated=len(dated), undated_assets=len(undated))


def dues(
    assets: Sequence[Asset],
    last_done: Mapping[tuple[str, str], date],
    *,
    until: date,
    today: date,
    spells: Spells = NO_SPELLS,
) -> Dues:
    """Duties due on `until` or before, of the assets that are in use today."""
    there = in_use(assets, spells, today)
    found, unrecorded = [], dict[tuple[str, str], int]()
    for asset in there:
        for duty in catalogue().kind(asset.kind).duties.values():
            last = last_done.get((asset.id, duty.key))
            if last is None:
                if duty.statutory:
                    key = (asset.kind, duty.key)
                    unrecorded[key] = unrecorded.get(key, 0) + 1
                continue
            due = next_due(duty, last, spells.get(asset.id, ()))
            if due is not None and due <= until:
                found.append(Due(asset, duty, last, due))
    found.sort(key=lambda due: (not due.duty.statutory, due.due, due.asset.id, due.duty.key))
    return Dues(found, unrecorded, law_record(there, last_done))
