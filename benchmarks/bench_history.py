"""A history uploaded end to end: simulated, published, acknowledged by ingest, in the store and counted.

The broker and ingest are processes of their own, as in `make demo`. Beside it the same messages go through the same
mosquitto to `mosquitto_sub`, which throws them away.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from commands.simulate import register
from facility.folder import DataFolder
from ingest.journal.ledger import ledger
from ingest.mqtt.address import BrokerAddress
from ingest.mqtt.embedded import embedded_broker
from simulators.publishing import publish_history
from simulators.simulation import Simulation

ASSETS, DAYS, SEED = 60, 45, 7
END = datetime(2026, 6, 1, tzinfo=UTC)
QUEUED = 800  # messages a broker may hold for ingest


@contextmanager
def mosquitto(folder: Path) -> Iterator[BrokerAddress]:
    program = shutil.which("mosquitto", path=os.defpath + ":/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("mosquitto is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nlog_dest none\n")
    process = subprocess.Popen([program, "-c", str(config)])
    try:
        while socket.socket().connect_ex(("127.0.0.1", port)):
            time.sleep(0.05)
        yield BrokerAddress(host="127.0.0.1", port=port)
    finally:
        process.terminate()
        process.wait()


def uploaded(address: BrokerAddress, folder: DataFolder) -> tuple[int, float]:
    """Readings stored, and the seconds from the first message to the last reading counted."""
    made = Simulation.create(folder.prepare(), assets=ASSETS, seed=SEED, start=END - timedelta(days=DAYS), end=END)
    register(folder, made)
    child = subprocess.Popen(
        [sys.executable, "-m", "commands.main", "ingest", "--data", str(folder.path)],
        env={**os.environ, "SERVICEDAY_BROKER": str(address)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()

    def counts() -> dict[str, Any]:
        return ledger(folder)

    def pace(sent: int) -> None:
        while sent - counts()["messages"]["journalled"] > QUEUED:
            time.sleep(0.01)

    try:
        begin = time.perf_counter()
        sent = publish_history(address, made, pace=pace)
        while (now := counts())["journalled"] < sent.readings or now["pending"]:
            time.sleep(0.05)
        taken = time.perf_counter() - begin
    finally:
        child.terminate()
        child.wait()
    assert now["stored"] == sent.readings, now
    return sent.readings, taken


def thrown_away(address: BrokerAddress, folder: DataFolder) -> float:
    """Seconds until `mosquitto_sub` has received the same messages."""
    made = Simulation.create(folder.prepare(), assets=ASSETS, seed=SEED, start=END - timedelta(days=DAYS), end=END)
    messages = sum(1 for _ in Simulation.create(None, assets=ASSETS, seed=SEED, start=made.start, end=END).history())
    command = ["mosquitto_sub", "-p", str(address.port), "-t", "serviceday/v1/+/+/telemetry", "-q", "1"]
    peer = subprocess.Popen([*command, "-C", str(messages), "-i", "peer", "-c"], stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    begin = time.perf_counter()
    publish_history(address, made, window=20)
    peer.wait(120)
    return time.perf_counter() - begin


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with mosquitto(place) as address:
            readings, through_mosquitto = uploaded(address, DataFolder(place / "one"))
            peer = thrown_away(address, DataFolder(place / "peer"))
        with embedded_broker(port=0) as address:
            _, embedded = uploaded(address, DataFolder(place / "two"))
    print(
        json.dumps(
            {
                "readings": readings,
                "mosquitto_readings_per_second": round(readings / through_mosquitto),
                "embedded_readings_per_second": round(readings / embedded),
                "mosquitto_sub_readings_per_second": round(readings / peer),
                "times_mosquitto_sub": round(peer / through_mosquitto, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
