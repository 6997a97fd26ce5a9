"""Crew files, goals, scenarios and edge cases: what is wrong is told in clear words, and all at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from facility.assessments import Assessment
from facility.errors import CannotDo, CannotParse, Problems
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import Directive, Ground, InspectionList, Instruction, LeftOut
from facility.requests import Request
from serviceday.planning import Crew, Policy, changed, differences, parse_crew, parse_goal, plan, themes, twice
from serviceday.planning.crew.crew import Span
from serviceday.planning.schedule.verifier import Given, check

DAY = date(2026, 12, 5)  # a Saturday
NOW = datetime(2026, 12, 4, 18, tzinfo=UTC)
QUICK = Policy(effort=20, rotation_days=0)
CREW = """
[day]
from = "08:00"
to = "17:00"
lunch = {from = "11:30", to = "13:30", minutes = 60}
start = "s/1"

[[person]]
id = "zhang"
name = "张伟"
qualifications = ["certified lift worker", "电梯安全管理员"]

[[person]]
id = "li"
qualifications = ["消防设施操作员", {name = "低压电工", until = 2026-12-01}]
to = "12:00"

[[contractor]]
name = "ACME"
people = 2
qualifications = ["消防设施操作员"]
kinds = ["pump_set"]

[[tool]]
name = "camera"
"""


def believed(asset: str, probability: float = 0.9) -> Assessment:
    reason = Text(zh="变差", en="worse")
    known = {"as_of": NOW, "horizon_days": 7, "sensor_probability": 0.0, "score": 1.0, "mode": "", "coverage": 1.0}
    return Assessment(asset=asset, probability=probability, flagged=True, reason=reason, model="m", **known)  # type: ignore[arg-type]


def asset(id_: str, kind: str = "lift", building: str = "1") -> Asset:
    return Asset(id=id_, kind=kind, site="s", building=building)


def made(assets: list[Asset], crew: Crew, **more: object) -> InspectionList:
    beliefs = {one.id: believed(one.id) for one in assets}
    given = {"service_day": DAY, "now": NOW, "crew": crew, "policy": QUICK, **more}
    return plan(assets, beliefs, given.pop("done", {}), **given)  # type: ignore[arg-type]


def test_a_crew_file_is_read_with_its_defaults() -> None:
    crew = parse_crew(CREW)
    zhang, li, first, second = crew.workers
    assert zhang.qualified("电梯作业人员", DAY)
    assert zhang.lunch is not None
    assert (li.name, li.hours, li.lunch) == ("li", Span(480, 720), None), "who works half a day has no lunch"
    assert not li.qualified("低压电工", DAY)
    assert [first.id, second.id, first.contractor] == ["ACME-1", "ACME-2", "ACME"]
    assert crew.tools == {"camera": 1}


def test_every_problem_of_a_crew_file_is_told_with_its_line() -> None:
    wrong = (
        CREW.replace('to = "17:00"', 'to = "7:00"')
        .replace('"电梯安全管理员"', '"wizard"')
        .replace('id = "li"', 'id = "zhang"')
        .replace("people = 2", "people = 0")
        + '[[window]]\nkind = "lft"\nnever = ["7-9"]\n[[work]]\ntools = ["hammer"]\npeople = 3\n[foo]\n'
    )
    with pytest.raises(Problems) as told:
        parse_crew(wrong)
    lines = {int(one.split(":")[0].removeprefix("line ")) for one in told.value.problems}
    numbered = wrong.splitlines()
    named = {numbered[line - 1].split("=")[0].strip() for line in lines}
    assert named == {"to", "qualifications", "id", "people", "[[window]]", "never", "tools", "[foo]"}
    with pytest.raises(CannotParse, match="not TOML"):
        parse_crew("[day")


def test_a_circular_order_names_the_circle() -> None:
    orders = '[[order]]\nfirst = {kind = "lift"}\nthen = {kind = "tank"}\n[[order]]\nfirst = {kind = "tank"}\n'
    with pytest.raises(Problems, match=r"circle: .* before .*lines"):
        parse_crew(CREW + orders + 'then = {kind = "lift"}\n')
    hidden = parse_crew(CREW + orders + 'then = {asset = "EL"}\n')  # a circle only among the day's candidates
    with pytest.raises(CannotDo, match=r"circle: .*EL warning"):
        made([asset("EL"), asset("T", "tank")], hidden)


def test_an_order_is_kept_and_what_waits_in_vain_says_so() -> None:
    rule = '[[order]]\nfirst = {kind = "lift"}\nthen = {kind = "fire_door"}\n'
    crew = parse_crew(CREW + rule)
    assets = [asset("EL"), asset("FD", "fire_door")]
    found = made(assets, crew)
    lift, door = (next(one for one in found.items if one.asset == key) for key in ("EL", "FD"))
    assert lift.end is not None
    assert door.start is not None
    assert lift.end <= door.start
    nobody = replace(crew, workers=crew.workers[1:])
    waits = next(one for one in made(assets, nobody).left_out if one.asset == "FD")
    assert waits.left_out is LeftOut.ORDER
    assert "EL" in (waits.left_out_reason or Text(zh="", en="")).en


def test_what_nobody_may_do_says_whose_certificate_ended() -> None:
    found = made([asset("EF", "electrical_fire")], parse_crew(CREW))
    (out,) = found.left_out
    assert out.left_out is LeftOut.NO_QUALIFICATION
    assert out.left_out_reason is not None
    assert "the certificate of li ended on 2026-12-01" in out.left_out_reason.en
    assert any("low-voltage electrician" in note.en for note in found.notes)


def test_a_day_with_nobody_a_past_day_and_an_asset_nowhere_are_told() -> None:
    off = parse_crew(CREW.replace('id = "zhang"', 'id = "zhang"\noff = [2026-12-05]'))
    nobody = replace(off, workers=off.workers[:1])
    late = {("EL", "half_monthly"): DAY - timedelta(days=20)}
    found = made([Asset(id="EL", kind="lift", site="s")], nobody, done=late, now=NOW + timedelta(days=9))
    assert found.items == ()
    assert {one.left_out for one in found.left_out} == {LeftOut.NOBODY}
    assert found.left_out[0].breach
    assert found.left_out[0].breach_from == DAY - timedelta(days=4)
    words = " ".join(note.en for note in found.notes)
    assert "Statutory items that do not fit: 1" in found.notes[0].en
    assert "lies in the past" in words
    assert "Nobody works on 2026-12-05" in words
    assert "Without a building and without coordinates: 1 (EL)" in words


def test_a_person_on_two_plans_is_told() -> None:
    crew = parse_crew(CREW)
    one, other = made([asset("EL")], crew), replace(made([asset("EL2")], crew), number=7)
    assert "张伟 is on plan 7 for the same day already (08:03-08:28)" in twice(one, [other])[0].en


def test_goals_are_counted_and_come_before_what_is_only_weighed() -> None:
    assets = [asset(f"EL{number}") for number in range(30)] + [asset("N1", "hydrant_zone", "N1")]
    request = Request(id="R1", text="灯不亮", site="s", building="9", reported=DAY - timedelta(days=2), minutes=20)
    beliefs = {one.id: believed(one.id) for one in assets[:-1]}
    crew = replace(parse_crew(CREW), workers=parse_crew(CREW).workers[:2])
    goals = [parse_goal("class=hydrant_zone building=N*"), parse_goal("reported-before=2026-12-05 share=100%")]
    found = plan(
        assets, beliefs, {}, service_day=DAY, now=NOW, crew=crew, policy=QUICK, requests=[request], goals=goals
    )
    assert [one.met for one in found.goals] == [True, True]
    assert {"N1", "R1"} <= {one.asset for one in found.items}
    grounds = {one.asset: one.ground for one in found.items}
    assert (grounds["N1"], grounds["R1"]) == (Ground.GOAL, Ground.REQUEST)


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("", "empty"),
        ("colour=red", "unknown"),
        ("class=", "no value"),
        ("class=teapot", "no class"),
        ("share=120% class=lift", "share"),
        ("share=0.5", "share"),
        ("count=0", "count"),
        ("reported-before=soon", "not a date"),
        ("class=lift class=tank", "twice"),
        ("share=50% count=3", "both"),
        ("category=leak", "reported-before"),
        ("class='lift", "quotation"),
    ],
)
def test_a_goal_that_is_not_understood_is_refused(words: str, what: str) -> None:
    with pytest.raises(CannotParse, match=what):
        parse_goal(words)


def test_scenarios_change_the_crew() -> None:
    crew = parse_crew(CREW)
    assert len(changed(crew, "without=张伟", DAY).workers) == 3
    assert changed(crew, "hours+1", DAY).workers[0].hours == Span(480, 1080)
    more = changed(crew, "add=low-voltage electrician, people-1", DAY)
    assert len(more.workers) == len(crew.workers)
    assert changed(Crew(people=2, hours=8), "people+1,hours-2", DAY) == Crew(people=3, hours=6)
    for wrong in ("people*2", "without=nobody", "add=wizard", "hours-12", "people+0.5"):
        with pytest.raises(CannotParse, match="what-if"):
            changed(crew, wrong, DAY)


def test_a_theme_raises_its_classes() -> None:
    assets = [asset("FD", "fire_door")]
    plain, fire = (made(assets, parse_crew(CREW), themes=themes(one)) for one in ([], ["fire"]))
    assert fire.items[0].harm == pytest.approx(1.5 * plain.items[0].harm)
    with pytest.raises(CannotParse, match="no theme"):
        themes(["carnival"])


def test_locks_pins_and_bans_hold_and_the_rest_stays() -> None:
    crew = parse_crew(CREW.replace('"消防设施操作员", {', '"消防设施操作员", "电梯安全管理员", {'))
    assets = [asset(f"EL{number:02}", building=str(number % 4)) for number in range(40)]
    before = made(assets, crew)
    out, kept = before.left_out[0], before.items[0]
    told = [
        Instruction(asset=out.asset, directive=Directive.PIN, person="li", start=time(9, 30)),
        Instruction(asset=kept.asset, directive=Directive.BAN),
    ]
    after = made(assets, crew, instructions=told, before=before)
    assert check(after, Given(crew, assets, policy=QUICK)) == []
    pinned = next(one for one in after.items if one.asset == out.asset)
    assert (pinned.start, pinned.locked, after.person(pinned.person).id) == (time(9, 30), True, "li")  # type: ignore[union-attr]
    moved = [one for one in differences(before, after) if one.what != "retimed"]
    assert len(moved) <= 6, "what did not have to move stays"
    with pytest.raises(CannotDo, match="does not work that day"):
        made(assets, crew, instructions=[replace(told[0], person="wang")])
    with pytest.raises(CannotDo, match="locked items can't be done"):
        made(assets, crew, instructions=[replace(told[0], start=time(18, 30))])


def test_what_more_would_buy_is_told() -> None:
    crew = parse_crew(CREW)
    assets = [asset(f"EL{number:02}", building=str(number % 5)) for number in range(60)]
    found = made(assets, crew, with_gains=True)
    words = [one.what.en for one in found.gains]
    assert words == ["one more hour for everybody", "one more lift safety officer"]
    assert all(one.harm > 0 and one.items > 0 for one in found.gains)
    assert found.gap is not None
    assert 0 <= found.gap < 0.2


@pytest.mark.parametrize(
    ("words", "spans"),
    [
        ("07:00-09:00", {(420, 540)}),
        ("０７：００－０９：００", {(420, 540)}),
        ("22:00-06:00", {(0, 360), (1320, 1440)}),
        ("22:00～24:00", {(1320, 1440)}),
        ("22:00-00:00", {(1320, 1440)}),
    ],
)
def test_a_span_is_read_as_people_write_it_and_may_reach_over_midnight(words: str, spans: set[tuple[int, int]]) -> None:
    crew = parse_crew(f'[[person]]\nid = "a"\n[[window]]\nkind = "lift"\nnever = ["{words}"]\n')
    assert {(span.start, span.end) for span in crew.windows[0].never} == spans
