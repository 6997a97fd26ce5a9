"""What is not on a list, and what a planner should know of it as a whole: every reason is the true one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from facility.assessments import Assessment, Knowledge
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import InspectionList, Item, LeftOut
from facility.requests import Request
from serviceday.planning import Crew, Policy, plan, twice
from serviceday.planning.crew.crew import Hours, Lunch, Order, Selector, Span, Validity, Work, Worker

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)
LIFT = Asset(id="EL-1", kind="lift", site="s", building="1")
MECHANIC, FIRE = "电梯作业人员", "消防设施操作员"
YEARLY = {("EL-1", "yearly"): DAY - timedelta(days=500)}
POLICY = Policy(rotation_days=0, effort=50, walk_minutes=0)


def worker(number: str = "p1", **more: object) -> Worker:
    plain = Worker(id=number, name=f"N{number}", qualifications={MECHANIC: Validity(), FIRE: Validity()})
    return replace(plain, **more)  # type: ignore[arg-type]


def planned(
    crew: Crew | Sequence[Worker],
    done: Mapping[tuple[str, str], date] = YEARLY,
    assets: Sequence[Asset] = (LIFT,),
    *,
    beliefs: Sequence[Assessment] = (),
    requests: Sequence[Request] = (),
    policy: Policy = POLICY,
    now: datetime = NOW,
) -> InspectionList:
    crew = crew if isinstance(crew, Crew) else Crew(workers=tuple(crew), named=True)
    return plan(
        list(assets),
        {one.asset: one for one in beliefs},
        dict(done),
        service_day=DAY,
        now=now,
        crew=crew,
        policy=policy,
        requests=requests,
    )


def left(answer: InspectionList, task: str = "yearly") -> Item:
    return next(item for item in answer.left_out if item.task == task)


def words(item: Item) -> str:
    assert item.left_out_reason is not None
    return item.left_out_reason.en


def notes(answer: InspectionList) -> str:
    return "\n".join(note.en for note in answer.notes)


# Reasons -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("validity", "reason", "said"),
    [
        (Validity(until=DAY), None, ""),
        (Validity(since=DAY), None, ""),
        (Validity(until=DAY - timedelta(days=1)), LeftOut.NO_QUALIFICATION, "of Np1 ended on 2026-03-11"),
        (Validity(since=DAY + timedelta(days=1)), LeftOut.NO_QUALIFICATION, "nobody who works that day is qualified"),
        (None, LeftOut.NO_QUALIFICATION, "nobody who works that day is qualified"),
    ],
)
def test_a_certificate_that_does_not_hold_is_named(
    validity: Validity | None, reason: LeftOut | None, said: str
) -> None:
    answer = planned([worker(qualifications={} if validity is None else {MECHANIC: validity})])
    assert len(answer.items) == (reason is None)
    if reason is not None:
        item = left(answer)
        assert item.left_out is reason
        assert said in words(item)
        assert ("ended on" in words(item)) == ("ended on" in said)
        assert "can't be planned: 1" in notes(answer)
    else:
        assert "can't be planned" not in notes(answer)


def test_people_who_could_but_are_off_are_told_of() -> None:
    off = worker("p2", off=frozenset({DAY}))
    answer = planned([worker(qualifications={}), off])
    assert "off that day" in words(left(answer))
    lapsed = worker("p2", off=frozenset({DAY}), qualifications={MECHANIC: Validity(until=DAY - timedelta(days=9))})
    assert "off that day" not in words(left(planned([worker(qualifications={}), lapsed])))


def test_nobody_works() -> None:
    answer = planned([worker(off=frozenset({DAY}))])
    item = left(answer)
    assert (item.left_out, item.breach) == (LeftOut.NOBODY, True)
    assert "nobody works on 2026-03-12" in words(item)
    assert "Nobody works on 2026-03-12" in notes(answer)
    assert "can't be planned" not in notes(answer)
    assert "Nobody works" not in notes(planned([worker()]))


@pytest.mark.parametrize(("minutes", "fits"), [(385, True), (384, False)])
def test_the_minutes_that_were_missing_are_the_minutes_that_were_missing(minutes: int, fits: bool) -> None:
    answer = planned([worker(hours=Span(480, 480 + minutes))])
    assert len(answer.items) == fits
    if not fits:
        item = left(answer)
        assert item.left_out is LeftOut.NO_TIME
        assert f"needs 385 min with the way there, at most {minutes} min are left" in words(item)


def test_the_minutes_are_those_of_whoever_lacks_least() -> None:
    crew = [
        worker("p1", hours=Span(480, 540)),
        worker("p2", hours=Span(480, 640)),
        worker("p3", hours=Span(480, 2 * 480), qualifications={}),
    ]
    assert "at most 160 min are left" in words(left(planned(crew)))


def test_what_is_planned_already_and_the_ways_to_it_are_not_left() -> None:
    other = replace(LIFT, id="EL-2", building="2")
    done = YEARLY | {("EL-2", "yearly"): DAY - timedelta(days=400)}
    answer = planned([worker(hours=Span(480, 480 + 505))], done, [LIFT, other])
    assert [item.asset for item in answer.items] == ["EL-1"]
    assert "needs 393 min with the way there, at most 120 min are left" in words(left(answer))


@pytest.mark.parametrize(
    ("opening", "reason"),
    [
        (Span(480, 865), None),
        (Span(575, 959), LeftOut.WINDOW),
        (Span(300, 480), LeftOut.WINDOW),
        (Span(575, 960), None),
        (Span(576, 961), LeftOut.WINDOW),
    ],
)
def test_a_window_in_which_nobody_works_is_the_reason(opening: Span, reason: LeftOut | None) -> None:
    crew = Crew(
        workers=(worker(hours=Span(480, 960)),), named=True, windows=(Hours(of=Selector(kind="lift"), open=(opening,)),)
    )
    answer = planned(crew)
    assert len(answer.items) == (reason is None)
    if reason is not None:
        assert left(answer).left_out is reason
        assert "open to work" in words(left(answer))


def test_longer_than_anybodys_day_is_a_matter_of_time_and_not_of_the_window() -> None:
    crew = Crew(
        workers=(worker(hours=Span(480, 600)),),
        named=True,
        windows=(Hours(of=Selector(kind="lift"), open=(Span(0, 1440),)),),
    )
    item = left(planned(crew))
    assert item.left_out is LeftOut.NO_TIME
    whole_day = Crew(
        workers=(worker(hours=Span(480, 865)),),
        named=True,
        windows=(Hours(of=Selector(kind="lift"), open=(Span(0, 480),)),),
    )
    assert left(planned(whole_day)).left_out is LeftOut.WINDOW


def test_minutes_enough_but_no_gap() -> None:
    crew = Crew(
        workers=(worker(hours=Span(480, 960), lunch=Lunch(within=Span(600, 660), minutes=30)),),
        named=True,
        windows=(Hours(of=Selector(kind="lift"), open=(Span(480, 761),)),),
    )
    two = [LIFT, replace(LIFT, id="EL-2")]
    answer = planned(crew, {(asset.id, "quarterly"): DAY - timedelta(days=300) for asset in two} | YEARLY, two)
    item = answer.left_out[0]
    assert item.left_out is LeftOut.NO_TIME
    assert "There are minutes enough" in words(item), words(item)


def test_tools_pairs_and_orders_are_reasons_of_their_own() -> None:
    tool = Crew(workers=(worker(),), named=True, work=(Work(of=Selector(kind="lift"), tools=frozenset({"lamp"})),))
    assert left(planned(tool)).left_out is LeftOut.NO_TOOL
    pair = Crew(workers=(worker(),), named=True, work=(Work(of=Selector(kind="lift"), people=2),))
    assert left(planned(pair)).left_out is LeftOut.TWO_PEOPLE
    apart = (worker("p1", hours=Span(360, 600)), worker("p2", hours=Span(600, 840)))
    never = left(planned(replace(pair, workers=apart)))
    assert (never.left_out, "at the same time" in words(never)) == (LeftOut.NO_TIME, True)
    together = planned(replace(pair, workers=(worker("p1"), worker("p2"))))
    assert [item.task for item in together.items] == ["yearly"]
    helper = worker("p2", qualifications={})
    assert left(planned(replace(pair, workers=(worker("p1"), helper)))).left_out is LeftOut.TWO_PEOPLE
    any_second = Crew(
        workers=(worker("p1"), helper), named=True, work=(Work(of=Selector(kind="lift"), people=2, second_any=True),)
    )
    assert len(planned(any_second).items) == 1


def test_what_waits_for_other_work_names_it() -> None:
    zone = Asset(id="HZ-1", kind="hydrant_zone", site="s", building="1")
    pump = Asset(id="PS-1", kind="pump_set", site="s", building="1")
    crew = Crew(
        workers=(worker(qualifications={FIRE: Validity()}),),
        named=True,
        orders=(Order(first=Selector(kind="pump_set"), then=Selector(kind="hydrant_zone")),),
        work=(Work(of=Selector(kind="pump_set"), tools=frozenset({"key"})),),
    )
    done = {("HZ-1", "end_test"): DAY - timedelta(days=900), ("PS-1", "flow_test"): DAY - timedelta(days=900)}
    item = left(planned(crew, done, [zone, pump]), "end_test")
    assert item.left_out is LeftOut.ORDER
    assert "at PS-1" in words(item)


# What breaks the law -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "breach"), [(0, True), (9, True), (-1, False)])
def test_what_the_law_wanted_by_the_day_and_is_not_done_is_a_breach_from_the_day_after_it_was_due(
    late: int, breach: bool
) -> None:
    policy = replace(POLICY, next_service_day=DAY + timedelta(days=30))
    last = DAY - timedelta(days=15 + late)
    answer = planned([worker(hours=Span(480, 490))], {("EL-1", "half_monthly"): last}, policy=policy)
    item = left(answer, "half_monthly")
    first = DAY - timedelta(days=late - 1)
    assert (item.breach, item.breach_from) == (breach, first)
    assert (f"broken from {first} on: Not enough hours" in words(item)) == breach
    assert (
        f"do not fit: 1. More hours are needed; the first due date is broken from {first}" in notes(answer)
    ) == breach


def test_good_practice_that_does_not_fit_breaks_nothing() -> None:
    circuit = Asset(id="LC-1", kind="lighting_circuit", site="s", building="1")
    answer = planned([worker()], {("LC-1", "spot_check"): DAY - timedelta(days=900)}, [circuit])
    assert not left(answer, "spot_check").breach
    assert "do not fit" not in notes(answer)


def test_breaches_come_first_then_by_urgency_then_by_worth_and_at_last_what_need_not_be_done() -> None:
    assets = [replace(LIFT, id=f"EL-{number}") for number in range(1, 6)]
    done = {
        ("EL-1", "half_monthly"): DAY - timedelta(days=40),
        ("EL-2", "half_monthly"): DAY - timedelta(days=20),
        ("EL-3", "yearly"): DAY - timedelta(days=10),
    }
    beliefs = [belief("EL-4", 0.6, flagged=True), belief("EL-5", 0.3), belief("EL-3", 0.04), belief("EL-2", 0.2)]
    answer = planned([worker(hours=Span(480, 481))], done, assets, beliefs=beliefs)
    order = [(item.asset, item.task) for item in answer.left_out]
    assert order == [
        ("EL-1", "half_monthly"),  # later than
        ("EL-2", "half_monthly"),
        ("EL-4", "warning"),
        ("EL-5", "warning"),
        ("EL-2", "warning"),
        ("EL-3", "warning"),  # not risky
        ("EL-3", "half_monthly"),  # not due, being done with the yearly one
        ("EL-3", "quarterly"),
        ("EL-3", "half_yearly"),
        ("EL-3", "yearly"),
    ]


# Notes ---------------------------------------------------------------------------------------------------------------


def belief(asset: str, probability: float, **more: object) -> Assessment:
    plain = Assessment(
        asset=asset,
        as_of=NOW,
        horizon_days=7,
        probability=probability,
        sensor_probability=0.0,
        flagged=False,
        score=probability,
        mode="",
        reason=Text(zh="变差", en="worse"),
        coverage=1,
        model="m",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def test_what_is_not_known_of_assets_is_counted_by_kind_of_not_knowing() -> None:
    assets = [replace(LIFT, id=f"EL-{number}") for number in range(1, 8)]
    beliefs = [belief("EL-1", 0.3), belief("EL-2", 0, state=Knowledge.NEVER_HEARD)]
    beliefs += [belief(f"EL-{number}", 0, state=Knowledge.TOO_LITTLE) for number in (3, 4)]
    said = notes(planned([worker()], {}, assets, beliefs=beliefs))
    assert "Never heard: 1 assets" in said
    assert "Too little data: 2 assets" in said
    assert "Not assessed: 3 assets" in said
    assert "assets. Their risk" not in notes(planned([worker()], {}, assets[:1], beliefs=beliefs[:1]))


@pytest.mark.parametrize(("age", "old"), [(7, False), (8, True), (30, True)])
def test_old_assessments_are_told_with_the_oldest(age: int, old: bool) -> None:
    oldest = datetime(2026, 3, 12, 9, tzinfo=UTC) - timedelta(days=age)
    beliefs = [belief("EL-1", 0.3, as_of=oldest), belief("EL-2", 0.3)]
    said = notes(planned([worker()], {}, [LIFT, replace(LIFT, id="EL-2")], beliefs=beliefs))
    assert (f"more than 7 days older than the service day: 1, the oldest of {oldest:%Y-%m-%d}" in said) == old


@pytest.mark.parametrize(("now", "past"), [(0, False), (1, True), (-3, False)])
def test_a_day_in_the_past_is_for_comparison_only(now: int, past: bool) -> None:
    answer = planned([worker()], now=datetime(2026, 3, 12, 9, tzinfo=UTC) + timedelta(days=now))
    assert ("lies in the past" in notes(answer)) == past


@pytest.mark.parametrize("count", [1, 3, 4])
def test_assets_that_stand_nowhere_are_named_up_to_three(count: int) -> None:
    assets = [Asset(id=f"EL-{number}", kind="lift") for number in range(count)]
    somewhere = [LIFT, Asset(id="P", kind="lift", latitude=31.0, longitude=121.0)]
    said = notes(planned([worker()], {}, [*assets, *somewhere]))
    named = ", ".join(asset.id for asset in assets[:3]) + (" ..." if count > 3 else "")
    assert f"without coordinates: {count} ({named})" in said
    assert "without coordinates" not in notes(planned([worker()], {}, somewhere))


def test_duties_without_a_date_are_told_with_the_most_that_lack_one() -> None:
    assets = [LIFT, replace(LIFT, id="EL-2")]
    said = notes(planned([worker()], YEARLY, assets))
    names = [duty.name.en for duty in catalogue()["lift"].duties.values() if not duty.routine]
    assert f"{catalogue()['lift'].name.en}: 2 without a date on record for {', '.join(names)}" in said


def test_people_on_two_lists_of_a_day_are_told_with_their_hours() -> None:
    first = planned([worker("p1"), worker("p2")])
    other = replace(planned([worker("p1")]), number=7)
    told = [note.en for note in twice(first, [other])]
    busy = {person.id for person in first.persons if any(person.number in item.people for item in first.items)}
    item = other.items[0]
    assert (item.start, item.end) != (None, None)
    assert len(told) == ("p1" in busy)
    assert told == [f"Np1 is on plan 7 for the same day already ({item.start:%H:%M}-{item.end:%H:%M}): planned twice"]
    assert twice(first, [replace(other, items=())]) == []
    assert twice(first, []) == []
