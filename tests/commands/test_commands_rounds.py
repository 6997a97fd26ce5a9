"""Rounds on a phone through the program: links, the page as a file, and what a phone exported."""

from __future__ import annotations

import base64
import json
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from facility.errors import CannotConvert, CannotDo, CannotParse
from facility.i18n.phrases import LANGUAGES, Text
from facility.inspections import Ground, InspectionList, Item, Person, Priority
from facility.records import Records
from serviceday.documents.qr import as_png
from serviceday.documents.row_key import row_key

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = (NOW + timedelta(hours=8)).date()
WORDS = Text(zh="半月维保", en="Half-monthly maintenance")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def plan(data: Path) -> InspectionList:
    items = tuple(
        Item(
            asset=f"L-{number}", kind="lift", site="park", building="1", floor="", place=f"1-L-{number}",
            task="half_monthly", what=WORDS, method=WORDS, passes=WORDS, ground=Ground.STATUTORY, reason=WORDS,
            priority=Priority.HIGH, qualification="", minutes=10, number=number, person=1 + number // 3,
        )
        for number in (1, 2, 3)
    )  # fmt: skip
    people = (Person(number=1, id="zhang", name="张建国"), Person(number=2))
    made = InspectionList(
        service_day=DAY, created_at=NOW - timedelta(days=1), people=2, hours=8, items=items, left_out=(),
        timezone="Asia/Shanghai", persons=people,
    )  # fmt: skip
    with Records(data / "records.sqlite") as records:
        return records.plans.kept(made)


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")
    monkeypatch.delenv("SERVICEDAY_BASE_URL", raising=False)

    def called(*arguments: str, fails: type[Exception] | None = None, code: int = 0) -> Any:
        from commands.app.program import app

        done = CliRunner().invoke(app, [*arguments, "--data", str(data)])
        if fails is not None:
            assert isinstance(done.exception, fails), (done.output, done.exception)
            return str(done.exception)
        assert done.exit_code == code, (done.output, done.exception)
        return json.loads(done.stdout) if "--json" in arguments else done.output

    return called


def exported(plan: InspectionList, *, answer: str = "normal", person: int = 1, number: int = 0) -> str:
    item = next(item for item in plan.items if item.person == person)
    at = NOW.isoformat()
    entry = {"key": row_key(plan, item), "seq": 1, "answer": answer, "done_at": at, "typed_at": at}
    part = {
        "form": "serviceday-round", "version": 1, "plan": number or plan.number, "person": person,
        "device": "a-phone-of-somebody", "sent_at": at, "answers": [entry],
        "requests": [{"seq": 2, "text": "路灯不亮", "at": at}],
    }  # fmt: skip
    return json.dumps({"form": "serviceday-round-file", "version": 1, "parts": [part]})


def test_a_link_for_each_person_and_a_new_one_for_one_taken_back(run: Any, plan: InspectionList, data: Path) -> None:
    told = run("day", "links", "--service-day", str(DAY), "--base-url", "https://day.example", "--json")
    assert [row["name"] for row in told["links"]] == ["张建国", "#2"]
    assert all(re.fullmatch(r"https://day\.example/round/[\w-]+", row["link"]) for row in told["links"])
    assert told == run("day", "links", "--service-day", str(DAY), "--base-url", "https://day.example", "--json")
    again = run("day", "links", "--service-day", str(DAY), "--revoke", "zhang", "--by", "Wang", "--json")
    assert [row["name"] for row in again["links"]] == ["张建国"]
    assert again["links"][0]["link"] not in told["links"][0]["link"]
    shown = run("day", "links", "--service-day", str(DAY))
    assert again["links"][0]["link"] in shown
    assert "Without --base-url" in shown
    assert stat.S_IMODE((data / "round-links.key").stat().st_mode) == 0o600


def test_slips_hold_a_code_that_a_phone_reads(run: Any, plan: InspectionList, tmp_path: Path) -> None:
    slips, links = tmp_path / "links.html", ("day", "links", "--service-day", str(DAY))
    assert "need the address" in run(*links, "-o", str(slips), fails=CannotParse)
    told = run(*links, "--base-url", "https://day.example", "-o", str(slips), "--json")
    words = slips.read_text(encoding="utf-8")
    for row in told["links"]:
        assert base64.b64encode(as_png(row["link"], 8)).decode() in words
        assert row["link"] in words
    assert "is there already" in run(*links, "--base-url", "https://day.example", "-o", str(slips), fails=CannotDo)


def test_links_that_cannot_be_made_are_told(run: Any, plan: InspectionList) -> None:
    assert "no list is kept" in run("day", "links", "--service-day", "2020-01-01", fails=CannotDo)
    assert "张建国" in run("day", "links", "--service-day", str(DAY), "--revoke", "Wang", fails=CannotConvert)
    bad = ("day", "links", "--service-day", str(DAY), "--base-url", "day.example")
    assert "can be reached" in run(*bad, fails=CannotConvert)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_round_as_one_file_names_nobody_elses_address(
    run: Any, plan: InspectionList, tmp_path: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", language)
    file = tmp_path / "round.html"
    sheet = ("day", "sheet", "--service-day", str(DAY), "--html", "-o", str(file), "--person", "张建国")
    assert "L-" not in run(*sheet)
    words = file.read_text(encoding="utf-8")
    assert '"L-1"' in words
    assert '"L-3"' not in words, "another person's item"
    assert not re.search(r'(?:src|href)="(?!data:)', words), "nothing beside it is loaded"
    assert "default-src 'none'" in words
    assert "is there already" in run(*sheet, fails=CannotDo)
    assert run(*sheet, "--force", "--json")["items"] == 2
    missing = ("day", "sheet", "--service-day", str(DAY), "--html", "-o", str(tmp_path / "x.html"))
    assert "--person is missing" in run(*missing, fails=CannotParse)
    assert "is HTML" in run("day", "sheet", "--service-day", str(DAY), "--person", "1", fails=CannotParse)


def test_what_a_phone_exported_is_taken_once_and_shown(run: Any, plan: InspectionList, tmp_path: Path) -> None:
    file = tmp_path / "round.json"
    file.write_text(exported(plan))
    told = run("day", "results", str(plan.number), str(file), "--json")
    assert (told["new"], told["reports"], told["refused"]) == (1, 1, [])
    assert "1 known" in run("day", "results", str(plan.number), str(file))
    shown = run("day", "show", str(DAY), "--json")["list"]
    assert (shown["from_phones"], shown["late"], shown["photos"], shown["done"]) == (1, 0, 0, 1)
    assert "Entries from phones: 1" in run("day", "show", str(DAY))
    file.write_text(exported(plan, answer="wonderful"))
    told = run("day", "results", str(plan.number), str(file), "--json", code=2)
    assert told["refused"][0]["where"] == "answer 1"
    file.write_text(exported(plan, number=77))
    assert "list 77" in run("day", "results", str(plan.number), str(file), fails=CannotParse)
    file.write_text("{}")
    assert "exported" in run("day", "results", str(plan.number), str(file), fails=CannotParse)
