"""The lake beside SQLite and DuckDB with an (asset, channel, time) key.

Appending in batches of 10,000 and 100,000 out of 40,000 channels; bytes a reading of a simulated month; one channel of
one asset over 30 days at one minute (a process that has just opened the store); the newest of 40,000 channels; hourly
rollups of 10,000 channels over 30 days; the same questions while 20,000 readings/s come in and files are merged.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from benchmarks.fleet_readings import START, arrow, best, computing, day, keys, moment, simulated
from facility.store.lake.lake import Lake

BATCHES = {10_000: 60, 100_000: 12}
LIVE = 20_000  # readings/s
TABLE = (
    "CREATE TABLE r (asset TEXT, channel TEXT, time BIGINT, value DOUBLE, arrived BIGINT,"
    " PRIMARY KEY (asset, channel, time))"
)


def appending(folder: Path) -> dict[str, object]:
    random = np.random.default_rng(7)
    series = keys(4_000, 10)
    said: dict[str, object] = {}
    for size, count in BATCHES.items():
        whole = pl.concat(
            moment(series, START + timedelta(seconds=number), random)
            for number in range(-(-size * count // series.height))
        )
        parts = [whole.slice(number * size, size) for number in range(count)]
        lake = Lake(folder / f"lake-{size}", create=True)
        lake.append(arrow(moment(series, START - timedelta(seconds=9), random)))  # the channels are known
        tables = [arrow(part) for part in parts]
        begin, computed = time.perf_counter(), time.process_time()
        for number, table in enumerate(tables):
            lake.append(table, source="bench", cursor=number)
        ours = size * count / (time.perf_counter() - begin)
        said[f"append_{size}_per_cpu_second"] = round(size * count / (time.process_time() - computed))
        begin = time.perf_counter()
        lake.sync()
        said |= {f"append_{size}": round(ours), f"sync_seconds_after_{size}": round(time.perf_counter() - begin, 2)}
        for name, theirs in (("sqlite", _sqlite(folder / f"{size}.sqlite", parts)), ("duckdb", _duckdb(parts))):
            said |= {f"append_{size}_{name}": round(theirs), f"append_{size}_times_{name}": round(ours / theirs, 1)}
    return said


def _sqlite(file: Path, parts: list[pl.DataFrame]) -> float:
    """Readings/s of the first batches; it slows down further as the key grows."""
    few = parts[: max(2, 300_000 // parts[0].height)]
    listed = [part.with_columns(pl.col("time", "arrived").dt.epoch("us")).rows() for part in few]
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute(TABLE + " WITHOUT ROWID")
    begin = time.perf_counter()
    for batch in listed:
        with db:
            db.executemany("INSERT OR REPLACE INTO r VALUES (?,?,?,?,?)", batch)
    return sum(map(len, listed)) / (time.perf_counter() - begin)


def _duckdb(parts: list[pl.DataFrame]) -> float:
    with tempfile.TemporaryDirectory() as name, duckdb.connect(Path(name) / "peer.duckdb") as db:
        db.execute(TABLE)
        few = [
            part.with_columns(pl.col("time", "arrived").dt.epoch("us")).to_arrow()
            for part in parts[: max(2, 300_000 // parts[0].height)]
        ]
        begin = time.perf_counter()
        for batch in few:
            db.register("batch", batch)
            db.execute("INSERT OR REPLACE INTO r SELECT * FROM batch")
        return sum(batch.num_rows for batch in few) / (time.perf_counter() - begin)


def month(folder: Path) -> dict[str, object]:
    """Bytes of what sixty simulated assets send in a month: the readings alone, and with all that is kept beside."""
    lake = Lake(folder / "month", create=True)
    for frame in simulated(60, 30, 7):
        lake.append(arrow(frame))
    lake.compact()
    size, hours = lake.size(), lake.rollups().height
    readings = int(lake.readings_files()["bytes"].sum())
    shutil.rmtree(folder / "month")
    return {
        "month_readings": size.readings,
        "month_hourly_rows": hours,
        "bytes_a_reading": round(readings / size.readings, 2),
        "bytes_an_hourly_row": round((size.bytes - readings) / hours, 2),
        "bytes_of_everything_a_reading": round(size.bytes / size.readings, 2),
    }


def filled(folder: Path, assets: int, channels: int, every: int, days: int) -> Lake:
    random = np.random.default_rng(7)
    series = keys(assets, channels)
    lake = Lake(folder, create=True)
    for number in range(days):
        lake.append(arrow(day(series, number, every, random)))
        if number % 10 == 9:
            lake.maintain()
    lake.compact()
    return lake


def one_channel(folder: Path) -> dict[str, object]:
    """43,200 readings of one channel out of 8.6 million, opened afresh each time."""
    lake = filled(folder / "minute", 20, 10, 60, 30)
    files = lake.readings_files().with_columns((pl.lit(f"{folder}/minute/raw/") + pl.col("path")).alias("path"))
    paths = files["path"].to_list()

    def ours() -> None:
        rows = Lake(folder / "minute").read(assets=["EL-00007"], channels=["channel_03"])
        assert rows.height == 43_200

    def theirs() -> None:
        asked = "SELECT * FROM read_parquet(?) WHERE asset = 'EL-00007' AND channel = 'channel_03' ORDER BY time"
        assert len(duckdb.connect().execute(asked, [paths]).to_arrow_table()) == 43_200

    ours_seconds, duckdb_seconds = best(ours, 7), best(theirs, 5)
    return {
        "one_channel_month_ms": round(ours_seconds * 1e3, 1),
        "one_channel_month_duckdb_ms": round(duckdb_seconds * 1e3, 1),
    }


@contextmanager
def live(lake: Lake, series: pl.DataFrame, days: int, said: dict[str, object]) -> Iterator[None]:
    """Append LIVE readings each second, and keep house every five, in threads of this process."""
    random = np.random.default_rng(8)
    ending = threading.Event()
    late: list[float] = []

    def write() -> None:
        number = 0
        begin = time.perf_counter()
        while not ending.is_set():
            part = moment(series.sample(LIVE, seed=number), START + timedelta(days=days, seconds=number), random)
            lake.append(arrow(part), source="live", cursor=number)
            number += 1
            late.append(time.perf_counter() - begin - number)
            ending.wait(max(0.0, begin + number - time.perf_counter()))

    def keep_house() -> None:
        while not ending.wait(5):
            lake.sync()
            lake.maintain()

    threads = [threading.Thread(target=work) for work in (write, keep_house)]
    for thread in threads:
        thread.start()
    time.sleep(22)
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()
        said["live_batches"] = len(late)
        said["live_seconds_behind"] = round(max(0.0, late[-1]), 2)


def fleet(folder: Path) -> dict[str, object]:
    """10,000 channels over 30 days, a reading every ten minutes: 43 million readings, 7.2 million hourly rows."""
    said: dict[str, object] = {}
    series = keys(1_000, 10)
    lake = filled(folder / "fleet", 1_000, 10, 600, 30)
    end = START + timedelta(days=30)

    def rollups() -> None:
        assert Lake(folder / "fleet").rollups(start=START, end=end).height == 7_200_000

    def columns() -> None:
        assert lake.rollups(start=START, end=end, channels=["channel_01"]).height == 720_000

    said["rollups_seconds"] = round(best(rollups), 2)
    said["rollups_cpu_seconds"] = round(computing(rollups), 2)
    said["rollups_one_channel_kind_seconds"] = round(best(columns), 2)
    said["latest_10000_ms"] = round(best(lambda: Lake(folder / "fleet").latest()) * 1e3)
    paths = [f"{folder}/fleet/raw/{path}" for path in lake.readings_files()["path"].to_list()]
    asked = (
        "SELECT asset, channel, time_bucket(INTERVAL 1 hour, time) AS hour, count(*), avg(value), stddev_pop(value),"
        " min(value), max(value), arg_min(value, time), arg_max(value, time) FROM read_parquet(?) GROUP BY ALL"
        " ORDER BY ALL"
    )
    said["rollups_duckdb_from_readings_seconds"] = round(
        best(lambda: duckdb.connect().execute(asked, [paths]).to_arrow_table(), 1), 2
    )
    with live(lake, keys(4_000, 10), 30, said):
        said["rollups_live_seconds"] = round(best(rollups), 2)
        said["latest_live_50000_ms"] = round(best(lambda: Lake(folder / "fleet").latest()) * 1e3)
        assert Lake(folder / "fleet").latest().height >= 40_000
        one = {"assets": ["EL-00007"], "channels": ["channel_03"]}
        said["one_channel_live_ms"] = round(best(lambda: Lake(folder / "fleet").read(**one), 5) * 1e3, 1)
    assert series.height == 10_000
    return said


def newest(folder: Path) -> dict[str, object]:
    """40,000 channels with ten minutes of readings."""
    random = np.random.default_rng(7)
    series = keys(4_000, 10)
    lake = Lake(folder / "newest", create=True)
    for number in range(10):
        lake.append(arrow(moment(series, START + timedelta(minutes=number), random)))
    lake.maintain()
    for number in range(10, 12):
        lake.append(arrow(moment(series, START + timedelta(minutes=number), random)))

    def ours() -> None:
        assert Lake(folder / "newest").latest().height == 40_000

    paths = [f"{folder}/newest/raw/{path}" for path in lake.readings_files()["path"].to_list()]
    asked = "SELECT asset, channel, max(time), arg_max(value, time) FROM read_parquet(?) GROUP BY ALL"
    theirs = best(lambda: duckdb.connect().execute(asked, [paths]).to_arrow_table())
    return {"latest_40000_ms": round(best(ours, 5) * 1e3), "latest_40000_duckdb_ms": round(theirs * 1e3)}


def main() -> None:
    said: dict[str, object] = {}
    for part in (appending, month, one_channel, newest, fleet):
        with tempfile.TemporaryDirectory() as name:
            said |= part(Path(name))
        print(json.dumps({"part": part.__name__, **said}), flush=True)
        said = {}


if __name__ == "__main__":
    main()
