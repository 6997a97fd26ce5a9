"""The real server and a real browser: pages draw, links keep the language, an acknowledgement survives a refresh."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from dashboard.serve import address, command, environment
from facility.folder import DataFolder
from facility.records import Records

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def served(installation: Path, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            command(installation, port=port, language="en", timezone="Asia/Shanghai"),
            env=environment(os.environ),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_for(f"{address(port=port)}/_stcore/health", server)
            yield address(port=port)
        finally:
            server.terminate()
            server.wait(timeout=20)


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(url, timeout=5):  # noqa: S310 - our own server
                return
        except (URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"nothing answers at {url}")


@pytest.fixture
def page(served: str) -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's `chromium` to run the browser test")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        one = browser.new_page(viewport={"width": 1280, "height": 800}, base_url=served)
        one.set_default_timeout(60_000)
        yield one
        browser.close()


def test_pages_links_language_and_acknowledging(page: Any, installation: Path) -> None:
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.split("/")[2].split(":")[0]))

    page.goto("/?lang=zh")
    page.get_by_role("heading", name="告警").wait_for()
    page.get_by_text("开关门机磨损，已持续", exact=True).wait_for()

    page.get_by_role("link", name="设备总览").click()
    page.get_by_role("heading", name="设备总览").wait_for()
    assert "lang=zh" in page.url

    page.get_by_text("English", exact=True).click()
    page.get_by_role("heading", name="Fleet").wait_for()
    page.get_by_role("link", name="Alerts").click()
    page.get_by_role("heading", name="Alerts").wait_for()

    page.get_by_label("Your name").fill("Han Meimei")
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("cell", name="Han Meimei").wait_for()
    page.reload()
    page.get_by_role("cell", name="Han Meimei").wait_for()
    with Records(DataFolder(installation).records) as records:
        assert records.alerts.open(asset="L-01")[0].acknowledged_by == "Han Meimei"

    page.get_by_role("link", name="Open L-01").click()
    page.get_by_text("Door close time", exact=True).first.wait_for()
    page.locator(".stVegaLiteChart svg, .stVegaLiteChart canvas").first.wait_for()
    assert "asset=L-01" in page.url

    page.get_by_role("link", name="Inspection list").click()
    page.get_by_role("heading", name="Inspection list").wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download Excel").click()
    assert download.value.suggested_filename.endswith("-en.xlsx")

    assert asked == {"127.0.0.1"}, "nothing is fetched from anywhere else"
