"""One visit for duties that contain each other, one crew at an asset, and no job left out with minutes to spare."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.inspections import InspectionList, Item, LeftOut
from serviceday.planning import Crew, Policy, plan
from serviceday.planning.crew.crew import Selector, Span, Validity, Work, Worker
from serviceday.planning.demand.duties import last_date
from serviceday.planning.schedule.verifier import Given, check
from tests.serviceday.test_serviceday_planning_rules import DAY, NOW, day_of, given_of

LIFT = Asset(id="EL-1", kind="lift", site="s", building="1")
LIFTS, FIRE = "电梯作业人员", "消防设施操作员"
CHAIN = ("yearly", "half_yearly", "quarterly", "half_monthly")


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def planned(minutes: int, done: dict[str, date], policy: Policy = Policy(rotation_days=0, effort=50)) -> InspectionList:  # noqa: B008
    crew = Crew(workers=(Worker(id="p", all_round=True, hours=Span(480, 480 + minutes)),), named=True)
    dates = {("EL-1", key): on for key, on in done.items()}
    made = plan([LIFT], {}, dates, service_day=DAY, now=NOW, crew=crew, policy=policy)
    assert check(made, Given(crew, [LIFT], policy=policy)) == []
    return made


@pytest.mark.parametrize(
    ("minutes", "task", "covers", "left"),
    [
        (600, "yearly", ("half_yearly", "quarterly", "half_monthly"), set()),
        (387, None, (), set()),
        (300, "half_yearly", ("quarterly", "half_monthly"), {"yearly"}),
        (140, "quarterly", ("half_monthly",), {"yearly", "half_yearly"}),
        (80, "half_monthly", (), {"yearly", "half_yearly", "quarterly"}),
        (60, None, (), set(CHAIN)),
    ],
)
def test_what_is_due_at_a_lift_is_one_visit_as_large_as_there_is_time(
    minutes: int, task: str | None, covers: tuple[str, ...], left: set[str]
) -> None:
    made = planned(minutes, dict.fromkeys(CHAIN, ago(500)))
    if minutes == 387:  # 385 of work and 3 of the way
        assert [one.task for one in made.items] == ["half_yearly"]
        return
    assert [(one.task, one.covers) for one in made.items] == ([(task, covers)] if task else [])
    assert {one.task for one in made.left_out} == left
    assert all(one.breach and one.left_out is LeftOut.NO_TIME for one in made.left_out)
    if task:
        duties = catalogue()["lift"].duties
        assert made.items[0].minutes == sum(duties[key].minutes for key in (task, *covers))


def test_a_turn_without_a_date_rides_along_only_in_spare_time() -> None:
    policy = Policy(rotation_days=400, effort=50)
    done = {"half_monthly": ago(20)}
    wide, narrow = planned(700, done, policy), planned(100, done, policy)
    assert [(one.task, one.covers) for one in wide.items] == [("yearly", ("half_yearly", "quarterly", "half_monthly"))]
    assert [one.task for one in narrow.items] == ["half_monthly"]
    assert {one.task for one in narrow.left_out} == {"yearly", "half_yearly", "quarterly"}
    assert not any(one.breach for one in narrow.left_out), "nobody knows a date"


def test_what_was_done_with_the_yearly_visit_is_done() -> None:
    duties = catalogue()["lift"].duties
    own = {("EL-1", "half_monthly"): ago(40), ("EL-1", "yearly"): ago(3)}
    assert last_date(duties, "EL-1", "half_monthly", own, DAY) == ago(3)
    assert last_date(duties, "EL-1", "half_monthly", {("EL-1", "yearly"): ago(15)}, DAY) == ago(15)
    assert last_date(duties, "EL-1", "half_monthly", {("EL-1", "yearly"): ago(16)}, DAY) is None, "late by hearsay"
    assert last_date(duties, "EL-1", "yearly", {("EL-1", "half_monthly"): ago(1)}, DAY) is None


@pytest.mark.parametrize("people", [1, 2])
def test_two_people_are_never_at_one_lift_for_two_jobs(people: int) -> None:
    """Each of the two may do only one of the jobs, so that one of them has to wait."""
    mechanic = Worker(id="a", qualifications={LIFTS: Validity()}, hours=Span(480, 1020))
    officer = Worker(id="b", qualifications={"电梯安全管理员": Validity()}, hours=Span(480, 1020))
    crew = Crew(workers=(mechanic, officer), named=True, work=(Work(of=Selector(task="nothing"), people=people),))
    done = {("EL-1", "half_monthly"): ago(20), ("EL-1", "daily_control"): ago(2)}
    made = plan([LIFT], {}, done, service_day=DAY, now=NOW, crew=crew, policy=Policy(rotation_days=0, effort=50))
    assert {one.task for one in made.items} == {"half_monthly", "daily_control"}
    assert {one.person for one in made.items} == {1, 2}
    given_ = Given(crew, [LIFT])
    assert check(made, given_) == []
    first, second = sorted(made.items, key=lambda one: one.start or time())
    assert first.end is not None
    assert second.start is not None
    assert first.end <= second.start
    moved = replace(second, start=first.start, end=_clock(_at(first.start) + second.minutes))
    together = replace(made, items=tuple(moved if one.key == second.key else one for one in made.items))
    assert any("at the same asset at the same time" in wrong for wrong in check(together, given_))


QUICK = settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.generate], derandomize=True)


@QUICK
@given(seed=st.integers(0, 10_000))
def test_no_job_is_left_out_that_fits_into_a_gap_as_the_list_stands(seed: int) -> None:
    day = day_of(seed)
    made, rules = plan(**day), given_of(day)
    for item in made.left_out:
        if item.left_out is LeftOut.NO_TIME:
            assert not list(_fits(made, item, rules)), item.key


def _at(moment: time | None) -> int:
    return -1 if moment is None else moment.hour * 60 + moment.minute


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)


def _fits(made: InspectionList, item: Item, rules: Given) -> list[tuple[int, int]]:
    """Who could do it and when, with nothing else moved: what the checker has nothing against."""
    found = []
    workers = rules.crew.on(made.service_day)
    for round in made.rounds:
        mine = [one for one in made.items if round.person in one.people]
        ends = [workers[round.person - 1].hours.start, *(_at(one.end) for one in mine), _at(round.lunch_end)]
        begins = [workers[round.person - 1].hours.end, *(_at(one.start) for one in mine), _at(round.lunch_start)]
        for end in ends:
            following = min((begin for begin in begins if begin >= end), default=0)
            for start in range(max(end, 0), following - item.minutes + 1, 3):
                placed = replace(
                    item,
                    number=len(made.items) + 1,
                    person=round.person,
                    start=_clock(start),
                    end=_clock(start + item.minutes),
                    left_out=None,
                    left_out_reason=None,
                    breach=False,
                )
                others = tuple(one for one in made.left_out if one.key != item.key)
                wrong = check(replace(made, items=(*made.items, placed), left_out=others), rules)
                if not [one for one in wrong if "are told" not in one and "covers" not in one]:
                    found.append((round.person, start))
    return found
