"""What InfluxDB answers as rows of ours, and rows of ours as it keeps them. No server is asked here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from facility.store.contract import Appended, Refused
from facility.store.deduplication import FRAME, IDENTITY, Arrivals
from facility.store.hourly import HOURLY, summarise
from facility.store.influx import flux
from facility.store.influx.line_protocol import FIGURES, MOMENTS
from facility.store.influx.sidecar import Hour


def outcome(
    arrivals: Arrivals, rows: pl.DataFrame, batch: pl.DataFrame, too_old: Mapping[int, str], refused: Mapping[int, str]
) -> tuple[Appended, pl.DataFrame]:
    """What an append did, and the rows that are in the store because of it."""
    if not refused:
        refuseds = tuple(Refused(row, reason) for row, reason in sorted(too_old.items()))
        return Appended(arrivals.kept.height, arrivals.duplicates, arrivals.late.height, len(refuseds), refuseds), rows
    numbered = batch.with_row_index("row")
    lost = rows.with_row_index("line").filter(pl.col("line").is_in(list(refused)))
    why = lost.join(numbered.select(*IDENTITY, "row"), on=IDENTITY, how="left", maintain_order="left")
    reasons = dict(too_old) | {row: refused[line] for line, row in why.select("line", "row").iter_rows()}
    frame = rows.join(lost, on=IDENTITY, how="anti", maintain_order="left")
    stored = arrivals.kept.join(lost, on=IDENTITY, how="anti").height
    late = arrivals.late.join(lost, on=IDENTITY, how="anti").height
    refuseds = tuple(Refused(row, reason) for row, reason in sorted(reasons.items()))
    return Appended(stored, batch.height - stored - len(refuseds), late, len(refuseds), refuseds), frame


def readings_from(answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Columns of `READINGS`, sorted, from the answers for values and for arrivals."""
    keys = ["asset", "channel", "_time"]
    values = [frame.select(*keys, "value") for frame in answers if "value" in frame.columns]
    arrivals = [frame.select(*keys, "arrived") for frame in answers if "arrived" in frame.columns]
    if not values:
        return pl.DataFrame(schema=FRAME)
    whole = pl.concat(values).sort(keys)
    if arrivals:
        whole = whole.join(pl.concat(arrivals), on=keys, how="left", maintain_order="left")
        moment = pl.col("arrived").cast(pl.Datetime("us", "UTC")).fill_null(pl.col("_time"))
    else:  # written by somebody else, without
        moment = pl.col("_time")
    return whole.select("asset", "channel", pl.col("_time").alias("time"), "value", moment.alias("arrived"))


def hours_from_values(answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Rows of `HOURLY`, summarised here from values."""
    frame = values_from(answers)
    return pl.DataFrame(schema=HOURLY) if frame.is_empty() else summarise(frame.lazy())


def values_from(answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Asset, channel, time and value, in any order."""
    columns = ["asset", "channel", pl.col("_time").alias("time"), "value"]
    frames = [frame.select(columns) for frame in answers if "value" in frame.columns]
    return pl.concat(frames) if frames else pl.DataFrame(schema=FRAME).drop("arrived")


def hours_from_figures(answers: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Rows of `HOURLY` from those that `line_protocol.hour_lines` wrote."""
    frames = [frame.select("asset", "channel", "_time", "figures") for frame in answers if "figures" in frame.columns]
    if not frames:
        return pl.DataFrame(schema=HOURLY)
    space = pl.col("figures").str.split_exact(" ", len(FIGURES) - 1).struct
    hour = pl.col("_time")
    return (
        pl.concat(frames)
        .with_columns(space.rename_fields(FIGURES).struct.unnest(), hour.alias("hour"))
        .with_columns((hour + pl.duration(microseconds=pl.col(name).cast(pl.Int64))).alias(name) for name in MOMENTS)
        .with_columns(pl.col("count").cast(pl.Float64))
        .select(HOURLY.names())
        .cast(HOURLY)
    )


def narrowed(rows: pl.DataFrame, assets: Collection[str] | None, channels: Collection[str] | None) -> pl.DataFrame:
    """Only what was asked for, where the question named too many to narrow it on the server."""
    for name, names in (("asset", assets), ("channel", channels)):
        if names is not None and len(names) > flux.NAMED_AT_MOST:
            rows = rows.filter(pl.col(name).is_in(list(names)))
    return rows


def adjoining(hours: Sequence[Hour], at_most: int) -> Sequence[Hour]:
    """The first hours that follow each other without a gap, so many at most."""
    length = 1
    while length < min(at_most, len(hours)) and hours[length].number == hours[length - 1].number + 1:
        length += 1
    return hours[:length]


def asks_nothing(
    assets: Collection[str] | None, channels: Collection[str] | None, start: datetime | None, end: datetime | None
) -> bool:
    """True where the answer is empty for certain; InfluxDB would refuse an empty range."""
    nobody = (assets is not None and not assets) or (channels is not None and not channels)
    return nobody or (start is not None and end is not None and end <= start)


def microseconds(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - flux.BEGIN) // timedelta(microseconds=1)


def hour_of(moment: datetime | None) -> int:
    """Hours since the epoch; 0 without a moment."""
    return 0 if moment is None else microseconds(moment) // 3_600_000_000


def is_full_hour(moment: datetime | None) -> bool:
    """Whether a moment is the beginning of an hour; none counts as one."""
    return moment is None or microseconds(moment) % 3_600_000_000 == 0


def moment_of(hour: int) -> datetime:
    """The moment at which an hour since the epoch begins."""
    return flux.BEGIN + timedelta(hours=hour)
