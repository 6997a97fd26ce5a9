"""The signed link of a message: looking changes nothing, the button acknowledges once, a forged one does nothing."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from dashboard.acknowledging import AcknowledgingPage
from dashboard.door import DoorSettings
from dashboard.door.gate import Gate
from dashboard.door.keeper import Keeper
from facility.alerts import AlertState
from facility.folder import DataFolder
from facility.records import Records
from serviceday.notification.acknowledging import Acknowledgements

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    words: str


class Phone:
    """A browser without a session before the whole gate."""

    def __init__(self, folder: Path) -> None:
        self.now = datetime.now(UTC)
        entrance = DoorSettings(folder=folder, host="0.0.0.0", behind_proxy=True, language="en")  # noqa: S104
        page = AcknowledgingPage(entrance, ZONE, clock=lambda: self.now)
        self.app = Gate(Starlette(routes=page.routes()), Keeper(entrance))

    def ask(self, token: str, *, press: bool = False, lang: str = "en", path: str = "/acknowledge") -> Answer:
        return asyncio.run(self._ask(urlencode({"token": token, "lang": lang}), press, path))

    async def _ask(self, fields: str, press: bool, path: str) -> Answer:
        form = [(b"content-type", b"application/x-www-form-urlencoded")] if press else []
        scope = {
            "type": "http", "method": "POST" if press else "GET", "path": path, "raw_path": path.encode(),
            "query_string": b"" if press else fields.encode(), "headers": form, "http_version": "1.1",
            "scheme": "https", "server": ("test", 443), "client": ("203.0.113.7", 1), "root_path": "",
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": fields.encode() if press else b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], headers, html.unescape(body.decode()))


Signed = Callable[..., str]


@pytest.fixture
def signed(installation: Path) -> Signed:
    def token(alert: int, *, nonce: str = "n1", good_for: timedelta = timedelta(hours=1)) -> str:
        with Records(DataFolder(installation).records) as records:
            links = Acknowledgements(installation, records)
            return links.token(alert, "person:wang", nonce=nonce, expires=datetime.now(UTC) + good_for)

    return token


def standing(folder: Path) -> list[Any]:
    with Records(DataFolder(folder).records) as records:
        return [alert for alert in records.alerts.open() if alert.state is AlertState.UNACKNOWLEDGED]


def test_looking_changes_nothing_and_the_button_acknowledges_once(installation: Path, signed: Signed) -> None:
    alert = standing(installation)[0]
    phone, token = Phone(installation), signed(alert.id)
    for _ in range(3):
        page = phone.ask(token)
        assert page.status == 200
        assert alert.title.en in page.words
        assert alert.reason.en in page.words
        assert alert.asset in page.words
        assert "(Asia/Shanghai)" in page.words
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert alert.id in [each.id for each in standing(installation)]
    assert "我来处理" in phone.ask(token, lang="zh").words
    assert phone.ask(token, press=True).status == 200
    with Records(DataFolder(installation).records) as records:
        kept = records.alerts.get(alert.id)
    assert (kept.state, kept.acknowledged_by) == (AlertState.ACKNOWLEDGED, "wang")
    again = phone.ask(token, press=True)
    assert again.status == 410
    assert "used before" in again.words


def test_what_somebody_else_took_has_no_button(installation: Path, signed: Signed) -> None:
    alert = standing(installation)[0]
    with Records(DataFolder(installation).records) as records:
        records.alerts.acknowledge(alert.id, by="Li", now=datetime.now(UTC))
    page = Phone(installation).ask(signed(alert.id))
    assert "<form" not in page.words
    assert "Li" in page.words
    assert Phone(installation).ask(signed(alert.id), press=True).status == 410


def test_an_expired_a_forged_and_a_missing_link_are_refused_in_words(installation: Path, signed: Signed) -> None:
    alert = standing(installation)[0]
    phone = Phone(installation)
    token = signed(alert.id)
    phone.now += timedelta(hours=2)
    late = phone.ask(token, press=True)
    assert (late.status, "good until" in late.words) == (410, True)
    for forged in ("", "x", token[:-2], token.replace(".", ".A"), token + "A", "." * 700):
        answer = phone.ask(forged, press=True, lang="zh")
        assert answer.status == 403
        assert "这个链接不是这里签发的" in answer.words
        assert "<a " not in answer.words, "it leads nowhere that would know it"
    assert phone.ask(token, path="/acknowledge/../fleet").status in (303, 401)
    assert alert.id in [each.id for each in standing(installation)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(max_size=80))
def test_no_words_in_the_place_of_a_token_break_the_page(installation: Path, token: str) -> None:
    assert Phone(installation).ask(token.encode("utf-8", "replace").decode()).status == 403
