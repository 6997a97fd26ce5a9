"""A second copy of a table's log, so that a commit or a checkpoint the disk has damaged can be put back as it was.

`_copies/commits` holds every commit of the log once more, each behind a line with its version, checksum and length;
whatever of it is damaged is passed over. `_copies/*.parquet` are copies of checkpoints, with their checksum in their
name. `_copies/synced` is the version up to which all was known to be on the disk.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from facility.checksum import checksum, checksum_of
from facility.store.lake.location import sync_path

FOLDER = "_copies"
_FRAME = re.compile(rb"^(\d{1,20}) ([0-9a-f]{16}) (\d{1,12})\n", re.MULTILINE)


class Copies:
    """The copies of one table on this machine's disk. Writers hold the right to commit."""

    def __init__(self, table: Path) -> None:
        self.folder = table / FOLDER
        self._commits = self.folder / "commits"
        self._synced = self.folder / "synced"

    def add(self, version: int, content: bytes) -> None:
        """Keep a commit once more. A disk that has no room for it keeps none."""
        with suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            with self._commits.open("ab") as stream:
                stream.write(_frame(version, content))

    def commits(self) -> dict[int, bytes]:
        """Every commit of which a whole copy is there; of a version that was made twice, the later."""
        try:
            content = self._commits.read_bytes()
        except OSError:
            return {}
        whole: dict[int, bytes] = {}
        start = 0
        while (match := _FRAME.search(content, start)) is not None:
            begin, size = match.end(), int(match[3])
            commit = content[begin : begin + size]
            if len(commit) == size and checksum([commit]) == int(match[2], 16):
                whole[int(match[1])] = commit
                start = begin + size
            else:
                start = match.end() - 1  # the frame is damaged, or what looked like one: look on behind it
        return whole

    def rewrite(self, commits: Mapping[int, bytes]) -> None:
        """Keep these commits and no others."""
        self.folder.mkdir(exist_ok=True)
        beside = self._commits.with_suffix(".new")
        beside.write_bytes(b"".join(_frame(version, content) for version, content in sorted(commits.items())))
        beside.replace(self._commits)

    def add_checkpoint(self, file: Path) -> None:
        """Keep a checkpoint once more, instead of earlier ones."""
        with suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            content = file.read_bytes()
            target = self.folder / f"{file.name.removesuffix('.parquet')}.{checksum([content]):016x}.parquet"
            if not target.exists():
                beside = target.with_suffix(".new")
                beside.write_bytes(content)
                sync_path(beside)
                beside.replace(target)
            for other in self.folder.glob("*.parquet"):
                if other != target:
                    other.unlink(missing_ok=True)

    def checkpoint(self, name: str) -> bytes | None:
        """The copy of a checkpoint of that name, if there is a whole one."""
        for file in self.folder.glob(f"{name.removesuffix('.parquet')}.*.parquet"):
            with suppress(OSError):
                content = file.read_bytes()
                if f"{checksum([content]):016x}" == file.name.split(".")[-2]:
                    return content
        return None

    def note_synced(self, version: int) -> None:
        """Say that everything up to a version is on the disk; itself on the disk when this returns."""
        with suppress(OSError):
            self.folder.mkdir(exist_ok=True)
            if self._commits.exists():
                sync_path(self._commits)
            beside = self._synced.with_suffix(".new")
            beside.write_text(f"{version} {checksum([str(version).encode()]):016x}")
            sync_path(beside)
            beside.replace(self._synced)
            sync_path(self.folder)

    def synced(self) -> int | None:
        """The version up to which everything was on the disk; None where nobody said."""
        try:
            version, proof = self._synced.read_text("ascii").split()
        except (OSError, ValueError):
            return None
        return int(version) if proof == f"{checksum([version.encode()]):016x}" and version.isdecimal() else None


def _frame(version: int, content: bytes) -> bytes:
    return f"{version} {checksum([content]):016x} {len(content)}\n".encode() + content + b"\n"


def sum_in_name(path: str) -> int | None:
    """The checksum that the name of a file holds (`<random>.<checksum>.parquet`); None in older names."""
    parts = path.rsplit("/", 1)[-1].split(".")
    if len(parts) != 3 or len(parts[1]) != 16:
        return None
    try:
        return int(parts[1], 16)
    except ValueError:
        return None


def named_with_sum(file: Path) -> Path:
    """Give a file that was just written (`<random>.parquet`) the name that holds its checksum."""
    target = file.with_name(f"{file.stem}.{checksum_of(file):016x}.parquet")
    return file.rename(target)
