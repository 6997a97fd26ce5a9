"""Tables of surveys: forms that are out, codes as digests, answers without a name."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from facility.records.tables import Table


class SurveyRow(Table):
    """A form as it went out; it does not change while answers come in."""

    __tablename__ = "survey"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    service_day: Mapped[date] = mapped_column(index=True)
    until: Mapped[date]
    form: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    who: Mapped[str]


class SurveyCodeRow(Table):
    """A code that was handed out, as its digest, and whether it was used; never for whom."""

    __tablename__ = "survey_code"
    __table_args__ = (UniqueConstraint("survey", "digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    survey: Mapped[int] = mapped_column(ForeignKey("survey.id"))
    digest: Mapped[str] = mapped_column(String(64))
    site: Mapped[str]
    building: Mapped[str]
    used: Mapped[bool]


class SurveyAnswerRow(Table):
    """An answer; it bears the code's site and building and not the code."""

    __tablename__ = "survey_answer"
    id: Mapped[int] = mapped_column(primary_key=True)
    survey: Mapped[int] = mapped_column(ForeignKey("survey.id"), index=True)
    site: Mapped[str]
    building: Mapped[str]
    at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(10))
    ratings: Mapped[dict[str, Any]]
    subjects: Mapped[list[Any]]
