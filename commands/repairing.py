"""Repair a data folder: its lake, and from its journals what they still have of what the lake lost."""

from __future__ import annotations

from typing import Any

from facility.errors import ServicedayError
from facility.folder import DataFolder
from facility.i18n.messages import Sentence


def repaired(folder: DataFolder, backup: str, *, accept: bool) -> dict[str, Any]:
    """Mend all there is. Gives what was restored and lost, as sentences, and counts.

    Raises `CannotDo` while an ingest runs, and where the store is gone or another one and `accept` is not said.
    """
    from commands.ingest_command import directory
    from commands.installation import installation
    from facility.catalogue.catalogue import catalogue
    from facility.store.lake.lake import Lake
    from facility.store.lake.repair import Restored
    from facility.store.registry import open_at
    from ingest.devices.settings import open_devices
    from ingest.journal.journal import Journal
    from ingest.journal.salvage import is_damaged, salvage
    from ingest.journal.store_identity import forget_identity, note_identity, refuse_missing, refuse_strange
    from ingest.sink import Sink

    with folder.claim("repair"):
        salvaged = [note for file in folder.journals() if is_damaged(file) for note in salvage(file)]
        if accept:
            forget_identity(folder)
        refuse_missing(folder)
        restored = Restored()
        again = 0
        rebuilt = _rebuilt(folder)
        with installation(folder.path, create=accept) as here:
            refuse_strange(folder, here.store.identity())
            if isinstance(here.store, Lake):
                source = open_at(backup, aside=folder.readings, create=False) if backup else None
                restored = here.store.repair(backup=source)
            for file in folder.journals():
                journal = Journal(file)
                try:
                    devices = open_devices(folder.path)
                    sink = Sink(journal, here.store, directory(here.records), catalogue(), devices=devices)
                    again += sink.refill(0)
                    with journal.transaction() as writer:
                        note_identity(writer, here.store.identity())
                finally:
                    journal.close()
            here.store.sync()
    return {
        "restored": [*salvaged, *rebuilt, *restored.notes],
        "lost": restored.lost,
        "readings_lost": restored.readings_lost,
        "from_journal": again,
    }


def _rebuilt(folder: DataFolder) -> list[Sentence]:
    """Begin the logs of a lake anew if it cannot be opened as it is."""
    from facility.store import open_store
    from facility.store.configuration import chosen
    from facility.store.lake.layout import StoreDamaged, rebuild_logs
    from facility.store.lake.location import Place

    try:
        open_store(folder.readings).close()
    except StoreDamaged:
        return rebuild_logs(Place.of(chosen(folder.path).place or folder.readings))
    except ServicedayError:
        return []  # told when it is opened again
    return []
