"""Questions to a real InfluxDB 2.x, beside its own client's data frames: the same readings, the same server.

Runs where `SERVICEDAY_TEST_INFLUX_URL` (with `_TOKEN` and `_ORG`) names one; makes buckets of its own and deletes them.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from influxdb_client import InfluxDBClient
from influxdb_client.client.warnings import MissingPivotFunction

from benchmarks.fleet_readings import START, day, keys
from facility.store.influx.store import Influx
from facility.store.influx.target import Target

T = TypeVar("T")
ASSETS, CHANNELS, DAYS, EVERY = 50, 10, 4, 60


def main() -> None:
    url = os.environ.get("SERVICEDAY_TEST_INFLUX_URL")
    if not url:
        print("no InfluxDB 2.x is named by SERVICEDAY_TEST_INFLUX_URL (with _TOKEN and _ORG): nothing measured")
        return
    said = {name: os.environ[f"SERVICEDAY_TEST_INFLUX_{name.upper()}"] for name in ("token", "org")}
    target = Target(url=url, bucket=f"serviceday-bench-{uuid.uuid4().hex[:12]}", **said)
    with tempfile.TemporaryDirectory() as folder, InfluxDBClient(url=url, timeout=600_000, **said) as client:
        store = Influx(target, Path(folder), create=True)
        try:
            print(json.dumps(_measured(store, client, target)))
        finally:
            for name in (target.bucket, f"{target.bucket}_hourly"):
                client.buckets_api().delete_bucket(client.buckets_api().find_bucket_by_name(name))


def _measured(store: Influx, client: InfluxDBClient, target: Target) -> dict[str, float]:
    random = np.random.default_rng(7)
    series = keys(ASSETS, CHANNELS)
    readings = seconds = 0.0
    for number in range(DAYS):
        rows = day(series, number, EVERY, random).to_arrow()
        seconds += _timed(partial(store.append, rows))[0]
        readings += rows.num_rows
    maintaining, _ = _timed(store.maintain)
    asset, end = ["EL-00007"], START + timedelta(days=DAYS)
    span = (
        f'from(bucket: "{target.bucket}") |> range(start: {START:%Y-%m-%dT%H:%M:%SZ}, stop: {end:%Y-%m-%dT%H:%M:%SZ})'
    )
    pivot = '|> pivot(rowKey: ["_time", "asset", "channel"], columnKey: ["_field"], valueColumn: "_value")'
    one, found = _timed(lambda: store.read(assets=asset, channels=["channel_03"]))
    narrow = '|> filter(fn: (r) => r.asset == "EL-00007" and r.channel == "channel_03")'
    theirs, frame = _timed(lambda: client.query_api().query_data_frame(f"{span} {narrow} {pivot}"))
    assert len(frame) == found.height
    latest, newest = _timed(store.latest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingPivotFunction)
        latest_theirs, _ = _timed(lambda: client.query_api().query_data_frame(f"{span} |> last()"))
    rollups, hours = _timed(store.rollups)
    windows = '|> filter(fn: (r) => r._field == "value") |> aggregateWindow(every: 1h, fn: stddev)'
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingPivotFunction)
        few = '|> filter(fn: (r) => r.asset == "EL-00007")'
        windows_theirs, _ = _timed(lambda: client.query_api().query_data_frame(f"{span} {few} {windows}"))
    return {
        "append_readings_per_second": round(readings / seconds),
        "summarise_readings_per_second": round(readings / maintaining),
        "one_channel_rows": found.height,
        "one_channel_seconds": round(one, 3),
        "one_channel_client_seconds": round(theirs, 3),
        "latest_of": newest.height,
        "latest_seconds": round(latest, 3),
        "latest_client_seconds": round(latest_theirs, 3),
        "rollups_rows": hours.height,
        "rollups_rows_per_second": round(hours.height / rollups),
        "one_figure_by_a_window_rows_per_second": round(CHANNELS * DAYS * 24 / windows_theirs),
    }


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    answer = call()
    return time.perf_counter() - begin, answer


if __name__ == "__main__":
    main()
