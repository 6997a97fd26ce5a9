"""What the law and good practice ask for by a date, from the last dates on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from facility.catalogue.catalogue import Duty, catalogue
from facility.estate import Asset


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


def dues(assets: Sequence[Asset], last_done: Mapping[tuple[str, str], date], *, until: date) -> Dues:
    """Duties due on `until` or before."""
    found, unrecorded = [], dict[tuple[str, str], int]()
    for asset in assets:
        for duty in catalogue().kind(asset.kind).duties.values():
            last = last_done.get((asset.id, duty.key))
            if last is None:
                if duty.statutory:
                    key = (asset.kind, duty.key)
                    unrecorded[key] = unrecorded.get(key, 0) + 1
                continue
            due = last + timedelta(days=duty.interval_days)
            if due <= until:
                found.append(Due(asset, duty, last, due))
    found.sort(key=lambda one: (not one.duty.statutory, one.due, one.asset.id, one.duty.key))
    return Dues(found, unrecorded)
