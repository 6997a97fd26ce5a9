"""paho's client with another way of reading: a large buffer, PUBLISH packets by the hundred, acknowledgements at once.

Connecting, keepalive, TLS, reconnecting and every packet but PUBLISH at QoS 0 and 1 stay paho's own. It stands on
internals of paho 2.2 and is held to the stock client by a test that feeds the same bytes to both; with another paho
`new_client` gives the stock client, which is slower and does the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import paho.mqtt
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

from ingest.messages import Arrivals
from ingest.mqtt.packets import MALFORMED, take

WRITTEN_AGAINST = "2.2."
READ_AT_ONCE = 256 << 10  # bytes; with TLS one call gives a record of at most 16 KiB
READS = 32  # in a row, before other work gets its turn
PUBACK = 0x40

log = logging.getLogger(__name__)


class BatchClient(mqtt.Client):
    """Hands over what one read brought as `Arrivals`. With `on_batch` unset everything is as in the stock client."""

    on_batch: Callable[[Arrivals], None] | None = None

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._unread: list[bytes] = []  # the beginning of a packet that is not there whole
        self._unread_size = 0
        self._needed = 2  # bytes until there is something to do

    def reconnect(self) -> MQTTErrorCode:
        self._keep_unread(b"", 2)
        return super().reconnect()

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        if self.on_batch is None:
            return super().loop_read(max_packets)
        if self._sock is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        lost = self._receive()
        if self._unread_size >= self._needed:
            try:
                refused = self._handle_read()
            except Exception:
                # Whatever a broker sends, the thread that reads must live on: the connection is made anew.
                log.exception("a packet could not be handled")
                refused = MQTTErrorCode.MQTT_ERR_PROTOCOL
            if refused:
                return self._loop_rc_handle(refused)
            if self._sock is None:  # the broker said goodbye
                return MQTTErrorCode.MQTT_ERR_SUCCESS
        return self._loop_rc_handle(lost) if lost else MQTTErrorCode.MQTT_ERR_SUCCESS

    def _receive(self) -> MQTTErrorCode:
        """Read what is there."""
        for _ in range(READS):
            try:
                data = self._sock_recv(READ_AT_ONCE)
            except BlockingIOError:
                break
            except OSError as error:
                log.debug("reading failed: %s", error)
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            if not data:
                return MQTTErrorCode.MQTT_ERR_CONN_LOST
            self._unread.append(data)
            self._unread_size += len(data)
            with self._msgtime_mutex:
                self._last_bytes_received = time.monotonic()
            if self._unread_size >= READ_AT_ONCE or (len(data) < READ_AT_ONCE and not hasattr(self._sock, "pending")):
                break
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_read(self) -> MQTTErrorCode:
        data = b"".join(self._unread)
        at = 0
        while True:
            arrivals, at, needed = take(data, at, v5=self._protocol == mqtt.MQTTv5)
            if arrivals and self.on_batch is not None:
                self.on_batch(arrivals)
            if needed == MALFORMED:
                log.warning("the broker sent a malformed packet; connecting anew")
                return MQTTErrorCode.MQTT_ERR_PROTOCOL
            if needed:
                self._keep_unread(data[at:], needed)
                return MQTTErrorCode.MQTT_ERR_SUCCESS
            at, refused = self._handle_other(data, at)
            if refused or self._sock is None:
                self._keep_unread(b"", 2)
                return refused

    def _handle_other(self, data: bytes, at: int) -> tuple[int, MQTTErrorCode]:
        """Let paho handle the packet at `at`, which is there whole. Gives where it ends."""
        head = at + 2
        while data[head - 1] & 128:
            head += 1
        length = sum((byte & 127) << 7 * index for index, byte in enumerate(data[at + 1 : head]))
        packet = self._in_packet
        packet["command"], packet["have_remaining"], packet["remaining_length"] = data[at], 1, length
        packet["packet"], packet["pos"] = bytearray(data[head : head + length]), 0
        try:
            return head + length, self._packet_handle()
        finally:
            packet["command"], packet["have_remaining"], packet["remaining_length"] = 0, 0, 0
            packet["packet"] = bytearray()

    def _keep_unread(self, data: bytes, needed: int) -> None:
        self._unread = [data] if data else []
        self._unread_size = len(data)
        self._needed = needed

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Send PUBACK for each, in order, as one piece."""
        packets = np.empty((len(mids), 4), dtype=np.uint8)
        packets[:, 0] = PUBACK
        packets[:, 1] = 2
        packets[:, 2:] = np.array(mids, dtype=">u2").view(np.uint8).reshape(-1, 2)
        self._packet_queue(PUBACK, packets.tobytes(), mids[-1], 1)


def new_client(client_id: str, *, v5: bool = False) -> mqtt.Client:
    """A client that acknowledges only what it is told to and whose session outlives it: a `BatchClient` if possible."""
    kind = BatchClient if paho.mqtt.__version__.startswith(WRITTEN_AGAINST) else mqtt.Client
    if kind is mqtt.Client:
        log.warning("paho-mqtt %s is not the one that is known; receiving goes the slow way", paho.mqtt.__version__)
    return kind(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if v5 else False,
        protocol=mqtt.MQTTv5 if v5 else mqtt.MQTTv311,
        manual_ack=True,
    )
