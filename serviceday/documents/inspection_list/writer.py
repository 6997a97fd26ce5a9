"""Writes an inspection list to files; a name's ending says in which form."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from facility.errors import CannotDo
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Language
from facility.inspections import InspectionList
from serviceday.documents.branding import NO_NAMES, NO_PAPER, Names, Paper
from serviceday.documents.inspection_list.chat import as_message
from serviceday.documents.inspection_list.csv_json import as_csv, as_json
from serviceday.documents.inspection_list.excel import as_workbook
from serviceday.documents.inspection_list.ics import as_calendar, calendars
from serviceday.documents.inspection_list.pdf import list_pdf


class Form(Protocol):
    """Makes a file's bytes of a list."""

    def __call__(
        self, plan: InspectionList, /, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES
    ) -> bytes: ...


FORMS: dict[str, Form] = {
    ".xlsx": as_workbook,
    ".pdf": list_pdf,
    ".csv": as_csv,
    ".json": as_json,
    ".ics": as_calendar,
    ".txt": as_message,
}


def check_form(path: Path) -> Path:
    """The path, if its ending is known. Raises `CannotDo` otherwise; ask before a long plan, not after it."""
    if path.suffix.lower() not in FORMS:
        instead = Sentence(
            "; announcements are made by `serviceday announce`" if path.suffix.lower() == ".docx" else ""
        )
        raise CannotDo(
            "{name} can't be written: the form {form!r} is unknown",
            "Name it {forms}{instead}",
            name=path.name,
            form=path.suffix or Sentence("(none)"),
            forms=list(FORMS),
            instead=instead,
        )
    return path


def content(
    plan: InspectionList, ending: str, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES
) -> bytes:
    """The list in the form of an ending such as `.pdf`."""
    return FORMS[ending](plan, language=language, paper=paper, names=names.over(plan))


def write_list(
    plan: InspectionList, path: Path, *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES
) -> list[Path]:
    """Write the list, replacing the file as a whole; as `write_lists` of one."""
    return write_lists(plan, [path], language=language, paper=paper, names=names)


def write_lists(
    plan: InspectionList, paths: Sequence[Path], *, language: Language, paper: Paper = NO_PAPER, names: Names = NO_NAMES
) -> list[Path]:
    """Write the list to several files, all or none, replacing each as a whole; returns what was written.

    Of a calendar (.ics) for several people, each gets a file of their own beside it. Raises `CannotDo` for an unknown
    form, a folder that is missing or closed, a full disk, or a font that is missing.
    """
    files: list[tuple[Path, bytes]] = []
    for path in paths:
        ending = check_form(path).suffix.lower()
        files.append((path, content(plan, ending, language=language, paper=paper, names=names)))
        if ending == ".ics":
            own = calendars(plan, language=language, paper=paper, names=names.over(plan))
            files += [
                (path.with_name(f"{path.stem}-{who}.ics"), calendar) for who, calendar in own.items() if len(own) > 1
            ]
    return write_together(files)


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file so that it is there whole or not at all."""
    return write_together([(path, content)])[0]


def write_together(files: Sequence[tuple[Path, bytes]]) -> list[Path]:
    """Write files so that each is there whole, and none is replaced unless all could be written."""
    beside = [path.with_name(f".{path.name}.{os.getpid()}") for path, _ in files]
    at = files[0][0] if files else Path()
    try:
        try:
            for (path, words), draft in zip(files, beside, strict=True):
                at = path
                draft.write_bytes(words)
            for (path, _), draft in zip(files, beside, strict=True):
                at = path
                draft.replace(path)
        finally:
            for draft in beside:
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise CannotDo(
            "{path} cannot be written: {error}", "Choose another place with -o", path=at, error=error
        ) from None
    return [path for path, _ in files]
