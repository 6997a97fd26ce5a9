"""A lake as it was at one moment, to be copied while it is written to, and put back from such a copy.

Files of a lake never change once they are committed, and what leaves a table stays on the disk for two hours. So a copy
needs the version each table had at the moment, the log up to it, and the files of that version.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from facility.errors import CannotCommunicate
from facility.store.lake import delta_log
from facility.store.lake.copies import Copies
from facility.store.lake.layout import MARK, MARK_COPY, TABLES, writing_alone
from facility.store.lake.location import Place

MARKS = (MARK, MARK_COPY)
_FIRST = ("latest", "hours", "raw")  # summaries before what they were made from


class MovedOn(CannotCommunicate):
    """The log was cleaned up past the version that was to be copied: take the moment again."""


@dataclass(frozen=True, slots=True)
class FrozenTable:
    """A table at one version. `commits`: the log up to it; `checkpoint`: path below the table, "" for none."""

    name: str
    version: int
    commits: dict[int, bytes]
    checkpoint: str
    files: tuple[str, ...]  # paths below the table


@contextmanager
def at_rest(place: Place) -> Iterator[dict[str, int]]:
    """Keep others from committing for as long as the block lasts; gives the version of each table by its name."""
    with writing_alone(place):
        yield {name: _newest(place.child(name)) for name in _FIRST}


def _newest(table: Place) -> int:
    folder = table.folder
    versions = [] if folder is None else [int(file.stem) for file in (folder / "_delta_log").glob("[0-9]*.json")]
    if not versions:
        raise CannotCommunicate(
            "the store at {place} is damaged: {reason}",
            "Run `serviceday store check` to see which file, and `serviceday store repair` to bring back what can be",
            place=table,
            reason=delta_log.log_file(0),
        )
    return max(versions)


def frozen_table(place: Place, name: str, version: int) -> FrozenTable:
    """What a table had at a version. Raises `MovedOn` where its log no longer reaches back to it."""
    folder = Path(place.uri) / name
    logs = folder / "_delta_log"
    commits = {}
    for file in logs.glob("[0-9]*.json"):
        if int(file.stem) <= version:
            with suppress(FileNotFoundError):
                commits[int(file.stem)] = file.read_bytes()
    checkpoints = [int(file.name.split(".")[0]) for file in logs.glob("[0-9]*.checkpoint.parquet")]
    start = max((number for number in checkpoints if number <= version), default=-1)
    try:
        table = DeltaTable(str(folder), version=version)
        frame = pl.DataFrame(table.get_add_actions(flatten=True))
    except (DeltaError, OSError, pa.ArrowException) as error:
        raise _moved_on(folder, error) from None
    commits = {number: content for number, content in commits.items() if number >= _gapless_from(commits, version)}
    if version not in commits or any(number not in commits for number in range(start + 1, version)):
        raise _moved_on(folder, delta_log.log_file(start + 1))
    checkpoint = delta_log.checkpoint_file(start) if start >= 0 else ""
    return FrozenTable(name, version, commits, checkpoint, tuple(map(unquote, frame["path"].to_list())))


def _gapless_from(commits: dict[int, bytes], version: int) -> int:
    first = version
    while first - 1 in commits:
        first -= 1
    return first


def _moved_on(folder: Path, reason: object) -> MovedOn:
    return MovedOn(
        "the log of {folder} no longer reaches back to the moment of the backup: {reason}",
        "Run the backup again",
        folder=folder,
        reason=reason,
    )


def thaw(place: Place) -> None:
    """Make tables of copies that lie in `_copies` below each table, once their files are in place.

    The log is kept as far back as the files it speaks of are there: who followed the readings from further back reads
    them anew.
    """
    for name in TABLES:
        folder = Path(place.uri) / name
        copies = Copies(folder)
        commits = copies.commits()
        (folder / "_delta_log").mkdir(exist_ok=True)
        for version, content in commits.items():
            (folder / delta_log.log_file(version)).write_bytes(content)
        newest = max(commits)
        table = DeltaTable(str(folder))
        if table.version() != newest:
            raise _moved_on(folder, delta_log.log_file(newest))
        table.create_checkpoint()
        first = newest
        while first in commits and all(
            (folder / path).exists() for path in delta_log.added_paths(place.child(name), first)
        ):
            first -= 1
        for version in [version for version in commits if version <= first and version != newest]:
            (folder / delta_log.log_file(version)).unlink()
            del commits[version]
        for file in (folder / "_delta_log").glob("[0-9]*.checkpoint.parquet"):
            if file.name != Path(delta_log.checkpoint_file(newest)).name:
                file.unlink()
        copies.rewrite(commits)
        copies.add_checkpoint(folder / delta_log.checkpoint_file(newest))
        copies.note_synced(newest)


def pack_commits(table: FrozenTable, folder: Path) -> Path:
    """Write the log of a frozen table into one file below `folder`, as `thaw` reads it."""
    folder.mkdir(parents=True, exist_ok=True)
    copies = Copies(folder)
    copies.rewrite(table.commits)
    return copies.folder / "commits"
