"""The service day through the program: a sheet filled in and read back, conflicts, findings, the next plan."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pymupdf
import pytest
from typer.testing import CliRunner

from facility.assessments import Assessment
from facility.errors import CannotDo, CannotParse
from facility.i18n.phrases import Text
from facility.records import Records

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = datetime.now(ZONE).date()
MIDNIGHT = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=ZONE).astimezone(UTC)
Run = Callable[..., Any]
MODE = "door_operator_wear"


def belief(asset: str, probability: float, mode: str = "") -> Assessment:
    return Assessment(
        asset=asset,
        as_of=MIDNIGHT - timedelta(hours=1),
        horizon_days=7,
        probability=probability,
        sensor_probability=0,
        flagged=probability > 0.5,
        score=probability,
        mode=mode,
        reason=Text(zh="关门变慢", en="doors close slowly"),
        coverage=1,
        model="m",
    )


def called(*arguments: str, data: Path, fails: type[Exception] | None = None, code: int = 0) -> Any:
    from commands.app.program import app

    done = CliRunner().invoke(app, [*arguments, "--data", str(data)])
    if fails is not None:
        assert isinstance(done.exception, fails), (done.output, done.exception)
        return str(done.exception)
    assert done.exit_code == code, (done.output, done.exception)
    return json.loads(done.stdout) if "--json" in arguments else done.output


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lifts with warnings and duties that are due, a lamp that a resident reported, and a list that was kept."""
    folder = tmp_path_factory.mktemp("prepared")
    data = folder / "data"
    (folder / "estate.csv").write_text(
        "id,kind,site,building,name\nL-1,lift,park,1,\nL-2,lift,park,1,\nC-1,lighting_circuit,park,2,\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVICEDAY_LANGUAGE", "en")
        called("import", "assets", str(folder / "estate.csv"), data=data)
        for asset in ("L-1", "L-2"):
            called("duty", "done", asset, "half_monthly", "--on", str(TODAY - timedelta(days=16)), data=data)
        with Records(data / "records.sqlite") as records:
            records.assessments.put([belief("L-1", 0.9, MODE), belief("L-2", 0.8, MODE), belief("C-1", 0.01)])
        called("report", "add", "2号楼路灯不亮", "--place", "2", "--name", "王丽", "--phone", "13812345678", data=data)
        called("plan", "--service-day", str(TODAY), "--keep", "-o", str(folder / "list.xlsx"), data=data)
    return folder


