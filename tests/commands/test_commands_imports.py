"""Cases from the field, as a user runs them, each with its right answer."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from commands import main
from facility.records import Records
from facility.store import open_store

CASES = Path(__file__).parents[1] / "facility/files_cases"
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in an empty folder; `code` is the exit code it must have."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    for variable in ("SERVICEDAY_DATA", "SERVICEDAY_TIMEZONE"):
        monkeypatch.delenv(variable, raising=False)

    def command(*arguments: str | Path, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["serviceday", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main.run()
        said = capsys.readouterr()
        assert ended.value.code == code, said
        return said.out if "--json" in arguments else said.out + said.err

    return command


def values(folder: Path) -> dict[str, float]:
    store = open_store(folder / "readings")
    found = dict(store.read().select("asset", "value").iter_rows())
    store.close()
    return found


def assets(folder: Path) -> dict[str, Any]:
    with Records(folder / "records.sqlite") as records:
        return {one.id: one for one in records.estate.assets()}


def test_a_comma_in_the_value(run: Run, tmp_path: Path) -> None:
    run("import", "assets", CASES / "1-comma-in-the-value/lifts.csv", "--data", "d")
    told = run(
        "import",
        "readings",
        CASES / "1-comma-in-the-value/readings.csv",
        "--channel",
        "motor_temperature",
        "--data",
        "d",
    )
    assert "1 stored, 0 duplicates, 2 quarantined" in told
    assert "(lines 2, 3): 4 cells under 3 columns" in told
    assert values(tmp_path / "d") == {"L-1": 43.1}
    assert (tmp_path / "d/refused/readings.csv").stat().st_mode & 0o777 == 0o600


def test_the_unit_of_the_device(run: Run, tmp_path: Path) -> None:
    for what in ("assets", "readings"):
        file = CASES / "2-unit-of-the-device" / ("lifts.csv" if what == "assets" else "readings.csv")
        run("import", what, file, "--data", "d", *(["--channel", "motor_temperature"] if what == "readings" else []))
    assert values(tmp_path / "d") == pytest.approx({"F-1": 41.5, "C-1": 41.5})


@pytest.mark.slow
def test_a_word_among_the_numbers(tmp_path: Path) -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-m",
            "commands.main",
            "detect",
            CASES / "3-a-word-among-the-numbers/pump.csv",
            "--train-rows",
            "400",
            "--json",
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(told.stdout)
    assert found["channels"] == ["flow", "pressure", "motor_current"]
    assert found["left_out"] == []
    assert "'Bad Input' in line 302" in found["notes"][0]
    (alarm,) = found["alarms"]
    assert 801 <= alarm["first_row"] <= 810
    assert alarm["last_row"] == 1152
    assert alarm["channels"][0]["channel"] == "pressure"


def test_merged_cells(run: Run, tmp_path: Path) -> None:
    run("import", "assets", CASES / "4-merged-cells/lifts.csv", "--data", "d")
    told = json.loads(run("report", "import", CASES / "4-merged-cells/reports.xlsx", "--data", "d", "--json"))
    assert told["added"] == 4
    assert "merged" in told["notes"][0]
    again = json.loads(run("report", "import", CASES / "4-merged-cells/reports.xlsx", "--data", "d", "--json"))
    assert (again["added"], again["known"]) == (0, 4)
    with Records(tmp_path / "d/records.sqlite") as records:
        kept = records.reports.all(closed=True, merged=True)
    moments = sorted((one.at, one.place.building) for one in kept)
    first, last = datetime(2026, 11, 20, 1, tzinfo=UTC), datetime(2026, 11, 21, 1, tzinfo=UTC)
    assert moments == [(first, "1"), (first, "1"), (first, "1"), (last, "2")]
    listed = run("report", "list", "--data", "d", "--all")
    assert "times in Asia/Shanghai" in listed
    assert "2026-11-20 09:00" in listed
    assert "+08:00  received" in run("report", "show", "2", "--data", "d")


def test_code_pages(run: Run, tmp_path: Path) -> None:
    run("import", "assets", CASES / "5-western-code-page/lifts-1252.csv", "--data", "d")
    run("import", "assets", CASES / "5-western-code-page/lifts-gb18030.csv", "--data", "e")
    shown = {folder: [(one.building, one.name) for one in assets(tmp_path / folder).values()] for folder in "de"}
    assert shown["d"] == [("Götgatan 5", "Hörnhissen"), ("Skräddarvägen 12", "Södra trappan")]
    assert shown["e"] == [("3号楼", "东侧客梯"), ("四号楼", "西侧货梯")]


def test_one_number_in_two_estates_is_refused_unless_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,kind,site\nL-1,lift,north\n")
    (tmp_path / "b.csv").write_text("id,kind,site\nL-1,lift,south\nL-2,lift,south\n")
    run("import", "assets", "a.csv", "--data", "d")
    told = run("import", "assets", "b.csv", "--data", "d", code=2)
    assert "'L-1' is registered at site 'north' and would move to 'south'" in told
    assert list(assets(tmp_path / "d")) == ["L-1"]
    assert assets(tmp_path / "d")["L-1"].site == "north"
    run("import", "assets", "b.csv", "--data", "d", "--allow-moves")
    assert assets(tmp_path / "d")["L-1"].site == "south"


@pytest.mark.parametrize("other", ["el-1", "ＥＬ-1", "EL-1\u200b", "El-1"])
def test_look_alikes_are_refused(run: Run, tmp_path: Path, other: str) -> None:
    (tmp_path / "a.csv").write_text("id,kind\nEL-1,lift\n")
    (tmp_path / "b.csv").write_text(f"id,kind\n{other},lift\n", encoding="utf-8")
    (tmp_path / "c.csv").write_text(f"id,kind\nEL-1,lift\n{other},lift\n", encoding="utf-8")
    run("import", "assets", "a.csv", "--data", "d")
    for file in ("b.csv", "c.csv"):
        told = run("import", "assets", file, "--data", "d", code=2)
        assert "looks like" in told or "does not show" in told
    assert list(assets(tmp_path / "d")) == ["EL-1"]


def test_a_workbook_without_numbers_gets_them_and_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    rows = [
        ["滨江物业设备台账"],
        ["项目", "楼栋", "楼层", "设备名称", "设备类别", "投用日期"],
        ["滨江花园", "3号楼", "", "东侧客梯", "电梯", "2020年11月"],
        [None, None, "", "西侧客梯", "客梯", "２０１７年９月１日"],
        [None, None, "B1", "水泵", "消防泵", "20260305"],
        [None, None, "B1", "水泵", "消防泵", "2026年3月5日"],
    ]
    for row in rows:
        sheet.append(row)
    for area in ("A1:F1", "A3:A6", "B3:B6"):
        sheet.merge_cells(area)
    book.save(tmp_path / "台账.xlsx")
    would = run("import", "assets", "台账.xlsx", "--data", "d", "--dry-run")
    assert "4 would be added" in would
    assert "设备类别 -> kind" in would
    assert not (tmp_path / "d").exists()
    assert "4 added" in run("import", "assets", "台账.xlsx", "--data", "d")
    assert "0 added, 0 changed, 4 unchanged" in run("import", "assets", "台账.xlsx", "--data", "d")
    found = assets(tmp_path / "d")
    assert {one.kind for one in found.values()} == {"lift", "pump_set"}
    assert "滨江花园-3号楼-东侧客梯" in found
    assert "滨江花园-3号楼-B1-水泵-2" in found
    assert sorted(str(one.commissioned) for one in found.values()) == [
        "2017-09-01", "2020-11-01", "2026-03-05", "2026-03-05",
    ]  # fmt: skip
    assert "unknown kind '直梯机'" in _unknown_class(run, tmp_path)


def _unknown_class(run: Run, folder: Path) -> str:
    (folder / "m.csv").write_text("id,kind\nX-1,直梯机\n", encoding="utf-8")
    told = run("import", "assets", "m.csv", "--data", "m", code=2)
    assert "1 added" in run("import", "assets", "m.csv", "--data", "m", "--map", "kind:直梯机=lift")
    return told


def test_what_looks_like_numbers_is_asked_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("nr,kind,building\nK-17,lift,1\nK-18,lift,1\n")
    assert "--map id=nr" in run("import", "assets", "a.csv", "--data", "d", code=2)
    assert "2 added" in run("import", "assets", "a.csv", "--data", "d", "--map", "id=nr")
    assert "2 added" in run("import", "assets", "a.csv", "--data", "e", "--map", "id=-")


def test_an_outcome_to_come_is_refused_and_shown_times_say_their_offset(run: Run, tmp_path: Path) -> None:
    run("import", "assets", CASES / "4-merged-cells/lifts.csv", "--data", "d")
    assert "future" in run("outcome", "add", "L-1", "confirmed", "--at", "2062-01-01T10:00", "--data", "d", code=2)
    told = run("outcome", "add", "L-1", "confirmed", "--at", "2026-01-01T10:00", "--data", "d")
    assert "2026-01-01 10:00+08:00" in told
    assert "2026-01-01 03:00" in run("outcome", "list", "--data", "d", "--timezone", "Europe/Berlin")


def test_a_report_without_a_time_is_the_same_tomorrow(tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    from serviceday.reports import keys, read_reports

    (tmp_path / "r.csv").write_text("text,place\nlamp,1\nlift,2\n")
    days = [
        keys(
            read_reports(
                tmp_path / "r.csv", timezone=ZoneInfo("Asia/Shanghai"), now=datetime(2026, 11, day, 5, tzinfo=UTC)
            )
        )
        for day in (20, 21)
    ]
    assert days[0] == days[1]


def test_refused_rows_are_kept_mended_and_imported(run: Run, tmp_path: Path) -> None:
    (tmp_path / "台账.csv").write_text(
        "编号,名称,类别,楼栋,小区,投用日期,上次半月保养\n"
        "EL-1,东梯,电梯,1,春晖,2019-03-05,2026-11-01\n"
        "EL-2,西梯,电梯,1,春晖,2019-13-45,2026-11-02\n"
        "EL-3,南梯,电梯,2,春晖,2019-03-05,昨天\n",
        encoding="gb18030",
    )
    would = run("import", "assets", "台账.csv", "--data", "d", "--dry-run", code=2)
    assert "类别 -> kind" in would
    assert "line 3: commissioned" in would
    assert "rows refused: 2" in would
    assert not (tmp_path / "d").exists()
    answer = json.loads(run("import", "assets", "台账.csv", "--data", "d", "--json", code=2))
    assert (answer["added"], answer["last_dates"]) == (2, 1)
    assert [refusal["line"] for refusal in answer["refused"]] == [3, 4]
    waiting = tmp_path / answer["refused_file"]
    assert waiting.stat().st_mode & 0o777 == 0o600
    words = waiting.read_text("utf-8-sig")
    assert "EL-1" not in words
    waiting.write_text(words.replace("2019-13-45", "2019-12-31").replace("昨天", "2026-11-03"), encoding="utf-8-sig")
    answer = json.loads(run("import", "assets", waiting, "--data", "d", "--json"))
    assert (answer["added"], answer["unchanged"], answer["last_dates"]) == (1, 1, 2)


def test_a_refused_report_stops_no_other(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,kind\nL-1,lift\n")
    run("import", "assets", "a.csv", "--data", "d")
    (tmp_path / "r.csv").write_text("time,place,text\n2026-11-02 08:00,1,lift noise\n2026-13-02 08:00,1,lamp dark\n")
    assert "1 refused" in run("report", "import", "r.csv", "--data", "d", "--dry-run", code=2)
    answer = json.loads(run("report", "import", "r.csv", "--data", "d", "--json", code=2))
    assert (answer["added"], answer["rows"], len(answer["refused"])) == (1, 2, 1)
    waiting = tmp_path / answer["refused_file"]
    waiting.write_text(waiting.read_text("utf-8-sig").replace("2026-13-02", "2026-11-03"), encoding="utf-8")
    assert json.loads(run("report", "import", waiting, "--data", "d", "--json"))["added"] == 1


def test_refused_dates_are_kept(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,kind\nL-1,lift\nL-2,lift\n")
    run("import", "assets", "a.csv", "--data", "d")
    (tmp_path / "l.csv").write_text(
        "asset,duty,date\nL-1,half_monthly,2026-11-01\nL-7,half_monthly,2026-11-01\nL-2,yearly,2026-11-01,x\n"
    )
    answer = json.loads(run("duty", "import", "l.csv", "--data", "d", "--json", code=2))
    assert (answer["new"], [refusal["line"] for refusal in answer["refused"]]) == (1, [3, 4])
    kept = (tmp_path / answer["refused_file"]).read_text("utf-8-sig").splitlines()
    assert kept[1].startswith("L-7,half_monthly,2026-11-01,")
    assert "more cells than there are columns" in kept[2]
