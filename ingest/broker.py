"""Start and stop the embedded broker, a process of its own beside ingest.

It serves the demo and a small site. For more, give `--broker` the address of mosquitto, EMQX, HiveMQ or RabbitMQ.
"""

from __future__ import annotations

import ipaddress
import os
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facility.errors import CannotCommunicate, CannotDo
from ingest.address import BrokerAddress

STARTS_WITHIN = 30.0  # seconds, on a busy machine
STOPS_WITHIN = 10.0


@contextmanager
def embedded_broker(host: str = "127.0.0.1", port: int = 1883) -> Iterator[BrokerAddress]:
    """Run the broker while the block runs; it accepts connections once the block begins, and ends with this process.

    Port 0 takes any free port. Raises `CannotCommunicate` when the port is in use, `CannotDo` for an address that
    other machines could reach: the embedded broker asks for no password.
    """
    if not _loopback(host):
        raise CannotDo(
            f"the embedded broker listens on this machine only, not on {host}",
            "For other machines run mosquitto or another broker and name it with --broker mqtt://...",
        )
    port = _free(host, port)
    process = subprocess.Popen(
        [sys.executable, "-m", "ingest.embedded", host, str(port), str(os.getpid())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parent.parent,
    )
    try:
        _wait_until_ready(process, host, port)
        yield BrokerAddress(host=host, port=port)
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _free(host: str, port: int) -> int:
    """The port, once it is known that nobody listens on it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, OverflowError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no such port"
            raise CannotCommunicate(
                f"port {port} on {host} cannot be used by the embedded broker: {reason}",
                "Choose another with --port, or use the broker that is there with --broker mqtt://host:port",
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
            f"the embedded broker did not start on {host}:{port}",
            "Choose another port with --port, or name a broker with --broker mqtt://host:port",
        )
