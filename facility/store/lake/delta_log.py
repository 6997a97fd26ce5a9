"""What happened to a table between two of its versions, as its Delta log tells it.

Delta Lake protocol: `_delta_log/{version:020}.json`, one action a line
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md). Our own commits carry a note beside it (`NOTE`): the source
and cursor of an append, what was revised, which asset was deleted.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from facility.store.lake.copies import Copies
from facility.store.lake.location import Place

NOTE = "serviceday"


def log_file(version: int) -> str:
    """Path of a version's log file, relative to the table."""
    return f"_delta_log/{version:020}.json"


def checkpoint_file(version: int) -> str:
    """Path of a version's checkpoint, relative to the table."""
    return f"_delta_log/{version:020}.checkpoint.parquet"


def actions(table: Place, version: int) -> list[dict[str, Any]] | None:
    """The actions of one commit; None if the log has been cleaned up past it.

    Of a damaged commit those of its copy; raises `OSError` if there is none.
    """
    content = table.read(log_file(version))
    if content is None:
        return None
    try:
        return _parsed(content)
    except ValueError:
        copy = None if table.folder is None else Copies(table.folder).commits().get(version)
        if copy is None:
            raise OSError(f"{log_file(version)} is no commit of a Delta log") from None
        return _parsed(copy)


def _parsed(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines() if line]


def put(folder: Path, version: int, lines: Sequence[Mapping[str, Any]]) -> bytes:
    """Add a commit to the log of a table on a disk: whole, and only if nobody else made this version.

    Gives what it wrote. Raises `FileExistsError` if somebody did. Not synced: that is for `Table.sync`.
    """
    target = folder / log_file(version)
    beside = target.with_name(f".{uuid.uuid4().hex}.json")
    content = "\n".join(json.dumps(line) for line in lines).encode()
    try:
        beside.write_bytes(content)
        os.link(beside, target)
    finally:
        beside.unlink(missing_ok=True)
    return content


@dataclass(frozen=True, slots=True)
class Written:
    """A file written and not yet committed."""

    path: str  # relative to the table
    day: date
    bytes: int
    stats: str


def commit_lines(
    added: Sequence[Written],
    gone: Sequence[tuple[str, date, int]],
    note: Mapping[str, Any] | None,
    source: str,
    cursor: int,
    *,
    changed: bool,
) -> list[dict[str, Any]]:
    """The actions of a commit that puts files in and takes files (path, day, bytes) out."""
    stamp = int(time.time() * 1000)
    info: dict[str, Any] = {
        "timestamp": stamp,
        "operation": "WRITE",
        "operationParameters": {"mode": "Append", "partitionBy": '["day"]'},
        "engineInfo": "serviceday",
    }
    lines: list[dict[str, Any]] = [{"commitInfo": info | ({NOTE: json.dumps(note)} if note else {})}]
    for written in added:
        lines.append({"add": _file(written.path, written.day, written.bytes, changed=changed)})
        lines[-1]["add"] |= {"modificationTime": stamp, "stats": written.stats}
    for path, day, size in gone:
        lines.append({"remove": _file(path, day, size, changed=changed)})
        lines[-1]["remove"] |= {"deletionTimestamp": stamp, "extendedFileMetadata": True}
    if source:
        lines.append({"txn": {"appId": source, "version": cursor}})
    return lines


def _file(path: str, day: date, size: int, *, changed: bool) -> dict[str, Any]:
    return {"path": path, "partitionValues": {"day": day.isoformat()}, "size": size, "dataChange": changed}


@dataclass(frozen=True, slots=True)
class AddedFile:
    """A file that brought rows. Compaction may have replaced it since; vacuum leaves it for a while."""

    path: str
    day: date
    rows: int
    hours: range  # since the epoch, into which its rows fall


@dataclass(frozen=True, slots=True)
class Commit:
    """What a commit of the Delta log says."""

    version: int
    note: dict[str, Any]
    added: list[AddedFile]  # files with changed content; none for a mere rearrangement


@dataclass(slots=True)
class Happened:
    """What changed after one version, up to another. Rearranging without changing leaves no trace here."""

    added: list[AddedFile] = field(default_factory=list)  # new readings, in the order of their commits
    revised: set[int] = field(default_factory=set)  # hours (since the epoch) in which kept values were replaced
    deleted: set[str] = field(default_factory=set)  # assets deleted whole


def happened(table: Place, after: int, upto: int) -> Happened | None:
    """What the commits in (after, upto] changed; None if the log no longer tells."""
    told = Happened()
    for version in range(after + 1, upto + 1):
        commit = commit_at(table, version)
        if commit is None:
            return None
        told.revised.update(commit.note.get("revised", ()))
        if "deleted" in commit.note:
            told.deleted.add(commit.note["deleted"])
        elif "revised" not in commit.note:  # those two write again what was there: not new
            told.added += commit.added
    return told


def commit_at(table: Place, version: int) -> Commit | None:
    """The commit of a version; None where there is none."""
    lines = actions(table, version)
    if lines is None:
        return None
    added = [_added(line["add"]) for line in lines if "add" in line and line["add"].get("dataChange", True)]
    return Commit(version, note_of(lines), added)


def added_paths(table: Place, version: int) -> list[str]:
    """Every file that a commit put into the table, new or rearranged."""
    return [unquote(line["add"]["path"]) for line in actions(table, version) or [] if "add" in line]


def _added(action: dict[str, Any]) -> AddedFile:
    day = date.fromisoformat(action["partitionValues"]["day"])
    stats = json.loads(action["stats"])
    first, last = (datetime.fromisoformat(stats[end]["time"]) for end in ("minValues", "maxValues"))
    return AddedFile(unquote(action["path"]), day, stats["numRecords"], hours_between(first, last))


def hours_between(first: datetime, last: datetime) -> range:
    """Every hour since the epoch, from that of one moment to that of another."""
    return range(int(first.timestamp() // 3600), int(last.timestamp() // 3600) + 1)


def last_note(table: Place, upto: int, key: str, value: str = "") -> dict[str, Any] | None:
    """The newest note that holds `key` (with that value, if one is given), looking back from `upto`."""
    for note in _notes(table, upto):
        if key in note and (not value or note[key] == value):
            return note
    return None


def _notes(table: Place, upto: int) -> Iterator[dict[str, Any]]:
    for version in range(upto, -1, -1):
        lines = actions(table, version)
        if lines is None:
            return
        yield note_of(lines)


def note_of(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """What we wrote into a commit beside its actions; {} where nothing was."""
    for line in lines:
        if "commitInfo" in line:
            text = line["commitInfo"].get(NOTE)
            return dict(json.loads(text)) if text else {}
    return {}
