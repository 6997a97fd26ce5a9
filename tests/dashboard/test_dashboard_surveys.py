"""The survey over HTTP, as households and others ask for it: words in both languages, one answer, never a traceback."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from starlette.applications import Starlette

from dashboard.door.gate import _open
from dashboard.settings import Settings
from dashboard.surveys import LARGEST, Surveys
from facility.folder import DataFolder
from facility.records import Records
from facility.surveys import Survey
from serviceday.execution.phone.links import link_key
from serviceday.survey import Collecting, read_form

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
DAY = date(2026, 3, 12)


@pytest.fixture
def code(tmp_path: Path) -> str:
    folder = DataFolder(tmp_path).prepare()
    with Records(folder.records) as records:
        out = records.surveys.add(Survey(key="march", service_day=DAY, until=DAY, form=read_form(), at=NOW))
        takes = Collecting(records, link_key(folder.link_key), now=NOW, timezone=ZONE)
        return takes.hand_out(out, 1)[0]


def ask(folder: Path, path: str, body: bytes | None = None, accept: str = "en") -> tuple[int, dict[str, str], str]:
    app = Starlette(routes=Surveys(Settings(folder, "zh", ZONE), clock=lambda: NOW).routes())
    plain, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET" if body is None else "POST", "path": plain, "raw_path": plain.encode(),
        "query_string": query.encode(), "headers": [(b"accept-language", accept.encode())], "http_version": "1.1",
        "scheme": "http", "server": ("test", 80), "client": ("test", 1), "root_path": "",
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:]).decode()


def answers(folder: Path) -> int:
    with Records(DataFolder(folder).records) as records:
        return len(records.surveys.answers(1))


def test_a_household_answers_once(tmp_path: Path, code: str) -> None:
    status, headers, page = ask(tmp_path, f"/survey/march/{code}")
    assert status == 200
    assert "script" not in page
    assert "form-action 'self'" in headers["content-security-policy"]
    assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
    assert page.count('type="radio"') == 5
    fields = urlencode([("code", code), ("q_overall", "4"), ("q_troubles", "lift"), ("q_words", "灯坏了")]).encode()
    status, _, page = ask(tmp_path, f"/survey/march/{code}", fields)
    assert (status, "Thank you" in page) == (200, True)
    status, _, page = ask(tmp_path, f"/survey/march/{code}", fields)
    assert (status, "answered already" in page) == (400, True)
    assert answers(tmp_path) == 1


def test_the_language_is_chosen_or_the_browsers(tmp_path: Path, code: str) -> None:
    assert 'lang="zh-CN"' in ask(tmp_path, f"/survey/march/{code}", accept="zh-CN,zh")[2]
    assert '<html lang="en"' in ask(tmp_path, f"/survey/march/{code}?lang=en", accept="zh")[2]
    assert 'lang="zh-CN"' in ask(tmp_path, f"/survey/march/{code}", accept="fr")[2], "else the installation's own"
    body = urlencode({"lang": "zh", "code": "nothing"}).encode()
    assert "不是本次调研发出的" in ask(tmp_path, "/survey/march", body)[2]


def test_without_a_code_in_the_link_it_is_asked_for(tmp_path: Path, code: str) -> None:
    status, _, page = ask(tmp_path, "/survey/march")
    assert (status, 'name="code"' in page) == (200, True)
    body = urlencode({"code": f"{code[:5]}-{code[5:]}".lower(), "q_overall": "5"}).encode()
    assert ask(tmp_path, "/survey/march", body)[0] == 200
    assert answers(tmp_path) == 1


def test_what_is_no_answer_can_be_mended(tmp_path: Path, code: str) -> None:
    for fields in ({"q_overall": "9"}, {"q_x": "1"}, {}):
        status, _, page = ask(tmp_path, f"/survey/march/{code}", urlencode(fields).encode())
        assert status == 400
        assert 'role="alert"' in page
        assert "<form" in page
    assert answers(tmp_path) == 0


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/survey/april", None, 400),
        ("/survey/march/%3Cscript%3E", None, 400),
        ("/survey/march", b"\xff\xfe" * 50, 400),
        ("/survey/march", b"code=" + b"A" * LARGEST, 413),
        ("/survey/march", b"&".join(b"q_a=1" for _ in range(2000)), 400),
    ],
)
def test_hostile_input_is_refused_in_words(
    tmp_path: Path, code: str, path: str, body: bytes | None, status: int
) -> None:
    found, _, page = ask(tmp_path, path, body)
    assert found == status
    assert "<script" not in page
    assert "Traceback" not in page
    assert answers(tmp_path) == 0


def test_what_was_filled_in_is_still_there_when_something_is_wrong(tmp_path: Path, code: str) -> None:
    fields = [("q_overall", "4"), *(("q_troubles", key) for key in ("lift", "fire", "leak", "noise"))]
    body = urlencode([*fields, ("q_words", "<b>dim</b> & cold")]).encode()
    status, _, page = ask(tmp_path, f"/survey/march/{code}", body)
    assert status == 400
    assert page.count(" checked") == 5
    assert "&lt;b&gt;dim&lt;/b&gt; &amp; cold</textarea>" in page


def test_where_there_are_no_records_it_is_told(tmp_path: Path) -> None:
    assert ask(tmp_path / "nowhere", "/survey/march")[0] == 400


def test_the_door_lets_codes_through_and_nothing_beside() -> None:
    assert _open("/survey/march/ABC")
    assert _open("/round/x")
    assert not _open("/survey/../photo/1/1")
    assert not _open("/surveys")
    assert not _open("/photo/1/1")
