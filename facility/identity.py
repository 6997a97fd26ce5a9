"""Numbers of assets and sites: which may stand, which look alike, and one for what has none.

An id stands in MQTT topics, in file names and on paper, and people type it. EL-1, el-1, ＥＬ-1 and one with a
zero-width space in it are one thing to them (UTS #39: confusables of width, case and invisible characters).
"""

from __future__ import annotations

import difflib
import hashlib
import re
import unicodedata
from collections.abc import Iterable

from facility.i18n.messages import Sentence

LONGEST = 120
_FORBIDDEN = re.compile(r"[/+#\s\x00-\x1f\x7f]")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})


def unseen(text: str) -> str:
    """The first character that does not show, or turns the others round; "" where there is none."""
    return next(
        (character for character in text if unicodedata.category(character) in _UNSEEN and character != " "), ""
    )


def bad_id(key: str) -> Sentence | None:
    """What is wrong with an id, if anything is."""
    if _FORBIDDEN.search(key):
        return Sentence("holds a blank or one of / + #; ids stand in MQTT topics")
    if hidden := unseen(key):
        return Sentence("holds a character that does not show (U+{code:04X}); type it again", code=ord(hidden))
    if len(key) > LONGEST:
        return Sentence("is longer than {most} characters", most=LONGEST)
    return None


def folded(key: str) -> str:
    """What an id looks like: without case, width and characters that do not show."""
    shown = unicodedata.normalize("NFKC", key)
    shown = "".join(character for character in shown if unicodedata.category(character) not in _UNSEEN)
    return unicodedata.normalize("NFKC", shown.casefold())


def nearest(key: str, keys: Iterable[str]) -> str:
    """The id that is most like one that nobody knows; "" where none is."""
    names = list(keys)
    look = folded(key[:LONGEST])
    by_look = {folded(name): name for name in names}
    if look in by_look:
        return by_look[look]
    near = difflib.get_close_matches(look, list(by_look), n=1)
    return by_look[near[0]] if near else ""


def made_id(parts: Iterable[str], taken: Iterable[str]) -> str:
    """A number for an asset that has none, from where it stands: the same place gets the same number again."""
    words = [_FORBIDDEN.sub("-", unicodedata.normalize("NFKC", part).strip()) for part in parts]
    shown = "-".join(
        "".join(character for character in word if unicodedata.category(character) not in _UNSEEN)
        for word in words
        if word
    )
    if len(shown) > LONGEST - 8:
        shown = shown[:80] + "-" + hashlib.sha256(shown.encode()).hexdigest()[:12]
    used = set(taken)
    number, key = 1, shown
    while key in used:
        number += 1
        key = f"{shown}-{number}"
    return key
