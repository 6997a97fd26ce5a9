"""Dates of the law and assets' standing, through the program and a fresh data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from facility.errors import CannotConvert, CannotDo, CannotParse

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
Run = Callable[..., Any]


def ago(days: int) -> str:
    return str(TODAY - timedelta(days=days))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")

    def invoke(*arguments: str, fails: type[Exception] | None = None, code: int = 0) -> Any:
        from commands.app.program import app

        done = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "data")])
        if fails is not None:
            assert isinstance(done.exception, fails), done.output
            return str(done.exception)
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in arguments else done.output

    registry = tmp_path / "estate.csv"
    registry.write_text(
        "id,kind,site,building,commissioned\nL-1,lift,park,1,2020-01-01\nL-2,lift,park,2,\nT-1,tank,court,1,\n"
    )
    invoke("import", "assets", str(registry))
    return invoke


def test_a_duty_is_recorded_listed_and_taken_back(run: Run) -> None:
    run("due", "--json")
    said = run("duty", "done", "L-1", "半月保养", "--on", ago(16), "--by", "Zhang")
    assert f"done on {ago(16)}" in said
    assert f"Due again by {ago(1)}" in said
    assert "On record already" in run("duty", "done", "L-1", "half_monthly", "--on", ago(16))
    run("duty", "done", "L-1", "half_monthly", "--on", ago(40))
    (row,) = run("duty", "list", "--json")
    assert (row["asset"], row["last_done"], row["due"], row["by"]) == ("L-1", ago(16), ago(1), "Zhang")
    assert len(run("duty", "list", "--all", "--json")) == 2
    found = run("due", "--json")
    assert [(one["asset"], one["site"], one["late_days"]) for one in found["due"]] == [("L-1", "park", 1)]
    assert found["law"] == {"duties": 9, "dated": 1, "undated": 8, "undated_assets": 3}
    back = run("duty", "undo", "L-1", "half_monthly", "--by", "Li", "--note", "wrong lift", "--json")
    assert (back["last_done"], back["undone"]) == (ago(40), True)
    assert "no date on record" in run("duty", "undo", "L-2", "yearly", fails=CannotDo)
    assert len(run("duty", "list", "--missing", "--json")) == 8


def test_what_cannot_be_so_is_refused(run: Run) -> None:
    assert "is it 'L-1'?" in run("duty", "done", "L-11", "yearly", fails=CannotConvert)
    assert "no duty 'level_check'" in run("duty", "done", "L-1", "level_check", fails=CannotConvert)
    assert "still to come" in run("duty", "done", "L-1", "yearly", "--on", ago(-2), fails=CannotConvert)
    assert "commissioned" in run("duty", "done", "L-1", "yearly", "--on", "2019-12-31", fails=CannotConvert)
    assert "at most 500" in run("duty", "done", "L-1", "yearly", "--note", "x" * 501, fails=CannotConvert)
    run("duty", "list", "--duty", "juggling", fails=CannotConvert)
    assert run("duty", "list", "--all", "--json") == []


def test_a_file_is_taken_in_once_and_refused_by_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "last.csv"
    file.write_text(f"asset,duty,last done\nL-1,yearly,{ago(30)}\nL-9,yearly,{ago(30)}\nT-1,level_check,{ago(-1)}\n")
    dry = run("duty", "import", str(file), "--dry-run", code=2)
    assert "nothing recorded" in dry
    assert run("duty", "list", "--json") == []
    first = run("duty", "import", str(file), "--json", code=2)
    assert (first["new"], first["known"], [one["line"] for one in first["refused"]]) == (1, 0, [3, 4])
    again = run("duty", "import", str(file), "--json", code=2)
    assert (again["new"], again["known"]) == (0, 1)
    run("duty", "undo", "L-1", "yearly")
    third = run("duty", "import", str(file), "--json", code=2)
    assert (third["new"], len(third["withdrawn"])) == (0, 1), "what was taken back does not come again by itself"
    run("duty", "done", "L-1", "yearly", "--on", ago(30))
    assert len(run("duty", "list", "--json")) == 1


def test_a_registry_brings_last_dates_along(run: Run, tmp_path: Path) -> None:
    registry = tmp_path / "more.csv"
    registry.write_text(f"id,kind,site,上次半月保养,last:yearly\nL-7,lift,park,{ago(3)},{ago(100)}\nL-8,lift,park,,\n")
    assert "2 recorded" in run("import", "assets", str(registry))
    assert "0 recorded, 2 known" in run("import", "assets", str(registry))
    assert len(run("duty", "list", "--asset", "L-7", "--json")) == 2
    registry.write_text(f"id,kind,site,last:yearly\nL-7,lift,park,{ago(-1)}\nT-7,tank,park,{ago(3)}\n")
    words = run("import", "assets", str(registry), code=2)
    assert "line 2" in words
    assert "line 3" in words
    assert "1 added" in words, "the asset is taken, its impossible date is not"
    assert len(run("duty", "list", "--asset", "L-7", "--json")) == 2
    toml = tmp_path / "more.toml"
    toml.write_text(f'[[asset]]\nid = "L-9"\nkind = "lift"\nsite = "park"\nlast = {{quarterly = {ago(9)}}}\n')
    assert "1 recorded" in run("import", "assets", str(toml))


def test_an_outcome_may_say_that_a_duty_was_done(run: Run) -> None:
    run("outcome", "add", "L-1", "not_found", "--duty", "half_monthly", "--duty", "季保养", "--by", "Li")
    assert {(one["duty"], one["last_done"]) for one in run("duty", "list", "--json")} == {
        ("half_monthly", ago(0)),
        ("quarterly", ago(0)),
    }
    run("outcome", "add", "L-1", "not_found", "--duty", "level_check", fails=CannotConvert)
    assert len(run("outcome", "list", "--json")) == 1, "nothing is half recorded"


def test_nothing_is_due_while_an_asset_is_not_in_use(run: Run) -> None:
    for asset in ("L-1", "L-2"):
        run("duty", "done", asset, "half_monthly", "--on", ago(20))
    run("asset", "out-of-use", "L-1", "--from", ago(10), "--until", ago(-5), "--by", "Li", "--why", "overhaul")
    run("asset", "retire", "L-2", "--on", ago(1), "--by", "Li", "--why", "taken down")
    found = run("due", "--json")
    assert (found["due"], found["not_in_use"], found["law"]["duties"]) == ([], 2, 1)
    (row,) = run("duty", "list", "--asset", "L-1", "--json")
    assert row["due"] == ago(-6), "due on the day it is back"
    day = ago(-1)
    plan = run("plan", "--service-day", day, "--json")
    assert {one["asset"] for one in (*plan["items"], *plan["left_out"])} <= {"T-1"}
    assert plan["law"] == {"duties": 1, "dated": 0, "undated_assets": 1}
    run("asset", "return", "L-1", "--on", ago(0))
    assert [one["asset"] for one in run("due", "--json")["due"]] == ["L-1"]
    states = {one["id"]: one["state"] for one in run("asset", "list", "--json")}
    assert states == {"L-1": "in_use", "L-2": "retired", "T-1": "in_use"}
    assert "overhaul" in run("asset", "show", "L-1")
    assert "taken down" in run("asset", "show", "L-2")
    assert [one["kind"] for one in run("asset", "show", "L-1", "--json")["trail"]] == ["out_of_use", "returned"]


def test_standing_is_not_changed_twice_or_to_nonsense(run: Run) -> None:
    run("asset", "retire", "L-1")
    assert "not in use already" in run("asset", "out-of-use", "L-1", fails=CannotDo)
    assert "in use on" in run("asset", "return", "L-2", fails=CannotDo)
    assert "before it begins" in run("asset", "out-of-use", "L-2", "--until", ago(3), fails=CannotParse)
    assert "is it 'L-2'?" in run("asset", "retire", "L-22", fails=CannotConvert)
    run("asset", "move", "L-2", fails=CannotParse)
    run("asset", "move", "L-2", "--site", "nowhere", fails=CannotConvert)
    run("asset", "replace", "L-2", "T-1", fails=CannotDo)
    run("asset", "replace", "L-2", "a/b", fails=CannotParse)
    run("asset", "list", "--state", "broken", fails=CannotParse)


def test_a_move_and_a_replacement_keep_the_history(run: Run, tmp_path: Path) -> None:
    run("duty", "done", "L-1", "yearly", "--on", ago(20))
    assert "stands at 5-L-1" in run("asset", "move", "L-1", "--building", "5", "--by", "Li")
    again = run("import", "assets", str(tmp_path / "estate.csv"), "--json")
    assert (again["changed"], again["moved"]) == (0, ["L-1"]), "an older registry does not move it back"
    shown = run("asset", "show", "L-1", "--json")
    assert (shown["building"], shown["trail"][0]["detail"]) == ("5", {"building": "5", "from_building": "1"})
    run("asset", "replace", "L-1", "L-1b", "--by", "Li")
    states = {one["id"]: (one["state"], one["building"]) for one in run("asset", "list", "--json")}
    assert states["L-1"] == ("replaced", "5")
    assert states["L-1b"] == ("in_use", "5")
    assert [one["asset"] for one in run("duty", "list", "--json")] == ["L-1"]
    missing = {one["asset"] for one in run("duty", "list", "--missing", "--json")}
    assert missing == {"L-1b", "L-2", "T-1"}


def test_a_lists_items_are_recorded_as_done(run: Run, tmp_path: Path) -> None:
    for asset in ("L-1", "L-2"):
        run("duty", "done", asset, "half_monthly", "--on", ago(20))
    plan = run("plan", "--service-day", ago(0), "--keep", "--json")
    listed = [one for one in plan["items"] if one["task"] == "half_monthly"]
    assert len(listed) == 2
    (first, second) = (one["number"] for one in listed)
    done = run("duty", "done", "--plan", "1", "--items", str(first), "--by", "Zhang", "--json")
    assert (done["new"], done["entries"][0]["last_done"]) == (1, ago(0))
    last = {one["asset"]: one["last_done"] for one in run("duty", "list", "--duty", "half_monthly", "--json")}
    assert sorted(last.values()) == [ago(20), ago(0)]
    run("duty", "done", "--plan", "1", "--items", f"{min(first, second)}-{max(first, second)}")
    assert run("due", "--json")["due"] == []
    run("duty", "done", "--plan", "1", "--items", "99", fails=CannotParse)
    run("duty", "done", "--plan", "7", fails=CannotDo)
    run("duty", "done", fails=CannotParse)
    run("duty", "done", "L-1", fails=CannotParse)
    ahead = run("plan", "--service-day", ago(-4), "--keep", "--json")
    if ahead["items"]:
        assert "still to come" in run("duty", "done", "--plan", "2", fails=CannotConvert)
