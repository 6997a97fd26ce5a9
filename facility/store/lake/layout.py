"""Making, finding, migrating and mending the folder of a lake.

PLACE/store.json   format version, and how long what is kept
PLACE/raw/         readings, one partition a UTC day; no identity stands in it twice
PLACE/hours/       hourly summaries            PLACE/latest/   the newest reading of every channel
PLACE/write.lock   held while something is committed (on a disk)
"""

from __future__ import annotations

import fcntl
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from facility.errors import CannotCommunicate, CannotDo
from facility.i18n.messages import foreign
from facility.store.contract import Retention
from facility.store.deduplication import FRAME
from facility.store.hourly import HOURLY
from facility.store.lake.location import Place
from facility.store.lake.table import CONFIGURATION, Table

FORMAT = 2  # 1: hourly rows without a time-weighted mean, no table of newest readings
MARK = "store.json"
UNSYNCED_AT_MOST = 1000  # commits; ingest syncs every ten
TABLES = {"raw": FRAME, "hours": HOURLY, "latest": FRAME}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """What `store.json` says."""

    format: int = FORMAT
    raw_days: float | None = None
    hourly_days: float | None = None
    raw_from: str | None = None  # readings before this day have been dropped; none are taken

    @property
    def retention(self) -> Retention:
        raw, hourly = self.raw_days, self.hourly_days
        return Retention(
            None if raw is None else timedelta(days=raw), None if hourly is None else timedelta(days=hourly)
        )

    @property
    def first_day(self) -> date | None:
        return date.fromisoformat(self.raw_from) if self.raw_from else None

    def write(self, place: Place) -> None:
        place.write(MARK, json.dumps(asdict(self)).encode())


def read_mark(place: Place, *, create: bool) -> Mark:
    """Find a lake, make it if asked, migrate an older one. Raises `CannotDo` saying what is the matter."""
    with refusals(place):
        content = place.read(MARK)
        if content is None:
            _refuse_strangers(place)
            if not create:
                raise CannotDo(
                    "no readings at {place}", "Run `serviceday demo`, `ingest` or `import readings` first", place=place
                )
            return _create(place)
    try:
        said = json.loads(content)
        found = int(said["format"])
    except (ValueError, TypeError, KeyError):
        raise CannotDo(
            "{place}/{mark} cannot be read",
            'Restore it from a backup, or write {{"format": 2}}',
            place=place,
            mark=MARK,
        ) from None
    if found > FORMAT:
        raise CannotDo(
            "{place} was written by a newer serviceday (format {found}, this one reads up to {newest})",
            "Update serviceday",
            place=place,
            found=found,
            newest=FORMAT,
        )
    if found < FORMAT:
        return _migrate(place)
    return Mark(**{name: value for name, value in said.items() if name in Mark.__dataclass_fields__})


def _refuse_strangers(place: Place) -> None:
    folder = place.folder
    if folder is not None and folder.exists() and not folder.is_dir():
        raise CannotDo("{place} is a file, not a folder", "Choose an empty folder", place=place)
    ours = {*TABLES, "write.lock", "compact.lock"}  # an interrupted creation
    ours |= {f"influx.{end}" for end in ("sqlite", "sqlite-wal", "sqlite-shm", "lock")}  # another kind was used before
    if folder is not None and folder.is_dir() and {path.name for path in folder.iterdir()} <= ours:
        return
    if not place.is_empty():
        raise CannotDo("{place} is not a serviceday store", "Choose an empty folder", place=place)


def _create(place: Place) -> Mark:
    if place.folder is not None:
        place.folder.mkdir(parents=True, exist_ok=True)
    for name, frame in TABLES.items():
        Table.create(place.child(name), frame)
    mark = Mark()
    mark.write(place)
    return mark


def _migrate(place: Place) -> Mark:
    """Format 1 had its hourly rows in `hourly`: they are made anew, with what they lacked, by the next `maintain`."""
    try:
        with writing_alone(place):
            log.warning("%s is of an older format; hourly summaries will be made anew", place)
            raw = DeltaTable(place.child("raw").uri)
            raw.alter.set_table_properties(CONFIGURATION)
            for name in ("hours", "latest"):
                Table.create(place.child(name), TABLES[name])
            mark = Mark()
            mark.write(place)
            if place.folder is not None:
                shutil.rmtree(place.folder / "hourly", ignore_errors=True)
            return mark
    except CannotCommunicate as error:
        raise CannotDo(
            "{place} was written by an older serviceday and cannot be brought up to date here ({reason})",
            "Open it once where it can be written, for example with `serviceday store check`",
            place=place,
            reason=error.what,
        ) from error


def mend(place: Place) -> int:
    """Take back the last commits of a table if a power cut left them without their content. Gives how many.

    Files are synced after they are committed (`Table.sync`), so what a power cut can spoil is what nobody was promised:
    a tail of commits. Call with writing held. Raises `CannotCommunicate` if more than a tail is spoilt.
    """
    folder = place.folder
    if folder is None:
        return 0
    logs = sorted((folder / "_delta_log").glob("[0-9]*.json"))[-UNSYNCED_AT_MOST:]
    spoilt = next((number for number, file in enumerate(logs) if not _whole(folder, file)), None)
    if spoilt is None:
        return 0
    for file in reversed(logs[spoilt:]):
        file.unlink()
    log.warning("%s: took back %s commits that a power cut had left without content", place, len(logs) - spoilt)
    return len(logs) - spoilt


def _whole(folder: Path, file: Path) -> bool:
    lines = file.read_bytes().splitlines()
    try:
        actions: list[dict[str, Any]] = [json.loads(line) for line in lines]
    except ValueError:
        return False
    if not actions:
        return False
    for action in actions:
        if "add" in action:
            with suppress(FileNotFoundError):  # merged since
                if (folder / action["add"]["path"]).stat().st_size != action["add"]["size"]:
                    return False
    return True


@contextmanager
def writing_alone(place: Place, name: str = "write.lock") -> Iterator[None]:
    """Hold the right to commit to a lake on this machine's disk, against other processes.

    An object store has no such lock: there the Delta log itself refuses the second of two colliding commits.
    """
    if place.folder is None:
        yield
        return
    with refusals(place), (place.folder / name).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def refusals(place: Place) -> Iterator[None]:
    """Whatever disk or table refuse becomes one kind of error."""
    try:
        yield
    except (DeltaError, OSError) as error:
        raise CannotCommunicate(
            "the store at {place} refuses: {reason}",
            "Check space and permissions",
            place=place,
            reason=foreign(_plain(error)),
        ) from error


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())
