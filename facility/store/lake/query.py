"""What hourly rows are asked for, and putting them in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from facility.store.hourly import HOURLY, KEY, within
from facility.store.lake.merge import AT_ONCE


class Question:
    """What is asked for, in terms of hours and of readings. `start` is a full hour.

    `bounded`: the answer is to be made with little memory, however many readings it takes.
    """

    def __init__(
        self,
        assets: Collection[str] | None,
        channels: Collection[str] | None,
        start: datetime | None,
        end: datetime | None,
        *,
        bounded: bool = False,
        between: tuple[str, str | None] = ("", None),
    ) -> None:
        self.assets = assets
        self.channels = channels
        self.start = start
        self.end = end
        self.bounded = bounded
        self._between = between  # assets from the first on, before the second
        self.days = (
            start.astimezone(UTC).date() if start else date.min,
            end.astimezone(UTC).date() if end else date.max,
        )
        self.cut = number(end) if end is not None and number(end) * 3600 != end.timestamp() else None

    def of_hours(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return self._chosen(rows, "hour")

    def of_readings(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        return self._chosen(rows, "time")

    def _chosen(self, rows: pl.LazyFrame, time: str) -> pl.LazyFrame:
        first, beyond = self._between
        if first:
            rows = rows.filter(pl.col("asset") >= first)
        if beyond is not None:
            rows = rows.filter(pl.col("asset") < beyond)
        return within(rows, time, assets=self.assets, channels=self.channels, start=self.start, end=self.end)

    def apart(self, frame: pl.DataFrame) -> Iterator[Question]:
        """This question for one range of assets after the other, if it is bounded. `frame`: asset, count."""
        first = ""
        if self.bounded:
            total = 0
            for asset, count in frame.group_by("asset").agg(pl.col("count").sum()).sort("asset").iter_rows():
                if total and total + count > AT_ONCE:
                    yield self._of_assets(first, asset)
                    first, total = asset, 0
                total += count
        yield self._of_assets(first, None)

    def _of_assets(self, first: str, beyond: str | None) -> Question:
        between = (first, beyond)
        return Question(self.assets, self.channels, self.start, self.end, bounded=self.bounded, between=between)


def in_order(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """All rows by asset, channel, hour, of parts that are runs in that order already.

    Millions of rows are not sorted one by one: what is sorted is where each channel's hours begin and end in each run.
    Where two runs of a channel reach into each other, all is sorted after all.
    """
    rows = pl.concat(parts, rechunk=True) if parts else pl.DataFrame(schema=HOURLY)
    new = (rows["asset"] != rows["asset"].shift(1)) | (rows["channel"] != rows["channel"].shift(1))
    new |= rows["hour"] < rows["hour"].shift(1)
    begins = new.fill_null(value=True).arg_true()
    if begins.len() * 4 > rows.height:  # short runs: sorting is as good
        return rows.sort(KEY)
    first = begins.to_numpy().astype(np.int64)
    length = np.diff(first, append=rows.height)
    runs = rows.select(KEY)[begins].with_row_index("run").sort(KEY)["run"].to_numpy()
    ends = np.cumsum(length[runs])
    index = np.arange(rows.height) + np.repeat(first[runs] - ends + length[runs], length[runs])
    ordered = rows.select(pl.all().gather(index))
    follows = ordered["hour"] >= ordered["hour"].shift(1)
    same = (ordered["asset"] == ordered["asset"].shift(1)) & (ordered["channel"] == ordered["channel"].shift(1))
    return ordered if (follows | ~same).all() else ordered.sort(KEY)


def number(moment: datetime) -> int:
    """Whole hours since the epoch."""
    return int(moment.timestamp() // 3600)


def moment(hour: int) -> datetime:
    """The moment at which an hour since the epoch begins."""
    return datetime.fromtimestamp(hour * 3600, UTC)


def day_of(hour: int) -> date:
    """The day (UTC) of an hour since the epoch."""
    return moment(hour).date()


def next_hour(moment: datetime | None) -> datetime | None:
    """The next beginning of an hour, the moment itself if it is one."""
    if moment is None:
        return None
    full = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return full if full == moment else full + timedelta(hours=1)