@pytest.fixture
def run(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return partial(called, data=tmp_path / "data")


def rows(file: Path, sheet: int = 1) -> tuple[Any, Any, dict[str, int], dict[tuple[str, str], int]]:
    """The workbook, its sheet, columns by title, and lines by asset and work."""
    book = openpyxl.load_workbook(file)
    page = book.worksheets[sheet]
    columns = {str(cell.value): cell.column for cell in page[3]}
    lines = {
        (page.cell(line, columns["Asset"]).value, page.cell(line, columns["Item"]).value): line
        for line in range(4, page.max_row + 1)
    }
    return book, page, columns, lines


def line_of(lines: dict[tuple[str, str], int], asset: str, what: str) -> int:
    (found,) = [line for (one, words), line in lines.items() if one == asset and what in words]
    return found


def fill(page: Any, columns: dict[str, int], line: int, **cells: object) -> None:
    titles = {
        "result": "Result", "measured": "Measured", "fault": "Fault found", "mended": "Mended on the spot",
        "note": "Note", "done": "Done at", "by": "Filled in by",
    }  # fmt: skip
    for name, value in cells.items():
        page.cell(line, columns[titles[name]]).value = value


def filled(folder: Path) -> Path:
    """The sheet as an inspector fills it in: a warning confirmed, one not found, duties done, a lamp mended."""
    book, page, columns, lines = rows(folder / "list.xlsx")
    fill(page, columns, line_of(lines, "L-1", "warning"), result="abnormal", measured=4.1, note="scrapes", by="Zhang")
    fill(page, columns, line_of(lines, "L-2", "warning"), result="Normal", by="Zhang")
    for asset in ("L-1", "L-2"):
        fill(page, columns, line_of(lines, asset, "Half-monthly"), result="normal", by="Zhang")
    book.save(folder / "filled.xlsx")
    return folder / "filled.xlsx"


def counts(folder: Path) -> dict[str, int]:
    with sqlite3.connect(folder / "data" / "records.sqlite") as raw:
        tables = ("result_entry", "deficiency", "deficiency_step", "outcome", "duty_done", "duty_step", "report_step")
        return {one: raw.execute(f"SELECT count(*) FROM {one}").fetchone()[0] for one in tables}


def test_a_sheet_is_read_once_and_everything_follows_from_it(run: Run, tmp_path: Path) -> None:
    file = filled(tmp_path)
    found = run("day", "results", "1", str(file), "--json")
    assert (found["new"], found["known"], found["refused"], found["findings_opened"]) == (4, 0, [], [1])
    before = counts(tmp_path)
    again = run("day", "results", "1", str(file), "--json")
    assert (again["new"], again["known"], again["findings_opened"]) == (0, 4, [])
    assert counts(tmp_path) == before, "reading the same sheet twice changes nothing"
    duties = {one["asset"]: one["last_done"] for one in run("duty", "list", "--json", "--duty", "half_monthly")}
    assert duties == {"L-1": str(TODAY), "L-2": str(TODAY)}
    outcomes = {one["asset"]: (one["finding"], one["mode"]) for one in run("outcome", "list", "--json")}
    assert outcomes == {"L-1": ("confirmed", MODE), "L-2": ("not_found", "")}
    with Records(tmp_path / "data" / "records.sqlite") as records:
        (finding,) = records.deficiencies.all()
        assert (finding.state, finding.fault, finding.grade) == ("awaiting_approval", MODE, "critical")
        assert (finding.deadline, finding.opened_by, finding.origin) == (TODAY, "Zhang", "warning")


def test_what_is_wrong_in_a_sheet_is_refused_by_row_and_the_rest_taken(run: Run, tmp_path: Path) -> None:
    book, page, columns, lines = rows(tmp_path / "list.xlsx")
    a, b = line_of(lines, "L-1", "warning"), line_of(lines, "L-2", "warning")
    c, d = line_of(lines, "L-1", "Half-monthly"), line_of(lines, "L-2", "Half-monthly")
    fill(page, columns, a, result="abnormal", by="Li", measured="=1+1")
    fill(page, columns, b, result="fine", by="Li")
    fill(page, columns, c, result="normal", by="Li")
    page.cell(c, columns["Record key (leave as it is)"]).value = "SD1-1-1-000000000000"
    fill(page, columns, d, result="normal", by="Li")
    free = next(line for line in lines.values() if line not in (a, b, c, d))
    fill(page, columns, free, note="no answer", by="Li")
    book.save(tmp_path / "wrong.xlsx")
    found = run("day", "results", "1", "wrong.xlsx", "--json", code=2)
    assert found["new"] == 1
    why = {one["where"].rpartition(":")[2]: one["why"] for one in found["refused"]}
    assert set(why) == {str(a), str(b), str(c), str(free)}
    assert "formula" in why[str(a)]
    assert "is no result" in why[str(b)]
    assert "key is missing or was changed" in why[str(c)]
    assert "no result" in why[str(free)]
    told = run("day", "results", "1", "wrong.xlsx", code=2)
    assert f"Inspection list:{b}: 'fine' is no result" in told
    run("plan", "--service-day", str(TODAY), "--keep")
    other = run("day", "results", "2", str(filled(tmp_path)), "--json", code=2)
    assert (other["new"], len(other["refused"])) == (0, 4)
    assert "is of list 1, not of list 2" in other["refused"][0]["why"]


def test_a_file_that_is_no_sheet_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "no.xlsx").write_text("no workbook")
    assert "not an Excel workbook" in run("day", "results", "1", "no.xlsx", fails=CannotParse)
    openpyxl.Workbook().save(tmp_path / "other.xlsx")
    assert "no sheet of a kept list" in run("day", "results", "1", "other.xlsx", fails=CannotParse)
    assert "not on record" in run("day", "results", "9", "other.xlsx", fails=CannotDo)
    assert "cannot be read" in run("day", "results", "1", "absent.xlsx", fails=CannotParse)


