"""How a table's files are written: sorted rows as Parquet, and what the log says of them.

Times are packed as differences and everything else stands in dictionaries, under zstd.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 65_536
PAGE_BYTES = 1 << 16  # of a column: so much of every file is unpacked while it is merged


def encode(frames: Iterable[pl.DataFrame], target: Path | io.BytesIO, frame: pl.Schema, stats: Stats) -> None:
    """Write frames that follow each other in order as one Parquet file."""
    stamps = [name for name, kind in frame.items() if kind.is_temporal()]
    layout: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 3,
        "data_page_size": PAGE_BYTES,
        "dictionary_pagesize_limit": PAGE_BYTES,
        "use_dictionary": [name for name in frame if name not in stamps],
        "write_page_checksum": True,
        "column_encoding": dict.fromkeys(stamps, "DELTA_BINARY_PACKED"),
    }
    with pq.ParquetWriter(target, arrow_of(frame), **layout) as writer:
        for rows in _gathered(frames):
            stats.add(rows)
            table = rows.select(frame.names()).to_arrow(compat_level=pl.CompatLevel.oldest())
            writer.write_table(table, row_group_size=ROW_GROUP)


def _gathered(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Frames put together until they fill a row group."""
    held: list[pl.DataFrame] = []
    for rows in frames:
        held.append(rows)
        if sum(frame.height for frame in held) >= ROW_GROUP:
            whole = pl.concat(held)
            full = whole.height // ROW_GROUP * ROW_GROUP
            yield whole[:full]
            held = [whole[full:]]
    if any(rows.height for rows in held):
        yield pl.concat(held)


class Stats:
    """What the log says of a file, gathered while it is written."""

    def __init__(self, frame: pl.Schema, time: str) -> None:
        self._columns = frame.names()
        self._rows = 0
        self._low: dict[str, Any] = dict.fromkeys(("asset", "channel", time))
        self._high = dict(self._low)

    def add(self, rows: pl.DataFrame) -> None:
        self._rows += rows.height
        for name, (low, high) in ((name, (rows[name].min(), rows[name].max())) for name in self._low):
            self._low[name] = low if self._low[name] is None else min(self._low[name], low)
            self._high[name] = high if self._high[name] is None else max(self._high[name], high)

    def told(self) -> str:
        return json.dumps(
            {
                "numRecords": self._rows,
                "minValues": {name: _stat(value) for name, value in self._low.items()},
                "maxValues": {name: _stat(value) for name, value in self._high.items()},
                "nullCount": dict.fromkeys(self._columns, 0),
            }
        )


def arrow_of(frame: pl.Schema) -> pa.Schema:
    """The Arrow schema of a frame's."""
    return pl.DataFrame(schema=frame).to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def _stat(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value
