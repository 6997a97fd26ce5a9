"""What a broker will do to us: its limits, found by what it says and by what it does, before they hurt.

Two clients of our own on a topic of our own (`serviceday/probe/...`, which ingest does not take in): one publishes, one
listens and first acknowledges nothing. How many messages come is the broker's window; how many of the rest come once
they are acknowledged is its window and queue. What stays with the broker over a reconnect shows whether it keeps
sessions. Nothing of it lasts: the probe's session is deleted.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.findings import Finding
from ingest.mqtt.address import BrokerAddress
from ingest.topics import ROOT

PUBLISHED = 2_000  # more than most brokers queue by default
PUBLISHED_TO_OLD = 200  # a broker without MQTT 5 may be a small one, and must not be held up
SETTLED = 0.7  # seconds without another message: that was all
PATIENCE = 10.0
SMALL_WINDOW = 200  # messages; at 5 ms a commit some 40,000 a second
SMALL_PACKET = 100_000  # bytes; a gateway's batch has some 64,000
_PROBE = "serviceday/probe/"

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Limits:
    """What was found; None where it could not be told."""

    mqtt5: bool = False
    name: str = ""  # as $SYS/broker/version says
    window: int | None = None  # messages delivered and not acknowledged; 0: more than were tried
    queue: int | None = None  # messages kept beyond the window; 0: more than were tried
    keeps_sessions: bool | None = None
    retained_readings: int = 0
    max_packet: int | None = None
    session_seconds: int | None = None

    def findings(self) -> list[Finding]:
        """What will hurt, and what to do about it."""
        findings = []

        def say(key: str, **values: object) -> None:
            findings.append(Finding(key=f"broker_{key}", fault=False, values=values))

        if self.window is None:
            say("unknown", topic=f"{_PROBE}#")
        elif 0 < self.window < SMALL_WINDOW:
            say("window", window=self.window)
        if self.queue:
            say("queue", queue=self.queue)
        if self.keeps_sessions is False:
            say("sessions")
        if self.retained_readings:
            say("retained", retained=self.retained_readings)
        if self.max_packet is not None and self.max_packet < SMALL_PACKET:
            say("packet", bytes=self.max_packet)
        if "mosquitto" in self.name:
            say("persistence", name=self.name)
        return findings

    def shown(self) -> dict[str, object]:
        return asdict(self)


@dataclass(slots=True)
class _Heard:
    """What a listening client got."""

    probes: list[int] = field(default_factory=list)  # packet ids
    retained: int = 0
    name: str = ""
    at: float = 0.0
    connected: threading.Event = field(default_factory=threading.Event)
    refused: bool = False
    session_present: bool = False
    properties: object = None
    subscribed: threading.Event = field(default_factory=threading.Event)


def probe(address: BrokerAddress) -> Limits | None:
    """Find out a broker's limits; a matter of a few seconds. None where it cannot be reached."""
    limits = Limits()
    token = secrets.token_hex(6)
    topic = _PROBE + token
    for protocol in (mqtt.MQTTv5, mqtt.MQTTv311):
        heard = _Heard()
        listener = _client(address, f"serviceday-probe-{token}", protocol, heard)
        if _connect(listener, address, heard, clean=False):
            limits.mqtt5 = protocol == mqtt.MQTTv5
            break
        listener.loop_stop()
    else:
        return None
    try:
        _said_at_connect(limits, heard)
        _listen(listener, heard, [(topic, 1), (f"{ROOT}+/+/telemetry", 0), ("$SYS/broker/version", 0)])
        _until(lambda: bool(heard.name), SETTLED)
        listener.unsubscribe(f"{ROOT}+/+/telemetry")
        limits.retained_readings, limits.name = heard.retained, heard.name
        _window_and_queue(limits, address, topic, listener, heard)
        limits.keeps_sessions = _keeps_sessions(address, topic, listener, heard)
    finally:
        listener.disconnect()
        listener.loop_stop()
        _forget(address, f"serviceday-probe-{token}", limits.mqtt5)
    return limits


def _said_at_connect(limits: Limits, heard: _Heard) -> None:
    limits.max_packet = getattr(heard.properties, "MaximumPacketSize", None)
    limits.session_seconds = getattr(heard.properties, "SessionExpiryInterval", None)


