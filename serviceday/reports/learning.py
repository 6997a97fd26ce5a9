"""A small model beside the words of the taxonomy: what is said in other words is still understood.

Least squares on runs of one to four letters (character n-grams), which need no cutting into words and hold for both
scripts. It learns from the messages of `corpus.toml` and from the categories that people set, which count more.
The same messages give the same model on any machine.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from facility.reports import Kind, Report
from serviceday.reports.address_parser import in_digits

CORPUS = Path(__file__).parent / "corpus.toml"
MOST_CORRECTIONS = 500  # the newest; more would slow every start and change little
_CORRECTION = 3.0  # weight of what a person of this house said, a message of the corpus counting 1
_CORRECTED = 0.99
_SMOOTHING = 0.3  # of the regularisation; 0.1 to 1 differ little

_BESIDE_A_LIFT = re.compile("电梯[厅间口]|(?:lift|elevator) lobby")  # a place, and no lift

Pair = tuple[str, str]  # kind and subject
_Numbers = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A message with its truth."""

    text: str
    kind: str
    subject: str
    urgent: bool | None = None  # None = nobody said whether there is danger
    weight: float = 1.0


class Classifier:
    """The categories and the danger that messages are likely to have.

    Least squares in its dual form, solved at once (regularised least-squares classification, Rifkin and Poggio 2003).
    Its answers become likelihoods by a scale that is fitted on what each message gets from a model without it, which
    that form gives for nothing: so the sureness is that of messages nobody has seen.
    """

    def __init__(self, examples: Sequence[Example]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._letters = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True, lowercase=False)
        features: Any = self._letters.fit_transform([plain(example.text) for example in examples])
        self._features = features
        alike = (features @ features.T).toarray()
        weights = np.array([example.weight for example in examples])
        sorted_in = np.array([example.kind != Kind.UNCLEAR or not example.urgent for example in examples])
        self._pairs = sorted({(example.kind, example.subject) for example in examples})
        truth = np.array([[(example.kind, example.subject) == pair for pair in self._pairs] for example in examples])
        answers, unseen = _fitted(alike, truth, weights, sorted_in)
        self._category = features[sorted_in].T @ answers
        self._scale = _scale(unseen, truth[sorted_in])
        judged = np.array([example.urgent is not None for example in examples])
        danger = np.array([[bool(example.urgent)] for example in examples])
        answers, unseen = _fitted(alike, danger, weights, judged)
        self._danger = features[judged].T @ answers
        self._slope, self._offset = _odds(unseen[:, 0], danger[judged, 0])
        self._corrected = {
            plain(example.text): (example.kind, example.subject) for example in examples if example.weight > 1.0
        }

    def likelihoods(self, words: str) -> Mapping[Pair, float]:
        """Of every (kind, subject) that was learned, how likely it is: 0 .. 1, together 1."""
        answers = (self._letters.transform([plain(words)]) @ self._category)[0]
        if pair := self._corrected.get(plain(words)):  # the very words, but for numbers, that a person put right
            rest = (1.0 - _CORRECTED) / (len(self._pairs) - 1)
            return {other: _CORRECTED if other == pair else rest for other in self._pairs}
        shares = np.exp(self._scale * (answers - answers.max()))
        return dict(zip(self._pairs, (shares / shares.sum()).tolist(), strict=True))

    def familiarity(self, words: str) -> float:
        """How like the words are to the likest message that was learned: cosine, 0 .. 1."""
        return float((self._features @ self._letters.transform([plain(words)]).T).max())

    def danger(self, words: str) -> float:
        """Log odds that the words tell of danger: above 0, likelier than not."""
        answer = (self._letters.transform([plain(words)]) @ self._danger)[0, 0]
        return float(self._slope * answer + self._offset)


def _fitted(alike: _Numbers, truth: _Numbers, weights: _Numbers, chosen: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Of the chosen messages: their share in every answer, and what each would be answered without itself."""
    targets = np.where(truth[chosen], 1.0, -1.0)
    inverse = np.linalg.inv(alike[np.ix_(chosen, chosen)] + np.diag(_SMOOTHING / weights[chosen]))
    shares = inverse @ targets
    return shares, targets - shares / np.diag(inverse)[:, None]


def _scale(answers: _Numbers, truth: _Numbers) -> float:
    """By what to multiply answers so that their softmax gives the truth the most likelihood."""

    def surprise(scale: float) -> float:
        scaled = scale * answers
        top = scaled.max(axis=1)
        return float(np.mean(top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)) - (scaled * truth).sum(axis=1)))

    return min((0.25 * step for step in range(1, 81)), key=surprise)


def _odds(answers: _Numbers, truth: _Numbers) -> tuple[float, float]:
    """Slope and offset that make log odds of answers (Platt 1999)."""

    def surprise(slope: float, offset: float) -> float:
        odds = np.where(truth, 1.0, -1.0) * (slope * answers + offset)
        return float(np.mean(np.logaddexp(0.0, -odds)))

    choices = [(0.25 * slope, 0.25 * offset) for slope in range(1, 41) for offset in range(-20, 21)]
    return min(choices, key=lambda choice: surprise(*choice))


def plain(words: str) -> str:
    """Words as the model reads them: folded, digits alike, since a number says where and not what."""
    return f" {_BESIDE_A_LIFT.sub(_beside, re.sub('[0-9]+', '0', in_digits(words)))} "


def _beside(match: re.Match[str]) -> str:
    return "lobby" if match[0].isascii() else "大厅"


def _pair(label: str) -> Pair:
    kind, _, subject = label.partition(" ")
    return kind, subject


@lru_cache(maxsize=1)
def corpus(file: Path = CORPUS) -> tuple[Example, ...]:
    """The messages of a file. Raises `KeyError` for one that is not complete: it is part of the program."""
    with file.open("rb") as stream:
        tables = tomllib.load(stream)["messages"]
    return tuple(
        Example(text=text, kind=Kind(table["kind"]).value, subject=table["subject"], urgent=table.get("urgent", False))
        for table in tables
        for text in table["words"]
    )


@lru_cache(maxsize=2)
def classifier(corrections: tuple[Example, ...] = ()) -> Classifier:
    """The model of the corpus and of what people corrected."""
    return Classifier([*corpus(), *corrections])


def corrections(reports: Sequence[Report]) -> tuple[Example, ...]:
    """What people said reports are, the newest first: what the model learns from."""
    decided = [report for report in reports if report.category.sure >= 1.0 and report.category.kind != Kind.UNCLEAR]
    newest = sorted(decided, key=lambda report: (report.at, report.id), reverse=True)[:MOST_CORRECTIONS]
    return tuple(
        Example(text=report.text, kind=report.category.kind.value, subject=report.category.subject, weight=_CORRECTION)
        for report in newest
    )