def test_two_peoples_answers_are_a_conflict_until_somebody_decides(run: Run, tmp_path: Path) -> None:
    run("day", "results", "1", str(filled(tmp_path)))
    with Records(tmp_path / "data" / "records.sqlite") as records:
        plan = records.plans.get(1)
        assert plan is not None
        item = next(one.number for one in plan.items if one.asset == "L-1" and one.task == "warning")
        other = next(one.number for one in plan.items if one.asset == "L-1" and one.task == "half_monthly")
    said = run("day", "result", "1", str(item), "normal", "--by", "Li")
    assert f"Item {item} is answered differently" in said
    assert "Zhang: abnormal 4.1 scrapes; Li: normal" in said
    assert [one["asset"] for one in run("outcome", "list", "--json")] == ["L-2"], "what is disputed teaches nothing"
    run("day", "result", "1", str(other), "no-access", "--by", "Li")
    duties = {one["asset"]: one["last_done"] for one in run("duty", "list", "--json", "--duty", "half_monthly")}
    assert duties["L-1"] != str(TODAY), "and sets no date"
    shown = run("day", "show", str(TODAY), "--json")
    assert shown["list"]["conflicts"] == sorted([item, other])
    run("day", "resolve", "1", str(other), "normal", "--by", "Wang")
    run("day", "resolve", "1", str(item), "normal", "--by", "Wang", "--note", "looked again")
    assert run("day", "show", str(TODAY), "--json")["list"]["conflicts"] == []
    outcomes = {one["asset"]: one["finding"] for one in run("outcome", "list", "--json")}
    assert outcomes == {"L-1": "not_found", "L-2": "not_found"}
    duties = {one["asset"]: one["last_done"] for one in run("duty", "list", "--json", "--duty", "half_monthly")}
    assert duties["L-1"] == str(TODAY)
    with Records(tmp_path / "data" / "records.sqlite") as records:
        assert [one.state for one in records.deficiencies.all()] == ["rejected"]
    assert "nobody disagrees" in run("day", "resolve", "1", str(item), "normal", "--by", "Wang", fails=CannotDo)
    run("day", "results", "1", str(filled(tmp_path)))
    assert run("day", "show", str(TODAY), "--json")["list"]["conflicts"] == [], "an old sheet reopens nothing"
    run("day", "result", "1", str(item), "abnormal", "--by", "Zhao")
    assert run("day", "show", str(TODAY), "--json")["list"]["conflicts"] == [item], "who says otherwise later is heard"
    run("day", "resolve", "1", str(item), "abnormal", "--by", "Wang")
    with Records(tmp_path / "data" / "records.sqlite") as records:
        assert [one.state for one in records.deficiencies.all()] == ["rejected", "awaiting_approval"]


def test_an_answer_closes_the_report_it_answers_and_taking_it_back_opens_it(run: Run, tmp_path: Path) -> None:
    with Records(tmp_path / "data" / "records.sqlite") as records:
        plan = records.plans.get(1)
        assert plan is not None
        item = next(one.number for one in plan.items if one.request == "R1")
    run("day", "result", "1", str(item), "normal", "--by", "Li")
    assert run("report", "show", "1", "--json")["closed_at"] is not None
    run("day", "result", "1", str(item), "no-access", "--by", "Li")
    assert run("report", "show", "1", "--json")["closed_at"] is None
    run("day", "result", "1", str(item), "abnormal", "--by", "Li", "--mended", "--note", "lamp changed")
    assert run("report", "show", "1", "--json")["closed_at"] is None
    with Records(tmp_path / "data" / "records.sqlite") as records:
        (finding,) = records.deficiencies.all()
        assert (finding.state, finding.mended_on_spot, finding.report) == ("awaiting_verification", True, 1)


