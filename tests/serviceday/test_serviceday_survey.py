"""Surveys: one answer a household by a code, nobody's name, a form that says what is wrong with it."""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from facility.errors import CannotConvert, CannotDo, CannotParse, Problems
from facility.estate import Asset, Building, Estate, Site
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.records import Records
from facility.surveys import QuestionKind, Survey
from serviceday.documents.branding import NO_PAPER
from serviceday.reports import taxonomy
from serviceday.survey import Collecting, read_form, result_of
from serviceday.survey.collecting import ALPHABET, shown
from serviceday.survey.paper import sheets

ZONE = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)
DAY = date(2026, 3, 12)
KEY = b"k" * 32


@pytest.fixture
def records(tmp_path: Path) -> Records:
    kept = Records(DataFolder(tmp_path).prepare().records)
    buildings = (Building(id="3", site="park"), Building(id="4", site="park"))
    assets = (Asset(id="L-1", kind="lift", site="park", building="3"),)
    kept.estate.put(Estate(sites=(Site(id="park"),), buildings=buildings, assets=assets))
    return kept


def survey(records: Records) -> Survey:
    return records.surveys.add(Survey(key="march", service_day=DAY, until=DAY, form=read_form(), at=NOW))


def collecting(records: Records, now: datetime = NOW) -> Collecting:
    return Collecting(records, KEY, now=now, timezone=ZONE)


def test_one_answer_a_household(records: Records) -> None:
    out = survey(records)
    takes = collecting(records)
    first, second = takes.hand_out(out, 2, site="park", building="3")
    takes.take(out, f" {shown(first).lower()} ", {"overall": ["5"], "troubles": ["lift", "照明"]}, source="page")
    with pytest.raises(CannotDo, match="answered already"):
        takes.take(out, first, {"overall": ["1"]}, source="paper")
    takes.take(out, second, {"overall": ["2"], "words": ["楼道的灯坏了，请打 13812345678"]}, source="paper")
    result = result_of(records, out)
    assert (result.handed_out, result.answers, result.rated, result.satisfied, result.average) == (2, 2, 2, 1, 3.5)
    assert result.subjects == {"lift": 1, "lighting": 1}
    assert result.by_building == {("park", "3"): 2}
    (report,) = records.reports.all()
    assert (report.source, report.category.subject, report.place.building) == ("survey", "lighting", "3")
    assert "1381" not in report.text


def test_nothing_kept_leads_from_an_answer_to_a_code(records: Records, tmp_path: Path) -> None:
    out = survey(records)
    codes = collecting(records).hand_out(out, 3)
    collecting(records).take(out, codes[0], {"overall": ["4"]}, source="page")
    with sqlite3.connect(DataFolder(tmp_path).records) as raw:
        dump = "\n".join(raw.iterdump())
    assert not [code for code in codes if code in dump or shown(code) in dump]
    answer = next(line for line in dump.splitlines() if line.startswith('INSERT INTO "survey_answer"'))
    digests = re.findall(r"[0-9a-f]{64}", dump)
    assert len(digests) == 3
    assert not [digest for digest in digests if digest in answer]


def test_a_code_answers_one_survey_in_its_time(records: Records) -> None:
    out = survey(records)
    other = records.surveys.add(Survey(key="april", service_day=DAY, until=DAY, form=read_form(), at=NOW))
    (code,) = collecting(records).hand_out(out, 1)
    for wrong in (code[:-1], "A" * 10, "", "0" * 10, code + code, "'; DROP TABLE survey_code; --"):
        with pytest.raises(CannotDo, match="not handed out"):
            collecting(records).open(out, wrong)
    with pytest.raises(CannotDo, match="not handed out"):
        collecting(records).open(other, code)
    with pytest.raises(CannotDo, match="not handed out"):
        Collecting(records, b"x" * 32, now=NOW, timezone=ZONE).open(out, code)
    late = datetime(2026, 3, 12, 16, 1, tzinfo=UTC)
    with pytest.raises(CannotDo, match="open until"):
        collecting(records, late).open(out, code)
    assert collecting(records, late - timedelta(minutes=2)).open(out, code) == code


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        ({"overall": ["6"]}, CannotConvert, "no rating"),
        ({"overall": ["4", "5"]}, CannotConvert, "no rating"),
        ({"overall": ["٤"]}, CannotConvert, "no rating"),
        ({"troubles": ["weather"]}, CannotConvert, "not a subject"),
        ({"troubles": ["lift", "lighting", "fire", "leak"]}, CannotConvert, "at most 3"),
        ({"words": ["x" * 501]}, CannotParse, "501 characters"),
        ({"age": ["40"]}, CannotParse, "no question"),
        ({"overall": [" "]}, CannotParse, "nothing is answered"),
        ({}, CannotParse, "nothing is answered"),
    ],
)
def test_what_is_no_answer_uses_no_code_up(
    records: Records, given: dict[str, list[str]], error: type[Exception], why: str
) -> None:
    out = survey(records)
    (code,) = collecting(records).hand_out(out, 1)
    with pytest.raises(error, match=why):
        collecting(records).take(out, code, given, source="page")
    assert collecting(records).open(out, code) == code
    assert not records.surveys.answers(out.id)


