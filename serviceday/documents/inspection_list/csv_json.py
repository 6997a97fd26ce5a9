"""The list as CSV, for spreadsheets and scripts, and as JSON, whole and in both languages."""

from __future__ import annotations

import csv
import io

import msgspec

from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.documents.branding import NO_NAMES, NO_PAPER, Names, Paper
from serviceday.documents.inspection_list.columns import Cell, csv_columns, row
from serviceday.documents.sanitize import unformed


def as_csv(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> bytes:
    """UTF-8 with a byte-order mark, without which Excel spoils Chinese. The left-out follow the list, unnumbered.

    Text that a spreadsheet would take for a formula is led by an apostrophe.
    """
    names = names.over(plan)
    columns = csv_columns(plan, names)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.title(language) for column in columns])
    for item in (*plan.items, *plan.left_out):
        writer.writerow([_plain(cell) for cell in row(columns, item, language)])
    return out.getvalue().encode("utf-8-sig")


def as_json(
    plan: InspectionList, *, language: Language = "en", paper: Paper = NO_PAPER, names: Names = NO_NAMES
) -> bytes:
    """Everything the list holds; texts as `{"zh": ..., "en": ...}`. docs/papers.md names the fields."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2)


def _plain(cell: Cell) -> str:
    return unformed(cell) if isinstance(cell, str) else "" if cell is None else str(cell)
