"""The walk of docs/first-day.md, as it stands there: from two spreadsheets to a printed list in five commands."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pymupdf
import pytest

PAGE = Path(__file__).parents[2] / "docs/first-day.md"
TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
DAY = TODAY + timedelta(days=4)
SITES = {"滨": "滨河花园", "星": "星河中心", "云": "云山苑"}


def estate() -> tuple[str, str]:
    """140 assets on three sites with the same building names; dates of every lift and of some pumps."""
    assets, dates = ["编号,类别,项目,楼栋,楼层,名称"], ["设备编号,工作,上次完成日期,维保人员"]
    for sign, site in SITES.items():
        for building in range(1, 6):
            for number in range(1, 9):
                key = f"{sign}-{building}-{number}"
                assets.append(f"{key},lift,{site},{building}号楼,,{number}号客梯")
                last = TODAY - timedelta(days=8 + number)
                dates.append(f"{key},半月保养,{last},张伟")
                dates.append(f"{key},年度保养,{last.year - 1}年{last.month}月{min(last.day, 28)}日,张伟")
            assets.append(f"{sign}-P{building},pump_set,{site},{building}号楼,B1,消防泵组")
    dates.append(f"滨-P1,手动启泵与供水检查,{TODAY - timedelta(days=50):%Y/%m/%d},李娜")
    assets += [f"云-T{number},tank,云山苑,{number}号楼,RF,屋顶水箱" for number in range(1, 6)]
    assert len(assets) - 1 == 140
    return "\n".join(assets), "\n".join(dates)


KINDS = {"lift": "客梯", "pump_set": "消防泵组", "tank": "消防水箱"}
MERGED = ("项目", "楼栋")


def workbooks(folder: Path) -> None:
    """The same estate as people keep it: titles, merged cells, Chinese classes, dates of Excel, and no numbers."""
    rows, dates = ([line.split(",") for line in text.splitlines()[1:]] for text in estate())
    registry = [
        [place, site, building, floor, KINDS[kind], name, date(2019, 3, 1)]
        for place, (_, kind, site, building, floor, name) in enumerate(sorted(rows, key=lambda row: row[2:4]), 1)
    ]
    _sheet(
        folder / "assets.xlsx",
        "设备台账（2026 年）",
        ["序号", "项目", "楼栋", "楼层", "设备类别", "设备名称", "投用日期"],
        registry,
    )
    where = {row[0]: row[2:4] + row[5:6] for row in rows}
    done: dict[str, dict[str, str]] = {}
    for key, duty, day, _ in dates:
        done.setdefault(key, {})[duty] = day
    records = [
        [*where[key], _day(days.get("半月保养")), days.get("年度保养"), _day(days.get("手动启泵与供水检查"))]
        for key, days in sorted(done.items(), key=lambda entry: where[entry[0]])
    ]
    heading = ["项目", "楼栋", "设备名称", "上次半月保养", "上次年度保养", "上次手动启泵与供水检查"]
    _sheet(folder / "last-done.xlsx", "维保日期汇总", heading, records)


def _day(words: str | None) -> date | None:
    return date(*map(int, re.split("[-/]", words))) if words else None


def _sheet(path: Path, title: str, heading: list[str], rows: list[list[object]]) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([title])
    sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(heading))
    sheet.append(heading)
    for row in rows:
        sheet.append(row)
    for name in MERGED:
        column = heading.index(name)
        start = 0
        for place in range(1, len(rows) + 1):
            if place == len(rows) or rows[place][: column + 1][-2:] != rows[start][: column + 1][-2:]:
                cells = {"start_row": start + 3, "end_row": place + 2}
                sheet.merge_cells(**cells, start_column=column + 1, end_column=column + 1)
                start = place
    book.save(path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_five_commands_lead_to_a_printed_list_with_a_breach_and_a_lock(tmp_path: Path, form: str) -> None:
    locked = "星-5-4" if form == "csv" else "星河中心-5号楼-4号客梯"
    if form == "csv":
        (tmp_path / "assets.csv").write_text(estate()[0], encoding="gb18030")
        (tmp_path / "last-done.csv").write_text(estate()[1], encoding="utf-8-sig")
    else:
        workbooks(tmp_path)
    walk = re.search(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert walk is not None
    words = walk[1].replace("2026-12-05", str(DAY)).replace(".csv", f".{form}").replace("星-5-4", locked)
    commands = words.strip().splitlines()
    assert len(commands) == 5
    told = []
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "serviceday"
        done = subprocess.run(
            [sys.executable, "-m", "commands.main", "--lang", "zh", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env={"PYTHONPATH": str(PAGE.parents[1]), "PATH": "/usr/bin:/bin", "COLUMNS": "200", "LANG": "C.UTF-8"},
        )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
    assert "新增 140" in told[0]
    assert "新登记 241 个日期" in told[1]
    assert "没有上次日期" in told[2]
    assert "违反法定期限" in told[3]
    assert "已保存为" in told[4]
    words = "".join(page.get_text() for page in pymupdf.open(tmp_path / "list.pdf"))
    plain = re.sub(r"\s+", "", words)
    unknown = "没有上次日期：是否到期或已超期，无从知道"
    for wanted in ("法定期限无法满足", "法定到期", unknown, "项目：星河中心", "计划2"):
        assert wanted in plain
    assert "当日到期的法定项目全部列入" not in plain
    sheet = openpyxl.load_workbook(tmp_path / "list.xlsx").worksheets[1]
    listed = [[str(cell.value or "") for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert any(row[3] == locked and row[2].startswith("星河中心") for row in listed)
