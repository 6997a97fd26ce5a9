"""A report as it was said or written, before anything is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A report as it was said or written, before anything is made of it."""

    text: str
    at: datetime  # UTC
    place: str = ""
    category: str = ""  # as the other side classes it; a hint, unless it is one of our names
    name: str = ""
    phone: str = ""
    reference: str = ""  # the other side's number for it
    line: int = 0
    timed: bool = True  # whether `at` was said; if not, it is the day it came

    def __repr__(self) -> str:  # holds a name and a phone
        return f"Said(line={self.line})"
