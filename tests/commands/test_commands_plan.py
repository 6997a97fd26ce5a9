"""`plan` and what asks about it, through the program and a real data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from facility.assessments import Assessment
from facility.errors import CannotDo, CannotParse, Problems
from facility.estate import Asset, Estate, Site
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.records import Records
from facility.store import open_store

DAY = datetime.now(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=10)
CREW = """
[[person]]
id = "zhang"
name = "张伟"
qualifications = ["电梯作业人员", "电梯安全管理员"]
to = "11:00"
from = "08:00"
[[person]]
id = "li"
name = "李娜"
qualifications = ["电梯安全管理员"]
from = "08:00"
to = "11:00"
"""

Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The program on a folder with fourteen lifts, all assessed, two of them due by law."""
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    folder = DataFolder(tmp_path / "data").prepare()
    lifts = [Asset(id=f"EL-{n:02}", kind="lift", site="s", building=str(n % 3)) for n in range(14)]
    now = datetime.now(UTC) - timedelta(minutes=5)
    with Records(folder.records) as records:
        records.estate.put(Estate(sites=(Site(id="s"),), assets=tuple(lifts)))
        records.duties.put({(one.id, "half_monthly"): DAY - timedelta(days=16) for one in lifts[:3]})
        records.assessments.put(
            [
                Assessment(
                    asset=one.id,
                    as_of=now,
                    horizon_days=7,
                    probability=0.3 + number / 50,
                    sensor_probability=0,
                    flagged=True,
                    score=1,
                    mode="",
                    reason=Text(zh="变差", en="getting worse"),
                    coverage=1,
                    model="m",
                )
                for number, one in enumerate(lifts)
            ]
        )
    open_store(folder.readings, create=True).close()
    (tmp_path / "crew.toml").write_text(CREW)

    def invoke(*arguments: str, fails: type[Exception] | None = None) -> Any:
        from commands.app.program import app

        done = CliRunner().invoke(app, [*arguments, "--data", str(folder.path)])
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return done.exception
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    return invoke


def test_a_plan_is_made_explained_changed_and_compared(run: Run, tmp_path: Path) -> None:
    crew = str(tmp_path / "crew.toml")
    shown = run("plan", "--service-day", str(DAY), "--crew", crew, "--keep")
    assert shown.splitlines()[0].startswith("BREACH"), "what breaks the law is the first thing seen"
    assert f"Kept as plan 1 for {DAY}." in shown
    assert "one more certified lift worker would avoid" in shown
    made = run("plan", "--service-day", str(DAY), "--crew", crew, "--keep", "--json")
    listed = {one["asset"] for one in made["items"]}
    out = next(one["asset"] for one in made["left_out"] if one["asset"] not in listed)
    told = run("plan", "explain", out)
    assert f"{out} in plan 2 for {DAY}" in told
    assert "left out because: Not enough hours" in told
    changed = run("plan", "lock", out, "--task", "warning", "--person", "李娜", "--at", "09:30", "--json")
    assert {"what": "added", "asset": out, "task": "warning"}.items() <= next(
        one.items() for one in changed["changes"] if one["asset"] == out
    )
    assert "09:30" in run("plan", "explain", out)
    assert "Plan 2 -> 3" in run("plan", "diff")
    back = run("plan", "lock", out, "--task", "warning", "--undo", "--json")
    assert (back["before"], back["after"]) == (3, 4)
    rows = run("plan", "--service-day", str(DAY), "--crew", crew, "--what-if", "people+1", "--json")
    assert [row["scenario"] for row in rows] == ["as asked", "people+1"]
    assert rows[1]["harm"] > rows[0]["harm"]
    assert "only one" not in run("plan", "diff"), "scenarios are not kept"


def test_what_is_due_is_listed(run: Run) -> None:
    found = run("due", "--until", str(DAY), "--json")
    assert {one["asset"] for one in found["due"]} == {"EL-00", "EL-01", "EL-02"}
    assert {one["due"] for one in found["due"]} == {str(DAY - timedelta(days=1))}
    assert sum(one["assets"] for one in found["without_record"]) == 11 + 3 * 14


