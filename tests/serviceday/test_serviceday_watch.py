"""What the watcher tells, and what it does not: readings through the real store into the real records."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from influx_stand_in import ORG, TOKEN, StandIn
from watched_house import HOUR, MINUTE, SECOND, T0, WatchedHouse

from facility.alerts import AlertState, Reason, Severity, Source
from facility.standing import AssetStep, StepKind
from facility.store.influx.store import Influx
from facility.store.influx.target import Target
from serviceday.alerts import evaluate_alerts


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WatchedHouse]:
    house = WatchedHouse(tmp_path)
    house.look()
    yield house
    house.close()


def test_a_lift_that_moves_with_open_doors_is_told_with_its_first_reading(house: WatchedHouse) -> None:
    (alert,) = house.hear("EL-1", "fault_code", 12).opened
    assert (alert.severity, alert.source, alert.state) == (Severity.HIGH, Source.FAULT, AlertState.UNACKNOWLEDGED)
    assert "moving with door open" in alert.title.en
    assert "开门走梯" in alert.title.zh
    house.now += 5 * SECOND
    assert not house.hear("EL-1", "fault_code", 12), "the same again is nothing new"
    house.now += 5 * SECOND
    assert not house.hear("EL-1", "fault_code", 0), "not good for long enough yet"
    (back,) = house.pass_time(MINUTE).cleared
    assert (back.id, back.state) == (alert.id, AlertState.RETURNED)


def test_two_codes_are_two_causes_and_a_code_that_came_and_went_between_two_looks_is_told(house: WatchedHouse) -> None:
    times = [house.now + number * SECOND for number in range(3)]
    house.say(*(("EL-1", "fault_code", time, code) for time, code in zip(times, (2, 90, 0), strict=True)))
    house.now += 3 * SECOND
    opened = house.look().opened
    assert {alert.cause for alert in opened} == {"EL-1/fault/fault_code/2", "EL-1/fault/fault_code/90"}
    assert {alert.severity for alert in opened} == {Severity.HIGH, Severity.MEDIUM}
    assert len(house.pass_time(2 * MINUTE).cleared) == 2


def test_a_level_takes_its_dwell_and_its_count(house: WatchedHouse) -> None:
    house.say(("HZ-1", "static_pressure", T0 - MINUTE, 0.4))
    assert not house.hear("HZ-1", "static_pressure", 0.10)
    house.now += 4 * MINUTE
    assert not house.hear("HZ-1", "static_pressure", 0.10), "two readings, and not five minutes"
    house.now += MINUTE
    (alert,) = house.hear("HZ-1", "static_pressure", 0.10).opened
    assert (alert.cause, alert.began) == ("HZ-1/limit/static_pressure", T0)
    house.now += MINUTE
    assert not house.hear("HZ-1", "static_pressure", 0.151), "within the deadband it is neither"
    house.now += MINUTE
    assert not house.hear("HZ-1", "static_pressure", 0.03), "one value far beyond proves nothing"
    house.now += MINUTE
    (worse,) = house.hear("HZ-1", "static_pressure", 0.03).updated
    assert worse.severity is Severity.HIGH
    for _ in range(3):
        house.now += 15 * MINUTE
        changes = house.hear("HZ-1", "static_pressure", 0.4)
    assert [one.state for one in changes.cleared] == [AlertState.RETURNED]
    assert house.steps(alert.id) == ["opened", "worsened", "returned"]


def test_a_spike_and_what_no_sensor_can_measure_open_nothing(house: WatchedHouse) -> None:
    for value in (0.4, 0.1, 0.4, -5.0, -5.0, 99.0, 0.4, 0.1):
        house.now += 10 * MINUTE
        assert not house.hear("HZ-1", "static_pressure", value)


def test_silence_and_a_restart_resolve_nothing_and_old_data_open_nothing(house: WatchedHouse) -> None:
    (alert,) = house.hear("EL-1", "fault_code", 12).opened
    house.restart()
    assert not house.pass_time(100 * HOUR)
    assert house.open_alerts()[0].returned_at is None
    house.say(("EL-2", "fault_code", house.now - 80 * HOUR, 12))
    assert not house.look()
    assert [one.id for one in house.open_alerts()] == [alert.id]


def test_closing_by_hand_is_not_mending(house: WatchedHouse) -> None:
    (alert,) = house.hear("EL-1", "fault_code", 12).opened
    house.records.alerts.close(alert.id, by="Wang", now=house.now)
    (second,) = house.pass_time(SECOND).opened
    assert second.follows == alert.id


def test_a_lift_under_maintenance_is_no_alarm_but_whoever_is_trapped_in_it_is(house: WatchedHouse) -> None:
    house.hear("EL-1", "service_mode", 2)
    for _ in range(4):
        house.now += 5 * MINUTE
        assert not house.hear("EL-1", "motor_temperature", 150)
    (held,) = house.records.watch.held_back(asset="EL-1", over=False)
    assert held.reason is Reason.NOT_IN_SERVICE
    assert len(house.hear("EL-1", "fault_code", 90).opened) == 1
    house.hear("EL-1", "service_mode", 1)
    for _ in range(3):
        house.now += 5 * MINUTE
        house.hear("EL-1", "motor_temperature", 150)
    assert {alert.channel for alert in house.open_alerts()} == {"fault_code", "motor_temperature"}
    assert house.records.watch.held_back(asset="EL-1", over=False) == []
    (held,) = house.records.watch.held_back(asset="EL-1")
    assert held.until is not None


def test_what_is_out_of_use_is_held_back_with_its_reason(house: WatchedHouse) -> None:
    house.records.trail.add(AssetStep(asset="EL-1", kind=StepKind.OUT_OF_USE, start=T0.date(), at=T0, who="Li"))
    house.restart()
    assert not house.hear("EL-1", "fault_code", 12)
    (held,) = house.records.watch.held_back(asset="EL-1")
    assert (held.reason, held.cause) == (Reason.OUT_OF_USE, "EL-1/fault/fault_code/12")


def test_a_panel_without_power_explains_its_detectors(house: WatchedHouse) -> None:
    for _ in range(3):
        house.now += 10 * MINUTE
        house.say(("FP-1", "battery_voltage", house.now, 20.0))
        house.look()
    (panel,) = house.open_alerts()
    for _ in range(3):
        house.now += 10 * MINUTE
        house.say(*((f"SD-{number}", "loop_voltage", house.now, 12.0) for number in range(1, 7)))
        assert not house.look()
    held = house.records.watch.held_back(over=False)
    assert {one.reason for one in held} == {Reason.INHIBITED}
    assert len(held) == 6
    assert "FP-1" in held[0].detail.en
    for _ in range(3):
        house.now += 20 * MINUTE
        house.say(("FP-1", "battery_voltage", house.now, 27.0))
        house.say(*((f"SD-{number}", "loop_voltage", house.now, 12.0) for number in range(1, 7)))
        house.look()
    house.pass_time(MINUTE)
    assert house.records.alerts.get(panel.id).returned_at is not None
    assert len([one for one in house.open_alerts() if one.channel == "loop_voltage"]) == 6, "they hold, and are told"
    assert house.records.watch.held_back(over=False) == []


def test_what_comes_and_goes_becomes_one_alert_that_stays(house: WatchedHouse) -> None:
    for _ in range(12):
        house.hear("EL-1", "fault_code", 2)
        house.now += 10 * SECOND
        house.hear("EL-1", "fault_code", 0)
        house.pass_time(2 * MINUTE)
        for alert in house.open_alerts():
            if alert.state is not AlertState.ACKNOWLEDGED:
                house.records.alerts.acknowledge(alert.id, by="Li", now=house.now)
    alerts = house.records.alerts.all()
    assert len(alerts) <= 5
    (last,) = house.open_alerts()
    assert "within an hour" in last.reason.en
    house.pass_time(5 * HOUR)
    assert house.open_alerts() == [], "and calm for long enough it is over"


def test_late_readings_open_revise_and_withdraw_and_the_trail_says_so(house: WatchedHouse) -> None:
    def trail(number: int) -> list[tuple[str, bool]]:
        return [(step.what, "late" in step.note) for step in house.records.alerts.trail(number)]

    start = house.now
    house.say(("HZ-1", "static_pressure", start, 0.4))
    house.now += 30 * MINUTE
    house.hear("HZ-1", "static_pressure", 0.1)
    assert house.open_alerts() == []
    house.now += SECOND
    house.say(("HZ-1", "static_pressure", start + 20 * MINUTE, 0.1))
    (alert,) = house.look().opened
    assert alert.began == start + 20 * MINUTE
    house.now += SECOND
    house.say(("HZ-1", "static_pressure", start + 10 * MINUTE, 0.1))
    house.look()
    assert house.records.alerts.get(alert.id).began == start + 10 * MINUTE
    house.now += SECOND
    house.say(*(("HZ-1", "static_pressure", start + minutes * MINUTE, 0.4) for minutes in (15, 25)))
    (withdrawn,) = house.look().cleared
    assert withdrawn.state is AlertState.RETURNED
    assert trail(alert.id) == [("opened", True), ("revised", True), ("withdrawn", True)]


def test_score_neither_doubles_nor_closes_nor_worsens_what_the_watcher_opened(house: WatchedHouse) -> None:
    hours = [T0 - back * HOUR for back in range(1, 8)]
    house.say(*(("HZ-1", "static_pressure", hour, 0.4) for hour in hours))
    house.look()
    for _ in range(3):
        house.now += 5 * MINUTE
        house.hear("HZ-1", "static_pressure", 0.1)
    (alert,) = house.open_alerts()
    assert not evaluate_alerts(house.records, house.store, [], now=house.now)
    house.records.alerts.acknowledge(alert.id, by="Li", now=house.now)
    for _ in range(3):
        house.now += 20 * MINUTE
        house.hear("HZ-1", "static_pressure", 0.4)
    assert house.records.alerts.get(alert.id).state is AlertState.CLOSED
    assert not evaluate_alerts(house.records, house.store, [], now=house.now), "the hour's mean is no news"
    assert len(house.records.alerts.all()) == 1


def test_without_a_watcher_the_hours_are_judged_as_ever(house: WatchedHouse) -> None:
    times = [T0 + quarter * 15 * MINUTE for quarter in range(12)]
    house.say(*(("HZ-1", "static_pressure", time, 0.1) for time in times))
    later = T0 + timedelta(hours=3)
    assert len(evaluate_alerts(house.records, house.store, [], now=later).opened) == 1


def test_a_watcher_that_begins_on_a_full_store_tells_what_holds_and_nothing_that_is_over(tmp_path: Path) -> None:
    house = WatchedHouse(tmp_path)
    for quarter in range(20):
        bad = 5 <= quarter < 10
        house.say(
            ("HZ-1", "static_pressure", T0 - (20 - quarter) * 15 * MINUTE, 0.1 if bad else 0.4),
            ("EL-1", "motor_temperature", T0 - (20 - quarter) * 15 * MINUTE, 150.0 if quarter > 10 else 40.0),
        )
    assert [alert.asset for alert in house.look().opened] == ["EL-1"]
    house.restart()
    assert not house.pass_time(SECOND)
    house.close()


def test_an_influxdb_is_followed_as_well(tmp_path: Path) -> None:
    """Its changes come by whole hours, so that most of what a look reads is known."""
    with StandIn() as server:
        target = Target(url=server.url, org=ORG, bucket="readings", token=TOKEN)
        store = Influx(target, tmp_path / "influx", create=True, sites=dict)
        house = WatchedHouse(tmp_path, store=store)
        house.look()
        house.hear("EL-1", "fault_code", 0)
        for _ in range(3):
            house.now += 5 * MINUTE
            house.hear("HZ-1", "static_pressure", 0.1)
        house.now += SECOND
        house.hear("EL-1", "fault_code", 12)
        assert {alert.asset for alert in house.open_alerts()} == {"EL-1", "HZ-1"}
        trails = [house.steps(alert.id) for alert in house.open_alerts()]
        house.restart()
        for _ in range(3):
            assert not house.pass_time(SECOND), "what is read again is no news"
        assert [house.steps(alert.id) for alert in house.open_alerts()] == trails
        house.now += MINUTE
        house.hear("EL-1", "fault_code", 0)
        assert [alert.asset for alert in house.pass_time(2 * MINUTE).cleared] == ["EL-1"]
        house.close()
