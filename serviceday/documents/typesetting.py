"""Sets a page from a template of ours and data: PDF through Typst.

Data reaches a template as JSON and is shown as text. It is never part of the template's source, so that nothing in it
is ever markup, whatever it holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

from facility.errors import CannotDo
from facility.i18n.phrases import Language
from serviceday.documents.fonts import Typefaces
from serviceday.documents.sanitize import breakable, clean

TEMPLATES = Path(__file__).parent / "templates"
AS_IS = "codes"  # drawings of ours under this key are handed on untouched
INSIDE = "records"  # as is what is put into the file, for programs
PPI = 144  # of a picture: 1080 pixels for 190 mm
_CHINESE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def as_pdf(
    template: str,
    data: Mapping[str, Any],
    *,
    language: Language,
    faces: Typefaces,
    created: datetime,
    tagged: bool = True,
    archival: bool = False,
) -> bytes:
    """A PDF with its fonts embedded; `tagged` for screen readers, which makes a long table five times as large.

    `archival` makes it PDF/A-3a and PDF/UA-1 as well, which Typst checks while it writes.

    Raises `CannotDo` where there is Chinese to print and no font that has it.
    """
    return typst.compile(
        template_source(template),
        font_paths=faces.fonts,
        sys_inputs={"data": _handed(data, language, faces)},
        timestamp=int(created.timestamp()),
        pdf_tags=tagged or archival,
        pdf_standards=["a-3a", "ua-1"] if archival else [],
    )


def as_picture(template: str, data: Mapping[str, Any], *, language: Language, faces: Typefaces) -> bytes:
    """One page as PNG. Raises `CannotDo` as `as_pdf` does."""
    page: Any = typst.compile(
        template_source(template),
        font_paths=faces.fonts,
        sys_inputs={"data": _handed(data, language, faces)},
        format="png",
        ppi=PPI,
    )
    return bytes(page[0] if isinstance(page, list) else page)


def _handed(data: Mapping[str, Any], language: Language, faces: Typefaces) -> str:
    """The data as a template is given it."""
    fitted = _fitted(data, faces)
    if not faces.chinese and _CHINESE.search(json.dumps(data, ensure_ascii=False)):
        raise CannotDo(
            "no font with Chinese was found, so the PDF would show boxes",
            "Install one (Debian: fonts-noto-cjk), name a font file in SERVICEDAY_FONT, or write .xlsx instead",
        )
    if not faces.families:
        raise CannotDo("no font was found to print with", "Install one (Debian: fonts-dejavu-core)")
    return json.dumps({**fitted, "language": language, "fonts": faces.families}, ensure_ascii=False)


@lru_cache(maxsize=8)
def template_source(template: str) -> bytes:
    """A template of ours by its file name."""
    return (TEMPLATES / template).read_bytes()


def _fitted(value: Any, faces: Typefaces, key: str = "") -> Any:
    """Every text in the data cleaned, with places to break, and with no sign that would be a box."""
    if key in (AS_IS, INSIDE):
        return value
    if isinstance(value, str):
        return breakable(faces.fit(clean(value)))
    if isinstance(value, Mapping):
        return {name: _fitted(part, faces, name) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_fitted(part, faces) for part in value]
    return value
