"""Our own clock: told from devices that are off alike, never confused with theirs, and put right without help."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import paho.mqtt.publish as publish
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.messages import Arrival, Message
from ingest.monitor.health import Facts, findings
from ingest.monitor.host_clock import HostClock
from ingest.sink import Sink

NOW_US = 1_760_000_000_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
ASSETS = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(10)}
LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
ROOT = Path(__file__).parents[2]


def batch(seq, arrived_us):
    return [Message(seq, arrived_us, "", b"")]


def ways(skew_us, *, devices=10, odd=()):
    return {f"EL-{index}": skew_us + index * 1000 for index in range(devices)} | dict(odd)


# -- judging ----------------------------------------------------------------------------------------------------------


@given(st.integers(-48 * 60, 48 * 60), st.integers(3, 40))
def test_what_nearly_all_devices_say_is_our_own_fault(minutes, devices):
    clock = HostClock()
    clock.observe(ways(minutes * MINUTE, devices=devices), batch(1, NOW_US), base_us=0, boot="b")
    if abs(minutes) > 2:
        assert clock.state.skew_us == pytest.approx(minutes * MINUTE, abs=100_000)
        assert clock.state.devices == devices
    elif abs(minutes) < 2:
        assert clock.state.skew_us == 0


def test_devices_that_disagree_are_wrong_themselves():
    clock = HostClock()
    odd = {f"EL-{index}": -index * HOUR for index in range(3)}
    clock.observe(ways(0, odd=odd), batch(1, NOW_US), base_us=0, boot="b")
    assert clock.state.skew_us == 0
    clock = HostClock()
    clock.observe({"EL-1": -HOUR, "EL-2": -HOUR}, batch(1, NOW_US), base_us=0, boot="b")
    assert clock.state.skew_us == 0, "two devices may share a wrong gateway"


def test_a_gateway_that_is_ahead_is_not_our_clock_behind():
    """All devices stand behind one gateway: what it said of the future is not taken in when it is mended."""
    clock = HostClock()
    clock.observe(ways(-HOUR), batch(1, NOW_US), base_us=0, boot="b")
    assert clock.state.skew_us
    for number in range(2, 20):
        clock._window = type(clock._window)()
        clock.observe(ways(0), batch(number, NOW_US + number), base_us=0, boot="b")
    assert not clock.state.skew_us
    assert clock.right_again() == []


def test_a_clock_that_was_set_proves_itself():
    clock = HostClock()
    clock.observe(ways(0), batch(1, NOW_US), base_us=0, boot="b")
    clock.observe(ways(-HOUR), batch(2, NOW_US - HOUR), base_us=-HOUR, boot="b")
    assert clock.right_again() == []
    clock.observe(ways(0), batch(3, NOW_US + MINUTE), base_us=0, boot="b")
    (period,) = clock.right_again()
    assert (period.first, period.last) == (2, 2)
    assert period.skew_us == pytest.approx(-HOUR, abs=MINUTE)
    assert clock.right_again() == []


def test_messages_that_come_before_earlier_ones_prove_it_over_a_restart(tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    clock = HostClock()
    clock.observe(ways(0), batch(1, NOW_US), base_us=0, boot="first")
    clock.observe(ways(-5 * HOUR), batch(2, NOW_US - 5 * HOUR), base_us=-5 * HOUR, boot="second")
    with journal.transaction() as writer:
        clock.save(writer)
        again = HostClock()
        again.load(writer)
    assert again.state == clock.state
    again.observe(ways(0), batch(3, NOW_US + MINUTE), base_us=77, boot="third")
    assert [period.ours for period in again.right_again()] == [True]
    journal.close()


def test_it_is_told_in_both_languages():
    usual = {
        "connected": True,
        "quiet_for": 0,
        "quiet_after": 900,
        "expecting": True,
        "refusing": "",
        "pending": 0,
        "stuck_for": 0,
        "store_error": "",
        "adds_up": True,
    }
    (behind,) = findings(Facts(**usual, skew_us=-HOUR, skew_devices=9))
    assert behind.fault
    assert "3600" in behind.words["en"]
    assert "本机时钟" in behind.words["zh"]
    (ahead,) = findings(Facts(**usual, skew_us=HOUR, skew_devices=9))
    assert not ahead.fault


def test_readings_refused_under_a_clock_that_was_behind_come_back_and_those_of_a_wrong_device_do_not(
    tmp_path, monkeypatch
):
    folder = DataFolder(tmp_path / "data").prepare()
    journal, store = Journal(folder.journal), open_store(folder.readings, create=True)
    sink = Sink(journal, store, lambda: ASSETS, catalogue(), host_clock=HostClock())
    sink.recover()
    clock = {"base": 0}
    monkeypatch.setattr("ingest.sink.base_now", lambda: (clock["base"], "b"))

    def speak(now_us, *, odd_by_us):
        for index, name in enumerate(ASSETS):
            at_us = now_us + (odd_by_us if index == 0 else 0)
            body = json.dumps({"ts": at_us // 1000, "v": {"trips": index}}).encode()
            topic = f"serviceday/v1/s/{name}/telemetry"
            journal.write([Arrival(0, False, topic, body, now_us + clock["base"])])
        while sink.step():
            pass

    speak(NOW_US, odd_by_us=24 * HOUR)
    assert (ledger(folder)["stored"], ledger(folder)["quarantined"]) == (9, 1)
    clock["base"] = -3 * HOUR
    speak(NOW_US + MINUTE, odd_by_us=24 * HOUR)
    assert (ledger(folder)["stored"], ledger(folder)["quarantined"]) == (9, 11)
    clock["base"] = 0
    speak(NOW_US + 2 * MINUTE, odd_by_us=24 * HOUR)
    shown = ledger(folder)
    assert (shown["stored"], shown["quarantined"]) == (27, 3), "the odd device stays where it is"
    rows = store.read()
    assert (rows["arrived"] - rows["time"]).max().total_seconds() < 60, "when it really arrived"
    journal.close()


# -- real processes ---------------------------------------------------------------------------------------------------


def wait_until(true, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)


@pytest.fixture
def under_a_clock(tmp_path, mosquitto_broker):
    """An ingest whose clock is what `set_clock` says; a broker and devices that know the time."""
    if LIBRARY is None or not shutil.which("faketime"):
        pytest.skip("faketime is not installed")
    offset, folder = tmp_path / "offset", DataFolder(tmp_path / "data").prepare()
    offset.write_text("+0")
    environment = os.environ | {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "SERVICEDAY_TEST_HASTE": "1",
    }

    def speak():
        stamp = int(time.time() * 1000)
        messages = [
            (f"serviceday/v1/s/{name}/telemetry", json.dumps({"ts": stamp, "v": {"trips": 1}}), 1, False)
            for name in ASSETS
        ]
        publish.multiple(messages, port=mosquitto_broker.port)

    command = [sys.executable, str(Path(__file__).with_name("ingest_child.py")), str(folder.path)]
    child = subprocess.Popen(
        [*command, str(mosquitto_broker.port)], cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    yield folder, offset.write_text, speak
    child.terminate()
    assert child.wait(90) == 0


def health(folder):
    with closing(sqlite3.connect(folder.journal)) as connection:
        row = connection.execute("SELECT value FROM notes WHERE name = 'health'").fetchone()
    return [one["key"] for one in json.loads(row[0])["findings"]] if row else []


@pytest.mark.slow
def test_a_clock_that_is_behind_is_told_and_made_good(under_a_clock):
    folder, set_clock, speak = under_a_clock
    speak()
    wait_until(lambda: ledger(folder)["stored"] == 10)
    set_clock("-2h")
    time.sleep(1.1)
    speak()
    wait_until(lambda: ledger(folder)["quarantined"] == 10)
    wait_until(lambda: "host_clock_behind" in health(folder))
    set_clock("+0")
    time.sleep(1.1)
    speak()
    wait_until(lambda: (ledger(folder)["stored"], ledger(folder)["quarantined"]) == (30, 0))
    wait_until(lambda: "host_clock_behind" not in health(folder))


@pytest.mark.slow
def test_a_clock_that_was_ahead_does_not_keep_the_journal(under_a_clock):
    folder, set_clock, speak = under_a_clock
    set_clock("+3d")
    time.sleep(1.1)
    speak()
    wait_until(lambda: ledger(folder)["stored"] == 10)
    wait_until(lambda: "host_clock_ahead" in health(folder))
    set_clock("+0")
    time.sleep(1.1)
    speak()
    wait_until(lambda: ledger(folder)["stored"] == 20)

    def messages_left():
        with closing(sqlite3.connect(folder.journal)) as connection:
            return connection.execute("SELECT count(*) FROM batches").fetchone()[0]

    wait_until(lambda: messages_left() == 0)
