"""Listening to a broker for a while: what is published there, some of each topic, and nothing is kept of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from facility.connections import unreachable
from facility.errors import CannotCommunicate
from facility.i18n.messages import Sentence, foreign
from ingest.messages import Message
from ingest.mqtt.address import BrokerAddress
from ingest.topics import ROOT

TOPICS_AT_MOST = 2_000
MESSAGES_AT_MOST = 5  # of a topic
PAYLOAD_AT_MOST = 64_000  # bytes
ANSWERS_WITHIN = 10.0


@dataclass(slots=True)
class Overheard:
    """What was heard."""

    messages: list[Message] = field(default_factory=list)  # some of each topic
    published: int = 0
    left_out: int = 0  # of topics beyond those that are kept, or too large


def listen(
    address: BrokerAddress,
    filters: Sequence[str],
    seconds: float,
    *,
    stop: threading.Event | None = None,
    on_message: Callable[[int], None] = lambda _count: None,
) -> Overheard:
    """Subscribe for some seconds at QoS 0 under a name of our own. Native topics are passed over.

    Raises `CannotCommunicate` if the broker is not there or refuses.
    """
    heard = Overheard()
    counts: dict[str, int] = {}
    refused: list[Sentence] = []
    ready = threading.Event()

    def received(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        if topic.startswith((ROOT, "$SYS/", "serviceday/probe/")):
            return
        heard.published += 1
        count = counts.get(topic, 0)
        if (count == 0 and len(counts) >= TOPICS_AT_MOST) or len(message.payload) > PAYLOAD_AT_MOST:
            heard.left_out += 1
            return
        counts[topic] = count + 1
        if count < MESSAGES_AT_MOST:
            payload = bytes(message.payload)
            heard.messages.append(Message(len(heard.messages) + 1, time.time_ns() // 1000, topic, payload))
        on_message(heard.published)

    def connected(client: mqtt.Client, _data: object, _flags: object, reason: object, _properties: object) -> None:
        if getattr(reason, "is_failure", False):
            refused.append(foreign(str(reason)))
            ready.set()
            return
        client.subscribe([(each, 0) for each in filters])

    def subscribed(
        _client: mqtt.Client, _data: object, _mid: int, granted: list[ReasonCode], _properties: Properties
    ) -> None:
        if any(code.is_failure for code in granted):
            refused.append(Sentence("subscription refused"))
        ready.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    client.on_message, client.on_connect, client.on_subscribe = received, connected, subscribed
    if address.user:
        client.username_pw_set(address.user, address.password)
    if address.tls:
        client.tls_set_context(address.tls_context())
    try:
        client.connect(address.host, address.port, 30)
    except (OSError, ValueError) as error:
        raise unreachable(address, error) from None
    client.loop_start()
    try:
        if not ready.wait(ANSWERS_WITHIN) or refused:
            silent = Sentence("no answer within {seconds:g} s", seconds=ANSWERS_WITHIN)
            raise CannotCommunicate(
                "the broker at {address} does not let us in: {reason}",
                "Check user, password, and the right to subscribe to {topics}",
                address=address, reason=refused[0] if refused else silent, topics=list(filters),
            )  # fmt: skip
        (stop or threading.Event()).wait(seconds)
    finally:
        client.disconnect()
        client.loop_stop()
    return heard
