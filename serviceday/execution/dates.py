"""A day as people write it in a record of maintenance."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

_FORMS = (
    re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?"),
    re.compile(r"(\d{4})()(\d{2})(\d{2})"),
    re.compile(r"(\d{4})(年)(\d{1,2})月(\d{1,2})[日号]?"),
)


def day_of(cell: object) -> date | None:
    """A cell as a day, or None where it is not one for certain.

    Year first in every form: `2026-03-05`, `2026/3/5`, `2026.3.5`, `20260305`, `2026年3月5日`, full-width digits too. A
    month without a day, two figures that could be day or month, and bare numbers are not guessed.
    """
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    words = "".join(unicodedata.normalize("NFKC", str(cell)).split(" ")) if _chinese(cell) else _plain(cell)
    for form in _FORMS:
        parts = form.fullmatch(words)
        if parts is not None:
            try:
                return date(int(parts[1]), int(parts[3]), int(parts[4]))
            except ValueError:
                return None
    return None


def _chinese(cell: object) -> bool:
    return "年" in str(cell)


def _plain(cell: object) -> str:
    return unicodedata.normalize("NFKC", str(cell)).strip()
