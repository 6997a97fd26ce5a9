"""Work is shared evenly where that costs next to nothing, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset, Building
from facility.inspections import InspectionList
from serviceday.planning import Crew, Policy, parse_crew, plan
from serviceday.planning.schedule.verifier import Given, check

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)
QUICK = Policy(effort=200, rotation_days=0)
TWO = """
[day]
start = "s/1"
[[person]]
id = "li"
qualifications = ["电梯作业人员"]
[[person]]
id = "zhang"
qualifications = ["电梯作业人员"]
"""


def made(assets: list[Asset], crew: Crew, **more: object) -> InspectionList:
    done = {(one.id, "half_monthly"): DAY - timedelta(days=15) for one in assets}
    buildings = [Building(id=str(number), site="s", latitude=31.2 + number / 500, longitude=121.4) for number in (1, 2)]
    found = plan(assets, {}, done, service_day=DAY, now=NOW, crew=crew, buildings=buildings, policy=QUICK, **more)  # type: ignore[arg-type]
    assert check(found, Given(crew, assets, buildings, [], QUICK)) == []
    assert not found.breaches
    return found


def lifts(count: int, building: str = "1") -> list[Asset]:
    return [Asset(id=f"EL-{building}{number}", kind="lift", site="s", building=building) for number in range(count)]


def busy(found: InspectionList) -> list[int]:
    return [one.work_minutes + one.travel_minutes for one in found.rounds]


def test_a_light_day_is_shared_between_people_of_the_same_qualification() -> None:
    crew = parse_crew(TWO)
    even, uneven = made(lifts(6), crew), made(lifts(6), replace(crew, even=False))
    assert sorted((len(even.items), len(uneven.items))) == [6, 6]
    assert max(busy(even)) - min(busy(even)) <= 10
    assert sum(busy(even)) <= sum(busy(uneven)) + 0.1 * max(busy(uneven))


def test_one_more_person_is_not_sent_out_for_a_way_that_costs_more_than_it_evens() -> None:
    crew = parse_crew(TWO.replace('start = "s/1"', 'start = {name = "far", latitude = 31.5, longitude = 121.4}'))
    found = made(lifts(3), crew)
    assert sorted(one > 0 for one in busy(found)) == [False, True]


def test_who_lacks_the_qualification_is_given_nothing() -> None:
    found = made(lifts(4), parse_crew(TWO.replace('id = "li"\nqualifications = ["电梯作业人员"]', 'id = "li"')))
    assert found.rounds[0].work_minutes == 0


def test_replanning_does_not_share_anew() -> None:
    crew = parse_crew(TWO)
    uneven = made(lifts(6), replace(crew, even=False))
    again = made(lifts(6), crew, before=uneven)
    assert {one.key: one.person for one in again.items} == {one.key: one.person for one in uneven.items}


def test_even_is_true_or_false() -> None:
    with pytest.raises(Exception, match=r"even = 3; write true or false"):
        parse_crew("[day]\neven = 3\n" + TWO.replace("[day]\n", ""))
    assert not parse_crew("[day]\neven = false\n" + TWO.replace("[day]\n", "")).even


def test_a_lift_is_stopped_for_its_maintenance_unless_the_crew_file_says_otherwise() -> None:
    assert catalogue()["lift"].duties["half_monthly"].out_of_service
    assert all(one.out_of_service for one in made(lifts(2), parse_crew(TWO)).items)
    running = TWO + '[[work]]\nkind = "lift"\nout_of_service = false\n'
    assert not any(one.out_of_service for one in made(lifts(2), parse_crew(running)).items)


def test_only_the_crew_file_keeps_two_lifts_of_a_building_from_being_stopped_at_once() -> None:
    """What the catalogue says is told to residents; that no two may be out together is the planner's decision."""
    crew = parse_crew(TWO)
    assert sorted(map(len, (one.stops for one in made(lifts(6), crew).rounds))) == [1, 1]
    alone = parse_crew(TWO + '[[work]]\nkind = "lift"\nout_of_service = true\n')
    assert sorted(map(len, (one.stops for one in made(lifts(6), alone).rounds))) == [0, 1]
