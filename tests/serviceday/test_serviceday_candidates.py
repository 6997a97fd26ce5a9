"""What could be done on a day: why it is a candidate, how it ranks, and what it is worth beside the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from facility.assessments import Assessment, Evidence, Knowledge, Trouble
from facility.catalogue.catalogue import catalogue
from facility.catalogue.duties import visit_minutes
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import Ground, Item, LeftOut, Priority
from facility.requests import Request, Source
from facility.standing import Spell, StepKind
from serviceday.planning import Policy
from serviceday.planning.demand.candidates import Candidate, Candidates, Tier, gather
from serviceday.planning.demand.items import PHRASES, passes_within

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)
LIFT = Asset(id="EL-1", kind="lift", site="s", building="1")
CIRCUIT = Asset(id="LC-1", kind="lighting_circuit", site="s", building="1")
QUIET = Policy(rotation_days=0)
REASON = Text(zh="关门变慢", en="doors close slower")


def days(count: int) -> timedelta:
    return timedelta(days=count)


def belief(asset: Asset, probability: float, **more: object) -> Assessment:
    plain = Assessment(
        asset=asset.id,
        as_of=NOW,
        horizon_days=7,
        probability=probability,
        sensor_probability=0.0,
        flagged=False,
        score=probability,
        mode="",
        reason=REASON,
        coverage=1,
        model="m",
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def evidence(channel: str, trouble: Trouble = Trouble.EQUIPMENT, crosses: datetime | None = None) -> Evidence:
    return Evidence(
        channel=channel,
        detector="d",
        trouble=trouble,
        pattern="level",
        since=None,
        value=1,
        expected=0,
        score=9,
        crosses_limit_at=crosses,
        sentence=Text(zh=f"{channel} 可疑", en=f"{channel} is odd"),
    )


def gathered(
    assets: Sequence[Asset] = (LIFT,),
    beliefs: Iterable[Assessment] = (),
    done: dict[tuple[str, str], date] | None = None,
    *,
    policy: Policy = QUIET,
    requests: Sequence[Request] = (),
    spells: dict[str, list[Spell]] | None = None,
) -> Candidates:
    return gather(
        assets,
        {one.asset: one for one in beliefs},
        done or {},
        service_day=DAY,
        policy=policy,
        requests=requests,
        spells=spells or {},
    )


def only(candidates: Candidates) -> Candidate:
    assert len(candidates.possible) == 1, [one.item.key for one in candidates.possible]
    return candidates.possible[0]


def due_in(duty: str, count: int, asset: Asset = LIFT) -> dict[tuple[str, str], date]:
    interval = catalogue()[asset.kind].duties[duty].interval
    last = DAY + days(count) - days(interval.days + 3)
    while interval.after(last) < DAY + days(count):
        last += days(1)
    assert interval.after(last) == DAY + days(count)
    return {(asset.id, duty): last}


# The law -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("late", "priority"), [(0, Priority.URGENT), (1, Priority.URGENT), (30, Priority.URGENT)])
def test_what_the_law_wants_by_the_day_is_urgent_and_worth_more_the_later_it_is(late: int, priority: Priority) -> None:
    found = only(gathered(done=due_in("half_monthly", -late)))
    kind, duty = catalogue()["lift"], catalogue()["lift"].duties["half_monthly"]
    due = DAY - days(late)
    assert (found.tier, found.item.priority, found.item.ground) == (Tier.LAW, priority, Ground.STATUTORY)
    assert (found.item.due, found.item.breach_from) == (due, due + days(1))
    assert found.value == pytest.approx(kind.criticality * (1 + late / duty.interval.days))
    assert ("overdue by" in found.item.reason.en) == (late > 0)
    again = replace(QUIET, next_service_day=DAY + days(30))
    assert only(gathered(done=due_in("half_monthly", -late), policy=again)).item.reason == found.item.reason


@pytest.mark.parametrize(
    ("in_days", "ahead", "listed"), [(1, None, False), (1, 2, True), (1, 1, False), (9, 30, True), (30, 30, False)]
)
def test_what_is_not_due_waits_unless_the_next_service_day_is_too_late(
    in_days: int, ahead: int | None, listed: bool
) -> None:
    policy = replace(QUIET, next_service_day=None if ahead is None else DAY + days(ahead))
    candidates = gathered(done=due_in("quarterly", in_days), policy=policy)
    assert len(candidates.possible) == listed
    if listed:
        found = only(candidates)
        assert (found.item.priority, found.tier) == (Priority.HIGH, Tier.LAW)
        assert found.value == catalogue()["lift"].criticality
        assert f"before the next service day {DAY + days(ahead or 0)}" in found.item.reason.en
    else:
        waiting = candidates.refused[0]
        assert (waiting.left_out, waiting.priority) == (LeftOut.NOT_DUE, Priority.LOW)
        assert waiting.left_out_reason is not None
        assert str(DAY + days(in_days)) in waiting.left_out_reason.en


@pytest.mark.parametrize(("last", "candidates"), [(DAY - days(400), 1), (DAY, 0), (DAY + days(1), 0)])
def test_what_is_done_on_the_day_is_done(last: date, candidates: int) -> None:
    answer = gathered(done={("EL-1", "yearly"): last})
    assert (len(answer.possible), len(answer.refused)) == (candidates, 0)


def test_what_is_out_of_use_for_good_is_no_candidate() -> None:
    gone = {"EL-1": [Spell(StepKind.RETIRED, DAY - days(60))]}
    answer = gathered(done=due_in("quarterly", 0), spells=gone)
    assert (answer.possible, answer.refused) == ([], [])


ADVISED = next(
    (kind, key) for kind in catalogue() for key, duty in catalogue()[kind].duties.items() if not duty.statutory
)


@pytest.mark.parametrize(("late", "priority"), [(0, Priority.LOW), (1, Priority.MEDIUM), (40, Priority.MEDIUM)])
def test_good_practice_is_weighed_and_never_called_the_law(late: int, priority: Priority) -> None:
    kind, key = ADVISED
    asset = Asset(id="A", kind=kind)
    found = only(gathered([asset], done=due_in(key, -late, asset)))
    about = catalogue()[kind]
    assert (found.tier, found.item.ground, found.item.priority) == (Tier.PROMISE, Ground.PROMISE, priority)
    assert found.item.breach_from is None
    assert found.value == pytest.approx(0.1 * about.criticality * (1 + late / about.duties[key].interval.days))


# Turns ---------------------------------------------------------------------------------------------------------------


def _turns(asset: Asset, policy: Policy) -> list[Candidate]:
    """The turns of an asset's duties within two years, day by day."""
    return [
        one
        for count in range(731)
        for one in gather([asset], {}, {}, service_day=DAY + days(count), policy=policy).possible
    ]


