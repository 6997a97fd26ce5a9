"""What models have believed, every assessment since the first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, bindparam, delete, func, insert, select

from facility.assessments import Assessment, Evidence, Knowledge, Prognosis
from facility.i18n.phrases import Text
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import AssessmentRow, table_of

_TABLE = table_of(AssessmentRow)
_EvidenceList = tuple[Evidence, ...]


class AssessmentRecords:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, assessments: Sequence[Assessment]) -> None:
        """Keep assessments; one of the same asset and as-of time replaces what was believed before."""
        if not assessments:
            return
        newest = {(one.asset, one.as_of): one for one in assessments}.values()
        gone = delete(_TABLE).where(_TABLE.c.asset == bindparam("old_asset"), _TABLE.c.as_of == bindparam("old_as_of"))
        with writing(self._engine) as connection:
            connection.execute(gone, [{"old_asset": one.asset, "old_as_of": one.as_of} for one in newest])
            connection.execute(insert(_TABLE), [_values(one) for one in newest])

    def latest(self, *, assets: Collection[str] | None = None) -> dict[str, Assessment]:
        """The newest assessment of each asset, of those named or of all."""
        every = select(_TABLE.c.asset, func.max(_TABLE.c.as_of).label("as_of")).group_by(_TABLE.c.asset)
        newest = (every if assets is None else every.where(_TABLE.c.asset.in_(assets))).subquery()
        query = select(_TABLE).join(newest, (_TABLE.c.asset == newest.c.asset) & (_TABLE.c.as_of == newest.c.as_of))
        return {one.asset: one for one in self._read(query.order_by(_TABLE.c.asset))}

    def flagged(self, *, before: datetime) -> dict[str, Assessment]:
        """Of the newest assessments made of readings before a moment, those that flag their asset."""
        newest = (
            select(_TABLE.c.asset, func.max(_TABLE.c.as_of).label("as_of"))
            .where(_TABLE.c.as_of < before)
            .group_by(_TABLE.c.asset)
            .subquery()
        )
        query = select(_TABLE).join(newest, (_TABLE.c.asset == newest.c.asset) & (_TABLE.c.as_of == newest.c.as_of))
        return {one.asset: one for one in self._read(query.where(_TABLE.c.flagged.is_(True)).order_by(_TABLE.c.asset))}

    def history(self, asset: str, *, since: datetime | None = None) -> list[Assessment]:
        """Every assessment of one asset, oldest first."""
        query = select(_TABLE).where(_TABLE.c.asset == asset).order_by(_TABLE.c.as_of)
        if since is not None:
            query = query.where(_TABLE.c.as_of >= since)
        return list(self._read(query))

    def _read(self, query: Any) -> Iterable[Assessment]:
        with self._engine.connect() as connection:
            return read_rows(_assessment, connection.execute(query), "assessment")


def _values(one: Assessment) -> dict[str, Any]:
    return {
        "asset": one.asset,
        "as_of": one.as_of,
        "horizon_days": one.horizon_days,
        "probability": one.probability,
        "sensor_probability": one.sensor_probability,
        "flagged": one.flagged,
        "score": one.score,
        "mode": one.mode,
        "reason_zh": one.reason.zh,
        "reason_en": one.reason.en,
        "coverage": one.coverage,
        "model": one.model,
        "evidence": msgspec.to_builtins(one.evidence),
        "prognosis": None if one.prognosis is None else msgspec.to_builtins(one.prognosis),
        "state": one.state.value,
        "failure": one.failure,
    }


def _assessment(row: Any) -> Assessment:
    values = dict(row._mapping)
    reason = Text(zh=values.pop("reason_zh"), en=values.pop("reason_en"))
    evidence = msgspec.convert(values.pop("evidence"), _EvidenceList)
    foreseen = values.pop("prognosis")
    prognosis = None if foreseen is None else msgspec.convert(foreseen, Prognosis)
    state = Knowledge(values.pop("state"))
    return Assessment(**values, reason=reason, evidence=evidence, prognosis=prognosis, state=state)
