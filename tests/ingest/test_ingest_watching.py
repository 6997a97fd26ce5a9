"""Silence, stillness, clocks and health: what is told of devices and of ourselves, and what is not."""

import json
import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotCommunicate, CannotParse
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.messages import AdmittedReadings
from ingest.monitor import channel_state, clock_offset
from ingest.monitor.channel_state import Heard, Hearing, read_heard
from ingest.monitor.clock_offset import HOUR_US, judge
from ingest.monitor.health import Facts, findings, healthy
from ingest.monitor.http import listen_address, served
from ingest.monitor.liveness import State, frozen_after, life, lives
from ingest.monitor.status import read_overview, reading
from ingest.monitor.uptime import GAP_US, Listening, expect, read_expected
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.probe import PUBLISHED, probe
from ingest.service import Ingest

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp() * 1e6)
MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000
TEMPERATURE = catalogue().channel("lift", "motor_temperature")  # 15 min, stale after 2 h
DOOR = catalogue().channel("fire_door", "door_state")  # a switch, stale after 26 h
ALWAYS = Listening(since_us=NOW_US - 30 * DAY, until_us=NOW_US)
ASSETS = {"EL-1": Asset(id="EL-1", kind="lift", site="s")}


def table(*rows):
    """Rows of (asset, channel, time_us, value, arrived_us)."""
    names = sorted({row[:2] for row in rows}, reverse=True)
    return AdmittedReadings(
        names=names,
        series=np.array([names.index(row[:2]) for row in rows]),
        times=np.array([row[2] for row in rows]),
        values=np.array([row[3] for row in rows]),
        arrived=np.array([row[4] for row in rows]),
    )


def heard_by(hearing_, journal):
    with journal.transaction() as writer:
        while rows := hearing_.unsaved():
            channel_state.save(writer, rows)
        return {(one.asset, one.channel): one for one in read_heard(writer)}


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").prepare()


@pytest.fixture
def journal(folder):
    journal = Journal(folder.journal)
    yield journal
    journal.close()


# -- hearing ------------------------------------------------------------------------------------------------------


def slowly(readings):
    """The same as `Hearing`, one reading at a time."""
    known = {}
    for asset, channel, moment, value, arrived in readings:
        was = known.get((asset, channel))
        if was is None:
            known[asset, channel] = [arrived, arrived, moment, value, moment, 1, 0]
        elif moment > was[2]:
            was[1] = max(was[1], arrived)
            if value == was[3]:
                was[5] += 1
            else:
                was[6] = max(was[6], was[2] - was[4])
                was[3:6] = [value, moment, 1]
            was[2] = moment
    return known


READING = st.tuples(
    st.sampled_from(["A", "B"]), st.sampled_from(["x", "y"]), st.integers(1, 30), st.sampled_from([1.0, 2.0])
)


@settings(deadline=None)
@given(st.lists(st.lists(READING, max_size=12), max_size=5))
def test_hearing_by_the_batch_is_hearing_one_by_one(batches):
    """Batches arrive one after the other; within one, the devices' order in time counts."""
    ears, told = Hearing(), []
    for number, batch in enumerate(batches):
        arrived = NOW_US + number
        rows = [(asset, channel, NOW_US + at * MINUTE, value, arrived) for asset, channel, at, value in batch]
        rows.sort(key=lambda row: row[2])
        unique = list({row[:3]: row for row in reversed(rows)}.values())[::-1]  # one value a moment
        if unique:
            ears.listen(table(*unique))
        told += unique
    expected = slowly(told)
    rows = {(row[0], row[1]): list(row[2:]) for row in ears.unsaved()}
    assert rows == expected
    for (asset, channel), state in expected.items():
        assert ears.before(asset, channel) == state[3]


def test_what_is_said_again_or_late_is_no_sign_of_life(journal):
    ears = Hearing()
    ears.listen(table(("EL-1", "trips", NOW_US, 5.0, NOW_US)))
    ears.listen(table(("EL-1", "trips", NOW_US, 5.0, NOW_US + HOUR), ("EL-1", "trips", NOW_US - 5, 4.0, NOW_US + HOUR)))
    assert heard_by(ears, journal)["EL-1", "trips"].advanced_us == NOW_US


