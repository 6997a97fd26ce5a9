"""Checklists on the workbook and records of visits: every item is there, with what an inspector needs beside it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import time
from pathlib import Path

import openpyxl
import pymupdf
import pytest

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.i18n.phrases import LANGUAGES, Language
from facility.inspections import Ground, InspectionList, Round
from serviceday.documents.branding import NO_NAMES, NO_PAPER
from serviceday.documents.checklists import lines_of
from serviceday.documents.inspection_list import write_list
from serviceday.documents.record.writer import as_records, title_of, write_records
from tests.serviceday.conftest import DAY, NOW, item, text

LIFT = Asset(id="EL-1", kind="lift", site="s", building="1", attributes={"使用登记证编号": "梯11京A00001(24)"})
PANEL = Asset(id="FP-1", kind="fire_panel", site="s", building="1")
CHAIN = ("half_yearly", "quarterly", "half_monthly")


@pytest.fixture
def plan() -> InspectionList:
    when = {"person": 1, "start": time(9), "end": time(15, 25)}
    yearly = replace(item(LIFT, "yearly"), number=1, covers=CHAIN, **when)
    panel = replace(item(PANEL, "switch_over"), number=2, person=1, start=time(15, 30), end=time(15, 50))
    warning = replace(panel, number=3, task="warning", what=text("预警核查", "look"), ground=Ground.RISK)
    return InspectionList(
        service_day=DAY,
        created_at=NOW,
        people=1,
        hours=8,
        items=(yearly, panel, warning),
        left_out=(),
        rounds=(Round(person=1, work_minutes=425, travel_minutes=5),),
        number=7,
    )


def test_a_visit_is_gone_through_with_all_that_it_covers_each_line_once(plan: InspectionList) -> None:
    lines = lines_of(plan.items[:1])
    assert len(lines) == 76
    assert [line.number for line in lines][:2] == ["A-1-01", "A-1-02"]
    levelling = next(line for line in lines if line.number == "A-1-23")
    assert (levelling.band.en, levelling.channel.en) == (
        "-10 … 10 mm",
        catalogue()["lift"].channels["levelling_error"].name.en,
    )
    assert next(line.band.zh for line in lines if line.number == "A-1-29") == "≥ 7 mm"
    assert len(lines_of(plan.items[1:])) == 7, "six of the panel, one for the warning"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_workbook_has_a_line_for_every_item(plan: InspectionList, tmp_path: Path, language: Language) -> None:
    write_list(plan, tmp_path / "list.xlsx", language=language)
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").worksheets[-1]
    assert sheet.title == ("检查项" if language == "zh" else "Checklist")
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert len(rows) == 76 + 7
    assert [row[4] for row in rows[:2]] == ["A-1-01", "A-1-02"]
    assert {row[0] for row in rows} == {1, 2, 3}
    assert all(row[11] is None for row in rows), "to be answered"
    assert any("L12" in str(each.sqref) or "L4" in str(each.sqref) for each in sheet.data_validations.dataValidation)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_record_has_what_the_trades_form_has(plan: InspectionList, language: Language) -> None:
    pdf = as_records(plan, {"EL-1": LIFT}, language=language, paper=NO_PAPER, names=NO_NAMES)
    pages = [page.get_text().replace("\u200b", "") for page in pymupdf.open(stream=io.BytesIO(pdf), filetype="pdf")]
    whole = "\n".join(pages)
    assert title_of("lift", language) in pages[0]
    assert title_of("fire_panel", language) in whole
    assert "梯11京A00001(24)" in pages[0].replace("\n", "").replace(" ", ""), "use registration number"
    assert "09:00" in pages[0]
    for number in ("A-1-01", "A-1-31", "A-2-13", "A-3-15", "A-4-17"):
        assert number in whole
    marks = (
        ["更换零部件", "整改期限", "盖章", "使用单位安全管理员签字"] if language == "zh" else ["Parts replaced", "Seal"]
    )
    for mark in marks:
        assert mark in whole
    assert whole.count("盖章" if language == "zh" else "Seal") == 2, "one for each visit"


def test_records_are_pdf_and_nothing_else(plan: InspectionList, tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match=r"records can't be written to .*list.xlsx"):
        write_records(plan, [tmp_path / "list.xlsx"], {}, language="en", paper=NO_PAPER, names=NO_NAMES)
    (written,) = write_records(plan, [tmp_path / "r.pdf"], {}, language="en", paper=NO_PAPER, names=NO_NAMES)
    assert written.read_bytes().startswith(b"%PDF")
    empty = replace(plan, items=())
    assert as_records(empty, {}, language="zh", paper=NO_PAPER, names=NO_NAMES).startswith(b"%PDF")
