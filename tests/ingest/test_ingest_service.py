"""Ingest as a whole, on real brokers."""

import json
import logging
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from facility.errors import CannotCommunicate, CannotDo
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.messages import Arrivals
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.client import BatchClient
from ingest.mqtt.embedded import embedded_broker
from ingest.mqtt.receiver import Receiver
from ingest.service import Ingest

CHILD = Path(__file__).with_name("ingest_child.py")
ROOT = Path(__file__).parents[2]
ASSETS = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(10)}


class Publisher:
    """A device that publishes at QoS 1 and knows what was acknowledged."""

    def __init__(self, port, *, window=100):
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
        self.client.max_inflight_messages_set(window)
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.on_publish = self._acknowledged
        self.client.loop_start()
        self.said = self.acknowledged = 0

    def _acknowledged(self, *_):
        self.acknowledged += 1

    def say(self, number):
        """Reading `number`: each has its own identity."""
        body = {"ts": now_ms() - 80_000_000 + number, "v": {"trips": number}}
        self.publish(f"serviceday/v1/s/EL-{number % 10}/telemetry", json.dumps(body))

    def publish(self, topic, payload, *, qos=1):
        self.client.publish(topic, payload, qos)
        self.said += 1

    def all_acknowledged(self):
        # `wait_for_publish` raises for what was said while disconnected, though paho keeps it and sends it later
        wait_until(lambda: self.acknowledged == self.said, seconds=120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()


STARTED_MS = int(time.time() * 1000)


def now_ms():
    return STARTED_MS


def wait_until(true, *, seconds=60):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


def decoded(folder):
    counts = ledger(folder)
    return counts["messages"]["journalled"] if counts["pending"] == 0 else 0


def adds_up(folder):
    shown = ledger(folder)
    messages = shown["messages"]
    return (
        shown["received"] == shown["journalled"] == shown["stored"] + shown["duplicates"] + shown["quarantined"]
        and messages["received"] == messages["journalled"] + messages["redelivered"]
        and messages["journalled"] == messages["decoded"] + messages["unreadable"] + shown["pending"]
    )


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").prepare()


@pytest.fixture
def store(folder):
    return open_store(folder.readings, create=True)


def at(port):
    return BrokerAddress(host="127.0.0.1", port=port)


def test_end_to_end_with_the_embedded_broker(folder, store):
    with (
        embedded_broker(port=0) as address,
        Ingest(folder, store, address, lambda: ASSETS) as ingest,
        Publisher(address.port) as device,
    ):
        for number in range(500):
            device.say(number)
        device.publish("serviceday/v1/s/EL-1/telemetry", b"\x00garbage")
        device.publish("serviceday/v1/s/gw/status", b"online", qos=0)
        device.all_acknowledged()
        wait_until(lambda: ledger(folder)["messages"]["received"] == 502)
        assert ingest.drain(30)
    shown = ledger(folder)
    assert (shown["stored"], shown["quarantined"], shown["duplicates"], shown["pending"]) == (500, 1, 0, 0)
    assert store.size().readings == 500
    assert adds_up(folder)


def test_a_burst_of_history_through_the_embedded_broker_loses_nothing(folder, store):
    """More than the subscriber takes at once: large payloads, more than a thousand under way."""
    times = [now_ms() - 40_000_000 + 1000 * index for index in range(1500)]
    with (
        embedded_broker(port=0) as address,
        Ingest(folder, store, address, lambda: ASSETS) as ingest,
        Publisher(address.port, window=2000) as device,
    ):
        for number in range(1200):
            channel = ("trips", "energy", "run_time")[number % 3]
            body = json.dumps({"t": [t + number // 30 for t in times], "v": {channel: list(range(1500))}})
            device.publish(f"serviceday/v1/s/EL-{number // 3 % 10}/telemetry", body)
        device.all_acknowledged()
        wait_until(lambda: ledger(folder)["messages"]["journalled"] == 1200)
        assert ingest.drain(200)
    assert ledger(folder)["stored"] == 1200 * 1500
    assert adds_up(folder)


def test_nothing_is_acknowledged_before_it_is_on_disk(folder, mosquitto, monkeypatch):
    """Fails if the acknowledgement moves before the commit, or before the commit is known to have succeeded."""
    order = []
    honest_keep, honest_ack = Journal.keep, BatchClient.acknowledge
    healthy = threading.Event()

    def keep(self, batches):
        if not healthy.is_set():
            order.append(("failed", 0))
            raise sqlite3.OperationalError("disk I/O error")
        done = honest_keep(self, batches)
        order.extend(("on disk", mid) for batch in batches for mid in batch.mids)
        return done

    def acknowledge(self, mids):
        order.extend(("acknowledged", mid) for mid in mids)
        return honest_ack(self, mids)

    monkeypatch.setattr(Journal, "keep", keep)
    monkeypatch.setattr(BatchClient, "acknowledge", acknowledge)
    monkeypatch.setattr("ingest.mqtt.receiver.RETRY_AFTER", 0.1)
    journal = Journal(folder.journal)
    receiver = Receiver(at(mosquitto), journal, on_journalled=threading.Event())
    receiver.start()
    with Publisher(mosquitto) as device:
        for number in range(30):
            device.say(number)
        device.all_acknowledged()
        wait_until(lambda: order.count(("failed", 0)) > 3)
        assert {what for what, _ in order} == {"failed"}, "refused by the disk, so not acknowledged"
        healthy.set()
        wait_until(lambda: sum(what == "acknowledged" for what, _ in order) == 30)
    receiver.stop()
    for index, (what, mid) in enumerate(order):
        if what == "acknowledged":
            assert ("on disk", mid) in order[:index]
    assert journal.counts().messages_journalled == 30
    journal.close()


def test_an_acknowledgement_of_an_earlier_connection_is_not_sent(folder, mosquitto, monkeypatch):
    sent = []
    monkeypatch.setattr(BatchClient, "acknowledge", lambda self, mids: sent.extend(mids))
    journal = Journal(folder.journal)
    receiver = Receiver(at(mosquitto), journal, on_journalled=threading.Event())
    receiver.start()
    with Publisher(mosquitto) as device:
        device.say(1)
        wait_until(lambda: sent)
        receiver._acknowledge(receiver._epoch - 1, Arrivals(mids=[77]))
    receiver.stop()
    assert 77 not in sent
    journal.close()


def start_child(folder, port):
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder.path), str(port)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def killed_again_and_again(folder, broker, *, kills, seed, messages, restart_broker=False):
    chance = random.Random(seed)
    ingest = start_child(folder, broker.port)
    with Publisher(broker.port) as device:
        halfway = threading.Event()

        def publish():
            for number in range(messages):
                device.say(number)
                if number % 20 == 0:
                    time.sleep(0.002)
            halfway.set()

        publishing = threading.Thread(target=publish)
        publishing.start()
        for round_number in range(kills):
            time.sleep(chance.uniform(0.05, 0.9))
            ingest.send_signal(signal.SIGKILL)
            ingest.wait()
            if restart_broker and round_number % 2:
                broker.stop()
                broker.start()
            ingest = start_child(folder, broker.port)
        publishing.join()
        device.all_acknowledged()
    try:
        wait_until(lambda: ledger(folder)["stored"] >= messages and ledger(folder)["pending"] == 0)
    finally:
        ingest.terminate()
        assert ingest.wait(60) == 0
    return ledger(folder)


def test_kill_9_under_load_loses_nothing_and_counts_exactly(folder, mosquitto_broker):
    shown = killed_again_and_again(folder, mosquitto_broker, kills=3, seed=1, messages=4000)
    assert (shown["journalled"], shown["stored"], shown["duplicates"], shown["pending"]) == (4000, 4000, 0, 0)
    assert adds_up(folder)
    rows = open_store(folder.readings).read()
    assert sorted(rows["value"].to_list()) == list(range(4000))


@pytest.mark.slow
def test_kill_9_and_broker_restarts(folder, mosquitto_broker):
    """A restarted broker may be told again by its devices: every reading is there, none twice, all accounted for."""
    shown = killed_again_and_again(folder, mosquitto_broker, kills=8, seed=2, messages=20_000, restart_broker=True)
    assert shown["stored"] == 20_000
    assert adds_up(folder)
    assert open_store(folder.readings).size().readings == 20_000


def test_a_store_that_refuses_costs_only_journal(folder, store, mosquitto, monkeypatch):
    honest = store.append
    down = threading.Event()
    down.set()

    def append(*arguments, **named):
        if down.is_set():
            raise OSError("no space left on device")
        return honest(*arguments, **named)

    monkeypatch.setattr(store, "append", append)
    monkeypatch.setattr("ingest.service.RETRY_AT_MOST", 1.0)
    with Ingest(folder, store, at(mosquitto), lambda: ASSETS) as ingest, Publisher(mosquitto) as device:
        for number in range(100):
            device.say(number)
        device.all_acknowledged()
        wait_until(lambda: ledger(folder)["pending"] == 100)
        assert ledger(folder)["journalled"] == 0
        assert not ingest.drain(0.2)
        down.clear()
        assert ingest.drain(30)
    assert ledger(folder)["stored"] == 100
    assert adds_up(folder)


def test_a_broker_that_comes_back_is_subscribed_again(folder, store, mosquitto_broker):
    with Ingest(folder, store, at(mosquitto_broker.port), lambda: ASSETS), Publisher(mosquitto_broker.port) as device:
        device.say(1)
        wait_until(lambda: decoded(folder) == 1)
        mosquitto_broker.stop()
        device.say(2)
        mosquitto_broker.start()
        wait_until(lambda: decoded(folder) >= 2)
    assert ledger(folder)["stored"] == 2


def test_an_asset_registered_later_is_picked_up_with_what_it_said_before(folder, store, mosquitto):
    registry = {}
    with Ingest(folder, store, at(mosquitto), lambda: dict(registry)), Publisher(mosquitto) as device:
        device.say(1)
        wait_until(lambda: decoded(folder) == 1)
        assert ledger(folder)["quarantined"] == 1
        registry.update(ASSETS)
        time.sleep(0.6)
        device.say(2)
        wait_until(lambda: decoded(folder) == 2 and ledger(folder)["quarantined"] == 0)
    assert (ledger(folder)["stored"], ledger(folder)["replayed"]) == (2, 1)
    assert adds_up(folder)


def test_a_second_ingest_on_the_same_folder_is_refused(folder, store, mosquitto):
    with Ingest(folder, store, at(mosquitto), lambda: ASSETS):
        with pytest.raises(CannotDo) as refusal:
            Ingest(folder, store, at(mosquitto), lambda: ASSETS).start()
        assert "ingest, pid" in str(refusal.value)
    with Ingest(folder, store, at(mosquitto), lambda: ASSETS):
        """Free again."""


def test_a_broker_that_is_not_there(folder, store):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(CannotCommunicate) as refusal:
        Ingest(folder, store, at(port), lambda: ASSETS).start()
    assert f"127.0.0.1:{port}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    with folder.claim("free again"):
        pass


def test_a_port_in_use_is_said_in_one_line():
    with (
        embedded_broker(port=0) as address,
        pytest.raises(CannotCommunicate) as refusal,
        embedded_broker(port=address.port),
    ):
        pass
    assert str(address.port) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_embedded_broker_stays_on_this_machine():
    with pytest.raises(CannotDo), embedded_broker("0.0.0.0", 0):  # noqa: S104 - that it is refused is the point
        pass


def test_the_embedded_broker_dies_with_its_parent():
    script = (
        "import os, time\nfrom ingest.mqtt.embedded import embedded_broker\n"
        "with embedded_broker(port=0) as address:\n    print(address.port, flush=True)\n    time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert parent.stdout is not None
    port = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()

    def gone():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    wait_until(gone, seconds=20)


def test_a_subscriber_that_was_away_gets_what_it_missed(caplog):
    """The embedded broker keeps a persistent session's messages while the subscriber is away, and unanswered ones."""
    caplog.set_level(logging.CRITICAL)
    got = []

    def subscriber(port, manual):
        client = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id="ingest", clean_session=False, manual_ack=manual
        )
        subscribed = threading.Event()
        client.on_message = lambda _client, _data, message: got.append(int(message.payload))
        client.on_subscribe = lambda *_: subscribed.set()
        client.connect("127.0.0.1", port)
        client.subscribe("x/#", 1)
        client.loop_start()
        assert subscribed.wait(10)
        return client

    with embedded_broker(port=0) as address, Publisher(address.port) as device:
        first = subscriber(address.port, manual=True)
        for number in range(20):
            device.client.publish("x/y", str(number), 1).wait_for_publish(10)
        wait_until(lambda: len(got) == 20)
        first._sock_close()
        first.loop_stop()
        time.sleep(0.3)
        got.clear()
        for number in range(20, 40):
            device.client.publish("x/y", str(number), 1).wait_for_publish(10)
        second = subscriber(address.port, manual=False)
        wait_until(lambda: len(set(got)) == 40)
        second.disconnect()
        second.loop_stop()
    assert sorted(set(got)) == list(range(40))
