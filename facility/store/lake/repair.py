"""Damaged files of a lake: which they are, and what of them can be brought back.

A file is known by the checksum in its name. One flipped bit is turned back. Of anything else, what can still be decoded
(pages have checksums of their own), what stands in files it was merged from or into, and what a backup has, goes into
a new file in its place; hourly summaries stay as they are where readings are gone. The damaged file is set aside.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from facility.checksum import checksum_of, mended
from facility.errors import CannotCommunicate
from facility.i18n.messages import Sentence, foreign
from facility.store.contract import Appended
from facility.store.deduplication import FRAME, IDENTITY
from facility.store.lake import delta_log
from facility.store.lake.copies import sum_in_name
from facility.store.lake.files import reaching
from facility.store.lake.location import Place, sync_path
from facility.store.lake.log_repair import set_aside
from facility.store.lake.rollups import Summaries
from facility.store.lake.table import Table

if TYPE_CHECKING:
    from facility.store.contract import Store

log = logging.getLogger(__name__)

MENDED_IN_MEMORY = 1 << 30  # bytes; a larger file is not searched for a flipped bit
TICK = timedelta(microseconds=1)


@dataclass(slots=True)
class Restored:
    """What a repair did. `notes`: what was brought back; `lost`: what was not, exactly."""

    notes: list[Sentence] = field(default_factory=list)
    lost: list[Sentence] = field(default_factory=list)
    readings_lost: int = 0
    hours: list[tuple[str, str, int]] = field(default_factory=list)  # first, last hour of what is lost; readings


class _File(NamedTuple):
    """A file as the table lists it, and what is wrong with it."""

    path: str
    rows: int
    bytes: int
    first: datetime
    last: datetime
    what: Sentence


class Repair:
    """For one lake on a disk. Only `damaged` may be called without the right to write."""

    def __init__(
        self,
        place: Place,
        tables: Mapping[str, Table],
        summaries: Summaries,
        append: Callable[[pl.DataFrame], Appended],
    ) -> None:
        self._place = place
        self._tables = tables
        self._summaries = summaries
        self._append = append

    def damaged(self) -> list[tuple[str, Sentence]]:
        """Every damaged file: its path below the lake, and what is wrong with it."""
        return [(f"{name}/{file.path}", file.what) for name in self._tables for file in self._damaged(name)]

    def everything(self, restored: Restored, backup: Store | None = None) -> None:
        """Mend all files, take in what no commit speaks of, and make summaries anew where they were damaged."""
        self.files(restored, backup)
        taken_in = self.adopt()
        if taken_in:
            self._summaries.remake([str(day) for day in self._tables["raw"].snapshot().files["day"].unique()])
            restored.notes.append(
                Sentence("{count} readings of files that no commit speaks of were taken in", count=taken_in)
            )

    def files(self, restored: Restored, backup: Store | None = None) -> None:
        """Mend damaged files, or put what is left of them in their place."""
        for file in self._damaged("raw"):
            if not self._turned_back("raw", file, restored):
                self._replace_readings(file, restored, backup)
        days: set[str] = set()
        for name in ("hours", "latest"):
            for file in self._damaged(name):
                if not self._turned_back(name, file, restored):
                    days |= self._drop_summary(name, file, restored)
        if days:
            self._summaries.remake(days)

    def fenced_off(self, error: Exception) -> Restored:
        """Put damaged files out of the way if an error may come from them, and tell what became of them."""
        restored = Restored()
        if isinstance(error, (CannotCommunicate, OSError, pa.ArrowException, pl.exceptions.ComputeError)):
            self.files(restored)
            for note in (*restored.notes, *restored.lost):
                log.error("damage in the store was fenced off: %s", note)
        return restored

    def adopt(self) -> int:
        """Take in readings of files that are on the disk and in no commit. Gives how many were new.

        What is in the store already is recognised exactly; what was taken out on purpose is left alone.
        """
        table = self._tables["raw"]
        folder = table.place.folder
        if folder is None:
            return 0
        referenced = set(table.snapshot().files["path"].to_list()) | _removed(table)
        deleted = _deleted(table)
        new = 0
        for file in sorted(folder.glob("day=*/*.parquet"), key=lambda path: path.stat().st_mtime):
            if file.relative_to(folder).as_posix() in referenced:
                continue
            rows = pl.concat([pl.DataFrame(schema=FRAME), *_readable_rows(file)]).filter(
                ~pl.col("asset").is_in(deleted)
            )
            rows = rows.join(self._tables_rows(rows), on=IDENTITY, how="anti")
            if rows.height:
                new += self._append(rows).stored
        return new

    def _tables_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """What the table has of the time and the assets of some rows: the value that is there is the later one."""
        if rows.is_empty():
            return rows
        table = self._tables["raw"]
        first, last = rows["time"].min(), rows["time"].max()
        assert isinstance(first, datetime) and isinstance(last, datetime)  # noqa: S101, PT018 - for the types
        files = reaching(table.snapshot(), assets=rows["asset"].unique().to_list(), start=first, end=last + TICK)
        return table.scan(files["path"].to_list()).collect()

    def _damaged(self, name: str) -> Iterator[_File]:
        table = self._tables[name]
        if table.place.folder is None:
            return
        listed = table.snapshot().files.select("path", "rows", "bytes", "first", "last")
        for path, rows, size, first, last in listed.iter_rows():
            what = _wrong(table.place.folder / path, size)
            if what is not None:
                yield _File(path, rows, size, first, last, what)

    def _turned_back(self, name: str, file: _File, restored: Restored) -> bool:
        """Whether one flipped bit was all, and is as it was."""
        folder, expected = self._tables[name].place.folder, sum_in_name(file.path)
        if folder is None or expected is None or file.bytes > MENDED_IN_MEMORY or not (folder / file.path).exists():
            return False
        content = (folder / file.path).read_bytes()
        whole = mended(content, expected) if len(content) == file.bytes else None
        if whole is None:
            return False
        set_aside(folder, file.path)
        (folder / file.path).write_bytes(whole)
        sync_path(folder / file.path)
        restored.notes.append(
            Sentence("{file}: a flipped bit was turned back, nothing is lost", file=f"{name}/{file.path}")
        )
        return True

    def _replace_readings(self, file: _File, restored: Restored, backup: Store | None) -> None:
        table = self._tables["raw"]
        folder = table.place.folder
        assert folder is not None  # noqa: S101 - for the types
        listed = table.snapshot().files
        row = listed.filter(pl.col("path") == file.path)
        day = row["day"][0]
        parts = [pl.DataFrame(schema=FRAME), *_readable_rows(folder / file.path)]
        if backup is not None:
            parts.append(backup.read(start=file.first, end=file.last + TICK).select(FRAME.names()).cast(FRAME))
        whole = [path for path in listed["path"].to_list() if path != file.path]
        parts += self._neighbours(folder, str(row["path"][0]).split("/")[0], {*whole, file.path})
        low, high = row["asset_first"][0], row["asset_last"][0]
        rows = pl.concat(parts).filter(
            pl.col("time").is_between(file.first, file.last), pl.col("asset").is_between(pl.lit(low), pl.lit(high))
        )
        rows = rows.unique(IDENTITY, keep="first", maintain_order=True)
        others = [path for path in listed.filter(pl.col("day") == day)["path"].to_list() if path != file.path]
        readable = [path for path in others if _wrong(folder / path, -1) is None]
        rows = rows.join(table.scan(readable).collect(), on=IDENTITY, how="anti").sort(IDENTITY)
        written = [table.write(rows, day, durable=True)] if rows.height else []
        table.commit(written, row, note={"repaired": file.path}, rearranged=True)
        table.sync()
        set_aside(folder, file.path)
        name = f"raw/{file.path}"
        restored.notes.append(
            Sentence(
                "{file}: {what}; {count} of {rows} readings are there again",
                file=name,
                what=file.what,
                count=rows.height,
                rows=file.rows,
            )
        )
        if rows.height < file.rows:
            lost = file.rows - rows.height
            restored.readings_lost += lost
            restored.hours.append((_hour(file.first), _hour(file.last), lost))
            restored.lost.append(
                Sentence(
                    "{file}: {count} readings between {first:%Y-%m-%d %H:%M} and {last:%Y-%m-%d %H:%M} UTC are lost, of"
                    " assets from {low} to {high}; hourly summaries made of them before are kept",
                    file=name,
                    count=lost,
                    first=file.first,
                    last=file.last,
                    low=low,
                    high=high,
                )
            )

    def _neighbours(self, folder: Path, day: str, live: set[str]) -> Iterator[pl.DataFrame]:
        """Rows of files of the day that were merged into others and are still there, the newest first."""
        deleted = _deleted(self._tables["raw"])
        for other in sorted(folder.glob(f"{day}/*.parquet"), key=lambda path: -path.stat().st_mtime):
            if other.relative_to(folder).as_posix() not in live:
                for rows in _readable_rows(other):
                    yield rows.filter(~pl.col("asset").is_in(deleted))

    def _drop_summary(self, name: str, file: _File, restored: Restored) -> set[str]:
        """Take a damaged file of summaries out. Gives the days whose summaries are to be made again."""
        table = self._tables[name]
        folder = table.place.folder
        assert folder is not None  # noqa: S101 - for the types
        row = table.snapshot().files.filter(pl.col("path") == file.path)
        day = row["day"][0]
        have = set(self._tables["raw"].snapshot().files["day"].to_list())
        written = []
        if name == "hours" and day not in have:
            rows = pl.concat([pl.DataFrame(schema=table.frame), *_readable_rows(folder / file.path, table.frame)])
            written = [table.write(rows.sort(table.key), day, durable=True)] if rows.height else []
            if rows.height < file.rows:
                restored.lost.append(
                    Sentence(
                        "{file}: {count} hourly summaries of {day} are lost, and there are no readings to make them"
                        " from",
                        file=f"{name}/{file.path}",
                        count=file.rows - rows.height,
                        day=day,
                    )
                )
        table.commit(written, row, rearranged=True)
        table.sync()
        set_aside(folder, file.path)
        restored.notes.append(
            Sentence("{file}: {what}; it is made again from the readings", file=f"{name}/{file.path}", what=file.what)
        )
        return {str(day)} if day in have or name == "latest" else set()


def _wrong(file: Path, size: int) -> Sentence | None:
    """What is wrong with a file; None if it is what was written. A negative size is not looked at."""
    try:
        actual = file.stat().st_size
        if size >= 0 and actual != size:
            return Sentence("it has {actual} bytes and not {size}", actual=actual, size=size)
        expected = sum_in_name(file.name)
        if expected is not None:
            return None if checksum_of(file) == expected else Sentence("its content is not what was written (checksum)")
        with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
            for _ in parquet.iter_batches():
                pass
    except FileNotFoundError:
        return Sentence("it is missing")
    except (OSError, pa.ArrowException) as error:
        return Sentence("it cannot be read ({error})", error=foreign(" ".join(str(error).split())[:200]))
    return None


def _readable_rows(file: Path, frame: pl.Schema = FRAME) -> Iterator[pl.DataFrame]:
    """What can still be decoded of a file: row group after row group, each page by its checksum."""
    try:
        parquet = pq.ParquetFile(file, page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        return
    with parquet:
        for group in range(parquet.num_row_groups):
            try:
                table = parquet.read_row_group(group, columns=frame.names(), use_threads=False)
                rows = pl.DataFrame(pl.from_arrow(table)).select(frame.names()).cast(frame)
            except (OSError, pa.ArrowException, pl.exceptions.PolarsError, ValueError):
                continue
            yield rows.drop_nulls()


def _commits(table: Table) -> Iterator[list[dict[str, object]]]:
    folder = table.place.folder
    assert folder is not None  # noqa: S101 - for the types
    for file in sorted((folder / "_delta_log").glob("[0-9]*.json")):
        yield delta_log.actions(table.place, int(file.stem)) or []


def _removed(table: Table) -> set[str]:
    """Files that were taken out of the table, as far back as the log goes."""
    removed = set()
    for lines in _commits(table):
        for line in lines:
            action = line.get("remove")
            if isinstance(action, dict):
                removed.add(unquote(str(action["path"])))
    return removed


def _deleted(table: Table) -> list[str]:
    """Assets that were deleted, as far back as the log goes."""
    notes = (delta_log.note_of(lines) for lines in _commits(table))
    return [str(note["deleted"]) for note in notes if "deleted" in note]


def _hour(moment: datetime) -> str:
    return moment.replace(minute=0, second=0, microsecond=0).isoformat()
