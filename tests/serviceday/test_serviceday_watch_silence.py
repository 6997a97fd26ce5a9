"""Who is silent, told once and grouped; what is not well with the system itself; the watcher's own signs of life."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_house import HOUR, MINUTE, SECOND, T0, WatchedHouse

from facility.alerts import AlertState, Reason, Severity, Source
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.watch.health import ingest_trouble, store_trouble, system_conditions
from serviceday.watch.heartbeat import DeadMansSwitch, Heartbeat, read_heartbeat, write_heartbeat
from serviceday.watch.silence import Listened, Quiet, habits, silence_conditions

FLEET = {f"L-{number}": Asset(id=f"L-{number}", kind="lift", site="park") for number in range(200)}


def never_rare(*_: object) -> dict[tuple[str, str], timedelta]:
    return {}


def silences(quiet: list[Quiet], heard: dict[str, int], **more: object) -> list[Condition]:
    return silence_conditions(Listened(quiet, heard), FLEET, [], never_rare, now=T0, **more)  # type: ignore[arg-type]


@given(dead=st.integers(0, 200), alive=st.integers(0, 200))
def test_a_site_that_goes_quiet_is_one_cause_among_many(dead: int, alive: int) -> None:
    dead, alive = min(dead, len(FLEET)), min(alive, len(FLEET) - min(dead, len(FLEET)))
    names = list(FLEET)
    heard = dict.fromkeys(names[: dead + alive], 2)
    quiet = [Quiet(name, channel, T0 - HOUR) for name in names[:dead] for channel in ("noise", "trips")]
    found = silences(quiet, heard)
    site = [one for one in found if one.cause == "park/silence"]
    assert bool(site) == (dead >= 5 and dead >= (dead + alive) / 2)
    assert len([one for one in found if one.asset in FLEET]) == dead, "one an asset, however many channels"


def test_one_silent_channel_is_not_a_silent_asset_and_never_heard_devices_are_told_once_a_site() -> None:
    found = silences(
        [Quiet("L-1", "noise", T0 - HOUR), *(Quiet(f"L-{number}", "", T0 - HOUR) for number in range(10, 60))],
        {"L-1": 3},
    )
    assert [(one.cause, one.severity) for one in found] == [
        ("L-1/silence/noise", Severity.LOW),
        ("park/unheard", Severity.LOW),
    ]
    assert "50" in found[1].reason.en
    assert "L-10" in found[1].reason.zh


def test_a_gateway_that_dies_is_one_cause_before_the_slower_channels_are_late() -> None:
    names = list(FLEET)[:40]
    last = {name: T0 - 2 * HOUR - number * SECOND for number, name in enumerate(names)}
    first = [Quiet(name, "motor_temperature", last[name]) for name in names[30:]]  # the others are late in a moment
    heard = dict.fromkeys(names, 4)
    (site, *rest) = silence_conditions(Listened(first, heard, last), FLEET, [], never_rare, now=T0)
    assert site.cause == "park/silence"
    assert "40" in site.reason.en
    assert {each.cause for each in rest} == {f"{name}/silence" for name in names[30:]}, "assets, not channels"
    alive = last | dict.fromkeys(names[:25], T0 - MINUTE)
    conditions = silence_conditions(Listened(first, heard, alive), FLEET, [], never_rare, now=T0)
    assert "park/silence" not in {each.cause for each in conditions}, "most of the site speaks"
    speaking = last | dict.fromkeys(names, T0 - MINUTE)
    conditions = silence_conditions(Listened(first, heard, speaking), FLEET, [], never_rare, now=T0)
    assert {each.channel for each in conditions} == {"motor_temperature"}, "its other channels speak"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[WatchedHouse]:
    house = WatchedHouse(tmp_path)
    house.look()
    yield house
    house.close()


def test_the_quiet_site_explains_its_devices_and_each_clears_when_it_speaks(house: WatchedHouse) -> None:
    assets = {asset.id: asset for asset in house.records.estate.assets()}

    def listen(dead: list[str]) -> None:
        listened = Listened([Quiet(asset, "noise", house.now - HOUR) for asset in dead], dict.fromkeys(assets, 1))
        found = silence_conditions(listened, assets, house.open_alerts(), never_rare, now=house.now)
        house.watcher.look(house.now, found)

    listen(list(assets))
    (site,) = house.open_alerts()
    assert (site.asset, site.source, site.severity) == ("park", Source.SILENCE, Severity.HIGH)
    held = house.records.watch.held_back(over=False)
    assert {one.asset for one in held} == set(assets)
    assert {one.reason for one in held} == {Reason.INHIBITED}
    house.now += 10 * MINUTE
    listen(["EL-1"])
    assert house.records.alerts.get(site.id).state is AlertState.RETURNED
    house.now += MINUTE
    listen(["EL-1"])
    assert {one.asset for one in house.open_alerts() if one.returned_at is None} == {"EL-1"}
    listen([])
    assert all(one.returned_at is not None for one in house.open_alerts())


def test_silence_clears_no_other_alert(house: WatchedHouse) -> None:
    (fault,) = house.hear("EL-1", "fault_code", 12).opened
    assets = {asset.id: asset for asset in house.records.estate.assets()}
    listened = Listened([Quiet("EL-1", "fault_code", house.now)], {"EL-1": 1})
    house.now += 30 * HOUR
    house.watcher.look(house.now, silence_conditions(listened, assets, house.open_alerts(), never_rare, now=house.now))
    silence = next(one for one in house.open_alerts() if one.source is Source.SILENCE)
    house.records.alerts.acknowledge(silence.id, by="Li", now=house.now)
    kept = house.records.alerts.get(fault.id)
    assert (kept.state, kept.returned_at) == (AlertState.UNACKNOWLEDGED, None), "the hidden alarm is nobody's yet"


def test_a_device_that_reports_twice_a_day_is_not_silent_after_three_hours(house: WatchedHouse) -> None:
    house.say(*(("HZ-1", "static_pressure", T0 - 12 * HOUR * number, 0.4) for number in range(10)))
    assets = {asset.id: asset for asset in house.records.estate.assets()}
    quiet = Listened([Quiet("HZ-1", "static_pressure", T0)], {"HZ-1": 1})
    for hours, silent in ((3, False), (23, False), (25, True)):
        now = T0 + hours * HOUR
        assert bool(silence_conditions(quiet, assets, [], habits(house.store), now=now)) == silent, hours


def test_what_is_not_well_with_the_system_is_an_alert_and_returns(house: WatchedHouse) -> None:
    house.watcher.tell(house.now, system_conditions([store_trouble("no answer")], [], now=house.now))
    (alert,) = house.open_alerts()
    assert (alert.source, alert.severity, alert.cause) == (Source.SYSTEM, Severity.HIGH, "system/store")
    well = system_conditions([], house.open_alerts(), now=house.now + MINUTE)
    assert [one.verdict for one in well] == [Verdict.GOOD]
    house.watcher.look(house.now + MINUTE, well)
    assert house.records.alerts.get(alert.id).returned_at is not None
    words = [Text(zh="断开", en="cut off"), Text(zh="满", en="full")]
    assert "full" in ingest_trouble(words).reason.en
    assert "not running" in ingest_trouble(None).reason.en


def test_a_sign_of_life_is_whole_or_not_there(tmp_path: Path) -> None:
    file = tmp_path / "watch.json"
    assert read_heartbeat(file) is None
    sign = Heartbeat(pid=7, since=T0, looked_at=T0 + HOUR, readings=5)
    write_heartbeat(file, sign)
    assert read_heartbeat(file) == sign
    assert sign.runs(T0 + HOUR)
    assert not sign.runs(T0 + 2 * HOUR)
    assert sign.died(T0 + 2 * HOUR)
    assert not replace(sign, ended=True).died(T0 + 2 * HOUR), "it was told to"
    file.write_text("{")
    assert read_heartbeat(file) is None


def test_the_dead_mans_switch_is_pressed_once_a_minute_and_stops_nothing(tmp_path: Path) -> None:
    asked = []

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    switch = DeadMansSwitch(f"http://127.0.0.1:{server.server_port}/ping")
    for seconds in (0, 20, 59, 61):
        switch.press(T0 + timedelta(seconds=seconds))
    server.shutdown()
    assert asked == ["/ping", "/ping"]
    DeadMansSwitch("http://127.0.0.1:1/nobody").press(T0)
    touched = tmp_path / "alive"
    DeadMansSwitch(str(touched)).press(T0)
    assert touched.stat().st_mtime == T0.timestamp()
    DeadMansSwitch(str(tmp_path / "no" / "folder")).press(T0)
