"""Writes a brief to files; a name's ending says in which form. A published brief is kept as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Language
from serviceday.brief.content import Brief
from serviceday.brief.html import as_html
from serviceday.brief.layout import chat, laid_out
from serviceday.brief.word import as_docx
from serviceday.documents.branding import NO_PAPER, Paper
from serviceday.documents.fonts import typefaces
from serviceday.documents.inspection_list.writer import write_together
from serviceday.documents.sanitize import clean
from serviceday.documents.typesetting import as_pdf

_Form = Callable[[Brief, Language, Paper], bytes]


def _pdf(content: Brief, language: Language, paper: Paper) -> bytes:
    layout = laid_out(content, language, company=paper.company)
    return as_pdf(
        "brief.typ", layout.plain(), language=language, faces=typefaces(paper.font), created=content.as_of,
    )  # fmt: skip


FORMS: dict[str, _Form] = {
    ".docx": lambda brief, language, paper: as_docx(laid_out(brief, language, company=paper.company)),
    ".pdf": _pdf,
    ".html": lambda brief, language, paper: as_html(laid_out(brief, language, company=paper.company)),
    ".txt": lambda brief, language, _paper: clean(chat(brief, language)).encode(),
    ".json": lambda brief, _language, _paper: msgspec.json.format(encoded(brief).encode(), indent=2),
}


def check_brief_form(path: Path) -> Path:
    """The path, if its ending is known. Raises `CannotDo` otherwise."""
    if path.suffix.lower() not in FORMS:
        raise CannotDo(
            "{name} can't be written: the form {form!r} is unknown",
            "Name it {forms}",
            name=path.name,
            form=path.suffix or Sentence("(none)"),
            forms=list(FORMS),
        )
    return path


def write_brief(content: Brief, paths: Sequence[Path], *, language: Language, paper: Paper = NO_PAPER) -> list[Path]:
    """Write the files, all or none."""
    return write_together(
        [(path, FORMS[check_brief_form(path).suffix.lower()](content, language, paper)) for path in paths]
    )


def encoded(content: Brief) -> str:
    """The whole brief as JSON."""
    return msgspec.json.encode(content).decode()


def decoded(body: str) -> Brief:
    """A brief as it was kept."""
    return msgspec.json.decode(body, type=Brief)
