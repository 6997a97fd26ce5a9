"""Rows of the records as nouns of ours; a row that has been damaged is named instead of ending in a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from facility.errors import CannotDo, ServicedayError

T = TypeVar("T")
_SHOWN = 120  # characters of a damaged row that are told


def read_rows(convert: Callable[[Any], T], rows: Iterable[Any], table: str) -> list[T]:
    """Every row converted. Raises `CannotDo` naming the table and the row that cannot be."""
    converted: list[T] = []
    coming = iter(rows)
    while True:
        try:
            row = next(coming)
        except StopIteration:
            return converted
        except (ValueError, TypeError) as error:  # a cell that is not of its column's type
            raise _damaged(table, f"row {len(converted) + 1}", error) from None
        converted.append(read_row(convert, row, table))


def read_row(convert: Callable[[Any], T], row: Any, table: str) -> T:
    """A row as an object. Raises `CannotDo` naming the table where the row is damaged."""
    try:
        return convert(row)
    except ServicedayError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(table, " ".join(f"{value}" for value in row[:3])[:_SHOWN], error) from None


def _damaged(table: str, row: str, error: Exception) -> CannotDo:
    return CannotDo(
        "the records hold a damaged row in table {table}, {row}: {error}",
        "Restore records.sqlite from a backup, or mend or delete that row with sqlite3",
        table=table,
        row=row,
        error=f"{error}"[:_SHOWN] or type(error).__name__,
    )
