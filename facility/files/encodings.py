"""Which encoding a text file is in: told by its bytes where they tell, asked for where they do not.

UTF-8 and UTF-16 prove themselves. GB18030 and windows-1252 do not: nearly every western file can be read as Chinese and
the other way round. What tells them apart is whether the reading looks like the language: GB18030 text is made of
common characters, western text of single accented letters inside words. A file that passes for both is refused.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from facility.errors import CannotParse

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LOOK = 1 << 20  # bytes that are looked at to tell two 8-bit encodings apart
_COMMON_SHARE = 0.6  # of the characters of a Chinese text that are in level 1 of GB 2312 (D)
_WESTERN_SHARE = 0.95  # of the accented runs of a western text that stand as accents do (D)
_LETTERS = "àáâãäåæçèéêëìíîïñòóôõöøùúûüßœšžÿÀÁÂÃÄÅÆÇÈÉÊËÍÎÏÑÒÓÔÕÖØÙÚÛÜŒŠŽ"
_ALONE = _LETTERS + "ðþýÝÐÞÌ"
_SIGNS = "€£§©®°±²³µ·¼½¾«»¿¡–—‘’“”„…•×÷ºª\xa0"
_RUN = re.compile(r"[^\x00-\x7f]+")


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text, and in which encoding it was read."""

    text: str
    encoding: str  # as Python names it


def decode(raw: bytes, *, file: str, asked: str = "") -> Decoded:
    """The text of a file. `asked` names its encoding; without it the bytes must tell.

    Raises `CannotParse` for bytes that are no text, or that may be read in two ways.
    """
    if asked:
        return _as_asked(raw, file, asked)
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return _strictly(raw, file, encoding)
    if b"\0" in raw[:LOOK]:
        decoded = _decoded(raw, _utf16(raw[:LOOK]))
        if decoded is None or "\0" in decoded:
            raise CannotParse("{name} is no text file", "Save the table as CSV or .xlsx", name=file)
        return Decoded(decoded, "utf-16")
    try:
        return Decoded(raw.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    return _eight_bit(raw, file)


def known(encoding: str) -> bool:
    """Whether there is a text encoding of that name."""
    try:
        return bool(getattr(codecs.lookup(encoding), "_is_text_encoding", False))
    except (LookupError, ValueError):
        return False


def _as_asked(raw: bytes, file: str, asked: str) -> Decoded:
    if not known(asked):
        raise CannotParse(
            "{encoding!r} is no encoding of text",
            "Write for example utf-8, utf-16, gb18030 or windows-1252",
            encoding=asked,
        )
    chosen = codecs.lookup(asked).name
    return _strictly(raw, file, "utf-8-sig" if chosen == "utf-8" else chosen)


def _strictly(raw: bytes, file: str, encoding: str) -> Decoded:
    try:
        return Decoded(raw.decode(encoding).removeprefix("\ufeff"), encoding)
    except UnicodeDecodeError as error:
        raise CannotParse(
            "{name}, line {line}: not {encoding} text",
            "Save it as UTF-8, or say --encoding",
            name=file,
            line=raw.count(b"\n", 0, error.start) + 1,
            encoding=encoding,
        ) from None


def _utf16(raw: bytes) -> str:
    """UTF-16 without its mark: every other byte of plain letters is zero."""
    even, odd = raw[0::2].count(0), raw[1::2].count(0)
    if max(even, odd) * 10 < len(raw) or min(even, odd) * 20 > max(even, odd):
        return "ascii"  # which such a file is not
    return "utf-16-be" if even > odd else "utf-16-le"


def _eight_bit(raw: bytes, file: str) -> Decoded:
    chinese, western = _decoded(raw, "gb18030"), _decoded(raw, "cp1252")
    is_chinese = chinese is not None and _looks_chinese(chinese)
    is_western = western is not None and _looks_western(western)
    if is_chinese and not is_western and chinese is not None:
        return Decoded(chinese, "gb18030")
    if is_western and not is_chinese and western is not None:
        return Decoded(western, "cp1252")
    if chinese is not None and western is not None:
        raise CannotParse(
            "{name} may be GB18030 ({chinese!r}) or windows-1252 ({western!r})",
            "Say which with --encoding gb18030 or --encoding windows-1252, or save it as UTF-8",
            name=file,
            chinese=_sample(chinese),
            western=_sample(western),
        )
    raise CannotParse(
        "{name} is neither UTF-8 nor GB18030 text",
        "Save it as UTF-8, or say its encoding: --encoding windows-1252",
        name=file,
    )


def _decoded(raw: bytes, encoding: str) -> str | None:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return None


def _looks_chinese(text: str) -> bool:
    strange = [character for run in _RUN.findall(text[:LOOK]) for character in run]
    return bool(strange) and sum(map(_common, strange)) >= _COMMON_SHARE * len(strange)


def _common(character: str) -> bool:
    """Punctuation, digits and letters of GB 2312, and the characters of its level 1."""
    try:
        lead = character.encode("gb2312")[0]
    except UnicodeEncodeError:
        return False
    return 0xA1 <= lead <= 0xA9 or 0xB0 <= lead <= 0xD7


def _looks_western(text: str) -> bool:
    runs = list(_RUN.finditer(text, 0, LOOK))
    return bool(runs) and sum(_western(text, run) for run in runs) >= _WESTERN_SHARE * len(runs)


def _western(text: str, run: re.Match[str]) -> bool:
    """One or two accented letters beside plain ones, or a sign that stands by itself."""
    letters = run[0]
    before, after = text[run.start() - 1 : run.start()], text[run.end() : run.end() + 1]
    if len(letters) == 1 and letters in _SIGNS:
        return letters not in "²³µºª±·" or not (before.isalpha() and after.isalpha())
    if not (_plain_letter(before) or _plain_letter(after)):
        return len(letters) == 1 and letters in _ALONE and not (before.isdigit() or after.isdigit())
    if len(letters) == 1:
        return letters in _ALONE
    return len(letters) == 2 and all(one in _LETTERS for one in letters) and (letters.islower() or letters.isupper())


def _plain_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def _sample(text: str) -> str:
    """The first cell that is not plain."""
    run = _RUN.search(text)
    at = run.start() if run else 0
    begin = max(text.rfind(mark, 0, at) for mark in ",;\t\n|") + 1
    ends = [place for mark in ",;\t\r\n|" if (place := text.find(mark, at)) >= 0]
    return text[begin : min(ends, default=len(text))].strip()[:40]
