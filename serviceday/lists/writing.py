"""Writes an inspection list to a file; the name's ending says in which form."""

from __future__ import annotations

import os
from pathlib import Path

from facility.errors import CannotDo
from facility.inspections import InspectionList
from facility.language import Language
from serviceday.lists.plain import as_csv, as_json
from serviceday.lists.workbook import as_workbook


def _json(plan: InspectionList, *, language: Language) -> bytes:
    return as_json(plan)


FORMS = {".csv": as_csv, ".xlsx": as_workbook, ".json": _json}


def check_form(path: Path) -> Path:
    """The path, if its ending is known. Raises `CannotDo` otherwise; ask before a long plan, not after it."""
    if path.suffix.lower() not in FORMS:
        raise CannotDo(
            f"{path.name} can't be written: the form {path.suffix or '(none)'!r} is unknown",
            f"Name it {', '.join(FORMS)}",
        )
    return path


def write_list(plan: InspectionList, path: Path, *, language: Language) -> Path:
    """Write the list, replacing the file as a whole. Raises `CannotDo` for an unknown form or a full or closed disk."""
    content = FORMS[check_form(path).suffix.lower()](plan, language=language)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise CannotDo(f"{path} cannot be written: {error.strerror}", "Choose another place with -o") from None
    return path
