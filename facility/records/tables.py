"""The tables of the records. Alembic's migrations build them; a test holds the two together."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, cast

import sqlalchemy
from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, Index, MetaData, String, text
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from facility.errors import CannotConvert


class UtcDateTime(TypeDecorator[datetime]):
    """UTC on both sides; a naive datetime is refused. SQLite, which knows no zones, keeps it naive."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


LONGEST = 4_000  # characters of any field: more than anybody writes, and paper and pages can show it
_SHOWN = 40  # of one that is longer, in what is told of it


class TooLong(CannotConvert, DontWrapMixin):
    """A field longer than the records keep, whichever way it came in."""

    def __init__(self, text: str) -> None:
        super().__init__(
            "a field of {count} characters, beginning {start!r}, is longer than {most}",
            "Shorten it",
            count=len(text),
            start=text[:_SHOWN],
            most=LONGEST,
        )


class Words(TypeDecorator[str]):
    """Text of a bounded length. What a program writes whole, such as a list, is `String`."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is not None and len(value) > LONGEST:
            raise TooLong(value)
        return value


class Table(DeclarativeBase):
    """What the tables have in common: names of constraints, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Words,
        datetime: UtcDateTime,
        dict[str, str]: JSON,
        list[Any]: JSON,
        dict[str, Any]: JSON,
    }


class SiteRow(Table):
    """A site."""

    __tablename__ = "site"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]


class BuildingRow(Table):
    """A building of a site."""

    __tablename__ = "building"
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


class AssetRow(Table):
    """An asset."""

    __tablename__ = "asset"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(index=True)
    site: Mapped[str] = mapped_column(ForeignKey("site.id"), index=True)
    building: Mapped[str]
    floor: Mapped[str]
    name: Mapped[str]
    commissioned: Mapped[date | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    attributes: Mapped[dict[str, str]]


class AssessmentRow(Table):
    """What was believed of an asset at one moment."""

    __tablename__ = "assessment"
    asset: Mapped[str] = mapped_column(primary_key=True)
    as_of: Mapped[datetime] = mapped_column(primary_key=True)
    horizon_days: Mapped[float]
    probability: Mapped[float]
    sensor_probability: Mapped[float]
    flagged: Mapped[bool]
    score: Mapped[float]
    mode: Mapped[str]
    reason_zh: Mapped[str]
    reason_en: Mapped[str]
    coverage: Mapped[float]
    model: Mapped[str]
    evidence: Mapped[list[Any]]
    prognosis: Mapped[dict[str, Any] | None]
    state: Mapped[str] = mapped_column(String(20), server_default="assessed")
    failure: Mapped[str] = mapped_column(server_default="")


class AlertRow(Table):
    """An alert as it stands now."""

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "one_open_alert_a_cause",
            "cause",
            unique=True,
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(index=True)
    cause: Mapped[str] = mapped_column(index=True)
    channel: Mapped[str]
    source: Mapped[str]
    severity: Mapped[str]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    reason_zh: Mapped[str]
    reason_en: Mapped[str]
    opened_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    returned_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str]
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_by: Mapped[str]
    note: Mapped[str]
    follows: Mapped[int | None] = mapped_column(ForeignKey("alert.id"))
    began: Mapped[datetime | None]
    began_after: Mapped[datetime | None]
    began_before: Mapped[datetime | None]
    assigned_to: Mapped[str] = mapped_column(server_default="")
    shelved_until: Mapped[datetime | None]
    shelved_by: Mapped[str] = mapped_column(server_default="")
    shelved_why: Mapped[str] = mapped_column(server_default="")


class AlertStepRow(Table):
    """One step of an alert's trail."""

    __tablename__ = "alert_step"
    id: Mapped[int] = mapped_column(primary_key=True)
    alert: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    note: Mapped[str]


class PlanRow(Table):
    """An inspection list that was kept, as JSON."""

    __tablename__ = "plan"
    id: Mapped[int] = mapped_column(primary_key=True)
    service_day: Mapped[date] = mapped_column(index=True)
    created_at: Mapped[datetime]
    body: Mapped[str] = mapped_column(String)  # the whole list as JSON: it is kept as it was handed out


class DutyDoneRow(Table):
    """That a duty was done, by whose word."""

    __tablename__ = "duty_done"
    asset: Mapped[str] = mapped_column(primary_key=True)
    duty: Mapped[str] = mapped_column(primary_key=True)
    on: Mapped[date] = mapped_column("done_on", primary_key=True)
    by: Mapped[str] = mapped_column("done_by")
    note: Mapped[str]


class DutyStepRow(Table):
    """Who recorded or took back that a duty was done; rows are only added."""

    __tablename__ = "duty_step"
    __table_args__ = (Index("ix_duty_step_asset_duty", "asset", "duty"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str]
    duty: Mapped[str]
    on: Mapped[date] = mapped_column("done_on")
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str] = mapped_column(String(20))  # "done" or "undone"
    source: Mapped[str]  # "hand", "outcome", or the file's name
    note: Mapped[str]


class AssetStepRow(Table):
    """What happened to an asset: retired, out of use, returned, moved, replaced; rows are only added."""

    __tablename__ = "asset_step"
    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(String(20))
    start: Mapped[date]
    end: Mapped[date | None]
    at: Mapped[datetime]
    who: Mapped[str]
    why: Mapped[str]
    detail: Mapped[dict[str, str]]


class OutcomeRow(Table):
    """What somebody found at an asset."""

    __tablename__ = "outcome"
    asset: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    finding: Mapped[str] = mapped_column(String(20))
    by: Mapped[str] = mapped_column("found_by")
    mode: Mapped[str]
    note: Mapped[str]


class ReportRow(Table):
    """A resident's report, without the resident."""

    __tablename__ = "report"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)  # by which it is known when it is imported again
    at: Mapped[datetime] = mapped_column(index=True)
    text: Mapped[str]
    said_place: Mapped[str]
    source: Mapped[str]
    kind: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str]
    sure: Mapped[float]
    urgent: Mapped[bool]
    category_why_zh: Mapped[str]
    category_why_en: Mapped[str]
    site: Mapped[str]
    building: Mapped[str]
    unit: Mapped[str]
    floor: Mapped[str]
    room: Mapped[str]
    asset: Mapped[str] = mapped_column(index=True)
    place_why_zh: Mapped[str]
    place_why_en: Mapped[str]
    place_choices: Mapped[list[Any]]
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("report.id"), index=True)
    closed_at: Mapped[datetime | None] = mapped_column(index=True)
    closed_by: Mapped[str]
    note: Mapped[str]


class ReportStepRow(Table):
    """One step of a report's trail."""

    __tablename__ = "report_step"
    id: Mapped[int] = mapped_column(primary_key=True)
    report: Mapped[int] = mapped_column(ForeignKey("report.id"), index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    what: Mapped[str]
    note: Mapped[str]


class ReporterRow(Table):
    """Who made a report. Apart from it, so that the work record holds no personal data and this can be deleted."""

    __tablename__ = "reporter"
    report: Mapped[int] = mapped_column(ForeignKey("report.id"), primary_key=True)
    name: Mapped[str]
    phone: Mapped[str]


def table_of(row: type[Table]) -> sqlalchemy.Table:
    """The table behind a class: the records read and write in bulk, without an object a row."""
    return cast(sqlalchemy.Table, row.__table__)
