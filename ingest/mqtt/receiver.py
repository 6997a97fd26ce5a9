"""From the broker to the journal: nothing is acknowledged before it is on disk.

The network thread only queues. A second thread takes everything that is waiting, commits it at once, then acknowledges
it, in order. While it commits, more arrives: batches grow by themselves under load, and a broker that hands out twenty
messages at a time is answered as soon as the disk has them. When the journal takes nothing more, nothing is
acknowledged: the broker's window fills, it waits, and all goes on by itself once the journal takes messages again.
"""

from __future__ import annotations

import logging
import socket
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from facility.connections import encrypted_port, speaks_tls, unreachable
from facility.errors import CannotCommunicate
from facility.i18n.messages import Sentence, foreign
from ingest.journal.journal import Full, Journal
from ingest.journal.subscriptions import note_filters, noted_filters
from ingest.messages import Arrival, Arrivals
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.client import BatchClient, new_client
from ingest.mqtt.host_state import HostState
from ingest.topics import TOPICS

ANSWERS_WITHIN = 10.0  # seconds for a broker to accept connection and subscription
WAITING_BYTES = 32 << 20  # received and not yet on disk; beyond it the network waits
BYTES_AT_ONCE = 8 << 20
RETRY_AFTER = 1.0  # seconds, when the journal refuses
COMPLAIN_EVERY = 60.0
KEEPALIVE = 30
SUBSCRIBED_AT_ONCE = 100  # topics in a packet
SESSION_KEPT = 0xFFFF_FFFF  # MQTT 5: until the broker's own limit

log = logging.getLogger(__name__)


