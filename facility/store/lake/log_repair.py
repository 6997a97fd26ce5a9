"""Mending the log of a table: commits and checkpoints that a power cut or the disk has spoilt.

What has a whole copy (`copies`) is put back as it was. A tail of commits that nobody was promised yet is taken back, as
files are synced after they are committed (`Table.sync`); whoever wrote them still has their readings. Of any other
spoilt commit the lines that can be read are kept. The damaged files themselves are set aside, never deleted.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from facility.i18n.messages import Sentence
from facility.store.lake.copies import Copies
from facility.store.lake.delta_log import checkpoint_file, log_file
from facility.store.lake.location import Place, sync_path

LOOKED_AT = 1000  # commits that are looked at when a store is first written to; ingest syncs every ten
ASIDE = "damaged"  # folder of the lake for what is set aside

log = logging.getLogger(__name__)


@dataclass(slots=True)
class MendedLog:
    """What was done to a log. `incomplete`: a commit could not be put back as it was."""

    notes: list[Sentence] = field(default_factory=list)
    incomplete: bool = False


def mend_log(place: Place, *, thorough: bool = False) -> MendedLog:
    """Mend the log of a table; `thorough`: all of it. Call with the right to write."""
    folder = place.folder
    done = MendedLog()
    if folder is None or not (folder / "_delta_log").is_dir():
        return done
    copies = Copies(folder)
    _mend_checkpoint(folder, copies, done)
    files = sorted((folder / "_delta_log").glob("[0-9]*.json"))
    versions = [int(file.stem) for file in (files if thorough else files[-LOOKED_AT:])]
    commits = copies.commits()
    synced = copies.synced() or -1
    spoilt = []
    for version in _expected(versions, commits):
        content = _content(folder, version)
        copy = commits.get(version)
        if copy is not None and content != copy:
            _restore(folder, version, copy, done)
            content = copy
        unsynced = version > synced
        if content is None or not _parses(content) or (unsynced and not _files_whole(folder, content)):
            spoilt.append(version)
    if spoilt:
        _mend_spoilt(folder, spoilt, copies, done)
    return done


def damaged_log(place: Place) -> list[tuple[str, Sentence]]:
    """Commits and checkpoints that are not what was written: path below the table, and what is wrong."""
    folder = place.folder
    if folder is None:
        return []
    copies = Copies(folder)
    commits = copies.commits()
    damaged = []
    for version in _expected([int(file.stem) for file in sorted((folder / "_delta_log").glob("[0-9]*.json"))], commits):
        content, copy = _content(folder, version), commits.get(version)
        if content is None:
            damaged.append((log_file(version), Sentence("it is missing")))
        elif (copy is not None and content != copy) or not _parses(content):
            damaged.append((log_file(version), Sentence("its content is not what was written (checksum)")))
    for file in sorted((folder / "_delta_log").glob("*.checkpoint.parquet"))[-1:]:
        copy = copies.checkpoint(file.name)
        if copy != file.read_bytes() if copy is not None else not _readable(file):
            name = f"_delta_log/{file.name}"
            damaged.append((name, Sentence("its content is not what was written (checksum)")))
    return damaged


def _expected(versions: list[int], commits: dict[int, bytes]) -> range:
    """The versions that should be there: without gaps, and on to the last of which there is a copy."""
    if not versions:
        return range(0)
    return range(versions[0], max(versions[-1], *commits) + 1 if commits else versions[-1] + 1)


def _mend_spoilt(folder: Path, spoilt: list[int], copies: Copies, done: MendedLog) -> None:
    last = max(int(file.stem) for file in (folder / "_delta_log").glob("[0-9]*.json"))
    synced = copies.synced()
    tail = list(range(last, -1, -1))
    if synced is None:  # as older versions left it: only what is spoilt to the end is a tail
        first = last + 1
        while first - 1 in spoilt:
            first -= 1
    else:
        first = next((version for version in spoilt if version > synced), last + 1)
    taken = [version for version in tail if version >= first]
    for version in taken:
        set_aside(folder, log_file(version))
    if taken:
        copies.rewrite({version: content for version, content in copies.commits().items() if version < first})
        done.incomplete = synced is None  # nobody can say then whether these were promised
        done.notes.append(
            Sentence(
                "{table}: took back {count} commits that a power cut had left without content",
                table=folder.name,
                count=len(taken),
            )
        )
        log.warning("%s: took back %s commits that a power cut had left without content", folder, len(taken))
    for version in (version for version in spoilt if version < first):
        lines = _readable_lines(_content(folder, version) or b"")
        set_aside(folder, log_file(version))
        note = {"commitInfo": {"operation": "REPAIR", "engineInfo": "serviceday"}}
        _write(folder, version, "\n".join(json.dumps(line) for line in lines or [note]).encode())
        done.incomplete = True
        done.notes.append(
            Sentence(
                "{table}: commit {version} was damaged and could be read in part only",
                table=folder.name,
                version=version,
            )
        )
        log.error("%s: commit %s was damaged and could be read in part only", folder, version)


def _restore(folder: Path, version: int, copy: bytes, done: MendedLog) -> None:
    set_aside(folder, log_file(version))
    _write(folder, version, copy)
    done.notes.append(
        Sentence(
            "{table}: commit {version} was damaged and is restored from its copy", table=folder.name, version=version
        )
    )
    log.warning("%s: commit %s was damaged and is restored from its copy", folder, version)


def _write(folder: Path, version: int, content: bytes) -> None:
    target = folder / log_file(version)
    beside = target.with_name(f".{target.name}.new")
    beside.write_bytes(content)
    sync_path(beside)
    beside.replace(target)
    sync_path(target.parent)


def _mend_checkpoint(folder: Path, copies: Copies, done: MendedLog) -> None:
    """Put the last checkpoint back as it was, or do without it."""
    logs = folder / "_delta_log"
    pointer = logs / "_last_checkpoint"
    if pointer.exists():
        try:
            _bring_back(folder, int(json.loads(pointer.read_bytes())["version"]), copies, done)
        except (ValueError, TypeError, KeyError):
            set_aside(folder, "_delta_log/_last_checkpoint")
            done.notes.append(Sentence("{table}: the pointer to the last checkpoint was damaged", table=folder.name))
    for file in sorted(logs.glob("*.checkpoint.parquet"))[-1:]:
        content, copy = file.read_bytes(), copies.checkpoint(file.name)
        if copy is not None and content != copy:
            set_aside(folder, f"_delta_log/{file.name}")
            file.write_bytes(copy)
            sync_path(file)
            done.notes.append(
                Sentence("{table}: {file} was damaged and is restored from its copy", table=folder.name, file=file.name)
            )
        elif copy is None and not _readable(file):
            set_aside(folder, f"_delta_log/{file.name}")
            with suppress(OSError):
                set_aside(folder, "_delta_log/_last_checkpoint")
            done.incomplete = True
            done.notes.append(
                Sentence("{table}: {file} was damaged and there is no copy of it", table=folder.name, file=file.name)
            )


def _bring_back(folder: Path, version: int, copies: Copies, done: MendedLog) -> None:
    """Put back a checkpoint that is pointed to and gone, or do without the pointer."""
    file = folder / checkpoint_file(version)
    if file.exists():
        return
    copy = copies.checkpoint(file.name)
    if copy is None:
        set_aside(folder, "_delta_log/_last_checkpoint")
        done.notes.append(Sentence("{table}: the pointer to the last checkpoint was damaged", table=folder.name))
        return
    file.write_bytes(copy)
    sync_path(file)
    done.notes.append(
        Sentence("{table}: {file} was damaged and is restored from its copy", table=folder.name, file=file.name)
    )


def _readable(file: Path) -> bool:
    try:
        pq.read_table(file)
    except (OSError, pa.ArrowException):
        return False
    return True


def set_aside(table: Path, name: str) -> Path | None:
    """Move a damaged file out of the way, into `damaged/` of the lake. None if it is not there."""
    file = table / name
    if not file.exists():
        return None
    aside = table.parent / ASIDE
    aside.mkdir(exist_ok=True)
    plain = f"{table.name}-{Path(name).name}"
    number = sum(1 for other in aside.iterdir() if other.name.startswith(plain))
    return file.rename(aside / (f"{plain}.{number}" if number else plain))


def _content(folder: Path, version: int) -> bytes | None:
    try:
        return (folder / log_file(version)).read_bytes()
    except FileNotFoundError:
        return None


def _readable_lines(content: bytes) -> list[dict[str, Any]]:
    lines = []
    for line in content.splitlines():
        try:
            action = json.loads(line)
        except ValueError:
            continue
        if isinstance(action, dict):
            lines.append(action)
    return lines


def _parses(content: bytes) -> bool:
    lines = [line for line in content.splitlines() if line]
    return bool(lines) and len(_readable_lines(content)) == len(lines)


def _files_whole(folder: Path, content: bytes) -> bool:
    """Whether the files a commit put in have their size, as far as they are still there."""
    for action in _readable_lines(content):
        if "add" in action:
            with suppress(FileNotFoundError, KeyError):  # merged since
                if (folder / action["add"]["path"]).stat().st_size != action["add"]["size"]:
                    return False
    return True
