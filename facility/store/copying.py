"""Moving all readings from one store into another, of the same kind or not.

Every stretch of time is compared by count and checksum, copied if the two differ, and compared again. So a copy that
was killed goes on where it was when it is started again, a copy of a store that has grown since brings only what is
new, and what the report says has been verified by reading both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from facility.errors import CannotCommunicate
from facility.i18n.messages import Sentence, foreign
from facility.store.contract import READINGS, Retention, Store

ROWS_AT_ONCE = 10_000_000  # of a stretch, about; it is held in memory
DAY, HOUR = timedelta(days=1), timedelta(hours=1)

Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Sum:
    """What a stretch of readings amounts to, whatever their order."""

    count: int
    checksum: int  # of asset, channel, time and value


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy found and did."""

    stretches: int  # compared
    copied: int  # of them: had to be copied
    readings: int  # in the source, all of them verified in the target
    stored: int  # readings that were new in the target
    checksum: str  # of all readings
    extra: int  # readings of the target that the source does not have


def sum_of(rows: pl.DataFrame) -> Sum:
    """Count and checksum of readings, whatever their order."""
    if rows.is_empty():
        return Sum(0, 0)
    keyed = rows.select("asset", "channel", pl.col("time").dt.timestamp("us"), pl.col("value") + 0.0)  # no -0.0
    hashes = keyed.hash_rows(seed=7).to_numpy()
    return Sum(rows.height, int(hashes.sum(dtype="uint64")))


def copy(source: Store, target: Store, *, on_progress: Progress | None = None) -> Copied:
    """Bring everything of `source` into `target`. Raises `CannotCommunicate` if a stretch differs after copying."""
    size = source.size()
    if target.retention() == Retention() and source.retention() != Retention():
        target.retain(source.retention())
    stretches = list(_stretches(size.first, size.last, size.readings))
    copied = stored = extra = total = checksum = 0
    for number, (start, end) in enumerate(stretches):
        rows = source.read(start=start, end=end)
        expected = sum_of(rows)
        found = sum_of(target.read(start=start, end=end))
        if found != expected:
            copied += 1
            stored += _bring(rows, target)
            extra += _verify(rows, expected, target, start, end)
        total += expected.count
        checksum = (checksum + expected.checksum) % 2**64
        if on_progress is not None:
            on_progress(number + 1, len(stretches))
    target.maintain()
    target.sync()
    return Copied(len(stretches), copied, total, stored, f"{checksum:016x}", extra)


def _bring(rows: pl.DataFrame, target: Store) -> int:
    done = target.append(rows.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS))
    if done.refused:
        reason = foreign(done.refusals[0].reason) if done.refusals else Sentence("no reason given")
        raise CannotCommunicate(
            "the target will not keep {count} readings: {reason}",
            "Lengthen its retention, or shorten the source's",
            count=done.refused,
            reason=reason,
        )
    return done.stored


def _verify(rows: pl.DataFrame, expected: Sum, target: Store, start: datetime, end: datetime) -> int:
    """How many readings the target has beside those of the source."""
    there = target.read(start=start, end=end)
    if sum_of(there) == expected:
        return 0
    frame = there.join(rows, on=["asset", "channel", "time", "value"], how="semi")
    if sum_of(frame) != expected:
        raise CannotCommunicate(
            "readings from {start:%Y-%m-%d %H:%M} on differ after copying ({kept} of {count} agree)",
            "Is something else writing to the target? Run the copy again",
            start=start,
            kept=frame.height,
            count=expected.count,
        )
    return there.height - frame.height


def _stretches(first: datetime | None, last: datetime | None, readings: int) -> Iterator[tuple[datetime, datetime]]:
    if first is None or last is None:
        return
    days = max(1, (last - first) // DAY)
    step = DAY if readings / days <= ROWS_AT_ONCE else HOUR
    begin = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    begin = begin.replace(hour=0) if step == DAY else begin
    while begin <= last:
        yield begin, begin + step
        begin += step
