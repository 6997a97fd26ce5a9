"""What the Delta log says that the library does not hand out: touched days, commit notes, files to sync.

Delta Lake protocol: `_delta_log/{version:020}.json`, one action a line
(https://github.com/delta-io/delta/blob/master/PROTOCOL.md).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote


def log_file(table: Path, version: int) -> Path:
    return table / "_delta_log" / f"{version:020}.json"


def actions(table: Path, version: int) -> Iterator[dict[str, Any]]:
    """The actions of one commit. Raises `FileNotFoundError` if the log has been cleaned up past it."""
    with log_file(table, version).open("rb") as lines:
        for line in lines:
            yield json.loads(line)


def touched_days(table: Path, after: int, upto: int) -> set[str] | None:
    """Partitions (`day` values) whose content changed in (after, upto]; None if the log no longer says."""
    days: set[str] = set()
    try:
        for version in range(after + 1, upto + 1):
            for action in actions(table, version):
                entry = action.get("add") or action.get("remove")
                if entry and entry.get("dataChange", True):
                    days.add(str(entry["partitionValues"]["day"]))
    except FileNotFoundError:
        return None
    return days


def last_note(table: Path, upto: int, key: str) -> dict[str, Any] | None:
    """The newest commit info that carries `key`, looking back from `upto`."""
    for version in range(upto, -1, -1):
        try:
            for action in actions(table, version):
                info = action.get("commitInfo")
                if info is not None and key in info:
                    return dict(info)
        except FileNotFoundError:
            return None
    return None


def sync_commits(table: Path, after: int, upto: int) -> None:
    """fsync every file that the commits in (after, upto] added, their folders, and the log itself."""
    folders: set[Path] = {table / "_delta_log", table}
    for version in range(after + 1, upto + 1):
        for action in actions(table, version):
            if "add" in action:
                file = table / unquote(action["add"]["path"])
                if file.exists():  # a later compaction may have replaced it already
                    _fsync(file)
                    folders.add(file.parent)
        _fsync(log_file(table, version))
    for folder in folders:
        _fsync(folder)


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
