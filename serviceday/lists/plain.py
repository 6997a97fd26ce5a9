"""The list as CSV, for spreadsheets and scripts, and as JSON, whole and in both languages."""

from __future__ import annotations

import csv
import io

import msgspec

from facility.inspections import InspectionList
from facility.language import Language
from serviceday.lists.columns import Cell, csv_columns, row

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(plan: InspectionList, *, language: Language) -> bytes:
    """UTF-8 with a byte-order mark, without which Excel spoils Chinese. The left-out follow the list, unnumbered.

    Text that a spreadsheet would take for a formula is led by an apostrophe.
    """
    columns = csv_columns(plan.service_day)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.title(language) for column in columns])
    for item in (*plan.items, *plan.left_out):
        writer.writerow([_safe(cell) for cell in row(columns, item, language)])
    return out.getvalue().encode("utf-8-sig")


def as_json(plan: InspectionList) -> bytes:
    """Everything the list holds; texts as `{"zh": ..., "en": ...}`."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2)


def _safe(cell: Cell) -> str:
    words = "" if cell is None else str(cell)
    return f"'{words}" if isinstance(cell, str) and words.startswith(_FORMULA) else words
