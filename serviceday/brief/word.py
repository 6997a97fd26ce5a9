"""The brief as a Word document: figures with numbers in brackets, and the annex that they lead to."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

from docx import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor

from serviceday.brief.layout import Layout
from serviceday.documents.charts import pixels
from serviceday.documents.sanitize import clean

_LATIN, _CHINESE = "Arial", "Microsoft YaHei"
_INK = RGBColor(0x1F, 0x38, 0x64)


def as_docx(layout: Layout) -> bytes:
    """The whole brief."""
    document, words = Document(), layout.words
    document.core_properties.title = clean(layout.title)
    document.core_properties.language = "zh-CN" if layout.language == "zh" else "en"
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2)
    section.top_margin = section.bottom_margin = Cm(1.8)
    for name, size in (("Normal", 10), ("Title", 20), ("Heading 1", 13), ("List Bullet", 10)):
        _style(document.styles[name], size, bold=name in ("Title", "Heading 1"))
    if layout.company:
        document.add_paragraph(clean(layout.company))
    document.add_paragraph(clean(layout.title), style="Title")
    document.add_paragraph(clean(layout.subtitle))
    document.add_paragraph(clean(words["annex_note"]))
    for correction in layout.corrections:
        document.add_heading(clean(correction.title), 1)
        document.add_paragraph(clean(correction.why))
        heads4 = tuple(words[f"column_{name}"] for name in ("figure", "published", "corrected", "difference"))
        _table(document, heads4, correction.rows, (5.6, 2.8, 2.8, 5.8))
    document.add_heading(clean(layout.scope_title), 1)
    for line in layout.scope:
        document.add_paragraph(clean(line), style="List Bullet")
    drawings = iter(layout.drawings(pixels))
    for group in layout.figures:
        document.add_heading(clean(group.title), 1)
        rows = [(row.label, f"{row.value} [{row.number}]") for row in group.rows]
        _table(document, (words["column_figure"], words["column_value"]), rows, (12.0, 5.0))
        if group.chart:
            _picture(document, next(drawings), group.chart.words, 17.0)
        if group.note:
            document.add_paragraph(clean(group.note))
    if layout.compared:
        document.add_heading(clean(layout.compared_title), 1)
        heads = (words["column_figure"], words["column_now"], words["column_before"])
        compared = [
            (row.label, f"{row.now} [{row.now_number}]", f"{row.before} [{row.before_number}]")
            for row in layout.compared
        ]
        _table(document, heads, compared, (9.0, 4.0, 4.0))
    columns = tuple(words[f"column_{name}"] for name in ("record", "what", "place", "state", "who", "due"))
    for table in layout.tables:
        document.add_heading(clean(table.title), 1)
        if table.rows:
            _table(document, columns, table.rows, (1.6, 5.0, 3.6, 2.6, 2.2, 2.0))
        else:
            document.add_paragraph(clean(words["none"]))
    if layout.proposed:
        document.add_heading(clean(words["section_proposed"]), 1)
        for line in layout.proposed:
            document.add_paragraph(clean(line), style="List Bullet")
    if layout.pictures:
        document.add_heading(clean(words["section_pictures"]), 1)
        for picture in layout.pictures:
            wide = 12.0 if picture.width >= picture.height else 7.5
            _picture(document, picture.data, picture.caption, wide)
            document.add_paragraph(clean(picture.caption))
    document.add_heading(clean(words["section_annex_figures"]), 1)
    for figure in layout.annex_figures:
        paragraph = document.add_paragraph()
        paragraph.add_run(clean(f"[{figure.number}] {figure.label}: {figure.value}")).bold = True
        paragraph.add_run("\n" + clean(" ".join(figure.records) or "-"))
        if figure.rest:
            paragraph.add_run(" ")
            paragraph.add_run(clean(" ".join(figure.rest))).font.strike = True
    document.add_heading(clean(words["section_annex_records"]), 1)
    records = [(entry.id, entry.what, entry.place, entry.state) for entry in layout.annex_rows]
    _table(document, columns[:4], records, (2.0, 6.5, 4.5, 4.0))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _picture(document: Any, data: bytes, words: str, width: float) -> None:
    """A picture, so many centimetres wide, with its words for whoever can't see it; nothing where there is none."""
    if data:
        shape = document.add_picture(io.BytesIO(data), width=Cm(width))
        shape._inline.docPr.set("descr", clean(words))


def _style(style: Any, size: int, *, bold: bool = False) -> None:
    style.font.name, style.font.size, style.font.bold = _LATIN, Pt(size), bold
    if bold:
        style.font.color.rgb = _INK
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for name, face in (("ascii", _LATIN), ("hAnsi", _LATIN), ("eastAsia", _CHINESE), ("cs", _LATIN)):
        fonts.set(qn(f"w:{name}"), face)


def _table(document: Any, heads: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[float]) -> None:
    """A table whose header repeats on every page. Rows are written as cells of one pass: python-docx's own is slow."""
    lines = [tuple(heads), *map(tuple, rows)]
    table = document.add_table(rows=len(lines), cols=len(widths), style="Table Grid")
    table.autofit = False
    for row, cells in zip(table._tbl.tr_lst, lines, strict=True):
        for cell, words, width in zip(row.tc_lst, cells, widths, strict=True):
            cell.width = Cm(width)
            paragraph = cell.p_lst[0]
            run = paragraph.add_r()
            run.text = clean(words)
    top = table.rows[0]
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    top._tr.get_or_add_trPr().append(mark)
    for cell in top.cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True
