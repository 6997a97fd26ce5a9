"""axe-core on every page in a real browser: light and English, dark and Chinese; and what the page's script adds."""

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
from dashboard.wording import say

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(__file__).with_name("axe") / "axe.min.js"
PAGES = ("alerts", "fleet", "asset", "worklist", "findings", "myday", "days", "accounts")
SIZE: Any = {"width": 1280, "height": 900}
GRAVE = ("serious", "critical")


@pytest.fixture
def served(installation: Path, tmp_path: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    arguments = command(installation, port=port, language="en", timezone="Asia/Shanghai")
    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(arguments, env=environment(os.environ), stdout=log, stderr=subprocess.STDOUT)
        try:
            for _ in range(300):
                try:
                    urlopen(f"{address(port=port)}/_stcore/health", timeout=5).close()  # noqa: S310 - our own server
                    break
                except (URLError, OSError):
                    time.sleep(0.2)
            yield address(port=port)
        finally:
            server.terminate()
            server.wait(timeout=20)


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "zh")])
def test_no_page_has_a_serious_violation(served: str, scheme: Any, language: Any) -> None:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: install Debian's `chromium` to run the browser test")
    from playwright.sync_api import sync_playwright

    grave: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        context = browser.new_context(viewport=SIZE, color_scheme=scheme, locale="zh-CN")
        page = context.new_page()
        page.set_default_timeout(90_000)
        for name in PAGES:
            page.goto(f"{served}/{name}?lang={language}")
            page.get_by_role("heading", name=say(f"page_{name}", language)).first.wait_for()
            page.wait_for_function("!document.querySelector('[data-testid=stSkeleton], [data-stale=true]')")
            assert page.evaluate("document.documentElement.lang") == ("zh-CN" if language == "zh" else "en")
            dark = page.evaluate("getComputedStyle(document.querySelector('.stApp')).colorScheme") == "dark"
            assert dark == (scheme == "dark")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            result = page.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})")
            assert result["passes"], "axe has looked at something"
            for violation in result["violations"]:
                if violation["impact"] in GRAVE:
                    grave += [f"{name}: {violation['id']} {node['html'][:200]}" for node in violation["nodes"]]
        page.goto(f"{served}/?lang={language}")
        page.get_by_test_id("stDataFrame").first.hover()
        download = {"en": "Download as CSV", "zh": "下载 CSV"}[language]
        assert page.get_by_role("button", name=download).count() or page.get_by_label(download).count()
        page.get_by_label(say("your_name", language)).first.fill("Li Lei")
        page.keyboard.press("Tab")
        page.reload()
        page.get_by_label(say("your_name", language)).first.wait_for()
        assert page.get_by_label(say("your_name", language)).first.input_value() == "Li Lei"
        browser.close()
    assert not grave, "\n".join(grave)