def test_what_cannot_be_so_is_refused(run: Run) -> None:
    assert "has no item 99" in run("day", "result", "1", "99", "normal", "--by", "Li", fails=CannotDo)
    assert "not an answer" in run("day", "result", "1", "1", "fine", "--by", "Li", fails=CannotParse)
    assert "nobody is named" in run("day", "result", "1", "1", "normal", fails=CannotDo)
    ahead = f"{TODAY + timedelta(days=1)}T10:00"
    assert "still to come" in run("day", "result", "1", "1", "normal", "--by", "Li", "--at", ahead, fails=CannotDo)
    assert "no fault" in run("day", "result", "1", "1", "abnormal", "--by", "L", "--mode", "x", fails=CannotDo)
    assert "beside the answer" in run("day", "result", "1", "1", "normal", "--by", "L", "--mended", fails=CannotDo)
    early = f"{TODAY - timedelta(days=1)}T10:00"
    assert "marked as late" in run("day", "result", "1", "1", "normal", "--by", "Li", "--at", early)


def test_a_service_day_goes_its_way_and_no_other(run: Run) -> None:
    day = str(TODAY)
    made = run("day", "new", day, "--theme", "doors", "--site", "park", "--goal", "class=lift", "--plan", "1", "--json")
    assert (made["state"], made["plan"], made["sites"]) == ("draft", 1, ["park"])
    assert "already" in run("day", "new", day, fails=CannotDo)
    changed = run("day", "change", day, "--theme", "lifts", "--person", "Li", "--by", "Wang", "--json")
    assert (changed["theme"], changed["people"], changed["plan"]) == ("lifts", ["Li"], 1)
    assert "nothing is changed" in run("day", "change", day, fails=CannotParse)
    assert "no site 'moon'" in run("day", "new", "2030-01-01", "--site", "moon", fails=CannotDo)
    assert "closed" not in run("day", "announce", day, "--by", "Wang", "--note", "in every lobby")
    assert "announced" in run("day", "close", day, "--by", "Wang", fails=CannotDo)
    run("day", "start", day, "--by", "Wang")
    run("day", "close", day, "--by", "Wang")
    shown = run("day", "show", day, "--json")
    assert shown["day"]["state"] == "closed"
    assert [one["move"] for one in shown["trail"]] == ["made", "changed", "announced", "started", "closed"]
    assert shown["list"]["unanswered"] == [one + 1 for one in range(shown["list"]["items"])]
    assert run("day", "list", "--json")[0]["theme"] == "lifts"
    assert "no service day" in run("day", "start", "2030-01-01", fails=CannotDo)
    assert "nothing is on record" in run("day", "show", "2030-01-01", fails=CannotDo)


def test_a_finding_is_put_right_by_one_and_verified_by_another(run: Run, tmp_path: Path) -> None:
    run("day", "results", "1", str(filled(tmp_path)))
    assert [one["number"] for one in run("finding", "list", "--json")] == ["F1"]
    assert "awaiting approval" in run("finding", "start", "1", "--by", "Li", fails=CannotDo)
    assert "assigned to nobody" in run("finding", "assign", "1", "--by", "Wang", fails=CannotDo)
    until = str(TODAY + timedelta(days=5))
    given = run(
        "finding", "assign", "1", "--to", "Li", "--department", "works", "--until", until, "--by", "Wang", "--json"
    )
    assert (given["state"], given["person"], given["deadline"]) == ("to_rectify", "Li", until)
    later = str(TODAY + timedelta(days=9))
    assert "need --why" in run("finding", "postpone", "1", "--until", later, "--by", "Wang", fails=CannotDo)
    assert "no later" in run("finding", "postpone", "1", "--until", until, "--by", "W", "--why", "x", fails=CannotDo)
    moved = run("finding", "postpone", "1", "--until", later, "--by", "Wang", "--why", "a part", "--json")
    assert (moved["deadline"], moved["first_deadline"]) == (later, until)
    run("finding", "start", "1", "--by", "Li")
    run("finding", "done", "1", "--by", "Li", "--note", "rollers changed")
    assert "cannot verify" in run("finding", "verify", "1", "--by", "Li", fails=CannotDo)
    back = run("finding", "reject", "1", "--by", "Wang", "--why", "still scrapes", "--json")
    assert back["state"] == "rectifying"
    run("finding", "done", "1", "--by", "Li", "--note", "aligned")
    closed = run("finding", "verify", "1", "--by", "Wang", "--note", "runs well", "--json")
    assert (closed["state"], closed["rectified"], closed["verifier"]) == ("closed", True, "Wang")
    assert run("finding", "list", "--json") == []
    moves = [one["move"] for one in run("finding", "show", "1", "--json")["trail"]]
    assert moves == [
        "opened", "submitted", "approved", "assigned", "postponed", "started", "done", "sent_back", "done", "verified",
    ]  # fmt: skip
    joined = run("finding", "add", "scrapes again", "--asset", "L-1", "--mode", MODE, "--by", "Zhao", "--json")
    assert (joined["id"], joined["repeats"], joined["state"], joined["new"]) == (1, 1, "to_rectify", False)
    assert run("finding", "close", "1", "--by", "Wang", "--why", "lift replaced", "--json")["rectified"] is False