@pytest.mark.parametrize("assume", [True, False])
def test_a_turn_counts_as_the_law_only_where_somebody_says_so(assume: bool) -> None:
    policy = Policy(rotation_days=1, assume_rotation=assume)
    about = catalogue()["lift"]
    turns = [one for one in _turns(LIFT, policy) if about.duties[one.item.task].statutory]
    assert turns
    for one in turns:
        assert (one.tier, one.value, one.item.priority, one.item.ground) == (
            (Tier.ASSUMED_LAW, about.criticality, Priority.HIGH, Ground.ROTATION)
            if assume
            else (Tier.ROTATION, pytest.approx(0.05 * about.criticality), Priority.LOW, Ground.ROTATION)
        )
    (first, *_) = (one.item.reason for one in gathered(policy=Policy(rotation_days=400)).possible)
    turn = next(DAY - days(count) for count in range(400) if f"was {DAY - days(count)}" in first.en)
    assert turn < DAY
    once = [one for one in turns if one.item.task == "half_monthly"]
    assert len(once) in (48, 49), "one day in fifteen"


def test_a_turn_of_good_practice_is_the_least_of_all() -> None:
    kind, key = ADVISED
    about = catalogue()[kind]
    policy = Policy(rotation_days=400, assume_rotation=True)
    found = [one for one in gathered([Asset(id="A", kind=kind)], policy=policy).possible if one.item.task == key]
    assert [(one.tier, one.item.priority, one.item.ground) for one in found] == [
        (Tier.ROTATION, Priority.LOW, Ground.PROMISE)
    ]
    assert found[0].value == pytest.approx(0.02 * about.criticality)


