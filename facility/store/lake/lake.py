"""The embedded store: Delta Lake tables in a folder or an object store.

What stands where: `facility.store.lake.layout`.

Appending keeps the newest time of every channel at hand: what is newer is new for certain, and only what is older is
looked up. So no identity ever stands in the readings twice, and nobody who reads them needs to know how they came.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError

from facility.errors import ServicedayError
from facility.i18n.messages import Sentence
from facility.store.contract import Appended, Changes, Health, Refused, Retention, Revised, StoreSize
from facility.store.deduplication import IDENTITY, Arrivals, Marks, frame_of, sort_out, span_of
from facility.store.hourly import finish, within
from facility.store.lake import delta_log
from facility.store.lake.compaction import Progress, compact
from facility.store.lake.delta_log import Written
from facility.store.lake.layout import TABLES, mend, read_mark, refusals, writing_alone
from facility.store.lake.location import Place
from facility.store.lake.rollups import Summaries
from facility.store.lake.table import Snapshot, Table
from facility.store.memory import give_back
from facility.store.resampling import HOUR, from_hours, from_readings

CLEAN_EVERY = 600.0  # seconds between clean-ups in `maintain`
GRACE = 7200.0  # seconds: a reader may hold on to replaced files for so long


class Lake:
    """`facility.store.Store` on Delta Lake. Thread-safe; processes on one machine take turns in writing."""

    def __init__(
        self, where: Path | str, *, create: bool = False, options: Mapping[str, str] | None = None, grace: float = GRACE
    ) -> None:
        self.place = Place.of(where, options)
        self._grace = grace
        self._lock = threading.RLock()
        self._mark = read_mark(self.place, create=create)
        with refusals(self.place):
            self._raw, self._hours, self._latest = (
                Table(self.place.child(name), frame=frame, time="hour" if name == "hours" else "time")
                for name, frame in TABLES.items()
            )
        self._summaries = Summaries(self._raw, self._hours, self._latest, lambda: self._mark.first_day)
        self._marks: Marks | None = None
        self._marked = -1  # version of the readings that the marks describe
        self._mended = False
        self._cleaned = time.monotonic()

    @property
    def folder(self) -> Path:
        return Path(self.place.uri)

    # -- writing --------------------------------------------------------------------------------------------------

    def append(self, readings: pa.Table, *, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        with self._writing():
            marks = self._up_to_date()
            batch, refusals_ = self._admitted(frame_of(readings))
            found = sort_out(batch, marks, self._held)
            done = Appended(found.kept.height, found.duplicates, found.late.height, len(refusals_), refusals_)
            note: dict[str, object] = {}
            if source:
                note |= {"source": source, "cursor": cursor, "tally": tally} | _counts(done)
            if found.revised.height:
                self._revise(found, note, source, cursor)
            elif found.kept.height or source:
                written = [self._raw.write(rows, day) for day, rows in by_day(found.kept)]
                self._marked = self._raw.commit(written, note=note, source=source, cursor=cursor)
            marks.move(*found.newer)
            return done

    def _admitted(self, batch: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Refused, ...]]:
        first = self._mark.first_day
        if first is None or batch.is_empty():
            return batch, ()
        late = batch["time"].dt.date() < first
        if not late.any():
            return batch, ()
        reason = str(Sentence("older than the readings kept (from {day})", day=first.isoformat()))
        return batch.filter(~late), tuple(Refused(row, reason) for row in late.arg_true().to_list())

    def _held(self, older: pl.DataFrame) -> pl.DataFrame:
        start, end = span_of(older)
        return self.read(
            assets=older["asset"].unique().to_list(), channels=older["channel"].unique().to_list(), start=start, end=end
        )

    def _revise(self, found: Arrivals, note: dict[str, object], source: str, cursor: int) -> None:
        """Replace values: the files that hold the old ones are written anew, in the same commit as everything else."""
        start, end = span_of(found.revised)
        assets = found.revised["asset"]
        days = found.revised["time"].dt.date().unique().to_list()
        files = _reaching(self._raw.snapshot(), assets=[str(assets.min()), str(assets.max())], start=start, end=end)
        files = files.filter(pl.col("day").is_in(days))
        rows = pl.concat([found.revised, found.kept]).sort(IDENTITY)
        note |= {"revised": (rows["time"].dt.timestamp("us") // 3_600_000_000).unique().to_list()}
        written = self._without(
            files, lambda held: held.join(found.revised, on=IDENTITY, how="anti", maintain_order="left")
        )
        written += [self._raw.write(part, day) for day, part in by_day(rows)]
        self._marked = self._raw.commit(written, files, note=note, source=source, cursor=cursor)

    def _without(
        self, files: pl.DataFrame, rest: Callable[[pl.DataFrame], pl.DataFrame], *, durable: bool = False
    ) -> list[Written]:
        """Write each of some files anew with `rest` of its rows, unless that is nothing."""
        written = []
        for number, day in enumerate(files["day"]):
            frames = (left for rows in self._raw.merged(files[number]) if (left := rest(rows)).height)
            if (first := next(frames, None)) is not None:
                written.append(self._raw.write_all(chain([first], frames), day, durable=durable))
        return written

    def cursor(self, source: str) -> tuple[int, Appended, str] | None:
        with refusals(self.place):
            raw, position = self._raw.snapshot_and_position(source)
            if position is None:
                return None
            note = delta_log.last_note(self._raw.place, raw.version, "source", source)
        if note is None:  # kept so long ago that the log has been cleaned up past it
            return position, Appended(0, 0, 0), ""
        done = Appended(note["stored"], note["duplicates"], note["late"], note.get("refused", 0))
        return note["cursor"], done, note["tally"]

    def sync(self) -> None:
        with refusals(self.place):
            self._raw.sync()

    def delete(self, asset: str) -> int:
        with self._housekeeping(), self._writing():
            found = _reaching(self._raw.snapshot(), assets=[asset])
            rows = self._raw.scan(found["path"].to_list())
            gone = int(rows.filter(pl.col("asset") == asset).select(pl.len()).collect().item())
            if gone:
                written = self._without(found, lambda held: held.filter(pl.col("asset") != asset), durable=True)
                self._raw.commit(written, found, note={"deleted": asset})
                self._marks = None
            self._summaries.refresh()
            return gone

    def destroy(self) -> None:
        """Delete the whole store, readings and all. On an object store, use its own tools."""
        with self._lock:
            shutil.rmtree(self.folder)

    # -- housekeeping ---------------------------------------------------------------------------------------------

    def maintain(self) -> None:
        self.compact(thorough=False)

    def compact(self, *, thorough: bool = True, on_progress: Progress | None = None) -> int:
        """Merge what is due (`thorough`: everything), refresh the summaries, drop what is too old. Files replaced."""
        with self._housekeeping():
            now = datetime.now(UTC)
            self._retire(now)
            replaced = compact(self._raw, self._writing, now=now, thorough=thorough, on_progress=on_progress)
            self._summaries.refresh()
            compact(self._hours, self._writing, now=now, thorough=thorough)
            if thorough or time.monotonic() - self._cleaned > CLEAN_EVERY:
                self._cleaned = time.monotonic()
                self._clean()
        give_back()
        return replaced

    def _clean(self) -> None:
        for table in (self._raw, self._hours, self._latest):
            with self._writing():
                table.sync()  # a checkpoint must not outlive what it speaks of
            table.clean(self._grace)

    def retain(self, retention: Retention) -> None:
        with self._writing():
            raw, hourly = retention.raw, retention.hourly
            self._mark = replace(
                self._mark,
                raw_days=None if raw is None else raw / timedelta(days=1),
                hourly_days=None if hourly is None else hourly / timedelta(days=1),
            )
            self._mark.write(self.place)

    def retention(self) -> Retention:
        return self._mark.retention

    def _retire(self, now: datetime) -> None:
        """Drop whole days that are older than is to be kept. Summaries are brought up to date before."""
        kept = self._mark.retention
        with self._writing():
            if kept.raw is not None:
                first = (now - kept.raw).date()
                old = self._raw.snapshot().files.filter(pl.col("day") < first)
                if old.height:
                    self._summaries.refresh()
                    self._mark = replace(self._mark, raw_from=max(self._mark.raw_from or "", first.isoformat()))
                    self._mark.write(self.place)
                    self._raw.commit([], old, note={"retired": first.isoformat()})
                    self._marks = None
            if kept.hourly is not None:
                first = (now - kept.hourly).date()
                old = self._hours.snapshot().files.filter(pl.col("day") < first)
                if old.height:
                    self._hours.commit([], old)

    # -- reading --------------------------------------------------------------------------------------------------

    def read(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        resolution: timedelta | None = None,
    ) -> pl.DataFrame:
        if resolution is not None and resolution % HOUR == timedelta(0) and _full_hour(start) and _full_hour(end):
            hours = self._summaries.hours(assets=assets, channels=channels, start=start, end=end)
            return from_hours(hours, resolution)
        files = _reaching(self._raw.snapshot(), assets=assets, start=start, end=end)
        rows = self._raw.scan(files["path"].to_list())
        chosen = within(rows, "time", assets=assets, channels=channels, start=start, end=end)
        return chosen.sort(IDENTITY).collect() if resolution is None else from_readings(chosen, resolution)

    def latest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        return self._summaries.newest(assets=assets)

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        return finish(self._summaries.hours(assets=assets, channels=channels, start=start, end=end))

    def changes(self, since: str | None = None, *, at_most: int = 1_000_000) -> Changes:
        raw = self._raw.snapshot()
        version = int(since) if since is not None and since.isdigit() else None
        paths: list[str] = []
        deleted: list[str] = []
        rows = 0
        if version is None or version > raw.version:
            return self._everything(raw)
        while version < raw.version and rows < at_most:
            commit = delta_log.commit_at(self._raw.place, version + 1)
            if commit is None:
                return self._everything(raw)
            version += 1
            if "deleted" in commit.note:
                deleted.append(commit.note["deleted"])
                continue
            paths += [file.path for file in commit.added]
            rows += sum(file.rows for file in commit.added)
        # of an identity that several commits brought, the last counts; what was deleted later is gone
        found = self._raw.scan(paths).filter(~pl.col("asset").is_in(deleted)).collect()
        found = found.unique(IDENTITY, keep="last", maintain_order=True).sort(IDENTITY)
        if deleted:
            found = pl.concat([found, self.read(assets=deleted)])
        return Changes(str(version), found, tuple(deleted), whole=False, more=version < raw.version)

    def _everything(self, raw: Snapshot) -> Changes:
        rows = self._raw.scan(raw.files["path"].to_list()).sort(IDENTITY).collect()
        return Changes(str(raw.version), rows, (), whole=True, more=False)

    def revised(self, since: str, *, before: datetime) -> Revised:
        raw = self._raw.snapshot()
        known = since.isdigit() and int(since) <= raw.version
        told = delta_log.happened(self._raw.place, int(since), raw.version) if known else None
        if told is None or any(hour * 3600 < before.timestamp() for hour in told.revised):
            return Revised(str(raw.version), None)
        late = [file.path for file in told.added if file.day <= before.astimezone(UTC).date()]
        found = self._raw.scan(late).filter(pl.col("time") < before).select("asset").unique().collect()
        return Revised(str(raw.version), frozenset(found["asset"]) | told.deleted)

    # -- for checking, and for other engines ----------------------------------------------------------------------

    def readings_files(self) -> pl.DataFrame:
        """The files that hold the readings now: path (below `raw`), day, rows, bytes, first, last, ..."""
        return self._raw.snapshot().files

    def scan_readings(self, files: pl.DataFrame) -> pl.LazyFrame:
        """The readings in some of `readings_files`."""
        return self._raw.scan(files["path"].to_list())

    def hours_of(self, day: date) -> pl.DataFrame:
        """Hourly rows (`hourly.HOURLY`) of a UTC day, as they are answered."""
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return self._summaries.hours(start=start, end=start + timedelta(days=1))

    def size(self) -> StoreSize:
        files = self._raw.snapshot().files
        beside = sum(int(table.snapshot().files["bytes"].sum()) for table in (self._hours, self._latest))
        first, last = files["first"].min(), files["last"].max()
        return StoreSize(
            readings=int(files["rows"].sum()),
            bytes=int(files["bytes"].sum()) + beside,
            files=files.height,
            first=first if isinstance(first, datetime) else None,
            last=last if isinstance(last, datetime) else None,
        )

    def health(self) -> Health:
        facts: dict[str, int | float | str] = {"format": self._mark.format}
        try:
            size = self.size()
        except (ServicedayError, DeltaError, OSError) as error:
            return Health(False, "lake", " ".join(str(error).split()), facts)
        if self.place.folder is not None:
            facts["free_bytes"] = shutil.disk_usage(self.place.folder).free
        facts |= {"readings": size.readings, "files": size.files, "bytes": size.bytes}
        return Health(True, "lake", str(Sentence("Delta Lake at {place}", place=self.place)), facts)

    def close(self) -> None:
        """Nothing is held open between calls; what counts is `sync`."""

    # -- taking turns ---------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, refusals(self.place), writing_alone(self.place):
            if not self._mended:
                for name in TABLES:
                    if mend(self.place.child(name)):
                        self.__init__(self.place.uri, options=self.place.options, grace=self._grace)  # type: ignore[misc]
                self._mended = True
            yield

    def _housekeeping(self) -> AbstractContextManager[None]:
        """One process at a time merges and summarises. Taken before `_writing`, never inside it."""
        return writing_alone(self.place, "compact.lock")

    def _up_to_date(self) -> Marks:
        """The newest time of every channel, also if another process has appended since."""
        version = self._raw.version()
        if self._marks is not None and version != self._marked:
            told = delta_log.happened(self._raw.place, self._marked, version)
            if told is None or told.deleted or told.revised:
                self._marks = None
            elif told.added:
                self._marks.advance(self._raw.scan([file.path for file in told.added]).collect())
        if self._marks is None:
            self._marks = Marks(self.latest())
        self._marked = version
        return self._marks


def by_day(rows: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    """Rows apart by UTC day, their order kept."""
    days = rows["time"].dt.date()
    if rows.height and days.min() == days.max():
        yield days[0], rows
        return
    for (day,), part in rows.with_columns(days.alias("day")).partition_by("day", as_dict=True).items():
        yield day, part.drop("day")


def _reaching(
    snapshot: Snapshot,
    *,
    assets: Collection[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> pl.DataFrame:
    """Files that may hold what is asked for."""
    files = snapshot.files
    if start is not None:
        files = files.filter(pl.col("last") >= pl.lit(start))
    if end is not None:
        files = files.filter(pl.col("first") < pl.lit(end))
    if assets:
        files = files.filter(pl.col("asset_last") >= min(assets), pl.col("asset_first") <= max(assets))
    return files


def _full_hour(moment: datetime | None) -> bool:
    return moment is None or moment.timestamp() % 3600 == 0


def _counts(done: Appended) -> dict[str, int]:
    return {"stored": done.stored, "duplicates": done.duplicates, "late": done.late, "refused": done.refused}
