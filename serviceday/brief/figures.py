"""Figures that carry the records behind them: a figure is how many they are, so none can stand there without."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from facility.i18n.phrases import Text

_PHONE = re.compile(r"\+?\d[\d \-()]{5,}\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """So many records; or, where there is a whole, such a share of it.

    Records are named as in the annex: `3/5` item 5 of list 3, `F7` a finding, `R12` a resident's report, `A:L-1` an
    asset, `G1` a goal of the day.
    """

    key: str
    label: Text
    records: tuple[str, ...]
    whole: tuple[str, ...] | None = None  # of these, for a share
    number: int = 0  # in the brief, from 1

    @property
    def value(self) -> int:
        return len(self.records)

    @property
    def share(self) -> float | None:
        """0..1; None for a plain count, and where the whole is empty: nothing can be said then."""
        return len(self.records) / len(self.whole) if self.whole else None

    @property
    def traced(self) -> tuple[str, ...]:
        """Everything that was counted for it."""
        return self.records if self.whole is None else self.whole

    def shown(self) -> str:
        """`12`, or `80 % (8/10)`; `-` for a share of nothing."""
        if self.whole is None:
            return str(self.value)
        return "-" if self.share is None else f"{100 * self.share:.0f} % ({self.value}/{len(self.whole)})"


def figure(key: str, label: Text, records: Iterable[str], whole: Iterable[str] | None = None) -> Figure:
    """A figure; a record counts once, and what is counted of a whole belongs to it."""
    counted = tuple(dict.fromkeys(records))
    if whole is None:
        return Figure(key=key, label=label, records=counted)
    all_ = tuple(dict.fromkeys(whole))
    there = set(all_)
    return Figure(key=key, label=label, records=tuple(entry for entry in counted if entry in there), whole=all_)


def masked(words: str) -> str:
    """Without what could be a telephone number: a brief is read by everybody."""
    plain = unicodedata.normalize("NFKC", words)
    return _PHONE.sub("…", plain) if _PHONE.search(plain) else words
