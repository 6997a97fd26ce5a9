"""Writing line protocol, beside the client's own Point objects: the same readings to the same victoria-metrics."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from datetime import timedelta

import numpy as np
import polars as pl
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write.point import Point
from influxdb_client.client.write_api import SYNCHRONOUS

from benchmarks.fleet_readings import START, keys, moment
from facility.store.influx.line_protocol import reading_lines
from facility.store.influx.server import Server
from facility.store.influx.target import Target

OURS, POINTS = 400_000, 20_000


def main() -> None:
    program = shutil.which("victoria-metrics")
    if program is None:
        raise SystemExit("victoria-metrics is not installed")
    random = np.random.default_rng(7)
    series = keys(4_000, 10)
    rows = pl.concat(moment(series, START + timedelta(seconds=number), random) for number in range(OURS // 40_000))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        command = [program, f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
        process = subprocess.Popen([*command, "-loggerLevel=ERROR"])
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.05)
            url = f"http://127.0.0.1:{port}"
            server = Server(Target(url=url, org="o", bucket="b", token="none"))  # noqa: S106
            begin, used = time.perf_counter(), time.process_time()
            lines = reading_lines(rows, {})
            built = time.perf_counter() - begin
            assert server.write("b", lines) == {}
            ours = OURS / (time.perf_counter() - begin)
            ours_cpu = OURS / (time.process_time() - used)
            with InfluxDBClient(url=url, token="none", org="o") as client:  # noqa: S106
                writes = client.write_api(write_options=SYNCHRONOUS)
                begin, used = time.perf_counter(), time.process_time()
                points = [
                    Point("readings").tag("asset", a).tag("channel", c).field("value", v).field("arrived", 1).time(t)
                    for a, c, t, v, _ in rows.head(POINTS).iter_rows()
                ]
                writes.write(bucket="b", record=points)
                theirs = POINTS / (time.perf_counter() - begin)
                theirs_cpu = POINTS / (time.process_time() - used)
        finally:
            process.kill()
            process.wait()
    print(
        json.dumps(
            {
                "readings_per_second": round(ours),
                "lines_built_per_second": round(OURS / built),
                "readings_per_cpu_second": round(ours_cpu),
                "points_per_second": round(theirs),
                "points_per_cpu_second": round(theirs_cpu),
                "times_points": round(ours / theirs, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
