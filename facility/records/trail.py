"""What happened to assets: retired, out of use, returned, moved, replaced. Lines are added and never changed."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Engine, insert, select, update

from facility.estate import Asset, Building, Estate
from facility.records.estate import EstateRecords
from facility.records.opening import writing
from facility.records.tables import AssetRow, AssetStepRow, table_of
from facility.standing import AssetStep, Spell, StepKind, spells

_STEPS = table_of(AssetStepRow)
_ASSETS = table_of(AssetRow)
PLACE = ("site", "building", "floor", "name")


class AssetTrail:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, step: AssetStep) -> None:
        with writing(self._engine) as connection:
            connection.execute(insert(_STEPS), [_values(step)])

    def move(self, asset: Asset, step: AssetStep) -> Asset:
        """Put an asset to the place that the step's detail names; what it left stands beside it as `from_...`."""
        moved = replace(
            asset,
            site=step.detail.get("site", asset.site),
            building=step.detail.get("building", asset.building),
            floor=step.detail.get("floor", asset.floor),
            name=step.detail.get("name", asset.name),
        )
        buildings = (Building(id=moved.building, site=moved.site),) if moved.building else ()
        EstateRecords(self._engine).put(Estate(buildings=buildings, assets=(moved,)))
        was = {f"from_{name}": getattr(asset, name) for name in PLACE if name in step.detail}
        self.add(replace(step, detail={**step.detail, **was}))
        return moved

    def replace(self, step: AssetStep, successor: Asset) -> None:
        """One asset in the place of another: the new one is registered, the old one keeps its history."""
        with writing(self._engine) as connection:
            values = {name: getattr(successor, name) for name in Asset.__dataclass_fields__}
            values["attributes"] = dict(successor.attributes)
            there = connection.execute(select(_ASSETS.c.id).where(_ASSETS.c.id == successor.id)).first()
            if there is None:
                connection.execute(insert(_ASSETS), [values])
            else:
                connection.execute(update(_ASSETS).where(_ASSETS.c.id == successor.id).values(values))
            connection.execute(insert(_STEPS), [_values(step)])

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


def _values(step: AssetStep) -> dict[str, object]:
    values = {name: getattr(step, name) for name in AssetStep.__dataclass_fields__}
    return values | {"kind": step.kind.value, "detail": dict(step.detail)}
