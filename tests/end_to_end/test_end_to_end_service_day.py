"""A service day as a company walks it, through the program: list, sheet, results, findings, next list, brief."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import docx
import openpyxl
import pymupdf
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
DAY = TODAY - timedelta(days=1)


def run(folder: Path, *arguments: str, language: str = "en", code: int = 0) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "commands.main", "--lang", language, *arguments, "--data", "data"],
        cwd=folder, capture_output=True, text=True, timeout=300,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


def fill_in(folder: Path, faulty: dict[str, str]) -> tuple[int, int]:
    """As inspectors do: warnings by what is really there, everything else normal, two items not at all."""
    book = openpyxl.load_workbook(folder / "list.xlsx")
    page = book["检查清单"]
    columns = {str(cell.value): cell.column for cell in page[3]}
    confirmed = wrong = 0
    for line in range(4, page.max_row + 1):
        if line > page.max_row - 2:
            break
        warning = "预警核查" in str(page.cell(line, columns["检查项"]).value)
        there = warning and str(page.cell(line, columns["设备编号"]).value) in faulty
        confirmed, wrong = confirmed + there, wrong + (warning and not there)
        page.cell(line, columns["结果"]).value = "异常" if there else "正常"
        page.cell(line, columns["填写人"]).value = "张伟"
        page.cell(line, columns["说明"]).value = "现场可见" if there else None
    book.save(folder / "filled.xlsx")
    return confirmed, wrong


class Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_from_the_list_to_the_brief_and_the_next_list(tmp_path: Path) -> None:
    until = str(DAY - timedelta(days=1))
    run(tmp_path, "demo", "--headless", "--assets", "14", "--history", "18d", "--seed", "7", "--until", until)
    with (tmp_path / "data/truth/faults.csv").open() as lines:
        faulty = {one["asset"]: one["mode"] for one in csv.DictReader(lines) if one["trouble"] == "equipment"}
    (tmp_path / "last.csv").write_text(f"asset,duty,last done\nL-0001,half_monthly,{DAY - timedelta(days=20)}\n")
    run(tmp_path, "duty", "import", "last.csv")
    run(tmp_path, "report", "add", "楼道灯不亮，我是王丽娜", "--name", "王丽娜", "--phone", "13812345678")
    plan = ("plan", "--service-day", str(DAY), "--goal", "class=lift", "--keep", "-o", "list.xlsx")
    run(tmp_path, *plan, language="zh")
    number = run(tmp_path, "plan", "list", "--json")[0]["number"]
    run(tmp_path, "day", "new", str(DAY), "--theme", "winter", "--plan", str(number), "--by", "Wang")
    run(tmp_path, "day", "announce", str(DAY), "--by", "Wang")
    run(tmp_path, "day", "start", str(DAY), "--by", "Wang")

    confirmed, wrong = fill_in(tmp_path, faulty)
    assert confirmed >= 1
    found = run(tmp_path, "day", "results", str(number), "filled.xlsx", "--json")
    assert (found["refused"], found["conflicts"]) == ([], [])
    assert len(found["findings_opened"]) == confirmed
    assert found["late"] == found["new"], "read in the day after"
    again = run(tmp_path, "day", "results", str(number), "filled.xlsx", "--json")
    assert (again["new"], again["findings_opened"]) == (0, [])
    labels = run(tmp_path, "outcome", "list", "--json")
    assert sorted(one["finding"] for one in labels) == sorted(["confirmed"] * confirmed + ["not_found"] * wrong)

    first = run(tmp_path, "finding", "list", "--json")[0]
    assert first["overdue"] is True, "life safety is due the same day"
    run(tmp_path, "plan", "--service-day", str(TODAY), "--hours", "1", "--keep", "-o", "next.json")
    items = json.loads((tmp_path / "next.json").read_text())["items"]
    follow = [one for one in items if one["ground"] == "follow_up"]
    assert follow
    assert {one["priority"] for one in follow} == {"urgent"}
    assert items[0]["ground"] == "follow_up", "what was left comes first"
    item, name = str(follow[0]["number"]), follow[0]["request"].removeprefix("F")
    then = run(tmp_path, "plan", "list", "--json")[0]["number"]
    run(tmp_path, "day", "result", str(then), item, "normal", "--by", "李师傅", "--note", "已更换")
    assert run(tmp_path, "finding", "show", name, "--json")["state"] == "awaiting_verification"
    refused = run(tmp_path, "finding", "verify", name, "--by", "李师傅", code=2)
    assert not refused
    assert run(tmp_path, "finding", "verify", name, "--by", "王经理", "--json")["rectified"] is True

    run(tmp_path, "day", "close", str(DAY), "--by", "Wang")
    counted = run(tmp_path, "brief", "--service-day", str(DAY), "--json")
    values = {one["key"]: len(one["records"]) for section in counted["sections"] for one in section["figures"]}
    assert (values["confirmed"], values["not_found"], values["unanswered"]) == (confirmed, wrong, 2)
    for language, title in (("zh", "物业服务日工作简报"), ("en", "Service day brief")):
        names = [f"brief-{language}.{form}" for form in ("docx", "pdf", "html")]
        outputs = [part for name in names for part in ("-o", name)]
        run(tmp_path, "brief", "--service-day", str(DAY), *outputs, language=language)
        document = docx.Document(str(tmp_path / names[0]))
        cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
        page = Words()
        page.feed((tmp_path / names[2]).read_text())
        told = {
            "docx": "\n".join([*(one.text for one in document.paragraphs), *cells]),
            "pdf": "".join(one.get_text() for one in pymupdf.open(tmp_path / names[1])),
            "html": " ".join(page.text),
        }
        for form, words in told.items():
            plain = re.sub(r"\s+", "", words)
            assert re.sub(r"\s+", "", title) in plain, form
            assert f"F{name}" in plain, form
            assert "王丽娜" not in plain, form
            assert "13812345678" not in plain, form
            assert "\ufffd" not in plain, form

    run(tmp_path, "day", "publish", str(DAY), "--by", "王经理")
    before = run(tmp_path, "brief", "--service-day", str(DAY), "--json")
    run(tmp_path, "day", "result", str(number), values_left(tmp_path), "normal", "--by", "张伟")
    assert run(tmp_path, "brief", "--service-day", str(DAY), "--json") == before, "what was published does not change"
    assert run(tmp_path, "day", "show", str(DAY), "--json")["day"]["state"] == "published"
    assert not run(tmp_path, "day", "publish", str(DAY), "--by", "Wang", code=2)


def values_left(folder: Path) -> str:
    """The number of an item without an answer."""
    return str(run(folder, "day", "show", str(DAY), "--json")["list"]["unanswered"][0])