def test_two_telephones_at_once_are_one_answer(records: Records) -> None:
    out = survey(records)
    (code,) = collecting(records).hand_out(out, 1)
    done: list[str] = []

    def send(rating: str) -> None:
        try:
            collecting(records).take(out, code, {"overall": [rating]}, source="page")
            done.append(rating)
        except CannotDo:
            pass

    threads = [threading.Thread(target=send, args=(str(rating),)) for rating in (1, 2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == len(records.surveys.answers(out.id)) == 1


@settings(max_examples=25)
@given(st.lists(st.tuples(st.none() | st.integers(1, 5), st.sets(st.sampled_from(["lift", "fire"]))), max_size=8))
def test_a_result_is_what_a_hand_counts(households: list[tuple[int | None, set[str]]]) -> None:
    with tempfile.TemporaryDirectory() as place, Records(Path(place) / "records.sqlite") as records:
        out = survey(records)
        codes = collecting(records).hand_out(out, 10)
        answered = [(rating, subjects) for rating, subjects in households if rating or subjects]
        for code, (rating, subjects) in zip(codes, answered, strict=False):
            given = {"overall": [str(rating)] if rating else [], "troubles": sorted(subjects)}
            collecting(records).take(out, code, given, source="paper")
        result = result_of(records, out)
        ratings = [rating for rating, _ in answered if rating]
        assert (result.answers, result.rated) == (len(answered), len(ratings))
        assert result.average == (pytest.approx(sum(ratings) / len(ratings)) if ratings else None)
        assert result.satisfied == sum(rating >= 4 for rating in ratings)
        for key in ("lift", "fire"):
            assert result.subjects.get(key, 0) == sum(key in subjects for _, subjects in answered)


def test_our_own_form_is_in_order_and_rates_something() -> None:
    form = read_form()
    assert [question.kind for question in form.questions] == list(QuestionKind)
    assert form.satisfaction is not None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("x = 1", "unknown"),
        ("[title]\nzh = 'a'", "title is"),
        ("[title]\nzh = 'a'\nen = 'a'", "0 questions"),
        ("[[question]]\nkey = 'Größe'\nkind = 'rating'\nwords = {zh = 'a', en = 'a'}", "key ="),
        ("[[question]]\nkey = 'a'\nkind = 'stars'\nwords = {zh = 'a', en = 'a'}", "kind ="),
        ("[[question]]\nkey = 'a'\nkind = 'text'\nwords = 'a'", "words is"),
        ("[[question]]\nkey = 'a'\nkind = 'text'\nwords = {zh = 'a', en = 'a'}\n" * 2, "two questions"),
    ],
)
def test_a_form_that_is_wrong_says_so(tmp_path: Path, words: str, why: str) -> None:
    (tmp_path / "form.toml").write_text(words)
    with pytest.raises(Problems, match=why):
        read_form(tmp_path / "form.toml")
    (tmp_path / "form.toml").write_text("[title")
    with pytest.raises(CannotParse, match="TOML"):
        read_form(tmp_path / "form.toml")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sheets_are_a_page_for_each_household_with_a_code_to_scan(records: Records, language: Language) -> None:
    import zxingcpp
    from PIL import Image

    out = survey(records)
    codes = collecting(records).hand_out(out, 3)
    url = "https://dashboard.example.org/"
    pdf = pymupdf.open(
        stream=sheets(out, codes, base_url=url, language=language, paper=NO_PAPER, created=NOW), filetype="pdf"
    )
    assert len(pdf) == 3
    for page, code in zip(pdf, codes, strict=True):
        words = "".join(page.get_text().split())
        assert shown(code) in words
        assert "".join(taxonomy().subjects["lift"].name[language].split()) in words
        picture = page.get_pixmap(dpi=150)
        (scanned,) = zxingcpp.read_barcodes(Image.frombytes("RGB", (picture.width, picture.height), picture.samples))
        assert scanned.text == f"https://dashboard.example.org/survey/march/{code}"
    assert set("".join(codes)) <= set(ALPHABET)


