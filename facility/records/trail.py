"""What happened to assets: retired, out of use, returned, moved, replaced. Lines are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import Engine, insert, select

from facility.estate import Asset, Building, Estate
from facility.records.estate import EstateRecords
from facility.records.opening import writing
from facility.records.tables import AssetRow, AssetStepRow, table_of
from facility.standing import AssetStep, Spell, StepKind, spells

_STEPS = table_of(AssetStepRow)
_ASSETS = table_of(AssetRow)
PLACE = ("site", "building", "floor", "name")


class AssetTrail:
    """What happened to assets: retired, out of use, moved, replaced. Steps are added and never changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, step: AssetStep) -> None:
        with writing(self._engine) as connection:
            connection.execute(insert(_STEPS), [_values(step)])

    def move(self, asset: Asset, step: AssetStep) -> Asset:
        """Put an asset to the place that the step's detail names; what it left stands beside it as `from_...`."""
        moved = _placed(asset, step.detail)
        buildings = (Building(id=moved.building, site=moved.site),) if moved.building else ()
        EstateRecords(self._engine).put(Estate(buildings=buildings, assets=(moved,)))
        was = {f"from_{name}": getattr(asset, name) for name in PLACE if name in step.detail}
        self.add(replace(step, detail={**step.detail, **was}))
        return moved

    def replace(self, step: AssetStep, successor: Asset) -> None:
        """One asset in the place of another: the new one is registered if it is not, the old one keeps its history."""
        with writing(self._engine) as connection:
            values = {name: getattr(successor, name) for name in Asset.__dataclass_fields__}
            values["attributes"] = dict(successor.attributes)
            there = connection.execute(select(_ASSETS.c.id).where(_ASSETS.c.id == successor.id)).first()
            if there is None:
                connection.execute(insert(_ASSETS), [values])
            connection.execute(insert(_STEPS), [_values(step)])

    def where_moved(self, estate: Estate) -> tuple[Estate, list[str]]:
        """A registry in which assets that were moved since it was written stand where they are now, and which.

        A row is taken for older than the move if it names exactly the place that was left.
        """
        left: dict[str, dict[str, str]] = {}
        for step in self.steps():
            if step.kind is StepKind.MOVED:
                left[step.asset] = {
                    name: step.detail[f"from_{name}"] for name in PLACE if f"from_{name}" in step.detail
                }
        there = {asset.id: asset for asset in EstateRecords(self._engine).assets()} if left else {}
        assets, stale = [], []
        for asset in estate.assets:
            was, now = left.get(asset.id), there.get(asset.id)
            if was and now and all(getattr(asset, name) == value for name, value in was.items()):
                stale.append(asset.id)
                asset = _placed(asset, {name: getattr(now, name) for name in was})
            assets.append(asset)
        return replace(estate, assets=tuple(assets)), stale

    def steps(self, asset: str | None = None) -> list[AssetStep]:
        """Every line, oldest first."""
        query = select(_STEPS).order_by(_STEPS.c.id)
        if asset is not None:
            query = query.where(_STEPS.c.asset == asset)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            AssetStep(
                asset=row.asset,
                kind=StepKind(row.kind),
                start=row.start,
                end=row.end,
                at=row.at,
                who=row.who,
                why=row.why,
                detail=row.detail,
            )
            for row in rows
        ]

    def spells(self) -> dict[str, list[Spell]]:
        """When assets are not in use."""
        return spells(self.steps())


def _placed(asset: Asset, place: Mapping[str, str]) -> Asset:
    return replace(
        asset,
        site=place.get("site", asset.site),
        building=place.get("building", asset.building),
        floor=place.get("floor", asset.floor),
        name=place.get("name", asset.name),
    )


def _values(step: AssetStep) -> dict[str, object]:
    values = {name: getattr(step, name) for name in AssetStep.__dataclass_fields__}
    return values | {"kind": step.kind.value, "detail": dict(step.detail)}
