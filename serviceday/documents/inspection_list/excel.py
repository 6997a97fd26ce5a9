"""The list as an Excel workbook that can be printed on A4 and filled in by hand or on a screen.

An overview with the breaches first, the whole list, a sheet for each person, and what was left out. Every text is
written as text, never as a formula or a link, whatever it begins with.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import xlsxwriter

from facility.catalogue.catalogue import catalogue
from facility.i18n.phrases import Language
from facility.inspections import InspectionList, Item
from serviceday.documents.branding import NO_NAMES, NO_PAPER, PHRASES, Names, Paper
from serviceday.documents.inspection_list import checklist_sheet, summary
from serviceday.documents.inspection_list.columns import (
    RESULTS,
    Column,
    answer_columns,
    left_out_columns,
    list_columns,
    row,
)
from serviceday.documents.inspection_list.excel_styles import A4, GREY, HIGHEST, INK, LINE, Styles, lines, lines_of
from serviceday.documents.inspection_list.law import assurance, law_words, reassures
from serviceday.documents.qr import as_png, check, payload
from serviceday.documents.sanitize import clean, cut

_CODED_ROW = 52.0  # points: room for a code that scans, and for a signature
_ONE_PAGE = 55  # lines of an overview that are still readable on one page
_CODE_SIDE = 62  # pixels on the sheet, 96 an inch
_PLAIN_ROW = 18.0
_LONGEST = 32_000  # characters of a cell; Excel refuses more than 32,767
_LONGEST_CHOICE = 255  # characters of a list to choose from
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


def as_workbook(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> bytes:
    """The workbook's bytes; the same plan gives the same bytes."""
    names = names.over(plan)
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, _OPTIONS)
    book.set_properties(
        {
            "title": PHRASES["title"][language],
            "company": cut(clean(paper.company), 200),
            "created": plan.created_at.replace(tzinfo=None),
        }
    )
    workbook = _Workbook(book, plan, language, paper, names)
    workbook.add_overview()
    workbook.add_items(
        PHRASES["sheet_list"][language], PHRASES["title"][language], summary.subtitle(plan, language), plan.items
    )
    days = summary.days(plan, language)
    if len(days) > 1:
        for day in days:
            workbook.add_day(day)
    workbook.add_left_out()
    workbook.add_checklist()
    book.close()
    return out.getvalue()


