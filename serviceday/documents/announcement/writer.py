"""Writes the residents' announcement to files; a name's ending says in which form."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.documents.announcement.content import Announcement, announcement, as_text
from serviceday.documents.announcement.word import as_docx, template_docx
from serviceday.documents.branding import NO_NAMES, NO_PAPER, Names, Paper
from serviceday.documents.fonts import typefaces
from serviceday.documents.inspection_list.writer import write_whole
from serviceday.documents.sanitize import clean
from serviceday.documents.typesetting import as_pdf

_Form = Callable[[Announcement, Language, Paper, datetime], bytes]


def _pdf(notice: Announcement, language: Language, paper: Paper, created: datetime) -> bytes:
    return as_pdf("notice.typ", notice.plain(), language=language, faces=typefaces(paper.font), created=created)


NOTICE_FORMS: dict[str, _Form] = {
    ".docx": lambda notice, _language, paper, _created: as_docx(notice, template=paper.template),
    ".pdf": _pdf,
    ".txt": lambda notice, _language, _paper, _created: clean(as_text(notice)).encode(),
}


def check_notice_form(path: Path) -> Path:
    """The path, if its ending is one of an announcement's. Raises `CannotDo` otherwise."""
    if path.suffix.lower() not in NOTICE_FORMS:
        raise CannotDo(
            "{name} can't be written: the form {form!r} is unknown",
            "Name it {forms}",
            name=path.name,
            form=path.suffix or Sentence("(none)"),
            forms=list(NOTICE_FORMS),
        )
    return path


def write_announcement(
    plan: InspectionList, path: Path, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES
) -> Path:
    """Write the announcement of a plan's day, replacing the file as a whole.

    Raises `CannotDo` for an unknown form, a folder that is missing or closed, a full disk, a font that is missing, or a
    template that cannot be filled in.
    """
    form = NOTICE_FORMS[check_notice_form(path).suffix.lower()]
    notice = announcement(plan, language=language, paper=paper, names=names)
    return write_whole(path, form(notice, language, paper, plan.created_at))


def notice_text(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> str:
    """The announcement as text, for a screen or a chat."""
    return clean(as_text(announcement(plan, language=language, paper=paper, names=names)))


def save_notice_template(path: Path) -> Path:
    """Write our DOCX template, to begin one's own from. Raises `CannotDo` where it cannot be written."""
    return write_whole(path, template_docx())
