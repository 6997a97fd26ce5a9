"""Surveys of residents (需求调研): a form of a few questions, answered once a household, by a code and without a name.

Which code went to which household is written down nowhere. A code bears at most the site and building it was made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from facility.i18n.phrases import Text

RATINGS = (1, 2, 3, 4, 5)
SATISFIED = 4  # this and better


class QuestionKind(StrEnum):
    """How a question is answered."""

    RATING = "rating"  # 1 (bad) to 5 (good)
    SUBJECTS = "subjects"  # what troubles people: up to three of the taxonomy of reports
    TEXT = "text"  # words, which become a report without a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One question of a form."""

    key: str
    kind: QuestionKind
    words: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What is asked. The first rating is the satisfaction that briefs show."""

    title: Text
    questions: tuple[Question, ...]

    @property
    def satisfaction(self) -> Question | None:
        return next((question for question in self.questions if question.kind is QuestionKind.RATING), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A form that is out, for the service day it belongs to."""

    id: int = 0
    key: str
    service_day: date
    until: date  # the last day on which answers are taken
    form: Form
    at: datetime  # UTC
    who: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswer:
    """What one household answered; its words, if any, are a report and stand elsewhere."""

    id: int = 0
    survey: int
    site: str = ""  # of the code
    building: str = ""
    at: datetime  # UTC
    source: str  # "page", or "paper" where somebody typed it from paper
    ratings: Mapping[str, int] = field(default_factory=dict)  # by question
    subjects: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """Under which it stands in the annex of a brief."""
        return f"S{self.survey}/{self.id}"
