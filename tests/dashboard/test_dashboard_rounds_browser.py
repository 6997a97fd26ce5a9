"""A round in a real browser against the real server: network cut, browser killed, page updated in between."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from phone_rounds import MODE, ZONE, item, plan_of
from PIL import Image

from dashboard.serve import address, command, environment
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.inspections import Ground, InspectionList
from facility.records import Records
from facility.rounds import PhotoKind
from serviceday.execution.phone import page as phone_page
from serviceday.execution.phone.links import Links, link_key
from serviceday.execution.phone.round_data import Surroundings, round_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ITEMS = 40
PHONE = {
    "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "accept_downloads": True,
    "locale": "en-GB",
}  # fmt: skip
LONG = "东区地下二层制冷机房旁消防稳压给水泵组备用泵（含控制柜）Long-Named Backup Jockey Pump"


@pytest.fixture
def plan(installation: Path) -> InspectionList:
    now = datetime.now(UTC)
    items = [
        item(
            number,
            "warning" if number == 3 else "half_monthly",
            asset=("L-01", "L-02")[number % 2],
            asset_name=LONG if number % 7 == 1 else f"客梯 {number}",
            building="AB"[number > 20],
            mode=MODE if number == 3 else "",
            ground=Ground.RISK if number == 3 else Ground.STATUTORY,
            what=Text(zh=f"半月维保 {number}", en=f"Half-monthly {number}"),
        )
        for number in range(1, ITEMS + 1)
    ]
    made = replace(plan_of(*items, day=now.astimezone(ZONE).date()), created_at=now - timedelta(days=1))
    with Records(DataFolder(installation).records) as records:
        return records.plans.kept(made)


@pytest.fixture
def link(installation: Path, plan: InspectionList) -> str:
    folder = DataFolder(installation)
    with Records(folder.records) as records:
        return f"/round/{Links(link_key(folder.link_key), records).token(plan, 1, timezone=ZONE)}"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, port: int, log: Path, house: Path = ROOT) -> Iterator[str]:
    """The server on that port, of the program as it stands in `house`."""
    python, *words = command(folder, port=port, language="en")
    words = [python, *(word.replace(f"{ROOT}/", f"{house}/") for word in words)]
    paths = environment({**os.environ, "PYTHONPATH": ""})
    with log.open("a") as stream:
        server = subprocess.Popen(
            words, env={**paths, "PYTHONPATH": str(house)}, cwd=house, stdout=stream, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(f"{address(port=port)}/_stcore/health", server)
            yield address(port=port)
        finally:
            server.terminate()
            server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"nothing answers at {url}")


@pytest.fixture
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's `chromium` to run the browser test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        yield play.chromium


@contextmanager
def browser(chromium: Any, profile: Path) -> Iterator[Any]:
    """A phone's browser; what it stores stays in its profile when it is closed."""
    context = chromium.launch_persistent_context(
        profile, executable_path=CHROMIUM, args=["--no-sandbox"], **PHONE
    )  # fmt: skip
    context.set_default_timeout(30_000)
    try:
        yield context
    finally:
        context.close()


def answered(page: Any, number: int, answer: str) -> None:
    page.evaluate(f"location.hash = '#/item/{number}'")
    page.get_by_text(f"{number} of {ITEMS}", exact=True).wait_for()
    page.get_by_role("radio", name=answer, exact=True).check(force=True)


def jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "SECRET CAMERA"
    Image.new("RGB", (width, height), "teal").save(out, "JPEG", exif=exif)
    return out.getvalue()


def updated(tmp_path: Path) -> Path:
    """The program with another version of the page."""
    house = tmp_path / "updated"
    for room in ("dashboard", "serviceday", "facility"):
        shutil.copytree(ROOT / room, house / room, ignore=shutil.ignore_patterns("__pycache__"))
    style = house / "serviceday/execution/phone/web/page.css"
    style.write_text(style.read_text() + "\n.updated { color: red; }\n")
    return house


