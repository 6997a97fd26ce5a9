"""Lists read back as their readers read them: Excel, a spreadsheet's CSV import, a script."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest

from facility.channels import catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.inspections import InspectionList
from facility.language import LANGUAGES, Language, Text
from facility.qualifications import QUALIFICATIONS
from serviceday.lists import check_form, write_list
from serviceday.planning import Crew, plan

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)


@pytest.fixture(scope="module")
def made() -> InspectionList:
    """Two people, three kinds, overdue and not due, and one asset with a formula for a name."""
    assets = [Asset(id=f"EL-{n}", kind="lift", site="s", building=f"{n}号楼", name="=HYPERLINK(1)") for n in range(4)]
    assets += [Asset(id="PS-1", kind="pump_set", site="s", building="1号楼", floor="-1", name="泵房")]
    done = {("EL-0", "half_monthly"): date(2026, 2, 1), ("EL-1", "half_monthly"): date(2026, 3, 10)}
    done |= {(f"EL-{n}", "yearly"): date(2025, 1, 1) for n in range(4)} | {("PS-1", "flow_test"): date(2025, 11, 1)}
    return plan(assets, {}, done, service_day=DAY, now=NOW, crew=Crew(people=2, hours=6))


def book(made: InspectionList, folder: Path, language: Language) -> Any:
    return openpyxl.load_workbook(write_list(made, folder / f"list-{language}.xlsx", language=language))


@pytest.mark.parametrize(
    ("language", "names", "first", "choices"),
    [
        ("zh", ["检查清单", "未列入", "汇总"], "序号", '"正常,异常,不适用"'),
        ("en", ["Inspection list", "Left out", "Summary"], "No.", '"normal,abnormal,n/a"'),
    ],
)
def test_a_workbook_holds_the_list_the_left_out_and_a_summary(
    made: InspectionList, tmp_path: Path, language: Language, names: list[str], first: str, choices: str
) -> None:
    opened = book(made, tmp_path, language)
    assert opened.sheetnames == names
    sheet, left_out, summary = opened.worksheets
    rows = list(sheet.iter_rows(min_row=3, values_only=True))
    assert rows[0][0] == first
    assert len(rows[0]) == 17
    assert [row[0] for row in rows[1:]] == [item.number for item in made.items]
    assert [row[2] for row in rows[1:]] == [item.asset for item in made.items]
    assert [row[6] for row in rows[1:]] == [item.reason[language] for item in made.items]
    assert all(row[12:] == (None,) * 5 for row in rows[1:]), "results are for people to fill in"
    assert left_out.max_row == 3 + len(made.left_out)
    (validation,) = sheet.data_validations.dataValidation
    assert validation.formula1 == choices
    assert str(validation.sqref) == f"M4:M{3 + len(made.items)}"
    told = [str(row[1]) for row in summary.iter_rows(min_row=3, values_only=True)]
    assert "2026-03-12" in told
    assert any(note[language] in told for note in made.notes)


def test_a_workbook_prints_on_a4_landscape_with_its_header_on_every_page(made: InspectionList, tmp_path: Path) -> None:
    sheet = book(made, tmp_path, "zh").worksheets[0]
    assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
    assert (sheet.page_setup.fitToHeight, sheet.sheet_properties.pageSetUpPr.fitToPage) == (0, True)
    assert sheet.print_title_rows == "$3:$3"
    assert sheet.freeze_panes == "D4"
    first_of_second = next(item.number for item in made.items if item.person == 2)
    assert [one.id for one in sheet.row_breaks.brk] == [first_of_second + 2], "each person has pages of their own"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "http://x.example", "\t=1", '=cmd|" /C calc"!A0'])
def test_no_text_becomes_a_formula(made: InspectionList, tmp_path: Path, text: str) -> None:
    words = Text(zh=text, en=text)
    item = replace(made.items[0], place=text, asset=text, reason=words)
    out = replace(made.left_out[0], place=text, asset=text, reason=words, left_out_reason=words)
    evil = replace(made, items=(item,), left_out=(out,), notes=(words,))
    for sheet in book(evil, tmp_path, "en").worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None
    path = write_list(evil, tmp_path / "list.csv", language="en")
    for line in list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in line)


def test_a_csv_opens_in_excel_with_list_and_left_out(made: InspectionList, tmp_path: Path) -> None:
    raw = write_list(made, tmp_path / "list.csv", language="zh").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    numbers = [row["序号"] for row in rows]
    assert numbers == [str(item.number) for item in made.items] + [""] * len(made.left_out)
    assert [row["未列入原因"] for row in rows if not row["序号"]] == [
        item.left_out_reason.zh for item in made.left_out if item.left_out_reason
    ]
    assert {row["结果"] for row in rows} == {""}


def test_json_holds_everything(made: InspectionList, tmp_path: Path) -> None:
    path = write_list(made, tmp_path / "list.json", language="en")
    assert msgspec.json.decode(path.read_bytes(), type=InspectionList) == made


def test_the_same_list_gives_the_same_bytes(made: InspectionList, tmp_path: Path) -> None:
    for name in ("a.xlsx", "a.csv", "a.json"):
        first = write_list(made, tmp_path / name, language="zh").read_bytes()
        assert write_list(made, tmp_path / name, language="zh").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "a.json", "a.xlsx"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_list_is_a_list(tmp_path: Path, language: Language) -> None:
    empty = plan([], {}, {}, service_day=DAY, now=NOW)
    assert (empty.items, empty.left_out, empty.notes) == ((), (), ())
    assert book(empty, tmp_path, language).worksheets[0].max_row >= 3
    write_list(empty, tmp_path / "list.csv", language=language)


def test_an_unknown_form_or_a_closed_folder_is_told(made: InspectionList, tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match=r"'\.pdf' is unknown.*\.csv, \.xlsx, \.json"):
        check_form(tmp_path / "list.pdf")
    with pytest.raises(CannotDo, match="cannot be written"):
        write_list(made, tmp_path / "none" / "list.csv", language="en")


def test_every_qualification_of_the_catalogue_has_both_names() -> None:
    asked = {kind.qualification for kind in catalogue().values()}
    asked |= {duty.qualification for kind in catalogue().values() for duty in kind.duties.values()}
    assert asked <= set(QUALIFICATIONS)
