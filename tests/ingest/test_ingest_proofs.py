"""What ingest promises, against everything that may go wrong, with real processes, a real broker and a real disk.

Each proof is run short with the other tests and long by `make soak`; the environment says how long:

    SERVICEDAY_SOAK_KILLS=50   SERVICEDAY_SOAK_FUZZ=1000000   SERVICEDAY_SOAK_ASSETS=2000   SERVICEDAY_SOAK_SECONDS=600
"""

import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from polars.testing import assert_frame_equal

from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.mqtt.address import BrokerAddress
from ingest.service import Ingest

CHILD = Path(__file__).with_name("ingest_child.py")
ROOT = Path(__file__).parents[2]
ASSETS = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(10)}
NOW_MS = int(time.time() * 1000)
FEW, MANY = "few", "many"

LONG = pytest.mark.parametrize(
    "length",
    [
        pytest.param(FEW, marks=[pytest.mark.slow, pytest.mark.timeout(1200)]),
        pytest.param(MANY, marks=[pytest.mark.soak, pytest.mark.timeout(7200)]),
    ],
)


def setting(name, otherwise):
    return int(os.environ.get(f"SERVICEDAY_SOAK_{name}", otherwise))


def wait_until(true, *, seconds=120, what="it did not come to pass"):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


class Device:
    """Publishes at QoS 1 as fast as its broker takes it, on a thread of its own, until told to stop."""

    def __init__(self, port, *, per_second=0, window=500):
        self.said = self.acknowledged = 0
        self._per_second = per_second
        self._window = window
        self._stopping = threading.Event()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
        self.client.max_inflight_messages_set(window)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_publish = self._count
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def _count(self, *_):
        self.acknowledged += 1

    def _publish(self):
        begin = time.monotonic()
        while not self._stopping.is_set():
            if self.said - self.acknowledged > 2 * self._window or (
                self._per_second and self.said > (time.monotonic() - begin) * self._per_second
            ):
                time.sleep(0.005)
                continue
            body = {"ts": NOW_MS - 80_000_000 + self.said, "v": {"trips": self.said}}
            self.client.publish(f"serviceday/v1/s/EL-{self.said % 10}/telemetry", json.dumps(body), 1)
            self.said += 1

    def __enter__(self):
        self._thread.start()
        return self

    def finish(self):
        """Say no more; return once the broker has taken all."""
        self._stopping.set()
        self._thread.join()
        wait_until(lambda: self.acknowledged == self.said, what="the broker did not take all")

    def __exit__(self, *_):
        self._stopping.set()
        self.client.disconnect()
        self.client.loop_stop()


