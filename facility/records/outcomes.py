"""What people found: the labels models learn from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select

from facility.inspections import Finding, Outcome
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import OutcomeRow, table_of

_TABLE = table_of(OutcomeRow)


class OutcomeRecords:
    """What people found at assets: the labels that models learn from."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, outcome: Outcome) -> None:
        """Keep an outcome; one of the same asset and moment is corrected by it."""
        with writing(self._engine) as connection:
            connection.execute(delete(_TABLE).where(_TABLE.c.asset == outcome.asset, _TABLE.c.at == outcome.at))
            connection.execute(
                insert(_TABLE).values(
                    asset=outcome.asset,
                    at=outcome.at,
                    finding=outcome.finding.value,
                    found_by=outcome.by,
                    mode=outcome.mode,
                    note=outcome.note,
                )
            )

    def take_back(self, asset: str, at: datetime) -> bool:
        """Remove what was wrongly taken for an outcome; whoever does keeps the trail. Whether there was one."""
        with writing(self._engine) as connection:
            result = connection.execute(delete(_TABLE).where(_TABLE.c.asset == asset, _TABLE.c.at == at))
            return bool(result.rowcount)

    def all(self, *, until: datetime | None = None, asset: str | None = None) -> list[Outcome]:
        """Outcomes found before `until`, oldest first."""
        query = select(_TABLE).order_by(_TABLE.c.at, _TABLE.c.asset)
        if until is not None:
            query = query.where(_TABLE.c.at < until)
        if asset is not None:
            query = query.where(_TABLE.c.asset == asset)
        with self._engine.connect() as connection:
            return read_rows(_outcome, connection.execute(query), "outcome")


def _outcome(row: Any) -> Outcome:
    return Outcome(
        asset=row.asset, at=row.at, finding=Finding(row.finding), by=row.found_by, mode=row.mode, note=row.note
    )
