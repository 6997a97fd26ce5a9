"""Two estates with the same building names: every row says whose it is, from the registry to the printed list."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pymupdf
import pytest
from typer.testing import CliRunner

from facility.alerts import Alert, Severity, Source
from facility.assessments import Assessment
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.records import Records

TODAY = datetime.now(ZoneInfo("Asia/Shanghai")).date()
DAY = TODAY + timedelta(days=3)
REGISTRY = """
[[site]]
id = "park"
name = "滨河花园"
[[site]]
id = "court"
name = "星河中心"
""" + "".join(
    f"""
[[asset]]
id = "{site[0].upper()}-{number}"
kind = "lift"
site = "{site}"
building = "3号楼"
name = "客梯{number}"
"""
    for site in ("park", "court")
    for number in (1, 2)
)
NAMES = {"P": "滨河花园", "C": "星河中心"}
Run = Callable[..., Any]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "250")

    def invoke(*arguments: str) -> Any:
        from commands.app.program import app

        done = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "data")])
        assert done.exit_code == 0, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    (tmp_path / "estate.toml").write_text(REGISTRY)
    invoke("import", "assets", str(tmp_path / "estate.toml"))
    for asset in ("P-1", "C-1"):
        invoke("duty", "done", asset, "half_monthly", "--on", str(DAY - timedelta(days=15)))
        invoke("duty", "done", asset, "quarterly", "--on", str(DAY - timedelta(days=100)))
    now = datetime.now(UTC) - timedelta(minutes=5)
    words = Text(zh="变差", en="getting worse")
    with Records(DataFolder(tmp_path / "data").records) as records:
        records.assessments.put(
            [
                Assessment(
                    asset=one.id,
                    as_of=now,
                    horizon_days=7,
                    probability=0.5,
                    sensor_probability=0,
                    flagged=True,
                    score=1,
                    mode="",
                    reason=words,
                    coverage=1,
                    model="m",
                )
                for one in records.estate.assets()
            ]
        )
        alerts = [
            Alert(
                asset=asset,
                id=0,
                channel="",
                cause=f"{asset}/x",
                source=Source.LIMIT,
                severity=Severity.HIGH,
                title=words,
                reason=words,
                opened_at=now,
                last_seen_at=now,
            )
            for asset in ("P-1", "C-1")
        ]
        records.alerts.keep(alerts, [], now=now)
    return invoke


def rows_of(shown: str) -> dict[str, str]:
    """The line of each asset in a table on the screen."""
    return {found[0]: line for line in shown.splitlines() if (found := re.findall(r"\b[PC]-\d\b", line))}


def named(rows: dict[str, str]) -> bool:
    return bool(rows) and all(NAMES[asset[0]] in line for asset, line in rows.items())


def test_every_row_on_the_screen_says_whose_it_is(run: Run) -> None:
    run("report", "add", "电梯关门慢", "--place", "滨河花园3号楼")
    for asked in (
        ["due", "--until", str(DAY)],
        ["asset", "list"],
        ["duty", "list"],
        ["duty", "list", "--missing"],
        ["plan", "--service-day", str(DAY)],
        ["alerts", "list"],
    ):
        assert named(rows_of(run(*asked))), asked
    assert "滨河花园" in run("report", "list")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_row_on_paper_says_whose_it_is(
    run: Run, tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", language)
    files = {ending: tmp_path / f"list{ending}" for ending in (".csv", ".pdf", ".xlsx", ".txt", ".ics")}
    asked = [part for file in files.values() for part in ("-o", str(file))]
    run("plan", "--service-day", str(DAY), "--hours", "12", *asked)
    table = list(csv.reader(io.StringIO(files[".csv"].read_text("utf-8-sig"))))
    place, asset = (
        table[0].index({"zh": zh, "en": en}[language])
        for zh, en in (("楼栋-楼层-点位", "Place"), ("设备编号", "Asset"))
    )
    assert len(table) > 4
    assert all(row[place].startswith(NAMES[row[asset][0]]) for row in table[1:])
    words = "".join(page.get_text() for page in pymupdf.open(files[".pdf"]))
    for site in NAMES.values():
        assert {"zh": f"项目：{site}", "en": f"Site: {site}"}[language] in words
    sheet = openpyxl.load_workbook(files[".xlsx"]).worksheets[1]
    listed = [[str(cell.value or "") for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert all(row[2].startswith(NAMES[row[3][0]]) for row in listed if row[3])
    chat = files[".txt"].read_text()
    assert all(site in chat for site in NAMES.values())
    calendar = files[".ics"].read_text()
    assert all(f"LOCATION:{site} 3号楼" in calendar for site in NAMES.values())


def test_each_estate_gets_a_notice_of_its_own(run: Run, tmp_path: Path) -> None:
    run("plan", "--service-day", str(DAY), "--hours", "12", "--keep")
    run("announce", "-o", str(tmp_path / "notice.txt"))
    for site, own, other in (("park", "滨河花园", "星河中心"), ("court", "星河中心", "滨河花园")):
        words = (tmp_path / f"notice-{site}.txt").read_text()
        assert own in words
        assert other not in words
    assert not (tmp_path / "notice.txt").exists()
    assert "星河中心" not in run("announce", "--site", "park")


def test_one_estate_alone_is_not_named_on_every_row(run: Run, tmp_path: Path) -> None:
    from facility.estate import Asset, Site
    from serviceday.documents.inspection_list import Names

    lift = Asset(id="L-1", kind="lift", building="3")
    assert Names.of([Site(id="default")], []).place(lift) == "3-L-1"
    assert Names.of([Site(id="default"), Site(id="b")], []).place(lift) == "default 3-L-1"
