"""`serviceday store ...` as a user runs it."""

import json
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from facility.store import READINGS
from facility.store.lake.lake import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "commands.main", "store", *map(str, arguments)]


def store(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*arguments), capture_output=True, text=True, timeout=120, check=False)


def filled(data: Path, days: int, assets: int = 20) -> Lake:
    """A lake in a data folder, a reading a minute of every asset."""
    lake = Lake(data / "readings", create=True)
    dice = random.Random(7)
    for day in range(days):
        begin = START + timedelta(days=day)
        times = pl.datetime_range(begin, begin + timedelta(days=1), "1m", closed="left", eager=True)
        frame = pl.DataFrame({"asset": [f"EL-{number:03}" for number in range(assets)]}).join(
            pl.DataFrame({"time": times.cast(pl.Datetime("us", "UTC"))}), how="cross"
        )
        values = pl.Series("value", [round(dice.gauss(20, 3), 2) for _ in range(frame.height)])
        rows = frame.with_columns(pl.lit("temperature").alias("channel"), values, pl.col("time").alias("arrived"))
        lake.append(rows.select(READINGS.names).to_arrow(compat_level=pl.CompatLevel.oldest()).cast(READINGS))
    lake.maintain()
    return lake


@pytest.fixture
def data(tmp_path: Path) -> Path:
    filled(tmp_path / "data", 2)
    return tmp_path / "data"


def test_check_compact_and_keep(data: Path) -> None:
    done = store("check", "--data", data, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["readings"] == 57_600
    assert json.loads(store("compact", "--data", data, "--json").stdout)["after"]["files"] == 2
    assert json.loads(store("keep", "--data", data, "--raw", "400d", "--json").stdout) == {"raw": "400d", "hourly": ""}
    assert "400d" in store("keep", "--data", data).stdout
    for file in (data / "readings" / "raw").glob("day=*/*.parquet"):
        file.write_bytes(file.read_bytes()[:1000])
    broken = store("check", "--data", data)
    assert broken.returncode == 1
    assert "bytes and not" in broken.stderr


def test_export_to_parquet_and_csv(data: Path, tmp_path: Path) -> None:
    for name in ("out.parquet", "out.csv"):
        done = store("export", tmp_path / name, "--data", data, "--asset", "EL-007", "--from", "2026-03-02", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["readings"] == 1440 + 480  # midnight in Shanghai is 16:00 UTC
    table = pl.read_parquet(tmp_path / "out.parquet")
    assert table["asset"].unique().to_list() == ["EL-007"]
    assert pl.read_csv(tmp_path / "out.csv")["value"].to_list() == table["value"].to_list()
    wrong = store("export", tmp_path / "out.xlsx", "--data", data)
    assert wrong.returncode == 2
    assert "neither .parquet nor .csv" in wrong.stderr
    assert not list(tmp_path.glob(".*"))


def test_use_writes_down_no_secret(tmp_path: Path) -> None:
    done = store("use", "influx", "--url", "http://127.0.0.1:1", "--org", "estate", "--data", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "token" not in (tmp_path / "store.toml").read_text()
    for arguments, said in {
        ("use", "influx", "--url", "ftp://h", "--org", "o", "--data", tmp_path): "is not the address",
        ("use", "mongo", "--data", tmp_path): "not a kind of store",
        ("check", "--data", tmp_path): "no token",
        ("copy", "--to", "", "--data", tmp_path / "none"): "no data folder",
    }.items():
        wrong = store(*arguments)
        assert wrong.returncode == 2, (arguments, wrong.stdout, wrong.stderr)
        assert said in wrong.stderr
        assert wrong.stderr.count("\n") == 1


DYING = """
import os, signal
from commands import main
from facility.store.lake.lake import Lake
honest, left = Lake.append, [3]
def append(self, *given, **named):
    done = honest(self, *given, **named)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return done
Lake.append = append
main.run()
"""


@pytest.mark.slow
def test_a_copy_killed_twice_ends_identical(tmp_path: Path) -> None:
    source = filled(tmp_path / "data", 10)
    target = tmp_path / "elsewhere"
    arguments = command("copy", "--to", target, "--data", tmp_path / "data", "--json")
    for _ in range(2):
        dying = subprocess.run([sys.executable, "-c", DYING, *arguments[3:]], capture_output=True, check=False)
        assert dying.returncode == -signal.SIGKILL, dying.stderr
        assert 0 < Lake(target).size().readings < source.size().readings
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first = json.loads(done.stdout)
    copied = Lake(target)
    assert copied.read().equals(source.read())
    assert copied.latest().equals(source.latest())
    assert copied.rollups().equals(source.rollups())
    assert first["copied"] < first["stretches"]  # what had been copied before the kills was not copied again
    again = json.loads(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
    assert (again["stored"], again["copied"]) == (0, 0)
    assert again["checksum"] == first["checksum"]
