"""Duties done, as people write them; what is due from them; what a list may then claim."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotParse, Problems
from facility.estate import Asset, Estate
from facility.i18n.phrases import LANGUAGES
from facility.inspections import DutyDone, LawRecord
from facility.standing import Spell, StepKind
from serviceday.documents.inspection_list import law_words
from serviceday.execution import (
    Given,
    checked,
    day_of,
    duty_named,
    last_date_column,
    last_dates,
    read_duties,
    told,
)
from serviceday.planning import dues, next_due

TODAY = date(2026, 11, 28)
LIFT = Asset(id="EL-1", kind="lift", commissioned=date(2020, 5, 1))
TANK = Asset(id="T-1", kind="tank")
ASSETS = {one.id: one for one in (LIFT, TANK)}


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2200, 1, 1)), st.booleans())
def test_a_day_is_read_in_every_form_people_write(day: date, wide: bool) -> None:
    forms = [f"{day:%Y-%m-%d}", f"{day:%Y/%m/%d}", f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日"]
    forms += [f"{day.year}/{day.month}/{day.day}", f"{day.year}.{day.month}.{day.day}", f"{day:%Y-%m-%d} 00:00:00"]
    for form in forms:
        words = form.translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)}) if wide else form
        assert day_of(words) == day, words
    assert day_of(datetime(day.year, day.month, day.day, 9)) == day_of(day) == day


@pytest.mark.parametrize(
    "words",
    ["", "soon", "2026年11月", "2026-11", "03/04/2026", "3.4.26", "45962", 45962, 2026.5, "2026-02-30", "2026-1/2"],
)
def test_what_is_not_a_day_for_certain_is_not_guessed(words: object) -> None:
    assert day_of(words) is None


@pytest.mark.parametrize(
    ("kind", "words", "key"),
    [
        ("lift", "half_monthly", "half_monthly"),
        ("lift", "Half-monthly", "half_monthly"),
        ("lift", "半月维保（31 项）", "half_monthly"),
        ("lift", "半月保养", "half_monthly"),
        ("lift", "半年维护保养", "half_yearly"),
        ("lift", "季保养", "quarterly"),
        ("lift", "年检", None),
        ("lift", "half", None),  # half-monthly or half-yearly
        ("tank", "half_monthly", None),
        ("tank", "水箱水池水位检查", "level_check"),
    ],
)
def test_a_duty_is_known_by_its_names(kind: str, words: str, key: str | None) -> None:
    meant = duty_named(kind, words)
    assert (meant.key if meant else None) == key


def test_every_duty_of_the_catalogue_is_known_by_all_its_names() -> None:
    for kind in catalogue().values():
        for duty in kind.duties.values():
            for words in (duty.key, duty.name.zh, duty.name.en):
                assert duty_named(kind.key, words) == duty
                heading = last_date_column(f"last:{words}")
                assert heading is not None
                assert duty_named(kind.key, heading) == duty


@pytest.mark.parametrize(
    "heading", ["lastname", "last", "上次", "maker", "上次来访", "last seen", "上次日期", "last_done"]
)
def test_other_headings_are_left_alone(heading: str) -> None:
    assert last_date_column(heading) is None


def test_what_cannot_be_is_refused_by_line_with_a_suggestion() -> None:
    rows = [("EL-l", "yearly", "2026-01-01"), ("EL-1", "level_check", "2026-01-01"), ("EL-1", "yearly", "2026-11-29")]
    rows += [("EL-1", "yearly", "2020-04-30"), ("", "yearly", "2026-01-01"), ("EL-1", "yearly", "2026年3月")]
    given = [Given(line=2 + at, asset=a, duty=d, on=on) for at, (a, d, on) in enumerate(rows)]
    entries, wrong = checked(
        [*given, Given(line=9, asset="T-1", duty="level_check", on="2026-11-28")], ASSETS, today=TODAY
    )
    assert entries == [DutyDone(asset="T-1", duty="level_check", on=TODAY)]
    assert [line for line, _ in wrong] == [2, 3, 4, 5, 6, 7]
    words = [str(one) for one in told(wrong)]
    assert "is it 'EL-1'?" in words[0]
    assert "no duty 'level_check'" in words[1]
    assert "still to come" in words[2]
    assert "before EL-1 was commissioned" in words[3]


def test_many_of_a_kind_are_summed_up() -> None:
    _, wrong = checked([Given(line=n, asset="XX", duty="yearly", on=TODAY) for n in range(2, 402)], ASSETS, today=TODAY)
    words = told(wrong)
    assert len(words) == 6
    assert str(words[-1]) == "and 395 more lines like these"


def test_long_and_wide_files_say_the_same(tmp_path: Path) -> None:
    long, wide = tmp_path / "long.csv", tmp_path / "宽.csv"
    long.write_text(
        "设备编号,维保类型,上次完成日期\nEL-1,半月维保,2026/11/20\nEL-1,年度维保,2026年3月1日\n", encoding="gb18030"
    )
    wide.write_text("asset;last:half_monthly;上次年度维保\nEL-1;2026-11-20;20260301\nT-1;;\n")
    found = [checked(read_duties(file).given, ASSETS, today=TODAY) for file in (long, wide)]
    assert found[0] == found[1]
    assert len(found[0][0]) == 2
    assert not found[0][1]


def test_a_workbook_may_begin_with_a_title(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [["滨河花园 维保台账"], [], ["设备编号", "工作", "完成日期", "维保人员", "备注"]]:
        sheet.append(row)
    sheet.append(["EL-1", "季度维保", datetime(2026, 10, 1), "张伟", "正常"])
    book.save(tmp_path / "last.xlsx")
    reading = read_duties(tmp_path / "last.xlsx")
    assert reading.columns == {"asset": "设备编号", "duty": "工作", "on": "完成日期", "by": "维保人员", "note": "备注"}
    entries, wrong = checked(reading.given, ASSETS, today=TODAY)
    assert not wrong
    assert entries == [DutyDone(asset="EL-1", duty="quarterly", on=date(2026, 10, 1), by="张伟", note="正常")]


def test_columns_that_are_missing_are_named(tmp_path: Path) -> None:
    file = tmp_path / "last.csv"
    file.write_text("Gerät,What,Finished\nEL-1,yearly,2026-03-01\n")
    with pytest.raises(Problems, match="no column for asset, duty, on"):
        read_duties(file)
    mapping = {"asset": "Gerät", "duty": "What", "on": "Finished"}
    assert len(read_duties(file, mapping=mapping).given) == 1
    with pytest.raises(Problems, match="no column 'Gone'"):
        read_duties(file, mapping=mapping | {"by": "Gone"})
    with pytest.raises(Problems, match="is not a field"):
        read_duties(file, mapping=mapping | {"colour": "What"})
    file.write_text("")
    with pytest.raises(CannotParse, match="is empty"):
        read_duties(file)


def test_a_registry_tells_last_dates_in_columns_of_its_own() -> None:
    asset = Asset(id="EL-1", kind="lift", attributes={"maker": "x", "上次半月保养": "2026-11-20", "last:yearly": "no"})
    estate, given = last_dates(Estate(assets=(asset,), lines={"EL-1": 7}))
    assert estate.assets[0].attributes == {"maker": "x"}
    entries, wrong = checked(given, {"EL-1": asset}, today=TODAY)
    assert [one.duty for one in entries] == ["half_monthly"]
    assert [line for line, _ in wrong] == [7]


def test_nothing_is_due_while_an_asset_is_out_of_use() -> None:
    duty, last = catalogue()["lift"].duties["half_monthly"], TODAY - timedelta(days=20)
    due = last + timedelta(days=15)
    assert next_due(duty, last) == due
    assert next_due(duty, last, [Spell(StepKind.OUT_OF_USE, due - timedelta(days=1), TODAY)]) == TODAY + timedelta(
        days=1
    )
    assert next_due(duty, last, [Spell(StepKind.OUT_OF_USE, due + timedelta(days=1), TODAY)]) == due
    assert next_due(duty, last, [Spell(StepKind.RETIRED, due)]) is None
    retired = {"EL-1": [Spell(StepKind.RETIRED, TODAY)]}
    found = dues([LIFT], {("EL-1", "half_monthly"): last}, until=TODAY, today=TODAY, spells=retired)
    assert (found.due, found.law) == ([], LawRecord(duties=0, dated=0))


@given(st.integers(0, 500), st.integers(0, 500))
def test_no_words_reassure_about_what_has_no_date(dated: int, undated: int) -> None:
    law = LawRecord(duties=dated + undated, dated=dated, undated_assets=min(undated, 1))
    for language in LANGUAGES:
        words = law_words(law, language)
        if undated:
            assert str(undated) in words
            assert {"zh": "无从知道", "en": "not known"}[language] in words
        elif dated:
            assert {"zh": "都有", "en": "All"}[language] in words
