"""What several commands know of papers and places: this operator's looks, and what sites and buildings are called."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.documents.inspection_list import Names, Paper
    from serviceday.documents.pictures import FindingPictures


def paper() -> Paper:
    """What the environment says of this operator's papers."""
    from serviceday.documents.inspection_list import Paper

    return Paper.of(os.environ)


def named(records: Records) -> Names:
    """What sites and buildings are called."""
    from serviceday.documents.inspection_list import Names

    return Names.of(records.estate.sites(), records.estate.buildings())


def placed(records: Records) -> dict[str, str]:
    """Where each asset is, in words: with its site where there are several."""
    names = named(records)
    return {asset.id: names.place(asset) for asset in records.estate.assets()}


def pictured(records: Records, data: Path, findings: Collection[int], timezone: ZoneInfo) -> dict[int, FindingPictures]:
    """The pictures of findings that have some, by number, in the language of whoever asks."""
    from facility.folder import DataFolder
    from facility.i18n.phrases import preferred
    from serviceday.execution.evidence import PictureBook, evidence
    from serviceday.execution.phone.photos import PhotoFolder

    book = PictureBook(PhotoFolder(DataFolder(data).photos), timezone, preferred())
    trails = records.deficiencies.trails()
    shown = evidence(records, {number: trails[number] for number in findings})
    return {number: book.of(entries) for number, entries in shown.items() if entries}
