"""Plans: tables for the rules, properties for what must hold of every plan."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.assessments import Assessment
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset, Building
from facility.i18n.phrases import Text
from facility.inspections import Ground, InspectionList, Item, LeftOut, Priority
from serviceday.planning import Crew, Policy, plan
from serviceday.planning.solver.travel_times import Stops, natural

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)
LIFT, PUMP = Asset(id="EL-1", kind="lift", building="1"), Asset(id="PS-1", kind="pump_set", building="1", floor="-1")


def believed(asset: str, probability: float, *, flagged: bool = False, sensor: float = 0.0) -> Assessment:
    return Assessment(
        asset=asset,
        as_of=NOW,
        horizon_days=7,
        probability=probability,
        sensor_probability=sensor,
        flagged=flagged,
        score=probability,
        mode="",
        reason=Text(zh="关门变慢", en="doors close slower"),
        coverage=1,
        model="m",
    )


def made(
    assets: Iterable[Asset],
    assessments: Iterable[Assessment] = (),
    done: dict[tuple[str, str], date] | None = None,
    *,
    hours: float = 8,
    people: int = 1,
    policy: Policy = Policy(rotation_days=0),  # noqa: B008
    buildings: Iterable[Building] = (),
) -> InspectionList:
    return plan(
        list(assets),
        {one.asset: one for one in assessments},
        done or {},
        service_day=DAY,
        now=NOW,
        crew=Crew(hours=hours, people=people),
        policy=policy,
        buildings=list(buildings),
    )


def on(items: Iterable[Item]) -> list[tuple[str, str]]:
    return [(item.asset, item.task) for item in items]


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


def test_the_law_comes_before_risk_and_both_are_one_visit() -> None:
    found = made([LIFT], [believed("EL-1", 0.9, flagged=True)], {("EL-1", "half_monthly"): ago(15)})
    assert on(found.items) == [("EL-1", "half_monthly"), ("EL-1", "warning")]
    assert found.rounds[0].travel_minutes == Policy().walk_minutes
    law, risk = found.items
    assert (law.ground, law.due, law.priority) == (Ground.STATUTORY, DAY, Priority.URGENT)
    assert "TSG T5002-2017" in law.reason.en
    assert "last done 2026-02-25" in law.reason.en
    assert "到期" in law.reason.zh or "应于" in law.reason.zh
    assert (risk.ground, risk.priority) == (Ground.RISK, Priority.HIGH)
    assert "doors close slower" in risk.reason.en


def test_what_the_law_wants_and_the_hours_do_not_give_is_a_breach_listed_first() -> None:
    done = {("EL-1", "half_monthly"): ago(20), ("PS-1", "automatic_start"): ago(8), ("PS-1", "flow_test"): ago(10)}
    found = made([LIFT, PUMP], [believed("PS-1", 0.02)], done, hours=0.5)
    assert on(found.items) == [("PS-1", "automatic_start")]
    breach = found.left_out[0]
    assert (breach.asset, breach.breach, breach.left_out) == ("EL-1", True, LeftOut.NO_TIME)
    assert breach.left_out_reason is not None
    assert "needs 78 min with the way there, at most 12 min are left" in breach.left_out_reason.en
    assert {item.left_out for item in found.left_out[1:]} == {LeftOut.NOT_RISKY, LeftOut.NOT_DUE}
    assert found.breaches == (breach,)
    assert "Statutory items that do not fit: 1." in found.notes[0].en


def test_the_longest_overdue_goes_first_among_equals() -> None:
    lifts = [replace(LIFT, id=f"EL-{number}") for number in range(4)]
    done = {(lift.id, "half_monthly"): ago(15 + number) for number, lift in enumerate(lifts)}
    found = made(lifts, done=done, hours=1.5)
    assert on(found.items) == [("EL-3", "half_monthly")]
    assert "overdue by 3 d" in found.items[0].reason.en


def test_not_due_is_left_out_unless_the_next_service_day_is_too_late() -> None:
    done = {("EL-1", "half_monthly"): ago(10)}
    assert [item.left_out for item in made([LIFT], done=done).left_out] == [LeftOut.NOT_DUE]
    ahead = made([LIFT], done=done, policy=Policy(rotation_days=0, next_service_day=DAY + timedelta(days=7)))
    assert on(ahead.items) == [("EL-1", "half_monthly")]
    assert "before the next service day 2026-03-19" in ahead.items[0].reason.en
    too_late = made([LIFT], done=done, hours=0.5, policy=Policy(next_service_day=DAY + timedelta(days=7)))
    assert not any(item.breach for item in too_late.left_out)


def test_done_on_the_day_is_done() -> None:
    found = made([LIFT], done={("EL-1", "half_monthly"): DAY})
    assert found.items == ()
    assert found.left_out == ()


def test_without_a_record_risk_leads_and_nothing_is_called_a_breach() -> None:
    lifts = [replace(LIFT, id=f"EL-{number}") for number in range(60)]
    beliefs = [believed(lift.id, 0.2) for lift in lifts[:3]]
    found = made(lifts, beliefs, policy=Policy())
    risky = [item.asset for item in found.items if item.ground is Ground.RISK]
    assert risky == ["EL-0", "EL-1", "EL-2"]
    assert any(item.ground is Ground.ROTATION for item in found.items), "hours to spare begin the record"
    assert not found.breaches
    assert "60 without a date on record" in found.notes[0].en
    assert "half-monthly" in found.notes[0].en.lower()
    assumed = made(lifts, beliefs, policy=Policy(assume_rotation=True))
    minutes = {
        ground: sum(item.minutes for item in assumed.items if item.ground is ground)
        for ground in (Ground.ROTATION, Ground.RISK)
    }
    assert minutes[Ground.ROTATION] > 10 * minutes[Ground.RISK], "asked for, the rotation goes before risk"


def test_a_turn_by_rotation_comes_once_an_interval_and_not_for_all_at_once() -> None:
    lifts = [replace(LIFT, id=f"EL-{number}", commissioned=date(2020, 1, 1)) for number in range(300)]
    turns: dict[str, int] = {}
    for step in range(15):
        found = plan(
            lifts,
            {},
            {},
            service_day=DAY + timedelta(days=step),
            now=NOW,
            policy=Policy(rotation_days=1, assume_rotation=True),
            crew=Crew(people=1, hours=1),
        )
        due = [item.asset for item in (*found.items, *found.left_out) if item.task == "half_monthly"]
        assert 5 <= len(due) <= 45
        for asset in due:
            turns[asset] = turns.get(asset, 0) + 1
    assert turns == {lift.id: 1 for lift in lifts}


def test_a_suspect_sensor_is_looked_at() -> None:
    found = made([PUMP], [believed("PS-1", 0.02, sensor=0.8)])
    assert on(found.items) == [("PS-1", "sensor")]
    assert found.items[0].ground is Ground.SENSOR


def test_what_is_unknown_is_noted() -> None:
    old = replace(believed("EL-1", 0.5), as_of=NOW - timedelta(days=30))
    notes = " ".join(note.en for note in made([LIFT, PUMP], [old]).notes)
    assert "Not assessed: 1 assets." in notes
    assert "more than 7 days older than the service day: 1," in notes


def test_a_round_is_walked_site_by_site_building_by_building_floor_by_floor() -> None:
    places = [("n", "2号楼", "3"), ("n", "10号楼", "1"), ("s", "1", "B1"), ("n", "2号楼", "-1"), ("s", "1", "12F")]
    assets = [
        Asset(id=f"A{number}", kind="smoke_detector", site=site, building=building, floor=floor)
        for number, (site, building, floor) in enumerate(places)
    ]
    found = made(assets, [believed(asset.id, 0.9, flagged=True) for asset in reversed(assets)])
    assert [item.asset for item in found.items] == ["A3", "A0", "A1", "A2", "A4"]
    assert [item.number for item in found.items] == [1, 2, 3, 4, 5]
    assert found.travel_minutes == 5 * 3 + 8 + 30


def test_far_away_loses_to_near_when_the_way_eats_the_day() -> None:
    assets = [Asset(id=f"near-{n}", kind="lift", latitude=52.5 + n / 1000, longitude=13.4) for n in range(5)]
    assets.append(Asset(id="far", kind="lift", latitude=48.1, longitude=11.6))
    beliefs = [believed(asset.id, 0.5, flagged=True) for asset in assets[:-1]] + [believed("far", 0.7, flagged=True)]
    found = made(assets, beliefs, hours=4)
    assert [item.asset for item in found.items] == [f"near-{n}" for n in range(5)]
    both = made(assets, beliefs, hours=4, people=2)
    assert {item.asset for item in both.items if item.person == 2} == {"far"}


@pytest.mark.parametrize(("people", "hours"), [(0, 8), (1, 0), (1, 25), (1, -1), (1, float("nan"))])
def test_a_crew_that_cannot_work_is_refused(people: int, hours: float) -> None:
    with pytest.raises(CannotDo):
        Crew(people=people, hours=hours)


KINDS = sorted(catalogue())
ESTATES = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        st.sampled_from(["s", "t"]),
        st.sampled_from(["", "1", "2", "10号楼"]),
        st.one_of(st.none(), st.floats(50, 51)),
        st.floats(0, 1),
        st.booleans(),
        st.integers(0, 400) | st.none(),
    ),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(
    rows=ESTATES,
    hours=st.floats(0.2, 10),
    people=st.integers(1, 3),
    assume=st.booleans(),
    ahead=st.booleans(),
    seed=st.integers(0, 9),
)
def test_what_holds_of_every_plan(
    rows: list[tuple[str, str, str, float | None, float, bool, int | None]],
    hours: float,
    people: int,
    assume: bool,
    ahead: bool,
    seed: int,
) -> None:
    assets, beliefs, done = [], [], {}
    for number, (kind, site, building, latitude, probability, flagged, days) in enumerate(rows):
        key = f"A{number}"
        longitude = None if latitude is None else 8.0
        assets.append(Asset(id=key, kind=kind, site=site, building=building, latitude=latitude, longitude=longitude))
        beliefs.append(believed(key, probability, flagged=flagged, sensor=1 - probability))
        if days is not None:
            done |= {(key, duty): ago(days) for duty in catalogue()[kind].duties}
    policy = Policy(effort=20, assume_rotation=assume, next_service_day=DAY + timedelta(days=7) if ahead else None)
    found = made(assets, beliefs, done, hours=hours, people=people, policy=policy)

    shuffled = assets.copy()
    random.Random(seed).shuffle(shuffled)
    assert made(shuffled, reversed(beliefs), done, hours=hours, people=people, policy=policy) == found

    crew = Crew(people=people, hours=hours)
    assert len(found.rounds) == people
    for one in found.rounds:
        assert one.work_minutes + one.travel_minutes <= crew.minutes, "never over hours"
        assert one.work_minutes == sum(item.minutes for item in found.items if item.person == one.person)

    everything = [(one.asset, task) for one in (*found.items, *found.left_out) for task in one.tasks]
    assert len(everything) == len(set(everything)), "in or out, once"
    assert {key for key, task in everything if task == "warning"} == {asset.id for asset in assets}
    recorded = {key for key, on_day in done.items() if on_day < DAY}
    assert recorded <= set(everything), "every duty with a date is in or out"
    assert all(item.left_out is None and item.person for item in found.items)
    for item in found.left_out:
        assert item.left_out is not None
        assert item.left_out_reason is not None
        assert not item.person
    assert [item.number for item in found.items] == list(range(1, len(found.items) + 1))
    breaches = [item.breach for item in found.left_out]
    assert breaches == sorted(breaches, reverse=True), "breaches first"
    assert all(item.ground is Ground.STATUTORY and item.due and item.due <= DAY for item in found.breaches)


@given(st.lists(st.tuples(st.floats(-80, 80), st.floats(-180, 180)), min_size=1, max_size=8))
def test_ways_are_symmetric_and_whole(points: list[tuple[float, float]]) -> None:
    assets = [Asset(id=str(n), kind="lift", latitude=a, longitude=b) for n, (a, b) in enumerate(points)]
    stops = Stops(assets, (), Policy())
    rows = [stops.minutes_from(stop) for stop in range(len(stops))]
    for here, row in enumerate(rows):
        assert row[here] == 0
        assert all(row[there] == rows[there][here] and row[there] == int(row[there]) for there in range(len(stops)))


def test_floors_sort_as_people_walk_them() -> None:
    floors = ["12F", "1", "B2", "-1", "2", "屋面", "B1F"]
    assert sorted(floors, key=natural) == ["B2", "-1", "B1F", "1", "2", "12F", "屋面"]
