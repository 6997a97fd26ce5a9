"""The residents' announcement, opened as its readers open it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import docx
import pymupdf
import pytest
from docx.oxml.ns import qn

from facility.errors import CannotDo
from facility.i18n.phrases import LANGUAGES, Language
from facility.inspections import InspectionList
from serviceday.documents.inspection_list import Names, Paper, notice_text, save_notice_template, write_announcement

NAMES = Names({"s": "滨河花园", "t": "星河中心"}, {("s", "s-1"): "1号楼", ("t", "t-3"): "3号楼"})
PAPER = Paper(company="滨河物业", contact="服务中心 021-5555 0100")
WANTED = {
    "zh": ("物业服务日公告", "2026年3月12日", "星期四", "滨河物业", "021-5555 0100", "1号客梯", "09:25–10:25", "电梯"),
    "en": ("Service day notice", "Thursday, 12 March 2026", "021-5555 0100", "Lift 1号客梯", "09:25–10:25"),
}


def every_word(path: Path) -> str:
    if path.suffix == ".txt":
        return path.read_text()
    if path.suffix == ".pdf":
        return "".join(page.get_text() for page in pymupdf.open(path))
    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([paragraph.text for paragraph in document.paragraphs] + cells)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("ending", [".docx", ".pdf", ".txt"])
def test_a_notice_says_when_where_what_and_what_will_not_work(
    handed_out: InspectionList, tmp_path: Path, ending: str, language: Language
) -> None:
    path = write_announcement(handed_out, tmp_path / f"n{ending}", language=language, paper=PAPER, names=NAMES)
    told = re.sub(r"\s+", "", every_word(path)).casefold()
    for words in WANTED[language]:
        assert re.sub(r"\s+", "", words).casefold() in told, words
    assert "{{" not in told
    assert "{%" not in told
    for private in ("张建国", "李晓梅", "法定到期", "overdue"):
        assert private not in told, "people and findings are not the residents' business"


def test_word_is_told_which_font_chinese_takes(handed_out: InspectionList, tmp_path: Path) -> None:
    path = write_announcement(handed_out, tmp_path / "n.docx", language="zh", paper=PAPER, names=NAMES)
    for name in ("Normal", "Title", "Heading 1"):
        fonts = docx.Document(str(path)).styles[name].element.rPr.rFonts
        assert fonts.get(qn("w:eastAsia")) == "Microsoft YaHei"
        assert fonts.get(qn("w:eastAsiaTheme")) is None


def test_nothing_out_of_service_is_said_as_well(handed_out: InspectionList) -> None:
    plain = replace(handed_out, items=tuple(replace(one, out_of_service=False) for one in handed_out.items))
    assert "Nothing will be out of service" in notice_text(plain, language="en", paper=PAPER, names=NAMES)


def test_an_operators_own_template_is_filled_in_and_a_wrong_one_told(
    handed_out: InspectionList, tmp_path: Path
) -> None:
    own = save_notice_template(tmp_path / "own.docx")
    document = docx.Document(str(own))
    document.add_paragraph("Our own words for {{ company }}")
    document.save(str(own))
    paper = replace(PAPER, template=own)
    path = write_announcement(handed_out, tmp_path / "n.docx", language="en", paper=paper, names=NAMES)
    assert "Our own words for 滨河物业" in every_word(path)

    document.add_paragraph("{{ nobody_knows }}")
    document.save(str(own))
    with pytest.raises(CannotDo, match=r"own\.docx cannot be filled in.*nobody_knows"):
        write_announcement(handed_out, tmp_path / "n.docx", language="en", paper=paper, names=NAMES)
    document.paragraphs[-1].text = "{{ ''.__class__.__mro__ }}"
    document.save(str(own))
    with pytest.raises(CannotDo, match="cannot be filled in"):
        write_announcement(handed_out, tmp_path / "n.docx", language="en", paper=paper, names=NAMES)
    own.write_text("no document")
    with pytest.raises(CannotDo, match="not a Word document"):
        write_announcement(handed_out, tmp_path / "n.docx", language="en", paper=paper, names=NAMES)
    with pytest.raises(CannotDo, match=r"Name it \.docx, \.pdf, \.txt"):
        write_announcement(handed_out, tmp_path / "n.odt", language="en")
