"""Gateways against a real broker: all of it arrives, births and wills are told, outages are bridged."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from facility.errors import CannotCommunicate
from facility.folder import DataFolder
from simulators.gateway import Gateway
from simulators.payloads import Message, single, status_topic
from simulators.publishing import publish_history, publish_live
from simulators.simulation import Simulation

END = datetime(2026, 11, 24, 5, tzinfo=UTC)


@dataclass(frozen=True)
class Loopback:
    port: int
    host: str = "127.0.0.1"
    tls: bool = False
    user: str = ""
    password: str = ""

    def tls_context(self) -> ssl.SSLContext:
        raise AssertionError("not asked for")


class Listener:
    """Hears everything under serviceday/ with a persistent session."""

    def __init__(self, port: int) -> None:
        self.heard: list[mqtt.MQTTMessage] = []
        self._ready = threading.Event()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False)
        self.client.on_message = lambda _client, _data, message: self.heard.append(message)
        self.client.on_connect = lambda client, *_: client.subscribe("serviceday/#", qos=1)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.reconnect_delay_set(1, 1)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert self._ready.wait(10)

    def readings(self) -> int:
        return sum(
            sum(value is not None for column in payload["v"].values() for value in _listed(column))
            for payload in self.payloads("/telemetry")
        )

    def payloads(self, ending: str) -> list[dict[str, Any]]:
        return [json.loads(m.payload) for m in list(self.heard) if m.topic.endswith(ending)]


def _listed(column: object) -> list[object]:
    return column if isinstance(column, list) else [column]


def until(happened: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not happened():
        time.sleep(0.02)
    return happened()


@pytest.fixture
def listener(mosquitto: int) -> Iterator[Listener]:
    one = Listener(mosquitto)
    yield one
    one.client.loop_stop()


def test_a_history_arrives_whole_and_a_second_run_goes_on(mosquitto: int, listener: Listener, tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    made = Simulation.create(folder, assets=12, seed=5, start=END - timedelta(days=4), end=END)
    told: list[int] = []
    sent = publish_history(Loopback(mosquitto), made, on_progress=told.append)
    assert until(lambda: listener.readings() == sent.readings)
    assert told[-1] == sent.readings == made.published
    assert len(listener.payloads("/telemetry")) == sent.messages

    resumed = Simulation.resume(folder)
    assert (resumed.published, resumed.published_until) == (sent.readings, END)
    assert publish_history(Loopback(mosquitto), resumed).messages == 0
    more = publish_history(Loopback(mosquitto), resumed, until=END + timedelta(hours=6))
    assert more.readings > 0
    assert until(lambda: listener.readings() == sent.readings + more.readings)


def test_live_messages_arrive_singly_until_told_to_stop(mosquitto: int, listener: Listener) -> None:
    made = Simulation.create(None, assets=12, seed=5, start=END - timedelta(days=2), end=END)
    made.published_until = END - timedelta(hours=3)
    stop = threading.Event()

    def enough(readings: int) -> None:
        if readings > 300:
            stop.set()

    sent = publish_live(Loopback(mosquitto), made, END, speed=20_000, stop=stop, on_progress=enough)
    assert sent.readings > 300
    assert until(lambda: listener.readings() == sent.readings)
    assert all("ts" in payload for payload in listener.payloads("/telemetry"))


def test_birth_and_goodbye_are_retained(mosquitto: int, listener: Listener) -> None:
    gateway = Gateway(Loopback(mosquitto), "binhe")
    gateway.open()
    assert until(lambda: [p["state"] for p in listener.payloads("/status")] == ["online"])
    gateway.close()
    assert until(lambda: [p["state"] for p in listener.payloads("/status")] == ["online", "offline"])
    assert listener.heard[0].topic == status_topic("binhe", gateway.name)


def test_the_last_will_speaks_for_a_gateway_that_dies(mosquitto: int, listener: Listener) -> None:
    gateway = Gateway(Loopback(mosquitto), "binhe")
    gateway.open()
    assert until(lambda: len(listener.payloads("/status")) == 1)
    dying = gateway._client.socket()
    assert dying is not None
    gateway._client.reconnect_delay_set(30, 30)
    dying.shutdown(socket.SHUT_RDWR)
    assert until(lambda: [p["state"] for p in listener.payloads("/status")][:2] == ["online", "offline"])
    gateway.close()


def test_what_is_measured_during_an_outage_is_forwarded_after_it(mosquitto_broker: Any, listener: Listener) -> None:
    gateway = Gateway(Loopback(mosquitto_broker.port), "s")
    gateway.open()

    def measured(ts: int) -> Message:
        return single("serviceday/v1/s/L-1/telemetry", ts, {"noise": float(ts), "trips": 1.0})

    for ts in range(50):
        gateway.publish(measured(ts))
    gateway.drain()
    mosquitto_broker.stop()
    assert until(lambda: not gateway.connected)
    for ts in range(50, 500):
        gateway.publish(measured(ts))
    assert gateway.waiting == 450
    mosquitto_broker.start()
    assert until(lambda: gateway.connected, 30)
    gateway.drain()
    assert gateway.waiting == gateway.dropped == 0
    assert until(lambda: listener.readings() >= 1000)
    stamps: list[int] = []
    for payload in listener.payloads("/telemetry"):
        stamps += payload["t"] if "t" in payload else [payload["ts"]]
    assert sorted(set(stamps)) == list(range(500))
    gateway.close()


def test_a_broker_that_is_not_there_is_one_line() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Simulation.create(None, assets=2, seed=1, start=END - timedelta(days=1), end=END)
    with pytest.raises(CannotCommunicate, match="no broker answers") as refused:
        publish_history(Loopback(port), made)
    assert "\n" not in str(refused.value)
    assert "--broker" in str(refused.value)