def test_turns_count_from_the_commissioning_and_last_as_long_as_the_policy_says() -> None:
    duty = "quarterly"
    interval = catalogue()["lift"].duties[duty].interval.days

    def on(count: int, commissioned: date | None, lasting: int) -> bool:
        asset = replace(LIFT, commissioned=commissioned)
        policy = Policy(rotation_days=lasting)
        keys = [one.item.task for one in gather([asset], {}, {}, service_day=DAY + days(count), policy=policy).possible]
        return duty in keys

    first = [count for count in range(interval) if on(count, DAY, 3)]
    assert len(first) == 3
    assert [count for count in range(interval) if on(count, DAY + days(10), 3)] == sorted(
        (count + 10) % interval for count in first
    )
    unknown = [count for count in range(interval) if on(count, None, 3)]
    assert unknown == [count for count in range(interval) if on(count, date(2000, 1, 1), 3)]


def test_duties_of_the_law_without_a_date_are_counted_by_class() -> None:
    answer = gathered([LIFT, replace(LIFT, id="EL-2"), CIRCUIT], done={("EL-2", "yearly"): DAY - days(3)})
    expected = {
        kind: {key: 1 for key, duty in catalogue()[kind].duties.items() if duty.statutory and not duty.routine}
        for kind in ("lift", "lighting_circuit")
    }
    assert set(expected["lift"]) == {"half_monthly", "quarterly", "half_yearly", "yearly"}, "each done with the yearly"
    assert answer.unrecorded == {kind: counts for kind, counts in expected.items() if counts}


# Warnings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asset", "probability", "flagged", "priority"),
    [
        (LIFT, 0.2, True, Priority.HIGH),
        (LIFT, 0.5, False, Priority.MEDIUM),
        (LIFT, 0.49, False, Priority.LOW),
        (CIRCUIT, 0.69, True, Priority.MEDIUM),
        (CIRCUIT, 0.7, True, Priority.HIGH),
        (CIRCUIT, 0.9, False, Priority.MEDIUM),
    ],
)
def test_a_warning_is_worth_its_probability_and_a_flag_doubles_it(
    asset: Asset, probability: float, flagged: bool, priority: Priority
) -> None:
    found = only(gathered([asset], [belief(asset, probability, flagged=flagged)]))
    about = catalogue()[asset.kind]
    if asset is CIRCUIT and about.life_safety:
        priority = Priority.HIGH if flagged else priority
    assert (found.tier, found.item.ground, found.item.priority) == (Tier.RISK, Ground.RISK, priority)
    assert found.value == pytest.approx(probability * about.criticality * (2 if flagged else 1))
    assert f"{100 * probability:.0f} %" in found.item.reason.en


@pytest.mark.parametrize(("probability", "listed"), [(0.1, True), (0.09, False)])
def test_below_the_floor_nobody_is_sent_and_it_says_so(probability: float, listed: bool) -> None:
    answer = gathered(beliefs=[belief(LIFT, probability)])
    assert len(answer.possible) == listed
    assert [item.left_out for item in answer.refused] == ([] if listed else [LeftOut.NOT_RISKY])


@pytest.mark.parametrize("probability", [0.02, 0.6])
def test_what_is_not_known_is_neither_risky_nor_safe(probability: float) -> None:
    unknown = gathered(beliefs=[belief(LIFT, probability, state=Knowledge.TOO_LITTLE)])
    assert (unknown.possible, unknown.refused) == ([], [])
    flagged = gathered(beliefs=[belief(LIFT, probability, state=Knowledge.TOO_LITTLE, flagged=True)])
    assert only(flagged).item.ground is Ground.RISK


def test_a_warning_names_its_mode_its_channel_and_when_a_limit_is_crossed() -> None:
    about = catalogue()["lift"]
    mode = next(iter(about.modes.values()))
    bounded = next(channel for channel in about.channels.values() if channel.limit.bounded)
    proof = (
        evidence("nowhere", Trouble.SENSOR, NOW + days(2)),
        evidence(bounded.key, crosses=NOW + days(9)),
        evidence("other", crosses=NOW + days(5)),
    )
    found = only(gathered(beliefs=[belief(LIFT, 0.8, mode=mode.key, evidence=proof)])).item
    assert (found.mode, found.due) == (mode.key, (NOW + days(5)).date())
    assert mode.name.en in found.what.en
    assert found.method == mode.look_for
    assert found.passes == passes_within(bounded)
    plain = only(gathered(beliefs=[belief(LIFT, 0.8)])).item
    assert (plain.mode, plain.due, plain.passes) == ("", None, passes_within(None))


