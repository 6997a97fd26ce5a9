"""One Delta table: which files it has at a version, and commits that add and remove files, all or nothing.

Files are written here and committed through `deltalake` as they are, so that a merge can replace just the files it
read, a commit costs milliseconds, and on a disk everything can be synced before it counts.
"""

from __future__ import annotations

import io
import json
import os
import threading
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from facility.checksum import checksum
from facility.store.lake import delta_log
from facility.store.lake.copies import Copies, named_with_sum
from facility.store.lake.delta_log import Written
from facility.store.lake.location import Place, sync_path
from facility.store.lake.merge import AT_ONCE, merged
from facility.store.lake.parquet import Stats, arrow_of, encode

CHECKPOINT_EVERY = 100  # versions
CONFIGURATION = {
    "delta.checkpointInterval": str(CHECKPOINT_EVERY),
    "delta.enableExpiredLogCleanup": "false",  # done in `clean`, not while appending
    "delta.logRetentionDuration": "interval 2 hours",
    "delta.deletedFileRetentionDuration": "interval 2 hours",
}
REOPEN_AFTER = 1800.0  # seconds: a reader asleep for longer does not trust that the log still reaches back to it
_HOOKS = PostCommitHookProperties(create_checkpoint=True, cleanup_expired_logs=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A table at one version. `files`: path, day, rows, bytes, modified, first, last, asset_first, asset_last."""

    version: int
    files: pl.DataFrame


class Table:
    """A Delta table partitioned by `day`, its files sorted. Thread-safe.

    `time` names the column whose range is kept for every file, beside that of `asset`.
    """

    def __init__(self, place: Place, *, frame: pl.Schema, time: str) -> None:
        self.place = place
        self.frame = frame
        self.key = ["asset", "channel", time]
        self._time = time
        self._lock = threading.RLock()
        self._schema = Schema.from_arrow(arrow_of(frame).append(pa.field("day", pa.date32())))
        self._delta = self._open()
        self._at = int(self._delta.version())
        self._looked = _now()
        self._snapshot: Snapshot | None = None
        self._synced: int | None = None  # version up to which everything is known to be on the disk

    @staticmethod
    def create(place: Place, frame: pl.Schema) -> None:
        DeltaTable.create(
            place.uri,
            schema=Schema.from_arrow(arrow_of(frame).append(pa.field("day", pa.date32()))),
            partition_by=["day"],
            configuration=CONFIGURATION,
            mode="ignore",
            storage_options=dict(place.options) or None,
        )

    def _open(self) -> DeltaTable:
        return DeltaTable(self.place.uri, storage_options=dict(self.place.options) or None)

    # -- reading --------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The table as it is now."""
        with self._lock:
            version = self.version()
            if self._snapshot is None or self._snapshot.version != version:
                self._follow()
                self._at = int(self._delta.version())
                self._snapshot = Snapshot(self._at, self._files())
            return self._snapshot

    def version(self) -> int:
        """Look at the log: which version the table has now."""
        with self._lock:
            folder = self.place.folder
            if _now() - self._looked > REOPEN_AFTER:
                self._delta = self._open()
                self._at = int(self._delta.version())
            elif folder is None or not (folder / delta_log.log_file(self._at)).exists():
                self._follow()  # the log was cleaned up past the version we stood at
                self._at = int(self._delta.version())
            else:
                while (folder / delta_log.log_file(self._at + 1)).exists():
                    self._at += 1
            self._looked = _now()
            return self._at

    def _follow(self) -> None:
        try:
            self._delta.update_incremental()
        except DeltaError:  # the log was cleaned up past the version it stood at
            self._delta = self._open()

    def _files(self) -> pl.DataFrame:
        frame = pl.DataFrame(self._delta.get_add_actions(flatten=True))
        moment = pl.Datetime("us", "UTC")
        return frame.select(
            pl.col("path"),
            pl.col("partition.day").alias("day"),
            pl.col("num_records").alias("rows"),
            pl.col("size_bytes").alias("bytes"),
            pl.col("modification_time").cast(moment).alias("modified"),
            pl.col(f"min.{self._time}").cast(moment).alias("first"),
            pl.col(f"max.{self._time}").cast(moment).alias("last"),
            pl.col("min.asset").alias("asset_first"),
            pl.col("max.asset").alias("asset_last"),
        ).sort("day", "first", "asset_first")

    def scan(self, paths: Sequence[str]) -> pl.LazyFrame:
        """The rows of some files. They may have left the table, as long as vacuum has not come by."""
        if not paths:
            return pl.LazyFrame(schema=self.frame)
        return pl.scan_parquet(
            [f"{self.place.uri}/{path}" for path in paths],
            hive_partitioning=False,
            schema=self.frame,
            storage_options=dict(self.place.options) or None,
        )

    def merged(self, files: pl.DataFrame, at_once: int = 0) -> Iterator[pl.DataFrame]:
        """The rows of some files (path, rows), sorted by key, about `at_once` at a time, however many there are."""
        return merged(self.place, files.select("path", "rows").iter_rows(), self.key, self.frame, at_once or AT_ONCE)

    def snapshot_and_position(self, source: str) -> tuple[Snapshot, int | None]:
        """The table and the last cursor a source has committed to it, of one and the same version."""
        with self._lock:
            return self.snapshot(), self._delta.transaction_version(source)

    # -- writing --------------------------------------------------------------------------------------------------

    def write(self, rows: pl.DataFrame, day: date, *, durable: bool = False) -> Written:
        """Write sorted rows of one day to a file of their own. `durable`: synced before this returns."""
        return self.write_all([rows], day, durable=durable)

    def write_all(self, frames: Iterable[pl.DataFrame], day: date, *, durable: bool = False) -> Written:
        """Write frames that follow each other in order to one file of a day; no two of them are held at a time."""
        path = f"day={day.isoformat()}/{uuid.uuid4().hex}.parquet"
        stats = Stats(self.frame, self._time)
        folder = self.place.folder
        if folder is None:
            buffer = io.BytesIO()
            encode(frames, buffer, self.frame, stats)
            size = buffer.tell()
            path = f"{path.removesuffix('.parquet')}.{checksum([buffer.getbuffer()]):016x}.parquet"
            with self.place.files().open_output_stream(path) as stream:
                stream.write(buffer.getbuffer())
        else:
            file = folder / path
            file.parent.mkdir(exist_ok=True)
            try:
                encode(frames, file, self.frame, stats)
            except BaseException:
                file.unlink(missing_ok=True)
                raise
            size = file.stat().st_size
            file = named_with_sum(file)
            path = f"{file.parent.name}/{file.name}"
            if durable:
                sync_path(file)
                sync_path(file.parent)
        return Written(path, day, size, stats.told())

    def commit(
        self,
        added: Sequence[Written],
        removed: pl.DataFrame | None = None,
        *,
        note: Mapping[str, object] | None = None,
        source: str = "",
        cursor: int = 0,
        rearranged: bool = False,
    ) -> int:
        """Put files in and take files out (rows of `Snapshot.files`) in one version. `rearranged`: same readings.

        The caller holds the right to write and has looked at the table since. Gives the version that this makes.
        """
        gone = [] if removed is None else list(removed.select("path", "day", "bytes").iter_rows())
        with self._lock:
            self.touch([path for path, _, _ in gone])
            if self.place.folder is None:
                self._commit_elsewhere(added, gone, note, source, cursor, changed=not rearranged)
                return self.version()  # nobody keeps others from committing there: look which version it became
            self._at += 1
            lines = delta_log.commit_lines(added, gone, note, source, cursor, changed=not rearranged)
            try:
                content = delta_log.put(self.place.folder, self._at, lines)
            except BaseException:
                self._at -= 1
                raise
            copies = Copies(self.place.folder)
            copies.add(self._at, content)
            if self._at % CHECKPOINT_EVERY == 0:
                self._follow()
                self._delta.create_checkpoint()
                copies.add_checkpoint(self.place.folder / delta_log.checkpoint_file(self._at))
            return self._at

    def _commit_elsewhere(
        self,
        added: Sequence[Written],
        gone: Sequence[tuple[str, date, int]],
        note: Mapping[str, object] | None,
        source: str,
        cursor: int,
        *,
        changed: bool,
    ) -> None:
        """Commit to an object store, where only its own conditional put keeps two commits apart."""
        stamp = int(time.time() * 1000)
        actions: list[AddAction | RemoveAction] = [
            AddAction(
                path=written.path,
                size=written.bytes,
                partition_values={"day": written.day.isoformat()},
                modification_time=stamp,
                data_change=changed,
                stats=written.stats,
            )
            for written in added
        ]
        actions += [
            RemoveAction(
                path=path,
                data_change=changed,
                deletion_timestamp=stamp,
                size=size,
                partition_values={"day": day.isoformat()},
            )
            for path, day, size in gone
        ]
        self._delta.create_write_transaction(
            actions,
            mode="append",
            schema=self._schema,
            partition_by=["day"],
            commit_properties=CommitProperties(
                app_transactions=[Transaction(source, cursor)] if source else None,
                custom_metadata={delta_log.NOTE: json.dumps(note)} if note else None,
            ),
            post_commithook_properties=_HOOKS,
        )

    def discard(self, written: Sequence[Written]) -> None:
        """Take back files that were not committed."""
        for one in written:
            if self.place.folder is not None:
                (self.place.folder / one.path).unlink(missing_ok=True)
            else:
                self.place.files().delete_file(one.path)

    # -- housekeeping ---------------------------------------------------------------------------------------------

    def sync(self) -> None:
        """fsync everything committed since the last call, whoever committed it, and the folders it stands in."""
        folder = self.place.folder
        if folder is None:  # an object store has kept what it has acknowledged
            return
        with self._lock:
            version = self.snapshot().version
            if self._synced is None:
                os.sync()  # what an earlier process left may not be on the disk either
            else:
                self._sync_commits(folder, self._synced, version)
            if version != self._synced:
                Copies(folder).note_synced(version)
            self._synced = version

    def _sync_commits(self, folder: Path, after: int, upto: int) -> None:
        parents = {folder, folder / "_delta_log"}
        for version in range(after + 1, upto + 1):
            for path in (delta_log.log_file(version), *delta_log.added_paths(self.place, version)):
                try:
                    sync_path(folder / path)
                except FileNotFoundError:  # merged into another since, which was synced
                    continue
                parents.add((folder / path).parent)
        for parent in parents:
            sync_path(parent)

    def touch(self, paths: Collection[str]) -> None:
        """Stamp files with the moment they leave the table: vacuum counts from there."""
        if self.place.folder is not None:
            for path in paths:
                try:
                    os.utime(self.place.folder / path)
                except FileNotFoundError:
                    continue

    def clean(self, grace: float) -> int:
        """Write a checkpoint, forget the log before it, and delete files that left the table `grace` seconds ago."""
        with self._lock:
            self.snapshot()
            self._delta.create_checkpoint()
            folder = self.place.folder
            if folder is not None:
                for file in (*(folder / "_delta_log").glob("*.checkpoint*.parquet"), folder / "_delta_log"):
                    sync_path(file)
            self._delta.cleanup_metadata()
            self._delta = self._open()
            self._at = int(self._delta.version())
            self._snapshot = None
            if folder is not None:
                self._copy_log(folder)
            if folder is None:
                hours = max(1, round(grace / 3600))
                return len(self._delta.vacuum(hours, dry_run=False, enforce_retention_duration=False))
        return self._vacuum(folder, grace)

    def _copy_log(self, folder: Path) -> None:
        """Bring the second copy of the log up to the log as it is now."""
        copies = Copies(folder)
        known = copies.commits()
        there = {int(file.stem): file for file in (folder / "_delta_log").glob("[0-9]*.json")}
        copies.rewrite({version: known.get(version) or file.read_bytes() for version, file in there.items()})
        copies.add_checkpoint(folder / delta_log.checkpoint_file(self._at))

    def _vacuum(self, folder: Path, grace: float) -> int:
        old = [file for file in folder.glob("day=*/*.parquet") if _age(file) > grace]
        live = set(
            self.snapshot().files["path"].to_list()
        )  # looked at last: what is old and not in it is gone for good
        dead = [file for file in old if file.relative_to(folder).as_posix() not in live]
        for file in dead:
            file.unlink(missing_ok=True)
        return len(dead)


def _age(file: Path) -> float:
    try:
        return time.time() - file.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _now() -> float:
    return time.monotonic()
