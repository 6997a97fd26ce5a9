"""Goals and a theme proposed for the next service day, from what is left and from what residents say.

A proposal is an option of `serviceday plan` as it is typed, with the reason in numbers; a planner takes it or not.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from facility.i18n.phrases import Text
from serviceday.brief.facts import Facts, subject_name
from serviceday.brief.phrases import PHRASES
from serviceday.planning.demand.themes import THEMES
from serviceday.reports import equipment

MOST_GOALS = 3
_FEW = 3  # fewer things than this make no theme


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What could be asked of the next list."""

    option: str  # `--goal "..."` or `--theme ...`
    why: Text


def proposals(facts: Facts) -> tuple[Proposal, ...]:
    """The goals, what most people wait for first, and then the theme; () where nothing is left."""
    tomorrow = facts.today + timedelta(days=1)
    waiting = [report for report in facts.reports if report.open and report.category.subject]
    subjects = Counter(report.category.subject for report in waiting)
    goals = [
        Proposal(
            option=f'--goal "category={subject} reported-before={tomorrow}"',
            why=PHRASES["why_requests"].filled(count=count, subject=subject_name(subject)),
        )
        for subject, count in sorted(subjects.items(), key=lambda entry: (-entry[1], entry[0]))[:MOST_GOALS]
    ]
    return (*goals, *_theme(facts, subjects))


def _theme(facts: Facts, subjects: Counter[str]) -> tuple[Proposal, ...]:
    """The theme to which most of what is open belongs, if it is several things."""
    kinds = Counter(deficiency.kind for deficiency in facts.deficiencies if deficiency.state.open)
    named = Counter(subject for entry in facts.surveys for answer in entry.answers for subject in answer.subjects)
    for subject, count in (subjects + named).items():
        likeliest = equipment(subject)[:1]
        kinds.update(dict.fromkeys(likeliest, count))
    weights = [(sum(kinds[kind] for kind in theme.kinds), theme) for theme in THEMES]
    most, theme = max(weights, key=lambda entry: entry[0])
    if most < _FEW:
        return ()
    return (Proposal(option=f"--theme {theme.key}", why=PHRASES["why_theme"].filled(count=most, theme=theme.name)),)