def test_a_survey_through_the_program(tmp_path: Path) -> None:
    from commands.app.program import app

    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["survey", *arguments, "--data", str(tmp_path)])
        assert (done.exit_code == 0) == (code == 0), (done.output, done.exception)
        return done.output if code == 0 else str(done.exception)

    with Records(DataFolder(tmp_path).prepare().records):
        pass
    assert "address" in run("new", "März", "--service-day", "2099-12-05", code=2)
    run("new", "march", "--service-day", "2099-12-05", "--by", "Wang")
    assert "already" in run("new", "march", "--service-day", "2099-12-05", code=2)
    made = json.loads(run("codes", "march", "--count", "2", "--building", "3", "--json"))["codes"]
    assert "1 to 5000" in run("codes", "march", code=2)
    run("codes", "march", "--count", "1", "-o", str(tmp_path / "sheets.pdf"))
    assert (tmp_path / "sheets.pdf").read_bytes().startswith(b"%PDF")
    assert "Nobody has rated" in run("show", "march")
    run("answer", "march", made[0], "--set", "overall=4", "--set", "troubles=lift，照明")
    assert "no rating" in run("answer", "march", made[1], "--set", "overall=nine", code=2)
    shown_now = json.loads(run("show", "march", "--json"))
    assert (shown_now["average"], shown_now["rated"], shown_now["handed_out"]) == (4.0, 1, 3)
    assert shown_now["subjects"] == {"lift": 1, "lighting": 1}
    assert "march" in run("list")
    assert "no survey" in run("show", "april", code=2)


def test_a_table_typed_from_paper_is_read_and_read_again(tmp_path: Path) -> None:
    from commands.app.program import app

    with Records(DataFolder(tmp_path).prepare().records) as records:
        out = survey(records)

    def run(*arguments: str, code: int = 0) -> dict[str, object]:
        done = CliRunner().invoke(app, ["survey", *arguments, "--data", str(tmp_path), "--json"])
        assert done.exit_code == code, (done.output, done.exception)
        return dict(json.loads(done.stdout))

    with sqlite3.connect(DataFolder(tmp_path).records) as raw:
        raw.execute("UPDATE survey SET until = '2099-01-01'")
    codes = list(run("codes", "march", "--count", "3")["codes"])  # type: ignore[call-overload]
    question = out.form.questions[1].words.zh
    rows = [f"问卷码,overall,{question},words", f'{codes[0]},4,"电梯、照明",楼道的灯坏了', f"{codes[1]},7,,", "x,5,,"]
    (tmp_path / "answers.csv").write_text("\n".join(rows), encoding="utf-8")
    first = run("import", "march", str(tmp_path / "answers.csv"), code=2)
    assert (first["rows"], first["taken"], first["known"]) == (3, 1, 0)
    refused = list(first["refused"])  # type: ignore[call-overload]
    assert ["line 3" in refused[0], "line 4" in refused[1], len(refused)] == [True, True, 2]
    rows[2:] = [f"{codes[1]},2,lift,", f"{codes[2]},,fire,"]
    (tmp_path / "answers.csv").write_text("\n".join(rows), encoding="utf-8")
    second = run("import", "march", str(tmp_path / "answers.csv"))
    assert (second["rows"], second["taken"], second["known"], second["refused"]) == (3, 2, 1, [])
    result = run("show", "march")
    assert (result["answers"], result["rated"], result["average"]) == (3, 2, 3.0)
    assert result["subjects"] == {"lift": 2, "fire": 1, "lighting": 1}
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    done = CliRunner().invoke(app, ["survey", "import", "march", str(tmp_path / "other.csv"), "--data", str(tmp_path)])
    assert done.exit_code
    assert "Traceback" not in done.output
