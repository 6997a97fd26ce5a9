"""Writes the residents' announcement to files; a name's ending says in which form."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
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


def notices(plan: InspectionList, site: str = "") -> dict[str, InspectionList]:
    """The plan's day site by site, because a notice hangs in one estate and is not about another; or of one site.

    Raises `CannotDo` for a site that the plan does not go to.
    """
    if site and site not in plan.sites:
        raise CannotDo(
            "plan {number} for {day} does not go to {site!r}",
            "It goes to {known}",
            number=plan.number,
            day=plan.service_day,
            site=site,
            known=list(plan.sites) or Sentence("none"),
        )
    sites = [site] if site else list(plan.sites)
    if len(sites) < 2 and not site:
        return {"": plan}
    return {site: replace(plan, items=tuple(item for item in plan.items if item.site == site)) for site in sites}


def beside(path: Path, site: str) -> Path:
    """The name of one site's notice: `notice.docx` becomes `notice-park.docx`."""
    fit = re.sub(r"[^\w.-]+", "-", site)
    return path.with_name(f"{path.stem}-{fit}{path.suffix}") if site else path


def notice_text(plan: InspectionList, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES) -> str:
    """The announcement as text, for a screen or a chat."""
    return clean(as_text(announcement(plan, language=language, paper=paper, names=names)))


def save_notice_template(path: Path) -> Path:
    """Write our DOCX template, to begin one's own from. Raises `CannotDo` where it cannot be written."""
    return write_whole(path, template_docx())
