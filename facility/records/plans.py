"""Inspection lists as they were handed out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import msgspec
from sqlalchemy import Engine, Select, insert, select

from facility.audit import Area, Entry
from facility.inspections import InspectionList
from facility.records.audit import add_entry
from facility.records.opening import writing
from facility.records.reading import read_row, read_rows
from facility.records.tables import PlanRow, table_of

_PLANS = table_of(PlanRow)


class PlanRecords:
    """Inspection lists that somebody kept, with what was changed by hand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, plan: InspectionList, *, by: str = "", at: datetime | None = None) -> int:
        """Keep a list whole; returns its number. Lists are never changed: a new plan is a new row."""
        with self.keeping(plan, by=by, at=at) as inspection_list:
            return inspection_list.number

    def kept(self, plan: InspectionList) -> InspectionList:
        """The list with the number under which it is kept from now on."""
        return replace(plan, number=self.put(plan))

    @contextmanager
    def keeping(self, plan: InspectionList, *, by: str = "", at: datetime | None = None) -> Iterator[InspectionList]:
        """The list with its number, kept when the block ends well: what fails to be handed out is not on record.

        `by` puts on the trail who kept it, `at` when, if not when it was made.
        """
        with writing(self._engine) as connection:
            number = int(connection.execute(insert(_PLANS).values(_values(plan)).returning(_PLANS.c.id)).scalar_one())
            if by:
                day = {"service_day": plan.service_day.isoformat(), "items": len(plan.items)}
                moment, subject = at or plan.created_at, f"{number}"
                entry = Entry(at=moment, who=by, area=Area.PLAN, subject=subject, what="kept", after=day)
                add_entry(connection, entry)
            yield replace(plan, number=number)

    def days(self) -> list[date]:
        """Service days that have a list, newest first."""
        query = select(_PLANS.c.service_day).distinct().order_by(_PLANS.c.service_day.desc())
        with self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def newest(self, service_day: date | None = None) -> InspectionList | None:
        """The list made last, of one service day or of the latest day that has one."""
        query = select(_PLANS.c.id, _PLANS.c.body).order_by(_PLANS.c.service_day.desc(), _PLANS.c.id.desc()).limit(1)
        if service_day is not None:
            query = query.where(_PLANS.c.service_day == service_day)
        return self._one(query)

    def on(self, service_day: date) -> list[InspectionList]:
        """Every list made for a day, oldest first."""
        query = select(_PLANS.c.id, _PLANS.c.body).where(_PLANS.c.service_day == service_day).order_by(_PLANS.c.id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return read_rows(_plan, rows, "plan")

    def get(self, number: int) -> InspectionList | None:
        return self._one(select(_PLANS.c.id, _PLANS.c.body).where(_PLANS.c.id == number))

    def all(self) -> list[InspectionList]:
        """Every list, the newest first."""
        query = select(_PLANS.c.id, _PLANS.c.body).order_by(_PLANS.c.id.desc())
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return read_rows(_plan, rows, "plan")

    def _one(self, query: Select[object]) -> InspectionList | None:
        with self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else read_row(_plan, row, "plan")


def _values(plan: InspectionList) -> dict[str, object]:
    body = msgspec.json.encode(plan).decode()
    return {"service_day": plan.service_day, "created_at": plan.created_at, "body": body}


def _plan(row: Any) -> InspectionList:
    return replace(msgspec.json.decode(row.body, type=InspectionList), number=int(row.id))
