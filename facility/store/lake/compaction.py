"""Merging small files into large sorted ones, beside readers and writers.

Small files of a day are merged with each other now and then into blocks that follow time, and many blocks into larger
ones. A day that is over and has come to rest is merged once more, as a whole, into files that each hold a range of
assets: a question about one asset then opens one file a day and one or two row groups of it. Whatever is merged is
streamed, so that it takes the same little memory at any size. The merged files are written and synced before they are
committed; only the commit itself holds the writers back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from facility.store.lake.delta_log import Written
from facility.store.lake.table import Table

SMALL_FILES = 16  # so many of a kind may lie about before they are merged
SMALL_ROWS, BLOCK_ROWS = 62_500, 1_000_000  # kinds of files: what holds less than the one, or the other, ...
FILE_ROWS = 4_000_000  # ... or this; of a file of a day that is over, about
OPEN_FILES = 32  # merged at a time
SETTLED = timedelta(hours=1)  # a day that is over and untouched for so long is merged for good

Progress = Callable[[int, int], object]


def compact(
    table: Table,
    writing: Callable[[], AbstractContextManager[object]],
    *,
    now: datetime,
    thorough: bool = False,
    on_progress: Progress | None = None,
) -> int:
    """Merge what is due, or with `thorough` every day into its final form. Gives how many files were replaced.

    `writing` holds the writers back while merged files are put in place of others.
    """
    newest = table.snapshot().files["day"].max()
    days = table.snapshot().files["day"].unique().sort().to_list()
    replaced = 0
    for number, day in enumerate(days):
        over = thorough or day != newest
        while (due := _due(_of(table, day), over=over, now=now, thorough=thorough)) is not None:
            if not _merge(table, day, due, writing):
                break  # values were revised meanwhile: the next round will see
            replaced += due.files.height
        if on_progress is not None:
            on_progress(number + 1, len(days))
    return replaced


@dataclass(frozen=True, slots=True)
class _Due:
    """Files of a day to be merged; `final`: all there are, to become files that each hold their own assets."""

    files: pl.DataFrame
    final: bool


def _of(table: Table, day: date) -> pl.DataFrame:
    return table.snapshot().files.filter(pl.col("day") == day)


def _due(files: pl.DataFrame, *, over: bool, now: datetime, thorough: bool) -> _Due | None:
    """Which files of a day should be merged next, if any."""
    if files.height < 2:
        return None
    if over:
        by_asset = files.sort("asset_first", "asset_last")
        apart = (by_asset["asset_last"].shift(1) < by_asset["asset_first"])[1:].all()
        if apart and files.height <= int(files["rows"].sum()) // FILE_ROWS + 1:
            return None  # merged before
        touched = files["modified"].max()
        settled = isinstance(touched, datetime) and now - touched > SETTLED
        if thorough or settled:
            final = files.height <= OPEN_FILES
            return _Due(files if final else files.sort("rows").head(OPEN_FILES), final)
    for rows in (SMALL_ROWS, BLOCK_ROWS, FILE_ROWS):
        small = files.filter(pl.col("rows") < rows)
        if small.height > SMALL_FILES:
            return _Due(small.sort("rows").head(OPEN_FILES), final=False)
    return None


def _merge(table: Table, day: date, due: _Due, writing: Callable[[], AbstractContextManager[object]]) -> bool:
    files = due.files
    written: list[Written] = []
    try:
        rows = _once(table, files)
        for frames in _portions(rows) if due.final else (rows,):
            written.append(table.write_all(frames, day, durable=True))
        table.sync()
        with writing():
            there = set(table.snapshot().files["path"].to_list())
            if set(files["path"].to_list()) <= there:
                table.commit(written, files, rearranged=True)
                table.sync()  # before anybody builds on it
                return True
    except BaseException:
        table.discard(written)
        raise
    table.discard(written)
    return False


def _once(table: Table, files: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows of some files in order; of one identity that which arrived last."""
    repeat = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in table.key).fill_null(value=False)
    order = [*table.key, *(name for name in table.frame if name == "arrived")]
    for rows in table.merged(files):
        yield rows.sort(order).filter(~repeat) if rows.select(repeat.any()).item() else rows


def _portions(frames: Iterator[pl.DataFrame]) -> Iterator[Iterator[pl.DataFrame]]:
    """Frames for one file after the other: cut between two assets, once `FILE_ROWS` are reached."""
    left: list[pl.DataFrame] = []

    def portion(rows: pl.DataFrame | None) -> Iterator[pl.DataFrame]:
        height, asset = 0, ""
        while rows is not None:
            if height >= FILE_ROWS:
                rest = int((rows["asset"] == asset).sum())  # of the last asset: at the beginning, as all is sorted
                if rest < rows.height:
                    left.append(rows[rest:])
                    rows = rows[:rest]
            if rows.height:
                yield rows
            if left:
                return
            height, asset = height + rows.height, rows["asset"][-1]
            rows = next(frames, None)

    while (rows := left.pop() if left else next(frames, None)) is not None:
        yield portion(rows)