def test_a_restart_remembers_what_was_heard(journal):
    ears = Hearing()
    ears.listen(table(*(("EL-1", "trips", NOW_US + i * HOUR, 5.0, NOW_US + i * HOUR) for i in range(3))))
    before = heard_by(ears, journal)
    again = Hearing()
    with reading(journal.file) as connection:
        again.load(connection)
    assert again.before("EL-1", "trips") == 5.0
    again.listen(table(("EL-1", "trips", NOW_US + 3 * HOUR, 5.0, NOW_US + 3 * HOUR)))
    (one,) = heard_by(again, journal).values()
    assert (one.same, one.since_us, one.first_us) == (4, NOW_US, before["EL-1", "trips"].first_us)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from([1.0, 2.0]), st.booleans()), min_size=1, max_size=15))
def test_what_two_ingests_heard_is_put_together(told):
    """Each reading went to one of two: what they say together is never older, nor longer the same, than the truth."""
    rows = sorted({at: (at, value, first) for at, value, first in told}.values())
    truth = slowly([("A", "x", NOW_US + at * MINUTE, value, NOW_US + at * MINUTE) for at, value, _ in rows])["A", "x"]
    parts = []
    for who in (True, False):
        ears = Hearing()
        mine = [
            ("A", "x", NOW_US + at * MINUTE, value, NOW_US + at * MINUTE) for at, value, first in rows if first is who
        ]
        if mine:
            ears.listen(table(*mine))
            parts.append(Heard(**dict(zip(Heard.__dataclass_fields__, ears.unsaved()[0], strict=True))))
    one = parts[0] if len(parts) == 1 else channel_state.together(*parts)
    assert [one.first_us, one.advanced_us, one.time_us, one.value] == truth[:4]
    assert one.since_us >= truth[4]


def test_one_channel_told_in_two_units_is_one_channel():
    ears = Hearing()
    said_ = table(
        ("A", "x", NOW_US, 1.0, NOW_US), ("A", "y", NOW_US + 2, 2.0, NOW_US), ("A", "x", NOW_US + 1, 3.0, NOW_US)
    )
    names = [("A", "x"), ("A", "x"), ("A", "y")]
    ears.listen(replace(said_, names=names, series=np.array([0, 2, 1])))
    assert ears.before("A", "x") == 3.0
    assert {row[:2]: row[7] for row in ears.unsaved()} == {("A", "x"): 1, ("A", "y"): 1}


def test_more_channels_than_there_was_room_for(journal):
    ears = Hearing()
    ears.listen(table(*((f"EL-{i}", "trips", NOW_US, float(i), NOW_US) for i in range(3000))))
    assert ears.before("EL-2999", "trips") == 2999
    assert len(heard_by(ears, journal)) == 3000


# -- the three answers --------------------------------------------------------------------------------------------


def said(**more):
    given_ = {
        "asset": "EL-1",
        "channel": "motor_temperature",
        "first_us": NOW_US - 30 * DAY,
        "advanced_us": NOW_US - 5 * MINUTE,
        "time_us": NOW_US - 5 * MINUTE,
        "value": 41.5,
        "since_us": NOW_US - 5 * MINUTE,
        "same": 1,
        "longest_us": HOUR,
    }
    return Heard(**(given_ | more))


def test_alive():
    assert life(TEMPERATURE, said(), NOW, ALWAYS).state is State.LIVE


def test_not_received_is_told_by_the_timer_alone_and_by_the_channel():
    one = said(advanced_us=NOW_US - 2 * HOUR - 1)
    assert life(TEMPERATURE, one, NOW, ALWAYS).state is State.NOT_RECEIVED
    assert life(DOOR, one, NOW, ALWAYS).state is State.LIVE, "a door speaks when it moves"


def test_a_device_whose_clock_is_behind_is_received():
    behind = said(time_us=NOW_US - 5 * HOUR, since_us=NOW_US - 5 * HOUR)
    assert life(TEMPERATURE, behind, NOW, ALWAYS).state is State.LIVE


def test_received_but_unchanged_is_no_fault():
    one = said(since_us=NOW_US - 3 * HOUR, same=12)
    assert life(TEMPERATURE, one, NOW, ALWAYS).state is State.UNCHANGED
    closed = said(channel="door_state", value=0.0, since_us=NOW_US - 20 * DAY, same=480)
    assert life(DOOR, closed, NOW, ALWAYS).state is State.UNCHANGED, "a closed door is never frozen"


