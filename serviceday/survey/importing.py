"""Answers typed from paper into a table (CSV, XLSX): a row a sheet, with its code and a column for each question.

What can't be taken is told by its line, and the rest is taken. A code that has answered already says nothing new, so
that a table may be read again when it has grown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from facility.errors import ServicedayError
from facility.files import Field, ReadOptions, read_table
from facility.i18n.messages import Sentence
from facility.records.surveys import CodeUsed
from facility.surveys import QuestionKind, Survey
from serviceday.survey.collecting import Collecting

_CODE = ("code", "码", "问卷码", "编码")
_BETWEEN = re.compile(r"[,，、;；]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedAnswers:
    """What reading a table of answers did."""

    rows: int
    taken: int
    known: int  # codes that had answered
    refused: tuple[tuple[int, Sentence], ...]  # by line


def import_answers(path: Path, survey: Survey, collecting: Collecting, options: ReadOptions) -> ImportedAnswers:
    """Take in the answers of a table. Raises `Problems` or `CannotParse` where it can't be read at all."""
    fields = [Field(key="code", aliases=_CODE, required=True)]
    fields += [
        Field(key=f"q {question.key}", aliases=(question.key, question.words.zh, question.words.en))
        for question in survey.form.questions
    ]
    table = read_table(path, fields=fields, mapping={}, options=options)
    table.raise_if_refused()
    taken = known = 0
    refused: list[tuple[int, Sentence]] = []
    for row in table.rows:
        given = {}
        for question in survey.form.questions:
            words = row.text(f"q {question.key}").strip()
            given[question.key] = _BETWEEN.split(words) if question.kind is QuestionKind.SUBJECTS else [words]
        try:
            collecting.take(survey, row.text("code"), given, source="paper")
            taken += 1
        except CodeUsed:
            known += 1
        except ServicedayError as error:
            refused.append((row.line, error.sentence))
    return ImportedAnswers(rows=len(table.rows), taken=taken, known=known, refused=tuple(refused))