def test_what_cannot_be_done_is_told(run: Run, tmp_path: Path) -> None:
    crew = tmp_path / "crew.toml"
    run("plan", fails=CannotParse)
    run("plan", "explain", "EL-00", fails=CannotDo)
    run("plan", "--service-day", str(DAY), "--goal", "colour=red", fails=CannotParse)
    run("plan", "--service-day", str(DAY), "--theme", "carnival", fails=CannotParse)
    run("plan", "--service-day", str(DAY), "--what-if", "people*2", fails=CannotParse)
    crew.write_text(CREW + "[[window]]\n")
    run("plan", "--service-day", str(DAY), "--crew", str(crew), fails=Problems)
    run("plan", "--service-day", str(DAY), "--keep")
    assert "no asset" in str(run("plan", "explain", "XX", fails=CannotDo))
    assert "no candidate" in str(run("plan", "lock", "XX", fails=CannotDo))
    assert "only one" in str(run("plan", "diff", fails=CannotDo))
    run("plan", "diff", "1", fails=CannotParse)
    run("plan", "lock", "EL-00", "--ban", "--undo", fails=CannotParse)
    run("plan", "lock", "EL-00", "--at", "soon", fails=CannotParse)
    run("plan", "lock", "EL-00", "--person", "wang", fails=CannotDo)


def test_a_plan_stands_until_somebody_keeps_another(run: Run, tmp_path: Path) -> None:
    day, crew = str(DAY), str(tmp_path / "crew.toml")
    assert "Not kept" in run("plan", "--service-day", day)
    assert run("plan", "list", "--json") == []
    run("plan", "show", fails=CannotDo)
    run("plan", "--service-day", day, "--crew", crew, "--keep")
    assert "plan 1 still stands" in run("plan", "--service-day", day, "--people", "3")
    run("plan", "--service-day", day, "-o", str(tmp_path / "missing" / "list.pdf"), fails=CannotDo)
    run(
        "plan",
        "--service-day",
        day,
        "-o",
        str(tmp_path / "a.csv"),
        "-o",
        str(tmp_path / "gone" / "b.csv"),
        fails=CannotDo,
    )
    assert not (tmp_path / "a.csv").exists(), "all files or none"
    assert [one["number"] for one in run("plan", "list", "--json")] == [1]
    assert [one["name"] for one in run("plan", "show", "--json")["persons"]] == ["张伟", "李娜"]


def test_what_was_said_by_hand_survives_and_is_printed(run: Run, tmp_path: Path) -> None:
    day, crew = str(DAY), str(tmp_path / "crew.toml")
    made = run("plan", "--service-day", day, "--crew", crew, "--keep", "--json")
    listed = {one["asset"] for one in made["items"]}
    out = next(one["asset"] for one in made["left_out"] if one["asset"] not in listed)
    taken = next(one["asset"] for one in made["items"] if one["task"] == "warning")
    printed = tmp_path / "locked.csv"
    said = run("plan", "lock", out, "--task", "warning", "--person", "li", "-o", str(printed))
    assert f"Kept as plan 2 for {DAY}." in said
    assert "plan export 2" in said
    assert out in printed.read_text("utf-8-sig")
    run("plan", "lock", taken, "--task", "warning", "--ban")
    again = run("plan", "--service-day", day, "--crew", crew, "--keep", "--json")
    locked = next(one for one in again["items"] if (one["asset"], one["task"]) == (out, "warning"))
    assert locked["locked"]
    assert (taken, "warning") not in {(one["asset"], one["task"]) for one in again["items"]}
    assert f"pinned by hand: {out}" in run("plan", "show")
    exported = tmp_path / "plan-2.json"
    assert f"Plan 2 for {DAY}" in run("plan", "export", "2", "-o", str(exported))
    assert json.loads(exported.read_text())["number"] == 2
    run("plan", "export", fails=CannotParse)
    free = run("plan", "--service-day", day, "--crew", crew, "--fresh", "--json")
    assert free["asked"]["instructions"] == []
    (tmp_path / "crew.toml").write_text(CREW.replace('id = "li"', 'id = "lu"'))
    notes = run("plan", "--service-day", day, "--crew", crew, "--json")["notes"]
    assert any("given to li by hand before" in one["en"] for one in notes)


def test_a_change_without_a_day_asks_which_of_several(run: Run) -> None:
    other = DAY + timedelta(days=1)
    run("plan", "--service-day", str(other), "--keep")
    run("plan", "--service-day", str(DAY), "--keep")
    words = str(run("plan", "lock", "EL-00", "--ban", fails=CannotDo))
    assert str(DAY) in words
    assert str(other) in words
    assert str(DAY) in run("plan", "show"), "the next service day is shown"
    assert run("plan", "lock", "EL-00", "--ban", "--plan", "1", "--json")["before"] == 1
    changed = run("plan", "lock", "EL-00", "--ban", "--service-day", str(DAY), "--json")
    assert changed["before"] == 2


def test_kept_plans_remember_the_next_service_day(run: Run) -> None:
    ahead = str(DAY + timedelta(days=30))
    made = run("plan", "--service-day", str(DAY), "--next-service-day", ahead, "--keep", "--json")
    assert made["asked"]["next_day"] == ahead
    run("plan", "lock", "EL-00", "--ban")
    assert run("plan", "show", "--json")["asked"]["next_day"] == ahead
