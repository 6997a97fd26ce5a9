"""`serviceday detect` as a program: units, a healthy file, refusals that name what is wrong, a quiet screen."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


def run(*arguments: str | Path, language: str = "en") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "commands.main", "--lang", language, "detect", *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def written(path: Path, columns: list[str], rows: list[list[object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(columns)
        table.writerows(rows)
    return path


@pytest.fixture
def noise() -> np.ndarray:
    values = np.random.default_rng(3).standard_normal((900, 3))
    values[600:700, 0] += 4
    return values


def test_units_are_ranked_and_named_row_by_row(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows: list[list[object]] = []
    for unit in range(12):
        worn = np.linspace(0, 5 if unit == 7 else 0, 60)
        rows += [[f"E{unit}", *(random.standard_normal(3) + worn[at]).round(4)] for at in range(60)]
    engines = written(tmp_path / "engines.csv", ["engine", "a", "b", "c"], rows)
    out = tmp_path / "out.csv"
    done = run(engines, "--by", "engine", "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["channels"] == ["a", "b", "c"]
    assert [unit["rank"] for unit in told["units"]] == list(range(1, 13))
    assert told["units"][0]["unit"] == "E7"
    assert told["units"][0]["alarms"][0]["first_row"] > 7 * 60
    with out.open() as stream:
        scored = list(csv.DictReader(stream))
    assert [row["unit"] for row in scored] == [str(row[0]) for row in rows]


def test_a_healthy_file_is_matched_by_name(tmp_path: Path, noise: np.ndarray) -> None:
    healthy = written(tmp_path / "h.csv", ["c", "a", "b", "label"], [[r[2], r[0], r[1], 0] for r in noise[:400]])
    later = written(tmp_path / "later.csv", ["a", "b", "c", "note"], [[*r, 1] for r in noise[400:]])
    done = run(later, "--healthy", healthy, "--ignore", "note", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["healthy_rows"] == 0
    assert told["founded_on"]["rows"] == 400
    strongest = max(told["alarms"], key=lambda alarm: alarm["peak"])
    assert strongest["channels"][0]["channel"] == "a"
    refused = run(later, "--healthy", healthy)
    assert refused.returncode == 2
    assert "h.csv has no channel 'note'" in refused.stderr
    assert "--ignore" in refused.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--healthy", "r.csv", "--train-rows", "50"], "--train-rows and --healthy both say what is healthy"),
        (["--by", "unit", "--train-until", "2026-01-01"], "one moment for all units"),
        (["--by", "pump"], "no column 'pump'"),
        (["--by", "unit"], "line 4: column 'unit' names no unit (1 such rows)"),
        (["--healthy", "none.csv"], "none.csv cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, more: list[str], words: str) -> None:
    rows: list[list[object]] = [["u" if at != 2 else "", at, at * 2] for at in range(60)]
    path = written(tmp_path / "r.csv", ["unit", "a", "b"], rows)
    more = [str(tmp_path / word) if word.endswith(".csv") else word for word in more]
    done = run(path, *more)
    assert done.returncode in (1, 2)
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    chinese = run(path, *more, language="zh")
    assert chinese.returncode == done.returncode
    assert words not in chinese.stderr


def test_no_library_speaks_on_the_screen(tmp_path: Path) -> None:
    """Constant, empty, huge, few and equal rows are what numpy and scikit-learn warn of."""
    random = np.random.default_rng(0)
    rows: list[list[object]] = [
        [7, "" if at < 300 else at, f"{1e300 * random.standard_normal():.3g}", at % 2, 1e-12 * at, ""]
        for at in range(400)
    ]
    path = written(tmp_path / "r.csv", list("abcdef"), rows)
    for more in (["--train-rows", "40"], ["--train-rows", "200"], ["--by", "d"]):
        done = run(path, *more, "-o", tmp_path / "o.csv", "--force")
        assert done.returncode == 0, done.stderr
        assert "Warning" not in done.stderr + done.stdout
        assert "nan" not in (tmp_path / "o.csv").read_text()


def test_how_well_the_budget_is_founded_is_said(tmp_path: Path, noise: np.ndarray) -> None:
    path = written(tmp_path / "r.csv", ["a", "b", "c"], [list(r) for r in noise])
    done = run(path, "--train-rows", "400", "-o", tmp_path / "o.csv")
    assert "Budget of false alarms 2.5%: founded on 400 healthy rows (40 windows" in done.stderr
    small = run(path, "--train-rows", "400", "--budget", "0.001", "-o", tmp_path / "p.csv")
    assert "extrapolated" in small.stderr
    alone = written(tmp_path / "s.csv", ["a"], [[r[0]] for r in noise])
    assert "a single channel" in run(alone, "-o", tmp_path / "q.csv").stderr
