"""Every change there is a trail of, read as one: each trail stays where it is, and what has none stands here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Engine, insert, select

from facility.audit import Area, Entry
from facility.records.account_tables import AuditRow
from facility.records.day_tables import DeficiencyStepRow, ResultRow, ServiceDayStepRow
from facility.records.opening import writing
from facility.records.reading import read_rows
from facility.records.tables import (
    AlertStepRow,
    AssetStepRow,
    DutyStepRow,
    OutcomeRow,
    PlanRow,
    ReportStepRow,
    table_of,
)

_AUDIT = table_of(AuditRow)
_PLANS = table_of(PlanRow)
_FROM = "from_"  # of a detail: what it was before


class AuditRecords:
    """Changes without a trail of their own, and all trails read as one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, entry: Entry) -> None:
        """A change that no trail of its own holds."""
        with writing(self._engine) as connection:
            add_entry(connection, entry)

    def entries(
        self, *, since: datetime | None = None, until: datetime | None = None, by: str | None = None
    ) -> list[Entry]:
        """What was changed, oldest first: from `since` on, before `until`, by one person; "" is the program itself."""
        entries: list[Entry] = []
        with self._engine.connect() as connection:
            for table, time, who, convert in _TRAILS:
                columns = table.c
                query = select(table).order_by(columns[time])
                if since is not None:
                    query = query.where(columns[time] >= since)
                if until is not None:
                    query = query.where(columns[time] < until)
                if by is not None:
                    query = query.where(columns[who] == by)
                entries += read_rows(convert, connection.execute(query), table.name)
            if by in (None, ""):
                entries += _plans(connection, since, until)
        return sorted(entries, key=lambda entry: entry.at)


def add_entry(connection: Connection, entry: Entry) -> None:
    """Write an entry within a transaction that is open."""
    values = {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
    plain = {"area": entry.area.value, "before": dict(entry.before), "after": dict(entry.after)}
    connection.execute(insert(_AUDIT).values(values | plain))


def _plans(connection: Connection, since: datetime | None, until: datetime | None) -> list[Entry]:
    """Lists of which it is not on record who kept them: those of a command."""
    signed = select(_AUDIT.c.subject).where(_AUDIT.c.area == Area.PLAN.value)
    numbers = set(connection.execute(signed).scalars())
    query = select(_PLANS.c.id, _PLANS.c.service_day, _PLANS.c.created_at).order_by(_PLANS.c.id)
    if since is not None:
        query = query.where(_PLANS.c.created_at >= since)
    if until is not None:
        query = query.where(_PLANS.c.created_at < until)
    return [
        Entry(at=row.created_at, who="", area=Area.PLAN, subject=str(row.id), what="kept",
              after={"service_day": row.service_day.isoformat()})
        for row in connection.execute(query)
        if str(row.id) not in numbers
    ]  # fmt: skip


def _own(row: Any) -> Entry:
    names = [name for name in Entry.__dataclass_fields__ if name != "area"]
    return Entry(area=Area(row.area), **{name: getattr(row, name) for name in names})


def _alert(row: Any) -> Entry:
    return Entry(at=row.at, who=row.who, area=Area.ALERT, subject=str(row.alert), what=row.what, note=row.note)


def _report(row: Any) -> Entry:
    return Entry(at=row.at, who=row.who, area=Area.REPORT, subject=str(row.report), what=row.what, note=row.note)


def _duty(row: Any) -> Entry:
    on = row.done_on.isoformat()
    return Entry(
        at=row.at,
        who=row.who,
        area=Area.DUTY,
        subject=f"{row.asset} {row.duty}",
        what=row.what,
        note=" · ".join(filter(None, (row.source, row.note))),
        before={"done_on": on} if row.what == "undone" else {},
        after={} if row.what == "undone" else {"done_on": on},
    )


def _asset(row: Any) -> Entry:
    detail = dict(row.detail)
    return Entry(
        at=row.at,
        who=row.who,
        area=Area.ASSET,
        subject=row.asset,
        what=row.kind,
        note=row.why,
        before={name.removeprefix(_FROM): value for name, value in detail.items() if name.startswith(_FROM)},
        after={name: value for name, value in detail.items() if not name.startswith(_FROM)}
        | {"start": row.start.isoformat()}
        | ({"end": row.end.isoformat()} if row.end else {}),
    )


def _finding(row: Any) -> Entry:
    return Entry(
        at=row.at,
        who=row.who,
        area=Area.FINDING,
        subject=str(row.deficiency),
        what=row.move,
        note=row.why,
        after={"state": row.state} | dict(row.detail),
    )


def _day(row: Any) -> Entry:
    return Entry(
        at=row.at,
        who=row.who,
        area=Area.DAY,
        subject=row.day.isoformat(),
        what=row.move,
        note=row.note,
        after=dict(row.detail),
    )


def _result(row: Any) -> Entry:
    return Entry(
        at=row.at,
        who=row.who,
        area=Area.RESULT,
        subject=f"{row.plan}/{row.item} {row.asset}",
        what=row.entry,
        note=" · ".join(filter(None, (row.source, row.note))),
        after={"answer": row.answer, "found_by": row.found_by} | ({"measured": row.measured} if row.measured else {}),
    )


def _outcome(row: Any) -> Entry:
    return Entry(
        at=row.at,
        who=row.found_by,
        area=Area.OUTCOME,
        subject=row.asset,
        what="recorded",
        note=row.note,
        after={"finding": row.finding} | ({"mode": row.mode} if row.mode else {}),
    )


# Table, its column of time, its column of who, and how a row is told.
_TRAILS: Sequence[tuple[sqlalchemy.Table, str, str, Callable[[object], Entry]]] = (
    (_AUDIT, "at", "who", _own),
    (table_of(AlertStepRow), "at", "who", _alert),
    (table_of(AssetStepRow), "at", "who", _asset),
    (table_of(DutyStepRow), "at", "who", _duty),
    (table_of(DeficiencyStepRow), "at", "who", _finding),
    (table_of(ServiceDayStepRow), "at", "who", _day),
    (table_of(ResultRow), "at", "who", _result),
    (table_of(OutcomeRow), "at", "found_by", _outcome),
    (table_of(ReportStepRow), "at", "who", _report),
)
