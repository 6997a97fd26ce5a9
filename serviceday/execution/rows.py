"""Rows of a table file with their lines: the one place where this room touches a file's form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from facility.errors import Problems
from facility.files import Value, grouped, read_grids

Cell = Value


def file_rows(path: Path) -> Iterator[tuple[int, Sequence[Cell]]]:
    """The rows of the first sheet that holds anything, with their lines. Raises `CannotParse` or `Problems`."""
    grid = read_grids(path)[0]
    if grid.refusals:
        raise Problems(path.name, grouped(grid.refusals))
    return ((row.line, row.cells) for row in grid.rows)
