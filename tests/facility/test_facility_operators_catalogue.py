"""Classes of an operator's own, from a folder of theirs: taken like ours, and every slip told by its line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest

from facility.catalogue.catalogue import FOLDER, LAW_SET, OPERATORS, catalogue, law_set
from facility.catalogue.schema import check_file
from facility.errors import CannotParse, Problems

GATE = """key = "barrier_gate"
name = {zh = "道闸", en = "Barrier gate"}
also = ["车行道闸"]
life_safety = false
criticality = 1.0
inspect_minutes = 20
qualification = "低压电工"

[[channel]]
key = "opening_time"
name = {zh = "起杆时间", en = "Opening time"}
unit = "s"
normal = {low = 1.0, high = 3.0}
limit = {high = 6.0}
physical = {low = 0, high = 120}
cadence = "15min"
stale_after = "2h"
aggregate = "mean"
bad = "up"
source = "manufacturer; D"

[[mode]]
key = "spring_fatigue"
name = {zh = "弹簧疲劳", en = "spring fatigue"}
signs = ["opening_time:up"]
lead = {zh = "数周", en = "weeks"}
look_for = {zh = "平衡弹簧是否拉长", en = "a stretched balance spring"}

[[duty]]
key = "quarterly"
name = {zh = "季度保养", en = "Quarterly maintenance"}
interval = "3 months"
interval_source = "manufacturer; D"
minutes = 30
qualification = "低压电工"
statutory = false
passes = {zh = "起落平稳", en = "moves smoothly"}
channels = ["opening_time"]
source = "manufacturer"
"""


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_our_own_files_have_the_form(file: Path) -> None:
    check_file(file)


def test_a_class_of_the_operators_stands_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gate.toml").write_text(GATE)
    ours = set(catalogue())
    monkeypatch.setenv(OPERATORS, str(tmp_path))
    assert set(catalogue()) == ours | {"barrier_gate"}
    monkeypatch.delenv(OPERATORS)
    assert set(catalogue()) == ours


@pytest.mark.parametrize(
    ("slip", "line", "told"),
    [
        (("stale_after =", "stale_atfer ="), 17, "no key 'stale_atfer'; is it 'stale_after'?"),
        (('aggregate = "mean"', 'aggregate = "average"'), 18, "aggregate = 'average'"),
        (('cadence = "15min"', 'cadence = "often"'), 16, "write it as 15min"),
        (('interval = "3 months"', 'interval = "quarterly"'), 32, "write it as 15 days, 3 months or 1 year"),
        (("opening_time:up", "opening_tme:up"), 25, "no channel 'opening_tme'; is it 'opening_time'?"),
        (('unit = "s"\n', ""), 9, "unit is missing"),
        (("minutes = 30", 'minutes = "half an hour"'), 34, "minutes"),
        (('bad = "up"', 'bad = "up"\nalarm = {aftr = "5min"}'), 20, "no key 'aftr'; is it 'after'?"),
        (('bad = "up"', 'bad = "up"\nalarm = {after = "soon"}'), 20, "write it as 15min"),
        (('bad = "up"', 'bad = "up"\nalarm = {count = 0}'), 20, "greater than or equal to 1"),
        (('bad = "up"', 'bad = "up"\nalarm = {high = [7]}'), 20, "there is no such state"),
        (('en = "Barrier gate"', 'fr = "Barrière"'), 2, "name"),
    ],
)
def test_a_slip_is_told_with_its_line(tmp_path: Path, slip: tuple[str, str], line: int, told: str) -> None:
    file = tmp_path / "gate.toml"
    file.write_text(GATE.replace(*slip))
    with pytest.raises(Problems) as refusal:
        check_file(file)
    assert any(problem.startswith(f"line {line}: ") and told in problem for problem in refusal.value.problems), str(
        refusal.value
    )


def test_what_is_no_toml_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(CannotParse, match="is not TOML"):
        check_file(tmp_path / "x.toml")


CHECKLIST = """class = "lift"

[[duty]]
key = "mirror_round"
name = {zh = "轿厢镜面巡查", en = "Round of the car mirrors"}
interval = "7 days"
minutes = 5
qualification = "电梯安全管理员"
statutory = false
passes = {zh = "完好", en = "intact"}
source = "house rules"

