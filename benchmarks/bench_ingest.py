"""Ingest at a broker's speed: mosquitto, QoS 1, 150-byte JSON with three values, one publisher, one process.

Ingest receives, journals, decodes, stores and acknowledges; beside it, on the same stream, `mosquitto_sub > /dev/null`
and paho's stock client with an empty callback, which do nothing with what they receive. *Live* is while the publisher
publishes; *backlog* is what a persistent session has kept for a subscriber that was held still meanwhile.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import Any

from benchmarks.fast_publisher import LIFTS, asset, connect, packet
from facility.estate import Asset, Estate, Site
from facility.folder import DataFolder
from facility.records import Records
from ingest.journal.ledger import ledger

MESSAGES = int(os.environ.get("SERVICEDAY_BENCH_MESSAGES", "100000"))
WARM_UP = 2_000  # messages before the clock starts, for everyone
WINDOW = 10_000
TOPIC = "serviceday/v1/#"
STOCK = """
import sys
import paho.mqtt.client as mqtt
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="stock", clean_session=False)
left = int(sys.argv[2])
def received(client, data, message):
    global left
    left -= 1
    if not left:
        client.disconnect()
client.on_message = received
client.on_subscribe = lambda *_: print("ready", flush=True)
client.connect("127.0.0.1", int(sys.argv[1]))
client.subscribe("serviceday/v1/#", 1)
client.loop_forever()
"""


@contextmanager
def mosquitto(folder: Path, *, window: int) -> Iterator[int]:
    program = shutil.which("mosquitto", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\nmax_queued_messages 0\n"
        f"max_inflight_messages {window}\n"
    )
    process = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


class Subscriber:
    """One that receives `count` messages after the first `WARM_UP` and is done."""

    process: subprocess.Popen[str]

    def __init__(self, port: int, count: int) -> None:
        self.port, self.count = port, count

    def start(self) -> None:
        """Subscribe, and receive the first messages."""
        self.subscribe()
        publisher(self.port, WARM_UP).wait()
        time.sleep(3)

    def wait(self) -> None:
        self.process.wait(600)

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)


class MosquittoSub(Subscriber):
    def subscribe(self) -> None:
        command = f"exec mosquitto_sub -p {self.port} -t '{TOPIC}' -q 1 -i sub -c -C {WARM_UP + self.count} > /dev/null"
        self.process = subprocess.Popen(["sh", "-c", command], text=True)
        time.sleep(0.5)


class StockPaho(Subscriber):
    def subscribe(self) -> None:
        command = [sys.executable, "-c", STOCK, str(self.port), str(WARM_UP + self.count)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.process.stdout.readline()


class Ingest(Subscriber):
    """The ordinary `serviceday ingest` in a process of its own, on a data folder of its own."""

    def subscribe(self) -> None:
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.folder = DataFolder(Path(self.place.name) / "data").prepare()
        lifts = tuple(Asset(id=asset(index), kind="lift", site="park") for index in range(LIFTS))
        with Records(self.folder.records) as records:
            records.estate.put(Estate(sites=(Site(id="park"),), assets=lifts))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "commands.main", "ingest", "--data", str(self.folder.path)],
            env={**os.environ, "SERVICEDAY_BROKER": f"mqtt://127.0.0.1:{self.port}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline(), "ingest did not start"

    def wait(self) -> None:
        while ledger(self.folder)["stored"] != 3 * (WARM_UP + self.count):
            time.sleep(0.02)
        self.cpu_us = (self._cpu() - self._cpu_before) * 1e6 / self.count
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        (self.peak_mb,) = (int(line.split()[1]) >> 10 for line in status.splitlines() if line.startswith("VmHWM"))

    def start(self) -> None:
        super().start()
        self._cpu_before = self._cpu()

    def _cpu(self) -> float:
        """Seconds the process has computed so far."""
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def end(self) -> None:
        super().end()
        self.place.cleanup()


def publisher(port: int, count: int, first: int = 0, per_second: int = 0) -> subprocess.Popen[str]:
    """Begins to publish when this returns."""
    numbers = map(str, (port, count, first, per_second))
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.fast_publisher", *numbers], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def live(subscriber: Subscriber) -> float:
    """Messages a second while they are being published."""
    subscriber.start()
    try:
        with publisher(subscriber.port, subscriber.count, WARM_UP):
            begin = time.perf_counter()
            subscriber.wait()
            return subscriber.count / (time.perf_counter() - begin)
    finally:
        subscriber.end()


def backlog(subscriber: Subscriber) -> float:
    """Messages a second of what the broker kept meanwhile."""
    subscriber.start()
    try:
        subscriber.process.send_signal(signal.SIGSTOP)
        publisher(subscriber.port, subscriber.count, WARM_UP).wait()
        subscriber.process.send_signal(signal.SIGCONT)
        begin = time.perf_counter()
        subscriber.wait()
        return subscriber.count / (time.perf_counter() - begin)
    finally:
        subscriber.end()


Note = Callable[[dict[int, bytes], int, bytes], None]


class Tap:
    """Stands between broker and ingest, and notes when each message's acknowledgement comes back."""

    def __init__(self, port: int) -> None:
        self._broker_port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self.acknowledged: dict[bytes, float] = {}  # by payload
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listening.accept()
            broker = socket.create_connection(("127.0.0.1", self._broker_port))
            for one in (client, broker):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            under_way: dict[int, bytes] = {}
            for source, target, note in ((broker, client, self._published), (client, broker, self._answered)):
                threading.Thread(target=self._pass_on, args=(source, target, note, under_way), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, note: Note, under_way: dict[int, bytes]) -> None:
        rest = b""
        with suppress(OSError):
            while data := source.recv(1 << 16):
                rest += data
                while len(rest) > 3:
                    head = 3 if rest[1] & 128 else 2
                    size = head + (rest[1] & 127) + (rest[2] << 7 if head == 3 else 0)
                    if len(rest) < size:
                        break
                    note(under_way, rest[0] & 0xF0, rest[head:size])
                    rest = rest[size:]
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def _published(self, under_way: dict[int, bytes], kind: int, body: bytes) -> None:
        if kind == 0x30:
            at = 2 + int.from_bytes(body[:2])
            under_way[int.from_bytes(body[at : at + 2])] = body[at + 2 :]

    def _answered(self, under_way: dict[int, bytes], kind: int, body: bytes) -> None:
        if kind == 0x40 and (payload := under_way.get(int.from_bytes(body[:2]))):
            self.acknowledged[payload] = time.perf_counter()


