"""Writes findings to files: .xlsx the register, .pdf a notice for each that answers for some of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from facility.deficiencies import Deficiency
from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from serviceday.documents.fonts import typefaces
from serviceday.documents.inspection_list.excel_styles import A4, GREY, HIGHEST, LINE, Styles, lines_of
from serviceday.documents.inspection_list.writer import write_together
from serviceday.documents.pictures import PrintedPicture
from serviceday.documents.rectification.content import COLUMNS, PLACES, Register
from serviceday.documents.sanitize import clean, cut, unformed
from serviceday.documents.typesetting import as_pdf

_LONGEST = 32_000
_OPTIONS = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
_FORMS = (".xlsx", ".pdf")
_WIDE, _TALL = 164.0, 130.0  # pixels of a picture in the register
_POINTS = 0.75  # of a pixel


def check_register_form(path: Path) -> Path:
    """The path, if its ending is known. Raises `CannotDo` otherwise."""
    if path.suffix.lower() not in _FORMS:
        raise CannotDo(
            "{name} can't be written: the form {form!r} is unknown",
            "Name it {forms}",
            name=path.name,
            form=path.suffix or Sentence("(none)"),
            forms=list(_FORMS),
        )
    return path


def write_register(register: Register, paths: Sequence[Path]) -> list[Path]:
    """Write the files, all or none."""
    forms = {".xlsx": as_register, ".pdf": as_notices}
    return write_together([(path, forms[check_register_form(path).suffix.lower()](register)) for path in paths])


def as_register(register: Register) -> bytes:
    """整改台账: a row for each finding."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, _OPTIONS)
    book.set_properties({"title": register.say("title"), "created": register.now.replace(tzinfo=None)})
    styles = Styles(book, register.language)
    sheet = book.add_worksheet(register.say("title"))
    sheet.write_string(0, 0, register.say("title"), styles.title)
    facts = register.say("facts", day=register.today, count=len(register.found))
    company = clean(register.paper.company)
    sheet.write_string(1, 0, " · ".join(filter(None, (company, facts))), styles(font_color=GREY))
    plain = {"text_wrap": True, "valign": "vcenter", "border": 1, "border_color": "#A6A6A6"}
    for number, (key, width, _) in enumerate(COLUMNS):
        sheet.set_column(number, number, width)
        sheet.write_string(2, number, register.say(f"column_{key}"), styles.header)
    for line, deficiency in enumerate(register.found, start=3):
        tall = 1
        for number, (_, width, cell) in enumerate(COLUMNS):
            value = cell(register, deficiency)
            if isinstance(value, date):
                sheet.write_datetime(line, number, value, styles(**plain, num_format="yyyy-mm-dd"))
            elif isinstance(value, int):
                sheet.write_number(line, number, value, styles(**plain))
            elif value:
                words = cut(clean(value), _LONGEST)
                tall = max(tall, lines_of(words, width))
                sheet.write_string(line, number, words, styles(**plain))
            else:
                sheet.write_blank(line, number, None, styles(**plain))
        shown = register.pictures_of(deficiency)
        high = max(
            _embedded(sheet, line, PLACES["photo"], shown.found, styles(**plain)),
            _embedded(sheet, line, PLACES["photo_afterwards"], shown.afterwards, styles(**plain)),
        )
        sheet.set_row(line, min(HIGHEST, max(18.0, LINE * tall + 5, high)))
    last = max(3, len(register.found) + 2)
    sheet.set_landscape()
    sheet.set_paper(A4)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(2)
    sheet.freeze_panes(3, 2)
    sheet.autofilter(2, 0, last, len(COLUMNS) - 1)
    book.close()
    return out.getvalue()


def _embedded(sheet: Any, line: int, column: int, pictures: Sequence[PrintedPicture], style: Any) -> float:
    """Puts pictures below each other into a cell; gives the height that they take, in points."""
    gone = [picture.caption for picture in pictures if not picture.data]
    if gone:
        sheet.write_string(line, column, "\n".join(map(clean, gone)), style)
    top = 4.0 + 18 * len(gone)  # pixels
    for picture in pictures:
        if not picture.data:
            continue
        scale = min(_WIDE / picture.width, _TALL / picture.height)
        sheet.insert_image(
            line, column, "photo.jpg",
            {
                "image_data": io.BytesIO(picture.data), "x_scale": scale, "y_scale": scale, "x_offset": 4,
                "y_offset": top, "object_position": 1, "description": clean(picture.caption),
            },
        )  # fmt: skip
        top += picture.height * scale + 4
    return top * _POINTS if pictures else 0.0


def as_notices(register: Register) -> bytes:
    """整改通知单: a notice on its own pages for each department or person, as PDF/A-3a and PDF/UA-1.

    The findings themselves lie inside as a CSV file. Raises `CannotDo` where no font serves.
    """
    return as_pdf(
        "rectification.typ", _data(register), language=register.language, faces=typefaces(register.paper.font),
        created=register.now, archival=True,
    )  # fmt: skip


def register_csv(register: Register) -> str:
    """The register's columns, a row for each finding; photos apart."""
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    columns = [(key, cell) for key, _, cell in COLUMNS if not key.startswith("photo")]
    sheet.writerow([register.say(f"column_{key}") for key, _ in columns])
    for deficiency in register.found:
        values = (cell(register, deficiency) for _, cell in columns)
        sheet.writerow(["" if value is None else unformed(clean(str(value))) for value in values])
    return out.getvalue()


_WORDS = (
    "notice_title", "notice_to", "notice_number", "notice_day", "notice_intro", "notice_nobody", "notice_issued",
    "notice_received", "notice_measures", "notice_verified", "notice_signature", "column_number", "column_equipment",
    "column_grade", "column_description", "column_place", "column_suggestion", "column_deadline", "column_state",
)  # fmt: skip


def _data(register: Register) -> dict[str, object]:
    addressees: dict[tuple[str, str], list[Deficiency]] = {}
    for deficiency in register.found:
        addressees.setdefault((deficiency.department, deficiency.person), []).append(deficiency)
    notices = [
        {
            "to": " ".join(filter(None, key)) or register.say("notice_nobody"),
            "number": f"{register.today:%Y%m%d}-{place:02d}",
            "rows": [_row(register, deficiency) for deficiency in deficiencies],
        }
        for place, (key, deficiencies) in enumerate(sorted(addressees.items()), start=1)
    ]
    return {
        "words": {key: register.say(key) for key in _WORDS},
        "company": register.paper.company,
        "day": str(register.today),
        "notices": notices,
        "none": register.say("notice_none"),
        "records": register_csv(register),
    }


def _row(register: Register, deficiency: Deficiency) -> dict[str, Any]:
    shown = register.pictures_of(deficiency)
    return {
        "pictures": [picture.plain() for picture in (*shown.found, *shown.afterwards)],
        "more": register.say("more_pictures", count=shown.more) if shown.more else "",
        "number": deficiency.number,
        "equipment": register.equipment(deficiency),
        "grade": register.grade(deficiency),
        "description": deficiency.description[register.language],
        "place": register.place(deficiency),
        "suggestion": deficiency.suggestion[register.language],
        "deadline": str(deficiency.deadline or ""),
        "state": register.state(deficiency),
    }
