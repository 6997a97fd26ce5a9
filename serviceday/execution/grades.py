"""The scale by which findings are graded: data, which an operator may replace by their own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotConvert, Problems
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Text

SHIPPED = Path(__file__).parent / "grades.toml"
_MOST_DAYS = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """How grave a finding is, and by when it must be put right."""

    key: str
    name: Text
    days: int  # until it must be put right; 0 = the same day


@dataclass(frozen=True, slots=True)
class Grades:
    """A scale, the lightest grade first."""

    scale: Mapping[str, Grade]
    default: str
    life_safety: str

    def of_kind(self, kind: str) -> Grade:
        """The grade of a fault at a class of equipment until somebody says otherwise."""
        about = catalogue().get(kind)
        return self.scale[self.life_safety if about is not None and about.life_safety else self.default]

    def named(self, words: str) -> Grade:
        """A grade by its key or its name in either language. Raises `CannotConvert`."""
        for grade in self.scale.values():
            if words.strip().casefold() in (grade.key.casefold(), grade.name.zh, grade.name.en.casefold()):
                return grade
        raise CannotConvert("no grade {words!r}", "Known: {known}", words=words, known=list(self.scale))

    def name(self, key: str) -> Text:
        """What a grade is called; one that the scale no longer has, by its key."""
        return self.scale[key].name if key in self.scale else Text(zh=key, en=key)


def read_grades(own: Path | None = None) -> Grades:
    """The operator's scale where there is one, else ours. Raises `Problems` for one that is wrong."""
    file = own if own is not None and own.exists() else SHIPPED
    try:
        raw: dict[str, object] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise Problems(file.name, [Sentence("{reason}", reason=error)]) from None
    problems: list[Sentence] = []
    scale: dict[str, Grade] = {}
    marked: dict[str, list[str]] = {"default": [], "life_safety": []}
    rows = raw.get("grade")
    for number, row in enumerate(rows if isinstance(rows, list) else [], start=1):
        grade = _grade(row, number, problems)
        if grade is None:
            continue
        if grade.key in scale:
            problems.append(Sentence("grade {number}: {key!r} stands there twice", number=number, key=grade.key))
        scale[grade.key] = grade
        for mark, keys in marked.items():
            if row.get(mark) is True:
                keys.append(grade.key)
    if not scale and not problems:
        problems.append(Sentence("no [[grade]] in it"))
    if len(marked["default"]) != 1 and not problems:
        problems.append(Sentence("exactly one grade must say `default = true`"))
    if len(marked["life_safety"]) > 1:
        problems.append(Sentence("only one grade may say `life_safety = true`"))
    if problems:
        raise Problems(file.name, problems)
    return Grades(scale, marked["default"][0], (marked["life_safety"] or marked["default"])[0])


def _grade(row: object, number: int, problems: list[Sentence]) -> Grade | None:
    if not isinstance(row, dict):
        problems.append(Sentence("grade {number} is no table", number=number))
        return None
    key, days, name = row.get("key"), row.get("days"), row.get("name")
    if not isinstance(key, str) or not key.strip():
        problems.append(Sentence("grade {number} has no key", number=number))
        return None
    if not isinstance(days, int) or isinstance(days, bool) or not 0 <= days <= _MOST_DAYS:
        problems.append(
            Sentence("grade {number}: {days!r} days; a whole number from 0 is wanted", number=number, days=str(days))
        )
        return None
    if not isinstance(name, dict) or not all(
        isinstance(name.get(language), str) and name[language] for language in ("zh", "en")
    ):
        problems.append(Sentence("grade {number} needs a name with zh and en", number=number))
        return None
    return Grade(key=key, name=Text(zh=name["zh"], en=name["en"]), days=days)
