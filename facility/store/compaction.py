"""Merging small files into large sorted ones, beside readers and writers.

Today's small files are merged with each other now and then into blocks that follow time. A day that is over is merged
once more, as a whole, into files that each hold a range of assets: a question about one asset then opens one file a
day and one or two row groups of it. The merged files are written and synced before they are committed; only the commit
itself holds the writers back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, datetime, timedelta

import polars as pl

from facility.store.arrivals import IDENTITY
from facility.store.delta_table import Table, Written

SMALL_FILES = 16  # so many may lie about before they are merged
BLOCK_ROWS = 1_000_000  # files of so many rows are left alone until their day is over
FILE_ROWS = 4_000_000  # of a merged file, about: what one merge holds in memory
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
    files = table.snapshot().files
    newest = files["day"].max()
    due = [
        (day, chosen)
        for (day,), group in files.partition_by("day", as_dict=True, maintain_order=True).items()
        if (chosen := _due(group, over=thorough or day != newest, now=now, thorough=thorough)) is not None
    ]
    replaced = 0
    for number, (day, chosen) in enumerate(due):
        if _merge(table, day, chosen, writing):
            replaced += chosen.height
        if on_progress is not None:
            on_progress(number + 1, len(due))
    return replaced


def _due(files: pl.DataFrame, *, over: bool, now: datetime, thorough: bool) -> pl.DataFrame | None:
    """Which files of a day should become one, if any."""
    if files.height < 2:
        return None
    if not over:
        small = files.filter(pl.col("rows") < BLOCK_ROWS)
        return small if small.height > SMALL_FILES else None
    by_asset = files.sort("asset_first", "asset_last")
    apart = (by_asset["asset_last"].shift(1) < by_asset["asset_first"])[1:].all()
    if apart and files.height <= int(files["rows"].sum()) // FILE_ROWS + 1:
        return None  # merged before: each holds its own assets
    touched = files["modified"].max()
    settled = isinstance(touched, datetime) and now - touched > SETTLED
    return files if thorough or settled or files.height > SMALL_FILES else None


def _merge(table: Table, day: date, files: pl.DataFrame, writing: Callable[[], AbstractContextManager[object]]) -> bool:
    written: list[Written] = []
    try:
        for rows in _sorted_ranges(table, files):
            written.append(table.write(rows, day, durable=True))
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
    table.discard(written)  # values were revised meanwhile: the next round will see
    return False


def _sorted_ranges(table: Table, files: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """All rows of some files, sorted by identity without repeats, in ranges of assets that fit into memory."""
    paths = files["path"].to_list()
    total = int(files["rows"].sum())
    if total <= FILE_ROWS * 3 // 2:
        yield _sorted(table.scan(paths).collect())
        return
    counts = table.scan(paths).group_by("asset").len().sort("asset").collect()
    begin, held = "", 0
    assets = counts["asset"].to_list()
    for number, count in enumerate(counts["len"].to_list()):
        begin = begin or assets[number]
        held += count
        if held >= FILE_ROWS or number == len(assets) - 1:
            last = assets[number]
            inside = files.filter(pl.col("asset_last") >= begin, pl.col("asset_first") <= last)
            rows = table.scan(inside["path"].to_list())
            yield _sorted(rows.filter(pl.col("asset").is_between(pl.lit(begin), pl.lit(last))).collect())
            begin, held = "", 0


def _sorted(rows: pl.DataFrame) -> pl.DataFrame:
    rows = rows.sort(*IDENTITY, "arrived")
    repeat = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in IDENTITY)
    return rows.filter(~repeat.fill_null(value=False))
