"""Writes a brief to files; a name's ending says in which form. A published brief is kept as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Language
from serviceday.brief.board import on_the_board
from serviceday.brief.content import Brief
from serviceday.brief.html import as_html
from serviceday.brief.layout import Look, chat, laid_out
from serviceday.brief.phrases import PHRASES
from serviceday.brief.word import as_docx
from serviceday.documents.branding import NO_PAPER, Paper
from serviceday.documents.fonts import typefaces
from serviceday.documents.inspection_list.writer import write_together
from serviceday.documents.sanitize import clean, unformed
from serviceday.documents.typesetting import as_pdf, as_picture
from serviceday.execution.phone.photos import PhotoFolder

_CSV = ("number", "figure", "value", "record", "counted", "what", "place", "state")
_Form = Callable[[Brief, Language, Look], bytes]


def _pdf(content: Brief, language: Language, look: Look) -> bytes:
    """As PDF/A-3a and PDF/UA-1, with its records as a CSV file inside."""
    faces = look.faces or typefaces()
    data = laid_out(content, language, replace(look, faces=faces)).plain()
    return as_pdf(
        "brief.typ", {**data, "records": records_csv(content, language)}, language=language, faces=faces,
        created=content.as_of, archival=True,
    )  # fmt: skip


def _board(content: Brief, language: Language, look: Look) -> bytes:
    """One page for the notice board."""
    faces = look.faces or typefaces()
    board = on_the_board(content, language, replace(look, faces=faces))
    return as_pdf("board.typ", board, language=language, faces=faces, created=content.as_of, archival=True)


def _card(content: Brief, language: Language, look: Look) -> bytes:
    """A picture for a chat group."""
    faces = look.faces or typefaces()
    return as_picture("card.typ", on_the_board(content, language, replace(look, faces=faces)), faces=faces,
                      language=language)  # fmt: skip


BOARD = "board"  # the form that fits one page
FORMS: dict[str, _Form] = {
    ".docx": lambda brief, language, look: as_docx(laid_out(brief, language, look)),
    ".pdf": _pdf,
    ".html": lambda brief, language, look: as_html(laid_out(brief, language, look)),
    ".txt": lambda brief, language, _look: clean(chat(brief, language)).encode(),
    ".json": lambda brief, _language, _look: msgspec.json.format(encoded(brief).encode(), indent=2),
    ".png": _card,
    ".csv": lambda brief, language, _look: ("\ufeff" + records_csv(brief, language)).encode(),
}


def check_brief_form(path: Path, *, board: bool = False) -> Path:
    """The path, if its ending is known; for the notice board it is a PDF. Raises `CannotDo` otherwise."""
    if board and path.suffix.lower() != ".pdf":
        raise CannotDo("{name} can't be written: the page for the board is a PDF", "Name it .pdf", name=path.name)
    if path.suffix.lower() not in FORMS:
        raise CannotDo(
            "{name} can't be written: the form {form!r} is unknown",
            "Name it {forms}",
            name=path.name,
            form=path.suffix or Sentence("(none)"),
            forms=list(FORMS),
        )
    return path


def write_brief(
    content: Brief,
    paths: Sequence[Path],
    *,
    language: Language,
    paper: Paper = NO_PAPER,
    photos: PhotoFolder | None = None,
    board: bool = False,
) -> list[Path]:
    """Write the files, all or none. Chosen photos are read from `photos`; `board` makes PDFs of one page."""
    forms = [(path, BOARD if board else path.suffix.lower()) for path in paths if check_brief_form(path, board=board)]
    return write_together(
        [(path, as_form(content, form, language=language, paper=paper, photos=photos)) for path, form in forms]
    )


def as_form(
    content: Brief, ending: str, *, language: Language, paper: Paper = NO_PAPER, photos: PhotoFolder | None = None
) -> bytes:
    """The brief in the form of an ending such as `.pdf`."""
    write = _board if ending == BOARD else FORMS[ending]
    return write(content, language, Look(company=paper.company, faces=typefaces(paper.font), photos=photos))


def records_csv(content: Brief, language: Language) -> str:
    """A row for each record behind each figure: number, figure, value, record, counted or not, what, where, state."""
    say, about = PHRASES.say, {record.id: record for record in content.annex}
    out = io.StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow([say(f"csv_{name}", language) for name in _CSV])
    for figure in content.figures:
        counted = set(figure.records)
        for record in figure.traced:
            row = about[record]
            mark = say("csv_yes" if record in counted else "csv_no", language)
            words = (figure.label[language], figure.shown(), record, mark, row.what[language], row.place)
            sheet.writerow([figure.number, *(unformed(clean(word)) for word in (*words, row.state[language]))])
    return out.getvalue()


def encoded(content: Brief) -> str:
    """The whole brief as JSON."""
    return msgspec.json.encode(content).decode()


def decoded(body: str) -> Brief:
    """A brief as it was kept."""
    return msgspec.json.decode(body, type=Brief)
