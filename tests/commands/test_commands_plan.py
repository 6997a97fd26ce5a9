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
    shown = run("plan", "--service-day", str(DAY), "--crew", crew)
    assert shown.splitlines()[0].startswith("BREACH"), "what breaks the law is the first thing seen"
    assert "Kept as plan 1." in shown
    assert "one more certified lift worker would avoid" in shown
    made = run("plan", "--service-day", str(DAY), "--crew", crew, "--json")
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
    run("plan", "--service-day", str(DAY))
    assert "no asset" in str(run("plan", "explain", "XX", fails=CannotDo))
    assert "no candidate" in str(run("plan", "lock", "XX", fails=CannotDo))
    assert "only one" in str(run("plan", "diff", fails=CannotDo))
    run("plan", "diff", "1", fails=CannotParse)
    run("plan", "lock", "EL-00", "--ban", "--undo", fails=CannotParse)
    run("plan", "lock", "EL-00", "--at", "soon", fails=CannotParse)
    run("plan", "lock", "EL-00", "--person", "wang", fails=CannotDo)
