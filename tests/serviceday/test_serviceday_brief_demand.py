"""Demand in the brief: surveys, channels, praise that somebody released, proposals that can be typed."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from phone_rounds import DAY, NOW, ZONE, item, plan_of
from typer.testing import CliRunner

from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.inspections import InspectionList
from facility.records import Records
from facility.reports import Category, Channel, Kind, Place, Report, Reporter
from facility.results import Answer
from facility.service_days import DayMove, ServiceDayStep
from facility.surveys import Survey
from serviceday.brief import Brief, brief, write_brief
from serviceday.brief.comparison import comparison
from serviceday.documents.branding import NO_NAMES
from serviceday.execution.grades import read_grades
from serviceday.execution.rectification import Rectification
from serviceday.execution.results import Reply, Results
from serviceday.planning import parse_goal
from serviceday.planning.demand.themes import themes
from serviceday.survey import Collecting, read_form

EVENING = NOW + timedelta(hours=9)
WORDS = "灯坏了 NAME-OF-A-RESIDENT"


@pytest.fixture
def plan(tmp_path: Path) -> InspectionList:
    with Records(DataFolder(tmp_path).prepare().records) as records:
        plan = records.plans.kept(plan_of(*(item(number) for number in range(1, 5))))
        at = datetime.combine(DAY, time(9), ZONE)
        results = Results(records, plan, now=EVENING, timezone=ZONE, grades=read_grades())
        results.take([Reply(item=n, answer=Answer.ABNORMAL, by="Zhang", done_at=at) for n in range(1, 5)])
        work = Rectification(records, now=EVENING, timezone=ZONE, grades=read_grades())
        for number, mender, verifier in ((1, "Li", "Wang"), (2, "Li", "Wang"), (3, "Chen", "")):
            work.done(number, by=mender)
            if verifier:
                work.verify(number, by=verifier)
        for move in (DayMove.MADE, DayMove.STARTED):
            records.service_days.add(ServiceDayStep(day=DAY, at=NOW, who="Wang", move=move))
        _reported(records)
        out = records.surveys.add(Survey(key="march", service_day=DAY, until=DAY, form=read_form(), at=NOW))
        takes = Collecting(records, b"k" * 32, now=NOW, timezone=ZONE)
        codes = takes.hand_out(out, 5, site="park", building="3")
        for code, rating in zip(codes, ("5", "4", "2", ""), strict=False):
            takes.take(out, code, {"overall": [rating], "troubles": ["lift"]}, source="paper")
    return plan


def _reported(records: Records) -> None:
    for number, (source, subject) in enumerate(
        [("desk", "lighting"), ("box", "lighting"), ("steward", "lift"), ("hotline.csv", "lighting")]
    ):
        report = Report(
            at=NOW - timedelta(hours=5), text=WORDS, said_place="3", source=source,
            category=Category(kind=Kind.PUBLIC_REPAIR, subject=subject), place=Place(site="park", building="3"),
        )  # fmt: skip
        records.reports.add([(f"k{number}", report, Reporter(name="NAME-OF-A-RESIDENT"))], now=NOW)


def counted(records: Records, plan: InspectionList) -> Brief:
    return brief(records, DAY, plan, now=EVENING, timezone=ZONE, names=NO_NAMES)


def test_a_survey_is_counted_with_its_number_of_answers(tmp_path: Path, plan: InspectionList) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        made = counted(records, plan)
        measure = comparison(records, now=EVENING, timezone=ZONE).days[-1].measures["satisfaction"]
    assert made.figure("survey_answers").records == ("S1/1", "S1/2", "S1/3", "S1/4")
    satisfied = made.figure("satisfied")
    assert (satisfied.records, satisfied.whole) == (("S1/1", "S1/2"), ("S1/1", "S1/2", "S1/3"))
    assert made.figure("trouble_lift").value == 4
    assert made.satisfaction is not None
    assert made.satisfaction.average == pytest.approx(11 / 3)
    assert (made.satisfaction.rated, made.satisfaction.handed_out) == (3, 5)
    assert (measure.value, measure.counted) == (pytest.approx(11 / 3), 3)
    assert {record.id for record in made.annex} >= {"S1/1", "S1/4"}


def test_reports_are_counted_by_the_way_they_came(tmp_path: Path, plan: InspectionList) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        made = counted(records, plan)
    for channel in (Channel.DESK, Channel.BOX, Channel.STEWARD, Channel.FILE):
        assert made.figure(f"reports_via_{channel}").value == 1
    with pytest.raises(StopIteration):
        made.figure("reports_via_round")
    assert Channel.of("hotline 2026.xlsx") is Channel.FILE


def test_praise_is_proposed_from_verified_work_and_printed_when_released(tmp_path: Path, plan: InspectionList) -> None:
    from commands.app.program import app

    def run(*arguments: str, fails: bool = False) -> str:
        done = CliRunner().invoke(app, ["day", "praise", str(DAY), *arguments, "--data", str(tmp_path)])
        assert bool(done.exit_code) == fails, (done.output, done.exception)
        return str(done.exception) if fails else done.output

    assert "proposed: Li, put right and verified by others: 2 (F1 F2)" in run()
    assert "Chen" not in run(), "what waits to be verified is not praised"
    with Records(DataFolder(tmp_path).records) as records:
        assert not [section for section in counted(records, plan).sections if section.key == "praise"]
    assert "nothing that 'Chen'" in run("--release", "Chen", "--by", "Wang", fails=True)
    assert "who says so" in run("--release", "Li", fails=True)
    assert "released: Li" in run("--release", "Li", "--by", "Wang")
    with Records(DataFolder(tmp_path).records) as records:
        made = counted(records, plan)
    assert made.figure("praise_1").records == ("F1", "F2")


def test_proposals_can_be_typed_and_say_why(tmp_path: Path, plan: InspectionList) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        made = counted(records, plan)
    options = [proposal.option for proposal in made.proposed]
    assert options == [
        '--goal "category=lighting reported-before=2026-03-13"',
        '--goal "category=lift reported-before=2026-03-13"',
        "--theme lifts",
    ]
    for option in options:
        if goal := re.fullmatch(r'--goal "(.*)"', option):
            parse_goal(goal[1])
        else:
            assert themes([option.removeprefix("--theme ")])
    assert "3 reports about" in made.proposed[0].why.en


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_form_shows_it_and_no_resident(tmp_path: Path, plan: InspectionList, language: Language) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        made = counted(records, plan)
    files = [tmp_path / f"brief{form}" for form in (".html", ".docx", ".pdf")]
    write_brief(made, files, language=language)
    page = files[0].read_text()
    assert ("满意度平均 3.7" if language == "zh" else "on average 3.7 of 5: 3 ratings") in page
    assert "--theme lifts" in page
    assert "NAME-OF" not in page


def test_a_day_without_a_survey_says_that_satisfaction_is_not_known(tmp_path: Path, plan: InspectionList) -> None:
    with Records(DataFolder(tmp_path).records) as records:
        other = records.plans.kept(replace(plan, service_day=date(2026, 3, 20), number=0))
        at = datetime.combine(other.service_day, time(9), ZONE)
        later = at + timedelta(hours=1)
        results = Results(records, other, now=later, timezone=ZONE, grades=read_grades())
        results.take([Reply(item=1, answer=Answer.NORMAL, by="Li", done_at=at)])
        made = brief(records, other.service_day, other, now=later, timezone=ZONE, names=NO_NAMES)
        missing = comparison(records, now=later, timezone=ZONE).days[-1].measures["satisfaction"].missing
    assert made.satisfaction is None
    assert not [section for section in made.sections if section.key == "survey"]
    assert missing is not None
    assert missing.en == "no survey"
