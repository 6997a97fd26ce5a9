"""Surveys that are out, the digests of their codes, and answers: one for each code, and none that says which."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Engine, func, insert, select, update

from facility.errors import CannotDo
from facility.records.opening import writing
from facility.records.survey_tables import SurveyAnswerRow, SurveyCodeRow, SurveyRow
from facility.records.tables import table_of
from facility.surveys import Form, Survey, SurveyAnswer

_SURVEYS, _CODES, _ANSWERS = table_of(SurveyRow), table_of(SurveyCodeRow), table_of(SurveyAnswerRow)


class CodeUsed(CannotDo):
    """A code by which somebody has answered already."""


class SurveyRecords:
    """Surveys, their codes and what was answered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, survey: Survey) -> Survey:
        """Raises `CannotDo` where there is one of that key."""
        with writing(self._engine) as connection:
            if connection.execute(select(_SURVEYS.c.id).where(_SURVEYS.c.key == survey.key)).first() is not None:
                raise CannotDo("there is a survey {key!r} already", "Choose another name", key=survey.key)
            values = {name: getattr(survey, name) for name in ("key", "service_day", "until", "at", "who")}
            values["form"] = msgspec.to_builtins(survey.form)
            number = connection.execute(insert(_SURVEYS).values(values).returning(_SURVEYS.c.id)).scalar_one()
        return replace(survey, id=int(number))

    def all(self, *, service_day: date | None = None) -> list[Survey]:
        """Surveys, oldest first; of one service day where it is named."""
        query = select(_SURVEYS).order_by(_SURVEYS.c.id)
        if service_day is not None:
            query = query.where(_SURVEYS.c.service_day == service_day)
        with self._engine.connect() as connection:
            return [_survey(row) for row in connection.execute(query)]

    def named(self, key: str) -> Survey:
        """Raises `CannotDo` where there is none of that name."""
        with self._engine.connect() as connection:
            row = connection.execute(select(_SURVEYS).where(_SURVEYS.c.key == key)).first()
        if row is None:
            raise CannotDo("there is no survey {key!r}", "See `serviceday survey list`", key=key)
        return _survey(row)

    def hand_out(self, survey: int, digests: Collection[str], *, site: str, building: str) -> None:
        """Keep the digests of new codes, all or none."""
        rows = [
            {"survey": survey, "digest": digest, "site": site, "building": building, "used": False}
            for digest in digests
        ]
        with writing(self._engine) as connection:
            connection.execute(insert(_CODES), rows)

    def handed_out(self, survey: int) -> Mapping[tuple[str, str], int]:
        """How many codes there are, by site and building."""
        query = (
            select(_CODES.c.site, _CODES.c.building, func.count())
            .where(_CODES.c.survey == survey)
            .group_by(_CODES.c.site, _CODES.c.building)
        )
        with self._engine.connect() as connection:
            return {(site, building): int(count) for site, building, count in connection.execute(query)}

    def code(self, survey: int, digest: str) -> bool | None:
        """Whether a code was used; None where it was never handed out."""
        query = select(_CODES.c.used).where(_CODES.c.survey == survey, _CODES.c.digest == digest)
        with self._engine.connect() as connection:
            used: bool | None = connection.execute(query).scalar_one_or_none()
        return used

    def answer(self, answer: SurveyAnswer, digest: str) -> SurveyAnswer:
        """Keep an answer and use its code up, both or neither.

        Raises `CodeUsed` for a second answer, `CannotDo` for a code that was never handed out.
        """
        where = (_CODES.c.survey == answer.survey) & (_CODES.c.digest == digest)
        with writing(self._engine) as connection:
            row = connection.execute(select(_CODES).where(where)).first()
            if row is None:
                raise CannotDo("this code was not handed out for this survey", "Check its letters")
            if row.used:
                raise CodeUsed("this code has answered already", "One answer a household counts")
            connection.execute(update(_CODES).where(where).values(used=True))
            answer = replace(answer, site=row.site, building=row.building)
            values = {
                **{name: getattr(answer, name) for name in ("survey", "site", "building", "at", "source")},
                "ratings": dict(answer.ratings),
                "subjects": list(answer.subjects),
            }
            number = connection.execute(insert(_ANSWERS).values(values).returning(_ANSWERS.c.id)).scalar_one()
        return replace(answer, id=int(number))

    def answers(self, survey: int) -> list[SurveyAnswer]:
        """Every answer, in the order in which they came."""
        query = select(_ANSWERS).where(_ANSWERS.c.survey == survey).order_by(_ANSWERS.c.id)
        with self._engine.connect() as connection:
            return [_answer(row) for row in connection.execute(query)]


def _survey(row: Any) -> Survey:
    form = msgspec.convert(row.form, Form)
    return Survey(
        id=row.id, key=row.key, service_day=row.service_day, until=row.until, form=form, at=row.at, who=row.who
    )


def _answer(row: Any) -> SurveyAnswer:
    return SurveyAnswer(
        id=row.id, survey=row.survey, site=row.site, building=row.building, at=row.at, source=row.source,
        ratings={key: int(value) for key, value in row.ratings.items()}, subjects=tuple(row.subjects),
    )  # fmt: skip
