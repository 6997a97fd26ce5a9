"""What of a batch is new, late, a repeat, or a changed value: decided before anything is written, the same everywhere.

A store keeps the newest time of every channel at hand (`Marks`). What is newer is new for certain; only what is not is
looked up in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

IDENTITY = ["asset", "channel", "time"]
FRAME = pl.Schema(
    {
        "asset": pl.String(),
        "channel": pl.String(),
        "time": pl.Datetime("us", "UTC"),
        "value": pl.Float64(),
        "arrived": pl.Datetime("us", "UTC"),
    }
)
_NEVER = np.iinfo(np.int64).min

# (older) -> what the store holds in the range of those rows: asset, channel, time, value
LookUp = Callable[[pl.DataFrame], pl.DataFrame]


class Marks:
    """The newest time of every channel."""

    def __init__(self, latest: pl.DataFrame) -> None:
        self._keys = latest.select("asset", "channel").with_row_index("code")
        self._newest: npt.NDArray[np.int64] = latest["time"].to_physical().to_numpy().astype(np.int64)
        self._rank = self._ranked()

    def codes(self, rows: pl.DataFrame) -> npt.NDArray[np.int64]:
        """A number for the channel of every row; channels not seen before get one."""
        found = self._joined(rows)
        if found.null_count():
            strange = rows.filter(found.is_null()).select("asset", "channel").unique()
            begin = self._keys.height
            self._keys = pl.concat([self._keys, strange.with_row_index("code", offset=begin)])
            self._newest = np.concatenate([self._newest, np.full(strange.height, _NEVER)])
            self._rank = self._ranked()
            found = self._joined(rows)
        return found.to_numpy().astype(np.int64)

    def order(self, codes: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """The order by asset, channel, time; of equal ones the last stays last."""
        return np.lexsort((times, self._rank[codes]))

    def newest(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._newest[codes]

    def advance(self, rows: pl.DataFrame) -> None:
        codes = self.codes(rows)  # first: it may make room for new channels
        np.maximum.at(self._newest, codes, rows["time"].to_physical().to_numpy())

    def frame(self) -> pl.DataFrame:
        """asset, channel, time: everything known, for a store that keeps it."""
        moment = pl.Series("time", self._newest).cast(pl.Datetime("us", "UTC"))
        return self._keys.select("asset", "channel").with_columns(moment).filter(pl.col("time").to_physical() > _NEVER)

    def _joined(self, rows: pl.DataFrame) -> pl.Series:
        keys = rows.select("asset", "channel")
        return keys.join(self._keys, on=["asset", "channel"], how="left", maintain_order="left")["code"]

    def _ranked(self) -> npt.NDArray[np.int64]:
        codes = self._keys.sort("asset", "channel")["code"].to_numpy()
        rank = np.empty(codes.size, dtype=np.int64)
        rank[codes] = np.arange(codes.size)
        return rank


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A batch understood. Frames have the columns of `READINGS` and are sorted by identity."""

    rows: int  # of the batch
    kept: pl.DataFrame  # new or late: not in the store yet
    revised: pl.DataFrame  # in the store with another value
    late: pl.DataFrame  # of kept: older than what the store held of that channel

    @property
    def duplicates(self) -> int:
        return self.rows - self.kept.height


def frame_of(readings: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(readings)).select(FRAME.names()).cast(FRAME)


def sort_out(batch: pl.DataFrame, marks: Marks, held: LookUp) -> Arrivals:
    """Tell what of a batch is new. Of one identity said twice in it, the last counts."""
    codes = marks.codes(batch)
    times = batch["time"].to_physical().to_numpy()
    order = marks.order(codes, times)
    codes, times = codes[order], times[order]
    last = np.ones(order.size, dtype=np.bool_)
    last[:-1] = (codes[1:] != codes[:-1]) | (times[1:] != times[:-1])
    newer = times > marks.newest(codes)
    rows = batch[order]
    if last.all() and newer.all():
        return Arrivals(batch.height, rows, rows.clear(), rows.clear())
    new = rows.filter(pl.Series(last & newer))
    older = rows.filter(pl.Series(last & ~newer))
    if older.is_empty():
        return Arrivals(batch.height, new, rows.clear(), rows.clear())
    both = older.join(
        held(older).select(*IDENTITY, pl.col("value").alias("held")), on=IDENTITY, how="left", maintain_order="left"
    )
    there = pl.col("held").is_not_null()
    columns = FRAME.names()
    late = both.filter(~there).select(columns)
    revised = both.filter(there & (pl.col("held") != pl.col("value"))).select(columns)
    kept = new if late.is_empty() else pl.concat([new, late]).sort(IDENTITY)
    return Arrivals(batch.height, kept, revised, late)


def span_of(rows: pl.DataFrame) -> tuple[datetime, datetime]:
    """The times that rows cover: first, and just after the last."""
    first, last = rows["time"].min(), rows["time"].max()
    assert isinstance(first, datetime)  # noqa: S101 - polars types a column's extreme as any literal
    assert isinstance(last, datetime)  # noqa: S101
    return first, last + timedelta(microseconds=1)