def test_a_round_without_network_arrives_once(
    chromium: Any, installation: Path, plan: InspectionList, link: str, port: int, tmp_path: Path
) -> None:
    profile, log = tmp_path / "profile", tmp_path / "server.log"
    with serving(installation, port, log) as url, browser(chromium, profile) as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{url}{link}?lang=en")
        page.locator(".item").first.wait_for()
        assert page.locator(".item").count() == ITEMS
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        answered(page, 1, "Normal")
        context.set_offline(True)
        for number in range(2, 12):
            answered(page, number, "Abnormal" if number == 3 else "Normal")
            if number == 3:
                page.locator(".figure input").fill("99,5")
                page.locator("#verdict.bad").wait_for()
                page.get_by_label("Note").fill("门机异响 door scrapes")
                page.get_by_label("Fault found").select_option("other")
        page.set_input_files("input[type=file]", [
            {"name": "large.jpg", "mimeType": "image/jpeg", "buffer": jpeg(8000, 5000)},  # 40 megapixels
            {"name": "small.jpg", "mimeType": "image/jpeg", "buffer": jpeg(800, 600)},
            {"name": "IMG.HEIC", "mimeType": "image/heic", "buffer": b"\0\0\0\x18ftypheic" + b"\0" * 64},
        ])  # fmt: skip
        page.get_by_text("IMG.HEIC: this browser can't read the picture").wait_for()
        page.locator(".photos figure").nth(1).wait_for()
        page.evaluate("location.hash = '#/'")
        page.get_by_text("kept here", exact=False).first.wait_for()
        page.close()

        page = context.new_page()  # reopened without a network
        page.goto(f"{url}{link}?lang=en")
        page.locator(".item .answer").nth(10).wait_for()
        page.locator("#chip", has_text="no network").wait_for()
        assert errors == []

    with serving(installation, port, log, updated(tmp_path)) as url, browser(chromium, profile) as context:
        context.set_offline(True)  # the browser was killed, and there is still no network
        page = context.new_page()
        page.goto(f"{url}{link}?lang=en")
        page.locator(".item .answer").nth(10).wait_for()
        for number in range(12, 21):
            answered(page, number, "Normal")
        page.evaluate("location.hash = '#/request'")
        page.get_by_label("What is wrong").fill("3号楼大堂灯不亮")
        page.get_by_role("button", name="Keep report").click()
        page.get_by_text("3号楼大堂灯不亮").wait_for()
        page.evaluate("location.hash = '#/finish'")
        box = page.locator("canvas").bounding_box()
        page.mouse.move(box["x"] + 30, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 90, steps=5)
        page.mouse.up()
        page.get_by_role("button", name="Keep signature").click()
        page.locator(".photos figure").first.wait_for()

        lost = {"count": 2}

        def losing(route: Any) -> None:  # the server hears it, the phone never learns
            if lost["count"] > 0:
                lost["count"] -= 1
                route.fetch()
                route.abort()
            else:
                route.continue_()

        context.route("**/sync", losing)
        context.set_offline(False)
        page.get_by_text("all sent", exact=True).wait_for(timeout=90_000)
        assert lost["count"] == 0
        page.evaluate("navigator.serviceWorker.ready.then((one) => one.update())")
        page.wait_for_function(
            "caches.keys().then((names) => names.filter((name) => name.startsWith('round-shell-')).length === 1)"
        )
        page.reload()
        page.locator(".item .answer, .choice, canvas").first.wait_for()
        page.evaluate("location.hash = '#/'")
        page.locator(".item .answer").nth(19).wait_for()
        assert page.get_by_text("✓ sent").count() == 20

        with Records(DataFolder(installation).records) as records:
            records.rounds.revoke_link(plan.number, 1, who="Wang", now=datetime.now(UTC))
        page.reload()
        page.get_by_text("this link was taken back").first.wait_for()
        page.get_by_role("button", name="Export a file").first.wait_for()
        assert page.locator(".item .answer").count() == 20, "what was typed stays within reach"

    with Records(DataFolder(installation).records) as records:
        entries = records.results.of(plan.number)
        assert sorted(entry.item for entry in entries) == list(range(1, 21)), "each answer once"
        (third,) = [entry for entry in entries if entry.item == 3]
        assert (third.answer.value, third.mode, third.note) == ("abnormal", "other", "门机异响 door scrapes")
        assert third.measured.startswith("99.5")
        photos = records.rounds.photos(plan.number)
        assert [photo.kind for photo in photos] == [PhotoKind.PHOTO, PhotoKind.PHOTO, PhotoKind.SIGNATURE]
        assert {photo.item for photo in photos} == {11, 0}
        assert max(photo.width for photo in photos) == 1600
        for photo in photos:
            assert b"SECRET" not in (DataFolder(installation).photos / photo.file).read_bytes()
        assert [report.text for report in records.reports.all()] == ["3号楼大堂灯不亮"]


