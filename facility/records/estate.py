"""What stands where, as last imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update

from facility.errors import CannotConvert
from facility.estate import Asset, Building, Estate, Site
from facility.i18n.messages import Sentence
from facility.identity import folded
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import AssetRow, BuildingRow, SiteRow, table_of

_ASSET_FIELDS = tuple(Asset.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Changes:
    """What an import did to the assets."""

    added: int
    changed: int
    unchanged: int


class EstateRecords:
    """Sites, buildings and assets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(
        self, estate: Estate, *, moves: bool = False, alike: bool = False, dry_run: bool = False, made: bool = False
    ) -> Changes:
        """Add what is new and change what differs; the same again changes nothing. Nothing is ever removed.

        A site or building of which only the id is given is added if it is missing and left alone otherwise. Raises
        `CannotConvert`, and changes nothing, where an asset would change its site or class and `moves` does not allow
        it, or where a new id looks like one that is registered and `alike` does not allow it. With `dry_run` nothing is
        changed at all. `made` says that ids were made by us, so that a change of theirs is a new asset.
        """
        with writing(self._engine) as connection:
            sites = {row.id: Site(id=row.id, name=row.name) for row in connection.execute(select(table_of(SiteRow)))}
            buildings = {
                (building.site, building.id): building
                for building in map(_building, connection.execute(_ALL_BUILDINGS))
            }
            assets = {asset.id: asset for asset in map(_asset, connection.execute(_ALL_ASSETS))}

            _refuse_mixing(estate, assets, moves=moves, alike=alike or made)
            added = [asset for asset in estate.assets if asset.id not in assets]
            changed = [asset for asset in estate.assets if assets.get(asset.id, asset) != asset]
            changes = Changes(len(added), len(changed), len(estate.assets) - len(added) - len(changed))
            if dry_run:
                return changes
            given_sites = {site.id: site for site in estate.sites}
            for site in _mentioned_sites(estate):
                given_sites.setdefault(site, Site(id=site))
            _put(
                connection,
                SiteRow,
                [_site_values(site) for site in given_sites.values() if site.id not in sites],
                [_site_values(site) for site in given_sites.values() if site.name and sites.get(site.id, site) != site],
                ("id",),
            )
            _put(
                connection,
                BuildingRow,
                [
                    _building_values(building)
                    for building in estate.buildings
                    if (building.site, building.id) not in buildings
                ],
                [
                    _building_values(building)
                    for building in estate.buildings
                    if _says_something(building) and buildings.get((building.site, building.id), building) != building
                ],
                ("site", "id"),
            )
            _put(connection, AssetRow, list(map(_asset_values, added)), list(map(_asset_values, changed)), ("id",))
        return changes

    def assets(self, kind: str | None = None, site: str | None = None) -> list[Asset]:
        """Assets by id, all or of one kind or site."""
        query = _ALL_ASSETS.order_by(AssetRow.id)
        if kind is not None:
            query = query.where(AssetRow.kind == kind)
        if site is not None:
            query = query.where(AssetRow.site == site)
        with self._engine.connect() as connection:
            return read_rows(_asset, connection.execute(query), "asset")

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


def _refuse_mixing(estate: Estate, registered: Mapping[str, Asset], *, moves: bool, alike: bool) -> None:
    """Raise `CannotConvert` where the file would make one asset of two, or two of one."""
    problems: list[Sentence] = []
    shown = {folded(key): key for key in registered}
    for asset in estate.assets:
        before = registered.get(asset.id)
        if before is None:
            other = shown.get(folded(asset.id))
            if other is not None and not alike:
                problems.append(
                    Sentence(
                        "asset id {key!r} looks like {other!r}, which is registered; "
                        "write it the same, or say --allow-alike",
                        key=asset.id,
                        other=other,
                    )
                )
        elif not moves and before.site != asset.site:
            problems.append(
                Sentence(
                    "asset {key!r} is registered at site {before!r} and would move to {after!r}; "
                    "another asset needs another id, a move needs --allow-moves",
                    key=asset.id,
                    before=before.site,
                    after=asset.site,
                )
            )
        elif not moves and before.kind != asset.kind:
            problems.append(
                Sentence(
                    "asset {key!r} is registered as {before} and would become {after}; "
                    "another asset needs another id, a correction needs --allow-moves",
                    key=asset.id,
                    before=before.kind,
                    after=asset.kind,
                )
            )
    if problems:
        sentences = problems[:_TOLD]
        if len(problems) > _TOLD:
            sentences.append(Sentence("and {count} more like these", count=len(problems) - _TOLD))
        raise CannotConvert("the registry holds other assets under these ids: {problems}", "Nothing was changed",
                            problems=sentences)  # fmt: skip


_TOLD = 10  # assets named
_ALL_ASSETS = select(table_of(AssetRow))
_ALL_BUILDINGS = select(table_of(BuildingRow))


def _mentioned_sites(estate: Estate) -> Iterable[str]:
    return dict.fromkeys([building.site for building in estate.buildings] + [asset.site for asset in estate.assets])


def _says_something(building: Building) -> bool:
    return bool(building.name) or building.latitude is not None


def _put(connection: Any, row: Any, added: list[Any], changed: list[Any], keys: tuple[str, ...]) -> None:
    table = table_of(row)
    if added:
        connection.execute(insert(table), added)
    if changed:
        matches = [table.c[key] == bindparam(f"old_{key}") for key in keys]
        renamed = [{(f"old_{k}" if k in keys else k): v for k, v in row.items()} for row in changed]
        values: dict[str, Any] = {name: bindparam(name) for name in changed[0] if name not in keys}
        connection.execute(update(table).where(*matches).values(values), renamed)


def _site_values(site: Site) -> dict[str, Any]:
    return {"id": site.id, "name": site.name}


def _building_values(building: Building) -> dict[str, object]:
    return {name: getattr(building, name) for name in Building.__dataclass_fields__}


def _asset_values(asset: Asset) -> dict[str, object]:
    return {name: getattr(asset, name) for name in _ASSET_FIELDS} | {"attributes": dict(asset.attributes)}


def _building(row: Any) -> Building:
    return Building(id=row.id, site=row.site, name=row.name, latitude=row.latitude, longitude=row.longitude)


def _asset(row: Any) -> Asset:
    return Asset(**row._mapping)
