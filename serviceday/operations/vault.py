"""A folder of backups: contents once each under their SHA-256, and a manifest for every backup, written last.

DEST/backups.json                   says what this folder is
DEST/objects/ab/abcd...             contents; never changed, shared by all backups
DEST/manifests/20261129T021503Z.json  one backup each
DEST/.new/                          what is being written; thrown away by the next backup
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from facility.errors import CannotDo, ServicedayError
from facility.i18n.messages import Sentence
from serviceday.operations.manifest import FORMAT, Entry, Manifest, read_manifest

SIGN = "backups.json"
READ_AT_ONCE = 1 << 20  # bytes
_IDENTITY = re.compile(r"[0-9]{8}T[0-9]{6}Z")


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of a backup that is not there or not what was written. `object`: its path in the folder of backups."""

    path: str
    object: str
    what: Sentence


@dataclass(frozen=True, slots=True)
class Pruned:
    """Backups that were given up, and the bytes that this freed."""

    backups: int
    bytes: int


class Vault:
    """A folder of backups. Making one touches nothing; `prepare` creates it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._objects, self._manifests, self._new = path / "objects", path / "manifests", path / ".new"
        self._folders: set[Path] = set()  # to be synced before the manifest is written

    def prepare(self) -> Vault:
        """Create the folder. Raises `CannotDo` if it holds anything else or cannot be written."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            present = {entry.name for entry in self.path.iterdir()}
            if SIGN not in present and not present <= {".new", "backup.lock", "lost+found"}:
                raise CannotDo(
                    "{path} holds something else than backups", "Choose an empty folder for backups", path=self.path
                )
            self.path.chmod(0o700)
            for folder in (self._new, self._objects, self._manifests):
                folder.mkdir(mode=0o700, exist_ok=True)
            if SIGN not in present:
                self._put(json.dumps({"format": FORMAT}).encode(), self.path / SIGN)
        except OSError as error:
            raise refused(self.path, error) from None
        return self

    def existing(self) -> Vault:
        """This folder, if it holds backups. Raises `CannotDo` if not."""
        if not (self.path / SIGN).is_file():
            raise CannotDo("no backups at {path}", "Make one: `serviceday backup {path}`", path=self.path)
        return self

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to write here. Raises `CannotDo` if another process does."""
        with (self.path / "backup.lock").open("ab") as lock:
            os.fchmod(lock.fileno(), 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CannotDo(
                    "another backup to {path} is running", "Wait until it has ended", path=self.path
                ) from None
            shutil.rmtree(self._new, ignore_errors=True)
            self._new.mkdir(mode=0o700, exist_ok=True)
            try:
                yield
            finally:
                shutil.rmtree(self._new, ignore_errors=True)

    # -- writing --------------------------------------------------------------------------------------------------

    def scratch(self) -> Path:
        """A new folder for what is being prepared, on the same disk; gone when the backup ends."""
        folder = self._new / uuid.uuid4().hex
        folder.mkdir(mode=0o700)
        return folder

    def add(self, file: Path, path: str) -> tuple[Entry, int]:
        """Keep a file's content under a path; on the disk when this returns. Gives how many bytes were new.

        Raises `FileNotFoundError` where the file is gone, `CannotDo` where there is no room for it.
        """
        beside = self._new / uuid.uuid4().hex
        with file.open("rb") as source:
            try:
                with beside.open("wb") as target:
                    digest, size = hashlib.sha256(), 0
                    while piece := source.read(READ_AT_ONCE):
                        digest.update(piece)
                        target.write(piece)
                        size += len(piece)
                    entry = Entry(path, digest.hexdigest(), size)
                    if self.holds(entry):
                        return entry, 0
                    target.flush()
                    os.fsync(target.fileno())
                place = self.object(entry.sha256)
                place.parent.mkdir(mode=0o700, exist_ok=True)
                beside.chmod(0o600)
                beside.rename(place)
                self._folders.add(place.parent)
            except OSError as error:
                raise refused(self.path, error) from None
            finally:
                beside.unlink(missing_ok=True)
        return entry, size

    def holds(self, entry: Entry) -> bool:
        """Whether a content of this name and size is here."""
        try:
            return self.object(entry.sha256).stat().st_size == entry.bytes
        except OSError:
            return False

    def finish(self, manifest: Manifest) -> Path:
        """Write the manifest, after everything it names is on the disk: from here on it is a backup."""
        try:
            for folder in (*sorted(self._folders), self._objects):
                _sync(folder)
            return self._put(manifest.sealed(), self._manifest(manifest.id))
        except OSError as error:
            raise refused(self.path, error) from None

    def _put(self, content: bytes, target: Path) -> Path:
        beside = self._new / uuid.uuid4().hex
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        beside.chmod(0o600)
        beside.rename(target)
        _sync(target.parent)
        return target

    def prune(self, newest: int) -> Pruned:
        """Give up all backups but so many of the newest, and the contents that no other has. Called `alone`.

        Contents stay where a list of files that remains cannot be read: nobody can say then what it names.
        """
        given_up = self.identities()[:-newest]
        for identity in given_up:
            self._manifest(identity).unlink(missing_ok=True)
        _sync(self._manifests)
        manifests, problems = self.manifests()
        freed = 0
        if not problems:
            named = {entry.sha256 for manifest in manifests for entry in manifest.entries}
            for file in self._objects.glob("??/*"):
                if file.name not in named:
                    freed += file.stat().st_size
                    file.unlink()
        return Pruned(len(given_up), freed)

    # -- reading --------------------------------------------------------------------------------------------------

    def object(self, sha256: str) -> Path:
        """Where a content lies or would lie."""
        return self._objects / sha256[:2] / sha256

    def _manifest(self, identity: str) -> Path:
        return self._manifests / f"{identity}.json"

    def identities(self) -> list[str]:
        """The backups that are here, oldest first."""
        names = (file.stem for file in self._manifests.glob("*.json"))
        return sorted(name for name in names if _IDENTITY.fullmatch(name))

    def manifest(self, identity: str = "") -> Manifest:
        """A backup, the newest if none is named. Raises `CannotDo` if it is not here."""
        present = self.identities()
        if not present or (identity and identity not in present):
            raise CannotDo(
                "no backup {id!r} at {path}" if identity else "no backups at {path}",
                "There are: {ids}" if present else "Make one: `serviceday backup {path}`",
                id=identity,
                path=self.path,
                ids=present,
            )
        return read_manifest(self._manifest(identity or present[-1]))

    def manifests(self) -> tuple[list[Manifest], list[ServicedayError]]:
        """Every backup that can be read, oldest first, and what is wrong with the others."""
        manifests, problems = [], []
        for identity in self.identities():
            try:
                manifests.append(self.manifest(identity))
            except ServicedayError as error:
                problems.append(error)
        return manifests, problems

    def damage(self, entry: Entry, copy: Path | None = None) -> Damage | None:
        """What is wrong with a content, if anything; `copy`: where to put it on the way. Reads all of it."""
        file = self.object(entry.sha256)
        digest, size = hashlib.sha256(), 0
        try:
            with file.open("rb") as source:
                target = None if copy is None else copy.open("wb")
                try:
                    while piece := source.read(READ_AT_ONCE):
                        digest.update(piece)
                        size += len(piece)
                        if target is not None:
                            target.write(piece)
                    if target is not None:
                        target.flush()
                        os.fsync(target.fileno())
                finally:
                    if target is not None:
                        target.close()
        except FileNotFoundError:
            return Damage(entry.path, self._told(file), Sentence("it is missing"))
        if size != entry.bytes or digest.hexdigest() != entry.sha256:
            return Damage(entry.path, self._told(file), Sentence("its content is not what was written (SHA-256)"))
        return None

    def _told(self, file: Path) -> str:
        return file.relative_to(self.path).as_posix()


def refused(path: Path, error: OSError) -> CannotDo:
    """What to say where a disk refuses."""
    return CannotDo(
        "{path} refuses: {error}",
        "Check space and permissions; earlier backups are whole",
        path=path,
        error=error,
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
