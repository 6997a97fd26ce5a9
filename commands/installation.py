"""One data folder, opened: its registry, its records and its readings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facility.errors import CannotDo
from facility.estate import Asset
from facility.folder import DataFolder
from facility.records import Records

if TYPE_CHECKING:
    from facility.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A data folder with its records and store opened."""

    folder: DataFolder
    records: Records
    store: Store

    def assets(self, kind: str = "") -> list[Asset]:
        """The registered assets, of one kind if it is named. Raises `CannotDo` if there are none."""
        return registered(self.records, self.folder, kind)


def registered(records: Records, folder: DataFolder, kind: str = "") -> list[Asset]:
    """The registered assets, of one kind if it is named. Raises `CannotDo` if there are none."""
    if kind:
        from facility.catalogue.catalogue import catalogue

        catalogue().kind(kind)
    assets = records.estate.assets(kind=kind or None)
    if not assets:
        raise CannotDo(
            "no assets of kind {kind!r} in {path}" if kind else "no assets in {path}",
            "Register some: `serviceday import assets FILE`",
            kind=kind,
            path=folder.path,
        )
    return assets


@contextmanager
def installation(data: Path, *, create: bool = False) -> Iterator[Installation]:
    """Open a data folder, making it if asked. Raises `CannotDo` where there is none or it cannot be written."""
    from facility.store import open_store  # takes longer to load than most commands that need records alone

    folder = DataFolder(data)
    folder = folder.prepare() if create else folder.existing()
    with Records(folder.records) as records:
        store = open_store(
            folder.readings, create=create, sites=lambda: {asset.id: asset.site for asset in records.estate.assets()}
        )
        try:
            yield Installation(folder=folder, records=records, store=store)
        finally:
            store.close()


@contextmanager
def recorded(data: Path) -> Iterator[Records]:
    """The records of an existing data folder."""
    with Records(DataFolder(data).existing().records) as records:
        yield records