def test_findings_by_hand_overdue_corrected_and_on_a_scale_of_ones_own(run: Run, tmp_path: Path) -> None:
    early = f"{TODAY - timedelta(days=40)}T10:00"
    made = run("finding", "add", "lamp dark", "--asset", "C-1", "--by", "Li", "--at", early, "--json")
    assert (made["grade"], made["deadline"], made["overdue"]) == ("general", str(TODAY - timedelta(days=10)), True)
    assert [one["id"] for one in run("finding", "list", "--overdue", "--json")] == [1]
    fixed = run(
        "finding", "correct", "1", "--description", "two lamps dark", "--by", "Li", "--why", "counted", "--json"
    )
    assert fixed["description"] == {"zh": "two lamps dark", "en": "two lamps dark"}
    (tmp_path / "data" / "grades.toml").write_text(
        '[[grade]]\nkey = "C"\nname = { zh = "丙", en = "C" }\ndays = 3\ndefault = true\n'
    )
    own = run("finding", "add", "door ajar", "--place", "gate", "--site", "park", "--by", "Li", "--json")
    assert (own["grade"], own["deadline"]) == ("C", str(TODAY + timedelta(days=3)))
    assert "overdue" in run("finding", "list")
    (tmp_path / "data" / "grades.toml").write_text('[[grade]]\nkey = "C"\ndays = -1\n')
    assert "whole number from 0" in run("finding", "list", fails=CannotParse)
    (tmp_path / "data" / "grades.toml").unlink()
    assert "needs words" in run("finding", "add", "x", fails=CannotParse)
    assert "is it 'L-1'" in run("finding", "add", "x", "--asset", "L-11", "--by", "Li", fails=Exception)
    assert "there is no finding 9" in run("finding", "show", "9", fails=CannotDo)


def test_the_register_and_the_notices_hold_what_the_trade_expects(run: Run, tmp_path: Path) -> None:
    run("day", "results", "1", str(filled(tmp_path)))
    run("finding", "add", "=HYPERLINK(1) 灯不亮", "--asset", "C-1", "--by", "Li", "--suggestion", "change it")
    run("finding", "assign", "1", "--to", "Li", "--department", "works", "--by", "Wang")
    run("finding", "export", "-o", "findings.xlsx", "-o", "notice.pdf")
    sheet = openpyxl.load_workbook(tmp_path / "findings.xlsx").worksheets[0]
    titles = [cell.value for cell in sheet[3]]
    assert titles[:6] == ["List, item", "Finding", "Equipment / asset", "Grade", "Description", "Place"]
    assert [sheet.cell(line, 2).value for line in (4, 5)] == ["F1", "F2"]
    assert (sheet.cell(5, 5).value, sheet.cell(5, 5).data_type) == ("=HYPERLINK(1) 灯不亮", "s")
    document = pymupdf.open(tmp_path / "notice.pdf")
    assert document.page_count == 2, "one for works, one for what nobody has yet"
    words = "".join(page.get_text() for page in document)
    for wanted in ("Rectification notice", "works Li", "F1", "F2", "critical", "灯不亮"):
        assert wanted in words
    assert "can't be written" in run("finding", "export", "-o", "x.docx", fails=CannotDo)
    assert "no file" in run("finding", "export", fails=CannotParse)


