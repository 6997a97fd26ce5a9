"""The survey on paper: a sheet for each household with its code, to scan or to fill in and hand back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from facility.i18n.phrases import Language
from facility.surveys import RATINGS, QuestionKind, Survey
from serviceday.documents.branding import Paper
from serviceday.documents.fonts import typefaces
from serviceday.documents.qr import as_svg
from serviceday.documents.typesetting import as_pdf
from serviceday.reports import taxonomy
from serviceday.survey.collecting import shown
from serviceday.survey.phrases import PHRASES


def sheets(
    survey: Survey, codes: Sequence[str], *, base_url: str, language: Language, paper: Paper, created: datetime
) -> bytes:
    """A PDF, a page for each code; with a code to scan where the address of the server is given."""
    return as_pdf(
        "survey.typ", _data(survey, codes, base_url, language, paper), language=language,
        faces=typefaces(paper.font), created=created,
    )  # fmt: skip


def _data(survey: Survey, codes: Sequence[str], base_url: str, language: Language, paper: Paper) -> dict[str, Any]:
    questions = []
    for question in survey.form.questions:
        choices: list[str] = []
        if question.kind is QuestionKind.RATING:
            choices = [str(rating) for rating in RATINGS]
        elif question.kind is QuestionKind.SUBJECTS:
            choices = [subject.name[language] for subject in taxonomy().subjects.values()]
        questions.append({"kind": question.kind.value, "words": question.words[language], "choices": choices})
    return {
        "company": paper.company,
        "title": survey.form.title[language],
        "intro": PHRASES.say("page_intro", language, day=survey.service_day, until=survey.until),
        "scan": PHRASES.say("paper_scan" if base_url else "paper_hand_back", language),
        "code_word": PHRASES.say("page_code", language),
        "privacy": PHRASES.say("page_privacy", language),
        "questions": questions,
        "sheets": [
            {"code": shown(code), "codes": as_svg(address(base_url, survey.key, code)) if base_url else ""}
            for code in codes
        ],
    }


def address(base_url: str, key: str, code: str) -> str:
    """Where a code answers."""
    return f"{base_url.rstrip('/')}/survey/{key}/{code}"
