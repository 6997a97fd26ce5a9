"""Making, finding, migrating and mending the folder of a lake.

PLACE/store.json   format version, identity, how long what is kept; and a copy of it
PLACE/raw/         readings, one partition a UTC day; no identity stands in it twice
PLACE/hours/       hourly summaries            PLACE/latest/   the newest reading of every channel
PLACE/write.lock   held while something is committed (on a disk)
PLACE/damaged/     what was damaged and set aside      TABLE/_copies/   a second copy of the table's log
"""

from __future__ import annotations

import fcntl
import json
import logging
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from facility.checksum import checksum
from facility.errors import CannotCommunicate, CannotDo
from facility.i18n.messages import Sentence, foreign
from facility.store.contract import Retention
from facility.store.deduplication import FRAME
from facility.store.hourly import HOURLY
from facility.store.lake.location import Place
from facility.store.lake.log_repair import set_aside
from facility.store.lake.table import CONFIGURATION, Table

FORMAT = 2  # 1: hourly rows without a time-weighted mean, no table of newest readings
MARK = "store.json"
MARK_COPY = "store.json.copy"
TABLES = {"raw": FRAME, "hours": HOURLY, "latest": FRAME}

_SYSTEM = ("os error 13", "os error 28", "os error 30", "Permission denied", "No space left", "Read-only")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Mark:
    """What `store.json` says."""

    format: int = FORMAT
    raw_days: float | None = None
    hourly_days: float | None = None
    raw_from: str | None = None  # readings before this day have been dropped; none are taken
    id: str = ""  # what tells this store from any other
    lost: tuple[tuple[str, str, int], ...] = ()  # first hour, last hour (ISO), readings that damage took

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
        """Put it in place, and beside it a copy, each with its checksum."""
        plain = json.dumps(asdict(self))
        sealed = json.dumps(asdict(self) | {"checksum": checksum([plain.encode()])}).encode()
        place.write(MARK, sealed)
        place.write(MARK_COPY, sealed)


def _said(content: bytes | None) -> dict[str, Any] | None:
    """What a mark says; None if it is not what was written. Marks of earlier versions have no checksum."""
    try:
        document = json.loads(content or b"")
        int(document["format"])
        proof = document.pop("checksum", None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    return document if proof is None or proof == checksum([json.dumps(document).encode()]) else None


def read_mark(place: Place, *, create: bool) -> Mark:
    """Find a lake, make it if asked, migrate an older one. Raises `CannotDo` saying what is the matter."""
    with refusals(place):
        content, copy = place.read(MARK), place.read(MARK_COPY)
        if content is None and copy is None:
            _refuse_strangers(place)
            if not create:
                raise CannotDo(
                    "no readings at {place}", "Run `serviceday demo`, `ingest` or `import readings` first", place=place
                )
            return _create(place)
    document = _said(content) or _said(copy)
    if document is None:
        raise CannotDo(
            "{place}/{mark} cannot be read",
            'Restore it from a backup, or write {{"format": 2}}',
            place=place,
            mark=MARK,
        )
    version = int(document["format"])
    if version > FORMAT:
        raise CannotDo(
            "{place} was written by a newer serviceday (format {found}, this one reads up to {newest})",
            "Update serviceday",
            place=place,
            found=version,
            newest=FORMAT,
        )
    if version < FORMAT:
        return _migrate(place)
    mark = Mark(**{name: value for name, value in document.items() if name in Mark.__dataclass_fields__})
    return replace(mark, lost=tuple((str(first), str(last), int(count)) for first, last, count in mark.lost))


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
    mark = Mark(id=new_identity())
    mark.write(place)
    return mark


def new_identity() -> str:
    """A name for a new store that no other has."""
    return secrets.token_hex(8)


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


def rebuild_logs(place: Place) -> list[Sentence]:
    """Begin logs that cannot be opened anew; `Lake.repair` then takes in what stands in their files."""
    with refusals(place), writing_alone(place):
        return [note for name in TABLES for note in rebuild_log(place.child(name), name)]


def rebuild_log(place: Place, name: str) -> list[Sentence]:
    """Begin the log of a table anew if it cannot be opened; its files stay and are to be taken in again."""
    folder = place.folder
    try:
        Table(place, frame=TABLES[name], time="hour" if name == "hours" else "time").snapshot()
    except (DeltaError, OSError, pa.ArrowException):
        if folder is None:
            raise
        if (folder / "_delta_log").exists():
            set_aside(folder, "_delta_log")
        shutil.rmtree(folder / "_copies", ignore_errors=True)
        Table.create(place, TABLES[name])
        return [Sentence("{table}: its log could not be read any more and was made anew from its files", table=name)]
    return []


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
    """Whatever disk or table refuse becomes one kind of error: damage is told apart from a lack of space or rights."""
    try:
        yield
    except (DeltaError, pa.ArrowException, pl.exceptions.ComputeError, OSError) as error:
        if place.folder is not None and _of_damage(error):
            raise damage_of(place, error) from error
        raise CannotCommunicate(
            "the store at {place} refuses: {reason}",
            "Check space and permissions",
            place=place,
            reason=foreign(_plain(error)),
        ) from error


def _of_damage(error: Exception) -> bool:
    """Whether a file is not what it was, as against a disk that is full or may not be written."""
    if isinstance(error, FileNotFoundError):
        return True
    if isinstance(error, OSError) and error.errno is not None:
        return False  # the system's words
    return not any(word in str(error) for word in _SYSTEM)


class StoreDamaged(CannotCommunicate):
    """A file of the store is missing or not what was written."""


def damage_of(place: Place, error: Exception) -> StoreDamaged:
    """An error of reading told as damage, with what to do."""
    return StoreDamaged(
        "the store at {place} is damaged: {reason}",
        "Run `serviceday store check` to see which file, and `serviceday store repair` to bring back what can be",
        place=place,
        reason=foreign(_plain(error)),
    )


def _plain(error: Exception) -> str:
    """The words without the trail of addresses that some libraries add."""
    return " ".join(str(error).split(" 0: <unknown>")[0].split())[:500]
