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
    """A duty of one asset with its last and its next date."""

    asset: Asset
    duty: Duty
    last: date
    due: date

    def late(self, today: date) -> int:
        """Days late; negative = days left."""
        return (today - self.due).days


@dataclass(frozen=True, slots=True)
class Dues:
    """What is due until a day, and of how many duties nobody can tell."""

    due: list[Due]  # the longest overdue first
    unrecorded: dict[tuple[str, str], int]  # (kind, statutory duty) -> assets without a date
    law: LawRecord  # for how many duties of the law this can speak


def last_date(
    duties: Mapping[str, Duty], asset: str, key: str, last_done: Mapping[tuple[str, str], date], today: date
) -> date | None:
    """When a duty was last done at an asset: as recorded, or on a visit for another that contains it.

    A visit for another alone never makes a duty late that has no date of its own: nobody has said that it was not done
    since.
    """
    own = last_done.get((asset, key))
    with_others = [
        last_done[asset, other]
        for other, duty in duties.items()
        if key in duty.includes and (asset, other) in last_done
    ]
    if not with_others or (own is not None and own >= max(with_others)):
        return own
    last = max(with_others)
    if own is None and duties[key].interval.after(last) < today:
        return None
    return last


def asked_for(duty: Duty, last: date | None) -> bool:
    """Whether a duty is spoken of: what the keeper does day by day only where its dates are recorded."""
    return last is not None or not duty.routine


def next_due(duty: Duty, last: date, spells: Sequence[Spell] = (), commissioned: date | None = None) -> date | None:
    """The day by which a duty is due again; None while its asset is out of use until further notice.

    What would fall due while the asset is out of use is due on the day it is back.
    """
    due = duty.due(last, commissioned)
    while spell := spell_on(spells, due):
        if spell.end is None or spell.end == date.max:
            return None
        due = spell.end + timedelta(days=1)
    return due


def law_record(assets: Sequence[Asset], last_done: Mapping[tuple[str, str], date], today: date) -> LawRecord:
    """How many duties of the law these assets have, and of how many the last date is on record."""
    count, dated, undated = 0, 0, set[str]()
    for asset in assets:
        duties = catalogue().kind(asset.kind).duties
        for duty in duties.values():
            last = last_date(duties, asset.id, duty.key, last_done, today)
            if duty.statutory and asked_for(duty, last):
                count += 1
                dated += last is not None
                if last is None:
                    undated.add(asset.id)
    return LawRecord(duties=count, dated=dated, undated_assets=len(undated))


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
    items, unrecorded = [], dict[tuple[str, str], int]()
    for asset in there:
        duties = catalogue().kind(asset.kind).duties
        for duty in duties.values():
            last = last_date(duties, asset.id, duty.key, last_done, today)
            if last is None:
                if duty.statutory and not duty.routine:
                    key = (asset.kind, duty.key)
                    unrecorded[key] = unrecorded.get(key, 0) + 1
                continue
            due = next_due(duty, last, spells.get(asset.id, ()), asset.commissioned)
            if due is not None and due <= until:
                items.append(Due(asset, duty, last, due))
    items.sort(key=lambda due: (not due.duty.statutory, due.due, due.asset.id, due.duty.key))
    return Dues(items, unrecorded, law_record(there, last_done, today))