def test_the_next_plan_follows_up_and_its_answers_move_the_finding_on(run: Run, tmp_path: Path) -> None:
    run("day", "results", "1", str(filled(tmp_path)))
    run("plan", "--service-day", str(TODAY), "--hours", "0.7", "--keep")

    def follow_up(number: int) -> Any:
        with Records(tmp_path / "data" / "records.sqlite") as records:
            plan = records.plans.get(number)
            assert plan is not None
            (found,) = [one for one in plan.items if one.request == "F1"]
            return found

    item = follow_up(2)
    assert (item.number, item.ground, item.priority, item.due) == (1, "follow_up", "urgent", TODAY)
    assert "Put right F1" in item.what.en
    with Records(tmp_path / "data" / "records.sqlite") as records:
        plan = records.plans.get(2)
        assert plan is not None
        (warning,) = [one for one in plan.left_out if one.asset == "L-1" and one.task == "warning"]
        assert warning.left_out == "followed_up", "nobody is sent twice for one fault"
    said = run("day", "result", "2", "1", "abnormal", "--by", "Li", "--note", "no part yet")
    assert "Findings opened" not in said
    assert run("finding", "show", "1", "--json")["state"] == "awaiting_approval"
    run("day", "result", "2", "1", "abnormal", "--mended", "--by", "Li", "--note", "rollers changed")
    assert run("finding", "show", "1", "--json")["state"] == "awaiting_verification"
    run("plan", "--service-day", str(TODAY), "--keep")
    again = follow_up(3)
    assert "Verify F1" in again.what.en
    run("day", "result", "3", str(again.number), "normal", "--by", "Li")
    assert run("finding", "show", "1", "--json")["state"] == "awaiting_verification", "whoever mended cannot verify"
    run("day", "result", "3", str(again.number), "normal", "--by", "Wang")
    found = run("finding", "show", "1", "--json")
    assert (found["state"], found["mender"], found["verifier"]) == ("closed", "Li", "Wang")


def test_a_brief_is_counted_shown_published_and_then_stands(run: Run, tmp_path: Path) -> None:
    day = str(TODAY)
    assert "without a day" in run("brief", fails=CannotParse)
    assert "still to come" in run("brief", "--service-day", str(TODAY + timedelta(days=1)), fails=CannotDo)
    assert "nothing is on record" in run("brief", "--service-day", "2020-01-01", fails=CannotDo)
    assert "can't be written" in run("brief", "--service-day", day, "-o", "brief.odt", fails=CannotDo)
    run("day", "results", "1", str(filled(tmp_path)))
    said = run("brief", "--service-day", day)
    assert "warning or a weak sign: 2; confirmed: 1; another fault: 0; nothing found: 1." in said
    assert len(said.strip().splitlines()) == 3
    run("brief", "--service-day", day, "-o", "brief.html", "-o", "brief.docx", "-o", "brief.pdf", "-o", "brief.txt")
    page = (tmp_path / "brief.html").read_text()
    assert "Lighting" in page, "a report is named by its subject"
    assert all(words not in page for words in ("王丽", "1381234", "路灯不亮", "scrapes"))
    assert "no service day" in run("day", "publish", day, "--by", "Wang", fails=CannotDo)
    run("day", "new", day, "--by", "Wang")
    run("day", "start", day, "--by", "Wang")
    assert "running" in run("day", "publish", day, "--by", "Wang", fails=CannotDo)
    run("day", "close", day, "--by", "Wang")
    run("day", "publish", day, "--by", "Wang")
    before = run("brief", "--service-day", day)
    run("day", "result", "1", "5", "normal", "--by", "Li")
    assert run("brief", "--service-day", day) == before
    assert "published" in run("day", "change", day, "--theme", "x", fails=CannotDo)
