"""Start and stop the embedded broker, a process of its own beside ingest.

It serves the demo and a small site. For more, give `--broker` the address of mosquitto, EMQX, HiveMQ or RabbitMQ.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facility.errors import CannotCommunicate, CannotDo
from facility.i18n.messages import Sentence
from facility.loopback import is_loopback
from ingest.mqtt.address import BrokerAddress

STARTS_WITHIN = 30.0  # seconds, on a busy machine
STOPS_WITHIN = 10.0


@contextmanager
def embedded_broker(
    host: str = "127.0.0.1",
    port: int = 1883,
    *,
    user: str = "",
    password: str = "",
    cert: Path | None = None,
    key: Path | None = None,
) -> Iterator[BrokerAddress]:
    """Run the broker while the block runs; it accepts connections once the block begins, and ends with this process.

    With a password everybody has to give it. With a certificate devices come by TLS, and we ourselves by a listener
    of our own on loopback. Port 0 takes any free port. Gives the address at which we reach it ourselves.

    Raises `CannotCommunicate` when the port is in use, `CannotDo` for an address that other machines could reach and
    no password.
    """
    if not is_loopback(host) and not (user and password):
        raise CannotDo(
            "the embedded broker does not listen on {host} without a password",
            "Set SERVICEDAY_BROKER_USER and SERVICEDAY_BROKER_PASSWORD_FILE, or name another broker with --broker",
            host=host,
        )
    if bool(cert) != bool(key):
        raise CannotDo("the embedded broker needs a certificate and its key, or neither", "Give --cert and --key")
    outside = _bind(host, _free(host, port))
    inside = _bind("127.0.0.1", _free("127.0.0.1", 0)) if cert else outside
    secrets = {"user": user, "password": password, "cert": str(cert or ""), "key": str(key or "")}
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest.mqtt.broker_process", inside, outside, str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None  # noqa: S101 - asked for with PIPE
    process.stdin.write(json.dumps(secrets).encode())  # not as arguments: others could read them there
    process.stdin.close()
    reached, port = ("127.0.0.1" if cert else _reached(host)), int(inside.rpartition(":")[2])
    try:
        _wait_until_ready(process, reached, port)
        yield BrokerAddress(host=reached, port=port, user=user, password=password)
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _bind(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reached(host: str) -> str:
    """Where we reach a listener ourselves that listens on every address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - not bound here


def _free(host: str, port: int) -> int:
    """The port, once it is known that nobody listens on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = error if isinstance(error, OSError) else Sentence("no such port")
            raise CannotCommunicate(
                "port {port} on {host} cannot be used by the embedded broker: {reason}",
                "Choose another with --port, or use the broker that is there with --broker mqtt://host:port",
                port=port,
                host=host,
                reason=reason,
            ) from None
        chosen: int = probe.getsockname()[1]
        return chosen


def _wait_until_ready(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    assert process.stdout is not None  # noqa: S101 - asked for with PIPE
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        answered = selector.select(STARTS_WITHIN)
    if not answered or not process.stdout.readline():
        raise CannotCommunicate(
            "the embedded broker did not start on {host}:{port}",
            "Choose another port with --port, or name a broker with --broker mqtt://host:port",
            host=host,
            port=port,
        )
