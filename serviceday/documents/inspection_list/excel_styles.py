"""How an Excel workbook of ours looks: fonts, colours, and how high a row must be for what it holds."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from math import ceil
from typing import Any

from facility.i18n.phrases import Language
from facility.inspections import Item, Priority
from serviceday.documents.inspection_list.columns import Cell, Column

INK = "#1F3864"
GREY = "#595959"
A4 = 9
LINE = 13.5  # points
HIGHEST = 400.0  # points; Excel refuses more than 409
_PAPER = {  # told apart in grey as well: the darker, the more urgent
    Priority.URGENT: ("#FFFFFF", "#9C0006"),
    Priority.HIGH: ("#974706", "#FCD5B4"),
    Priority.MEDIUM: ("#7F6000", "#FFF5CC"),
    Priority.LOW: ("#375623", "#FFFFFF"),
}
_CENTRED = ("number", "time", "priority", "minutes", "deadline", "inspector", "breach")


class Styles:
    """The formats of one workbook; each is made once."""

    def __init__(self, book: Any, language: Language) -> None:
        self._book = book
        self._font = {"font_name": "Microsoft YaHei" if language == "zh" else "Arial", "font_size": 10}
        self._made: dict[tuple[Any, ...], Any] = {}

    def __call__(self, **given: Any) -> Any:
        key = tuple(sorted(given.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(self._font | given)
        return self._made[key]

    def cell(self, column: Column, item: Item, *, first_of_stop: bool) -> Any:
        options: dict[str, Any] = {"text_wrap": True, "valign": "vcenter", "border": 1, "border_color": "#A6A6A6"}
        if first_of_stop:
            options |= {"top": 2, "top_color": INK}
        if column.key in _CENTRED:
            options["align"] = "center"
        if column.key in ("deadline", "breach_from"):
            options["num_format"] = "yyyy-mm-dd"
        if column.key == "priority" or (column.key == "breach" and item.breach):
            ink, paper = _PAPER[item.priority]
            options |= {"font_color": ink, "bg_color": paper, "bold": item.priority in (Priority.URGENT, Priority.HIGH)}
        return self(**options)

    @property
    def header(self) -> Any:
        return self(
            bold=True, font_size=9, font_color="#FFFFFF", bg_color=INK, text_wrap=True, align="center",
            valign="vcenter", border=1,
        )  # fmt: skip

    @property
    def title(self) -> Any:
        return self(bold=True, font_size=16, font_color=INK)


def lines(columns: Sequence[Column], cells: Iterable[Cell]) -> int:
    """Lines of the tallest cell: xlsxwriter can't measure, and Excel doesn't on opening."""
    return max(
        lines_of(cell, column.width) if isinstance(cell, str) else 1
        for column, cell in zip(columns, cells, strict=True)
    )


def lines_of(words: str, width: float) -> int:
    """How many lines words take in a column of a width, in characters."""
    return sum(max(1, ceil(_width(part) / (width - 1.5))) for part in words.split("\n"))


def _width(words: str) -> float:
    return sum(2.0 if unicodedata.east_asian_width(letter) in "WF" else 0.9 for letter in words)
