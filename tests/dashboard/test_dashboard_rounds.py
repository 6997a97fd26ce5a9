"""Rounds over HTTP, as a hostile world asks: every refusal in words of both languages, never a traceback."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from phone_rounds import MODE, NOW, ZONE, Phone, item, plan_of
from PIL import Image
from starlette.applications import Starlette

from dashboard.rounds import Rounds
from dashboard.settings import Settings
from facility.folder import DataFolder
from facility.inspections import Ground, InspectionList
from facility.records import Records
from serviceday.execution.effects import Consequences
from serviceday.execution.phone import page
from serviceday.execution.phone.links import Links, link_key

WORN = "L-01"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Site:
    """The rounds of a folder as a phone reaches them, at a moment that the test sets."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        self.folder = folder
        self.app = Starlette(routes=Rounds(Settings(folder, "en", ZONE), clock=lambda: self.now).routes())

    def ask(self, path: str, body: bytes | None = None, parts: int = 1) -> Answer:
        return asyncio.run(self._ask(path, body, parts))

    async def _ask(self, path: str, body: bytes | None, parts: int) -> Answer:
        plain, _, query = path.partition("?")
        scope = {
            "type": "http", "method": "GET" if body is None else "POST", "path": plain, "raw_path": plain.encode(),
            "query_string": query.encode(), "headers": [], "http_version": "1.1", "scheme": "http",
            "server": ("test", 80), "client": ("test", 1), "root_path": "",
        }  # fmt: skip
        data = body or b""
        step = len(data) // parts + 1
        pieces = [data[at : at + step] for at in range(0, max(len(data), 1), step)]
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            piece = pieces.pop(0) if pieces else b""
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], headers, b"".join(one.get("body", b"") for one in sent[1:]))


@pytest.fixture
def plan(installation: Path) -> InspectionList:
    with Records(DataFolder(installation).records) as records:
        items = (
            item(1, asset=WORN), item(2, asset="L-02", second=2),
            item(3, "warning", asset=WORN, mode=MODE, ground=Ground.RISK), item(4, person=2),
        )  # fmt: skip
        return records.plans.kept(plan_of(*items))


@pytest.fixture
def site(installation: Path) -> Site:
    return Site(installation)


@pytest.fixture
def link(installation: Path, plan: InspectionList) -> Callable[[int], str]:
    def made(person: int) -> str:
        folder = DataFolder(installation)
        with Records(folder.records) as records:
            return f"/round/{Links(link_key(folder.link_key), records).token(plan, person, timezone=ZONE)}"

    return made


def test_the_page_its_files_and_its_data(site: Site, link: Callable[[int], str]) -> None:
    shown = site.ask(link(1))
    assert shown.status == 200
    assert "script-src 'self'" in shown.headers["content-security-policy"]
    assert shown.headers["referrer-policy"] == "no-referrer"
    assert b"http://" not in shown.body.replace(b"http://www.w3.org", b"")
    for name in page.FILES:
        assert site.ask(f"/round/{name}").status == 200
    worker = site.ask("/round/worker.js")
    assert page.version().encode() in worker.body
    assert worker.headers["service-worker-allowed"] == "/round/"
    data = site.ask(f"{link(1)}/data").json
    assert [one["number"] for one in data["round"]["items"]] == [1, 2, 3]
    sensors = {one["key"]: one for one in data["round"]["items"][2]["sensors"]}
    assert sensors["door_close_time"]["value"] > 3, "the newest reading of the store"
    manifest = site.ask(f"{link(1)}/manifest").json
    assert manifest["start_url"] == link(1)
    assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}


def test_what_two_phones_send_is_taken_once_and_disputes_are_shown(
    site: Site, link: Callable[[int], str], plan: InspectionList
) -> None:
    zhang, li = Phone(plan, 1, "a-phone-of-zhang"), Phone(plan, 2, "a-phone-of-li")
    zhang.type(2, "normal", NOW)
    li.type(2, "abnormal", NOW, mode=MODE)
    li.hear("路灯不亮", NOW)
    for _ in range(3):
        first = site.ask(f"{link(1)}/sync", zhang.body(NOW))
        second = site.ask(f"{link(2)}/sync", li.body(NOW))
        assert (first.status, second.status) == (200, 200)
    assert second.json["answers"] == {"1": None}
    assert {voice["by"] for voice in second.json["standing"]["2"]["conflict"]} == {"张建国", "Li"}
    assert set(second.json["standing"]) == {"2"}
    with Records(DataFolder(site.folder).records) as records:
        assert len(records.results.of(plan.number)) == 2
        assert len(records.reports.all()) == 1


@pytest.mark.parametrize("path", ["", "/data", "/manifest", "/sync", "/photo"])
def test_every_door_asks_for_the_link(site: Site, link: Callable[[int], str], plan: InspectionList, path: str) -> None:
    good = link(1)
    body = Phone(plan, 1, "a-phone-of-zhang").body(NOW) if path in ("/sync", "/photo") else None

    def refused(address: str) -> None:
        answer = site.ask(f"{address}{path}", body)
        assert answer.status == 403
        words = answer.body.decode()
        assert "link" in words
        assert "链接" in words
        assert "Traceback" not in words

    for bad in (
        "x",
        quote("<script>alert(1)<script>", safe=""),
        good.removeprefix("/round/")[:-1] + "A" * 3,
        "9" * 4000,
    ):
        refused(f"/round/{bad}")
    site.now = NOW + timedelta(days=4)
    refused(good)
    site.now = NOW
    with Records(DataFolder(site.folder).records) as records:
        records.rounds.revoke_link(plan.number, 1, who="", now=NOW)
    refused(good)
    assert site.ask(f"{link(1)}{path}", body).status in (200, 400)


