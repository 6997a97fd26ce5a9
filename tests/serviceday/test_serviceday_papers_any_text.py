"""Whatever stands in a field, every file is valid: CJK, emoji, right-to-left, markup, very long, newlines."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import docx
import icalendar
import openpyxl
import pymupdf
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from facility.errors import CannotDo
from facility.i18n.phrases import Text
from facility.inspections import InspectionList
from serviceday.documents.fonts import coverage, typefaces
from serviceday.documents.inspection_list import Names, Paper, content, write_announcement
from serviceday.documents.sanitize import clean
from serviceday.documents.typesetting import as_pdf

LONGEST_ID = 120  # as the registry holds it
MARKUP = ["#panic()", '#eval("1")', "$x$", "*b* _i_ `c`", "@ref <label>", "\\ // /* */", "{{ 7 * 7 }}", "{% for %}"]
MARKUP += ["<w:p/>&amp;&lt;", "]]>", "=1+1", "'; DROP TABLE", "\u202eabc", "\x00\x07\x1b[31m", "\ufffe", "a\r\nb\nc\td"]
MARKUP += [
    "x" * 500,
    "电" * 3000,
    "https://example.org/" + "y" * 300,
    "😀👩‍👩‍👧🇨🇳",
    "שלום עולם",
    "مرحبا بالعالم",
    "\U00020000",
    "é́́",
    " ",
    "",
]
WORDS = st.one_of(
    st.sampled_from(MARKUP),
    st.text(max_size=60),
    st.text(alphabet="#*$@<>&\"'\\[]{}_`~^=-+/|:;,.!?%()\n\t 电梯é😀", max_size=60),
)


def spoilt(plan: InspectionList, words: str) -> InspectionList:
    """The plan with the words in every field that people or files may fill."""
    said = Text(zh=words, en=words)

    def item(one: object) -> object:
        return replace(  # type: ignore[type-var]
            one, asset=words[:LONGEST_ID],
            site=words[:LONGEST_ID],
            building=words[:LONGEST_ID], floor=words, place=words, asset_name=words, what=said,
            method=said, passes=said, reason=said, qualification=words, out_of_service=True, request=words,
            left_out_reason=said,
        )  # fmt: skip

    return replace(
        plan,
        items=tuple(map(item, plan.items[:3])),  # type: ignore[arg-type]
        left_out=tuple(map(item, plan.left_out)),  # type: ignore[arg-type]
        persons=tuple(replace(one, name=words, qualifications=(words,), contractor=words) for one in plan.persons),
        rounds=tuple(replace(one, name=words, start_place=words) for one in plan.rounds),
        notes=(said,),
        gains=tuple(replace(one, what=said) for one in plan.gains),
        goals=tuple(replace(one, what=said) for one in plan.goals),
    )


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=WORDS)
@example(words="".join(MARKUP))
def test_any_text_makes_valid_files(handed_out: InspectionList, tmp_path: Path, words: str) -> None:
    plan = spoilt(handed_out, words)
    paper = Paper(company=words, contact=words)
    names = Names({words[:LONGEST_ID]: words}, {(words[:LONGEST_ID],) * 2: words})

    def made(ending: str) -> bytes:
        return content(plan, ending, language="zh", paper=paper, names=names)

    book = openpyxl.load_workbook(io.BytesIO(made(".xlsx")))
    cell = book.worksheets[1].cell(4, 4).value
    assert (cell or "").replace("\r", "") == clean(words[:LONGEST_ID])
    opened = pymupdf.open(stream=made(".pdf"))
    assert len(opened) >= 2
    rows = list(csv.reader(io.StringIO(made(".csv").decode("utf-8-sig"), newline="")))
    assert rows[1][3].removeprefix("'") == clean(words[:LONGEST_ID]).removeprefix("'")
    assert [str(one["location"]) for one in icalendar.Calendar.from_ical(made(".ics")).walk("VEVENT")]
    assert made(".json")
    assert made(".txt")
    letter = docx.Document(str(write_announcement(plan, tmp_path / "n.docx", language="zh", paper=paper, names=names)))
    said = [paragraph.text for paragraph in letter.paragraphs]
    assert clean(words).replace("\t", "") in [one.replace("\t", "") for one in said] or not clean(words).strip()
    write_announcement(plan, tmp_path / "n.pdf", language="en", paper=paper, names=names)
    write_announcement(plan, tmp_path / "n.txt", language="en", paper=paper, names=names)


@pytest.mark.parametrize("words", MARKUP)
def test_markup_in_data_is_shown_and_not_obeyed(handed_out: InspectionList, words: str) -> None:
    """What is printed is what was said, letter by letter, but for signs that no font has, which are written out."""
    plan = replace(handed_out, items=(replace(handed_out.items[0], reason=Text(zh=words, en=words)),), left_out=())
    printed = "".join(page.get_text() for page in pymupdf.open(stream=content(plan, ".pdf", language="en")))
    expected = typefaces().fit(clean(words))
    if re.search("[\u0590-\u08ff\u202e]", words):  # read from the right, the order of the letters is the viewer's
        assert set(expected) - set("\u202e ") <= set(printed)
        return
    bare = re.compile(r"[\s\u200b\xad\u2010]|-(?=\n)")
    assert bare.sub("", expected)[:400] in bare.sub("", printed) or len(words) > 1000


def test_without_chinese_glyphs_it_is_said_and_no_box_is_printed(handed_out: InspectionList) -> None:
    bare = typefaces(system=False, folders=())
    assert not bare.chinese
    with pytest.raises(CannotDo, match=r"no font with Chinese was found.*fonts-noto-cjk"):
        as_pdf("notice.typ", {"title": "公告"}, language="zh", faces=bare, created=handed_out.created_at)


def test_the_font_of_the_set_up_is_enough() -> None:
    alone = typefaces(system=False)
    assert alone.families == ("Noto Sans SC",)
    assert alone.chinese
    assert alone.fit("电梯 😀 \U0003134a") == "电梯 [grinning face] [U+3134A]"


def test_coverage_is_what_the_fonts_tables_say() -> None:
    from fontTools.ttLib import TTCollection, TTFont

    checked = 0
    for face in typefaces().fonts.fonts():
        if face.path is None or checked > 12:
            continue
        path = Path(face.path)
        if path.suffix in (".ttc", ".otc"):
            font = TTCollection(str(path), lazy=True).fonts[face.index]
        else:
            font = TTFont(str(path), lazy=True)
        assert coverage(path, face.index) >= set(font.getBestCmap() or ()), path
        checked += 1
    assert checked


def test_a_named_font_that_is_not_there_is_told() -> None:
    with pytest.raises(CannotDo, match=r"cannot be read.*SERVICEDAY_FONT"):
        typefaces(Path("none.otf"))
    assert coverage(Path(__file__)) == frozenset()
