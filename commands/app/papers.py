"""What several commands know of papers and places: this operator's looks, and what sites and buildings are called."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facility.records import Records
    from serviceday.documents.inspection_list import Names, Paper


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
