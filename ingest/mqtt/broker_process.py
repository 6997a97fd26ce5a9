"""The embedded broker's own process: amqtt, made patient.

amqtt as it comes forgets a delivery that is not acknowledged within five seconds, takes in faster than it gives out
without limit, and keeps nothing for a subscriber without a user name. Here a delivery is kept until it is acknowledged,
whoever publishes faster than the subscribers read waits for the acknowledgement, and a persistent session outlives its
connection. All of it is in memory: what the broker has acknowledged and not yet delivered is lost when it is killed.
Written against amqtt 0.12.1, whose internals it extends.
"""

from __future__ import annotations

import asyncio
import ctypes
import hmac
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import amqtt.broker
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import INCOMING, Session

FROM_ONE_PUBLISHER = 64  # messages taken in and not yet passed on
PASSED_ON = 1000  # deliveries under way at one moment, over all subscribers
PR_SET_PDEATHSIG = 1
READY = b"ready\n"


class Everyone(BaseAuthPlugin):  # type: ignore[misc]  # amqtt is untyped
    """Lets everybody in: the broker listens on loopback only. A session may outlive its connection."""

    async def authenticate(self, *, session: Session) -> bool:
        return True


class Known(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in who gives user and password."""

    async def authenticate(self, *, session: Session) -> bool:
        credentials = f"{session.username or ''}\0{session.password or ''}".encode()
        return hmac.compare_digest(credentials, f"{self.config.user}\0{self.config.password}".encode())

    @dataclass
    class Config:
        user: str
        password: str


class PatientHandler(BrokerProtocolHandler):  # type: ignore[misc]
    """Keeps a delivery until it is acknowledged, over reconnects too."""

    async def _handle_qos1_message_flow(self, app_message: Any) -> None:
        session = self.session
        if app_message.direction == INCOMING or session is None:
            await super()._handle_qos1_message_flow(app_message)
            return
        again = app_message.publish_packet is not None
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        session.inflight_out[app_message.packet_id] = app_message
        self._puback_waiters[app_message.packet_id] = acknowledged
        app_message.publish_packet = app_message.build_publish_packet(dup=again)
        try:
            await self._send_packet(app_message.publish_packet)
            if self._reader_stopped.is_set():
                return  # the next connection of this session sends it again
            app_message.puback_packet = await acknowledged
        finally:
            self._puback_waiters.pop(app_message.packet_id, None)
        session.inflight_out.pop(app_message.packet_id, None)


class PatientBroker(amqtt.broker.Broker):  # type: ignore[misc]
    """Makes publishers wait when subscribers fall behind."""

    def __init__(self, config: dict[str, object]) -> None:
        super().__init__(config)
        self._broadcast_queue: asyncio.Queue[dict[str, object]] = asyncio.Queue(maxsize=PASSED_ON)

    async def _initialize_client_session(self, *args: object) -> tuple[BrokerProtocolHandler, Session]:
        handler, session = await super()._initialize_client_session(*args)
        if session.delivered_message_queue.maxsize == 0:
            session.delivered_message_queue = asyncio.Queue(maxsize=FROM_ONE_PUBLISHER)
        return handler, session

    async def _run_broadcast(self, running_tasks: deque[asyncio.Task[object]]) -> None:
        while len(running_tasks) >= PASSED_ON:
            await asyncio.wait([running_tasks[0]])
            while running_tasks and running_tasks[0].done():
                running_tasks.popleft()
        await super()._run_broadcast(running_tasks)


def die_with_parent(parent: int) -> None:
    """End when the process that started this one ends, however it ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


async def serve(inside: str, outside: str, secrets: Mapping[str, str]) -> None:
    """Run the broker until SIGTERM. Says `READY` on standard output once it accepts.

    `inside` and `outside` are host:port, the same where one listener is enough.
    """
    amqtt.broker.BrokerProtocolHandler = PatientHandler
    listeners: dict[str, dict[str, object]] = {"default": {"type": "tcp", "bind": inside}}
    if outside != inside:
        tls = {"ssl": True, "certfile": secrets["cert"], "keyfile": secrets["key"]}
        listeners["outside"] = {"type": "tcp", "bind": outside} | tls
    who = {name: secrets[name] for name in ("user", "password")} if secrets["password"] else {}
    room = "ingest.mqtt.broker_process" if __name__ == "__main__" else __name__
    broker = PatientBroker(
        {"listeners": listeners, "plugins": {f"{room}.Known" if who else f"{room}.Everyone": who}},
    )
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides
    await broker.start()
    os.write(sys.stdout.fileno(), READY)
    await asked_to_stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    die_with_parent(int(sys.argv[3]))
    asyncio.run(serve(sys.argv[1], sys.argv[2], json.load(sys.stdin)))