class _Workbook:
    def __init__(self, book: Any, plan: InspectionList, language: Language, paper: Paper, names: Names) -> None:
        self._book, self._plan, self._language, self._paper = book, plan, language, paper
        self._names = names
        self._link = check(paper.asset_url)
        self._styles = Styles(book, language)
        self._printed = list_columns(plan, names)
        self._columns = (*self._printed, *(answer_columns(plan) if plan.number else ()))
        self._taken: set[str] = set()

    def add_overview(self) -> None:
        sheet, styles, plan = self._sheet(self._say("sheet_overview")), self._styles, self._plan
        sheet.set_column(0, 0, 38)
        sheet.set_column(1, 6, 17)
        self._heading(sheet, self._say("title"), summary.subtitle(plan, self._language))
        line = self._breaches(sheet, 3) + 1
        heads = ("name", "qualifications", "from", "hours", "items", "work", "travel")
        for column, key in enumerate(heads):
            sheet.write_string(line, column, self._say(f"person_column_{key}"), styles.header)
        plain = styles(border=1, border_color="#A6A6A6", text_wrap=True, valign="vcenter")
        for day in summary.days(plan, self._language):
            line += 1
            cells = (day.name, day.qualifications, day.start, day.hours, len(day.items), day.work, day.travel)
            for column, cell in enumerate(cells):
                self._write(sheet, line, column, cell, plain)
            sheet.set_row(line, min(HIGHEST, LINE * max(lines_of(day.qualifications, 17), lines_of(day.start, 17)) + 5))
        line += 2
        strong = styles(bold=True, valign="top", font_color=INK)
        top = styles(text_wrap=True, valign="top", align="left")
        for label, value in summary.summary(plan, self._language):
            self._write(sheet, line, 0, label, strong)
            words = cut(clean(str(value)), _LONGEST)
            sheet.merge_range(line, 1, line, 6, "", top)
            self._write(sheet, line, 1, value, top)
            sheet.set_row(line, min(HIGHEST, LINE * lines_of(words, 100) + 3))
            line += 1
        self._print(sheet, header_row=None, last_row=line, columns=7)
        if line < _ONE_PAGE:
            sheet.fit_to_pages(1, 1)

    def _breaches(self, sheet: Any, line: int) -> int:
        """The breaches, before everything else; returns the next free line."""
        breaches = summary.first_breaches(self._plan, self._language, self._names)
        quiet = self._styles(border=1, border_color="#A6A6A6", font_color=GREY, valign="vcenter", text_wrap=True)
        doubt = self._styles(border=2, bold=True, text_wrap=True, valign="vcenter")
        if not breaches:
            words = assurance(self._plan, self._language)
            return self._boxed(sheet, line, words, quiet if reassures(self._plan) else doubt)
        loud = self._styles(bold=True, font_size=12, font_color="#FFFFFF", bg_color="#9C0006", border=2)
        plain = self._styles(text_wrap=True, valign="vcenter", border=1, border_color="#9C0006", font_color="#9C0006")
        title = PHRASES.say("breaches_title", self._language, count=len(self._plan.breaches))
        for words, style in [(title, loud), *((line, plain) for line in breaches)]:
            line = self._boxed(sheet, line, words, style)
        if not reassures(self._plan):
            line = self._boxed(sheet, line, law_words(self._plan.law, self._language), doubt)
        return line

    def _boxed(self, sheet: Any, line: int, words: str, style: Any) -> int:
        """A text over the width of the overview; returns the next free line."""
        sheet.merge_range(line, 0, line, 6, "", style)
        self._write(sheet, line, 0, words, style)
        sheet.set_row(line, min(HIGHEST, LINE * lines_of(words, 165) + 7))
        return line + 1

    def add_day(self, day: summary.Day) -> None:
        facts = PHRASES.say(
            "person_line", self._language, day=self._plan.service_day, hours=day.hours, items=len(day.items),
            work=day.work, travel=day.travel,
        )  # fmt: skip
        more = " · ".join(filter(None, (facts, day.qualifications, day.start, day.lunch)))
        self.add_items(f"{day.number} {day.name}", f"{day.number}  {day.name}", more, day.items)

    def add_checklist(self) -> None:
        """Every item of every entry, one by one."""
        sheet = self._sheet(self._say("sheet_checklist"))
        self._heading(sheet, self._say("sheet_checklist"), self._say("checklist_facts"))
        for number, ((_, width), words) in enumerate(
            zip(checklist_sheet.COLUMNS, checklist_sheet.titles(self._language), strict=True)
        ):
            sheet.set_column(number, number, width)
            sheet.write_string(2, number, words, self._styles.header)
        plain = self._styles(border=1, border_color="#A6A6A6", text_wrap=True, valign="vcenter")
        line = 2
        for line, cells in enumerate(checklist_sheet.rows(self._plan, self._language, self._names), start=3):
            for number, cell in enumerate(cells):
                self._write(sheet, line, number, cell, plain)
            tall = max(
                lines_of(str(cell), width) for cell, (_, width) in zip(cells, checklist_sheet.COLUMNS, strict=True)
            )
            sheet.set_row(line, min(HIGHEST, LINE * tall + 4))
        last = max(3, line)
        wanted = {"validate": "list", "source": checklist_sheet.choices(self._language)}
        sheet.data_validation(3, checklist_sheet.RESULT, last, checklist_sheet.RESULT, wanted)
        self._print(sheet, header_row=2, last_row=last, columns=len(checklist_sheet.COLUMNS), freeze=2)

    def add_items(self, name: str, title: str, facts: str, items: Sequence[Item]) -> None:
        sheet, columns = self._sheet(name), self._columns
        self._heading(sheet, title, facts)
        self._titles(sheet, columns)
        before: tuple[object, ...] | None = None
        breaks = []
        for line, item in enumerate(items, start=3):
            stop = (item.person, item.site, item.building)
            if before is not None and before[0] != item.person and name == self._say("sheet_list"):
                breaks.append(line)
            self._item(sheet, line, columns, item, first_of_stop=stop != before)
            before = stop
        last = max(3, len(items) + 2)
        self._fill_in(sheet, items, last)
        sheet.set_h_pagebreaks(breaks)
        self._print(sheet, header_row=2, last_row=last, columns=len(self._printed), freeze=4)

    def _fill_in(self, sheet: Any, items: Sequence[Item], last: int) -> None:
        """Lists to choose from where people answer; the keys of the rows are hidden."""
        at = {column.key: number for number, column in enumerate(self._columns)}
        self._choices(sheet, (3, last), at["result"], [self._say(key) for key in RESULTS])
        if "key" not in at:
            return
        sheet.set_column(at["key"], at["key"], None, None, {"hidden": True})
        self._choices(sheet, (3, last), at["mended"], [self._say("yes"), self._say("no")])
        lines: dict[str, list[int]] = {}
        for line, item in enumerate(items, start=3):
            lines.setdefault(item.kind, []).append(line)
        for kind, those in lines.items():
            modes = catalogue()[kind].modes.values() if kind in catalogue() else ()
            names = [*(mode.name[self._language] for mode in modes), self._say("fault_other")]
            first, *others = ([line, at["fault"], line, at["fault"]] for line in those)
            self._choices(sheet, (first[0], first[0]), at["fault"], names, others)

    def _choices(
        self,
        sheet: Any,
        lines: tuple[int, int],
        column: int,
        words: Sequence[str],
        others: Sequence[list[int]] = (),
    ) -> None:
        """Words to choose from; more than Excel takes into a cell's list are typed in instead."""
        if len(",".join(words)) > _LONGEST_CHOICE or any("," in word for word in words):
            return
        options: dict[str, Any] = {"validate": "list", "source": list(words), "other_cells": list(others)}
        if column == self._result:
            options["error_message"] = self._say("result_hint")
        sheet.data_validation(lines[0], column, lines[1], column, options)

    @property
    def _result(self) -> int:
        return next(number for number, column in enumerate(self._columns) if column.key == "result")

    def add_left_out(self) -> None:
        sheet, columns = self._sheet(self._say("sheet_left_out")), left_out_columns(self._names)
        others = len(self._plan.left_out) - len(self._plan.breaches)
        facts = PHRASES.say("left_out_not_printed", self._language, count=others) if others else ""
        self._heading(sheet, self._say("left_out_title"), facts or summary.subtitle(self._plan, self._language))
        self._titles(sheet, columns)
        for line, item in enumerate(self._plan.left_out, start=3):
            self._item(sheet, line, columns, item, first_of_stop=False)
        last = max(3, len(self._plan.left_out) + 2)
        self._print(sheet, header_row=2, last_row=last, columns=len(columns), freeze=3)
        sheet.print_area(0, 0, max(2, 2 + len(self._plan.breaches)), len(columns) - 1)

    def _item(self, sheet: Any, line: int, columns: Sequence[Column], item: Item, *, first_of_stop: bool) -> None:
        cells = row(columns, item, self._language)
        lowest = _CODED_ROW if any(column.key == "code" for column in columns) else _PLAIN_ROW
        height = min(HIGHEST, max(lowest, LINE * lines(columns, cells) + 5))
        sheet.set_row(line, height)
        for number, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            self._write(sheet, line, number, cell, self._styles.cell(column, item, first_of_stop=first_of_stop))
            if column.key == "code":
                self._code(sheet, line, number, item, height)

    def _code(self, sheet: Any, line: int, column: int, item: Item, height: float) -> None:
        image = as_png(payload(item, self._link))
        side = int.from_bytes(image[16:20], "big")  # width in a PNG's header
        scale = _CODE_SIDE / side
        placed = {
            "image_data": io.BytesIO(image), "x_scale": scale, "y_scale": scale, "x_offset": 4,
            "y_offset": max(2, (height * 96 / 72 - _CODE_SIDE) / 2),
            "object_position": 1, "description": clean(f"QR {item.asset}")[:200],
        }  # fmt: skip
        sheet.insert_image(line, column, "code.png", placed)

    def _write(self, sheet: Any, line: int, column: int, cell: object, style: Any) -> None:
        if isinstance(cell, int):
            sheet.write_number(line, column, cell, style)
        elif isinstance(cell, date):
            sheet.write_datetime(line, column, cell, style)
        elif cell:
            sheet.write_string(line, column, cut(clean(str(cell)), _LONGEST), style)
        else:
            sheet.write_blank(line, column, None, style)

    def _heading(self, sheet: Any, title: str, facts: str) -> None:
        self._write(sheet, 0, 0, title, self._styles.title)
        sheet.set_row(0, 26)
        self._write(sheet, 1, 0, " · ".join(filter(None, (self._paper.company, facts))), self._styles(font_color=GREY))

    def _titles(self, sheet: Any, columns: Sequence[Column]) -> None:
        for number, column in enumerate(columns):
            sheet.set_column(number, number, column.width)
            sheet.write_string(2, number, column.title(self._language), self._styles.header)
        sheet.set_row(2, 30)

    def _sheet(self, name: str) -> Any:
        """A sheet by a name that Excel takes: short, without some signs, and not there yet."""
        plain = re.sub(r"[\[\]:*?/\\']", " ", clean(name).replace("\n", " ")).strip()[:28] or "-"
        free = next(
            one for number in range(1, 10_000) if (one := plain if number == 1 else f"{plain[:25]} {number}").lower()
            not in self._taken
        )  # fmt: skip
        self._taken.add(free.lower())
        return self._book.add_worksheet(free)

    def _print(self, sheet: Any, *, header_row: int | None, last_row: int, columns: int, freeze: int = 0) -> None:
        sheet.set_landscape()
        sheet.set_paper(A4)
        sheet.set_margins(left=0.3, right=0.3, top=0.4, bottom=0.6)
        sheet.fit_to_pages(1, 0)
        sheet.print_area(0, 0, last_row, columns - 1)
        if header_row is not None:
            sheet.repeat_rows(header_row)
            sheet.freeze_panes(header_row + 1, freeze)
            sheet.autofilter(header_row, 0, last_row, columns - 1)
        sheet.set_footer(f"&L{self._say('title')} {self._plan.service_day}&R{self._say('page')}")
        sheet.hide_gridlines(2)

    def _say(self, key: str) -> str:
        return PHRASES[key][self._language]
