"""Have a replay carried out: by the ingest that runs, or here where none does; and tell what came of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.app.messages import say
from commands.app.output import progress, show_json, tell
from facility.errors import CannotDo
from facility.folder import DataFolder

if TYPE_CHECKING:
    from ingest.quarantine.review import Wanted

CARRIED_OUT_WITHIN = 60.0  # seconds without progress; a running ingest looks every second


def replayed(data: Path) -> int:
    """How many were taken in out of quarantine so far."""
    from ingest.journal.ledger import ledger

    counts: dict[str, Any] = ledger(DataFolder(data))
    return int(counts["replayed"])


def show_carried_out(
    data: Path, member: int, count: int, as_json: bool, *, before: int, waiting: Wanted | None = None
) -> None:
    """Wait for the running ingest to carry out what was asked for, or do it ourselves where none runs.

    `before`: what `replayed` said before anything was asked for, as a running ingest begins at once. `waiting` rows
    are not asked for: ingest takes them in by itself once it knows their asset.
    """
    result = carried_out(data, member, count, before=before, waiting=waiting, quiet=as_json)
    if as_json:
        show_json(result)
    else:
        tell(say("quarantine.replayed", **{key: f"{value:,}" for key, value in result.items()}))


def carried_out(
    data: Path, member: int, count: int, *, before: int, waiting: Wanted | None = None, quiet: bool = False
) -> dict[str, int]:
    """Have what was asked for carried out, as `show_carried_out`. Gives what came of it."""
    from ingest.journal.ledger import ledger

    folder = DataFolder(data)
    left = _carry_out(folder, member, count, waiting, quiet=quiet)
    after: dict[str, Any] = ledger(folder)
    return {
        "asked": count,
        "replayed": after["replayed"] - before,
        "left_in_quarantine": after["quarantined"],
        "not_yet": left,
    }


def _carry_out(folder: DataFolder, member: int, asked: int, waiting: Wanted | None, *, quiet: bool) -> int:
    from commands.installation import installation
    from ingest.quarantine.review import review

    with progress(quiet) as shown, review(folder.journal_of(member)) as quarantine:

        def count() -> int:
            return quarantine.asked() + (sum(heap.rows for heap in quarantine.heaps(waiting)) if waiting else 0)

        left, moved = count(), time.monotonic()
        total = max(asked, left)
        task = shown.add_task(say("quarantine.replaying"), total=total)
        while left and time.monotonic() - moved < CARRIED_OUT_WITHIN:
            try:
                with folder.claim("replay"), installation(folder.path) as here:
                    _carry_out_here(here, member)
            except CannotDo:
                time.sleep(0.2)  # ingest runs, and does it
            now_left = count()
            moved, left = (time.monotonic(), now_left) if now_left != left else (moved, left)
            shown.update(task, completed=total - left, total=total)
    return left


def _carry_out_here(here: Any, member: int) -> None:
    from commands.ingest_command import directory
    from facility.catalogue.catalogue import catalogue
    from ingest.devices.settings import open_devices
    from ingest.journal.journal import Journal
    from ingest.monitor.channel_state import Hearing, save
    from ingest.sink import Sink

    journal = Journal(here.folder.journal_of(member))
    try:
        hearing = Hearing()
        with journal.transaction() as connection:
            hearing.load(connection)
        devices = open_devices(here.folder.path)
        sink = Sink(journal, here.store, directory(here.records), catalogue(), hearing=hearing, devices=devices)
        sink.recover()
        while sink.step():
            pass
        here.store.sync()
        while rows := hearing.unsaved():
            with journal.transaction() as connection:
                save(connection, rows)
    finally:
        journal.close()
