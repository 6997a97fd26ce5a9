"""The taxonomy of residents' reports, read from its data file."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotConvert
from facility.i18n.phrases import Text, text
from facility.reports import Kind

FILE = Path(__file__).parent / "taxonomy.toml"


def folded(words: str) -> str:
    """As words are compared: full-width letters and digits made plain, case dropped, blanks single."""
    return " ".join(unicodedata.normalize("NFKC", words).casefold().split())


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that speak for one thing, each with its weight."""

    weights: Mapping[str, float]
    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    def found(self, text: str) -> list[tuple[str, int, int]]:
        """(word, start, end) of every match in folded text; where matches overlap, the longest stays."""
        spans = [(word, *match.span()) for word, pattern in self.patterns for match in pattern.finditer(text)]
        spans.sort(key=lambda span: (span[1] - span[2], span[1]))
        matches: list[tuple[str, int, int]] = []
        for span in spans:
            if all(span[2] <= other[1] or span[1] >= other[2] for other in matches):
                matches.append(span)
        return sorted(matches, key=lambda match: match[1])

    def score(self, text: str) -> tuple[float, list[str]]:
        """The weights of the distinct words found, added up; and those words in the order of the text."""
        words = list(dict.fromkeys(word for word, _, _ in self.found(text)))
        return sum(self.weights[word] for word in words), words


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a report is about."""

    key: str
    name: Text
    vocabulary: Vocabulary
    equipment: tuple[str, ...]  # asset classes it may mean, the likeliest first
    equipment_words: Mapping[str, Vocabulary] = field(default_factory=dict)  # words that say which of them
    minutes: int
    qualification: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxonomy:
    """Kinds and subjects of reports with the words that give them away."""

    kinds: Mapping[Kind, tuple[Text, Vocabulary]]
    subjects: Mapping[str, Subject]
    urgent: Vocabulary
    symptoms: Mapping[str, Vocabulary]
    rehearsed: Vocabulary  # words beside which danger is spoken of, and there is none now

    def kind(self, key: str) -> Kind:
        """The kind a person named, by key or by name. Raises `CannotConvert` for an unknown one."""
        for kind, (name, _) in self.kinds.items():
            if folded(key) in (kind.value, folded(name.zh), folded(name.en)):
                return kind
        raise CannotConvert("{said!r} is not a kind of report", "Kinds: {known}", said=key, known=list(self.kinds))

    def subject(self, key: str) -> Subject:
        """The subject a person named, by key or by name. Raises `CannotConvert` for an unknown one."""
        for subject in self.subjects.values():
            if folded(key) in (subject.key, folded(subject.name.zh), folded(subject.name.en)):
                return subject
        raise CannotConvert(
            "{said!r} is not a subject of reports", "Subjects: {known}", said=key, known=list(self.subjects)
        )


@lru_cache(maxsize=4)
def taxonomy(file: Path = FILE) -> Taxonomy:
    """The taxonomy of a file. Raises `ValueError` for one that is not complete: it is part of the program."""
    with file.open("rb") as stream:
        tables = tomllib.load(stream)
    return Taxonomy(
        kinds={
            Kind(key): (text(table["name"], f"kind {key}"), _weighted(table["words"]))
            for key, table in tables["kind"].items()
        },
        subjects={key: _subject(key, table) for key, table in tables["subject"].items()},
        urgent=_vocabulary(dict.fromkeys(tables["urgent"]["words"], 1.0)),
        symptoms={key: _vocabulary(dict.fromkeys(words, 1.0)) for key, words in tables["symptom"].items()},
        rehearsed=_vocabulary(dict.fromkeys(tables["urgent"]["rehearsed"], 1.0)),
    )


def _subject(key: str, table: Mapping[str, Any]) -> Subject:
    strangers = [kind for kind in table["equipment"] if kind not in catalogue()]
    if strangers:
        raise ValueError(f"subject {key}: unknown equipment {', '.join(strangers)}")
    return Subject(
        key=key,
        name=text(table["name"], f"subject {key}"),
        vocabulary=_weighted(table["words"]),
        equipment=tuple(table["equipment"]),
        equipment_words={
            kind: _vocabulary(dict.fromkeys(words, 1.0)) for kind, words in table.get("equipment_words", {}).items()
        },
        minutes=int(table["minutes"]),
        qualification=str(table["qualification"]),
    )


def _weighted(groups: Mapping[str, Iterable[str]]) -> Vocabulary:
    return _vocabulary({word: float(weight) for weight, words in groups.items() for word in words})


def _vocabulary(weights: Mapping[str, float]) -> Vocabulary:
    return Vocabulary(
        {word.removesuffix("$"): weight for word, weight in weights.items()},
        tuple((word.removesuffix("$"), _pattern(word)) for word in weights),
    )


def _pattern(word: str) -> re.Pattern[str]:
    """Chinese is found anywhere, other scripts from the beginning of a word; `$` asks for the whole word."""
    plain = re.escape(folded(word.removesuffix("$")))
    before = r"(?<![a-z])" if word[0].isascii() and word[0].isalpha() else ""
    after = r"(?![a-z])" if word.endswith("$") else ""
    return re.compile(f"{before}{plain}{after}")
