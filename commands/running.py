"""Processes of our own that must never outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from facility.errors import CannotCommunicate

_PR_SET_PDEATHSIG = 1
GRACE = 15.0  # seconds to end by itself before it is killed


def _die_with_parent() -> None:
    """Linux: be told to end when the parent is gone, however it went."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Children:
    """Child processes, ended in reverse order when the block is left."""

    def __init__(self) -> None:
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None, log: str = ""
    ) -> subprocess.Popen[bytes]:
        """Start a child in a session of its own, so that Ctrl-C reaches only us and the order of ending is ours."""
        output = open(log, "ab") if log else None  # noqa: SIM115, PTH123 - handed over to the child
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output or None,
                stderr=subprocess.STDOUT if output else None,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - no threads of ours hold locks here
            )
        finally:
            if output:
                output.close()
        self._running.append((name, child))
        return child

    def ended(self) -> list[tuple[str, int]]:
        """Children that ended though nobody told them to, with their exit codes."""
        return [(name, code) for name, child in self._running if (code := child.poll()) is not None]

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        self._running = [(name, one) for name, one in self._running if one is not child]

    def stop(self) -> None:
        for _name, child in reversed(self._running):
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(GRACE)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self._running.clear()

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
                f"port {port} on {host} cannot be used: {error.strerror}",
                "Stop what uses it, or choose another port",
            ) from None