def test_a_sync_of_another_list_is_refused_in_words(
    site: Site, link: Callable[[int], str], plan: InspectionList
) -> None:
    with Records(DataFolder(site.folder).records) as records:
        other = records.plans.kept(plan_of(item(1), item(2)))
    phone = Phone(other, 1, "a-phone-of-zhang")
    phone.type(1, "normal", NOW)
    answer = site.ask(f"{link(1)}/sync", phone.body(NOW))
    assert answer.status == 400
    assert f"list {other.number}" in answer.json["refused"]["en"]
    assert f"第 {other.number} 号" in answer.json["refused"]["zh"]
    smuggled = site.ask(f"{link(1)}/sync", phone.body(NOW, plan=plan.number))
    assert smuggled.json["answers"]["1"]["en"].startswith(f"the row is of list {other.number}")


@pytest.mark.parametrize("body", [b"", b"{", b"\x00" * 50, b"[" * 50_000, json.dumps({"form": 1}).encode()])
def test_a_sync_that_is_none_is_refused_in_words(site: Site, link: Callable[[int], str], body: bytes) -> None:
    answer = site.ask(f"{link(1)}/sync", body)
    assert answer.status == 400
    assert set(answer.json["refused"]) == {"zh", "en"}


def test_too_much_is_not_read_to_its_end(site: Site, link: Callable[[int], str]) -> None:
    answer = site.ask(f"{link(1)}/sync", b"x" * (3 << 20), parts=30)
    assert (answer.status, "1 MB" in answer.json["refused"]["en"]) == (413, True)
    answer = site.ask(f"{link(1)}/photo", b"x" * (9 << 20), parts=30)
    assert (answer.status, "8 MB" in answer.json["refused"]["zh"]) == (413, True)


def about(**more: str) -> str:
    at = datetime(2026, 3, 12, 2, tzinfo=UTC).isoformat()
    given = {"device": "a-phone-of-zhang", "seq": "1", "item": "1", "kind": "photo", "taken_at": at, "sent_at": at}
    return urlencode(given | more)


def test_photos_come_once_and_what_is_none_is_refused(
    site: Site, link: Callable[[int], str], plan: InspectionList
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(out, "JPEG")
    assert site.ask(f"{link(1)}/photo?{about()}", out.getvalue()).json == {"new": True}
    assert site.ask(f"{link(1)}/photo?{about()}", out.getvalue()).json == {"new": False}
    for query, data in (
        (about(seq="2"), b"<html>no picture</html>"),
        (about(seq="2", item="4"), out.getvalue()),
        (about(seq="2", device="'; drop table round_photo; --"), out.getvalue()),
        ("", out.getvalue()),
    ):
        answer = site.ask(f"{link(1)}/photo?{query}", data)
        assert answer.status == 400
        assert set(answer.json["refused"]) == {"zh", "en"}
    with Records(DataFolder(site.folder).records) as records:
        (photo,) = records.rounds.photos(plan.number)
    assert (DataFolder(site.folder).photos / photo.file).is_file()


def test_trouble_of_the_server_is_told_as_its_own_so_that_the_phone_tries_again(
    site: Site, link: Callable[[int], str], plan: InspectionList
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (30, 20), "teal").save(out, "JPEG")
    DataFolder(site.folder).photos.write_text("in the way")
    answer = site.ask(f"{link(1)}/photo?{about()}", out.getvalue())
    assert (answer.status, set(answer.json)) == (503, {"failed"})
    (site.folder / "grades.toml").write_text("[[grade")
    answer = site.ask(f"{link(1)}/sync", Phone(plan, 1, "a-phone-of-zhang").body(NOW))
    assert answer.status == 503
    assert "grades.toml" in answer.body.decode()


def test_many_phones_at_once_take_turns_and_open_each_finding_once(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[int] = []
    at_once: list[int] = []
    settle = Consequences.settle

    def watched(self: Consequences, *arguments: Any) -> Any:
        inside.append(1)
        at_once.append(len(inside))
        time.sleep(0.02)
        inside.pop()
        return settle(self, *arguments)

    monkeypatch.setattr(Consequences, "settle", watched)
    folder, people = DataFolder(installation), 6
    items = tuple(item(number, asset=WORN, task=f"duty {number}", person=number) for number in range(1, people + 1))
    with Records(folder.records) as records:
        plan = records.plans.kept(plan_of(*items))
        links = Links(link_key(folder.link_key), records)
        addresses = [f"/round/{links.token(plan, number, timezone=ZONE)}/sync" for number in range(1, people + 1)]
    site = Site(installation)
    bodies = []
    for number in range(1, people + 1):
        phone = Phone(plan, number, f"the-phone-of-{number}")
        phone.type(number, "abnormal", NOW, note="broken")
        bodies.append(phone.body(NOW))
    with ThreadPoolExecutor(people * 2) as pool:
        answers = list(pool.map(site.ask, addresses * 2, bodies * 2))
    assert {answer.status for answer in answers} == {200}
    with Records(folder.records) as records:
        assert len(records.results.of(plan.number)) == people
        found = [len(records.deficiencies.of_item(plan.number, number)) for number in range(1, people + 1)]
    assert found == [1] * people
    assert set(at_once) == {1}, "what follows is settled by one at a time"


def test_a_folder_that_is_not_there_is_told_on_the_page(tmp_path: Path) -> None:
    answer = Site(tmp_path / "nowhere").ask("/round/1-1-0-1-A")
    assert answer.status == 503
    assert "no data folder" in answer.body.decode()
    (tmp_path / "empty").mkdir()
    assert "no records in" in Site(tmp_path / "empty").ask("/round/1-1-0-1-A").body.decode()
    assert list((tmp_path / "empty").iterdir()) == [], "a visitor makes nothing"
