"""What a file holds before anybody knows what it means: rows of cells with the line they stand in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from facility.i18n.messages import Sentence

Value = str | datetime | date | time | float | int | bool | None


@dataclass(frozen=True, slots=True)
class RawRow:
    """The cells of one line, from its first column on; an empty cell is None or ''."""

    line: int
    cells: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A row that was not understood: where it stands, why, and its cells, to be mended and tried again."""

    line: int  # 0: the file as a whole
    what: Sentence
    cells: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """One sheet, or a whole text file, without its blank lines."""

    file: str
    sheet: str = ""  # "" where the file has no sheets
    rows: Sequence[RawRow]
    notes: Sequence[Sentence] = ()
    refusals: Sequence[Refusal] = ()
    first: int = 1  # the line that the first row of a text file stands in
    separator: str = ""  # of a text file
    encoding: str = ""


def words(value: Value) -> str:
    """A cell as text; a whole number as Excel keeps one (13800000000.0) without its point."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    return str(value).strip()


def blank(value: Value) -> bool:
    """Whether a cell holds nothing but blanks."""
    return value is None or (isinstance(value, str) and not value.strip())


_BRACKETS = re.compile(r"[(（\[【].*?[)）\]】]")


def plain_name(name: str) -> str:
    """A column's name for comparison: without case, width, blanks, marks of obligation and what stands in brackets."""
    shown = "".join(unicodedata.normalize("NFKC", name).lower().replace("_", " ").split()).strip("*:：")
    return _BRACKETS.sub("", shown) or shown


def at_line(line: int, what: Sentence) -> Sentence:
    """A problem with the line it stands in; line 0 is the file as a whole."""
    return Sentence("line {line}: {what}", line=line, what=what) if line else what
