"""Processes of our own that must never outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from facility.connections import unreachable
from facility.errors import CannotCommunicate, CannotDo
from facility.i18n.messages import Sentence, foreign

if TYPE_CHECKING:
    from ingest.mqtt.address import BrokerAddress

_PR_SET_PDEATHSIG = 1
GRACE = 30.0  # seconds to end by itself before it is killed


def die_with_parent() -> None:
    """Linux: be told to end when the parent is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    """Child processes, ended in reverse order when the block is left."""

    def __init__(self) -> None:
        self._running: list[tuple[str, subprocess.Popen[bytes], Path]] = []

    def start(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        output: int | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a child in a session of its own, so that Ctrl-C reaches only us and the order of ending is ours."""
        with log.open("ab") as errors:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=errors if output is None else output,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._running.append((name, child, log))
        return child

    def start_and_wait(
        self, name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start a child and return when it has said its first line. Raises `CannotDo` if it ends before."""
        child = self.start(name, command, log=log, environment=environment, output=subprocess.PIPE)
        assert child.stdout is not None  # noqa: S101 - a pipe was asked for
        if not child.stdout.readline():
            child.wait()
            self.check()

    def check(self) -> None:
        """Raises `CannotDo`, with its last words, if a child ended though nobody told it to."""
        for name, child, log in self._running:
            if child.poll() is not None:
                said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                last = foreign(said[-1].removeprefix("serviceday: ")) if said else Sentence("without a word")
                raise CannotDo("{name} ended by itself: {last}", "See {log}", name=name, last=last, log=log)

    def stop(self) -> None:
        while self._running:
            _name, child, _log = self._running.pop()
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(GRACE)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
            if child.stdout is not None:
                child.stdout.close()

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port_or_refuse(host: str, port: int) -> None:
    """Raises `CannotCommunicate` if something listens there already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotCommunicate(
                "port {port} on {host} cannot be used: {error}",
                "Stop what uses it, or choose another port",
                port=port,
                host=host,
                error=error,
            ) from None


def answers_or_refuse(address: BrokerAddress) -> None:
    """Raises `CannotCommunicate` if nothing listens at a broker's address."""
    try:
        socket.create_connection((address.host, address.port), timeout=10).close()
    except OSError as error:
        raise unreachable(address, error) from None


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C no longer waits."""
    stop = threading.Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
