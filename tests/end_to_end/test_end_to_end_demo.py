"""The main job as a user runs it: real processes, a real broker, real files."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import openpyxl
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SERVICEDAY = [sys.executable, "-m", "commands.main"]


def headless(folder: Path, *arguments: str) -> dict[str, Any]:
    out = folder / "out.json"
    command = [*SERVICEDAY, "demo", "--headless", "--json", str(out), "--data", str(folder / "data"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(out.read_text()))


def counts_add_up(found: dict[str, Any]) -> None:
    assert found["adds_up"]
    assert found["published"] == found["received"] == found["journalled"] > 0
    assert found["journalled"] == found["stored"] + found["duplicates"] + found["quarantined"]
    assert found["store"]["readings"] == found["stored"]
    assert found["messages"]["received"] == found["messages"]["journalled"] + found["messages"]["redelivered"]


def test_a_headless_run_does_the_whole_job_and_the_next_goes_on(tmp_path: Path) -> None:
    arguments = ["--assets", "12", "--history", "14d", "--seed", "3"]
    first = headless(tmp_path, *arguments)
    counts_add_up(first)
    assert first["assets"] == 12
    sheets = [Path(file) for file in first["files"] if file.endswith(".xlsx")]
    rows = {file.stem[-2:]: openpyxl.load_workbook(file).worksheets[0].max_row for file in sheets}
    assert set(rows) == {"zh", "en"}
    assert min(rows.values()) > 1
    with next(Path(file) for file in first["files"] if file.endswith("zh.csv")).open(encoding="utf-8-sig") as lines:
        assert len(list(csv.reader(lines))) > 1
    second = headless(tmp_path, *arguments)
    counts_add_up(second)
    assert second["stored"] >= first["stored"]
    assert second["duplicates"] == 0


@pytest.mark.parametrize("seed", [7, 11, 23])
def test_it_finds_trouble(tmp_path: Path, seed: int) -> None:
    found = headless(tmp_path, "--assets", "60", "--history", "45d", "--seed", str(seed), "--until", "2026-06-01")
    counts_add_up(found)
    assert 5 <= found["faulty"] <= 10
    assert found["precision"] >= 0.7
    held = found["service_day_before"]
    assert (held["day"], held["refused"]) == ("2026-05-25", 0)
    assert 0 < held["done"] <= held["planned"]
    assert all(Path(file).stat().st_size > 1000 for file in held["files"])
    assert found["followed_up"] <= held["left"], "what was left is on the next list, as far as there are hours"


def test_a_healthy_fleet_raises_hardly_a_flag(tmp_path: Path) -> None:
    arguments = ["--assets", "60", "--history", "45d", "--seed", "7", "--until", "2026-06-01"]
    found = headless(tmp_path, *arguments, "--faults", "0")
    assert found["faulty"] == 0
    assert found["flagged"] <= 0.02 * found["assets"]


def test_mosquitto_serves_as_well(tmp_path: Path, mosquitto: int) -> None:
    arguments = ["--assets", "12", "--history", "14d", "--seed", "3", "--until", "2026-06-01"]
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").mkdir()
    theirs = headless(tmp_path / "theirs", *arguments, "--broker", f"mqtt://127.0.0.1:{mosquitto}")
    ours = headless(tmp_path / "ours", *arguments)
    counts_add_up(theirs)
    for key in ("published", "stored", "flagged", "faulty", "hits", "planned"):
        assert theirs[key] == ours[key], key


def processes_of(folder: Path) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, NotADirectoryError):
            continue
        if str(folder) in line:
            found.append(line)
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_live_demo_leaves_nothing_behind_and_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = tmp_path / "data"
    arguments = ["--assets", "10", "--history", "11d", "--seed", "5", "--data", str(data)]
    live = subprocess.Popen(
        [*SERVICEDAY, "demo", "--port", str(port), "--speed", "100", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert live.stdout is not None
        assert any(f"http://127.0.0.1:{port}" in line for line in live.stdout)
        _until(lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}/").status == 200)
        before = _stored(data)
        _until(lambda: _stored(data) > before)
        live.send_signal(how)
        code = live.wait(150)
    finally:
        live.kill()
    assert code == (0 if how is signal.SIGINT else -signal.SIGKILL)
    _until(lambda: not processes_of(data))
    out = tmp_path / "out.json"
    command = [*SERVICEDAY, "demo", "--headless", "--json", str(out), *arguments]
    again = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    found = json.loads(out.read_text())
    assert found["journalled"] == found["stored"] + found["duplicates"] + found["quarantined"]
    assert found["store"]["readings"] == found["stored"] > before
    if how is signal.SIGINT:
        counts_add_up(found)


def _stored(data: Path) -> int:
    done = subprocess.run(
        [*SERVICEDAY, "status", "--json", "--data", str(data)], capture_output=True, text=True, check=True
    )
    return int(json.loads(done.stdout)["ledger"]["stored"])


def _until(holds: Any, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.3)
