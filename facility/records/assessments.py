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
    """What the models believed of each asset, and when."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, assessments: Sequence[Assessment]) -> None:
        """Keep assessments; one of the same asset and as-of time replaces what was believed before."""
        if not assessments:
            return
        newest = {(assessment.asset, assessment.as_of): assessment for assessment in assessments}.values()
        replaced = delete(_TABLE).where(
            _TABLE.c.asset == bindparam("old_asset"), _TABLE.c.as_of == bindparam("old_as_of")
        )
        with writing(self._engine) as connection:
            connection.execute(
                replaced, [{"old_asset": assessment.asset, "old_as_of": assessment.as_of} for assessment in newest]
            )
            connection.execute(insert(_TABLE), [_values(assessment) for assessment in newest])

    def latest(self, *, assets: Collection[str] | None = None) -> dict[str, Assessment]:
        """The newest assessment of each asset, of those named or of all."""
        every = select(_TABLE.c.asset, func.max(_TABLE.c.as_of).label("as_of")).group_by(_TABLE.c.asset)
        newest = (every if assets is None else every.where(_TABLE.c.asset.in_(assets))).subquery()
        query = select(_TABLE).join(newest, (_TABLE.c.asset == newest.c.asset) & (_TABLE.c.as_of == newest.c.as_of))
        return {assessment.asset: assessment for assessment in self._read(query.order_by(_TABLE.c.asset))}

    def flagged(self, *, before: datetime) -> dict[str, Assessment]:
        """Of the newest assessments made of readings before a moment, those that flag their asset."""
        newest = (
            select(_TABLE.c.asset, func.max(_TABLE.c.as_of).label("as_of"))
            .where(_TABLE.c.as_of < before)
            .group_by(_TABLE.c.asset)
            .subquery()
        )
        query = select(_TABLE).join(newest, (_TABLE.c.asset == newest.c.asset) & (_TABLE.c.as_of == newest.c.as_of))
        return {
            assessment.asset: assessment
            for assessment in self._read(query.where(_TABLE.c.flagged.is_(True)).order_by(_TABLE.c.asset))
        }

    def coverage(self, *, since: datetime, before: datetime) -> dict[str, float]:
        """Of each asset that was assessed in a time, the share of data that its last assessment there had, 0..1."""
        newest = (
            select(_TABLE.c.asset, func.max(_TABLE.c.as_of).label("as_of"))
            .where(_TABLE.c.as_of >= since, _TABLE.c.as_of < before)
            .group_by(_TABLE.c.asset)
            .subquery()
        )
        query = select(_TABLE.c.asset, _TABLE.c.coverage).join(
            newest, (_TABLE.c.asset == newest.c.asset) & (_TABLE.c.as_of == newest.c.as_of)
        )
        with self._engine.connect() as connection:
            return {row.asset: float(row.coverage) for row in connection.execute(query)}

    def history(self, asset: str, *, since: datetime | None = None) -> list[Assessment]:
        """Every assessment of one asset, oldest first."""
        query = select(_TABLE).where(_TABLE.c.asset == asset).order_by(_TABLE.c.as_of)
        if since is not None:
            query = query.where(_TABLE.c.as_of >= since)
        return list(self._read(query))

    def _read(self, query: Any) -> Iterable[Assessment]:
        with self._engine.connect() as connection:
            return read_rows(_assessment, connection.execute(query), "assessment")


def _values(assessment: Assessment) -> dict[str, object]:
    return {
        "asset": assessment.asset,
        "as_of": assessment.as_of,
        "horizon_days": assessment.horizon_days,
        "probability": assessment.probability,
        "sensor_probability": assessment.sensor_probability,
        "flagged": assessment.flagged,
        "score": assessment.score,
        "mode": assessment.mode,
        "reason_zh": assessment.reason.zh,
        "reason_en": assessment.reason.en,
        "coverage": assessment.coverage,
        "model": assessment.model,
        "evidence": msgspec.to_builtins(assessment.evidence),
        "prognosis": None if assessment.prognosis is None else msgspec.to_builtins(assessment.prognosis),
        "state": assessment.state.value,
        "failure": assessment.failure,
    }


def _assessment(row: Any) -> Assessment:
    values = dict(row._mapping)
    reason = Text(zh=values.pop("reason_zh"), en=values.pop("reason_en"))
    evidence = msgspec.convert(values.pop("evidence"), _EvidenceList)
    foreseen = values.pop("prognosis")
    prognosis = None if foreseen is None else msgspec.convert(foreseen, Prognosis)
    state = Knowledge(values.pop("state"))
    return Assessment(**values, reason=reason, evidence=evidence, prognosis=prognosis, state=state)
