"""One backup of a data folder while everything runs.

Lake, journals and records are taken at one moment: while nobody may commit to the lake, its versions are noted and a
read transaction is begun on every database. What the journal counts as stored then is in the lake, and what is not is
still in the journal. The copying comes after, beside the work that goes on; pictures and papers come last, so that
what the records speak of is there.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from facility.errors import CannotDo, CannotParse
from facility.folder import DataFolder
from facility.store.configuration import chosen
from facility.store.lake.freezing import MARKS, MovedOn, at_rest, frozen_table, pack_commits
from facility.store.lake.location import Place
from serviceday.operations.manifest import IDENTIFIER, Entry, Manifest, identifier
from serviceday.operations.vault import Pruned, Vault, refused

ATTEMPTS = 5  # at a moment whose files are still there when their turn comes
_PASSING = (".lock", ".log", "-wal", "-shm", "-journal")  # ends of names: what is only there while something runs
_OF_THE_LAKE = ("raw", "hours", "latest", *MARKS)
Progress = Callable[[str], None]
NOTHING_GIVEN_UP = Pruned(0, 0)


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was made; `fresh`: bytes that no earlier one had; `pruned`: what was given up for it."""

    manifest: Manifest
    fresh: int
    pruned: Pruned


def back_up(
    folder: DataFolder, vault: Vault, now: datetime, on_file: Progress = lambda _path: None, *, newest: int = 0
) -> BackedUp:
    """Make a backup; afterwards only so many of the `newest` stay (0: all).

    Raises `CannotDo` where the data folder cannot be read or the backups' disk refuses. What was copied
    before that stays and is not copied again; without a manifest it is no backup.
    """
    if vault.path.resolve().is_relative_to(folder.path.resolve()):
        raise CannotDo(
            "{path} lies in the data folder itself", "Choose a folder on another disk for backups", path=vault.path
        )
    with vault.alone():
        for attempt in range(1, ATTEMPTS + 1):
            try:
                done = _Attempt(folder, vault, on_file).run(now)
                return replace(done, pruned=vault.prune(newest)) if newest else done
            except MovedOn:
                if attempt == ATTEMPTS:
                    raise
            except OSError as error:
                raise refused(vault.path, error) from None
    raise AssertionError


class _Attempt:
    def __init__(self, folder: DataFolder, vault: Vault, on_file: Progress) -> None:
        self._folder, self._vault, self._on_file = folder, vault, on_file
        self._entries: dict[str, Entry] = {}
        self._left_out: list[str] = []
        self._fresh = 0
        self._outside = readings_elsewhere(folder)
        self._earlier = _earlier(vault)

    def run(self, now: datetime) -> BackedUp:
        lake = self._folder.readings if (self._folder.readings / MARKS[0]).exists() else None
        with ExitStack() as stack:
            with ExitStack() as rest:
                versions = rest.enter_context(at_rest(Place.of(lake))) if lake else {}
                databases = [(path, stack.enter_context(_pinned(path))) for path in self._databases()]
            tables = [frozen_table(Place.of(lake), name, versions[name]) for name in versions] if lake else []
            for path, connection in databases:
                self._copy_database(path, connection)
        for table in tables:
            self._copy_table(table.name, table.files, table.checkpoint)
            packed = pack_commits(table, self._vault.scratch() / table.name)
            self._keep(packed, f"readings/{table.name}/_copies/commits")
        for path in self._others(whole_readings=lake is None):
            self._copy_file(path)
        identity = _free_identity(self._vault, now)
        entries = tuple(self._entries[path] for path in sorted(self._entries))
        manifest = Manifest(
            id=identity, at=now, entries=entries, readings=self._outside, left_out=tuple(sorted(self._left_out))
        )
        self._vault.finish(manifest)
        return BackedUp(manifest, self._fresh, NOTHING_GIVEN_UP)

    def _databases(self) -> list[Path]:
        """Every database; of one store and its journals the store's first."""
        base = self._folder.path
        return [*sorted(self._folder.readings.glob("*.sqlite")), *sorted(base.glob("*.sqlite"))]

    def _copy_database(self, path: Path, source: sqlite3.Connection) -> None:
        target = self._vault.scratch() / path.name
        try:
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
        except sqlite3.Error as error:
            raise CannotDo(
                "{file} cannot be copied to {path}: {error}",
                "Check space and permissions; earlier backups are whole",
                file=path,
                path=self._vault.path,
                error=error,
            ) from None
        self._keep(target, self._name(path))
        target.unlink()

    def _copy_table(self, name: str, files: tuple[str, ...], checkpoint: str) -> None:
        base = self._folder.readings / name
        for path in (*files, *((checkpoint,) if checkpoint else ())):
            target = f"readings/{name}/{path}"
            earlier = self._earlier.get(target)
            if earlier is not None and self._vault.holds(earlier) and _size(base / path) == earlier.bytes:
                self._entries[target] = earlier  # files of a lake never change
                continue
            try:
                self._keep(base / path, target)
            except FileNotFoundError as error:
                raise MovedOn(
                    "the log of {folder} no longer reaches back to the moment of the backup: {reason}",
                    "Run the backup again",
                    folder=base,
                    reason=error,
                ) from None

    def _others(self, *, whole_readings: bool) -> Iterator[Path]:
        base = self._folder.path
        for root, folders, names in os.walk(base):
            here = Path(root)
            if here == self._folder.readings and not whole_readings:
                folders[:] = [name for name in folders if name not in _OF_THE_LAKE]
            for name in list(folders):
                if (here / name).is_symlink():
                    self._left_out.append(self._name(here / name))
            for name in names:
                if name.endswith((".sqlite", *_PASSING)) or name.startswith(".write-probe-"):
                    continue
                if here / name != self._folder.heartbeat:
                    yield here / name

    def _copy_file(self, path: Path) -> None:
        """Copy a file that is not written in place; one that is gone meanwhile was none any more."""
        with suppress(FileNotFoundError):
            if not stat.S_ISREG(path.lstat().st_mode):
                self._left_out.append(self._name(path))
                return
            self._keep(path, self._name(path))

    def _keep(self, file: Path, path: str) -> None:
        try:
            entry, fresh = self._vault.add(file, path)
        except PermissionError as error:
            raise CannotDo(
                "{file} cannot be read: {error}",
                "Run the backup as the user who runs serviceday",
                file=file,
                error=error,
            ) from None
        self._entries[path] = entry
        self._fresh += fresh
        self._on_file(path)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder.path).as_posix()


def readings_elsewhere(folder: DataFolder) -> str:
    """Where the readings are if not in the data folder: an InfluxDB or a lake elsewhere; else ""."""
    choice = chosen(folder.path)
    return choice.url if choice.kind == "influx" else choice.place


@contextmanager
def _pinned(path: Path) -> Iterator[sqlite3.Connection]:
    """A database as it is at this moment, for as long as the block lasts; others go on writing."""
    address = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield connection
    except sqlite3.Error as error:
        raise CannotDo(
            "{file} cannot be read: {error}", "Run the backup as the user who runs serviceday", file=path, error=error
        ) from None


def _earlier(vault: Vault) -> dict[str, Entry]:
    with suppress(CannotDo, CannotParse):
        return {entry.path: entry for entry in vault.manifest().entries}
    return {}


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return -1


def _free_identity(vault: Vault, now: datetime) -> str:
    """The name of the next backup: by the clock, and after the newest even where the clock was set back."""
    newest = max(vault.identities(), default="")
    if identifier(now) > newest:
        return identifier(now)
    return identifier(datetime.strptime(newest, IDENTIFIER).replace(tzinfo=UTC) + timedelta(seconds=1))
