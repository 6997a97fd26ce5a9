"""What a report is about, suggested from its words: which, how sure, and by which words. A person may say otherwise."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from math import exp
from pathlib import Path

from facility.i18n.phrases import Phrases, Text
from facility.reports import Category, Kind
from serviceday.reports.address_parser import read_place
from serviceday.reports.learning import Classifier, classifier
from serviceday.reports.taxonomy import Taxonomy, folded, taxonomy

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
_WORD = 0.5  # of a word's weight: what it adds to the log odds that the letters give
_APART = 0.3  # share of kind and subject each taken by itself: a pair that was never learned may still be meant
_RARE = 0.002  # likelihood of a pair of kind and subject that was never learned
_AT_HOME = 1.2  # log odds that a room said with a leak or a fault adds to its being at home
_UNSURE = 0.45  # below which a likeliest category without any known word is no suggestion
_STRANGE = 0.15  # likeness to anything learned below which letters say nothing
_SPOKEN_OF = (Kind.PRAISE, Kind.QUESTION)
_DANGER, _NO_DANGER = (
    -1.5,
    -2.5,
)  # log odds of danger: from which it is heard without a word of it, below which not with one
UNCLEAR_BELOW = 0.5  # sureness below which a person should look


def suggest(words: str, *, known: Taxonomy | None = None, learned: Classifier | None = None) -> Category:
    """The category the words speak for.

    What the letters are like (`learning`) and the weights of the taxonomy's distinct words are added as log odds of
    every pair of kind and subject; sureness is the share of the best of them all, 0 .. 1.
    """
    known, model = known or taxonomy(), learned or classifier()
    text = folded(words)
    subjects = {key: subject.vocabulary.score(text) for key, subject in known.subjects.items()} | {"": (0.0, [])}
    kinds = {kind: vocabulary.score(text) for kind, (_, vocabulary) in known.kinds.items()}
    kinds[Kind.UNCLEAR] = 0.0, []
    shares = _shares(words, kinds, subjects, model)
    (kind, subject), sure = max(shares.items(), key=lambda share: share[1])
    words_heard = list(dict.fromkeys((*kinds[kind][1], *subjects[subject][1])))
    danger = known.urgent.score(text)[1]
    urgent = _urgent(danger, known.rehearsed.score(text)[1], kind, model.danger(words))
    any_word = any(score for score, _ in (*kinds.values(), *subjects.values()))
    if kind is Kind.UNCLEAR or (not any_word and (sure < _UNSURE or model.familiarity(words) < _STRANGE)):
        return Category(kind=Kind.UNCLEAR, subject="", why=PHRASES["category_unclear"], urgent=urgent)
    words_heard += [word for word in danger if urgent and word not in words_heard]
    why = _why(words_heard) if words_heard else PHRASES["category_learned"]
    return Category(kind=kind, subject=subject, sure=round(min(sure, 0.99), 2), why=why, urgent=urgent)


def _shares(
    words: str,
    kinds: Mapping[Kind, tuple[float, list[str]]],
    subjects: Mapping[str, tuple[float, list[str]]],
    model: Classifier,
) -> Mapping[tuple[Kind, str], float]:
    """Of every pair of kind and subject, how likely it is: 0 .. 1, together 1."""
    address, likelihoods = read_place(words), model.likelihoods(words)
    of_kind, of_subject = defaultdict[str, float](float), defaultdict[str, float](float)
    for (kind_key, subject_key), share in likelihoods.items():
        of_kind[kind_key] += share
        of_subject[subject_key] += share
    at_home = {Kind.HOME_REPAIR: _AT_HOME} if address.room else {}
    weights = {
        (kind, subject): max(
            (1 - _APART) * likelihoods.get((kind.value, subject), 0.0) + _APART * of_kind[kind] * of_subject[subject],
            _RARE,
        )
        * exp(_WORD * (kinds[kind][0] + subjects[subject][0]) + at_home.get(kind, 0.0))
        for kind in kinds
        for subject in subjects
    }
    total = sum(weights.values())
    return {pair: weight / total for pair, weight in weights.items()}


def _urgent(danger: list[str], rehearsed: list[str], kind: Kind, odds: float) -> bool:
    """Whether there is danger now: by the words or by what the letters are like, unless it is only spoken of."""
    if rehearsed:
        return False
    if kind in _SPOKEN_OF:
        return bool(danger) and odds > _NO_DANGER
    return bool(danger) or odds > _DANGER


def unclear(category: Category) -> bool:
    """Whether a person should look at what a report is about."""
    return category.kind is Kind.UNCLEAR or category.sure < UNCLEAR_BELOW


def heard(words: str, category: Category, *, known: Taxonomy | None = None) -> set[str]:
    """The taxonomy's words for a category that stand in the words."""
    known = known or taxonomy()
    vocabularies = [known.kinds[category.kind][1]] if category.kind in known.kinds else []
    if category.subject in known.subjects:
        vocabularies.append(known.subjects[category.subject].vocabulary)
    return {word for vocabulary in vocabularies for word in vocabulary.score(folded(words))[1]}


def decided(kind: Kind, subject: str, *, by: str, urgent: bool) -> Category:
    """What a person said it is."""
    return Category(
        kind=kind, subject=subject, sure=1.0, why=PHRASES["category_decided"].filled(by=by or "?"), urgent=urgent
    )


def named(category: Category, *, known: Taxonomy | None = None) -> Text:
    """A category in words: kind, and subject where there is one."""
    vocabulary = known or taxonomy()
    kind = PHRASES["kind_unclear"] if category.kind is Kind.UNCLEAR else vocabulary.kinds[category.kind][0]
    if category.subject not in vocabulary.subjects:
        return kind
    subject = vocabulary.subjects[category.subject].name
    return Text(zh=f"{kind.zh}·{subject.zh}", en=f"{kind.en}: {subject.en.lower()}")


def _why(words: list[str]) -> Text:
    words = [word for word in words if not any(word != other and word in other for other in words)]
    quoted = Text(zh="".join(f"“{word}”" for word in words), en=", ".join(f'"{word}"' for word in words))
    return PHRASES["category_words"].filled(words=quoted)
