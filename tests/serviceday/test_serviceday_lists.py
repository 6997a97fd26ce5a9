"""Lists read back as their readers read them: Excel, a spreadsheet's CSV import, a calendar, a script, a PDF viewer."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import icalendar
import msgspec
import openpyxl
import pymupdf
import pytest
import zxingcpp
from PIL import Image

from facility.catalogue.catalogue import catalogue
from facility.catalogue.qualifications import QUALIFICATIONS
from facility.errors import CannotDo
from facility.i18n.phrases import LANGUAGES, Language, Text
from facility.inspections import Gain, InspectionList, LawRecord
from serviceday.documents.branding import NO_NAMES, NO_PAPER
from serviceday.documents.inspection_list import FORMS, Names, Paper, check_form, content, write_list
from serviceday.documents.inspection_list.summary import days, gains
from serviceday.planning import plan as make_plan

NAMES = Names({"s": "滨河花园", "t": "星河中心"}, {("s", "s-1"): "1号楼", ("t", "t-3"): "3号楼"})


def book(made: InspectionList, folder: Path, language: Language, paper: Paper = NO_PAPER) -> Any:
    (path,) = write_list(made, folder / f"list-{language}.xlsx", language=language, paper=paper, names=NAMES)
    return openpyxl.load_workbook(path)


def pdf(made: InspectionList, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> Any:
    return pymupdf.open(stream=content(made, ".pdf", language=language, paper=paper, names=names))


def codes(image: Any) -> list[str]:
    found = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.QRCode)
    return [one.text for one in found]


# --- workbook --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "names", "first", "choices"),
    [
        ("zh", ["总览", "检查清单", "1 张建国", "2 李晓梅", "未列入", "检查项"], "序号", '"正常,异常,不适用,未能进入"'),
        (
            "en",
            ["Overview", "Inspection list", "1 张建国", "2 李晓梅", "Left out", "Checklist"],
            "No.",
            '"normal,abnormal,n/a,no access"',
        ),
    ],
)
def test_a_workbook_holds_an_overview_the_list_a_sheet_a_person_and_the_left_out(
    handed_out: InspectionList, tmp_path: Path, language: Language, names: list[str], first: str, choices: str
) -> None:
    opened = book(handed_out, tmp_path, language)
    assert opened.sheetnames == names
    overview, sheet, one, two, left_out, _ = opened.worksheets
    rows = list(sheet.iter_rows(min_row=3, values_only=True))
    assert rows[0][0] == first
    assert len(rows[0]) == 25, "the columns of the paper, what is filled in beside them, and the row's key"
    assert sheet.column_dimensions["Y"].hidden
    assert [row[0] for row in rows[1:]] == [item.number for item in handed_out.items]
    assert [row[3] for row in rows[1:]] == [item.asset for item in handed_out.items]
    assert [row[8] for row in rows[1:]] == [item.reason[language] for item in handed_out.items]
    assert rows[1][1:3] == ("08:10", "滨河花园 1号楼-1号客梯")
    assert [row[24].split("-")[:3] for row in rows[1:]] == [["SD1", "7", str(row[0])] for row in rows[1:]]
    assert all(row[14:24] == (None,) * 10 for row in rows[1:]), "results are for people to fill in"
    assert [row[0] for row in one.iter_rows(min_row=4, values_only=True)] == [1, 2, 3, 4]
    assert [row[0] for row in two.iter_rows(min_row=4, values_only=True)] == [5, 6, 7, 4, 8], (
        "two people do item 4, at its time"
    )
    assert left_out.max_row == 3 + len(handed_out.left_out)
    for one_sheet in (sheet, one):
        validation = one_sheet.data_validations.dataValidation[0]
        assert validation.formula1 == choices
    assert str(sheet.data_validations.dataValidation[0].sqref) == f"O4:O{3 + len(handed_out.items)}"
    told = [str(cell) for row in overview.iter_rows(values_only=True) for cell in row if cell]
    assert any("EL-2" in line and "2026-03-12" in line for line in told[2:4]), "the breach is what is seen first"
    for wanted in ("2026-03-12", "张建国", handed_out.notes[0][language], "6/6" if language == "zh" else "goal 6 of 6"):
        assert any(wanted in line for line in told), wanted


def test_a_workbook_prints_on_a4_landscape_with_its_header_on_every_page(
    handed_out: InspectionList, tmp_path: Path
) -> None:
    opened = book(handed_out, tmp_path, "zh")
    for sheet in opened.worksheets:
        assert (sheet.page_setup.orientation, int(sheet.page_setup.paperSize)) == ("landscape", 9)
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.print_area
    for sheet in opened.worksheets[1:]:
        assert sheet.print_title_rows == "$3:$3"
        assert sheet.page_setup.fitToHeight == 0, "as many pages as it takes"
    assert opened.worksheets[1].freeze_panes == "E4"
    assert [one.id for one in opened.worksheets[1].row_breaks.brk] == [7], "each person has pages of their own"


def test_every_code_in_a_workbook_says_its_asset(handed_out: InspectionList, tmp_path: Path) -> None:
    sheet = book(handed_out, tmp_path, "en").worksheets[1]
    images = {image.anchor._from.row: image for image in sheet._images}
    assert sorted(images) == list(range(3, 3 + len(handed_out.items)))
    for row, item in enumerate(handed_out.items, start=3):
        picture = Image.open(io.BytesIO(images[row]._data())).convert("L")
        assert codes(picture) == [f"serviceday:asset/{item.site}/{item.asset}"]


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", "http://x.example", "\t=1", '=cmd|" /C calc"!A0'])
def test_no_text_becomes_a_formula(handed_out: InspectionList, tmp_path: Path, words: str) -> None:
    said = Text(zh=words, en=words)
    item = replace(handed_out.items[0], place=words, asset=words, reason=said, asset_name=words)
    out = replace(handed_out.left_out[0], place=words, asset=words, reason=said, left_out_reason=said)
    persons = (replace(handed_out.persons[0], name=words),)
    evil = replace(handed_out, items=(item,), left_out=(out,), notes=(said,), persons=persons)
    for sheet in book(evil, tmp_path, "en", Paper(company=words)).worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                assert cell.data_type != "f"
                assert cell.hyperlink is None
    (path,) = write_list(evil, tmp_path / "list.csv", language="en")
    for line in list(csv.reader(io.StringIO(path.read_text("utf-8-sig"), newline="")))[1:]:
        assert not any(cell.startswith(("=", "+", "-", "@", "\t")) for cell in line)


# --- PDF -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pdf_says_everything_with_its_glyphs_embedded(handed_out: InspectionList, language: Language) -> None:
    opened = pdf(handed_out, language, Paper(company="滨河物业"), NAMES)
    pages = [page.get_text() for page in opened]
    whole = re.sub(r"\s+", "", "".join(pages).replace("\u200b", ""))
    for item in handed_out.items:
        for words in (item.asset, item.what[language], item.passes[language], item.reason[language]):
            assert re.sub(r"\s+", "", words) in whole, words
    for words in ("张建国", "李晓梅", "滨河花园1号楼", "安信消防", handed_out.notes[0][language]):
        assert re.sub(r"\s+", "", words) in whole, words
    box = {"zh": "法定期限无法满足", "en": "The law's dates cannot be met"}[language]
    assert box in pages[0]
    assert "EL-2" in pages[0]
    for page in opened:
        assert (round(page.rect.width), round(page.rect.height)) == (842, 595), "A4 landscape"
        for number, kind, _, name, *_ in page.get_fonts():
            assert kind != "n/a", name
            assert opened.extract_font(number)[3], f"{name} is not embedded"
    last = {"zh": f"第 {len(pages)} 页，共 {len(pages)} 页", "en": f"Page {len(pages)} of {len(pages)}"}[language]
    assert re.sub(r"\s+", "", last) in re.sub(r"\s+", "", pages[-1])


def test_a_long_round_repeats_its_header_and_counts_its_pages(handed_out: InspectionList) -> None:
    items = tuple(replace(handed_out.items[0], number=number, person=1) for number in range(1, 41))
    opened = pdf(replace(handed_out, items=items, left_out=()), "zh")
    listing = [page for page in opened if "EL-1" in page.get_text()]
    assert len(listing) > 3
    assert all("合格标准" in page.get_text() and "二维码" in page.get_text() for page in listing)
    signing = [page.get_text() for page in opened if "检查人签字" in page.get_text()]
    assert len(signing) == 1, "one place to sign for each person"


def test_a_code_is_read_from_the_printed_page(handed_out: InspectionList) -> None:
    opened = pdf(handed_out, "zh")
    read: set[str] = set()
    for page in opened:
        drawn = page.get_pixmap(dpi=200, colorspace=pymupdf.csGRAY)
        read |= set(codes(Image.frombytes("L", (drawn.width, drawn.height), drawn.samples)))
    assert read == {f"serviceday:asset/{item.site}/{item.asset}" for item in handed_out.items}
    own = Paper(asset_url="https://fm.example/scan?s={site}&a={asset}")
    drawn = pdf(replace(handed_out, items=handed_out.items[:1]), "zh", own)[1].get_pixmap(dpi=200)
    seen = codes(Image.frombytes("RGB", (drawn.width, drawn.height), drawn.samples))
    assert seen == ["https://fm.example/scan?s=s&a=EL-1"]
    with pytest.raises(CannotDo, match=r"\{asset\}"):
        pdf(handed_out, "zh", Paper(asset_url="https://fm.example"))


def test_nothing_on_paper_needs_colour(handed_out: InspectionList) -> None:
    drawn = pdf(handed_out, "en")[1].get_pixmap(dpi=60)
    samples = memoryview(drawn.samples)
    assert max(max(samples[at : at + 3]) - min(samples[at : at + 3]) for at in range(0, len(samples), 3)) <= 3


# --- CSV, JSON, calendars, messages ----------------------------------------------------------------------------------


def test_a_csv_opens_in_excel_with_list_and_left_out(handed_out: InspectionList, tmp_path: Path) -> None:
    (path,) = write_list(handed_out, tmp_path / "list.csv", language="zh")
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    numbers = [row["序号"] for row in rows]
    assert numbers == [str(item.number) for item in handed_out.items] + [""] * len(handed_out.left_out)
    assert [row["未列入原因"] for row in rows if not row["序号"]] == [
        item.left_out_reason.zh for item in handed_out.left_out if item.left_out_reason
    ]
    assert {row["结果"] for row in rows} == {""}
    assert rows[3]["检查人"] == "张建国、李晓梅"
    assert (rows[0]["时间"], rows[0]["停用"], rows[1]["停用"]) == ("08:10", "", "是")


def test_json_holds_everything(handed_out: InspectionList, tmp_path: Path) -> None:
    (path,) = write_list(handed_out, tmp_path / "list.json", language="en")
    assert msgspec.json.decode(path.read_bytes(), type=InspectionList) == handed_out


def events(raw: bytes) -> list[Any]:
    return list(icalendar.Calendar.from_ical(raw).walk("VEVENT"))


def test_each_person_has_a_calendar_with_an_event_for_each_stop(handed_out: InspectionList, tmp_path: Path) -> None:
    written = write_list(handed_out, tmp_path / "day.ics", language="zh", names=NAMES)
    assert [path.name for path in written] == ["day.ics", "day-1-张建国.ics", "day-2-李晓梅.ics"]
    all_of_it, first, second = (events(path.read_bytes()) for path in written)
    assert [str(one["location"]) for one in first] == ["滨河花园 1号楼", "滨河花园 s-2"]
    assert len(all_of_it) == len(first) + len(second)
    assert str(all_of_it[0]["summary"]).startswith("张建国")
    begin = first[0]["dtstart"].dt
    assert begin.astimezone(UTC) == datetime(2026, 3, 12, 0, 10, tzinfo=UTC), "08:10 in Shanghai"
    assert first[0]["dtstart"].params["TZID"] == "Asia/Shanghai"
    assert "EL-2" in str(first[0]["description"])
    calendar = icalendar.Calendar.from_ical(written[1].read_bytes())
    assert list(calendar.walk("VTIMEZONE"))
    assert not list(calendar.walk("VALARM"))


def test_an_event_keeps_its_identity_when_the_day_is_planned_again(handed_out: InspectionList) -> None:
    before = {str(one["uid"]): one for one in events(content(handed_out, ".ics", language="zh"))}
    later = replace(handed_out, number=8, items=handed_out.items[1:])
    after = {str(one["uid"]): one for one in events(content(later, ".ics", language="en"))}
    assert set(after) == set(before)
    assert len(before) == 7, "two stops of one person, five of the other"
    assert all(after[uid]["sequence"] > before[uid]["sequence"] for uid in after)


def test_a_plan_without_clock_times_is_a_day_in_the_calendar(handed_out: InspectionList) -> None:
    plain = replace(
        handed_out, items=tuple(replace(one, start=None, end=None) for one in handed_out.items), timezone=""
    )
    assert {one["dtstart"].dt for one in events(content(plain, ".ics", language="en"))} == {date(2026, 3, 12)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_message_tells_breaches_first_and_each_persons_stops(handed_out: InspectionList, language: Language) -> None:
    words = content(handed_out, ".txt", language=language, names=NAMES).decode()
    lines = words.splitlines()
    assert lines[3].startswith({"zh": "法定期限", "en": "The law's dates"}[language])
    assert "08:10–" in words
    assert "滨河花园 1号楼" in words
    assert words.index("张建国") < words.index("李晓梅")


# --- all forms -------------------------------------------------------------------------------------------------------


def test_the_same_list_gives_the_same_bytes(handed_out: InspectionList) -> None:
    for ending in FORMS:
        first = content(handed_out, ending, language="zh")
        assert content(handed_out, ending, language="zh") == first, ending


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", FORMS)
def test_an_empty_list_is_a_list(tmp_path: Path, ending: str, language: Language) -> None:
    empty = make_plan([], {}, {}, service_day=date(2026, 3, 12), now=datetime(2026, 3, 11, 18, tzinfo=UTC))
    assert (empty.items, empty.left_out) == ((), ())
    assert write_list(empty, tmp_path / f"list{ending}", language=language)[0].stat().st_size


def test_an_unknown_form_or_a_closed_folder_is_told(handed_out: InspectionList, tmp_path: Path) -> None:
    with pytest.raises(CannotDo, match=r"'\.odt' is unknown.*\.xlsx, \.pdf, \.csv, \.json, \.ics, \.txt"):
        check_form(tmp_path / "list.odt")
    with pytest.raises(CannotDo, match="serviceday announce"):
        check_form(tmp_path / "list.docx")
    with pytest.raises(CannotDo, match="cannot be written"):
        write_list(handed_out, tmp_path / "none" / "list.csv", language="en")
    (tmp_path / "list.csv").mkdir()
    with pytest.raises(CannotDo, match="cannot be written"):
        write_list(handed_out, tmp_path / "list.csv", language="en")
    assert [path.name for path in tmp_path.iterdir()] == ["list.csv"], "nothing is left behind"


def test_every_qualification_of_the_catalogue_has_both_names() -> None:
    asked = {kind.qualification for kind in catalogue().values()}
    asked |= {duty.qualification for kind in catalogue().values() for duty in kind.duties.values()}
    assert asked <= set(QUALIFICATIONS)


def test_the_second_of_two_people_finds_shared_work_at_its_time(handed_out: InspectionList) -> None:
    first = handed_out.items[0].person
    shared = next(item for item in reversed(handed_out.items) if item.second == 0 and item.person != first)
    early = replace(shared, second=first, start=time(6), end=time(6, 30))
    items = tuple(early if one is shared else one for one in handed_out.items)
    day = next(one for one in days(replace(handed_out, items=items), "en") if one.number == first)
    assert day.items[0] == early
    assert [one.number for one in day.items[1:]] == sorted(one.number for one in day.items[1:])


def test_nothing_is_said_of_breaches_that_would_not_change(handed_out: InspectionList) -> None:
    more = Gain(what=Text(zh="多一人", en="one more person"), harm=0.5, items=2, breaches=0)
    told = gains(replace(handed_out, gains=(more, replace(more, breaches=1))), "en")
    assert ["breach" in line for line in told] == [False, True]


def test_no_line_of_the_printed_list_is_broken_over_two_pages(handed_out: InspectionList, tmp_path: Path) -> None:
    long = replace(handed_out.items[0].what, en="very long words " * 12)
    items = tuple(
        replace(handed_out.items[0], asset=f"EL-{number}", number=number, what=long) for number in range(1, 30)
    )
    file = tmp_path / "long.pdf"
    write_list(replace(handed_out, items=items), file, language="en")
    with pymupdf.open(file) as pages:
        told = [re.sub(r"\s+", " ", page.get_text()).count("very long") for page in pages]
    assert sum(told) >= 29 * 12
    assert all(count % 12 == 0 for count in told)


LAWS = {
    "none": (LawRecord(duties=9, dated=0, undated_assets=3), {"zh": "都没有上次日期", "en": "None of the 9 duties"}),
    "some": (
        LawRecord(duties=9, dated=4, undated_assets=3),
        {"zh": "9 项法定工作中有 5 项", "en": "5 of 9 duties of the law"},
    ),
    "uncounted": (None, {"zh": "没有统计", "en": "were not counted"}),
}


def papers(plan: InspectionList, language: Language, folder: Path) -> dict[str, str]:
    """All words of each printed form."""
    found = {}
    for ending in (".pdf", ".xlsx", ".txt"):
        (path,) = write_list(plan, folder / f"law{ending}", language=language)
        if ending == ".pdf":
            words = "".join(page.get_text() for page in pymupdf.open(path))
        elif ending == ".xlsx":
            sheet = openpyxl.load_workbook(path).worksheets[0]
            words = "".join(str(cell.value or "") for row in sheet.iter_rows() for cell in row)
        else:
            words = path.read_text()
        found[ending] = re.sub(r"\s+", "", words)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("case", LAWS)
def test_no_paper_reassures_about_duties_without_a_date(
    handed_out: InspectionList, tmp_path: Path, case: str, language: Language
) -> None:
    law, wanted = LAWS[case]
    calm = re.sub(r"\s+", "", {"zh": "当日到期的法定项目全部列入", "en": "Everything the law wants"}[language])
    for left_out in (handed_out.left_out, handed_out.left_out[1:]):  # with a breach and without
        plan = replace(handed_out, law=law, left_out=left_out)
        for ending, words in papers(plan, language, tmp_path).items():
            assert re.sub(r"\s+", "", wanted[language]) in words, ending
            assert calm not in words, ending


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_paper_reassures_where_every_date_is_on_record(
    handed_out: InspectionList, tmp_path: Path, language: Language
) -> None:
    plan = replace(handed_out, law=LawRecord(duties=9, dated=9), left_out=handed_out.left_out[1:])
    for words in papers(plan, language, tmp_path).values():
        assert {"zh": "当日到期的法定项目全部列入", "en": "Everythingthelawwants"}[language] in words


def test_what_is_left_out_is_summed_up_on_paper(handed_out: InspectionList, tmp_path: Path) -> None:
    breach, other = handed_out.left_out
    many = [replace(other, asset=f"LC-{number}", place=f"楼-{number}") for number in range(300)]
    plan = replace(handed_out, left_out=(breach, *many))
    (path,) = write_list(plan, tmp_path / "many.pdf", language="en")
    few = replace(handed_out, left_out=(breach, *many[:1]))
    (short,) = write_list(few, tmp_path / "few.pdf", language="en")
    opened = pymupdf.open(path)
    assert len(opened) == len(pymupdf.open(short)), "three hundred take no more pages than one"
    words = "".join(page.get_text() for page in opened)
    assert "not due: 300" in words
    assert "and 288 more" in words
    assert breach.left_out_reason is not None
    assert breach.left_out_reason.en.split()[0] in words, "breaches stand in full"
    book = openpyxl.load_workbook(write_list(plan, tmp_path / "many.xlsx", language="en")[0])
    assert book.worksheets[-2].max_row == 3 + 301, "nothing is lost in the workbook"
    assert book.worksheets[-2].print_area.endswith("$J$4")
