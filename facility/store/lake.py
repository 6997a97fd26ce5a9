"""The embedded store: Delta Lake tables in a folder, written by one process and read by any number.

    FOLDER/store.json   format version
    FOLDER/raw/         readings, one partition a UTC day; no identity stands in it twice
    FOLDER/hourly/      hourly summaries of the days that were finished when `maintain` last ran

Appending keeps the newest time of every channel at hand: what is newer is new for certain, and only what is older is
looked up. The hourly table notes the version of the readings it was made from, and the log says which days changed
since; those are summarised afresh at each question, so an answer never lags behind the readings.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import DeltaError

from facility.errors import CannotCommunicate, CannotDo
from facility.store import READINGS, Appended, StoreSize, delta_log
from facility.store.hourly import HOURLY, SHOWN, across_hours, summarise, within

FORMAT = 1
SMALL_FILES = 16  # a day with more files than this is compacted
ROWS_AT_ONCE = 4_000_000  # summarised in one go
VACUUM_EVERY = 3600.0  # seconds
RETENTION_HOURS = 24  # a reader may hold on to replaced files for so long
NOTE = "serviceday.cursor"
MADE_FROM = "serviceday.readings_version"

_IDENTITY = ["asset", "channel", "time"]
_FRAME = pl.Schema(
    {
        "asset": pl.String(),
        "channel": pl.String(),
        "time": pl.Datetime("us", "UTC"),
        "value": pl.Float64(),
        "arrived": pl.Datetime("us", "UTC"),
    }
)
_PACKED = WriterProperties(compression="ZSTD", compression_level=3)


class Lake:
    """`facility.store.Store` on Delta Lake. Thread-safe; one writing process at a time (see `DataFolder.claim`)."""

    def __init__(self, folder: Path, *, create: bool = False) -> None:
        self.folder = folder
        self._lock = threading.RLock()
        self._marks: pl.DataFrame | None = None
        self._synced: int | None = None
        self._vacuumed = time.monotonic()
        mark = folder / "store.json"
        if not mark.exists():
            if folder.exists() and any(folder.iterdir()):
                raise CannotDo(f"{folder} is not a serviceday store", "Choose an empty folder")
            if not create:
                raise CannotDo(f"no readings at {folder}", "Run `serviceday demo`, `ingest` or `import readings` first")
            self._create(mark)
        found = json.loads(mark.read_text())["format"]
        if found > FORMAT:
            raise CannotDo(
                f"{folder} was written by a newer serviceday (format {found}, this one reads up to {FORMAT})",
                "Update serviceday",
            )
        self._raw = DeltaTable(folder / "raw")
        self._hourly = DeltaTable(folder / "hourly")

    def _create(self, mark: Path) -> None:
        with self._refusals():
            self.folder.mkdir(parents=True, exist_ok=True)
            day = pa.field("day", pa.date32())
            hourly = pl.DataFrame(schema=HOURLY).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
            for name, schema in (("raw", READINGS), ("hourly", hourly)):
                DeltaTable.create(
                    self.folder / name,
                    schema=Schema.from_arrow(schema.append(day)),
                    partition_by=["day"],
                    configuration={"delta.checkpointInterval": "100"},
                    mode="ignore",
                )
            mark.write_text(json.dumps({"format": FORMAT}))

    # -- writing --------------------------------------------------------------------------------------------------

    def append(self, readings: pa.Table, *, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        with self._lock, self._refusals():
            batch = pl.DataFrame(pl.from_arrow(readings)).select(_FRAME.names()).cast(_FRAME)
            fresh = batch.unique(subset=_IDENTITY, keep="last", maintain_order=True)
            marks = self._newest()
            known = fresh.join(marks, on=["asset", "channel"], how="left", maintain_order="left")
            older = known.filter(pl.col("time") <= pl.col("mark")).select(_FRAME.names())
            new = known.filter(pl.col("mark").is_null() | (pl.col("time") > pl.col("mark"))).select(_FRAME.names())
            late, revised = self._compare(older)
            kept = pl.concat([new, late])
            done = Appended(kept.height, batch.height - kept.height, late.height)
            properties = self._commit(source, cursor, tally, done)
            if revised.height:
                self._rewrite(kept, revised, properties)
            elif kept.height or source:
                self._write(kept, properties)
            if kept.height:
                self._marks = (
                    pl.concat([marks, kept.select("asset", "channel", pl.col("time").alias("mark"))])
                    .group_by("asset", "channel")
                    .agg(pl.col("mark").max())
                )
            return done

    def _compare(self, older: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Of rows not newer than what is kept: those absent there, and those there with another value."""
        if older.is_empty():
            return older, older
        held = self.read(
            assets=older["asset"].unique().to_list(),
            channels=older["channel"].unique().to_list(),
            start=_moment(older["time"].min()),
            end=_moment(older["time"].max()) + timedelta(microseconds=1),
        ).select(*_IDENTITY, pl.col("value").alias("held"))
        both = older.join(held, on=_IDENTITY, how="left", maintain_order="left")
        there = pl.col("held").is_not_null()
        same = pl.col("held") == pl.col("value")
        columns = _FRAME.names()
        return (
            both.filter(~there).select(columns),
            both.filter(there & ~same).select(columns),
        )

    def _rewrite(self, kept: pl.DataFrame, revised: pl.DataFrame, properties: CommitProperties) -> None:
        """Replace values: the days concerned are written anew, in the same commit as everything else."""
        rows = pl.concat([kept, revised])
        days = sorted(rows["time"].dt.date().unique().to_list())
        held = self._scan(self._files(self._fresh(self._raw), days)).collect()
        whole = pl.concat([held, rows]).unique(subset=_IDENTITY, keep="last", maintain_order=True)
        self._write(whole, properties, replacing=days)

    def _write(self, rows: pl.DataFrame, commit: CommitProperties, *, replacing: Sequence[date] = ()) -> None:
        """Commit rows, either beside what is there or in place of whole days."""
        table = rows.sort(_IDENTITY).with_columns(pl.col("time").dt.date().alias("day"))
        data = table.to_arrow(compat_level=pl.CompatLevel.oldest())
        target = self._fresh(self._raw)
        if replacing:
            predicate = _days(replacing)
            write_deltalake(
                target, data, mode="overwrite", predicate=predicate, commit_properties=commit, writer_properties=_PACKED
            )
        else:
            write_deltalake(target, data, mode="append", commit_properties=commit, writer_properties=_PACKED)

    @staticmethod
    def _commit(source: str, cursor: int, tally: str, done: Appended) -> CommitProperties:
        if not source:
            return CommitProperties()
        note = json.dumps(
            {
                "source": source,
                "cursor": cursor,
                "stored": done.stored,
                "duplicates": done.duplicates,
                "late": done.late,
                "tally": tally,
            }
        )
        return CommitProperties(
            app_transactions=[Transaction(source, cursor)], custom_metadata={NOTE: note, f"{NOTE}.{source}": "here"}
        )

    def cursor(self, source: str) -> tuple[int, Appended, str] | None:
        raw = self._fresh(self._raw)
        position = raw.transaction_version(source)
        if position is None:
            return None
        info = delta_log.last_note(self.folder / "raw", raw.version(), f"{NOTE}.{source}")
        if info is None:  # kept so long ago that the log has been cleaned up past it
            return position, Appended(0, 0, 0), ""
        note = json.loads(info[NOTE])
        return note["cursor"], Appended(note["stored"], note["duplicates"], note["late"]), note["tally"]

    def sync(self) -> None:
        with self._lock, self._refusals():
            version = self._fresh(self._raw).version()
            if self._synced is None:
                os.sync()  # what an earlier process left may not be on the disk either
            else:
                delta_log.sync_commits(self.folder / "raw", self._synced, version)
            self._synced = version

    def maintain(self) -> None:
        with self._lock, self._refusals():
            raw = self._fresh(self._raw)
            crowded = self._adds(raw).group_by("day").len().filter(pl.col("len") > SMALL_FILES)["day"].to_list()
            for day in crowded:
                raw.optimize.compact(
                    partition_filters=[("day", "=", day.isoformat())],
                    writer_properties=_PACKED,
                )
            self._summarise_changed_days()
            if time.monotonic() - self._vacuumed > VACUUM_EVERY:
                self._vacuumed = time.monotonic()
                for table in (raw, self._hourly):
                    table.vacuum(retention_hours=RETENTION_HOURS, dry_run=False, enforce_retention_duration=False)
                    table.cleanup_metadata()

    def _summarise_changed_days(self) -> None:
        raw = self._fresh(self._raw)
        version = raw.version()
        changed = sorted(self._changed_days(raw))
        adds = self._adds(raw)
        sizes = dict(adds.group_by("day").agg(pl.col("rows").sum()).iter_rows())
        for last, days in _portions(changed, [sizes.get(day, 0) for day in changed], ROWS_AT_ONCE):
            rows = summarise(self._scan(self._files(raw, days)))
            write_deltalake(
                self._fresh(self._hourly),
                rows.with_columns(pl.col("hour").dt.date().alias("day")).to_arrow(compat_level=pl.CompatLevel.oldest()),
                mode="overwrite",
                predicate=_days(days),
                commit_properties=CommitProperties(custom_metadata={MADE_FROM: str(version)} if last else None),
                writer_properties=_PACKED,
            )

    # -- reading --------------------------------------------------------------------------------------------------

    def read(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        adds = self._adds(self._fresh(self._raw))
        if start is not None:
            adds = adds.filter(pl.col("last") >= pl.lit(start))
        if end is not None:
            adds = adds.filter(pl.col("first") < pl.lit(end))
        if assets is not None and len(assets) == 1:
            (only,) = assets
            adds = adds.filter((pl.col("asset_first") <= only) & (pl.col("asset_last") >= only))
        rows = self._scan(adds["path"].to_list())
        chosen = within(rows, "time", assets=assets, channels=channels, start=start, end=end)
        return chosen.sort(_IDENTITY).collect()

    def latest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        return (
            within(self._hours(None, None), "hour", assets=assets, channels=None, start=None, end=None)
            .sort("last_time")
            .group_by("asset", "channel")
            .agg(
                pl.col("last_time").last().alias("time"),
                pl.col("last").last().alias("value"),
                pl.col("last_arrived").last().alias("arrived"),
            )
            .sort("asset", "channel")
            .collect()
        )

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        hours = within(self._hours(start, end), "hour", assets=assets, channels=channels, start=start, end=end)
        return across_hours(hours.collect()).select(SHOWN)

    def _hours(self, start: datetime | None, end: datetime | None) -> pl.LazyFrame:
        """Hourly rows of every day in reach: from the hourly table, or made now for days that changed since."""
        raw, kept = self._fresh(self._raw), self._fresh(self._hourly)
        changed = self._changed_days(raw)
        if end is not None and end != end.replace(minute=0, second=0, microsecond=0):
            changed = changed | {end.astimezone(UTC).date()}  # its last hour counts only in part
        first = start.astimezone(UTC).date() if start else date.min
        last = end.astimezone(UTC).date() if end else date.max
        stored = self._adds(kept, "hour").filter(
            ~pl.col("day").is_in(list(changed)), pl.col("day").is_between(first, last)
        )
        parts = []
        if stored.height:
            parts.append(pl.scan_parquet(stored["path"].to_list(), hive_partitioning=False).select(HOURLY.names()))
        now = sorted(day for day in changed if first <= day <= last)
        if now:
            rows = self._scan(self._files(raw, now))
            parts.append(summarise(rows.filter(pl.col("time") < pl.lit(end)) if end else rows).lazy())
        return pl.concat(parts) if parts else pl.LazyFrame(schema=HOURLY)

    def _changed_days(self, raw: DeltaTable) -> set[date]:
        """Days whose readings changed since the hourly table was made."""
        kept = self._fresh(self._hourly)
        info = delta_log.last_note(self.folder / "hourly", kept.version(), MADE_FROM)
        days = None
        if info is not None:
            days = delta_log.touched_days(self.folder / "raw", int(info[MADE_FROM]), raw.version())
        if days is None:
            return set(self._adds(raw)["day"].to_list())
        return {date.fromisoformat(day) for day in days}

    def size(self) -> StoreSize:
        adds = self._adds(self._fresh(self._raw))
        first, last = adds["first"].min(), adds["last"].max()
        return StoreSize(
            readings=int(adds["rows"].sum()),
            bytes=int(adds["bytes"].sum()),
            files=adds.height,
            first=_moment(first) if first is not None else None,
            last=_moment(last) if last is not None else None,
        )

    def close(self) -> None:
        """Nothing is held open between calls; what counts is `sync`."""

    def destroy(self) -> None:
        """Delete the whole store, readings and all."""
        with self._lock:
            shutil.rmtree(self.folder)

    # -- the tables -----------------------------------------------------------------------------------------------

    def _newest(self) -> pl.DataFrame:
        if self._marks is None:
            self._marks = self.latest().select("asset", "channel", pl.col("time").alias("mark"))
        return self._marks

    def _fresh(self, table: DeltaTable) -> DeltaTable:
        with self._lock:
            table.update_incremental()
            return table

    def _adds(self, table: DeltaTable, time_column: str = "time") -> pl.DataFrame:
        """The files of a table: path, day, rows, bytes, and the range of times and assets in each."""
        with self._lock:
            actions = pl.DataFrame(pa.table(table.get_add_actions(flatten=True)))
        root = Path(table.table_uri.removeprefix("file://"))
        return actions.select(
            (pl.lit(f"{root}/") + pl.col("path")).alias("path"),
            pl.col("partition.day").alias("day"),
            pl.col("num_records").alias("rows"),
            pl.col("size_bytes").alias("bytes"),
            pl.col(f"min.{time_column}").cast(pl.Datetime("us", "UTC")).alias("first"),
            pl.col(f"max.{time_column}").cast(pl.Datetime("us", "UTC")).alias("last"),
            pl.col("min.asset").alias("asset_first"),
            pl.col("max.asset").alias("asset_last"),
        )

    def _files(self, table: DeltaTable, days: Sequence[date]) -> list[str]:
        return self._adds(table).filter(pl.col("day").is_in(list(days)))["path"].to_list()

    @staticmethod
    def _scan(files: list[str]) -> pl.LazyFrame:
        if not files:
            return pl.LazyFrame(schema=_FRAME)
        return pl.scan_parquet(files, hive_partitioning=False).select(_FRAME.names())

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except (DeltaError, OSError) as error:
            raise CannotCommunicate(
                f"the store at {self.folder} refuses: {error}", "Check space and permissions"
            ) from error


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)  # noqa: S101 - polars types a column's extreme as any literal
    return value


def _days(days: Sequence[date]) -> str:
    """A partition predicate."""
    return "day in ({})".format(", ".join(f"'{day.isoformat()}'" for day in days))


def _portions(days: Sequence[date], rows: Sequence[int], at_once: int) -> Iterator[tuple[bool, list[date]]]:
    """Groups of days of about `at_once` rows; the flag marks the last."""
    group: list[date] = []
    held = 0
    for index, (day, count) in enumerate(zip(days, rows, strict=True)):
        group.append(day)
        held += count
        last = index == len(days) - 1
        if held >= at_once or last:
            yield last, group
            group, held = [], 0
