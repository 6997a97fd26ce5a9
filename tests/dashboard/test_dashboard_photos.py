"""The page of findings, and the photos on it: for whoever may see the finding's site, and nobody else."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from phone_rounds import MODE, NOW, ZONE, Phone, intake, item, plan_of
from PIL import Image
from starlette.applications import Starlette
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import markup
from dashboard.photos import Photos
from dashboard.serve import APP
from dashboard.settings import Settings
from facility.accounts import EVERYBODY, Account, Role
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.inspections import Ground
from facility.records import Records

OWN = Account(name="x", roles=frozenset({Role.VIEWER}), sites=frozenset({"park"}))
OTHER = Account(name="y", roles=frozenset({Role.VIEWER}), sites=frozenset({"s1"}))


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    st.cache_resource.clear()


@pytest.fixture
def photographed(installation: Path) -> Path:
    """A finding at the site `park` with one photo, kept as photo 1."""
    folder = DataFolder(installation)
    out = io.BytesIO()
    Image.new("RGB", (900, 600), "red").save(out, "JPEG")
    with Records(folder.records) as records:
        plan = records.plans.kept(plan_of(item(1, "warning", mode=MODE, ground=Ground.RISK)))
        phone = Phone(plan, 1, "phone-one-0001")
        taking = intake(records, plan, folder.photos, NOW)
        phone.type(1, "abnormal", NOW, mode=MODE)
        taking.take(phone.body(NOW), 1)
        about = {"device": phone.device, "seq": "7", "item": "1", "kind": "photo", "taken_at": NOW.isoformat()}
        taking.take_photo(out.getvalue(), about | {"sent_at": NOW.isoformat()}, 1)
    return installation


def ask(folder: Path, path: str, account: Account | None) -> tuple[int, dict[str, str], bytes]:
    app = Starlette(routes=Photos(Settings(folder, "en", ZONE)).routes())
    plain, _, query = path.partition("?")
    scope = {
        "type": "http", "method": "GET", "path": plain, "raw_path": plain.encode(), "query_string": query.encode(),
        "headers": [], "http_version": "1.1", "scheme": "http", "server": ("test", 80), "client": ("test", 1),
        "root_path": "",
    }  # fmt: skip
    if account is not None:
        scope["serviceday.account"] = account
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])


def test_a_photo_is_served_to_whoever_may_see_its_site(photographed: Path) -> None:
    for account in (EVERYBODY, OWN):
        status, headers, body = ask(photographed, "/photo/1/1", account)
        assert (status, headers["content-type"]) == (200, "image/jpeg")
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        with Image.open(io.BytesIO(body)) as picture:
            assert picture.size == (900, 600)
    _, _, small = ask(photographed, "/photo/1/1?size=small", OWN)
    with Image.open(io.BytesIO(small)) as picture:
        assert picture.size == (480, 320)
    assert ask(photographed, "/photo/1/1", None)[0] == 401
    assert ask(photographed, "/photo/1/1", OTHER)[0] == 404


@pytest.mark.parametrize(
    "path", ["/photo/1/2", "/photo/2/1", "/photo/0/0", "/photo/1/../1", "/photo/1/x", f"/photo/{9**40}/{9**40}"]
)
def test_what_is_not_there_is_not_there(photographed: Path, path: str) -> None:
    status, _, body = ask(photographed, path, EVERYBODY)
    assert status == 404
    assert b"Traceback" not in body


def test_a_photo_of_no_finding_is_served_to_nobody(photographed: Path) -> None:
    """Signatures, and photos of items at which nothing was wrong, have no finding to be seen with."""
    with Records(DataFolder(photographed).records) as records:
        plan = records.plans.newest(NOW.date())
        assert plan is not None
        out = io.BytesIO()
        Image.new("RGB", (90, 60), "blue").save(out, "PNG")
        taking = intake(records, plan, DataFolder(photographed).photos, NOW)
        about = {"device": "phone-one-0001", "seq": "8", "item": "0", "kind": "signature", "taken_at": NOW.isoformat()}
        assert taking.take_photo(out.getvalue(), about | {"sent_at": NOW.isoformat()}, 1)
    assert ask(photographed, "/photo/1/2", EVERYBODY)[0] == 404


def test_a_file_that_was_exchanged_is_not_served(photographed: Path) -> None:
    (file,) = DataFolder(photographed).photos.rglob("*.jpg")
    file.write_bytes(b"<html><script>alert(1)</script>")
    assert ask(photographed, "/photo/1/1", EVERYBODY)[0] == 404


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_shows_findings_with_a_gallery(photographed: Path, language: Language) -> None:
    at = AppTest.from_file(str(APP), default_timeout=60)
    at.query_params["lang"] = language
    at._page_hash = calc_hash("findings")
    at.run()
    assert not at.exception
    table = at.dataframe[0].value
    assert list(table["number"]) == ["F1"]
    words = " ".join(str(part.value if hasattr(part, "value") else part.body) for part in at.get("html"))
    assert "/photo/1/1?size=small" in words
    assert ("现场" if language == "zh" else "Found") in words
    (file,) = DataFolder(photographed).photos.rglob("*.jpg")
    file.unlink()
    at.run()
    words = " ".join(str(part.value if hasattr(part, "value") else part.body) for part in at.get("html"))
    assert "/photo/" not in words
    assert ("已不在" if language == "zh" else "is gone") in words


def test_words_of_others_are_no_markup_in_a_gallery() -> None:
    shown = markup.gallery([("/photo/1/1", '<b>"x"</b>'), ("", "<i>gone</i>")])
    assert "<b>" not in shown
    assert "<i>" not in shown
