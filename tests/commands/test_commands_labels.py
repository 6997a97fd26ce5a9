"""A stranger's engines through the program: import, train, rank, with a label and without one."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from simulators.engine_fleets import EngineFleet, engine_fleet

AS_OF = date(2026, 6, 1)
SENSORS = 8  # of twenty: enough to tell, and quick


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    command = [sys.executable, "-m", "commands.main", *arguments, "--data", "data"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout if code == 0 else done.stderr


def class_file(columns: tuple[str, ...]) -> str:
    head = (
        'key = "engine"\nname = {zh = "发动机", en = "Engine"}\nlife_safety = false\ncriticality = 1.0\n'
        'inspect_minutes = 30\nqualification = "机械"\n'
    )
    return head + "".join(
        f'[[channel]]\nkey = "{key}"\nname = {{zh = "{key}", en = "{key}"}}\nunit = "{"d" if key == "ttf" else "1"}"\n'
        f'cadence = "1d"\nstale_after = "3d"\naggregate = "daily"\nbad = "both"\nsource = "D"\n'
        for key in (*columns, "ttf")
    )


def written(fleet: EngineFleet, folder: Path) -> None:
    """Assets, readings in wide form with the days left of those that failed, and the failures as events."""
    (folder / "data" / "catalogue").mkdir(parents=True)
    (folder / "data" / "catalogue" / "engine.toml").write_text(class_file(fleet.columns[:SENSORS]), encoding="utf-8")
    assets, readings = ["id,kind,site"], ["asset,time,ttf," + ",".join(fleet.columns[:SENSORS])]
    events = ["asset,start"]
    for place, engine in enumerate((*fleet.failed, *fleet.running)):
        assets.append(f"{engine.name},engine,field")
        end = AS_OF - timedelta(days=1 if engine.left else 10 + 2 * place)
        for flight, values in enumerate(engine.values):
            day = end - timedelta(days=engine.flown - 1 - flight)
            left = "" if engine.left else engine.flown - 1 - flight
            cells = ",".join(f"{value:.6g}" for value in values[:SENSORS])
            readings.append(f"{engine.name},{day}T06:00:00Z,{left},{cells}")
        if not engine.left:
            events.append(f"{engine.name},{end}")
    for name, lines in (("assets", assets), ("readings", readings), ("events", events)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_engines_are_ranked_by_a_label_by_a_countdown_and_without_either(tmp_path: Path) -> None:
    fleet = engine_fleet(31, failed=26, running=16)
    written(fleet, tmp_path)
    failing = {engine.name for engine in fleet.running if engine.left <= 30}
    running = {engine.name for engine in fleet.running}
    run(tmp_path, "import", "assets", "assets.csv")
    run(tmp_path, "import", "readings", "readings.csv")

    def hits(*label: str) -> float:
        rows = json.loads(run(tmp_path, "rank", "--as-of", f"{AS_OF}", "--horizon", "30d", "--json", *label))
        order = [row["asset"] for row in rows if row["asset"] in running]
        assert set(order) == running
        return len(failing & set(order[: len(failing)])) / len(failing)

    assert hits() >= 0.7
    run(tmp_path, "import", "events", "events.csv", "--label", "broke")
    asked = ("--until", f"{AS_OF}", "--horizon", "30d", "--json")
    cards = json.loads(run(tmp_path, "train", *asked, "--label", "broke", "--label", "ttf <= 30"))
    assert [(card["label"], card["events"]) for card in cards] == [("broke", 26), ("ttf <= 30", 26)]
    for card in cards:
        figures = card["held_out_average_precision"]
        assert max(figures["together"], figures["wear"]) > 2 * figures["count"]
    assert hits("--label", "broke", "--label", "ttf <= 30") >= 0.7
    told = json.loads(run(tmp_path, "rank", "--as-of", f"{AS_OF}", "--horizon", "30d", "--label", "broke", "--json"))
    assert all("broke" in row["reason"] for row in told)
    assert not {engine.name for engine in fleet.failed} & {row["asset"] for row in told}
    assert {card["label"] for card in json.loads(run(tmp_path, "models", "--json"))} == {"broke", "ttf <= 30"}


def test_a_file_of_events_is_refused_by_line_and_the_rest_is_taken(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").write_text("id,kind,site\nEL-1,lift,north\nEL-2,lift,north\n", encoding="utf-8")
    (tmp_path / "log.csv").write_text(
        "asset,start,end\nEL-1,2026-03-01T08:00Z,2026-03-01T09:00Z\nEL-11,2026-03-01T08:00Z,\n", encoding="utf-8"
    )
    run(tmp_path, "import", "assets", "assets.csv")
    told = run(tmp_path, "import", "events", "log.csv", "--label", "entrapment", code=2)
    assert "3" in told
    assert "EL-11" in told
    again = subprocess.run(
        [sys.executable, "-m", "commands.main", "import", "events", "log.csv", "--label", "entrapment", "--json",
         "--data", "data"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert again.returncode == 2
    assert json.loads(again.stdout)["known"] == 1
    assert "never" in run(tmp_path, "rank", "--label", "entrapment", "--as-of", "2026-06-01", code=2)
    assert "is it" in run(tmp_path, "rank", "--label", "entrapmant", code=2).lower()
