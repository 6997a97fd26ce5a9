"""The list as an Excel workbook that can be printed on A4 and filled in by hand or on a screen.

Every text is written as text, never as a formula or a link, whatever it begins with.
"""

from __future__ import annotations

import io
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from math import ceil
from typing import Any

import xlsxwriter

from facility.inspections import InspectionList, Item, Priority
from facility.language import Language
from serviceday.lists.columns import (
    LEFT_OUT_COLUMNS,
    PHRASES,
    RESULTS,
    Cell,
    Column,
    list_columns,
    row,
    subtitle,
)

_A4 = 9
_LINE = 13.5  # points
_SIGNED_ROW = 33.0  # room for a signature
_PLAIN_ROW = 18.0
_COLOURS = {
    Priority.URGENT: ("#9C0006", "#FFC7CE"),
    Priority.HIGH: ("#974706", "#FCD5B4"),
    Priority.MEDIUM: ("#7F6000", "#FFEB9C"),
    Priority.LOW: ("#375623", "#E2EFDA"),
}
_INK = "#1F3864"


def as_workbook(plan: InspectionList, *, language: Language) -> bytes:
    """Three sheets: the list, what was left out, a summary."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": PHRASES["title"][language], "created": plan.created_at.replace(tzinfo=None)})
    look = _Look(book, language)
    _list_sheet(book, look, plan, language)
    _left_out_sheet(book, look, plan, language)
    _summary_sheet(book, look, plan, language)
    book.close()
    return out.getvalue()


class _Look:
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

    def cell(self, column: Column, item: Item, first_of_stop: bool) -> Any:
        wanted: dict[str, Any] = {"text_wrap": True, "valign": "vcenter", "border": 1, "border_color": "#A6A6A6"}
        if first_of_stop:
            wanted |= {"top": 2, "top_color": _INK}
        if column.key in ("number", "priority", "minutes", "deadline", "inspector", "breach"):
            wanted["align"] = "center"
        if column.key == "deadline":
            wanted["num_format"] = "yyyy-mm-dd"
        if column.key == "priority" or (column.key == "breach" and item.breach):
            ink, paper = _COLOURS[item.priority]
            wanted |= {"font_color": ink, "bg_color": paper, "bold": True}
        return self(**wanted)

    @property
    def header(self) -> Any:
        return self(
            bold=True,
            font_size=9,
            font_color="#FFFFFF",
            bg_color=_INK,
            text_wrap=True,
            align="center",
            valign="vcenter",
            border=1,
        )


def _list_sheet(book: Any, look: _Look, plan: InspectionList, language: Language) -> None:
    sheet = book.add_worksheet(PHRASES["sheet_list"][language])
    columns = list_columns(plan.service_day)
    _head(sheet, look, plan, language, columns)
    before: tuple[object, ...] | None = None
    breaks = []
    for line, item in enumerate(plan.items, start=3):
        stop = (item.person, item.site, item.building)
        if before is not None and before[0] != item.person:
            breaks.append(line)
        _line(sheet, look, line, columns, item, language, first_of_stop=stop != before)
        before = stop
    last = max(3, len(plan.items) + 2)
    result = next(number for number, column in enumerate(columns) if column.key == "result")
    sheet.data_validation(
        3,
        result,
        last,
        result,
        {
            "validate": "list",
            "source": [PHRASES[key][language] for key in RESULTS],
            "error_message": PHRASES["result_hint"][language],
        },
    )
    sheet.set_h_pagebreaks(breaks)
    _print_setup(sheet, look, language, header_row=2, last_row=last, columns=len(columns))


def _left_out_sheet(book: Any, look: _Look, plan: InspectionList, language: Language) -> None:
    sheet = book.add_worksheet(PHRASES["sheet_left_out"][language])
    _head(sheet, look, plan, language, LEFT_OUT_COLUMNS)
    for line, item in enumerate(plan.left_out, start=3):
        _line(sheet, look, line, LEFT_OUT_COLUMNS, item, language, first_of_stop=False)
    last = max(3, len(plan.left_out) + 2)
    _print_setup(sheet, look, language, header_row=2, last_row=last, columns=len(LEFT_OUT_COLUMNS))


def _head(sheet: Any, look: _Look, plan: InspectionList, language: Language, columns: Sequence[Column]) -> None:
    sheet.write_string(0, 0, PHRASES["title"][language], look(bold=True, font_size=16, font_color=_INK))
    sheet.set_row(0, 26)
    sheet.write_string(1, 0, subtitle(plan, language), look(font_color="#595959"))
    for number, column in enumerate(columns):
        sheet.set_column(number, number, column.width)
        sheet.write_string(2, number, column.title(language), look.header)
    sheet.set_row(2, 30)


def _line(
    sheet: Any,
    look: _Look,
    line: int,
    columns: Sequence[Column],
    item: Item,
    language: Language,
    *,
    first_of_stop: bool,
) -> None:
    cells = row(columns, item, language)
    for number, (column, cell) in enumerate(zip(columns, cells, strict=True)):
        shape = look.cell(column, item, first_of_stop)
        if isinstance(cell, int):
            sheet.write_number(line, number, cell, shape)
        elif isinstance(cell, date):
            sheet.write_datetime(line, number, cell, shape)
        elif cell:
            sheet.write_string(line, number, cell, shape)
        else:
            sheet.write_blank(line, number, None, shape)
    lowest = _SIGNED_ROW if any(column.key == "signature" for column in columns) else _PLAIN_ROW
    sheet.set_row(line, max(lowest, _LINE * _lines(columns, cells) + 5))


def _lines(columns: Sequence[Column], cells: Iterable[Cell]) -> int:
    """Lines of the tallest cell: xlsxwriter can't measure, and Excel doesn't on opening."""
    return max(
        ceil(_cells_wide(cell) / (column.width - 1.5)) if isinstance(cell, str) else 1
        for column, cell in zip(columns, cells, strict=True)
    )


def _cells_wide(words: str) -> float:
    return sum(2.0 if unicodedata.east_asian_width(letter) in "WF" else 0.85 for letter in words)


def _print_setup(sheet: Any, look: _Look, language: Language, *, header_row: int, last_row: int, columns: int) -> None:
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.6)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(header_row)
    sheet.freeze_panes(header_row + 1, 3)
    sheet.autofilter(header_row, 0, last_row, columns - 1)
    sheet.set_footer(f"&L{PHRASES['title'][language]}&R{PHRASES['page'][language]}")
    sheet.hide_gridlines(2)


def _summary_sheet(book: Any, look: _Look, plan: InspectionList, language: Language) -> None:
    sheet = book.add_worksheet(PHRASES["sheet_summary"][language])
    sheet.set_column(0, 0, 30)
    sheet.set_column(1, 1, 100)
    sheet.write_string(0, 0, PHRASES["title"][language], look(bold=True, font_size=16, font_color=_INK))
    sheet.set_row(0, 26)
    plain, strong = look(text_wrap=True, valign="top"), look(bold=True, valign="top", font_color=_INK)
    line = 2
    for label, value in _summary(plan, language):
        sheet.write_string(line, 0, label, strong)
        if isinstance(value, int):
            sheet.write_number(line, 1, value, look(align="left", valign="top"))
        else:
            sheet.write_string(line, 1, value, plain)
            sheet.set_row(line, max(_LINE + 3, _LINE * ceil(_cells_wide(value) / 98) + 3))
        line += 1
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.hide_gridlines(2)


def _summary(plan: InspectionList, language: Language) -> Iterable[tuple[str, str | int]]:
    def say(key: str, **values: object) -> str:
        return PHRASES.say(key, language, **values)

    yield say("summary_day"), str(plan.service_day)
    yield say("summary_created"), f"{plan.created_at:%Y-%m-%d %H:%M} UTC"
    yield say("summary_crew"), say("summary_crew_value", people=plan.people, hours=f"{plan.hours:g}")
    yield say("summary_items"), len(plan.items)
    yield say("summary_assets"), len({item.asset for item in plan.items})
    yield say("summary_left_out"), len(plan.left_out)
    yield say("summary_breaches"), len(plan.breaches)
    label = say("summary_rounds")
    per_person = Counter(item.person for item in plan.items)
    for one in plan.rounds:
        words = say("summary_round", work=one.work_minutes, travel=one.travel_minutes, items=per_person[one.person])
        yield label, f"{say('inspector', number=one.person)}: {words}"
        label = ""
    label = say("summary_by_ground")
    for ground, count in Counter(item.ground for item in plan.items).most_common():
        yield label, f"{say(f'ground_{ground}')}: {count}"
        label = ""
    label = say("summary_by_left_out")
    for reason, count in Counter(item.left_out for item in plan.left_out).most_common():
        yield label, f"{say(f'left_out_{reason}')}: {count}"
        label = ""
    label = say("summary_notes")
    for note in plan.notes:
        yield label, note[language]
        label = ""
