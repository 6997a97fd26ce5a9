"""Goals that can be counted: what each counts, how much of it is wanted, and what it pulls onto the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotParse
from facility.estate import Asset
from facility.inspections import GoalResult, Ground, LeftOut
from facility.requests import Request
from serviceday.planning import Policy
from serviceday.planning.demand.candidates import Candidates, Tier, gather
from serviceday.planning.demand.goals import Goal, apply_goals, parse_goal

DAY = date(2026, 3, 12)
LIFTS = [Asset(id=f"EL-{number}", kind="lift", site="s", building=f"N{number}") for number in range(1, 5)]
ZONES = [Asset(id=f"HZ-{number}", kind="hydrant_zone", site="t", building="M") for number in range(1, 4)]


def asked(number: int, **more: object) -> Request:
    plain = Request(id=f"R-{number}", text="x", reported=DAY - timedelta(days=5), building="N1", minutes=10 * number)
    return replace(plain, **more)  # type: ignore[arg-type]


def gathered(
    assets: Sequence[Asset] = (),
    done: dict[tuple[str, str], date] | None = None,
    requests: Sequence[Request] = (),
) -> Candidates:
    return gather(assets, {}, done or {}, service_day=DAY, policy=Policy(rotation_days=0), requests=requests)


def applied(words: str, candidates: Candidates, requests: Sequence[Request] = ()) -> tuple[Candidates, GoalResult]:
    after, counted = apply_goals(candidates, [parse_goal(words)], requests, DAY)
    return after, counted[0].result([one.item for one in after.possible if one.tier is Tier.GOAL])


def wanted(candidates: Candidates) -> list[tuple[str, str]]:
    return sorted(one.item.key for one in candidates.possible if one.tier is Tier.GOAL)


# Words ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "goal"),
    [
        ("class=lift", Goal(text="class=lift", narrowed=(("class", ("lift",)),))),
        (
            "building=N1,N2 class=lift share=80%",
            Goal(
                text="building=N1,N2 class=lift share=80%",
                narrowed=(("class", ("lift",)), ("building", ("N1", "N2"))),
                share=0.8,
            ),
        ),
        ("asset=* count=3", Goal(text="asset=* count=3", narrowed=(("asset", ("*",)),), count=3)),
        (
            "category=water reported-before=2026-03-12 share=100%",
            Goal(
                text="category=water reported-before=2026-03-12 share=100%",
                narrowed=(("category", ("water",)),),
                reported_before=DAY,
            ),
        ),
        ("due-before=2026-03-12", Goal(text="due-before=2026-03-12", due_before=DAY)),
        ("class=l*", Goal(text="class=l*", narrowed=(("class", ("l*",)),))),
    ],
)
def test_a_goal_is_read_as_it_is_written(words: str, goal: Goal) -> None:
    assert parse_goal(words) == goal


@pytest.mark.parametrize(
    "words",
    [
        "",
        "class",
        "class=",
        "klass=lift",
        "class=lift class=lift",
        "class=lift,airship",
        "class=lift share=80% count=3",
        "reported-before=2026-03-12 due-before=2026-03-12",
        "category=water",
        "category=water due-before=2026-03-12",
        "due-before=12.3.2026",
        "class=lift share=0%",
        "class=lift share=100.1%",
        "class=lift share=0.8",
        "class=lift share=x%",
        "class=lift share=nan%",
        "class=lift count=0",
        "class=lift count=-1",
        "class=lift count=1.5",
        "class='lift",
    ],
)
def test_what_is_not_understood_is_refused(words: str) -> None:
    with pytest.raises(CannotParse):
        parse_goal(words)


@pytest.mark.parametrize(
    ("words", "total", "count"),
    [
        ("class=lift", 7, 7),
        ("class=lift share=50%", 7, 4),
        ("class=lift share=10%", 30, 3),
        ("class=lift share=1%", 1, 1),
        ("class=lift count=3", 7, 3),
        ("class=lift count=9", 7, 7),
        ("class=lift", 0, 0),
    ],
)
def test_a_share_is_rounded_up_and_a_count_is_no_more_than_there_is(words: str, total: int, count: int) -> None:
    assert parse_goal(words).wanted(total) == count


# Assets --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "assets"),
    [
        ("class=lift", ["EL-1", "EL-2", "EL-3", "EL-4"]),
        ("class=lift building=N1,N3", ["EL-1", "EL-3"]),
        ("class=* site=t", ["HZ-1", "HZ-2", "HZ-3"]),
        ("asset=*-2", ["EL-2", "HZ-2"]),
        ("building=N*", ["EL-1", "EL-2", "EL-3", "EL-4"]),
        ("class=lift site=t", []),
    ],
)
def test_assets_are_counted_once_and_looked_at_where_there_is_nothing_else_to_do(words: str, assets: list[str]) -> None:
    after, result = applied(words, gathered(LIFTS + ZONES))
    assert wanted(after) == [(asset, "inspection") for asset in assets]
    assert (result.total, result.wanted, result.planned) == (len(assets), len(assets), len(assets))
    for one in after.possible:
        assert one.value == 1.0
        about = catalogue()[one.item.kind]
        assert (one.item.ground, one.item.minutes) == (Ground.GOAL, about.inspect_minutes)
        assert one.item.qualification == about.qualification
        assert words in one.item.reason.en


def test_one_task_at_an_asset_is_enough_and_the_laws_is_taken_first() -> None:
    done = {("EL-1", "yearly"): DAY - timedelta(days=500), ("EL-1", "half_monthly"): DAY - timedelta(days=500)}
    found = gathered(LIFTS[:2], done, [asked(1, asset="EL-2", minutes=9), asked(2, asset="EL-2", minutes=5)])
    after, result = applied("class=lift", found)
    assert wanted(after) == [("EL-2", "request:R-2")], "the shorter one; what the law asks for stands already"
    assert {one.tier for one in after.possible if one.item.asset == "EL-1"} == {Tier.LAW}
    assert (result.total, result.wanted) == (2, 2)
    planned = [one.item for one in after.possible if one.item.asset == "EL-1"]
    goal, counted = apply_goals(found, [parse_goal("class=lift")], (), DAY)
    assert counted[0].result(planned).planned == 1
    assert len(goal.possible) == len(found.possible)


def test_of_a_part_the_shortest_are_taken() -> None:
    requests = [asked(number, asset=f"EL-{number}") for number in (1, 2, 3, 4)]
    after, result = applied("class=lift count=2", gathered(LIFTS, requests=requests), requests)
    assert wanted(after) == [("EL-1", "request:R-1"), ("EL-2", "request:R-2")]
    assert (result.total, result.wanted, result.planned, result.met) == (4, 2, 2, True)


def test_places_of_requests_are_no_assets() -> None:
    requests = [asked(1), asked(2)]
    after, result = applied("building=N1", gathered(LIFTS, requests=requests), requests)
    assert wanted(after) == [("EL-1", "inspection")]
    assert result.total == 1


# Requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("reported-before=2026-03-12", [1, 2, 3]),
        ("reported-before=2026-03-07", []),
        ("reported-before=2026-03-08", [1, 2]),
        ("reported-before=2026-03-12 category=water", [2]),
        ("reported-before=2026-03-12 count=2", [1, 2]),
        ("reported-before=2026-03-12 building=N9", []),
    ],
)
def test_open_requests_are_counted_by_when_they_came_in(words: str, numbers: list[int]) -> None:
    requests = [asked(1), asked(2, category="water"), asked(3, reported=DAY - timedelta(days=1)), asked(4, closed=DAY)]
    after, result = applied(words, gathered(LIFTS, requests=requests), requests)
    assert wanted(after) == [(f"R-{number}", f"request:R-{number}") for number in numbers]
    assert result.planned == len(numbers)
    assert all(one.value == 1.0 for one in after.possible if one.tier is Tier.GOAL)


# Duties --------------------------------------------------------------------------------------------------------------


def test_duties_not_due_yet_are_pulled_onto_the_list_by_a_goal() -> None:
    done = {
        ("EL-1", "half_monthly"): DAY - timedelta(days=10),  # due in five days
        ("EL-2", "half_monthly"): DAY - timedelta(days=5),  # due in ten days
        ("EL-3", "half_monthly"): DAY - timedelta(days=30),  # overdue: the law has it
    }
    found = gathered(LIFTS, done)
    assert {item.asset for item in found.refused} == {"EL-1", "EL-2"}
    after, result = applied(f"class=lift due-before={DAY + timedelta(days=10)}", found)
    assert wanted(after) == [("EL-1", "half_monthly")], "before that day, not on it"
    assert [item.asset for item in after.refused] == ["EL-2"]
    pulled = next(one.item for one in after.possible if one.item.asset == "EL-1")
    assert (pulled.left_out, pulled.left_out_reason) == (None, None)
    assert (result.total, result.wanted, result.planned) == (2, 2, 1), "the overdue one is counted too"
    elsewhere, nothing = applied(f"site=t due-before={DAY + timedelta(days=10)}", found)
    assert (elsewhere.refused, nothing.total) == (found.refused, 0)


def test_what_is_left_out_for_another_reason_stays_out() -> None:
    found = gathered(LIFTS[:1], {("EL-1", "half_monthly"): DAY - timedelta(days=10)})
    unlikely = [replace(item, left_out=LeftOut.NOT_RISKY) for item in found.refused]
    after, result = applied("due-before=2026-04-12", replace(found, refused=unlikely))
    assert (after.possible, after.refused, result.total) == ([], unlikely, 0)


def test_requests_and_warnings_are_no_duties() -> None:
    requests = [asked(1, promised=DAY)]
    _, result = applied("due-before=2026-04-12", gathered(LIFTS, requests=requests), requests)
    assert result.total == 0


# Results -------------------------------------------------------------------------------------------------------------


def test_a_result_says_whether_it_is_met_missed_or_empty() -> None:
    found = gathered(LIFTS)
    after, counted = apply_goals(found, [parse_goal("class=lift count=2"), parse_goal("class=lift site=t")], (), DAY)
    items = [one.item for one in after.possible]
    results = [counted[0].result(items[:count]) for count in (1, 2, 3)]
    assert [result.met for result in results] == [False, True, True]
    ends = ["missed", "met", "met"]
    assert [result.what.en.split(": ")[-1] for result in results] == ends
    assert "1 of 4 on the list, 2 wanted" in results[0].what.en
    single = replace(counted[0], assets=counted[0].assets[:1])
    assert single.result(items).what.en.endswith(": met")
    nothing = counted[1].result(items)
    assert (nothing.total, nothing.planned) == (0, 0)
    assert nothing.what.en not in {result.what.en for result in results}
