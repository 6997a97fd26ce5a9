"""Where assets are, remembered for a while: ten thousand of them are not read each second."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from facility.records import Records
from serviceday.documents.branding import Names
from serviceday.notification.notices import Place

_FRESH = timedelta(minutes=5)


class Places:
    def __init__(self, records: Records) -> None:
        self._records = records
        self._places: Mapping[str, Place] = {}
        self._read_at: datetime | None = None

    def of(self, assets: Collection[str], now: datetime) -> Mapping[str, Place]:
        """The places of all assets; read anew where one of these is not there, or after a while."""
        stale = self._read_at is None or not timedelta(0) <= now - self._read_at < _FRESH
        if stale or any(asset not in self._places for asset in assets):
            estate = self._records.estate
            names = Names.of(estate.sites(), estate.buildings())
            self._places = {
                asset.id: Place(
                    site=asset.site, site_name=names.site(asset.site), kind=asset.kind, words=names.place(asset)
                )
                for asset in estate.assets()
            }
            self._read_at = now
        return self._places
