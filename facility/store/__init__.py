"""Where readings are kept: one contract, whatever stands behind it.

A reading is (asset, channel, time, value) with its arrival time beside it. Its identity is (asset, channel, time):
appending the same reading twice changes nothing, and a different value for the same identity replaces the old one.
In bulk readings travel as Arrow tables of `READINGS`; answers come as Polars frames.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import polars as pl
import pyarrow as pa

READINGS = pa.schema(
    [
        ("asset", pa.string()),
        ("channel", pa.string()),
        ("time", pa.timestamp("us", tz="UTC")),  # the device's time
        ("value", pa.float64()),  # in the channel's unit; never NaN or null
        ("arrived", pa.timestamp("us", tz="UTC")),
    ]
)


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the rows of one append: rows = stored + duplicates."""

    stored: int  # new in the store
    duplicates: int  # identity was there already (the value, if it differs, was replaced)
    late: int  # of the stored: older than what the store held of that channel already


@dataclass(frozen=True, slots=True)
class StoreSize:
    readings: int
    bytes: int
    files: int
    first: datetime | None  # time of the earliest reading, UTC
    last: datetime | None  # time of the latest


class Store(Protocol):
    """A time-series store. One process appends, many read, at any moment."""

    def append(self, readings: pa.Table, *, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        """Keep readings (schema `READINGS`, any order, repeats allowed).

        With a `source`, `cursor` is committed together with the rows, all or nothing: after a crash `cursor(source)`
        says what has been kept. `tally` is an opaque note kept with that commit and given back by `cursor`.
        """
        ...

    def cursor(self, source: str) -> tuple[int, Appended, str] | None:
        """The last committed cursor of a source, what that append did, and its tally; None if there was none."""
        ...

    def sync(self) -> None:
        """Return only when all that was appended would survive a power cut."""
        ...

    def read(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        """Readings with start <= time < end, columns of `READINGS`, sorted by asset, channel, time."""
        ...

    def latest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        """The newest reading by device time of every channel: columns of `READINGS`."""
        ...

    def rollups(
        self,
        *,
        assets: Collection[str] | None = None,
        channels: Collection[str] | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> pl.DataFrame:
        """Hourly summaries with start <= hour < end, sorted by asset, channel, hour.

        Columns: asset, channel (str), hour (datetime[us, UTC]), count (i32), mean, std (population), min, max, first,
        last (f64), increase (f64: growth of a cumulative channel since the hour before, resets handled).
        If `end` is not a full hour, the last hour holds only what is before `end`.
        """
        ...

    def maintain(self) -> None:
        """Compact small files and bring the rollups up to date. Readers are not disturbed."""
        ...

    def size(self) -> StoreSize: ...

    def close(self) -> None: ...


def open_store(folder: Path, *, create: bool = False) -> Store:
    """The store of a data folder. Raises `CannotDo` where there is none and `create` is not set."""
    from facility.store.lake import Lake

    return Lake(folder, create=create)
