"""What a correction of a published brief says: which figures count otherwise now, by which records, and why.

A published brief is never changed. What follows it counts the records anew, names every difference with the value
before and after, and keeps the corrections that went before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from facility.i18n.phrases import Text
from serviceday.brief.figures import Figure

# These speak of the moment of counting: they go on as findings are put right, and alone are no reason to correct.
OF_THE_MOMENT = frozenset({"left", "rectification", "overdue", "mended_on_spot", "before_mended_on_spot"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A figure, or a line of the scope, that a correction changes."""

    key: str
    label: Text
    before: str  # as it was shown; "" = it was not there
    after: str
    added: tuple[str, ...] = ()  # records that are counted now and were not
    removed: tuple[str, ...] = ()
    of_the_moment: bool = False  # it goes on by itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One correction of a published brief."""

    number: int  # from 1
    at: datetime  # UTC
    who: str
    why: str
    changes: tuple[Change, ...]


def figure_changes(before: Iterable[Figure], after: Iterable[Figure]) -> list[Change]:
    """The figures that differ in value or in the records behind them, in the order of the new count."""
    old, new = _by_key(before), _by_key(after)
    changes = []
    for key in dict.fromkeys((*new, *old)):
        was, now = old.get(key), new.get(key)
        if was is not None and now is not None and (was.records, was.whole) == (now.records, now.whole):
            continue
        label = (now or was).label  # type: ignore[union-attr]
        counted_before, counted_now = _counted(was), _counted(now)
        changes.append(
            Change(
                key=key,
                label=label,
                before=was.shown() if was else "",
                after=now.shown() if now else "",
                added=tuple(record for record in counted_now if record not in counted_before),
                removed=tuple(record for record in counted_before if record not in counted_now),
                of_the_moment=key in OF_THE_MOMENT,
            )
        )
    return changes


def _by_key(figures: Iterable[Figure]) -> Mapping[str, Figure]:
    return {figure.key: figure for figure in figures}


def _counted(figure: Figure | None) -> dict[str, None]:
    """The records counted, and where they are the same those of the whole: one of the two has changed."""
    if figure is None:
        return {}
    return dict.fromkeys((*figure.records, *(f"({record})" for record in figure.whole or ())))