def test_what_passes_is_the_limit_or_else_what_is_normal() -> None:
    channels = [channel for kind in catalogue() for channel in catalogue()[kind].channels.values()]
    for channel in channels:
        band = channel.limit if channel.limit.bounded else channel.normal
        words = passes_within(channel).en
        if not band.bounded:
            assert words == passes_within(None).en
            continue
        sides = [side for side in (band.low, band.high) if abs(side) != float("inf")]
        assert all(f"{side:g}" in words for side in sides)
        assert ("≤" in words, "≥" in words, "…" in words) == (
            band.low == float("-inf"),
            band.high == float("inf"),
            len(sides) == 2,
        )


@pytest.mark.parametrize(("doubt", "listed"), [(0.5, True), (0.49, False)])
@pytest.mark.parametrize("asset", [LIFT, CIRCUIT])
def test_a_doubtful_sensor_is_looked_at_with_its_own_reason(asset: Asset, doubt: float, listed: bool) -> None:
    proof = (evidence("a"), evidence("b", Trouble.SENSOR), evidence("c", Trouble.SENSOR))
    answer = gathered([asset], [belief(asset, 0.0, sensor_probability=doubt, evidence=proof)])
    assert len(answer.possible) == listed
    if listed:
        about = catalogue()[asset.kind]
        found = only(answer)
        assert (found.item.task, found.tier) == ("sensor", Tier.PROMISE)
        assert found.item.priority is (Priority.MEDIUM if about.life_safety else Priority.LOW)
        assert found.value == pytest.approx(0.3 * doubt * about.criticality)
        assert "b is odd" in found.item.reason.en


def test_only_what_is_weighed_is_weighed() -> None:
    assert [tier for tier in Tier if not tier.weighed] == [Tier.LAW, Tier.ASSUMED_LAW, Tier.GOAL]


# Requests ------------------------------------------------------------------------------------------------------------


def asked(**more: object) -> Request:
    return replace(Request(id="R-1", text="灯不亮", reported=DAY - days(5), building="1"), **more)  # type: ignore[arg-type]


def request(**more: object) -> Candidate:
    return only(gathered([], requests=[asked(**more)]))


@pytest.mark.parametrize(("reported", "listed"), [(-1, True), (0, True), (1, False)])
def test_a_request_counts_from_the_day_it_came_in(reported: int, listed: bool) -> None:
    assert len(gathered([], requests=[asked(reported=DAY + days(reported))]).possible) == listed
    assert gathered([], requests=[asked(closed=DAY - days(1))]).possible == []


@pytest.mark.parametrize(
    ("more", "worth"),
    [
        ({"reported": DAY}, 0.5),
        ({}, 0.5 * 1.5),
        ({"reported": DAY - days(10)}, 0.5 * 2),
        ({"reported": DAY - days(90)}, 0.5 * 3),
        ({"reported": DAY, "count": 2}, 0.5 * 1.2),
        ({"reported": DAY, "count": 40}, 0.5 * 2),
        ({"reported": DAY, "promised": DAY}, 0.5 * 2),
        ({"reported": DAY, "promised": DAY - days(3)}, 0.5 * 2),
        ({"reported": DAY, "promised": DAY + days(1)}, 0.5),
        ({"reported": DAY, "source": Source.FOLLOW_UP}, 1.0),
        ({"reported": DAY - days(10), "count": 2, "promised": DAY, "source": Source.FOLLOW_UP}, 1.0 * 2 * 1.2 * 2),
    ],
)
def test_what_a_request_is_worth(more: dict[str, object], worth: float) -> None:
    assert request(**more).value == pytest.approx(worth)
    about = catalogue()["lift"]
    at_a_lift = only(gathered(requests=[asked(asset="EL-1", **more)]))
    assert at_a_lift.value == pytest.approx(worth * about.criticality)
    assert (at_a_lift.asset_number, at_a_lift.tier) == (0, Tier.REQUEST)


