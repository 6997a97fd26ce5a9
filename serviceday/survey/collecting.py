"""Codes handed out, answers taken: one a household, and nobody can tell whose.

A code is fifty random bits. Kept is only its digest under the data folder's key, so that whoever reads the database can
answer for nobody. Words become a report like any other, without a name and without the code.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.records import Records
from facility.records.surveys import CodeUsed
from facility.surveys import RATINGS, SATISFIED, Question, QuestionKind, Survey, SurveyAnswer
from serviceday.reports import Gazetteer, Intake, Said, taxonomy
from serviceday.reports.taxonomy import folded

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"  # 32 signs: no 0 and O, no 1 and I
_LENGTH = 10
_MOST_CODES = 5_000  # at once
_MOST_SUBJECTS = 3
_LONGEST_WORDS = 500  # characters
_CODE = re.compile(rf"[{ALPHABET}]{{{_LENGTH}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyResult:
    """What a survey came to. Without an answer there is no average."""

    survey: Survey
    handed_out: int
    answers: int
    rated: int  # answers with a rating of satisfaction
    satisfied: int  # of them 4 or 5
    average: float | None  # 1..5
    subjects: Mapping[str, int]  # how often each was named, the most first
    by_building: Mapping[tuple[str, str], int]  # answers, by site and building


def result_of(records: Records, survey: Survey) -> SurveyResult:
    """Counted from the answers on record now."""
    answers = records.surveys.answers(survey.id)
    question = survey.form.satisfaction
    ratings = [answer.ratings[question.key] for answer in answers if question and question.key in answer.ratings]
    named = Counter(subject for answer in answers for subject in answer.subjects)
    return SurveyResult(
        survey=survey,
        handed_out=sum(records.surveys.handed_out(survey.id).values()),
        answers=len(answers),
        rated=len(ratings),
        satisfied=sum(rating >= SATISFIED for rating in ratings),
        average=sum(ratings) / len(ratings) if ratings else None,
        subjects=dict(sorted(named.items(), key=lambda entry: (-entry[1], entry[0]))),
        by_building=dict(Counter((answer.site, answer.building) for answer in answers)),
    )


class Collecting:
    """Hands out codes and takes answers, at one moment and place."""

    def __init__(self, records: Records, key: bytes, *, now: datetime, timezone: ZoneInfo) -> None:
        self._records, self._key, self._now, self._timezone = records, key, now, timezone

    def hand_out(self, survey: Survey, count: int, *, site: str = "", building: str = "") -> list[str]:
        """New codes, to be printed now: nobody can read them later. Raises `CannotDo` for too many, or none."""
        if not 0 < count <= _MOST_CODES:
            raise CannotDo("{count} codes; 1 to {most} at once", "Say --count", count=count, most=_MOST_CODES)
        codes: set[str] = set()
        while len(codes) < count:
            codes.add("".join(secrets.choice(ALPHABET) for _ in range(_LENGTH)))
        digests = {self._digest(survey, code) for code in codes}
        self._records.surveys.hand_out(survey.id, sorted(digests), site=site, building=building)
        return sorted(codes)

    def open(self, survey: Survey, code: str) -> str:
        """The code as it is kept. Raises `CannotDo` where nothing can be answered by it, saying why."""
        plain = "".join(code.split()).replace("-", "").upper()
        used = self._records.surveys.code(survey.id, self._digest(survey, plain)) if _CODE.fullmatch(plain) else None
        if used is None:
            raise CannotDo("this code was not handed out for this survey", "Check its letters")
        if used:
            raise CodeUsed("this code has answered already", "One answer a household counts")
        if self._now.astimezone(self._timezone).date() > survey.until:
            raise CannotDo(
                "this survey was open until {day}", "Tell the service centre what you need", day=survey.until
            )
        return plain

    def take(self, survey: Survey, code: str, given: Mapping[str, Sequence[str]], *, source: str) -> SurveyAnswer:
        """Keep one household's answer. `given` are words by question.

        Raises `CannotConvert` or `CannotParse` for what is no answer, `CannotDo` for a code that can't answer.
        """
        plain = self.open(survey, code)
        known = {question.key: question for question in survey.form.questions}
        for key in given:
            if key not in known:
                raise CannotParse("no question is called {key!r}", "The form asks {known}", key=key, known=list(known))
        ratings: dict[str, int] = {}
        subjects: tuple[str, ...] = ()
        text = ""
        for key, question in known.items():
            words = [entry.strip() for entry in given.get(key, ()) if entry.strip()]
            if not words:
                continue
            if question.kind is QuestionKind.RATING:
                ratings[key] = _rating(question, words)
            elif question.kind is QuestionKind.SUBJECTS:
                subjects = _subjects(words)
            else:
                text = _words(words)
        if not (ratings or subjects or text):
            raise CannotParse("nothing is answered", "Answer at least one question")
        answer = SurveyAnswer(survey=survey.id, at=self._now, source=source, ratings=ratings, subjects=subjects)
        kept = self._records.surveys.answer(answer, self._digest(survey, plain))
        if text:
            self._report(survey, kept, text)
        return kept

    def _report(self, survey: Survey, answer: SurveyAnswer, text: str) -> None:
        """Words as a report: of the building where they name no other place, and of no answer and no code."""
        estate, reports = self._records.estate, self._records.reports
        places = Gazetteer(estate.sites(), estate.buildings(), estate.assets())
        intake = Intake(places, reports.all(closed=False), decided=reports.all(merged=True))
        report, reporter = intake.take(Said(text=text, at=self._now), source="survey")
        if answer.building and not (report.place.building or report.place.asset or report.place.choices):
            report = replace(report, place=replace(report.place, site=answer.site, building=answer.building))
        self._records.reports.add([(f"survey-{survey.id}-{uuid4().hex}", report, reporter)], now=self._now)

    def _digest(self, survey: Survey, code: str) -> str:
        words = f"serviceday survey 1\x1f{survey.id}\x1f{survey.at.isoformat()}\x1f{code}"
        return hmac.digest(self._key, words.encode(), hashlib.sha256).hex()


def shown(code: str) -> str:
    """As it is printed, in two halves."""
    return f"{code[:5]}-{code[5:]}"


def _rating(question: Question, words: Sequence[str]) -> int:
    if len(words) != 1 or words[0] not in map(str, RATINGS):
        raise CannotConvert(
            "{words!r} is no rating of {question!r}", "Say 1 to 5", words=" ".join(words)[:60], question=question.key
        )
    return int(words[0])


def _subjects(words: Sequence[str]) -> tuple[str, ...]:
    known = taxonomy().subjects
    names = {folded(name): key for key, subject in known.items() for name in (key, subject.name.zh, subject.name.en)}
    chosen = []
    for word in words:
        if folded(word) not in names:
            raise CannotConvert(
                "{said!r} is not a subject of reports", "Subjects: {known}", said=word[:60], known=list(known)
            )
        chosen.append(names[folded(word)])
    unique = tuple(dict.fromkeys(chosen))
    if len(unique) > _MOST_SUBJECTS:
        raise CannotConvert(
            "{count} subjects are named; at most {most}", "Name those that trouble you most", count=len(unique),
            most=_MOST_SUBJECTS,
        )  # fmt: skip
    return unique


def _words(words: Sequence[str]) -> str:
    text = " ".join(words)
    if len(text) > _LONGEST_WORDS:
        raise CannotParse("a text of {count} characters; at most {most}", "Shorten it", count=len(text),
                          most=_LONGEST_WORDS)  # fmt: skip
    return text
