"""The embedded store: Delta Lake tables in a folder or an object store.

What stands where: `facility.store.lake.layout`.

Appending keeps the newest time of every channel at hand: what is newer is new for certain, and only what is older is
looked up. So no identity ever stands in the readings twice, and nobody who reads them needs to know how they came.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa

from facility.errors import CannotCommunicate
from facility.i18n.messages import Sentence
from facility.store.contract import Appended, Changes, Health, Retention, Revised, Store, StoreSize
from facility.store.deduplication import IDENTITY, Arrivals, Marks, frame_of, sort_out, span_of
from facility.store.hourly import finish, within
from facility.store.lake import delta_log
from facility.store.lake.changes import changes_since, revised_since
from facility.store.lake.compaction import Progress, compact
from facility.store.lake.delta_log import Written
from facility.store.lake.files import admitted, by_day, counts_of, full_hour, reaching
from facility.store.lake.layout import (
    TABLES,
    StoreDamaged,
    new_identity,
    read_mark,
    refusals,
    writing_alone,
)
from facility.store.lake.location import Place
from facility.store.lake.log_repair import damaged_log, mend_log
from facility.store.lake.repair import Repair, Restored
from facility.store.lake.rollups import Summaries
from facility.store.lake.sizes import health_of, size_of
from facility.store.lake.table import Table
from facility.store.memory import give_back
from facility.store.resampling import HOUR, from_hours, from_readings

CLEAN_EVERY = 600.0  # seconds between clean-ups in `maintain`
GRACE = 7200.0  # seconds: a reader may hold on to replaced files for so long

log = logging.getLogger(__name__)


class Lake:
    """`facility.store.Store` on Delta Lake. Thread-safe; processes on one machine take turns in writing."""

    def __init__(
        self, where: Path | str, *, create: bool = False, options: Mapping[str, str] | None = None, grace: float = GRACE
    ) -> None:
        self.place = Place.of(where, options)
        self._grace = grace
        self._lock = threading.RLock()
        self._mark = read_mark(self.place, create=create)
        self._mended = False
        self.mended: list[Sentence] = []  # what was put right in the logs since this was opened
        self._cleaned = time.monotonic()
        try:
            self._open()
        except StoreDamaged:
            with writing_alone(self.place):
                self._mend_logs()

    def _open(self) -> None:
        with refusals(self.place):
            self._raw, self._hours, self._latest = (
                Table(self.place.child(name), frame=frame, time="hour" if name == "hours" else "time")
                for name, frame in TABLES.items()
            )
        self._summaries = Summaries(self._raw, self._hours, self._latest, lambda: self._mark.first_day)
        self._marks: Marks | None = None
        self._marked = -1  # version of the readings that the marks describe

    def identity(self) -> str:
        """What tells this store from any other, given to it if it has none; "" where it cannot be written."""
        if not self._mark.id:
            with suppress(CannotCommunicate), self._writing():
                there = read_mark(self.place, create=False)
                self._mark = there if there.id else replace(there, id=new_identity())
                self._mark.write(self.place)
        return self._mark.id

    @property
    def folder(self) -> Path:
        return Path(self.place.uri)

    # -- writing --------------------------------------------------------------------------------------------------

    def append(self, readings: pa.Table, *, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        with self._writing():
            try:
                return self._append(frame_of(readings), source, cursor, tally)
            except Exception as error:
                if not self._fenced_off(error):
                    raise
            return self._append(frame_of(readings), source, cursor, tally)

    def _append(self, rows: pl.DataFrame, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        marks = self._up_to_date()
        batch, refusals_ = admitted(rows, self._mark.first_day)
        arrivals = sort_out(batch, marks, self._held)
        done = Appended(arrivals.kept.height, arrivals.duplicates, arrivals.late.height, len(refusals_), refusals_)
        note: dict[str, object] = {}
        if source:
            note |= {"source": source, "cursor": cursor, "tally": tally} | counts_of(done)
        if arrivals.revised.height:
            self._revise(arrivals, note, source, cursor)
        elif arrivals.kept.height or source:
            written = [self._raw.write(rows, day) for day, rows in by_day(arrivals.kept)]
            self._marked = self._raw.commit(written, note=note, source=source, cursor=cursor)
        marks.move(*arrivals.newer)
        return done

    def _held(self, older: pl.DataFrame) -> pl.DataFrame:
        start, end = span_of(older)
        return self.read(
            assets=older["asset"].unique().to_list(), channels=older["channel"].unique().to_list(), start=start, end=end
        )

    def _revise(self, arrivals: Arrivals, note: dict[str, object], source: str, cursor: int) -> None:
        """Replace values: the files that hold the old ones are written anew, in the same commit as everything else."""
        start, end = span_of(arrivals.revised)
        assets = arrivals.revised["asset"]
        days = arrivals.revised["time"].dt.date().unique().to_list()
        files = reaching(self._raw.snapshot(), assets=[str(assets.min()), str(assets.max())], start=start, end=end)
        files = files.filter(pl.col("day").is_in(days))
        rows = pl.concat([arrivals.revised, arrivals.kept]).sort(IDENTITY)
        note |= {"revised": (rows["time"].dt.timestamp("us") // 3_600_000_000).unique().to_list()}
        written = self._without(
            files, lambda frame: frame.join(arrivals.revised, on=IDENTITY, how="anti", maintain_order="left")
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
            frame = reaching(self._raw.snapshot(), assets=[asset])
            rows = self._raw.scan(frame["path"].to_list())
            deleted = int(rows.filter(pl.col("asset") == asset).select(pl.len()).collect().item())
            if deleted:
                written = self._without(frame, lambda frame: frame.filter(pl.col("asset") != asset), durable=True)
                self._raw.commit(written, frame, note={"deleted": asset})
                self._marks = None
            self._summaries.refresh()
            return deleted

    def destroy(self) -> None:
        """Delete the whole store, readings and all. On an object store, use its own tools."""
        with self._lock:
            shutil.rmtree(self.folder)

    # -- housekeeping ---------------------------------------------------------------------------------------------

    def maintain(self) -> None:
        self.compact(thorough=False)

    def compact(self, *, thorough: bool = True, on_progress: Progress | None = None) -> int:
        """Merge what is due (`thorough`: everything), refresh the summaries, drop what is too old. Files replaced."""
        with self._housekeeping(), refusals(self.place):
            try:
                replaced = self._compact(thorough, on_progress)
            except Exception as error:
                with self._writing():
                    if not self._fenced_off(error):
                        raise
                replaced = self._compact(thorough, on_progress)
        give_back()
        return replaced

    def _compact(self, thorough: bool, on_progress: Progress | None) -> int:
        now = datetime.now(UTC)
        self._retire(now)
        replaced = compact(self._raw, self._writing, now=now, thorough=thorough, on_progress=on_progress)
        self._summaries.refresh()
        compact(self._hours, self._writing, now=now, thorough=thorough)
        if thorough or time.monotonic() - self._cleaned > CLEAN_EVERY:
            self._cleaned = time.monotonic()
            self._clean()
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
        retention = self._mark.retention
        with self._writing():
            if retention.raw is not None:
                first = (now - retention.raw).date()
                old = self._raw.snapshot().files.filter(pl.col("day") < first)
                if old.height:
                    self._summaries.refresh()
                    self._mark = replace(self._mark, raw_from=max(self._mark.raw_from or "", first.isoformat()))
                    self._mark.write(self.place)
                    self._raw.commit([], old, note={"retired": first.isoformat()})
                    self._marks = None
            if retention.hourly is not None:
                first = (now - retention.hourly).date()
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
        with refusals(self.place):
            if resolution is not None and resolution % HOUR == timedelta(0) and full_hour(start) and full_hour(end):
                hours = self._summaries.hours(assets=assets, channels=channels, start=start, end=end)
                return from_hours(hours, resolution)
            files = reaching(self._raw.snapshot(), assets=assets, start=start, end=end)
            rows = self._raw.scan(files["path"].to_list())
            chosen = within(rows, "time", assets=assets, channels=channels, start=start, end=end)
            return chosen.sort(IDENTITY).collect() if resolution is None else from_readings(chosen, resolution)

    def latest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        with refusals(self.place):
            return self._summaries.newest(assets=assets)

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        with refusals(self.place):
            return finish(self._summaries.hours(assets=assets, channels=channels, start=start, end=end))

    def changes(self, since: str | None = None, *, at_most: int = 1_000_000) -> Changes:
        with refusals(self.place):
            return changes_since(self._raw, since, at_most, lambda assets: self.read(assets=assets))

    def revised(self, since: str, *, before: datetime) -> Revised:
        with refusals(self.place):
            return revised_since(self._raw, since, before)

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
        return size_of(self._raw, (self._hours, self._latest))

    def health(self) -> Health:
        return health_of(self.place, self._mark.format, self.size)

    def close(self) -> None:
        """Nothing is held open between calls; what counts is `sync`."""

    # -- taking turns ---------------------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with self._lock, refusals(self.place), writing_alone(self.place):
            if not self._mended:
                self._mend_logs(reopen=False)
            yield

    def _mend_logs(self, *, reopen: bool = True) -> None:
        """Mend what a power cut or the disk has spoilt of the logs. Called with the right to write."""
        self._mended = True
        done = [mend_log(self.place.child(name)) for name in TABLES]
        self.mended += [note for mended_log in done for note in mended_log.notes]
        if reopen or any(mended_log.notes for mended_log in done):
            self._open()
        if any(mended_log.incomplete for mended_log in done):
            self._repair().adopt()

    def _repair(self) -> Repair:
        return Repair(
            self.place, {"raw": self._raw, "hours": self._hours, "latest": self._latest}, self._summaries, self._append
        )

    def repair(self, *, backup: Store | None = None) -> Restored:
        """Find every damaged file, bring back what can be (from copies, what was merged, a backup), set it aside."""
        with self._housekeeping(), self._lock, refusals(self.place), writing_alone(self.place):
            restored = Restored()
            for name in TABLES:
                restored.notes += mend_log(self.place.child(name), thorough=True).notes
            self._mended = True
            self._open()
            self._repair().everything(restored, backup)
            self._note_lost(restored)
            return restored

    def _fenced_off(self, error: Exception) -> bool:
        """Whether the error came from damaged files that are out of the way now. Called with the right to write."""
        restored = self._repair().fenced_off(error)
        self._note_lost(restored)
        return bool(restored.notes or restored.lost)

    def _note_lost(self, restored: Restored) -> None:
        if restored.hours:
            self._mark = replace(self._mark, lost=(*self._mark.lost, *restored.hours))
            self._mark.write(self.place)
        self._marks = None

    def damaged_files(self) -> list[tuple[str, Sentence]]:
        """Every file of the lake that is not what was written: its path below the lake, and what is wrong with it."""
        logs = [(f"{name}/{path}", what) for name in TABLES for path, what in damaged_log(self.place.child(name))]
        return logs + self._repair().damaged()

    @property
    def lost(self) -> tuple[tuple[str, str, int], ...]:
        """What damage took: first hour, last hour, readings."""
        return self._mark.lost

    def _housekeeping(self) -> AbstractContextManager[None]:
        """One process at a time merges and summarises. Taken before `_writing`, never inside it."""
        return writing_alone(self.place, "compact.lock")

    def _up_to_date(self) -> Marks:
        """The newest time of every channel, also if another process has appended since."""
        version = self._raw.version()
        if self._marks is not None and version != self._marked:
            happened = delta_log.happened(self._raw.place, self._marked, version)
            if happened is None or happened.deleted or happened.revised:
                self._marks = None
            elif happened.added:
                self._marks.advance(self._raw.scan([file.path for file in happened.added]).collect())
        if self._marks is None:
            self._marks = Marks(self.latest())
        self._marked = version
        return self._marks