@pytest.mark.parametrize(
    ("promised", "plain", "at_a_lift"),
    [
        (None, Priority.MEDIUM, Priority.MEDIUM),
        (1, Priority.MEDIUM, Priority.MEDIUM),
        (0, Priority.HIGH, Priority.URGENT),
        (-4, Priority.HIGH, Priority.URGENT),
    ],
)
def test_a_promise_that_falls_due_is_urgent_where_lives_hang_on_it(
    promised: int | None, plain: Priority, at_a_lift: Priority
) -> None:
    by = None if promised is None else DAY + days(promised)
    found = request(promised=by)
    assert (found.item.priority, found.item.due) == (plain, by)
    assert only(gathered(requests=[asked(asset="EL-1", promised=by)])).item.priority is at_a_lift
    words = found.item.reason.en
    assert (str(by) in words) == (by is not None)
    assert ("late" in words or "overdue" in words) == (promised is not None and promised < 0), words


def test_a_follow_up_and_a_request_are_not_done_in_the_same_way() -> None:
    plain, follow_up = request(minutes=0), request(source=Source.FOLLOW_UP, minutes=45)
    assert (plain.item.ground, follow_up.item.ground) == (Ground.REQUEST, Ground.FOLLOW_UP)
    assert (plain.item.minutes, follow_up.item.minutes) == (1, 45)
    assert plain.item.method == PHRASES["method_request"]
    assert follow_up.item.method == PHRASES["method_follow_up"]
    assert (plain.item.passes, follow_up.item.passes) == (PHRASES["passes_request"], PHRASES["passes_follow_up"])
    assert "灯不亮" in plain.item.what.zh
    assert request(what=Text(zh="换灯", en="change the lamp")).item.what.en == "change the lamp"
    many, alone = request(count=3).item.reason.en, plain.item.reason.en
    assert "3" in many.replace(str(DAY - days(5)), "")
    assert "1 " not in alone.replace(str(DAY - days(5)), "")


@pytest.mark.parametrize(
    ("more", "away"),
    [
        ({}, True),
        ({"closed": DAY - days(1)}, False),
        ({"source": Source.ASSIGNED}, False),
        ({"fault": "another"}, False),
        ({"asset": "EL-2"}, False),
    ],
)
def test_a_warning_of_what_a_finding_has_confirmed_is_not_listed_again(more: dict[str, object], away: bool) -> None:
    mode = next(iter(catalogue()["lift"].modes))
    finding = replace(asked(asset="EL-1", fault=mode, source=Source.FOLLOW_UP), **more)  # type: ignore[arg-type]
    answer = gathered(beliefs=[belief(LIFT, 0.8, mode=mode)], requests=[finding])
    warnings = [one for one in answer.possible if one.item.task == "warning"]
    assert len(warnings) == (not away)
    assert [item.left_out for item in answer.refused] == ([LeftOut.FOLLOWED_UP] if away else [])


def test_requests_without_an_asset_have_places_of_their_own() -> None:
    answer = gathered([LIFT], requests=[asked(), asked(id="R-2", asset="unknown", floor="5F", category="water")])
    assert [one.asset_number for one in answer.possible] == [1, 2]
    assert [place.id for place in answer.places] == ["EL-1", "R-1", "R-2"]
    assert (answer.places[2].kind, answer.places[2].floor, answer.places[2].building) == ("water", "5F", "1")


def test_every_item_says_what_its_duty_says() -> None:
    for kind in catalogue():
        asset = Asset(id="A", kind=kind, site="s", building="b", floor="f", name="n")
        done = {("A", key): DAY - days(5000) for key in catalogue()[kind].duties}
        items: list[Item] = [one.item for one in gathered([asset], done=done).possible]
        for item, duty in zip(items, catalogue()[kind].duties.values(), strict=True):
            assert (item.task, item.what, item.passes, item.minutes, item.out_of_service, item.qualification) == (
                duty.key,
                duty.name,
                duty.passes,
                visit_minutes(catalogue()[kind].duties, duty.key),
                duty.out_of_service,
                duty.qualification,
            )
            assert (item.asset, item.site, item.building, item.floor, item.asset_name) == ("A", "s", "b", "f", "n")
            named = [catalogue()[kind].channels[key].name for key in duty.channels]
            assert all(name.en in item.method.en and name.zh in item.method.zh for name in named)