_NO_STORE = "Object.defineProperty(window, 'indexedDB', { value: undefined })"
_FULL = """
IDBObjectStore.prototype.put = function () { throw new DOMException("full", "QuotaExceededError"); };
"""


@pytest.mark.parametrize(
    ("trouble", "zh", "en"),
    [
        (_NO_STORE, "这个浏览器不保存任何内容", "This browser keeps nothing"),
        (_FULL, "手机存储空间已满", "The phone's storage is full"),
    ],
    ids=["private mode", "full"],
)
def test_a_file_that_works_alone_and_a_phone_that_keeps_nothing(
    chromium: Any, installation: Path, plan: InspectionList, tmp_path: Path, trouble: str, zh: str, en: str
) -> None:
    from phone_rounds import intake

    file = tmp_path / "round.html"
    file.write_bytes(phone_page.alone(round_of(plan, 1, Surroundings(now=datetime.now(UTC), timezone=ZONE))))
    with browser(chromium, tmp_path / "profile") as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.add_init_script(trouble)
        page.goto(f"{file.as_uri()}?lang=zh")
        page.locator(".item").first.wait_for()
        page.get_by_role("button", name="English").click()
        answered(page, 5, "Could not get in")
        page.get_by_text(en).wait_for()
        page.set_input_files(
            "input[type=file]", [{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": jpeg(400, 300)}]
        )
        page.locator(".photos figure").first.wait_for()
        page.get_by_role("button", name="中文").click()
        page.get_by_text(zh).wait_for()
        page.evaluate("location.hash = '#/finish'")
        with page.expect_download() as download:
            page.locator(".dock").get_by_role("button", name="导出文件").click()
        exported = tmp_path / "round.json"
        download.value.save_as(exported)
        assert {url.split(":")[0] for url in asked} <= {"file", "blob", "data"}, "nothing is asked of anybody"
    with Records(DataFolder(installation).records) as records:
        taking = intake(records, plan, DataFolder(installation).photos, datetime.now(UTC) + timedelta(seconds=5))
        receipt = taking.import_file(exported)
        assert receipt.refused == []
        assert [(entry.item, entry.answer.value) for entry in receipt.taken.new] == [(5, "no-access")]
        assert receipt.new_photos == 1


_LOOK = (Path(__file__).parent / "phone_look.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_can_be_read_and_reached_by_everybody(
    chromium: Any, plan: InspectionList, tmp_path: Path, scheme: str, language: str
) -> None:
    file = tmp_path / "round.html"
    file.write_bytes(phone_page.alone(round_of(plan, 1, Surroundings(now=datetime.now(UTC), timezone=ZONE))))
    with browser(chromium, tmp_path / "profile") as context:
        page = context.new_page()
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{file.as_uri()}?lang={language}")
        page.locator(".item").first.wait_for()
        answer = {"zh": "异常", "en": "Abnormal"}[language]
        page.evaluate("location.hash = '#/item/3'")
        page.get_by_role("radio", name=answer, exact=True).check(force=True)
        for view in ("", "item/3", "item/1", "request", "finish"):
            page.evaluate(f"location.hash = '#/{view}'")
            page.wait_for_timeout(300)
            assert page.evaluate(_LOOK) == [], view
        page.evaluate("location.hash = '#/item/3'")
        page.keyboard.press("Tab")
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", "focus is seen"
        assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[language]


def test_measured_values_are_read_in_either_decimal_sign(chromium: Any, plan: InspectionList, tmp_path: Path) -> None:
    file = tmp_path / "round.html"
    file.write_bytes(phone_page.alone(round_of(plan, 1, Surroundings(now=datetime.now(UTC), timezone=ZONE))))
    with browser(chromium, tmp_path / "profile") as context:
        page = context.new_page()
        page.goto(f"{file.as_uri()}?lang=en")
        page.locator(".item").first.wait_for()
        words = ["4.1", "4,1", "４．１", " -3 ", "−3", "", "4.1 s", "1.2.3", "about 4"]
        assert page.evaluate(f"{json.dumps(words)}.map(Page.number)") == [4.1, 4.1, 4.1, -3, -3, None, None, None, None]
