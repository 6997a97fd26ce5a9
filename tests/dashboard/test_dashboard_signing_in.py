"""Somebody at the door with a real browser: signing in, refreshing, two tabs, a role taken away, by keyboard."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from dashboard.serve import address, command, environment
from facility.accounts import Account, Role
from facility.estate import Asset, Building, Estate, Site
from facility.folder import DataFolder
from facility.records import Records
from serviceday.accounts import Accounts

pytestmark = pytest.mark.slow

PASSWORD = "lantern orbit fig 7"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def served(installation: Path, tmp_path: Path, free_port: int) -> Iterator[str]:
    with Records(DataFolder(installation).records) as records:
        accounts, now = Accounts(records), datetime.now(UTC)
        root = Account(name="root", roles=frozenset({Role.ADMINISTRATOR}))
        eng = Account(name="han", display="韩梅梅", roles=frozenset({Role.ENGINEER, Role.PLANNER}))
        for account in (root, eng):
            accounts.add(account, PASSWORD, by="test", now=now)
    url = address(port=free_port)
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            command(installation, port=free_port, language="en", timezone="Asia/Shanghai"),
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            for _ in range(600):
                assert server.poll() is None, (tmp_path / "server.log").read_text()
                try:
                    urlopen(f"{url}/_stcore/health", timeout=5).close()  # noqa: S310 - our own server
                    break
                except OSError:
                    time.sleep(0.1)
            yield url
        finally:
            server.terminate()
            server.wait(timeout=20)


@pytest.fixture
def context(served: str) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's `chromium` to run the browser test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tabs = browser.new_context(viewport={"width": 1280, "height": 800}, base_url=served, locale="en-GB")
        tabs.set_default_timeout(60_000)
        yield tabs
        browser.close()


def _sign_in(page: Any, name: str, password: str) -> None:
    page.get_by_label("Account").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")


def test_a_day_at_the_door(context: Any, installation: Path) -> None:
    page = context.new_page()
    page.goto("/fleet?lang=en&kind=lift")
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.evaluate("document.activeElement.id") == "name", "one types at once"
    assert page.evaluate("document.documentElement.lang") == "en"
    page.get_by_role("link", name="中文").click()
    page.get_by_role("heading", name="登录").wait_for()
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    page.get_by_role("link", name="English").click()

    _sign_in(page, "han", "not the right one")
    page.get_by_role("alert").filter(has_text="wrong").wait_for()
    assert "not the right one" not in page.content()
    assert page.get_by_label("Account").input_value() == "han"
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Fleet").wait_for()
    assert "kind=lift" in page.url, "where one wanted to go"
    page.reload()
    page.get_by_role("heading", name="Fleet").wait_for()
    page.get_by_text("韩梅梅").wait_for()

    # What is done is signed by the account.
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("button", name="Acknowledge").wait_for()
    assert page.get_by_label("Your name").count() == 0
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("cell", name="han", exact=True).wait_for()
    with Records(DataFolder(installation).records) as records:
        assert records.alerts.open(asset="L-01")[0].acknowledged_by == "han"

        # A role taken away bites at the next click, though its button is still there.
        page.get_by_role("button", name="Close").wait_for()
        viewer = replace(records.accounts.get("han"), roles=frozenset({Role.VIEWER}))
        Accounts(records).change(viewer, by="root", now=datetime.now(UTC))
        page.get_by_role("button", name="Close").click()
        page.get_by_text("may look, not act").or_(page.get_by_text("your account may not do this")).first.wait_for()
        assert records.alerts.open(asset="L-01")[0].closed_by == ""

    # Sign-out in one tab ends the other, by itself.
    other = context.new_page()
    other.goto("/asset?asset=L-01&lang=zh")
    other.get_by_text("客梯 1").first.wait_for()
    page.get_by_role("link", name="Account, sign out").click()
    page.get_by_role("heading", name="韩梅梅").wait_for()
    page.get_by_role("button", name="Sign out everywhere").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    other.get_by_role("heading", name="登录").wait_for()
    assert other.get_by_text("客梯 1").count() == 0
    page.go_back()
    page.get_by_role("heading", name="Sign in").wait_for()
    assert "韩梅梅" not in page.content(), "nothing is left behind"


def test_rows_of_other_sites_are_not_there(context: Any, installation: Path) -> None:
    with Records(DataFolder(installation).records) as records:
        there = Asset(id="Q-77", kind="lift", site="s2", building="Z", name="secret lift")
        more = Estate(sites=(Site(id="s2"),), buildings=(Building(id="Z", site="s2"),), assets=(there,))
        records.estate.put(more)
        limited = Account(name="li", roles=frozenset({Role.VIEWER}), sites=frozenset({"s1"}))
        Accounts(records).add(limited, PASSWORD, by="test", now=datetime.now(UTC))
    page = context.new_page()
    heard: list[bytes] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(_bytes(frame))))
    page.goto("/fleet?lang=en&find=Q-77")
    _sign_in(page, "li", PASSWORD)
    page.get_by_role("heading", name="Fleet").wait_for()
    page.get_by_text("Nothing matches").first.wait_for()
    page.goto("/asset?asset=Q-77&lang=en")
    page.get_by_text("Door close time", exact=True).first.wait_for()
    page.goto("/worklist?lang=en")
    page.get_by_role("button", name="Download CSV").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download CSV").click()
    assert page.get_by_role("button", name="Keep").count() == 0
    saved = Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert "L-01" in saved
    assert "Q-77" not in saved
    assert "secret lift" not in saved
    everything = b"".join(heard)
    assert b"L-01" in everything
    assert b"secret lift" not in everything


def _bytes(frame: Any) -> bytes:
    return frame if isinstance(frame, bytes) else str(frame).encode()


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_door_fits_and_goes_by_keyboard(context: Any, width: int, language: str) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"/sign-in?lang={language}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.type("han")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    focus = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focus == "solid", "where the keyboard is can be seen"
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    page.goto(f"/account?lang={language}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for button in page.get_by_role("button").all():
        assert button.bounding_box()["height"] >= 40