def latency(port: int, *, count: int, per_second: int) -> dict[str, float]:
    """Milliseconds from publishing a message until it is durable and its acknowledgement has left ingest."""
    tap = Tap(port)
    subscriber = Ingest(tap.port, count)
    subscriber.start()
    broker = connect(port)
    threading.Thread(target=lambda: [None for _ in iter(lambda: broker.recv(1 << 16), b"")], daemon=True).start()
    published: dict[bytes, float] = {}
    begin = time.perf_counter()
    for number in range(WARM_UP, WARM_UP + count):
        time.sleep(max(0.0, begin + (number - WARM_UP) / per_second - time.perf_counter()))
        whole = packet(number)
        topic_size = int.from_bytes(whole[3:5])
        published[whole[3 + 2 + topic_size + 2 :]] = time.perf_counter()
        broker.sendall(whole)
    subscriber.wait()
    subscriber.end()
    broker.close()
    waits = [1e3 * (tap.acknowledged[payload] - moment) for payload, moment in published.items()]
    cuts = quantiles(waits, n=100)
    return {"p50": round(cuts[49], 1), "p99": round(cuts[98], 1)}


def measured(kind: type[Subscriber], way: Callable[[Subscriber], float], window: int, count: int) -> tuple[float, Any]:
    """Messages a second, and the subscriber; each on a broker of its own, which keeps nothing for the others."""
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name), window=window) as port:
        subscriber = kind(port, count)
        rate = way(subscriber)
        print(f"   {way.__name__}, {kind.__name__}: {rate:,.0f} messages/s", file=sys.stderr, flush=True)
        return rate, subscriber


def main() -> None:
    figures: dict[str, object] = {"messages": MESSAGES}
    for way in (live, backlog):
        ours, ingest = measured(Ingest, way, WINDOW, MESSAGES)
        sub, _ = measured(MosquittoSub, way, WINDOW, MESSAGES)
        stock, _ = measured(StockPaho, way, WINDOW, MESSAGES)
        figures |= {
            f"{way.__name__}_ingest_per_second": round(ours),
            f"{way.__name__}_mosquitto_sub_per_second": round(sub),
            f"{way.__name__}_stock_paho_per_second": round(stock),
            f"{way.__name__}_times_mosquitto_sub": round(ours / sub, 2),
            f"{way.__name__}_times_stock_paho": round(ours / stock, 2),
            f"{way.__name__}_peak_megabytes": ingest.peak_mb,
            f"{way.__name__}_cpu_microseconds_a_message": round(ingest.cpu_us, 1),
        }
    figures["window_20_per_second"] = round(measured(Ingest, live, 20, 20_000)[0])
    figures["window_20_mosquitto_sub_per_second"] = round(measured(MosquittoSub, live, 20, 20_000)[0])
    with tempfile.TemporaryDirectory() as name, mosquitto(Path(name), window=20) as port:
        figures["milliseconds_to_durable_at_1000_per_second"] = latency(port, count=10_000, per_second=1000)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