def start_child(folder, port):
    child = subprocess.Popen(
        [sys.executable, str(CHILD), str(folder.path), str(port)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    return child


def end(child):
    child.terminate()
    assert child.wait(90) == 0


def settled(folder, messages):
    """All published messages have arrived and nothing waits."""
    counts = ledger(folder)
    return counts["messages"]["journalled"] >= messages and counts["pending"] == 0


def proven(folder, messages):
    """Every message published is in the store exactly once, and the books agree."""
    values = open_store(folder.readings).read()["value"]
    assert sorted(values.to_list()) == list(range(messages))
    shown = ledger(folder)
    assert shown["stored"] == messages
    assert shown["pending"] == shown["quarantined"] == 0
    assert shown["received"] == shown["stored"] + shown["duplicates"]
    counted = shown["messages"]
    assert counted["received"] == counted["journalled"] + counted["redelivered"]
    print(f"\n{messages} messages; {json.dumps(shown)}")
    return shown


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").prepare()


@LONG
@pytest.mark.parametrize("restarting", [False, True], ids=["broker lives", "broker restarts"])
def test_killed_at_random_moments_under_full_load(folder, mosquitto_broker, length, restarting):
    kills = setting("KILLS", 50) if length == MANY else 4
    chance = random.Random(f"{kills} {restarting}")
    child = start_child(folder, mosquitto_broker.port)
    with Device(mosquitto_broker.port) as device:
        for number in range(kills):
            time.sleep(chance.uniform(0.01, 2.0))
            child.send_signal(signal.SIGKILL)
            child.wait()
            if restarting and number % 3 == 2:
                mosquitto_broker.stop()
                mosquitto_broker.start()
            child = start_child(folder, mosquitto_broker.port)
        device.finish()
    wait_until(lambda: ledger(folder)["stored"] >= device.said and settled(folder, device.said), seconds=600)
    end(child)
    shown = proven(folder, device.said)
    if not restarting:  # a broker that restarts may be told again by its devices
        assert shown["duplicates"] == 0


class BadNetwork:
    """A TCP proxy that stalls, resets, loses acknowledgements, and lets old bytes arrive after a new connection's.

    Acknowledgements are lost first of all, as only that is certain to have messages sent again.
    """

    PUBACK = b"\x40\x02"

    def __init__(self, port, seed):
        self._target = port
        self._chance = random.Random(seed)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._open = deque(maxlen=2)
        self._held = threading.Event()
        self._held.set()
        self.healthy = threading.Event()
        self._losing = threading.Event()
        self._lost = threading.Event()
        self.troubles = 0
        for work in (self._accept, self._trouble):
            threading.Thread(target=work, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    broker = socket.create_connection(("127.0.0.1", self._target))
                except OSError:
                    client.close()
                    continue
                self._open.append((client, broker))
                for source, target in ((client, broker), (broker, client)):
                    threading.Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def _pass_on(self, source, target):
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if not self.healthy.is_set():
                    self._held.wait()
                if self._losing.is_set() and self.PUBACK in data:
                    self._lost.set()
                else:
                    target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)

    def _lose_acknowledgements(self):
        """From the first one lost on all are, and then the connection is gone."""
        self._losing.set()
        self._lost.wait()
        for one in self._open[-1]:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._losing.clear()

    def _trouble(self):
        self._lose_acknowledgements()
        while not self.healthy.is_set():
            self.troubles += 1
            time.sleep(self._chance.uniform(0.1, 1.5))
            client, broker = self._open[-1]
            match self._chance.randrange(4):
                case 0:
                    self._held.clear()
                    time.sleep(self._chance.uniform(0.1, 2.0))
                    self._held.set()
                case 1:  # gone on both sides, without a goodbye
                    for one in (client, broker):
                        with suppress(OSError):
                            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                            one.shutdown(socket.SHUT_RD)  # who is still reading keeps a closed socket alive
                            one.close()
                case 2:  # gone for the client; to the broker it lives on until the session is taken over
                    with suppress(OSError):
                        client.shutdown(socket.SHUT_RDWR)
                case _:  # what is under way on the old connection arrives when the new one is there already
                    self._held.clear()
                    with suppress(OSError):
                        client.shutdown(socket.SHUT_RD)
                    time.sleep(1.3)
                    self._held.set()


@LONG
def test_a_bad_network(folder, mosquitto_broker, length):
    troubles = 120 if length == MANY else 8
    network = BadNetwork(mosquitto_broker.port, troubles)
    child = start_child(folder, network.port)
    with Device(mosquitto_broker.port) as device:
        wait_until(lambda: network.troubles >= troubles, seconds=600, what="the network stayed good")
        device.finish()
    network.healthy.set()
    network._held.set()
    wait_until(lambda: settled(folder, device.said), seconds=600)
    end(child)
    shown = proven(folder, device.said)
    assert shown["redelivered"] + shown["duplicates"] > 0, "acknowledgements were lost and nothing was sent again"


@LONG
def test_a_store_that_refuses_for_long(folder, mosquitto_broker, length, monkeypatch):
    """Costs journal and nothing else; ten minutes in full length."""
    seconds = setting("SECONDS", 600) if length == MANY else 5
    store = open_store(folder.readings, create=True)
    honest, refusing = store.append, threading.Event()
    refusing.set()

    def append(*arguments, **named):
        if refusing.is_set():
            raise OSError("refused")
        return honest(*arguments, **named)

    monkeypatch.setattr(store, "append", append)
    address = BrokerAddress(host="127.0.0.1", port=mosquitto_broker.port)
    with Ingest(folder, store, address, lambda: ASSETS), Device(mosquitto_broker.port, per_second=1000) as device:
        time.sleep(seconds)
        wait_until(lambda: ledger(folder)["pending"] > 900 * seconds)
        assert ledger(folder)["stored"] == 0
        refusing.clear()
        device.finish()
        wait_until(lambda: settled(folder, device.said), seconds=300)
    assert proven(folder, device.said)["duplicates"] == 0


@contextmanager
def small_disk(place, megabytes):
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk):
    """Take every byte that is left."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while file.write(b"x" * size):
                    pass
    return ballast


@LONG
def test_a_full_disk(tmp_path, mosquitto_broker, length):
    """Nothing is acknowledged while there is no room, nothing dies, and all goes on once there is room again."""
    rounds = 5 if length == MANY else 1
    with small_disk(tmp_path / "disk", 160) as disk:
        folder = DataFolder(disk / "data").prepare()
        child = start_child(folder, mosquitto_broker.port)
        with Device(mosquitto_broker.port, per_second=1500) as device:
            for _ in range(rounds):
                time.sleep(2)
                for _ in range(10):  # what ingest gives back is taken as well
                    ballast = fill(disk)
                    time.sleep(0.3)
                before = ledger(folder)["messages"]["journalled"]
                time.sleep(2)
                assert ledger(folder)["messages"]["journalled"] == before, "there was room after all"
                assert child.poll() is None
                ballast.unlink()
                wait_until(lambda: ledger(folder)["messages"]["journalled"] > before)  # noqa: B023
            device.finish()
        wait_until(lambda: settled(folder, device.said), seconds=300)
        end(child)
        proven(folder, device.said)


def test_a_full_journal_takes_nothing_and_goes_on_by_itself(folder, mosquitto_broker, monkeypatch):
    """At its limit it stops acknowledging; once the store has caught up and it is trimmed, it takes messages again."""
    monkeypatch.setattr("ingest.service.SYNC_EVERY", 0.5)
    monkeypatch.setattr("ingest.service.KEEP_MESSAGES", 0.0)
    monkeypatch.setattr("ingest.service.RETRY_AT_MOST", 1.0)
    monkeypatch.setattr("ingest.mqtt.receiver.RETRY_AFTER", 0.1)
    store = open_store(folder.readings, create=True)
    honest, refusing = store.append, threading.Event()
    refusing.set()

    def append(*arguments, **named):
        if refusing.is_set():
            raise OSError("refused")
        return honest(*arguments, **named)

    monkeypatch.setattr(store, "append", append)
    address = BrokerAddress(host="127.0.0.1", port=mosquitto_broker.port)
    service = Ingest(folder, store, address, lambda: ASSETS, journal_limit=600_000)
    with service, Device(mosquitto_broker.port, per_second=2000) as device:
        wait_until(lambda: service._receiver.refusing)
        taken = ledger(folder)["messages"]["journalled"]
        time.sleep(1)
        assert ledger(folder)["messages"]["journalled"] == taken
        refusing.clear()
        wait_until(lambda: ledger(folder)["messages"]["journalled"] > taken)
        device.finish()
        wait_until(lambda: settled(folder, device.said), seconds=300)
    assert proven(folder, device.said)["duplicates"] == 0


def nonsense(chance):
    """Topic and payload: bytes, JSON that is nearly right, numbers out of all bounds, nests without end."""
    site, name = chance.choice(["s", "t", "", "名", "s" * 300]), f"EL-{chance.randrange(12)}"
    topic = chance.choice(
        [f"serviceday/v1/{site}/{name}/telemetry"] * 6
        + [f"serviceday/v1/{site}/{name}/status", f"serviceday/v1/{site}/{name}/{chance.random()}", "serviceday/v1/"]
    )
    good = {"ts": NOW_MS - chance.randrange(10**8), "v": {"trips": chance.randrange(10**6), "noise": 50.5}}
    match chance.randrange(7):
        case 0:
            payload = chance.randbytes(chance.randrange(200))
        case 1:
            payload = json.dumps(good).encode()
        case 2:
            whole = bytearray(json.dumps(good).encode())
            for _ in range(chance.randrange(1, 6)):
                whole[chance.randrange(len(whole))] = chance.randrange(256)
            payload = bytes(whole)
        case 3:
            odd = [10**400, -1e308, None, True, "7", [], {}, "\ud800", float("nan"), 2**63, -(2**63), 85, 65535]
            payload = json.dumps({"ts": chance.choice([good["ts"], *odd]), "v": {"trips": chance.choice(odd)}}).encode()
        case 4:
            payload = b"[" * chance.randrange(1, 3000)
        case 5:
            times = [good["ts"] + index for index in range(chance.randrange(6))]
            values = [chance.choice([1, None, "x", 1e9]) for _ in range(chance.randrange(6))]
            payload = json.dumps(
                {"t": times, "v": {"trips": values, chance.choice(["noise", "x", ""]): values}}
            ).encode()
        case _:
            payload = json.dumps(good).encode()[: chance.randrange(60)]
    return topic.encode(), payload


def publish_raw(port, packets):
    """At QoS 1 from a bare socket; returns when all are acknowledged."""
    with socket.create_connection(("127.0.0.1", port)) as broker:
        broker.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04fuzz")
        assert broker.recv(4) == b"\x20\x02\x00\x00"
        answered, sent = 0, 0

        def answers():
            nonlocal answered
            got = 0
            while data := broker.recv(1 << 16):
                got += len(data)
                answered = got // 4

        threading.Thread(target=answers, daemon=True).start()
        piece = b""
        for topic, payload in packets:
            body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", sent % 65_535 + 1) + payload
            sent += 1
            piece += bytes([0x32, len(body) & 127 | 128, len(body) >> 7]) + body
            if len(piece) > 50_000:
                broker.sendall(piece)
                piece = b""
                while sent - answered > 10_000:
                    time.sleep(0.01)
        broker.sendall(piece)
        wait_until(lambda: answered == sent, seconds=300)
    return sent


@LONG
def test_random_payloads(folder, mosquitto_broker, length):
    """A million in full length: each is accounted for, and ingest lives."""
    count = setting("FUZZ", 1_000_000) if length == MANY else 5_000
    chance = random.Random(count)
    child = start_child(folder, mosquitto_broker.port)
    sent = publish_raw(mosquitto_broker.port, (nonsense(chance) for _ in range(count)))
    wait_until(lambda: settled(folder, sent), seconds=1800)
    assert child.poll() is None
    end(child)
    shown = ledger(folder)
    messages = shown["messages"]
    assert messages["journalled"] == sent == messages["decoded"] + messages["unreadable"]
    assert shown["received"] == shown["stored"] + shown["duplicates"] + shown["quarantined"]
    assert min(shown["stored"], shown["quarantined"], messages["unreadable"]) > count // 50
    assert open_store(folder.readings).size().readings == shown["stored"]
    journal = Journal(folder.journal)
    kept = journal._reader.execute("SELECT sum(count) FROM quarantine").fetchone()[0]
    journal.close()
    assert kept == shown["quarantined"]
    print(f"\n{sent} random payloads; {json.dumps(shown)}")


@LONG
def test_two_days_offline_and_then_everything_at_once(tmp_path, mosquitto_broker, length):
    """A day's readings of all assets, uploaded late and out of order by 40 gateways: the same store as in time."""
    assets = setting("ASSETS", 2000) if length == MANY else 80
    gateways, blocks = 40, 4
    fleet = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(assets)}
    midnight = NOW_MS // 86_400_000 * 86_400_000 - 3 * 86_400_000
    steps = 96 // blocks

    def message(asset, block):
        times = [midnight + 900_000 * (steps * block + step) for step in range(steps)]
        values = {
            key: [round((asset * 7 + block * steps + step) % 50 + offset, 3) for step in range(steps)]
            for key, offset in (("trips", 100), ("noise", 40.25), ("motor_temperature", 20.5))
        }
        return f"serviceday/v1/s/EL-{asset}/telemetry", json.dumps({"t": times, "v": values})

    def today(asset):
        return f"serviceday/v1/s/EL-{asset}/telemetry", json.dumps({"ts": NOW_MS - 60_000, "v": {"trips": 7}})

    in_time = [message(asset, block) for block in range(blocks) for asset in range(assets)]
    live = [today(asset) for asset in range(assets)]
    chance = random.Random(assets)
    uploads = [
        [message(asset, block) for asset in range(g, assets, gateways) for block in range(blocks)]
        for g in range(gateways)
    ]
    for upload in uploads:
        chance.shuffle(upload)
        upload += chance.choices(upload, k=len(upload) // 20)  # and some of it twice

    def gateway(index, messages):
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"gateway-{index}", clean_session=False)
        client.connect("127.0.0.1", mosquitto_broker.port)
        client.loop_start()
        for one in [client.publish(topic, body, 1) for topic, body in messages]:
            one.wait_for_publish(300)
        client.disconnect()
        client.loop_stop()

    def upload(folder, parts):
        store = open_store(folder.readings, create=True)
        address = BrokerAddress(host="127.0.0.1", port=mosquitto_broker.port)
        with Ingest(folder, store, address, lambda: fleet) as ingest:
            for part in parts:
                threads = [threading.Thread(target=gateway, args=one) for one in enumerate(part)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                wait_until(lambda: ledger(folder)["pending"] == 0, seconds=300)
            sent = sum(len(messages) for part in parts for messages in part)
            wait_until(lambda: settled(folder, sent), seconds=600)
            assert ingest.drain(60)
        return store, ledger(folder)

    orderly, first = upload(DataFolder(tmp_path / "in-time").prepare(), [[in_time], [live]])
    late, second = upload(DataFolder(tmp_path / "late").prepare(), [[live], uploads])
    assert first["stored"] == second["stored"] == assets * (96 * 3 + 1)
    assert second["late"] > assets * 90
    assert second["received"] == second["stored"] + second["duplicates"]
    columns = ["asset", "channel", "time", "value"]
    assert_frame_equal(orderly.read().select(columns), late.read().select(columns))
    assert_frame_equal(orderly.rollups(), late.rollups())
    assert_frame_equal(orderly.latest().select(columns), late.latest().select(columns))
    print(f"\n{assets} assets; late and out of order: {json.dumps(second)}")


@pytest.mark.slow
def test_several_ingests_share_the_messages(folder, mosquitto_broker):
    """Three processes of one group, one of them killed on the way: every message is stored once, the ledgers add up."""

    def member():
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder.path), str(mosquitto_broker.port), "group"],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        return child

    children = [member() for _ in range(3)]
    assert [file.name for file in folder.journals()] == ["journal.sqlite", "journal-2.sqlite", "journal-3.sqlite"]
    with Device(mosquitto_broker.port) as device:
        time.sleep(3)
        children[1].send_signal(signal.SIGKILL)
        children[1].wait()
        time.sleep(1)
        children[1] = member()
        time.sleep(1)
        device.finish()
    wait_until(lambda: settled(folder, device.said), seconds=300)
    for child in children:
        end(child)
    proven(folder, device.said)
    shares = []
    for file in folder.journals():
        journal = Journal(file)
        shares.append(journal.counts().messages_journalled)
        journal.close()
    assert len(shares) == 3
    assert min(shares) > 0


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_memory_stays_flat_at_full_load(folder, mosquitto_broker):
    seconds = setting("SECONDS", 600)
    child = start_child(folder, mosquitto_broker.port)
    sizes = []
    with Device(mosquitto_broker.port) as device:
        begin = time.monotonic()
        while time.monotonic() - begin < seconds:
            time.sleep(5)
            status = Path(f"/proc/{child.pid}/status").read_text()
            sizes.append(next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS")))
        device.finish()
    wait_until(lambda: settled(folder, device.said), seconds=600)
    end(child)
    third = len(sizes) // 3
    middle, last = (sum(part) / len(part) for part in (sizes[third : 2 * third], sizes[-third:]))
    print(f"\n{device.said} messages in {seconds} s; MB resident: {middle:.0f}, {last:.0f}, at most {max(sizes):.0f}")
    assert max(sizes) < 300
    assert last < middle * 1.1
    proven(folder, device.said)