[[item]]
duty = "mirror_round"
number = "1"
what = {zh = "镜面", en = "mirror"}
passes = {zh = "无裂纹", en = "no crack"}
answer = "measured"
unit = "mm"
low = 0
high = 3
channel = "levelling_error"
"""


def test_a_checklist_of_the_operators_stands_beside_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "duties").mkdir()
    (tmp_path / "duties/mirrors.toml").write_text(CHECKLIST)
    ours = list(catalogue()["lift"].duties)
    monkeypatch.setenv(OPERATORS, str(tmp_path))
    duties = catalogue()["lift"].duties
    assert list(duties) == [*ours, "mirror_round"]
    (item,) = duties["mirror_round"].items
    assert (item.number, item.unit, item.low, item.high, item.channel) == ("1", "mm", 0, 3, "levelling_error")
    (tmp_path / "duties/mirrors.toml").write_text(CHECKLIST.replace("mirror_round", "half_monthly"))
    monkeypatch.setenv(OPERATORS, f"{tmp_path}/")
    replaced = catalogue()["lift"].duties["half_monthly"]
    assert (replaced.minutes, len(replaced.items)) == (5, 1), "theirs goes before ours of the same key"


@pytest.mark.parametrize(
    ("slip", "line", "told"),
    [
        (('class = "lift"', 'class = "lifft"'), 1, "no class 'lifft'; is it 'lift'?"),
        (("minutes =", "minuets ="), 7, "no key 'minuets'; is it 'minutes'?"),
        (('source = "house rules"', ""), 4, "neither source nor standard says where it is from"),
        (('duty = "mirror_round"', 'duty = "mirror_roun"'), 14, "no duty 'mirror_roun'; is it 'mirror_round'?"),
        (("levelling_error", "leveling_error"), 22, "no channel 'leveling_error'; is it 'levelling_error'?"),
        (('unit = "mm"\n', ""), 18, "a measured value without a unit"),
        (("low = 0", "low = 9"), 20, "low lies above high"),
        (("statutory = false", 'statutory = false\nincludes = ["quartely"]'), 10, "is it 'quarterly'?"),
        (('interval = "7 days"', 'interval = "weekly"'), 6, "write it as 15 days, 3 months or 1 year"),
    ],
)
def test_a_slip_in_a_checklist_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slip: tuple[str, str], line: int, told: str
) -> None:
    (tmp_path / "duties").mkdir()
    assert slip[0] in CHECKLIST
    (tmp_path / "duties/mirrors.toml").write_text(CHECKLIST.replace(*slip))
    monkeypatch.setenv(OPERATORS, str(tmp_path))
    with pytest.raises(Problems) as refusal:
        catalogue()
    assert any(problem.startswith(f"line {line}: ") and told in problem for problem in refusal.value.problems), str(
        refusal.value
    )


def test_whose_law_holds_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OPERATORS, str(tmp_path))
    assert law_set() == "cn"
    (tmp_path / "law.toml").write_text('[law]\nset = "uk"\n')
    assert law_set() == "uk"
    monkeypatch.setenv(LAW_SET, "us")
    assert law_set() == "us", "what is said now goes before what stands in a file"
    monkeypatch.setenv(LAW_SET, "mars")
    with pytest.raises(CannotParse, match=r"no law 'mars'.*cn"):
        catalogue()
    monkeypatch.delenv(LAW_SET)
    (tmp_path / "law.toml").write_text('[law]\nsett = "uk"\n')
    with pytest.raises(Problems, match=r"set = \"cn\""):
        law_set()


@pytest.mark.slow
def test_a_new_class_reaches_readings_alert_assessment_plan_and_paper(tmp_path: Path) -> None:
    """One file in the data folder, none of ours touched."""
    data = tmp_path / "data"
    (data / "catalogue").mkdir(parents=True)
    (data / "catalogue/gate.toml").write_text(GATE)
    (tmp_path / "assets.csv").write_text(
        "编号,类别,项目,楼栋\n" + "".join(f"G-{n},车行道闸,滨河,{n}号口\n" for n in range(1, 7)), encoding="utf-8"
    )
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    rows = ["asset,time,value"]
    for hour in range(24 * 40, 0, -1):
        moment = end - timedelta(hours=hour)
        for number in range(1, 7):
            worn = number == 3 and hour < 24 * 10
            value = (8.0 if worn else 2.0) + ((hour * 7 + number * 13) % 11) / 100
            rows.append(f"G-{number},{moment:%Y-%m-%dT%H:%M:%SZ},{value:.3f}")
    (tmp_path / "readings.csv").write_text("\n".join(rows))

    def serviceday(*arguments: str) -> str:
        command = [sys.executable, "-m", "commands.main", "--lang", "en", *arguments, "--data", str(data)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(serviceday("import", "assets", str(tmp_path / "assets.csv"), "--json"))["added"] == 6
    serviceday("import", "readings", str(tmp_path / "readings.csv"), "--channel", "opening_time")
    scored = json.loads(serviceday("score", "--json"))
    assert scored["flagged"] == ["G-3"]
    alerts = json.loads(serviceday("alerts", "list", "--json"))
    assert [alert["asset"] for alert in alerts] == ["G-3"]
    serviceday("duty", "done", "G-1", "季度保养", "--on", "2026-01-05")
    serviceday("plan", "--service-day", f"{end:%Y-%m-%d}", "-o", str(tmp_path / "list.xlsx"))
    words = {
        str(cell.value)
        for sheet in openpyxl.load_workbook(tmp_path / "list.xlsx")
        for row in sheet.iter_rows()
        for cell in row
    }
    assert any("spring fatigue" in word for word in words)
    assert any("Quarterly maintenance" in word for word in words)
