"""Rows of a table file with their lines: the one place where this room touches a file's form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from serviceday.reports import importer

Cell = importer.Cell


def file_rows(path: Path) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows of a CSV or XLSX file that hold anything, with their lines. Raises `CannotParse`."""
    return importer._workbook(path) if path.suffix.lower() in (".xlsx", ".xlsm") else importer._text(path)
