"""From the broker to the journal: nothing is acknowledged before it is on disk.

The network thread only queues. A second thread takes everything that is waiting, commits it at once, then acknowledges
it, in order. While it commits, more arrives: batches grow by themselves under load, and a broker that hands out twenty
messages at a time is answered as soon as the disk has them.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from facility.errors import CannotCommunicate
from ingest.address import BrokerAddress
from ingest.codec import TOPICS
from ingest.journal import Arrival, Journal

ANSWERS_WITHIN = 10.0  # seconds for a broker to accept connection and subscription
WAITING_BYTES = 32 << 20  # received and not yet on disk; beyond it the network waits
BYTES_AT_ONCE = 8 << 20
RETRY_AFTER = 1.0  # seconds, when the journal refuses

log = logging.getLogger(__name__)


class Receiver:
    """A persistent session with one broker, and the thread that commits and acknowledges."""

    def __init__(
        self,
        address: BrokerAddress,
        journal: Journal,
        *,
        on_journalled: threading.Event,
        filters: Sequence[str] = (TOPICS,),
    ) -> None:
        self._address = address
        self._filters = filters
        self.refusing = ""  # why the journal takes nothing
        self._journal = journal
        self._on_journalled = on_journalled
        self._client = _client(address, f"serviceday-ingest-{journal.identity()}")
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Arrival]] = deque()
        self._waiting_bytes = 0
        self._epoch = 0  # of the connection; an acknowledgement belongs to the one its message came by
        self._refused = ""
        self._subscribed_at_all = threading.Event()
        self._closing = False
        self._committer = threading.Thread(target=self._commit_until_closed, name="journal", daemon=True)
        self.last_packet = 0.0  # `time.monotonic()` of the last message

    def start(self) -> None:
        """Connect and subscribe. Raises `CannotCommunicate` if the broker is not there or refuses."""
        self._committer.start()
        try:
            self._client.connect(self._address.host, self._address.port, keepalive=30)
        except (OSError, ValueError) as error:
            self.stop()
            raise CannotCommunicate(
                f"no broker answers at {self._address}: {error}",
                "Start it, or name another with --broker mqtt://user:password@host:port",
            ) from None
        self._client.loop_start()
        deadline = time.monotonic() + ANSWERS_WITHIN
        while not self._subscribed_at_all.wait(0.05):
            if self._refused or time.monotonic() > deadline:
                reason = self._refused or f"no answer within {ANSWERS_WITHIN:g} s"
                self.stop()
                raise CannotCommunicate(
                    f"the broker at {self._address} does not let us in: {reason}",
                    "Check user, password, and the right to subscribe to " + ", ".join(self._filters),
                )

    def stop(self) -> None:
        """Take nothing more, bring what has arrived to disk, acknowledge it, and leave; the session stays."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._committer.ident is not None:
            self._committer.join()
        deadline = time.monotonic() + 2
        while self._client.want_write() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def connected(self) -> bool:
        return self._client.is_connected() and self._subscribed_at_all.is_set()

    def waiting(self) -> int:
        """Messages received and not yet on disk."""
        with self._changed:
            return len(self._waiting)

    # -- the network thread ---------------------------------------------------------------------------------------

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        with self._changed:
            self._epoch += 1
        if reason.is_failure:
            self._refused = str(reason)
            log.warning("broker %s refuses: %s", self._address, reason)
            return
        if TOPICS not in self._filters:
            client.unsubscribe(TOPICS)  # of an earlier start with another list
        client.subscribe([(one, 1) for one in self._filters])

    def _subscribed(
        self, _client: mqtt.Client, _data: Any, _mid: int, granted: list[ReasonCode], _properties: Any
    ) -> None:
        if any(one.is_failure for one in granted):
            self._refused = "subscription refused"
            log.warning("broker %s refuses the subscription to %s", self._address, ", ".join(self._filters))
            return
        log.info("receiving from %s", self._address)
        self._subscribed_at_all.set()

    def _disconnected(
        self, _client: mqtt.Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any
    ) -> None:
        with self._changed:
            self._epoch += 1
        if not self._closing:
            log.warning("connection to %s lost (%s); trying again", self._address, reason)

    def _received(self, _client: mqtt.Client, _data: Any, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = message._topic.decode("utf-8", "backslashreplace")
        arrival = Arrival(
            mid=message.mid if message.qos else 0,
            again=message.dup,
            topic=topic,
            payload=bytes(message.payload),
            arrived_us=time.time_ns() // 1000,
        )
        with self._changed:
            while self._waiting_bytes > WAITING_BYTES and not self._closing:
                self._changed.wait(1)
            if self._closing:
                return  # not acknowledged: the broker keeps it
            self._waiting.append((self._epoch, arrival))
            self._waiting_bytes += len(arrival.payload)
            self.last_packet = time.monotonic()
            self._changed.notify_all()

    # -- the committing thread ------------------------------------------------------------------------------------

    def _commit_until_closed(self) -> None:
        while batch := self._take():
            while not self._commit([arrival for _, arrival in batch]):
                if self._closing:
                    return  # not acknowledged: the broker keeps it
                time.sleep(RETRY_AFTER)
            for epoch, arrival in batch:
                self._acknowledge(epoch, arrival)

    def _take(self) -> list[tuple[int, Arrival]]:
        """All that is waiting, up to a size; empty only when closing."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch = []
            taken = 0
            while self._waiting and taken < BYTES_AT_ONCE:
                one = self._waiting.popleft()
                taken += len(one[1].payload)
                batch.append(one)
            self._waiting_bytes -= taken
            self._changed.notify_all()
            return batch

    def _commit(self, arrivals: Sequence[Arrival]) -> bool:
        try:
            self._journal.write(arrivals)
        except sqlite3.Error as error:
            log.error("the journal refuses (%s); nothing is acknowledged until it takes messages again", error)
            self.refusing = str(error)
            return False
        self.refusing = ""
        self._on_journalled.set()
        return True

    def _acknowledge(self, epoch: int, arrival: Arrival) -> None:
        if arrival.mid:
            with self._changed:
                if epoch == self._epoch:
                    self._client.ack(arrival.mid, 1)


def _client(address: BrokerAddress, client_id: str) -> mqtt.Client:
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=False,
        protocol=mqtt.MQTTv311,
        manual_ack=True,
    )
    client.connect_timeout = 5.0
    client.reconnect_delay_set(1, 30)
    if address.user:
        client.username_pw_set(address.user, address.password)
    if address.tls:
        client.tls_set_context(address.tls_context())
    return client
