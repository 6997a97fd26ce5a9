"""Reports and papers as a user asks for them, through the program's own commands."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from commands.app.program import program
from commands.installation import installation
from facility.errors import ServicedayError

DAY = datetime.now(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=10)
REGISTRY = """id,kind,site,building,floor,name
EL-1,lift,binhe,b-3,,1号客梯
EL-2,lift,binhe,b-3,,2号客梯
LC-1,lighting_circuit,binhe,b-3,5F,1号照明回路
"""


def serviceday(*arguments: str) -> str:
    """What the program writes; in this process, since twenty interpreters take a minute to start."""
    written = io.StringIO()
    with redirect_stdout(written):
        program(args=list(arguments), prog_name="serviceday", standalone_mode=False)
    return written.getvalue()


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("papers")
    (folder / "registry.csv").write_text(REGISTRY)
    serviceday("import", "assets", str(folder / "registry.csv"), "--data", str(folder / "data"))
    with installation(folder / "data", create=True):
        pass
    return folder / "data"


def test_reports_become_work_on_papers_and_nobodys_name_does(data: Path, tmp_path: Path) -> None:
    said = ["--place", "3号楼5楼", "--name", "王女士", "--phone", "13800138000", "--data", str(data)]
    added = serviceday("report", "add", "楼道灯不亮", *said, "--json")
    report = json.loads(added)
    assert (report["place"]["asset"], report["category"]["subject"]) == ("LC-1", "lighting")
    hotline = tmp_path / "hotline.csv"
    hotline.write_text(
        "报修内容,房号,报修人,联系电话\n五楼楼道灯还是不亮,3栋,李先生,13900001111\n2号电梯关门慢,三号楼,,\n"
    )
    first = json.loads(serviceday("report", "import", str(hotline), "--data", str(data), "--json"))
    again = json.loads(serviceday("report", "import", str(hotline), "--data", str(data), "--json"))
    assert (first["added"], first["merged"], again["added"], again["known"]) == (2, 1, 0, 2)

    files = [str(tmp_path / f"list{ending}") for ending in (".xlsx", ".pdf", ".csv", ".ics", ".txt", ".json")]
    asked = [part for file in files for part in ("-o", file)]
    planned = serviceday("plan", "--service-day", str(DAY), "--data", str(data), *asked)
    assert all(Path(file).stat().st_size for file in files)
    told = Path(files[2]).read_text("utf-8-sig")
    assert "楼道灯不亮" in told
    assert "2号电梯关门慢" in told

    notice = tmp_path / "notice.docx"
    serviceday("announce", "--data", str(data), "-o", str(notice), "--contact", "021-5555 0100")
    assert notice.stat().st_size
    shown = serviceday("announce", "--data", str(data), "--contact", "021-5555 0100")
    assert "021-5555 0100" in shown

    listed = serviceday("report", "list", "--data", str(data))
    everything = "\n".join([added, planned, shown, listed, json.dumps(first, ensure_ascii=False)])
    everything += "".join(Path(file).read_bytes().decode("utf-8", "replace") for file in files[2:])
    for private in ("王女士", "李先生", "13800138000", "13900001111"):
        assert private not in everything
    assert "13800138000" in serviceday("report", "contact", "1", "--by", "desk", "--data", str(data))


def test_what_users_can_mend_is_one_line(data: Path, tmp_path: Path) -> None:
    number = str(json.loads(serviceday("report", "add", "单元门关不上", "--data", str(data), "--json"))["id"])
    wrong = {
        "without words": ["report", "add", " "],
        "there is no report 99": ["report", "show", "99"],
        "not a kind of report": ["report", "list", "--kind", "gossip"],
        "nothing to change": ["report", "edit", number, "--by", "x"],
        "no place of the registry": ["report", "edit", number, "--by", "x", "--place", "77号楼"],
        "'.odt' is unknown": ["announce", "-o", str(tmp_path / "n.odt")],
        "no plan is kept for 2031": ["announce", "--service-day", "2031-01-01"],
        "serviceday announce": ["plan", "--service-day", str(DAY), "-o", str(tmp_path / "n.docx")],
    }
    for what, arguments in wrong.items():
        with pytest.raises(ServicedayError, match=re.escape(what)) as told:
            serviceday(*arguments, "--data", str(data))
        assert "\n" not in str(told.value)


def test_no_file_is_replaced_unasked(tmp_path):
    records = tmp_path / "records.sqlite"
    records.write_bytes(b"precious")
    for arguments in (
        ("announce", "--save-template", str(records)),
        ("announce", "--save-template", str(tmp_path / "mine.docx")),
        ("store", "export", str(tmp_path / "all.csv"), "--data", str(tmp_path)),
        ("detect", str(tmp_path / "pump.csv"), "-o", str(tmp_path / "all.csv")),
        ("plan", "--service-day", "2026-12-05", "--data", str(tmp_path), "-o", str(tmp_path / "list.pdf")),
        ("plan", "export", "1", "--data", str(tmp_path), "-o", str(tmp_path / "list.pdf")),
        ("plan", "lock", "L-1", "--data", str(tmp_path), "-o", str(tmp_path / "list.pdf")),
    ):
        for name in ("mine.docx", "all.csv", "list.pdf"):
            (tmp_path / name).write_bytes(b"mine")
        command = [sys.executable, "-m", "commands.main", *arguments]
        refused = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert refused.returncode == 2, arguments
        assert "is there already" in refused.stderr or "no name of a Word document" in refused.stderr, arguments
    assert records.read_bytes() == b"precious"
    assert {(tmp_path / name).read_bytes() for name in ("mine.docx", "all.csv", "list.pdf")} == {b"mine"}
    forced = [
        sys.executable,
        "-m",
        "commands.main",
        "announce",
        "--save-template",
        str(tmp_path / "mine.docx"),
        "--force",
    ]
    subprocess.run(forced, check=True, capture_output=True)
    assert (tmp_path / "mine.docx").read_bytes().startswith(b"PK")
