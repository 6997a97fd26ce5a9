"""Readings into a file that everybody can read: Parquet, or CSV for spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from facility.errors import CannotCommunicate, CannotDo
from facility.store.contract import READINGS, Store

STEP = timedelta(days=1)  # held in memory at a time

Progress = Callable[[int, int], object]


def export(
    store: Store,
    file: Path,
    *,
    assets: Collection[str] | None = None,
    channels: Collection[str] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    on_progress: Progress | None = None,
) -> int:
    """Write readings with start <= time < end, by day. Gives how many; the file appears whole or not at all."""
    if file.suffix not in (".parquet", ".csv"):
        raise CannotDo("{name} is neither .parquet nor .csv", "Name the file accordingly", name=file.name)
    size = store.size()
    first, last = start or size.first, end or size.last
    if end is None and last is not None:
        last += timedelta(microseconds=1)
    beside = file.with_name(f".{file.name}.part")
    rows = 0
    try:
        with _writer(beside, file.suffix) as writer:
            begin = first.astimezone(UTC) if first else None
            days = 0 if begin is None or last is None else max(0, -(-(last - begin) // STEP))
            for number in range(days):
                assert begin is not None  # noqa: S101 - there are days
                assert last is not None  # noqa: S101
                until = min(begin + STEP, last)
                frame = store.read(assets=assets, channels=channels, start=begin, end=until)
                if frame.height:
                    writer.write_table(frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS))
                    rows += frame.height
                begin = until
                if on_progress is not None:
                    on_progress(number + 1, days)
        beside.replace(file)
    except OSError as error:
        raise CannotCommunicate(
            "{path} cannot be written: {error}", "Check the folder and its space", path=file, error=error
        ) from None
    finally:
        beside.unlink(missing_ok=True)
    return rows


def _writer(file: Path, suffix: str) -> pq.ParquetWriter | arrow_csv.CSVWriter:
    if suffix == ".parquet":
        return pq.ParquetWriter(file, READINGS, compression="zstd")
    return arrow_csv.CSVWriter(pa.OSFile(str(file), "wb"), READINGS)
