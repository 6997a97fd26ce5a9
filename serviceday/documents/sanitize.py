"""Text from anywhere, made fit for a file format: no control characters, no lone surrogates, no unending words."""

from __future__ import annotations

import re

_UNFIT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LONG_WORD = re.compile(r"[^\s\u200b\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]{25,}")


def clean(words: str) -> str:
    """Without what XML, and with it every Office format, refuses; line ends as \\n."""
    return _UNFIT.sub("", words.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(words: str) -> str:
    """Words without control characters, on one line."""
    return " ".join(clean(words).split())


def cut(words: str, most: int) -> str:
    """Not longer than `most` characters; what is cut off is marked."""
    return words if len(words) <= most else words[: most - 1] + "…"


def unformed(words: str) -> str:
    """Led by an apostrophe where a spreadsheet would take the text for a formula."""
    return f"'{words}" if words.startswith(_FORMULA) else words


def breakable(words: str) -> str:
    """With places to break in words that are longer than a column: a web address, forty letters without a blank."""
    return _LONG_WORD.sub(lambda match: "\u200b".join(re.findall(r".{1,10}", match[0], re.S)), words)
