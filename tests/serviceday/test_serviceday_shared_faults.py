"""What many of a site report at once is one alert; whoever is trapped is told one by one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_house import MINUTE, T0, WatchedHouse

from facility.alerts import Reason, Severity, Source
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.shared_faults import AT_ONCE, cause_of, shared_conditions, shared_key

MAINS, TRAPPED = 41, 15
LIFTS = tuple(Asset(id=f"EL-{number}", kind="lift", site="park", building="B1") for number in range(1, 13))
AWAY = tuple(Asset(id=f"AW-{number}", kind="lift", site="away") for number in range(1, 5))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WatchedHouse]:
    house = WatchedHouse(tmp_path, (*LIFTS, *AWAY))
    for lift in (*LIFTS, *AWAY):
        house.say((lift.id, "fault_code", house.now, 0.0))
    house.look()
    house.pass_time(MINUTE)
    yield house
    house.close()


def report(house: WatchedHouse, code: float, lifts: tuple[Asset, ...] = LIFTS) -> None:
    house.say(*((lift.id, "fault_code", house.now, code) for lift in lifts))
    house.look()


def test_a_power_cut_is_one_alert_and_over_when_it_is_over(house: WatchedHouse) -> None:
    report(house, MAINS)
    (alert,) = house.open_alerts()
    assert (alert.asset, alert.cause, alert.severity) == ("park", "park/fault/fault_code/41", Severity.MEDIUM)
    assert "12 of 12" in alert.reason.en
    assert "12 台" in alert.reason.zh
    held = house.records.watch.held_back(over=False)
    assert {(back.asset, back.reason) for back in held} == {(lift.id, Reason.INHIBITED) for lift in LIFTS}
    house.pass_time(10 * MINUTE)
    assert [each.cause for each in house.open_alerts()] == [alert.cause]
    report(house, 0.0)
    house.pass_time(3 * MINUTE)
    (alert,) = house.open_alerts()
    assert alert.returned_at is not None
    assert house.records.watch.held_back(over=False) == []


def test_one_that_stays_behind_is_told_for_itself(house: WatchedHouse) -> None:
    report(house, MAINS)
    house.now += 2 * MINUTE
    report(house, 0.0, LIFTS[1:])
    house.pass_time(3 * MINUTE)
    house.pass_time(2 * MINUTE)
    standing = [alert for alert in house.open_alerts() if alert.returned_at is None]
    assert [alert.cause for alert in standing] == ["EL-1/fault/fault_code/41"]


def test_few_are_told_one_by_one_and_another_site_is_another_matter(house: WatchedHouse) -> None:
    report(house, MAINS, (*LIFTS[: AT_ONCE - 1], *AWAY))
    assert {alert.asset for alert in house.open_alerts()} == {lift.id for lift in (*LIFTS[: AT_ONCE - 1], *AWAY)}


def test_whoever_is_trapped_is_told_one_by_one(house: WatchedHouse) -> None:
    report(house, TRAPPED)
    assert {alert.asset for alert in house.open_alerts()} == {lift.id for lift in LIFTS}


def test_it_survives_a_death(house: WatchedHouse) -> None:
    report(house, MAINS)
    house.restart()
    house.pass_time(MINUTE)
    assert [alert.asset for alert in house.open_alerts()] == ["park"]


def test_what_is_grave_is_never_shared() -> None:
    for kind in catalogue().values():
        for channel in kind.channels.values():
            assert all(channel.alarm.codes[code] is not Severity.HIGH for code in channel.alarm.shared), channel.key


@given(
    codes=st.dictionaries(
        st.sampled_from([lift.id for lift in (*LIFTS, *AWAY)]), st.sampled_from([MAINS, TRAPPED, 1]), max_size=16
    ),
    whole=st.booleans(),
)
def test_only_shared_codes_of_one_site_are_folded(codes: dict[str, int], whole: bool) -> None:
    assets = {lift.id: lift for lift in (*LIFTS, *AWAY)}
    conditions = [
        Condition(
            cause=f"{lift}/fault/fault_code/{code}",
            verdict=Verdict.BAD,
            asset=lift,
            channel="fault_code",
            source=Source.FAULT,
            severity=Severity.MEDIUM,
            title=Text(zh="题", en="title"),
            reason=Text(zh="因", en="reason"),
            seen_at=T0 + timedelta(seconds=number),
        )
        for number, (lift, code) in enumerate(codes.items())
    ]
    folded = shared_conditions(conditions, [], assets, whole=whole, now=T0)
    out = sum(code == MAINS and assets[lift].site == "park" for lift, code in codes.items())
    assert [each.cause for each in folded] == (["park/fault/fault_code/41"] if out >= AT_ONCE else [])
    for condition in conditions:
        key = shared_key(condition.cause, assets)
        assert key is not None
        assert cause_of(key).startswith(assets[condition.asset].site)
