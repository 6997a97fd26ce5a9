"""Answers to a list in any order, by anybody, as often as you like: what follows is what they come to, and no more."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.deficiencies import Deficiency, Move
from facility.errors import CannotParse, Problems
from facility.i18n.phrases import LANGUAGES, Language, Text
from facility.inspections import Ground, InspectionList, Item, Person, Priority
from facility.records import Records
from facility.results import Answer, Result
from serviceday.documents.inspection_list.excel import as_workbook
from serviceday.execution.grades import read_grades
from serviceday.execution.results import Reply, Results
from serviceday.execution.sheet import read_sheet

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 12, 10, tzinfo=UTC)
MODE, OTHER_MODE = list(catalogue()["lift"].modes)[:2]
EXPLORE = int(os.environ.get("SERVICEDAY_EXPLORE", "0"))
GRADES = read_grades()
ANSWERED = (Answer.NORMAL, Answer.ABNORMAL, Answer.NOT_APPLICABLE, Answer.NO_ACCESS)


def item(number: int, task: str, **more: object) -> Item:
    words = Text(zh=task, en=task)
    plain = Item(
        asset="L-1", kind="lift", site="park", building="1", floor="", place="1-L-1", task=task, what=words,
        method=words, passes=words, ground=Ground.STATUTORY, reason=words, priority=Priority.HIGH, qualification="",
        minutes=10, number=number, person=1, end=time(10),
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def plan_of(*items: Item) -> InspectionList:
    people = (Person(number=1, id="zhang", name="张建国"), Person(number=2, id="li", name="李晓梅"))
    return InspectionList(
        service_day=DAY, created_at=NOW - timedelta(days=1), people=2, hours=8, items=items, left_out=(),
        timezone=ZONE.key, persons=people,
    )  # fmt: skip


LIST = plan_of(item(1, "half_monthly"), item(2, "warning", mode=MODE, ground=Ground.RISK, person=2))
said = st.tuples(
    st.sampled_from([1, 2]),
    st.sampled_from(["Li", "Wang"]),
    st.sampled_from(ANSWERED),
    st.sampled_from(["", MODE, OTHER_MODE, "other"]),
    st.booleans(),  # mended
    st.booleans(),  # decided, where there is something to decide
)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Records]:
    with Records(tmp_path_factory.mktemp("results") / "records.sqlite") as opened:
        yield opened


@settings(max_examples=EXPLORE or 50)
@given(st.lists(said, max_size=7))
def test_what_follows_is_what_the_answers_come_to(
    records: Records, told: list[tuple[int, str, Answer, str, bool, bool]]
) -> None:
    plan = records.plans.kept(LIST)
    asset = f"L-{plan.number}"  # each example at an asset of its own
    plan = replace(plan, items=tuple(replace(one, asset=asset) for one in plan.items))
    for minute, (number, by, answer, mode, mended, decided) in enumerate(told):
        now = NOW + timedelta(minutes=minute)
        results = Results(records, plan, now=now, timezone=ZONE, grades=GRADES)
        fault = answer is Answer.ABNORMAL
        reply = Reply(
            item=number, answer=answer, by=by, mode=mode if fault else "", mended=mended and fault,
            done_at=NOW - timedelta(hours=number),
        )  # fmt: skip
        standing = results.standing().get(number)
        dispute = standing is not None and bool(standing.conflict)
        taken = results.decide(reply, who="Zhao") if decided and dispute else results.take([reply])
        before = _everything(records, plan)
        again = Results(records, plan, now=NOW + timedelta(hours=5), timezone=ZONE, grades=GRADES)
        again.take([] if decided and dispute else [reply])
        assert _everything(records, plan) == before, "settling what is settled changes nothing"
        _follows(records, plan, {key: one.result for key, one in taken.standing.items()})


def _everything(records: Records, plan: InspectionList) -> list[object]:
    asset = plan.items[0].asset
    trails = [records.deficiencies.trail(one.id) for one in _found(records, plan, 1) + _found(records, plan, 2)]
    return [records.duties.all(asset), records.outcomes.all(asset=asset), trails, records.results.of(plan.number)]


def _found(records: Records, plan: InspectionList, number: int) -> list[Deficiency]:
    return records.deficiencies.of_item(plan.number, number)


def _follows(records: Records, plan: InspectionList, holds: dict[int, Result | None]) -> None:
    duty, warning, asset = holds.get(1), holds.get(2), plan.items[0].asset
    dates = {(one.duty, one.on) for one in records.duties.all(asset)}
    assert dates == ({("half_monthly", DAY)} if duty is not None and duty.answer.done else set())
    labels = [(one.finding.value, one.mode) for one in records.outcomes.all(asset=asset)]
    if warning is None or not warning.answer.done:
        assert labels == []
    elif warning.answer is Answer.NORMAL:
        assert labels == [("not_found", "")]
    elif warning.mode in ("", MODE):
        assert labels == [("confirmed", MODE)]
    else:
        assert labels == [("other", "" if warning.mode == "other" else OTHER_MODE)]
    abnormal = [number for number, one in holds.items() if one is not None and one.answer is Answer.ABNORMAL]
    for number in abnormal:
        assert [one for one in _found(records, plan, number) if one.state.open], "what is abnormal has an open finding"
    for one in [*_found(records, plan, 1), *_found(records, plan, 2)]:
        seen = [step.item for step in records.deficiencies.trail(one.id) if step.move in (Move.OPENED, Move.RECURRED)]
        speaks = [holds[item] is None or item in abnormal for item in seen]
        assert any(speaks) or not one.state.open, "what nobody says any more is not open"


# --- sheets -----------------------------------------------------------------------------------------------------------


def sheet(tmp_path: Path, language: Language, edit: Callable[[Any, dict[str, int]], None], name: int = 1) -> Path:
    plan = replace(LIST, number=3)
    book = openpyxl.load_workbook(io.BytesIO(as_workbook(plan, language=language)))
    page = book.worksheets[name]
    edit(page, {str(cell.value): cell.column for cell in page[3]})
    book.save(tmp_path / "filled.xlsx")
    return tmp_path / "filled.xlsx"


def read(path: Path, by: str = "") -> Any:
    return read_sheet(path, replace(LIST, number=3), timezone=ZONE, by=by)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sheet_speaks_either_language_and_names_who_walked_it(tmp_path: Path, language: Language) -> None:
    titles = {
        "zh": ("结果", "发现的故障", "当场修复", "异常", "是"),
        "en": ("Result", "Fault found", "Mended on the spot", "abnormal", "yes"),
    }[language]

    def edit(page: Any, columns: dict[str, int]) -> None:
        page.cell(5, columns[titles[0]]).value = titles[3]
        page.cell(5, columns[titles[1]]).value = catalogue()["lift"].modes[OTHER_MODE].name[language]
        page.cell(5, columns[titles[2]]).value = titles[4]

    found = read(sheet(tmp_path, language, edit))
    (reply,) = found.replies
    assert (reply.item, reply.answer, reply.by) == (2, Answer.ABNORMAL, "李晓梅")
    assert (reply.mode, reply.mended) == (OTHER_MODE, True)
    assert found.refused == []
    (own,) = read(sheet(tmp_path, language, lambda page, _: edit(page, {**_, "": 0}) if page else None)).replies
    assert own.where.endswith(":5")


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-03-11", datetime(2026, 3, 11, 12)),
        ("2026年3月11日", datetime(2026, 3, 11, 12)),
        ("14:30", datetime(2026, 3, 12, 14, 30)),
        ("2026-03-12 09:15", datetime(2026, 3, 12, 9, 15)),
        (datetime(2026, 3, 12, 8, 5), datetime(2026, 3, 12, 8, 5)),
        (time(16, 20), datetime(2026, 3, 12, 16, 20)),
        ("soon", None),
        (46093, None),
    ],
)
def test_when_it_was_done_is_read_as_people_write_it(tmp_path: Path, cell: object, moment: datetime | None) -> None:
    def edit(page: Any, columns: dict[str, int]) -> None:
        page.cell(4, columns["Result"]).value = "normal"
        page.cell(4, columns["Done at"]).value = cell

    found = read(sheet(tmp_path, "en", edit))
    if moment is None:
        assert "is no time" in str(found.refused[0][1])
    else:
        assert found.replies[0].done_at == moment.replace(tzinfo=ZONE)


def test_the_same_item_on_two_sheets_is_one_answer_or_a_contradiction(tmp_path: Path) -> None:
    def both(words: str) -> Callable[[Any, dict[str, int]], None]:
        def edit(page: Any, columns: dict[str, int]) -> None:
            page.cell(4, columns["Result"]).value = "normal"
            own = page.parent.worksheets[2]
            own.cell(4, columns["Result"]).value = words

        return edit

    same = read(sheet(tmp_path, "en", both("Normal")))
    assert (len(same.replies), same.refused, same.rows) == (1, [], 2)
    other = read(sheet(tmp_path, "en", both("no access")))
    assert len(other.replies) == 1
    assert "answered otherwise in Inspection list:4" in str(other.refused[0][1])


def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/worksheets/sheet1.xml", b"0" * (60 << 20))
    with pytest.raises(CannotParse, match="unpacks to more"):
        read(tmp_path / "bomb.xlsx")


# --- grades -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "no \\[\\[grade\\]\\]"),
        ("grade = 3", "no \\[\\[grade\\]\\]"),
        ("[[grade]]\nkey = 'a'\ndays = 1\n", "zh and en"),
        ("[[grade]]\nkey = 'a'\ndays = true\n", "whole number"),
        ("[[grade]]\nkey = ''\n", "no key"),
        ("[[grade]]\nkey = 'a'\ndays = 1\nname = {zh='甲', en='a'}\n", "exactly one"),
        ("[[grade", "grades.toml"),
    ],
)
def test_a_scale_that_is_wrong_is_told(tmp_path: Path, words: str, why: str) -> None:
    (tmp_path / "grades.toml").write_text(words)
    with pytest.raises(Problems, match=why):
        read_grades(tmp_path / "grades.toml")


def test_the_scale_that_ships_has_the_deadlines_of_the_trade() -> None:
    grades = read_grades()
    assert {key: one.days for key, one in grades.scale.items()} == {"general": 30, "serious": 15, "critical": 0}
    assert (grades.of_kind("lift").key, grades.of_kind("lighting_circuit").key) == ("critical", "general")
    assert grades.named("较大").key == grades.named("Serious").key == "serious"
    assert grades.name("gone").en == "gone"


def test_a_recorded_place_is_told_by_the_longest_building_that_it_begins_with() -> None:
    from facility.estate import Building, Site
    from serviceday.documents.branding import Names

    estate = {"b": "老楼", "b-1": "1号楼", "b-2": ""}
    buildings = [Building(id=key, site="park", name=name) for key, name in estate.items()]
    names = Names.of([Site(id="park", name="滨河花园"), Site(id="court")], buildings)
    told = {place: names.recorded("park", place) for place in ("b-1-2F-水箱", "b-1", "b-9-水箱", "b-2-水箱", "屋顶")}
    assert told["b-1-2F-水箱"] == f"{names.whereabouts('park', 'b-1')}-2F-水箱"
    assert told["b-1"] == names.whereabouts("park", "b-1")
    assert told["b-9-水箱"] == f"{names.whereabouts('park', 'b')}-9-水箱"
    assert told["b-2-水箱"] == "滨河花园 b-2-水箱", "another building, which has no name"
    assert told["屋顶"] == "滨河花园 屋顶"
