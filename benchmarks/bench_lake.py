"""The lake beside SQLite with a (asset, channel, time) key: appending, and an hourly rollup of everything."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from facility.store import READINGS
from facility.store.lake import Lake

ASSETS, CHANNELS, DAYS, EVERY = 60, 14, 20, 900
START = datetime(2026, 3, 1, tzinfo=UTC)


def day(index: int, random: np.random.Generator) -> pl.DataFrame:
    steps = 86_400 // EVERY
    times = pl.datetime_range(
        START + timedelta(days=index), START + timedelta(days=index + 1), f"{EVERY}s", closed="left", eager=True
    ).cast(pl.Datetime("us", "UTC"))
    keys = pl.DataFrame({"asset": [f"L-{i:04}" for i in range(ASSETS)]}).join(
        pl.DataFrame({"channel": [f"channel_{i}" for i in range(CHANNELS)]}), how="cross"
    )
    frame = keys.join(pl.DataFrame({"time": times}), how="cross")
    values = np.round(random.normal(20, 3, ASSETS * CHANNELS * steps), 2)
    return frame.with_columns(pl.Series("value", values), pl.col("time").alias("arrived"))


def main() -> None:
    random = np.random.default_rng(7)
    days = [day(index, random) for index in range(DAYS)]
    rows = sum(frame.height for frame in days)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = Lake(folder / "lake", create=True)
        tables = [frame.to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS) for frame in days]
        start = time.perf_counter()
        for index, table in enumerate(tables):
            lake.append(table, source="bench", cursor=index)
        append = rows / (time.perf_counter() - start)
        lake.maintain()
        start = time.perf_counter()
        hours = lake.rollups().height
        rollup = time.perf_counter() - start

        peer = sqlite3.connect(folder / "peer.sqlite")
        peer.execute("PRAGMA journal_mode=WAL")
        peer.execute(
            "CREATE TABLE r (asset TEXT, channel TEXT, time INT, value REAL, arrived INT,"
            " PRIMARY KEY (asset, channel, time)) WITHOUT ROWID"
        )
        listed = [frame.with_columns(pl.col("time", "arrived").dt.epoch("us")).rows() for frame in days]
        start = time.perf_counter()
        for batch in listed:
            with peer:
                peer.executemany("INSERT OR IGNORE INTO r VALUES (?,?,?,?,?)", batch)
        peer_append = rows / (time.perf_counter() - start)
        start = time.perf_counter()
        peer.execute("SELECT asset, channel, time/3600000000 h, avg(value) FROM r GROUP BY 1, 2, 3").fetchall()
        peer_rollup = time.perf_counter() - start
        print(
            json.dumps(
                {
                    "readings": rows,
                    "append_per_second": round(append),
                    "sqlite_append_per_second": round(peer_append),
                    "times_sqlite": round(append / peer_append, 2),
                    "bytes_a_reading": round(lake.size().bytes / rows, 2),
                    "rollup_hours": hours,
                    "rollup_seconds": round(rollup, 3),
                    "sqlite_rollup_seconds": round(peer_rollup, 3),
                }
            )
        )


if __name__ == "__main__":
    main()
