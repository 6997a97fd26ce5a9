"""Gateways as they behave in the field: birth and last will, QoS 1, reconnect, store and forward.

One gateway a site. It keeps a bounded number of messages in flight and waits for the broker's PUBACKs, so a slow broker
slows the simulation and loses nothing. What is measured while the broker is away is kept and sent as batches later.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from facility.connections import encrypted_port, speaks_tls, unreachable
from facility.errors import CannotCommunicate
from facility.i18n.messages import Sentence, foreign
from simulators.payloads import Message, forwarded, status, status_topic

WINDOW = 60  # messages in flight over all gateways; brokers usually allow 20 a client and queue the rest
BACKLOG = 200_000  # messages a gateway keeps while offline, then the oldest go
CONNECT_WITHIN_S = 10.0
ACKNOWLEDGED_WITHIN_S = 60.0


# Native topic and payload as what the devices of a site publish in a language of their own.
Translate = Callable[[str, bytes], Sequence[tuple[str, bytes]]]


def _as_it_is(topic: str, payload: bytes) -> Sequence[tuple[str, bytes]]:
    return [(topic, payload)]


class Address(Protocol):
    """Where the broker is."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def tls(self) -> bool: ...
    @property
    def user(self) -> str: ...
    @property
    def password(self) -> str: ...
    def tls_context(self) -> ssl.SSLContext: ...


class Gateway:
    """The one MQTT client of a site's devices."""

    def __init__(self, address: Address, site: str, *, window: int = 20, run: str = "") -> None:
        self.address, self.site = address, site
        self.name = f"gw-{site}{f'-{run}' if run else ''}"
        self.acknowledged = 0
        self.dropped = 0
        self._window = window
        self._free = threading.Semaphore(window)
        self._connected = threading.Event()
        self._refused: Sentence | None = None
        self._births: set[int] = set()
        self._backlog: deque[Message] = deque(maxlen=BACKLOG)
        self.translate: Translate = _as_it_is
        self._client = client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=self.name, clean_session=False)
        client.max_inflight_messages_set(window)
        client.reconnect_delay_set(min_delay=1, max_delay=30)
        if address.user:
            client.username_pw_set(address.user, address.password or None)
        if address.tls:
            client.tls_set_context(address.tls_context())
        client.will_set(status_topic(site, self.name), status("offline", int(time.time() * 1000)), qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish

    def open(self) -> None:
        """Connect. Raises `CannotCommunicate` if the broker isn't there or refuses."""
        where = f"{self.address.host}:{self.address.port}"
        remedy = Sentence("Start a broker there, or name another with --broker mqtt://user:password@host:port")
        try:
            self._client.connect(self.address.host, self.address.port, keepalive=60)
        except (OSError, ValueError) as error:
            raise unreachable(where, error) from None
        self._client.loop_start()
        if not self._connected.wait(CONNECT_WITHIN_S):
            self._client.loop_stop()
            if not (self._refused or self.address.tls) and speaks_tls(self.address.host, self.address.port):
                raise encrypted_port(where)
            raise CannotCommunicate(
                "the MQTT broker at {where} {reason}",
                remedy,
                where=where,
                reason=self._refused or Sentence("does not greet back"),
            )

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    @property
    def waiting(self) -> int:
        """Messages kept until the broker is back."""
        return len(self._backlog)

    def publish(self, message: Message) -> None:
        """Send a message, or keep it while the broker is away. Blocks while the window is full."""
        if not self.connected:
            if len(self._backlog) == BACKLOG:
                self.dropped += 1
            self._backlog.append(message)
            return
        if self._backlog:
            self.forward()
        self._send(message)

    def forward(self) -> None:
        """Send what was kept, as batches."""
        messages = list(self._backlog)
        self._backlog.clear()
        for message in forwarded(messages):
            self._send(message)

    def drain(self, timeout_s: float = ACKNOWLEDGED_WITHIN_S) -> None:
        """Return when everything sent is acknowledged. Raises `CannotCommunicate` if the broker stays silent."""
        if self._backlog and self._connected.wait(timeout_s):
            self.forward()
        for _ in range(self._window):
            self._reserve(timeout_s)
        self._free.release(self._window)

    def close(self) -> None:
        """Say goodbye and disconnect."""
        if self.connected:
            topic, said = status_topic(self.site, self.name), status("offline", int(time.time() * 1000))
            farewell = self._client.publish(topic, said, qos=0, retain=True)
            farewell.wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self, message: Message) -> None:
        for topic, payload in self.translate(message.topic, message.payload):
            self._reserve(ACKNOWLEDGED_WITHIN_S)
            self._client.publish(topic, payload, qos=1)

    def _reserve(self, timeout_s: float) -> None:
        if not self._free.acquire(timeout=timeout_s):
            raise CannotCommunicate(
                "the MQTT broker at {where} acknowledged nothing in {seconds:.0f} s",
                "See that it runs and has room, then run the same command again to go on",
                where=f"{self.address.host}:{self.address.port}",
                seconds=timeout_s,
            )

    def _on_connect(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refused = Sentence("refuses the connection: {reason}", reason=foreign(str(reason)))
            return
        birth = client.publish(
            status_topic(self.site, self.name), status("online", int(time.time() * 1000)), qos=1, retain=True
        )
        self._births.add(birth.mid)
        self._connected.set()

    def _on_disconnect(
        self, _client: mqtt.Client, _data: object, _flags: object, _reason: object, _properties: object
    ) -> None:
        self._connected.clear()

    def _on_publish(self, _client: mqtt.Client, _data: object, mid: int, _reason: object, _properties: object) -> None:
        if mid in self._births:
            self._births.discard(mid)
            return
        self.acknowledged += 1
        self._free.release()


class Gateways:
    """The gateways of several sites; a message goes through its own site's."""

    def __init__(
        self,
        address: Address,
        sites: Iterable[str],
        *,
        window: int = WINDOW,
        run: str = "",
        translate: Translate | None = None,
    ) -> None:
        named = sorted(set(sites))
        share = max(2, min(20, window // max(1, len(named))))
        self._of_site = {site: Gateway(address, site, window=share, run=run) for site in named}
        for gateway in self._of_site.values():
            gateway.translate = translate or gateway.translate

    def __enter__(self) -> Self:
        opened: list[Gateway] = []
        try:
            for gateway in self._of_site.values():
                gateway.open()
                opened.append(gateway)
        except BaseException:
            for gateway in opened:
                gateway.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for gateway in self._of_site.values():
            gateway.close()

    def publish(self, message: Message) -> None:
        self._of_site[message.topic.split("/", 3)[2]].publish(message)

    def drain(self) -> None:
        for gateway in self._of_site.values():
            gateway.drain()

    @property
    def acknowledged(self) -> int:
        return sum(gateway.acknowledged for gateway in self._of_site.values())

    @property
    def waiting(self) -> int:
        return sum(gateway.waiting for gateway in self._of_site.values())
