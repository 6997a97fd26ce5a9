"""Which files of a table are asked for, and rows apart by day."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, datetime

import polars as pl

from facility.i18n.messages import Sentence
from facility.store.contract import Appended, Refused
from facility.store.lake.table import Snapshot


def admitted(batch: pl.DataFrame, first_day: date | None) -> tuple[pl.DataFrame, tuple[Refused, ...]]:
    """A batch without what is older than the readings kept, and that as refused."""
    if first_day is None or batch.is_empty():
        return batch, ()
    late = batch["time"].dt.date() < first_day
    if not late.any():
        return batch, ()
    reason = str(Sentence("older than the readings kept (from {day})", day=first_day.isoformat()))
    return batch.filter(~late), tuple(Refused(row, reason) for row in late.arg_true().to_list())


def by_day(rows: pl.DataFrame) -> Iterator[tuple[date, pl.DataFrame]]:
    """Rows apart by UTC day, their order kept."""
    days = rows["time"].dt.date()
    if rows.height and days.min() == days.max():
        yield days[0], rows
        return
    for (day,), part in rows.with_columns(days.alias("day")).partition_by("day", as_dict=True).items():
        yield day, part.drop("day")


def reaching(
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


def full_hour(moment: datetime | None) -> bool:
    """Whether a moment is the beginning of an hour; none counts as one."""
    return moment is None or moment.timestamp() % 3600 == 0


def counts_of(done: Appended) -> dict[str, int]:
    """What an append came to, as it is kept in the log."""
    return {"stored": done.stored, "duplicates": done.duplicates, "late": done.late, "refused": done.refused}
