"""What stands where, as last imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update

from facility.estate import Asset, Building, Estate, Site
from facility.records.opening import writing
from facility.records.tables import AssetRow, BuildingRow, SiteRow, table_of

_ASSET_FIELDS = tuple(Asset.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did to the assets."""

    added: int
    changed: int
    unchanged: int


class EstateRecords:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, estate: Estate) -> Changes:
        """Add what is new and change what differs; the same again changes nothing. Nothing is ever removed.

        A site or building of which only the id is given is added if it is missing and left alone otherwise.
        """
        with writing(self._engine) as connection:
            sites = {row.id: Site(id=row.id, name=row.name) for row in connection.execute(select(table_of(SiteRow)))}
            buildings = {(one.site, one.id): one for one in map(_building, connection.execute(_ALL_BUILDINGS))}
            assets = {one.id: one for one in map(_asset, connection.execute(_ALL_ASSETS))}

            given_sites = {one.id: one for one in estate.sites}
            for site in _mentioned_sites(estate):
                given_sites.setdefault(site, Site(id=site))
            _put(
                connection,
                SiteRow,
                [_site_values(one) for one in given_sites.values() if one.id not in sites],
                [_site_values(one) for one in given_sites.values() if one.name and sites.get(one.id, one) != one],
                ("id",),
            )
            _put(
                connection,
                BuildingRow,
                [_building_values(one) for one in estate.buildings if (one.site, one.id) not in buildings],
                [
                    _building_values(one)
                    for one in estate.buildings
                    if _says_something(one) and buildings.get((one.site, one.id), one) != one
                ],
                ("site", "id"),
            )
            added = [one for one in estate.assets if one.id not in assets]
            changed = [one for one in estate.assets if assets.get(one.id, one) != one]
            _put(connection, AssetRow, list(map(_asset_values, added)), list(map(_asset_values, changed)), ("id",))
        return Changes(len(added), len(changed), len(estate.assets) - len(added) - len(changed))

    def assets(self, kind: str | None = None, site: str | None = None) -> list[Asset]:
        """Assets by id, all or of one kind or site."""
        query = _ALL_ASSETS.order_by(AssetRow.id)
        if kind is not None:
            query = query.where(AssetRow.kind == kind)
        if site is not None:
            query = query.where(AssetRow.site == site)
        with self._engine.connect() as connection:
            return list(map(_asset, connection.execute(query)))

    def asset(self, key: str) -> Asset | None:
        with self._engine.connect() as connection:
            row = connection.execute(_ALL_ASSETS.where(AssetRow.id == key)).one_or_none()
        return None if row is None else _asset(row)

    def sites(self) -> list[Site]:
        with self._engine.connect() as connection:
            rows = connection.execute(select(table_of(SiteRow)).order_by(SiteRow.id))
            return [Site(id=row.id, name=row.name) for row in rows]

    def buildings(self, site: str | None = None) -> list[Building]:
        query = _ALL_BUILDINGS.order_by(BuildingRow.site, BuildingRow.id)
        if site is not None:
            query = query.where(BuildingRow.site == site)
        with self._engine.connect() as connection:
            return list(map(_building, connection.execute(query)))


_ALL_ASSETS = select(table_of(AssetRow))
_ALL_BUILDINGS = select(table_of(BuildingRow))


def _mentioned_sites(estate: Estate) -> Iterable[str]:
    return dict.fromkeys([one.site for one in estate.buildings] + [one.site for one in estate.assets])


def _says_something(building: Building) -> bool:
    return bool(building.name) or building.latitude is not None


def _put(connection: Any, row: Any, added: list[Any], changed: list[Any], keys: tuple[str, ...]) -> None:
    table = table_of(row)
    if added:
        connection.execute(insert(table), added)
    if changed:
        matches = [table.c[key] == bindparam(f"old_{key}") for key in keys]
        renamed = [{(f"old_{k}" if k in keys else k): v for k, v in one.items()} for one in changed]
        values: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name not in keys}
        connection.execute(update(table).where(*matches).values(values), renamed)


def _site_values(site: Site) -> dict[str, Any]:
    return {"id": site.id, "name": site.name}


def _building_values(building: Building) -> dict[str, Any]:
    return {name: getattr(building, name) for name in Building.__dataclass_fields__}


def _asset_values(asset: Asset) -> dict[str, Any]:
    return {name: getattr(asset, name) for name in _ASSET_FIELDS} | {"attributes": dict(asset.attributes)}


def _building(row: Any) -> Building:
    return Building(id=row.id, site=row.site, name=row.name, latitude=row.latitude, longitude=row.longitude)


def _asset(row: Any) -> Asset:
    return Asset(**row._mapping)