@pytest.mark.parametrize(
    ("state", "more"),
    [
        (State.FROZEN, {}),
        (State.UNCHANGED, {"longest_us": 13 * HOUR}),  # it stood still before, and moved again
        (State.UNCHANGED, {"same": 11}),  # too few to prove anything
        (State.UNCHANGED, {"value": 0.0}),  # at rest
        (State.UNCHANGED, {"value": TEMPERATURE.physical.high}),
        (State.NOT_RECEIVED, {"advanced_us": NOW_US - 3 * HOUR}),  # silent now; what it was before does not matter
    ],
)
def test_frozen_is_what_a_sensor_of_its_kind_cannot_be(state, more):
    one = said(**({"since_us": NOW_US - 50 * HOUR, "same": 200} | more))
    assert life(TEMPERATURE, one, NOW, ALWAYS).state is state


def test_expected_variability_is_the_catalogues():
    chamber = catalogue().channel("smoke_detector", "chamber")  # whole per cents, weeks the same
    assert frozen_after(chamber) is None
    assert frozen_after(catalogue().channel("hydrant_zone", "static_pressure")) == timedelta(days=14)
    for kind in catalogue().values():
        for channel in kind.channels.values():
            patience = frozen_after(channel)
            assert patience is None or patience > channel.cadence * 4, channel.key


def test_a_new_device_that_never_speaks_is_told_after_its_time():
    def answer(since_us):
        found = lives(ASSETS, [], catalogue(), NOW, expected={"EL-1": since_us}, listening=ALWAYS)
        return [(one.asset, one.channel, one.state) for one in found]

    assert answer(NOW_US - HOUR) == [("EL-1", "", State.NEVER)]
    assert answer(NOW_US - 3 * HOUR) == [("EL-1", "", State.NOT_RECEIVED)]


def test_a_channel_that_never_spoke_beside_others_that_do_is_taken_as_not_fitted():
    found = lives(ASSETS, [said()], catalogue(), NOW, expected={}, listening=ALWAYS)
    states = {one.channel: one.state for one in found}
    assert states.pop("motor_temperature") is State.LIVE
    assert set(states.values()) == {State.NEVER}


def test_a_restart_neither_hides_an_old_silence_nor_invents_one():
    restarted = Listening(since_us=NOW_US - MINUTE, until_us=NOW_US, before_us=NOW_US - 3 * HOUR)
    well = said(advanced_us=NOW_US - 3 * HOUR - MINUTE)  # spoke just before we stopped listening
    dead = said(advanced_us=NOW_US - 9 * HOUR)  # was silent already then
    assert life(TEMPERATURE, well, NOW, restarted).state is State.LIVE
    assert life(TEMPERATURE, dead, NOW, restarted).state is State.NOT_RECEIVED
    later = NOW + timedelta(minutes=20)  # it had its chance
    assert life(TEMPERATURE, well, later, replace(restarted, until_us=NOW_US)).state is State.NOT_RECEIVED


def test_listening_begins_anew_after_a_gap():
    first = Listening().going_on(NOW_US)
    on = first.going_on(NOW_US + GAP_US)
    assert (on.since_us, on.before_us) == (NOW_US, 0)
    again = on.going_on(NOW_US + 5 * GAP_US)
    assert (again.since_us, again.before_us) == (NOW_US + 5 * GAP_US, NOW_US + GAP_US)


def test_an_asset_is_expected_since_it_was_first_seen(journal):
    with journal.transaction() as writer:
        expect(writer, ["EL-1"], 5)
        expect(writer, ["EL-1", "EL-2"], 9)
        assert read_expected(writer) == {"EL-1": 5, "EL-2": 9}


# -- clocks -------------------------------------------------------------------------------------------------------


