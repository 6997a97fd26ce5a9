"""Where assets are, remembered for a while: ten thousand of them are not read each second."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from facility.records import Records
from serviceday.documents.branding import Names
from serviceday.notification.notices import Place

_FRESH = timedelta(minutes=5)


class Places:
    """The places of assets and sites, read anew now and then."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._places: dict[str, Place] = {}
        self._read_at: datetime | None = None

    def of(self, named: Collection[str], now: datetime) -> Mapping[str, Place]:
        """The places of all assets and sites; read anew where one of these is not there, or after a while."""
        stale = self._read_at is None or not timedelta(0) <= now - self._read_at < _FRESH
        if stale or any(name and name not in self._places for name in named):
            estate = self._records.estate
            names = Names.of(estate.sites(), estate.buildings())
            assets = estate.assets()
            self._places = {
                asset.id: Place(
                    site=asset.site, site_name=names.site(asset.site), kind=asset.kind, words=names.place(asset)
                )
                for asset in assets
            }
            self._places |= {  # alerts of a whole site stand under its id
                site: Place(site=site, site_name=names.site(site), kind="", words=names.site(site))
                for site in {asset.site for asset in assets} - self._places.keys()
            }
            self._read_at = now
        return self._places
