"""Tables of service days: answers, rounds on phones, findings, briefs."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from facility.records.tables import Table


class ResultRow(Table):
    """What was answered on an item of a kept list; rows are only added."""

    __tablename__ = "result_entry"
    __table_args__ = (
        Index("ix_result_entry_plan_item", "plan", "item"),
        Index(
            "ux_result_entry_device_seq",
            "plan",
            "device",
            "seq",
            unique=True,
            sqlite_where=text("device <> ''"),
            postgresql_where=text("device <> ''"),
        ),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    item: Mapped[int]
    asset: Mapped[str] = mapped_column(index=True)
    task: Mapped[str]
    answer: Mapped[str] = mapped_column(String(20))
    measured: Mapped[str]
    mode: Mapped[str]
    mended: Mapped[bool]
    note: Mapped[str]
    found_by: Mapped[str]
    done_at: Mapped[datetime]
    at: Mapped[datetime]
    who: Mapped[str]
    source: Mapped[str]
    entry: Mapped[str] = mapped_column(String(20))
    late: Mapped[bool]
    device: Mapped[str] = mapped_column(server_default="")
    seq: Mapped[int] = mapped_column(server_default="0")
    typed_at: Mapped[datetime | None]


class SheetReadRow(Table):
    """A sheet that was read back for a list; the same file says nothing new when it is read again."""

    __tablename__ = "sheet_read"
    __table_args__ = (UniqueConstraint("plan", "digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    digest: Mapped[str] = mapped_column(String(64))
    name: Mapped[str]
    at: Mapped[datetime]
    who: Mapped[str]


class RoundPhotoRow(Table):
    """A photo or a signature of somebody's round; the picture itself is a file."""

    __tablename__ = "round_photo"
    __table_args__ = (UniqueConstraint("plan", "device", "seq"), Index("ix_round_photo_plan_item", "plan", "item"))
    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    item: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    person: Mapped[str]
    device: Mapped[str]
    seq: Mapped[int]
    taken_at: Mapped[datetime]
    at: Mapped[datetime]
    digest: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]


class RoundLinkStepRow(Table):
    """A person's link to their round was taken back; rows are only added."""

    __tablename__ = "round_link_step"
    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[int] = mapped_column(ForeignKey("plan.id"), index=True)
    person: Mapped[int]
    at: Mapped[datetime]
    who: Mapped[str]


class DeficiencyRow(Table):
    """Something that was found to be wrong; what became of it stands in its steps."""

    __tablename__ = "deficiency"
    id: Mapped[int] = mapped_column(primary_key=True)
    asset: Mapped[str] = mapped_column(index=True)
    fault: Mapped[str]
    opened_at: Mapped[datetime]


class DeficiencyStepRow(Table):
    """A step of a deficiency's trail; rows are only added."""

    __tablename__ = "deficiency_step"
    __table_args__ = (Index("ix_deficiency_step_plan_item", "plan", "item"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    deficiency: Mapped[int] = mapped_column(ForeignKey("deficiency.id"), index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    move: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(30))
    why: Mapped[str]
    plan: Mapped[int]
    item: Mapped[int]
    detail: Mapped[dict[str, str]]


class ServiceDayStepRow(Table):
    """A step of a service day's trail; rows are only added."""

    __tablename__ = "service_day_step"
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    move: Mapped[str] = mapped_column(String(20))
    note: Mapped[str]
    detail: Mapped[dict[str, Any]]


class BriefRow(Table):
    """A brief as it was published; never changed."""

    __tablename__ = "brief"
    id: Mapped[int] = mapped_column(primary_key=True)
    service_day: Mapped[date] = mapped_column(index=True)
    at: Mapped[datetime]
    who: Mapped[str]
    body: Mapped[str] = mapped_column(String)  # whole, as it was published