class Receiver:
    """A persistent session with one broker, and the thread that commits and acknowledges.

    With `share` it is one of several that divide the messages among them (MQTT 5, `$share/{share}/...`).
    """

    def __init__(
        self,
        address: BrokerAddress,
        journal: Journal,
        *,
        on_journalled: threading.Event,
        filters: Sequence[str] = (TOPICS,),
        share: str = "",
        host_state: HostState | None = None,
    ) -> None:
        self._address = address
        self.refusing = ""  # why the journal takes nothing
        self._journal = journal
        self._on_journalled = on_journalled
        self._group = group = f"$share/{share}/" if share else ""
        self._topics = [group + topic_filter for topic_filter in filters]
        earlier = [*noted_filters(journal), group + TOPICS]
        self._stale = [topic for topic in dict.fromkeys(earlier) if topic not in self._topics]
        note_filters(journal, [*self._topics, *self._stale])
        self._v5 = bool(share)
        self._client = _client(address, f"serviceday-ingest-{journal.identity()}", v5=self._v5)
        self._host_state = host_state
        if host_state is not None:
            self._client.will_set(host_state.topic, host_state.offline, qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_disconnect = self._disconnected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received_one
        self._client.on_socket_open = _answer_at_once
        if isinstance(self._client, BatchClient):
            self._client.on_batch = self._received
        self._changed = threading.Condition()
        self._waiting: deque[tuple[int, Arrivals]] = deque()  # each with the epoch it came in
        self._waiting_messages = 0
        self._waiting_bytes = 0
        self._epoch = 0  # of the connection; an acknowledgement belongs to the one its message came by
        self._refused: Sentence | None = None
        self._subscribed_at_all = threading.Event()
        self._closing = False
        self._committer = threading.Thread(target=self._commit_until_closed, name="journal", daemon=True)
        self.last_packet = 0.0  # `time.monotonic()` of the last message

    def start(self) -> None:
        """Connect and subscribe. Raises `CannotCommunicate` if the broker is not there or refuses."""
        self._committer.start()
        try:
            if self._v5:
                properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
                properties.SessionExpiryInterval = SESSION_KEPT
                self._client.connect(
                    self._address.host, self._address.port, KEEPALIVE, clean_start=False, properties=properties
                )
            else:
                self._client.connect(self._address.host, self._address.port, KEEPALIVE)
        except (OSError, ValueError) as error:
            self.stop()
            raise unreachable(self._address, error) from None
        self._client.loop_start()
        deadline = time.monotonic() + ANSWERS_WITHIN
        while not self._subscribed_at_all.wait(0.05):
            if self._refused or time.monotonic() > deadline:
                silent = Sentence("no answer within {seconds:g} s", seconds=ANSWERS_WITHIN)
                reason = self._refused or silent
                self.stop()
                if not (self._refused or self._address.tls) and speaks_tls(self._address.host, self._address.port):
                    raise encrypted_port(self._address)
                raise CannotCommunicate(
                    "the broker at {address} does not let us in: {reason}",
                    "Check user, password, and the right to subscribe to {topics}",
                    address=self._address,
                    reason=reason,
                    topics=list(self._topics),
                )

    def stop(self) -> None:
        """Take nothing more, bring what has arrived to disk, acknowledge it, and leave; the session stays."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._committer.ident is not None:
            self._committer.join()
        if self._host_state is not None and self._client.is_connected():
            self._client.publish(self._host_state.topic, self._host_state.offline, qos=1, retain=True)
        deadline = time.monotonic() + 2
        while self._client.want_write() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, requests: Sequence[tuple[str, bytes]]) -> None:
        """Publish what codecs ask for, such as a rebirth; it is not waited for, and asked for again if it is lost."""
        for topic, payload in requests:
            self._client.publish(topic, payload, qos=0)

    def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe to what codecs have learned of, from now on and after every reconnect."""
        new = [self._group + topic for topic in dict.fromkeys(topics) if self._group + topic not in self._topics]
        if new:
            self._topics += new
            with suppress(sqlite3.Error, OSError):
                note_filters(self._journal, self._topics)
            for begin in range(0, len(new), SUBSCRIBED_AT_ONCE):
                self._client.subscribe([(topic, 1) for topic in new[begin : begin + SUBSCRIBED_AT_ONCE]])

    @property
    def connected(self) -> bool:
        return self._client.is_connected() and self._subscribed_at_all.is_set()

    def waiting(self) -> int:
        """Messages received and not yet on disk."""
        with self._changed:
            return self._waiting_messages

    # -- the network thread ---------------------------------------------------------------------------------------

    def _connected(
        self, client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        with self._changed:
            self._epoch += 1
        if reason.is_failure:
            self._refused = foreign(str(reason))
            log.warning("broker %s refuses: %s", self._address, reason)
            return
        if self._stale:
            client.unsubscribe(self._stale)  # of an earlier start with another list: the broker keeps our session
        for begin in range(0, len(self._topics), SUBSCRIBED_AT_ONCE):
            client.subscribe([(topic, 1) for topic in self._topics[begin : begin + SUBSCRIBED_AT_ONCE]])

    def _subscribed(
        self, _client: mqtt.Client, _data: object, _mid: int, granted: list[ReasonCode], _properties: object
    ) -> None:
        if any(code.is_failure for code in granted):
            self._refused = Sentence("subscription refused")
            log.warning("broker %s refuses the subscription to %s", self._address, ", ".join(self._topics))
            return
        with suppress(sqlite3.Error, OSError):  # of a full disk the committing thread complains
            note_filters(self._journal, self._topics)
        if self._host_state is not None:
            self._client.publish(self._host_state.topic, self._host_state.online, qos=1, retain=True)
        log.info("receiving from %s", self._address)
        self._subscribed_at_all.set()

    def _disconnected(
        self, _client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _properties: object
    ) -> None:
        with self._changed:
            self._epoch += 1
        if not self._closing:
            log.warning("connection to %s lost (%s); trying again", self._address, reason)

    def _received_one(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        """As the stock client hands it over."""
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
        self._received(Arrivals.of([arrival]))

    def _received(self, arrivals: Arrivals) -> None:
        with self._changed:
            while self._waiting_bytes > WAITING_BYTES and not self._closing:
                self._changed.wait(1)
            if self._closing:
                return  # not acknowledged: the broker keeps it
            if self._waiting and self._waiting[-1][0] == self._epoch and not self._waiting[-1][1].full:
                self._waiting[-1][1].extend(arrivals)
            else:
                self._waiting.append((self._epoch, arrivals))
            self._waiting_bytes += arrivals.size
            self._waiting_messages += len(arrivals)
            self.last_packet = time.monotonic()
            self._changed.notify_all()

    # -- the committing thread ------------------------------------------------------------------------------------

    def _commit_until_closed(self) -> None:
        while batch := self._take():
            refused_since = 0.0
            while refusal := self._refusal([arrivals for _, arrivals in batch]):
                now = time.monotonic()
                if not refused_since or now - refused_since > COMPLAIN_EVERY:
                    refused_since = now
                    log.error("the journal takes nothing (%s); nothing is acknowledged until it does again", refusal)
                if self._closing:
                    return  # not acknowledged: the broker keeps it
                time.sleep(RETRY_AFTER)
            if refused_since:
                log.warning("the journal takes messages again")
            for epoch, arrivals in batch:
                self._acknowledge(epoch, arrivals)
            with self._changed:
                self._waiting_messages -= sum(len(arrivals) for _, arrivals in batch)
                self._waiting_bytes -= sum(arrivals.size for _, arrivals in batch)
                self._changed.notify_all()

    def _take(self) -> list[tuple[int, Arrivals]]:
        """All that is waiting, up to a size; empty only when closing."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            batch = []
            taken = 0
            while self._waiting and taken < BYTES_AT_ONCE:
                waiting = self._waiting.popleft()
                taken += waiting[1].size
                batch.append(waiting)
            return batch

    def _refusal(self, batches: Sequence[Arrivals]) -> Exception | None:
        """Bring messages to disk. Gives the reason if the journal did not take them."""
        try:
            self._journal.keep(batches)
        except (sqlite3.Error, OSError, Full) as error:
            self.refusing = str(error) or type(error).__name__
            return error
        self.refusing = ""
        self._on_journalled.set()
        return None

    def _acknowledge(self, epoch: int, arrivals: Arrivals) -> None:
        mids = [mid for mid in arrivals.mids if mid]
        with self._changed:
            if not mids or epoch != self._epoch:
                return  # of a connection that is gone: the broker will deliver it again
            if isinstance(self._client, BatchClient):
                self._client.acknowledge(mids)
            else:
                for mid in mids:
                    self._client.ack(mid, 1)


def _answer_at_once(_client: mqtt.Client, _data: Any, connection: Any) -> None:
    """Acknowledgements are small and waited for: do not gather them."""
    with suppress(OSError):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _client(address: BrokerAddress, client_id: str, *, v5: bool) -> mqtt.Client:
    client = new_client(client_id, v5=v5)
    client.connect_timeout = 5.0
    client.reconnect_delay_set(1, 30)
    if address.user:
        client.username_pw_set(address.user, address.password)
    if address.tls:
        client.tls_set_context(address.tls_context())
    return client
