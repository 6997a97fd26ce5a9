"""What one backup holds: a line a file, with the SHA-256 of its content, sealed by a SHA-256 of the whole."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from facility.errors import CannotDo, CannotParse

FORMAT = 1
IDENTIFIER = "%Y%m%dT%H%M%SZ"
_SHA = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file: path below the data folder, SHA-256 of its content, bytes."""

    path: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One backup. `readings`: where they are kept if not in the data folder, and so not in the backup; else ""."""

    id: str
    at: datetime
    entries: tuple[Entry, ...]
    readings: str = ""
    left_out: tuple[str, ...] = ()  # links, sockets and what could not be read; path below the data folder

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(entry.bytes for entry in self.entries)

    def sealed(self) -> bytes:
        """As it is written: JSON with a SHA-256 of its content."""
        plain = {"format": FORMAT, **asdict(self), "at": self.at.isoformat()}
        return json.dumps({"sha256": _seal(plain), "backup": plain}, ensure_ascii=False, indent=1).encode()


def _seal(plain: object) -> str:
    return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def identifier(now: datetime) -> str:
    """The name of a backup made now, by UTC: 20261129T021503Z."""
    return now.astimezone(UTC).strftime(IDENTIFIER)


def read_manifest(file: Path) -> Manifest:
    """The manifest in a file. Raises `CannotParse` if it is not what was written, `CannotDo` if it is newer."""
    try:
        document = json.loads(file.read_bytes())
        plain = document["backup"]
        whole = document["sha256"] == _seal(plain)
        form = int(plain["format"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(file, error) from None
    if whole and form > FORMAT:
        raise CannotDo(
            "the backup {file} was made by a newer serviceday (format {format})",
            "Update serviceday",
            file=file,
            format=form,
        )
    if not whole:
        raise _damaged(file, "SHA-256")
    try:
        entries = tuple(Entry(str(row["path"]), str(row["sha256"]), int(row["bytes"])) for row in plain["entries"])
        manifest = Manifest(
            id=str(plain["id"]),
            at=datetime.fromisoformat(plain["at"]),
            entries=entries,
            readings=str(plain["readings"]),
            left_out=tuple(map(str, plain["left_out"])),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(file, error) from None
    for entry in entries:
        path = PurePosixPath(entry.path)
        if path.is_absolute() or ".." in path.parts or not _SHA.fullmatch(entry.sha256):
            raise _damaged(file, entry.path)
    return manifest


def _damaged(file: Path, error: object) -> CannotParse:
    return CannotParse(
        "the backup's list of files {file} is damaged: {error}",
        "Take another backup: `serviceday backup list` names them",
        file=file,
        error=error,
    )
