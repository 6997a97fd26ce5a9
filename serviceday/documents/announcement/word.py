"""The residents' announcement as a Word document, from a template an operator may replace by their own.

The template is a DOCX with Jinja fields (docxtpl). Fields are filled with escaped text in a sandbox: a template can lay
words out, and do nothing else.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from docxtpl import DocxTemplate
from jinja2 import StrictUndefined
from jinja2.exceptions import TemplateError
from jinja2.sandbox import SandboxedEnvironment

from facility.errors import CannotDo
from serviceday.documents.announcement.content import Announcement
from serviceday.documents.sanitize import clean

_LATIN, _CHINESE = "Arial", "Microsoft YaHei"
_INK = RGBColor(0x1F, 0x38, 0x64)


def as_docx(notice: Announcement, *, template: Path | None = None) -> bytes:
    """The announcement. Raises `CannotDo` where an operator's template is no DOCX or asks for what there is not."""
    source: object = io.BytesIO(template_docx()) if template is None else template
    shown = template.name if template else "the template"
    try:
        document = DocxTemplate(source)
        sandbox = SandboxedEnvironment(autoescape=True, undefined=StrictUndefined)
        document.render(_cleaned(notice.plain()), jinja_env=sandbox)
        out = io.BytesIO()
        document.save(out)
    except (PackageNotFoundError, BadZipFile, KeyError, ValueError, OSError):
        raise CannotDo(
            "{shown} is not a Word document", "Begin with `serviceday announce --save-template`", shown=shown
        ) from None
    except TemplateError as error:
        raise CannotDo(
            "{shown} cannot be filled in: {error}", "See docs/papers.md for the fields", shown=shown, error=error
        ) from None
    return out.getvalue()


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(part) for part in value]
    return value


def template_docx() -> bytes:
    """Our template, to fill in or to begin one's own from."""
    document = Document()
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.left_margin = section.right_margin = Cm(2.5)
    section.top_margin = section.bottom_margin = Cm(1.8)
    _style(document.styles["Normal"], 11)
    document.styles["Normal"].paragraph_format.space_after = Pt(6)
    document.styles["Heading 1"].paragraph_format.space_before = Pt(12)
    document.styles["List Bullet"].paragraph_format.space_after = Pt(2)
    for name, size in (("Title", 22), ("Heading 1", 13)):
        _style(document.styles[name], size, bold=True)
    _paragraph(document, "{{ company }}", centred=True)
    _paragraph(document, "{{ title }}", style="Title", centred=True)
    _paragraph(document, "{{ greeting }}")
    _paragraph(document, "{{ intro }}")
    _paragraph(document, "{{ words.date }}", style="Heading 1")
    _paragraph(document, "{{ date }}  {{ hours }}")
    _paragraph(document, "{{ words.affected }}", style="Heading 1")
    _paragraph(document, "{{ affected_note }}")
    _paragraph(document, "{%p if affected %}")
    _table(document, ("affected_what", "where", "when"), "affected", ("what", "place", "hours"))
    _paragraph(document, "{%p endif %}")
    _paragraph(document, "{{ words.content }}", style="Heading 1")
    _paragraph(document, "{%p for one in content %}")
    _paragraph(document, "{{ one }}", style="List Bullet")
    _paragraph(document, "{%p endfor %}")
    _paragraph(document, "{%p if places %}")
    _paragraph(document, "{{ words.place }}", style="Heading 1")
    _table(document, ("where", "when", "what"), "places", ("place", "hours", "content"))
    _paragraph(document, "{%p endif %}")
    _paragraph(document, "{{ words.contact }}", style="Heading 1")
    _paragraph(document, "{{ contact }}")
    _paragraph(document, "{{ closing }}")
    for field in ("{{ signed }}", "{{ signed_on }}"):
        _paragraph(document, field).alignment = WD_ALIGN_PARAGRAPH.RIGHT
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def _style(style: Any, size: int, *, bold: bool = False) -> None:
    """A font for either script: Word takes Chinese from `eastAsia`, and shows a serif face where that is not set."""
    style.font.name, style.font.size, style.font.bold = _LATIN, Pt(size), bold
    if bold:
        style.font.color.rgb = _INK
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
        fonts.attrib.pop(qn(f"w:{theme}"), None)
    for name, face in (("ascii", _LATIN), ("hAnsi", _LATIN), ("eastAsia", _CHINESE), ("cs", _LATIN)):
        fonts.set(qn(f"w:{name}"), face)


def _paragraph(document: Any, words: str, *, style: str = "Normal", centred: bool = False) -> Any:
    added = document.add_paragraph(words, style=style)
    if centred:
        added.alignment = WD_ALIGN_PARAGRAPH.CENTER
    return added


def _table(document: Any, heads: tuple[str, ...], rows: str, fields: tuple[str, ...]) -> None:
    """A table with a row for each of `rows`; docxtpl takes the rows with the tags away."""
    table = document.add_table(rows=4, cols=len(heads), style="Table Grid")
    for cell, head in zip(table.rows[0].cells, heads, strict=True):
        cell.paragraphs[0].add_run(f"{{{{ words.{head} }}}}").bold = True
    table.rows[1].cells[0].text = f"{{%tr for one in {rows} %}}"
    for cell, field in zip(table.rows[2].cells, fields, strict=True):
        cell.text = f"{{{{ one.{field} }}}}"
    table.rows[3].cells[0].text = "{%tr endfor %}"
