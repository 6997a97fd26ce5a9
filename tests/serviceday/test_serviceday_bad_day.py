"""A bad day, simulated: whoever is responsible is told of all that breaks, and of little else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_bad_day_floods_nobody_and_hides_nothing() -> None:
    command = [sys.executable, "-m", "benchmarks", "bad_day"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=1700)
    answer = json.loads(done.stdout.splitlines()[-1])
    ours, plain = answer["ours"], answer["plain_thresholds"]
    print({name: value for name, value in ours.items() if name != "subjects"}, plain)
    assert ours["faults_not_told_in_time"] == {}
    assert ours["doubled"] == 0
    assert max(ours["busiest_ten_minutes"].values()) < 10
    assert sum(ours["messages"].values()) * 20 < sum(plain["messages"].values())
