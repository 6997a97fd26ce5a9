"""Reads the form of a survey (TOML) and says everything that is wrong with it at once, each with its line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facility.errors import CannotParse
from facility.i18n.phrases import LANGUAGES, Text
from facility.registry.rows import Report, read_text
from facility.surveys import Form, Question, QuestionKind
from facility.toml_lines import table_lines

OWN = Path(__file__).with_name("form.toml")
MOST_QUESTIONS = 8
LONGEST = 200  # characters of a question
_KEY = re.compile(r"[a-z][a-z0-9_]{0,29}")


def read_form(path: Path = OWN) -> Form:
    """A form from its file. Raises `Problems` with every mistake, `CannotParse` where it is not readable at all."""
    words = read_text(path)
    try:
        document = tomllib.loads(words)
    except tomllib.TOMLDecodeError as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=path.name, error=error
        ) from None
    report, lines = Report(), table_lines(words)
    for name in document:
        if name not in ("title", "question"):
            report.add(_line(lines, name, 0), "{name!r} is unknown; known: {known}", name=name,
                       known=["title", "question"])  # fmt: skip
    title = _text(document.get("title"), _line(lines, "title", 0), "title", report)
    given = document.get("question", [])
    given = given if isinstance(given, list) else [given]
    questions = [_question(entry, _line(lines, "question", place), report) for place, entry in enumerate(given)]
    whole = tuple(question for question in questions if question is not None)
    _together(whole, len(given), report)
    report.raise_if_any(path.name)
    return Form(title=title, questions=whole)


def _together(questions: tuple[Question, ...], given: int, report: Report) -> None:
    if not 0 < given <= MOST_QUESTIONS:
        report.add(0, "a form of {count} questions; 1 to {most} are asked", count=given, most=MOST_QUESTIONS)
    keys = [question.key for question in questions]
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        report.add(0, "two questions are called {key!r}", key=key)
    for kind in (QuestionKind.SUBJECTS, QuestionKind.TEXT):
        if sum(question.kind is kind for question in questions) > 1:
            report.add(0, "more than one question of kind {kind!r}", kind=kind.value)


def _question(entry: Any, line: int, report: Report) -> Question | None:
    if not isinstance(entry, dict):
        report.add(line, "write [[{name}]]", name="question")
        return None
    key, kind = entry.get("key"), entry.get("kind")
    words = _text(entry.get("words"), line, "words", report)
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        report.add(line, "key = {key!r} is none; small letters, digits and _, at most 30", key=key)
        return None
    if kind not in tuple(QuestionKind):
        report.add(line, "kind = {kind!r}; known: {known}", kind=kind, known=list(QuestionKind))
        return None
    return Question(key=key, kind=QuestionKind(kind), words=words)


def _text(value: Any, line: int, name: str, report: Report) -> Text:
    there = value if isinstance(value, Mapping) else {}
    both = {language: there.get(language) for language in LANGUAGES}
    if not all(isinstance(words, str) and 0 < len(words.strip()) <= LONGEST for words in both.values()):
        report.add(
            line, '{name} is {{zh = "...", en = "..."}}, each of 1 to {most} characters', name=name, most=LONGEST
        )
        return Text(zh="", en="")
    return Text(**{language: str(words).strip() for language, words in both.items()})


def _line(lines: Mapping[str, Any], name: str, place: int) -> int:
    places = lines.get(name, [])
    return int(places[place][0]) if place < len(places) else 0
