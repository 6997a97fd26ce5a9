"""When the duties of a simulated estate were last done: as a property company keeps them, most in time, a few late."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.inspections import DutyDone
from simulators.chance import Lot

LATE = 0.03  # of the duties; they are overdue by up to a tenth of their interval
WITHOUT = 0.05  # of the duties have no date on record, as in any real register


def last_dates(assets: Sequence[Asset], *, today: date, seed: int) -> list[DutyDone]:
    """The last date of each duty of each asset, none of them after `today` or before it was commissioned."""
    done = []
    for asset in assets:
        lot = Lot(seed, f"duties of {asset.id}")
        for duty in catalogue().kind(asset.kind).duties.values():
            if duty.routine or lot.share(f"{duty.key} on record") < WITHOUT:
                continue  # what the keeper does day by day stands in books of their own
            elapsed = lot.share(f"{duty.key} elapsed")
            share = 1 + elapsed / 10 if lot.share(f"{duty.key} late") < LATE else elapsed
            on = today - timedelta(days=round(share * duty.interval.days))
            if asset.commissioned is None or on >= asset.commissioned:
                done.append(DutyDone(asset=asset.id, duty=duty.key, on=on))
    return done
