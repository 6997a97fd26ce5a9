"""Last dates of a simulated estate: possible, repeatable, most in time, a few late, a few not on record."""

from __future__ import annotations

from datetime import date

from facility.catalogue.catalogue import catalogue
from simulators.fleet import make_fleet
from simulators.maintenance import last_dates

TODAY = date(2026, 3, 1)


def test_dates_are_possible_and_most_of_them_in_time() -> None:
    assets = make_fleet(300, 5).assets
    kinds = {asset.id: asset for asset in assets}
    done = last_dates(assets, today=TODAY, seed=5)
    assert done == last_dates(assets, today=TODAY, seed=5)
    duties = sum(not duty.routine for asset in assets for duty in catalogue().kind(asset.kind).duties.values())
    assert 0.85 * duties < len(done) < duties
    late = 0
    for entry in done:
        asset = kinds[entry.asset]
        assert entry.on <= TODAY
        assert asset.commissioned is None or entry.on >= asset.commissioned
        late += catalogue().kind(asset.kind).duties[entry.duty].interval.after(entry.on) < TODAY
    assert 0 < late < 0.06 * len(done)
