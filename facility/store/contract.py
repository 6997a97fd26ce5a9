"""Where readings are kept: one contract, whatever stands behind it.

A reading is (asset, channel, time, value) with its arrival time beside it. Its identity is (asset, channel, time):
appending the same reading twice changes nothing, and a different value for the same identity replaces the old one.
In bulk readings travel as Arrow tables of `READINGS`; answers come as Polars frames.

`Lake` keeps Delta tables in a folder or an object store, `Influx` keeps points in an InfluxDB 2.x. Both pass the suite
in `tests/facility/test_facility_store_contract.py`, which is this contract in code.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
class Refused:
    """A row that the store will not keep, and why: for quarantine."""

    row: int  # of the table that was appended
    reason: str


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the rows of one append: rows = stored + duplicates + refused."""

    stored: int  # new in the store
    duplicates: int  # identity was there already (the value, if it differs, was replaced)
    late: int  # of the stored: older than what the store held of that channel already
    refused: int = 0  # not kept: older than the store keeps, or not taken by the server
    refusals: tuple[Refused, ...] = field(default=(), compare=False)  # one each; not known again after a crash


@dataclass(frozen=True, slots=True)
class StoreSize:
    """How much a store holds."""

    readings: int
    bytes: int  # 0 where the store does not say
    files: int
    first: datetime | None  # time of the earliest reading, UTC
    last: datetime | None  # time of the latest


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to the readings since a cursor. Applying it twice does no harm."""

    cursor: str  # to ask from next
    readings: pl.DataFrame  # columns of `READINGS`: stored or revised since; some unchanged ones may be among them
    deleted: tuple[str, ...]  # assets deleted since; to be applied before the readings
    whole: bool  # True: the cursor is too old (or none was given), and these are all readings there are
    more: bool  # there is more to be had at once


@dataclass(frozen=True, slots=True)
class Revised:
    """Whose readings from before a moment were added, changed or deleted since a cursor."""

    cursor: str  # to ask from next
    assets: frozenset[str] | None  # more may be named than were touched; None: the store can no longer tell


@dataclass(frozen=True, slots=True)
class Retention:
    """How long readings and their hourly summaries are kept, counted back from now; None is for ever."""

    raw: timedelta | None = None
    hourly: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a store answers, and what is wrong if it does not."""

    ok: bool
    kind: str  # lake or influx
    detail: str  # version and place, or what is wrong
    facts: Mapping[str, int | float | str] = field(default_factory=dict)


class Store(Protocol):
    """A time-series store. Any number of processes read at any moment; writers take turns."""

    def append(self, readings: pa.Table, *, source: str = "", cursor: int = 0, tally: str = "") -> Appended:
        """Keep readings (schema `READINGS`, any order, repeats allowed; of one identity the last row counts).

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
        resolution: timedelta | None = None,
    ) -> pl.DataFrame:
        """Readings with start <= time < end, columns of `READINGS`, sorted by asset, channel, time.

        With a `resolution`, one row for each stretch of that length (counted from 1970) that has readings: asset,
        channel, time (its beginning), value (mean), min, max, last (f64), count (i64).
        """
        ...

    def latest(self, *, assets: Collection[str] | None = None) -> pl.DataFrame:
        """The newest reading by device time of every channel: columns of `READINGS`, sorted."""
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
        last (f64), increase (f64: growth of a cumulative channel since the hour before, resets handled), time_weighted
        (f64: mean over the hour, each value holding until the next; the hour begins with what the hour before ended
        with). If `end` is not a full hour, the last hour holds only what is before `end`.
        """
        ...

    def changes(self, since: str | None = None, *, at_most: int = 1_000_000) -> Changes:
        """What was stored, revised or deleted since a cursor that an earlier call gave; None: from the beginning.

        Stops after about `at_most` readings and says that there is `more`. Raises `CannotDo` where the store keeps no
        record of changes.
        """
        ...

    def revised(self, since: str, *, before: datetime) -> Revised:
        """Which assets' readings with time < `before` are not what they were at a cursor of `revised` or `changes`.

        Reads what came late and nothing else. Of a cursor it does not know, "" among them, the store cannot tell.
        """
        ...

    def delete(self, asset: str) -> int:
        """Remove an asset's readings and summaries for good. Gives how many readings it had."""
        ...

    def retain(self, retention: Retention) -> None:
        """From now on keep readings and summaries only so long. `maintain` drops what is older, in whole days."""
        ...

    def retention(self) -> Retention: ...

    def maintain(self) -> None:
        """Compact small files, bring the rollups up to date, drop what is too old. Readers are not disturbed."""
        ...

    def size(self) -> StoreSize: ...

    def identity(self) -> str:
        """What tells this store from any other, for as long as it exists."""
        ...

    def health(self) -> Health:
        """Whether the store answers, and what it says of itself. Never raises for a store that does not."""
        ...

    def close(self) -> None: ...


Sites = Callable[[], Mapping[str, str]]  # the site of every asset, where a store can make use of it