def _window_and_queue(limits: Limits, address: BrokerAddress, topic: str, listener: mqtt.Client, heard: _Heard) -> None:
    with _Publisher(address, limits.mqtt5) as publisher:
        sent = publisher.publish(topic, PUBLISHED if limits.mqtt5 else PUBLISHED_TO_OLD)
    _until_settled(heard)
    window = len(heard.probes)
    if not sent or not window:
        return
    acknowledged = 0
    while waiting := heard.probes[acknowledged:]:
        for mid in waiting:
            listener.ack(mid, 1)
        acknowledged += len(waiting)
        _until(lambda seen=acknowledged: len(heard.probes) > seen, SETTLED)  # type: ignore[misc]
    limits.window = window if window < sent else 0
    limits.queue = acknowledged - window if acknowledged < sent else 0


def _keeps_sessions(address: BrokerAddress, topic: str, listener: mqtt.Client, heard: _Heard) -> bool | None:
    listener.disconnect()
    listener.loop_stop()
    heard.connected.clear()
    before = len(heard.probes)
    with _Publisher(address, listener.protocol == mqtt.MQTTv5) as publisher:
        if not publisher.publish(topic, 1):
            return None
    if not _connect(listener, address, heard, clean=False):
        return None
    return _until(lambda: heard.session_present and len(heard.probes) > before, 2.0)


def _forget(address: BrokerAddress, client_id: str, mqtt5: bool) -> None:
    heard = _Heard()
    client = _client(address, client_id, mqtt.MQTTv5 if mqtt5 else mqtt.MQTTv311, heard, clean=True)
    if _connect(client, address, heard, clean=True):
        client.disconnect()
    client.loop_stop()


class _Publisher:
    """Publishes at QoS 1 and counts what was acknowledged."""

    def __init__(self, address: BrokerAddress, mqtt5: bool) -> None:
        self._address = address
        self._heard = _Heard()
        protocol = mqtt.MQTTv5 if mqtt5 else mqtt.MQTTv311
        self._client = _client(address, f"serviceday-probe-{secrets.token_hex(6)}", protocol, self._heard, clean=True)
        self._client.max_inflight_messages_set(PUBLISHED)
        self._acknowledged = 0
        self._client.on_publish = self._published

    def _published(self, _client: mqtt.Client, _data: Any, _mid: int, reason: Any, _properties: Any) -> None:
        self._acknowledged += not reason.is_failure

    def publish(self, topic: str, count: int) -> int:
        """How many the broker took."""
        for number in range(count):
            self._client.publish(topic, str(number), 1)
        _until(lambda: self._acknowledged == count, PATIENCE)
        return self._acknowledged

    def __enter__(self) -> _Publisher:
        _connect(self._client, self._address, self._heard, clean=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def _client(
    address: BrokerAddress, client_id: str, protocol: MQTTProtocolVersion, heard: _Heard, *, clean: bool = False
) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        protocol=protocol,
        clean_session=clean if protocol != mqtt.MQTTv5 else None,
        manual_ack=True,
    )
    if address.user:
        client.username_pw_set(address.user, address.password)
    if address.tls:
        client.tls_set_context(address.tls_context())
    client.connect_timeout = 5.0

    def connected(_client: mqtt.Client, _data: Any, flags: Any, reason: Any, properties: Any) -> None:
        heard.refused, heard.properties = reason.is_failure, properties
        heard.session_present = bool(flags.session_present)
        heard.connected.set()

    def received(_client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        heard.at = time.monotonic()
        if message.topic.startswith(_PROBE):
            heard.probes.append(message.mid)
        elif message.topic.startswith("$SYS/"):
            heard.name = bytes(message.payload[:80]).decode("utf-8", "replace")
        elif message.retain:
            heard.retained += 1

    client.on_connect = connected
    client.on_message = received
    client.on_subscribe = lambda *_: heard.subscribed.set()
    return client


def _connect(client: mqtt.Client, address: BrokerAddress, heard: _Heard, *, clean: bool) -> bool:
    try:
        if client.protocol == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0 if clean else 60
            client.connect(address.host, address.port, 30, clean_start=clean, properties=properties)
        else:
            client.connect(address.host, address.port, 30)
    except (OSError, ValueError):
        return False
    client.loop_start()
    return heard.connected.wait(5) and not heard.refused


def _listen(client: mqtt.Client, heard: _Heard, topics: list[tuple[str, int]]) -> None:
    client.subscribe(topics)
    heard.subscribed.wait(PATIENCE)


def _until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _until_settled(heard: _Heard) -> None:
    """Until no message came for a while."""
    heard.at = time.monotonic()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() - heard.at < SETTLED and time.monotonic() < deadline:
        time.sleep(0.02)
