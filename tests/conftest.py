"""What several rooms' tests need: a real broker."""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples on every run: a red run is never chance. SERVICEDAY_EXPLORE=1000 looks at as many new ones.
EXPLORE = int(os.environ.get("SERVICEDAY_EXPLORE", "0"))
settings.register_profile(
    "here",
    deadline=None,
    derandomize=not EXPLORE,
    max_examples=EXPLORE or 100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("here")

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, below those that outgoing connections are given."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Mosquitto:
    """A mosquitto of the test's own, with a persistent store, that can be killed and started again on its port."""

    def __init__(self, folder: Path, *, inflight: int = 20) -> None:
        self.port = free_port()
        folder.mkdir(parents=True, exist_ok=True)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nmax_queued_messages 0\nmax_inflight_messages {inflight}\n"
            "autosave_interval 1\nlog_dest none\nuser root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        assert MOSQUITTO
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._config)], stdout=subprocess.DEVNULL, stderr=-3)
        for _ in range(1200):
            assert self._process.poll() is None, "mosquitto ended"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("mosquitto did not start")

    def stop(self) -> None:
        """End it as an operator would; it saves its sessions."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """A running mosquitto with `port`, `stop()` and `start()`."""
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(tmp_path / "mosquitto")
    yield broker
    broker.stop()


@pytest.fixture
def mosquitto(mosquitto_broker: Mosquitto) -> int:
    """The port of a running mosquitto on 127.0.0.1."""
    return mosquitto_broker.port
