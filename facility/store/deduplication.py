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
        self._keys = latest.select("asset", "channel")
        self._newest: npt.NDArray[np.int64] = latest["time"].to_physical().to_numpy().astype(np.int64)
        self._put_in_order()

    def codes(self, rows: pl.DataFrame) -> npt.NDArray[np.int64]:
        """A number for the channel of every row; channels not seen before get one."""
        stored = self._found(rows)
        if (strange := stored < 0).any():
            new = rows.filter(pl.Series(strange)).select("asset", "channel").unique()
            self._keys = pl.concat([self._keys, new])
            self._newest = np.concatenate([self._newest, np.full(new.height, _NEVER)])
            self._put_in_order()
            stored = self._found(rows)
        return stored

    def order(self, codes: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
        """The order by asset, channel, time; of equal ones the last stays last."""
        return np.lexsort((times, self._rank[codes]))

    def newest(self, codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return self._newest[codes]

    def advance(self, rows: pl.DataFrame) -> None:
        self.move(self.codes(rows), rows["time"].to_physical().to_numpy())

    def move(self, codes: npt.NDArray[np.int64], times: npt.NDArray[np.int64]) -> None:
        np.maximum.at(self._newest, codes, times)

    def frame(self) -> pl.DataFrame:
        """asset, channel, time: everything known, for a store that keeps it."""
        moment = pl.Series("time", self._newest).cast(pl.Datetime("us", "UTC"))
        return self._keys.with_columns(moment).filter(pl.col("time").to_physical() > _NEVER)

    def _put_in_order(self) -> None:
        """Number assets and channels in their order, so that a pair of them is found by bisection."""
        self._assets = pl.Enum(self._keys["asset"].unique().sort())
        self._channels = pl.Enum(self._keys["channel"].unique().sort())
        pairs = self._pairs(self._keys)
        self._sorted = np.argsort(pairs)
        self._known = pairs[self._sorted]
        self._rank = np.empty(pairs.size, dtype=np.int64)
        self._rank[self._sorted] = np.arange(pairs.size)

    def _pairs(self, rows: pl.DataFrame) -> npt.NDArray[np.int64]:
        """One number for asset and channel of every row; below zero where one of them is not known."""
        asset, channel = (
            pl.col(name).cast(enum, strict=False).to_physical().cast(pl.Int64)
            for name, enum in (("asset", self._assets), ("channel", self._channels))
        )
        pair = (asset * len(self._channels.categories) + channel).fill_null(-1)
        return rows.select(pair)["asset"].to_numpy()

    def _found(self, rows: pl.DataFrame) -> npt.NDArray[np.int64]:
        pairs = self._pairs(rows)
        if not self._known.size:
            return np.full(pairs.size, -1)
        at = np.minimum(np.searchsorted(self._known, pairs), self._known.size - 1)
        return np.where(self._known[at] == pairs, self._sorted[at], -1)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A batch understood. Frames have the columns of `READINGS` and are sorted by identity."""

    rows: int  # of the batch
    kept: pl.DataFrame  # new or late: not in the store yet
    revised: pl.DataFrame  # in the store with another value
    late: pl.DataFrame  # of kept: older than what the store held of that channel
    newer: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]  # code and time of what moves the marks once it is kept

    @property
    def duplicates(self) -> int:
        return self.rows - self.kept.height


def frame_of(readings: pa.Table) -> pl.DataFrame:
    """Readings as a frame of the columns that are compared."""
    return pl.DataFrame(pl.from_arrow(readings)).select(FRAME.names()).cast(FRAME)


def sort_out(batch: pl.DataFrame, marks: Marks, look_up: LookUp) -> Arrivals:
    """Tell what of a batch is new. Of one identity said twice in it, the last counts."""
    codes = marks.codes(batch)
    times = batch["time"].to_physical().to_numpy()
    order = marks.order(codes, times)
    codes, times = codes[order], times[order]
    last = np.ones(order.size, dtype=np.bool_)
    last[:-1] = (codes[1:] != codes[:-1]) | (times[1:] != times[:-1])
    newer = times > marks.newest(codes)
    rows = batch[order]
    moves = (codes[last & newer], times[last & newer])
    if moves[0].size == order.size:
        return Arrivals(batch.height, rows, rows.clear(), rows.clear(), moves)
    new = rows.filter(pl.Series(last & newer))
    older = rows.filter(pl.Series(last & ~newer))
    if older.is_empty():
        return Arrivals(batch.height, new, rows.clear(), rows.clear(), moves)
    both = older.join(
        look_up(older).select(*IDENTITY, pl.col("value").alias("held")), on=IDENTITY, how="left", maintain_order="left"
    )
    there = pl.col("held").is_not_null()
    columns = FRAME.names()
    late = both.filter(~there).select(columns)
    revised = both.filter(there & (pl.col("held") != pl.col("value"))).select(columns)
    frame = new if late.is_empty() else pl.concat([new, late]).sort(IDENTITY)
    return Arrivals(batch.height, frame, revised, late, moves)


def span_of(rows: pl.DataFrame) -> tuple[datetime, datetime]:
    """The times that rows cover: first, and just after the last."""
    first, last = rows["time"].min(), rows["time"].max()
    assert isinstance(first, datetime)  # noqa: S101 - polars types a column's extreme as any literal
    assert isinstance(last, datetime)  # noqa: S101
    return first, last + timedelta(microseconds=1)