def test_a_clock_is_told_from_the_shortest_way(journal):
    ears = Hearing()
    rows = []
    for hour in range(10):
        for minute in range(0, 60, 10):
            at = NOW_US + hour * HOUR + minute * MINUTE
            way = 400_000 + 90_000_000 * (minute % 20)  # most readings take their time
            rows.append(("behind", "trips", at - 5 * MINUTE - hour * 1_000_000, 1.0, at + way))
            rows.append(("well", "trips", at, 1.0, at + way))
            rows.append(("ahead", "trips", at + 3 * MINUTE, 1.0, at + way))
    rows += [("well", "trips", NOW_US - i * HOUR, 1.0, NOW_US + 9 * HOUR + i) for i in range(1, 40)]  # a backlog
    ears.listen(table(*rows))
    with journal.transaction() as writer:
        clock_offset.save(writer, ears.clocks.unsaved(10_000), NOW_US + 9 * HOUR)
        found = {one.asset: one for one in clock_offset.judged(clock_offset.read_ways(writer))}
    assert [one for one in found if found[one].wrong] == ["behind", "ahead"]
    assert found["behind"].offset_us == pytest.approx(5 * MINUTE + 8_400_000), (
        "the least of the last three hours, in one of which only late ones came"
    )
    assert found["behind"].drift_us_per_day == pytest.approx(24_000_000)
    assert found["ahead"].offset_us == pytest.approx(400_000 - 3 * MINUTE)
    assert abs(found["well"].drift_us_per_day) < 1


def test_an_hour_that_saw_only_a_backlog_does_not_condemn_a_clock():
    least = [(hour, 500_000) for hour in range(8)] + [(8, 40 * HOUR_US)]
    assert not judge("x", least).wrong
    assert judge("x", least).drift_us_per_day == 0
    assert not judge("x", [(0, 40 * HOUR_US)]).wrong, "all that was ever heard of it is a backlog"
    assert judge("x", [(0, -40 * HOUR_US)]).wrong, "no reading arrives before it is measured"


def test_old_hours_are_forgotten(journal):
    ears = Hearing()
    for day in range(5):
        ears.listen(table(("EL-1", "trips", NOW_US + day * DAY, 1.0, NOW_US + day * DAY)))
        with journal.transaction() as writer:
            clock_offset.save(writer, ears.clocks.unsaved(100), NOW_US + day * DAY)
    with closing(sqlite3.connect(journal.file)) as connection:
        assert connection.execute("SELECT count(*) FROM clocks").fetchone() == (2,)


# -- health -------------------------------------------------------------------------------------------------------

WELL = Facts(
    connected=True,
    quiet_for=5,
    quiet_after=900,
    expecting=True,
    refusing="",
    pending=0,
    stuck_for=0,
    store_error="",
    adds_up=True,
)


@pytest.mark.parametrize(
    ("key", "fault", "more"),
    [
        ("does_not_add_up", True, {"adds_up": False}),
        ("journal_refuses", True, {"refusing": "disk full"}),
        ("not_connected", True, {"connected": False}),
        ("no_data", True, {"quiet_for": 901}),
        ("not_storing", True, {"pending": 5, "stuck_for": 61, "store_error": "no space"}),
        ("store_fails", False, {"store_error": "no space"}),
        ("journal_scarce", False, {"journal_scarce": "1 MB"}),
    ],
)
def test_what_is_wrong_is_said_in_both_languages(key, fault, more):
    found = findings(replace(WELL, **more))
    assert [(one.key, one.fault) for one in found] == [(key, fault)]
    assert healthy(found) is not fault
    assert all("{" not in one.words[language] for one in found for language in ("zh", "en"))


def test_an_open_socket_is_not_health_and_an_empty_house_is_not_ill():
    assert findings(WELL) == []
    assert not healthy(findings(replace(WELL, quiet_for=10_000)))
    assert findings(replace(WELL, quiet_for=10_000, expecting=False)) == []
    assert findings(replace(WELL, pending=100, stuck_for=5)) == [], "a batch takes its time"


