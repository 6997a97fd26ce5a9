"""Which duties are due until a day, told from the last dates on record, and of how many nobody can tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.standing import Spell, StepKind
from serviceday.planning.demand.duties import dues, law_record, next_due

TODAY = date(2026, 11, 28)
UNTIL = TODAY + timedelta(days=14)
DUTIES = catalogue()["lift"].duties
STATUTORY = [key for key, duty in DUTIES.items() if duty.statutory and not duty.routine]


def lifts(*numbers: str) -> list[Asset]:
    return [Asset(id=number, kind="lift") for number in numbers]


def _last(duty: str, due: date) -> date:
    """A day after which the duty is due on `due`, or the day before where the calendar has no such day."""
    days = (due - timedelta(days=back) for back in range(2000))
    return next(day for day in days if DUTIES[duty].interval.after(day) <= due)


@pytest.mark.parametrize(("days", "is_due"), [(-400, True), (0, True), (14, True), (15, False), (200, False)])
@pytest.mark.parametrize("duty", STATUTORY)
def test_a_duty_is_listed_from_the_day_it_falls_into_the_time_asked_for(duty: str, days: int, is_due: bool) -> None:
    last = _last(duty, TODAY + timedelta(days=days))
    answer = dues(lifts("A"), {("A", duty): last}, until=UNTIL, today=TODAY)
    expected = [(duty, last, DUTIES[duty].interval.after(last))] if is_due else []
    assert [(due.duty.key, due.last, due.due) for due in answer.due] == expected
    assert [due.late(TODAY) for due in answer.due] == [(TODAY - due).days for _, _, due in expected]


def test_duties_without_a_date_are_counted_and_never_listed() -> None:
    answer = dues(lifts("A", "B", "C"), {("C", STATUTORY[0]): _last(STATUTORY[0], TODAY)}, until=UNTIL, today=TODAY)
    assert [(due.asset.id, due.duty.key) for due in answer.due] == [("C", STATUTORY[0])]
    expected = {("lift", key): 3 for key in STATUTORY} | {("lift", STATUTORY[0]): 2}
    assert answer.unrecorded == expected, "good practice without a date is no gap in the law"
    assert (answer.law.duties, answer.law.dated, answer.law.undated_assets) == (3 * len(STATUTORY), 1, 3)
    assert answer.law == law_record(lifts("A", "B", "C"), {("C", STATUTORY[0]): TODAY}, TODAY)


def test_an_asset_with_every_date_is_not_among_those_without() -> None:
    record = law_record(lifts("A", "B"), {("A", key): TODAY for key in STATUTORY}, TODAY)
    assert (record.duties, record.dated, record.undated_assets) == (2 * len(STATUTORY), len(STATUTORY), 1)


def test_the_law_comes_first_then_the_longest_overdue() -> None:
    last_done = {
        (asset, duty): _last(duty, TODAY - timedelta(days=days))
        for duty in ("yearly", "quarterly", "half_monthly")
        for asset, days in (("B", 3), ("A", 60), ("C", 3))
    }
    due = dues(lifts("A", "B", "C"), last_done, until=UNTIL, today=TODAY).due
    order = [(not one.duty.statutory, one.due, one.asset.id, one.duty.key) for one in due]
    assert len(due) == 9
    assert order == sorted(order)


def test_what_is_out_of_use_today_owes_nothing_today() -> None:
    known = {"A": [Spell(StepKind.OUT_OF_USE, TODAY, TODAY)], "B": [Spell(StepKind.RETIRED, TODAY + timedelta(1))]}
    last_done = {(asset, key): _last(key, TODAY) for asset in "AB" for key in STATUTORY}
    answer = dues(lifts("A", "B"), last_done, until=UNTIL, today=TODAY, spells=known)
    assert {due.asset.id for due in answer.due} == {"B"}
    assert answer.law.duties == len(STATUTORY)


@pytest.mark.parametrize("back", [1, 20])
def test_what_falls_due_while_out_of_use_is_due_the_day_it_is_back(back: int) -> None:
    duty = DUTIES["quarterly"]
    due = duty.interval.after(TODAY)
    spell = Spell(StepKind.OUT_OF_USE, due - timedelta(days=5), due + timedelta(days=back - 1))
    assert next_due(duty, TODAY, [spell]) == due + timedelta(days=back)
    answer = dues(
        lifts("A"), {("A", "quarterly"): TODAY}, until=due + timedelta(days=back), today=TODAY, spells={"A": [spell]}
    )
    assert [one.due for one in answer.due if one.duty is duty] == [due + timedelta(days=back)]


@pytest.mark.parametrize("end", [None, date.max])
def test_what_is_gone_for_good_is_never_due(end: date | None) -> None:
    gone = Spell(StepKind.RETIRED, TODAY - timedelta(days=1), end)
    assert next_due(DUTIES["yearly"], TODAY - timedelta(days=3), [gone]) is None
    soon = [Spell(StepKind.RETIRED, TODAY + timedelta(days=1), end)]
    answer = dues(lifts("A"), {("A", "yearly"): TODAY}, until=date.max, today=TODAY, spells={"A": soon})
    assert answer.due == []


def _known(last_done: dict[tuple[str, str], date]) -> dict[tuple[str, str], date]:
    """Dates as recorded, and of what was done on the visit for another since: as far as it is in time still."""
    known = dict(last_done)
    for (number, done), on in last_done.items():
        for key in DUTIES[done].includes:
            own = last_done.get((number, key))
            if on > known.get((number, key), date.min) and (own or DUTIES[key].interval.after(on) >= TODAY):
                known[number, key] = on
    return known


def _counted(last_done: dict[tuple[str, str], date]) -> Iterator[tuple[date, str, str]]:
    for (number, key), on in _known(last_done).items():
        if DUTIES[key].interval.after(on) <= UNTIL:
            yield DUTIES[key].interval.after(on), number, key


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("ABC"), st.sampled_from(sorted(DUTIES))),
        st.integers(0, 800).map(lambda days: TODAY - timedelta(days=days)),
    )
)
def test_any_record_is_counted_as_somebody_with_a_calendar_would(last_done: dict[tuple[str, str], date]) -> None:
    answer = dues(lifts("A", "B", "C"), last_done, until=UNTIL, today=TODAY)
    assert sorted((due.due, due.asset.id, due.duty.key) for due in answer.due) == sorted(_counted(last_done))
    dated = sum(key in STATUTORY for _, key in _known(last_done))
    assert sum(answer.unrecorded.values()) == 3 * len(STATUTORY) - dated
    assert all(count > 0 for count in answer.unrecorded.values())
