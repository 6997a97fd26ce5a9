"""Every duty of every law at once: whole, in both languages, with a source, and counted as its standard counts."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from facility.catalogue.catalogue import of_law
from facility.catalogue.duties import LAW, SETS, Answer, Duty, Verified, checklist, read_duties, with_included
from facility.catalogue.law_table import law_table
from facility.catalogue.qualifications import QUALIFICATIONS, same_as
from facility.catalogue.schema import check_duties
from facility.i18n.phrases import Text
from facility.intervals import Unit

ROOT = Path(__file__).parents[2]
DUTIES = [(name, duty) for name in SETS for one in of_law(name).values() for duty in one.duties.values()]
_CHINESE = re.compile("[\u4e00-\u9fff]")
COUNTS = {  # TSG T5002-2017: items of the half-monthly, quarterly, half-yearly and yearly table of each annex
    "lift": (31, 13, 15, 17),
    "hydraulic_lift": (30, 13, 9, 14),
    "service_lift": (20, 8, 10, 14),
    "escalator": (33, 5, 12, 13),
}
CHAIN = ("half_monthly", "quarterly", "half_yearly", "yearly")


@pytest.mark.parametrize("file", sorted(LAW.glob("*/*.toml")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_our_own_files_have_the_form(file: Path) -> None:
    classes = {key: ((), list(one.channels)) for key, one in of_law(file.parent.name).items()}
    check_duties(file, classes)
    assert list(read_duties(file)) == [file.stem]


def _whole(words: Text | None) -> bool:
    return words is None or (bool(_CHINESE.search(words.zh)) and bool(words.en) and not _CHINESE.search(words.en))


@pytest.mark.parametrize(
    ("law", "duty"), DUTIES, ids=lambda one: f"{one.kind}-{one.key}" if isinstance(one, Duty) else one
)
def test_every_duty_is_whole(law: str, duty: Duty) -> None:
    assert _whole(duty.name)
    assert _whole(duty.passes)
    assert _whole(duty.read)
    assert duty.source
    assert duty.interval_source
    assert all(key in QUALIFICATIONS for key in (duty.qualification, *duty.or_qualified))
    assert set(duty.includes) <= set(of_law(law)[duty.kind].duties)
    if duty.statutory:
        assert duty.standard
        assert duty.edition
        assert duty.clause
        assert duty.read, "where it was read, or that it was not"
        assert not re.search(r"\(D\b", duty.interval_source), "our own interval is no law"
    else:
        assert duty.grace == 0
    numbers = [item.number for item in duty.items]
    assert len(numbers) == len(set(numbers))
    for item in duty.items:
        assert _whole(item.what)
        assert _whole(item.passes)
        assert _whole(item.note)
        assert (item.answer is Answer.MEASURED) == bool(item.unit)
        assert item.low <= item.high
        assert not item.channel or item.channel in of_law(law)[duty.kind].channels
    if duty.items and duty.statutory:
        assert duty.verified is not Verified.NO, "items of a text that nobody read are nobody's"


@pytest.mark.parametrize("kind", COUNTS)
def test_the_tables_of_the_lift_rules_are_there_and_contain_each_other(kind: str) -> None:
    duties = of_law("cn")[kind].duties
    assert tuple(len(duties[key].items) for key in CHAIN) == COUNTS[kind]
    for place, key in enumerate(CHAIN):
        assert set(with_included(duties, key)) == set(CHAIN[: place + 1])
        whole = checklist(duties, [key])
        assert len(whole) == sum(COUNTS[kind][: place + 1])
        assert str(len(whole)) in duties[key].name.zh, "the name says how many"
        assert [item.number for _, item in whole] == sorted(item.number for _, item in whole)
    assert checklist(duties, ["yearly", "quarterly"]) == checklist(duties, ["yearly"]), "each item once"


def test_good_practice_is_never_called_law() -> None:
    duties = {(law, duty.kind, duty.key): duty for law, duty in DUTIES}
    for kind, key in [("smoke_detector", "cleaning"), ("fire_panel", "panel_function"), ("fire_door", "self_close")]:
        assert not duties["cn", kind, key].statutory
    assert duties["cn", "emergency_lighting", "duration_test"].standard == "GB 51309"
    assert duties["eu", "emergency_lighting", "duration_test"].standard == "EN 50172"


@pytest.mark.parametrize(
    ("law", "kind", "key", "unit", "last", "due"),
    [
        ("cn", "lift", "half_monthly", Unit.DAYS, date(2028, 2, 20), date(2028, 3, 6)),
        ("cn", "lift", "quarterly", Unit.MONTHS, date(2026, 11, 30), date(2027, 2, 28)),
        ("cn", "lift", "yearly", Unit.YEARS, date(2028, 2, 29), date(2029, 2, 28)),
        ("cn", "pump_set", "automatic_start", Unit.DAYS, date(2026, 12, 28), date(2027, 1, 4)),
        ("cn", "pump_set", "flow_test", Unit.MONTHS, date(2026, 1, 31), date(2026, 4, 30)),
        ("cn", "extinguisher", "monthly_check", Unit.MONTHS, date(2027, 1, 31), date(2027, 2, 28)),
        ("eu", "emergency_lighting", "function_test", Unit.MONTHS, date(2026, 12, 31), date(2027, 1, 31)),
        ("uk", "lift", "thorough_examination", Unit.MONTHS, date(2026, 8, 31), date(2027, 2, 28)),
        ("us", "emergency_lighting", "function_test", Unit.DAYS, date(2026, 1, 31), date(2026, 3, 2)),
        ("us", "lift", "category_5", Unit.YEARS, date(2024, 2, 29), date(2029, 2, 28)),
    ],
)
def test_due_dates_are_counted_as_the_standard_counts(
    law: str, kind: str, key: str, unit: Unit, last: date, due: date
) -> None:
    duty = of_law(law)[kind].duties[key]
    assert duty.interval.unit is unit
    assert duty.due(last) == due


@pytest.mark.parametrize(
    ("commissioned", "last", "due"),
    [
        (date(2020, 5, 1), date(2026, 3, 1), date(2028, 3, 1)),  # young: every two years
        (date(2005, 5, 1), date(2026, 3, 1), date(2027, 3, 1)),  # older than fifteen: every year
        (date(2012, 5, 1), date(2026, 3, 1), date(2027, 5, 2)),  # turns fifteen in between, a year after the last check
        (date(2013, 1, 1), date(2026, 3, 1), date(2028, 1, 2)),  # turns fifteen before the two years are over
        (None, date(2026, 3, 1), date(2028, 3, 1)),  # nobody knows its age
    ],
)
def test_an_old_governor_is_checked_every_year(commissioned: date | None, last: date, due: date) -> None:
    assert of_law("cn")["lift"].duties["governor_check"].due(last, commissioned) == due


def test_a_certificate_is_the_same_under_the_name_that_replaced_it() -> None:
    assert "建（构）筑物消防员" in same_as("消防设施操作员")
    assert same_as("电梯作业人员") == same_as("电梯修理作业人员")
    assert same_as("焊工").isdisjoint(same_as("低压电工"))
    assert same_as("unknown") == {"unknown"}


def test_the_document_is_made_from_the_data() -> None:
    assert (ROOT / "docs/law.md").read_text(encoding="utf-8") == law_table(), (
        "run `python -m facility.catalogue.law_table > docs/law.md`"
    )