def fetched(address):
    try:
        with urllib.request.urlopen(address, timeout=20) as answer:  # noqa: S310 - our own
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def wait_until(true, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def test_health_and_metrics_over_http_while_the_broker_comes_and_goes(folder, mosquitto_broker):
    import paho.mqtt.publish as publish

    store = open_store(folder.readings, create=True)
    address = BrokerAddress(host="127.0.0.1", port=mosquitto_broker.port)
    with Ingest(folder, store, address, lambda: ASSETS, http="0") as ingest:
        assert ingest.page.startswith("http://127.0.0.1:")
        now_ms = int(time.time() * 1000)
        topics = ("s/EL-1", "s/EL-1", "s/EL-9", 'x"y/EL-1')
        bodies = [json.dumps({"ts": now_ms - i, "v": {"motor_temperature": 40 + 960 * (i == 1)}}) for i in range(4)]
        publish.multiple(
            [(f"serviceday/v1/{topic}/telemetry", body, 1, False) for topic, body in zip(topics, bodies, strict=True)],
            port=mosquitto_broker.port,
        )
        wait_until(lambda: ledger(folder)["journalled"] == 4)
        status, body = fetched(f"{ingest.page}/healthz")
        said = json.loads(body)
        assert (status, said["healthy"]) == (200, True)
        assert [one for one in said["findings"] if "journal_scarce" not in str(one)] == []  # this disk may be small
        _, text = fetched(f"{ingest.page}/metrics")
        samples = {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        assert samples["serviceday_readings_stored_total",] == 1
        assert samples["serviceday_quarantine_items", "out_of_range"] == 1
        assert samples["serviceday_quarantine_items", "unknown_asset"] == 1
        assert samples["serviceday_site_messages", "s"] == 3
        assert samples["serviceday_site_messages", "other"] == 1, "no label comes from the network"
        assert samples["serviceday_healthy",] == 1
        assert fetched(f"{ingest.page}/etc/passwd")[0] == 404
        mosquitto_broker.stop()
        wait_until(lambda: fetched(f"{ingest.page}/healthz")[0] == 503)
        assert json.loads(fetched(f"{ingest.page}/healthz")[1])["findings"][0]["key"] == "not_connected"
        mosquitto_broker.start()
        wait_until(lambda: fetched(f"{ingest.page}/healthz")[0] == 200)
    with reading(folder.journal) as connection:
        known = read_overview([connection], ASSETS, catalogue(), datetime.now(UTC))
    assert known.adds_up
    assert known.notes["health"]["ended"]
    assert known.states[State.LIVE] == 1


def test_a_page_that_cannot_be_served_is_said_in_one_line():
    with served("0", {}) as address, pytest.raises(CannotCommunicate) as refusal, served(address.split("//")[1], {}):
        pass
    assert "\n" not in str(refusal.value)
    for wrong in ("", "here", "host:", "host:99999", ":x"):
        with pytest.raises(CannotParse):
            listen_address(wrong)
    assert listen_address("[::1]:9105") == ("::1", 9105)
    assert listen_address("9105") == ("127.0.0.1", 9105)


# -- the broker's limits ------------------------------------------------------------------------------------------


@pytest.fixture
def patient(monkeypatch):
    """A broker beside other tests may pause for longer than one that has nothing else to do."""
    monkeypatch.setattr("ingest.mqtt.probe.SETTLED", 5.0)


@pytest.mark.usefixtures("patient")
def test_a_brokers_limits_are_found_by_what_it_does(tmp_path, mosquitto_broker):
    import paho.mqtt.publish as publish

    publish.single("serviceday/v1/s/EL-1/telemetry", b"{}", 1, True, port=mosquitto_broker.port)
    address = BrokerAddress(host="127.0.0.1", port=mosquitto_broker.port)
    limits = probe(address)
    assert (limits.window, limits.queue, limits.keeps_sessions, limits.retained_readings) == (20, 0, True, 1)
    assert limits.mqtt5
    assert [one.key for one in limits.findings()][:2] == ["broker_window", "broker_retained"]
    config = mosquitto_broker._config
    config.write_text(config.read_text().replace("max_queued_messages 0", "max_queued_messages 300"))
    config.write_text(config.read_text().replace("max_inflight_messages 20", f"max_inflight_messages {PUBLISHED}"))
    mosquitto_broker.stop()
    mosquitto_broker.start()
    generous = probe(address)
    assert generous.window == 0 or generous.window > 200


@pytest.mark.usefixtures("patient")
def test_a_queue_that_drops_is_found(mosquitto_broker):
    config = mosquitto_broker._config
    config.write_text(config.read_text().replace("max_queued_messages 0", "max_queued_messages 300"))
    mosquitto_broker.stop()
    mosquitto_broker.start()
    limits = probe(BrokerAddress(host="127.0.0.1", port=mosquitto_broker.port))
    assert (limits.window, limits.queue) == (20, 300)
    assert "broker_queue" in [one.key for one in limits.findings()]


def test_a_broker_that_is_not_there_has_no_limits():
    assert probe(BrokerAddress(host="127.0.0.1", port=1)) is None
