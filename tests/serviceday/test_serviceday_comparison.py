"""Service days beside each other: counted again by hand, and what can't be known says why."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phone_rounds import MODE, ZONE, item, plan_of
from typer.testing import CliRunner

from facility.alerts import Alert, Severity, Source
from facility.assessments import Assessment
from facility.errors import CannotDo
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language, Text
from facility.inspections import RANDOM_CHECK, Ground, RandomDraw
from facility.records import Records
from facility.results import Answer
from facility.service_days import DayMove, ServiceDayStep
from serviceday.brief.availability import availability, hours_of
from serviceday.brief.comparison import MEASURES, Comparison, comparison
from serviceday.brief.comparison_forms import FORMS, check_form, in_words
from serviceday.documents.fonts import typefaces
from serviceday.execution.grades import read_grades
from serviceday.execution.rectification import Rectification
from serviceday.execution.results import Reply, Results

FIRST, SECOND, EMPTY = date(2026, 1, 15), date(2026, 2, 15), date(2026, 3, 15)
NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)


def belief(asset: str, at: datetime, coverage: float) -> Assessment:
    return Assessment(
        asset=asset, as_of=at, horizon_days=7, probability=0.1, sensor_probability=0, flagged=False, score=0, mode="",
        reason=Text(zh="x", en="x"), coverage=coverage, model="m",
    )  # fmt: skip


def alert(asset: str, start: datetime, hours: float, source: Source = Source.LIMIT) -> Alert:
    words = Text(zh="x", en="x")
    return Alert(
        id=0, asset=asset, cause=f"{asset}/{start}", channel="c", source=source, severity=Severity.HIGH, title=words,
        reason=words, opened_at=start, last_seen_at=start, returned_at=start + timedelta(hours=hours),
    )  # fmt: skip


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """Two days with a list, the second with a lot and sensors; a third that only has a name."""
    kept = Records(DataFolder(tmp_path).prepare().records)
    first = kept.plans.kept(plan_of(item(1, due=FIRST), item(2, "warning", mode=MODE, ground=Ground.RISK), day=FIRST))
    _answered(kept, first, (1, Answer.NORMAL), (2, Answer.ABNORMAL))
    lots = [item(number, RANDOM_CHECK, ground=Ground.RANDOM) for number in (2, 3)]
    drawn = replace(
        plan_of(item(1, "warning", mode=MODE, ground=Ground.RISK), *lots, item(4), day=SECOND),
        random=RandomDraw(wanted=2, seed=1, pool=10, drawn=("L-2", "L-3")),
    )
    second = kept.plans.kept(drawn)
    _answered(kept, second, (1, Answer.ABNORMAL), (2, Answer.NORMAL), (3, Answer.NORMAL))
    work = Rectification(kept, now=NOW, timezone=ZONE, grades=read_grades())
    work.done(1, by="Li")
    work.verify(1, by="Wang")
    midnight = datetime.combine(SECOND, time(), ZONE)
    kept.assessments.put(
        [belief("L-1", midnight - timedelta(hours=3), 1.0), belief("L-2", midnight + timedelta(days=1), 0.5)]
    )
    kept.alerts.keep(
        [
            alert("L-1", midnight - timedelta(days=2), 36),
            alert("L-1", midnight - timedelta(days=1), 48),
            alert("L-1", midnight - timedelta(days=9), 99, Source.EQUIPMENT),
            alert("L-9", midnight - timedelta(days=9), 99),
        ],
        [],
        now=NOW,
    )
    for day in (SECOND, EMPTY):
        detail = {"theme": "fire month"} if day == SECOND else {}
        kept.service_days.add(ServiceDayStep(day=day, at=NOW, who="Wang", move=DayMove.MADE, detail=detail))
    return kept


def _answered(records: Records, plan: object, *answers: tuple[int, Answer]) -> None:
    at = datetime.combine(plan.service_day, time(9), ZONE)  # type: ignore[attr-defined]
    results = Results(records, plan, now=at + timedelta(hours=9), timezone=ZONE, grades=read_grades())  # type: ignore[arg-type]
    assert not results.take([Reply(item=n, answer=said, by="Li", done_at=at) for n, said in answers]).refused


def test_the_measures_are_what_a_hand_counts(records: Records) -> None:
    compared = comparison(records, now=NOW, timezone=ZONE)
    assert [day.day for day in compared.days] == [FIRST, SECOND, EMPTY]
    first, second, empty = (day.measures for day in compared.days)
    assert set(first) == set(second) == set(empty) == set(MEASURES)
    assert (first["planned"].value, first["done"].value, first["opened"].value) == (2, 2, 1)
    assert (first["completion"].value, first["on_time"].value) == (1, 1)
    assert (first["rectified"].counted, first["rectified"].whole) == (1, 1)
    assert (second["done"].value, second["completion"].counted, second["completion"].whole) == (3, 3, 4)
    assert (second["opened"].value, second["repeats"].value) == (1, 0), "thirty-one days later it is another"
    assert (second["rectified"].counted, second["rectified"].whole) == (0, 1)
    assert second["hours"].value == pytest.approx(0.5)
    assert second["precision"].value == 1
    recall = second["recall"]
    assert (recall.value, recall.high) == (1, 1)
    assert recall.low is not None
    assert recall.low < 0.2, "two looks say little"
    assert second["availability"].value == pytest.approx(1 - 48 / 720), "one asset was heard; overlaps count once"
    assert compared.days[1].theme == "fire month"
    assert compared.recall is not None
    assert compared.lots == 1


def test_what_is_not_known_says_why(records: Records) -> None:
    first, second, empty = (day.measures for day in comparison(records, now=NOW, timezone=ZONE).days)
    for measures in (first, second, empty):
        for key, measure in measures.items():
            assert (measure.value is None) == (measure.missing is not None), key
    assert first["recall"].missing is not None
    assert "by lot" in first["recall"].missing.en
    assert first["availability"].missing is not None
    assert empty["done"].missing is not None, "a day without a list did not do nothing: nothing is known"
    assert empty["opened"].value == 0


def test_the_last_days_and_none_to_come(records: Records) -> None:
    compared = comparison(records, now=datetime(2026, 2, 20, tzinfo=UTC), timezone=ZONE, last=1)
    assert [day.day for day in compared.days] == [SECOND]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_says_the_same(records: Records, language: Language) -> None:
    compared = comparison(records, now=NOW, timezone=ZONE)
    words = in_words(compared, language, now=NOW, timezone=ZONE)
    page = FORMS[".html"](words, language, typefaces()).decode()
    rows = list(csv.reader(io.StringIO(FORMS[".csv"](words, language, typefaces()).decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == [str(EMPTY), str(SECOND), str(FIRST)]
    for row in words.rows:
        assert all(cell in page for cell in row)
    assert all(line in page for line in words.missing)
    pictures = re.findall(r'<img src="data:image/svg\+xml;base64,[^"]+" alt="([^"]+)"', page)
    assert len(pictures) == len(words.charts) > 5
    assert "<script" not in page
    assert "://" not in re.sub(r"base64,[^\"]+", "", page)
    with pytest.raises(CannotDo, match="form"):
        check_form(Path("x.odt"))


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    words = in_words(Comparison(days=()), "en", now=NOW, timezone=ZONE)
    assert "no service day" in FORMS[".html"](words, "en", typefaces()).decode()
    with Records(tmp_path / "records.sqlite") as records:
        assert comparison(records, now=NOW, timezone=ZONE).days == ()
        assert availability(records, [], until=NOW) is None


def test_compare_through_the_program(records: Records, tmp_path: Path) -> None:
    from commands.app.program import app

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["day", "compare", *arguments, "--data", str(tmp_path)])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    records.close()
    days = json.loads(run("--json"))["days"]
    assert [day["day"] for day in days] == [str(FIRST), str(SECOND), str(EMPTY)]
    assert days[0]["measures"]["recall"]["value"] is None
    shown = run("-o", str(tmp_path / "c.html"), "-o", str(tmp_path / "c.csv"))
    assert (tmp_path / "c.html").stat().st_size > 10_000
    assert "by lot" in " ".join(shown.split())


SPANS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 40)), max_size=8)


@given(SPANS, st.integers(0, 100), st.integers(0, 60))
def test_hours_that_overlap_count_once(spans: list[tuple[int, int]], since: int, length: int) -> None:
    zero = datetime(2026, 1, 1, tzinfo=UTC)
    hour = timedelta(hours=1)
    moments = [(zero + start * hour, zero + (start + long) * hour) for start, long in spans]
    counted = hours_of(moments, since=zero + since * hour, until=zero + (since + length) * hour)
    slow = {at for start, long in spans for at in range(start, start + long)} & set(range(since, since + length))
    assert counted == pytest.approx(len(slow))
