"""Cuts long texts by the bytes that a service takes, never inside a character as people see it."""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_SELECTORS = range(0xFE00, 0xFE10)
_SKIN = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)


def split(text: str, most: int) -> list[str]:
    """Parts of at most `most` bytes of UTF-8 each; joined they are the text. It is cut at the end of a line if that
    leaves at least half of a part, else between characters."""
    if most < 64:
        raise ValueError("parts shorter than 64 bytes")
    parts: list[str] = []
    rest = text
    while len(rest.encode()) > most:
        cut = _furthest(rest, most)
        line = rest.rfind("\n", 0, cut) + 1
        if line and len(rest[:line].encode()) * 2 >= most:
            cut = line
        parts.append(rest[:cut])
        rest = rest[cut:]
    return [*parts, rest]


def _furthest(text: str, most: int) -> int:
    """The last place between two characters at which what stands before fits."""
    size, fits, apart = 0, 0, 0
    for position, character in enumerate(text):
        if size > most:
            break
        fits = position
        if position and not _belongs_together(text, position):
            apart = position
        size += len(character.encode())
    return apart or fits


def _belongs_together(text: str, position: int) -> bool:
    """Whether the characters before and at a place are seen as one (UAX #29, what messages hold of it)."""
    before, here = text[position - 1], text[position]
    if here == _JOINER or before == _JOINER or ord(here) in _SELECTORS or ord(here) in _SKIN:
        return True
    if unicodedata.category(here) in ("Mn", "Me", "Mc") or (before, here) == ("\r", "\n"):
        return True
    if ord(here) in _FLAGS and ord(before) in _FLAGS:
        begin = position
        while begin and ord(text[begin - 1]) in _FLAGS:
            begin -= 1
        return (position - begin) % 2 == 1
    return False
