"""Would the tests notice? See docs/mutation.md; `python tests/mutation/mutants.py --help` for a part of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).with_name("mutants.py")
LEAST = 0.85  # of the small changes are noticed
AREAS = ("alerts", "admission", "staleness", "due dates", "planning", "sensor checks", "fusion")


def _run(*arguments: str, hours: float = 5) -> str:
    answer = subprocess.run(
        [sys.executable, str(TOOL), *arguments], capture_output=True, text=True, check=False, timeout=3600 * hours
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


@pytest.mark.soak
@pytest.mark.timeout(5 * 3600)
@pytest.mark.parametrize("area", AREAS)
def test_nearly_every_small_change_to_what_decides_is_noticed(area: str) -> None:
    words = _run(area, "--sample", "0", "--show")
    print(words)
    share = re.search(r"tried, (\d+)% noticed", words)
    assert share is not None
    assert int(share[1]) >= 100 * LEAST, words


@pytest.mark.slow
def test_a_change_that_matters_is_made_and_noticed() -> None:
    words = _run("staleness", "--sample", "3", "--workers", "1", "--show", hours=0.2)
    assert re.search(r"staleness: 3 tried, \d+% noticed", words)
