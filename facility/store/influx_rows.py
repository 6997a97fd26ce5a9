"""What InfluxDB answers as rows of ours, and rows of ours as it keeps them. No server is asked here."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from facility.store import Appended, Refused, flux
from facility.store.arrivals import FRAME, IDENTITY, Arrivals
from facility.store.beside import Hour
from facility.store.hourly import HOURLY, KEY

HOURS_AT_ONCE = 24  # summarised or read back in one question

_FIGURES = ["count", "mean", "std", "min", "max", "first", "last", "increase", "area"]
_OFFSETS = ["first_after", "last_after"]  # microseconds after the full hour, exact as floats
FIELDS = [*_FIGURES, *_OFFSETS]  # of a kept hour


def outcome(
    found: Arrivals, rows: pl.DataFrame, batch: pl.DataFrame, too_old: Mapping[int, str], refused: Mapping[int, str]
) -> tuple[Appended, pl.DataFrame]:
    """What an append did, and the rows that are in the store because of it."""
    if not refused:
        told = tuple(Refused(row, reason) for row, reason in sorted(too_old.items()))
        return Appended(found.kept.height, found.duplicates, found.late.height, len(told), told), rows
    numbered = batch.with_row_index("row")
    lost = rows.with_row_index("line").filter(pl.col("line").is_in(list(refused)))
    why = lost.join(numbered.select(*IDENTITY, "row"), on=IDENTITY, how="left", maintain_order="left")
    reasons = dict(too_old) | {row: refused[line] for line, row in why.select("line", "row").iter_rows()}
    kept = rows.join(lost, on=IDENTITY, how="anti", maintain_order="left")
    stored = found.kept.join(lost, on=IDENTITY, how="anti").height
    late = found.late.join(lost, on=IDENTITY, how="anti").height
    told = tuple(Refused(row, reason) for row, reason in sorted(reasons.items()))
    return Appended(stored, batch.height - stored - len(told), late, len(told), told), kept


def readings_from(answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Columns of `READINGS`, sorted, from the answers for values and for arrivals."""
    keys = ["asset", "channel", "_time"]
    values = [one.select(*keys, "value") for one in answers if "value" in one.columns]
    arrivals = [one.select(*keys, "arrived") for one in answers if "arrived" in one.columns]
    if not values:
        return pl.DataFrame(schema=FRAME)
    whole = pl.concat(values).sort(keys)
    if arrivals:
        whole = whole.join(pl.concat(arrivals), on=keys, how="left", maintain_order="left")
        moment = pl.col("arrived").cast(pl.Datetime("us", "UTC")).fill_null(pl.col("_time"))
    else:  # written by somebody else, without
        moment = pl.col("_time")
    return whole.select("asset", "channel", pl.col("_time").alias("time"), "value", moment.alias("arrived"))


def hours_from_summary(answers: Sequence[pl.DataFrame], length: int) -> pl.DataFrame:
    """Rows of `HOURLY` (with `hour` the beginning of a stretch of `length` microseconds) as the server summed up."""
    found = [one for one in answers if "m2" in one.columns]
    if not found:
        return pl.DataFrame(schema=HOURLY)
    names = sorted(found[0].columns)
    first = pl.col("first_ns") // 1000
    return (
        pl.concat([one.select(names) for one in found])
        .with_columns(
            (first // length * length).cast(pl.Datetime("us", "UTC")).alias("hour"),
            pl.col("number").cast(pl.Int32).alias("count"),
            (pl.col("m2") / pl.col("number")).sqrt().alias("std"),
            first.cast(pl.Datetime("us", "UTC")).alias("first_time"),
            (pl.col("last_ns") // 1000).cast(pl.Datetime("us", "UTC")).alias("last_time"),
        )
        .select(HOURLY.names())
        .cast(HOURLY)
        .sort(KEY)
    )


def fields_of(rows: pl.DataFrame) -> pl.DataFrame:
    hour = pl.col("hour")
    return rows.with_columns(
        (pl.col(name) - hour).dt.total_microseconds().alias(offset)
        for name, offset in zip(("first_time", "last_time"), _OFFSETS, strict=True)
    )


def hours_from_fields(answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    found = [one for one in answers if "area" in one.columns]
    if not found:
        return pl.DataFrame(schema=HOURLY)
    names = ["asset", "channel", "_time", *_FIGURES, *_OFFSETS]
    hour = pl.col("_time")
    return (
        pl.concat([one.select(names) for one in found])
        .with_columns(
            hour.alias("hour"),
            (hour + pl.duration(microseconds=pl.col("first_after"))).alias("first_time"),
            (hour + pl.duration(microseconds=pl.col("last_after"))).alias("last_time"),
        )
        .select(HOURLY.names())
        .cast(HOURLY)
    )


def narrowed(rows: pl.DataFrame, assets: Collection[str] | None, channels: Collection[str] | None) -> pl.DataFrame:
    """Only what was asked for, where the question named too many to narrow it on the server."""
    for name, wanted in (("asset", assets), ("channel", channels)):
        if wanted is not None and len(wanted) > flux.NAMED_AT_MOST:
            rows = rows.filter(pl.col(name).is_in(list(wanted)))
    return rows


def stretches(hours: Sequence[Hour]) -> Iterator[list[Hour]]:
    """Hours that adjoin each other, a day's worth at most."""
    group: list[Hour] = []
    for one in hours:
        if group and (one.number != group[-1].number + 1 or len(group) >= HOURS_AT_ONCE):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def asks_nothing(
    assets: Collection[str] | None, channels: Collection[str] | None, start: datetime | None, end: datetime | None
) -> bool:
    """True where the answer is empty for certain; InfluxDB would refuse an empty range."""
    nobody = (assets is not None and not assets) or (channels is not None and not channels)
    return nobody or (start is not None and end is not None and end <= start)


def microseconds(moment: datetime) -> int:
    return (moment - flux.BEGIN) // timedelta(microseconds=1)


def hour_of(moment: datetime | None) -> int:
    return 0 if moment is None else microseconds(moment) // 3_600_000_000


def is_full_hour(moment: datetime | None) -> bool:
    return moment is None or microseconds(moment) % 3_600_000_000 == 0


def moment_of(hour: int) -> datetime:
    return flux.BEGIN + timedelta(hours=hour)
