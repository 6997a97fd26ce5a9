from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pytest

from dashboard import planned
from dashboard.serve import APP, SERVER, THEME, address, command, environment
from dashboard.settings import Settings
from facility.errors import CannotConvert


def test_the_command_serves_the_folder_and_tells_nobody() -> None:
    words = command(Path("/data/x"), port=9000, language="zh", timezone="Europe/Berlin")
    assert words[1:5] == ["-m", "streamlit", "run", str(SERVER)]
    assert {"--server.address=127.0.0.1", "--server.port=9000", "--browser.gatherUsageStats=false"} <= set(words)
    assert THEME.exists()
    given = Settings.given(words[words.index("--") + 1 :], {})
    assert given == Settings(Path("/data/x"), "zh", ZoneInfo("Europe/Berlin"))
    assert address("127.0.0.1", 9000) == "http://127.0.0.1:9000"


def test_settings_fall_back_to_the_environment_and_then_to_defaults() -> None:
    told = {"SERVICEDAY_DATA": "/d", "SERVICEDAY_LANGUAGE": "zh", "SERVICEDAY_TIMEZONE": "UTC"}
    assert Settings.given([], told) == Settings(Path("/d"), "zh", ZoneInfo("UTC"))
    assert Settings.given([], {}).timezone == ZoneInfo("Asia/Shanghai")
    with pytest.raises(CannotConvert, match="Atlantis"):
        Settings.given([], {"SERVICEDAY_TIMEZONE": "Atlantis"})


def test_the_server_can_import_the_rooms() -> None:
    assert environment({"PYTHONPATH": "/elsewhere"})["PYTHONPATH"] == f"{APP.parent.parent}:/elsewhere"
    assert environment({"FORWARDED_ALLOW_IPS": "*"})["FORWARDED_ALLOW_IPS"] == ""


def test_the_downloads_open(installation: Path) -> None:
    made = planned.inspection_list(installation, date(2026, 12, 1), 8.0, 1, ZoneInfo("Asia/Shanghai")).plan
    book = openpyxl.load_workbook(io.BytesIO(planned.file(installation, made, ".xlsx", "zh")))
    assert book.worksheets
    assert planned.file(installation, made, ".csv", "en").startswith(b"\xef\xbb\xbf")
    assert planned.file(installation, made, ".pdf", "zh").startswith(b"%PDF")
    assert planned.file(installation, made, ".ics", "zh").startswith(b"BEGIN:VCALENDAR")


def test_the_server_has_the_rounds_of_the_folder_it_is_told(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dashboard import server

    monkeypatch.setattr("sys.argv", ["server.py", "--data", str(installation)])
    middleware, routes = server.parts()
    assert {"/round/{token}/sync", "/sign-in"} <= {getattr(route, "path", "") for route in routes}
    assert len(middleware) == 1, "the door"
    monkeypatch.setenv("SERVICEDAY_TIMEZONE", "Atlantis")
    assert server.parts() == ([], []), "the pages tell what is wrong; the server comes up"
