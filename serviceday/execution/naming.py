"""Which duty is meant: by its key, or by its name as people write it in either language."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches
from functools import cache

from facility.catalogue.catalogue import Duty, catalogue

_BEHIND = re.compile(r"[(（].*$")
_NOISE = re.compile(r"[\s_\-:：/·.]+")
_SAME = (("维护保养", "维保"), ("保养", "维保"))
_SHORT = re.compile(r"^(年|季)维保")
_LAST = re.compile(r"^(?:last|上次|最近一次|最近|末次)[\s_\-:：]*")
_DONE = re.compile(r"(?:日期|时间|date|done|完成)$")


def plain(words: str) -> str:
    """Without case, blanks, widths and brackets: what two spellings of a name have in common."""
    text = unicodedata.normalize("NFKC", words).casefold().strip()
    text = _NOISE.sub("", _BEHIND.sub("", text))
    for theirs, ours in _SAME:
        text = text.replace(theirs, ours)
    return _SHORT.sub(r"\1度维保", text)


def _spellings(kind: str) -> dict[str, Duty]:
    return _spelt(tuple(catalogue().kind(kind).duties.items()))


@cache
def _spelt(duties: tuple[tuple[str, Duty], ...]) -> dict[str, Duty]:
    found: dict[str, Duty] = {}
    for _, duty in duties:
        for name in (duty.key, duty.name.zh, duty.name.en):
            found.setdefault(plain(name), duty)
    return found


def duty_named(kind: str, words: str) -> Duty | None:
    """The duty of a class that is meant; a name may lack its unit of maintenance (`半月` for `半月维保`)."""
    there, name = _spellings(kind), plain(words)
    if name in there:
        return there[name]
    longer = {duty.key: duty for spelling, duty in there.items() if name and spelling.startswith(name)}
    return next(iter(longer.values())) if len(longer) == 1 else None


def nearest(words: str, known: Sequence[str]) -> str:
    """The id or name that was probably meant; "" where none is near."""
    return next(iter(get_close_matches(words, known, n=1, cutoff=0.6)), "")


def _everywhere() -> frozenset[str]:
    return frozenset(name for kind in catalogue() for name in _spellings(kind))


def last_date_column(header: str) -> str | None:
    """The duty's name in a heading such as `last:half_monthly` or `上次半月保养日期`; None for any other heading.

    `last:` with anything behind it is always meant so; without the colon the name must be one of a duty.
    """
    text = unicodedata.normalize("NFKC", header).strip()
    lead = _LAST.match(text.casefold())
    if lead is None:
        return None
    name = text[lead.end() :]
    shorter = _DONE.sub("", name.casefold()).rstrip(" _-:：")
    for one in (name, shorter):
        if plain(one) in _everywhere() or any(duty_named(kind, one) for kind in catalogue() if one):
            return one
    return name if text.casefold().startswith(("last:", "上次:")) and name else None
