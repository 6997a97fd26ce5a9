"""What a report is about, suggested from its words: which, how sure, and by which words. A person may say otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from facility.i18n.phrases import Phrases, Text
from facility.reports import Category, Kind
from serviceday.reports.taxonomy import Taxonomy, folded, taxonomy

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")
_DOUBT = 0.8  # weight of what the words do not say; one plain word (2.0) alone is then believed with 0.7
_PHYSICAL = ("lift", "access", "lighting", "fire", "leak")

_Key = TypeVar("_Key")


def suggest(words: str, *, known: Taxonomy | None = None) -> Category:
    """The category the words speak for.

    Each kind and each subject scores the weights of its distinct words. Sureness is the best score's share of itself,
    the runner-up's and a constant doubt, so that one lonely word or two rivals make a suggestion unsure.
    """
    known = known or taxonomy()
    text = folded(words)
    subjects = {key: subject.vocabulary.score(text) for key, subject in known.subjects.items()}
    subject, subject_sure = _best({key: score for key, (score, _) in subjects.items()})
    kinds = {kind: vocabulary.score(text) for kind, (_, vocabulary) in known.kinds.items()}
    scores = {kind: score for kind, (score, _) in kinds.items()}
    if subject_sure and subject in _PHYSICAL and not scores[Kind.HOME_REPAIR]:
        scores[Kind.PUBLIC_REPAIR] += 0.8  # a thing that everybody uses, and nothing says that it is at home
    kind, kind_sure = _best(scores)
    urgent = [] if known.rehearsed.score(text)[1] else known.urgent.score(text)[1]
    if not (kind_sure or subject_sure):
        return Category(kind=Kind.UNCLEAR, subject="", why=PHRASES["category_unclear"], urgent=bool(urgent))
    words_heard = [*(kinds[kind][1] if kind_sure else ()), *(subjects[subject][1] if subject_sure else ()), *urgent]
    return Category(
        kind=kind if kind_sure else Kind.PUBLIC_REPAIR,  # a thing is named, and nothing says it is at home
        subject=subject if subject_sure else "",
        sure=round(min(kind_sure or 0.3, subject_sure or 0.5), 2),
        why=_why(list(dict.fromkeys(words_heard))),
        urgent=bool(urgent),
    )


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


def _best(scores: Mapping[_Key, float]) -> tuple[_Key, float]:
    """The best, and how sure; 0 where nothing scored."""
    ordered = sorted(scores.items(), key=lambda score: -score[1])
    (key, best), second = ordered[0], ordered[1][1]
    return key, best / (best + second + _DOUBT)


def _why(words: list[str]) -> Text:
    words = [word for word in words if not any(word != other and word in other for other in words)]
    quoted = Text(zh="".join(f"“{word}”" for word in words), en=", ".join(f'"{word}"' for word in words))
    return PHRASES["category_words"].filled(words=quoted)
