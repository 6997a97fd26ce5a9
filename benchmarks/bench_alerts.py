"""Alerts in seconds: how fast readings are judged, and how long it takes from publishing to the alert.

*Judged* is the watcher's follower on one core, without store or records: readings a second, nearly all of them good, as
in a healthy fleet, and with a share that is bad. *Live* is the whole path in real processes: mosquitto, `serviceday
ingest`, the lake, `serviceday watch`, at 1,000 readings a second over 10,000 assets; each second one lift reports that
it moves with open doors, and the clock runs from its publishing to the line that the watcher prints.

SERVICEDAY_BENCH_SECONDS says for how long (120 if unset).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles

import numpy as np
import paho.mqtt.client as mqtt
import polars as pl

from benchmarks.bench_ingest import mosquitto
from facility.estate import Asset, Estate, Site
from facility.folder import DataFolder
from facility.records import Records
from facility.store import Changes, open_store
from serviceday.watch.follower import Follower

ASSETS = 10_000
PER_SECOND = 1_000  # readings
VALUES = ("motor_temperature", "machine_room_temperature", "vibration_vertical")
HEALTHY = (45.0, 25.0, 0.1)
SECONDS = int(os.environ.get("SERVICEDAY_BENCH_SECONDS", "120"))
START = datetime(2026, 3, 1, tzinfo=UTC)


def fleet() -> list[Asset]:
    return [
        Asset(id=f"L-{number:05}", kind="lift", site="park", building=f"B{number // 40}") for number in range(ASSETS)
    ]


def judged(share_bad: float, readings: int = 50_000, rounds: int = 20) -> float:
    """Readings a second that one core follows."""
    dice = np.random.default_rng(7)
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "readings", create=True)
        follower = Follower(store)
        follower.know({asset.id: asset for asset in fleet()})
        names = [asset.id for asset in fleet()]
        spent = 0.0
        for turn in range(rounds + 1):
            now = START + timedelta(seconds=turn * 50)
            which = dice.permutation(ASSETS * len(VALUES))[: readings % (ASSETS * len(VALUES)) or readings]
            which = np.concatenate([which, dice.integers(0, ASSETS * len(VALUES), max(0, readings - which.size))])
            channel = which % len(VALUES)
            value = np.array(HEALTHY)[channel] + dice.normal(0, 0.01, which.size)
            value = np.where((which < share_bad * ASSETS * len(VALUES)), value + np.array([100, 30, 1])[channel], value)
            moment = int(now.timestamp() * 1e6) + np.arange(which.size)
            frame = pl.DataFrame(
                {
                    "asset": [names[number] for number in (which // len(VALUES)).tolist()],
                    "channel": [VALUES[number] for number in channel.tolist()],
                    "time": pl.Series(moment).cast(pl.Datetime("us", "UTC")),
                    "value": value,
                    "arrived": pl.Series(moment + 200_000).cast(pl.Datetime("us", "UTC")),
                }
            )
            began = time.process_time()
            follower.follow(Changes(str(turn), frame, (), whole=False, more=False), now)
            if turn:  # the first one makes out what it has never seen
                spent += time.process_time() - began
        store.close()
    return rounds * readings / spent


class Publisher:
    """Publishes a fleet's readings evenly, and a fault of a new lift each second."""

    def __init__(self, port: int, seconds: int) -> None:
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self.client.max_inflight_messages_set(2000)
        self.client.connect("127.0.0.1", port)
        self.seconds = seconds
        self.faults: dict[str, float] = {}

    def run(self) -> None:
        self.client.loop_start()
        began = time.time()
        messages = PER_SECOND // len(VALUES)
        for second in range(self.seconds):
            for number in range(messages):
                asset = (second * messages + number) % (ASSETS - 2000)
                self.publish(f"L-{asset:05}", dict(zip(VALUES, HEALTHY, strict=True)))
                if number == messages // 2:
                    asset_id = f"L-{ASSETS - 1 - second:05}"
                    self.faults[asset_id] = time.time()
                    self.publish(asset_id, {"fault_code": 12})
                time.sleep(max(0.0, began + second + (number + 1) / messages - time.time()))
        self.client.loop_stop()

    def publish(self, asset: str, values: dict[str, float]) -> None:
        payload = json.dumps({"ts": int(time.time() * 1000), "v": values})
        self.client.publish(f"serviceday/v1/park/{asset}/telemetry", payload, qos=1)


def live() -> dict[str, object]:
    """The whole path, in real processes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name, ExitStack() as stack:
        place = Path(name)
        folder = DataFolder(place / "data").prepare()
        with Records(folder.records) as records:
            records.estate.put(Estate(sites=(Site(id="park"),), assets=tuple(fleet())))
        port = stack.enter_context(mosquitto(place, window=1000))
        serviceday = [sys.executable, "-m", "commands.main"]
        taking = subprocess.Popen(
            [*serviceday, "ingest", "--data", str(folder.path), "--broker", f"mqtt://127.0.0.1:{port}", "--no-probe"],
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(end, taking)
        assert taking.stdout is not None
        taking.stdout.readline()
        watching = subprocess.Popen(
            [*serviceday, "watch", "--data", str(folder.path), "--json"], stdout=subprocess.PIPE, text=True
        )
        stack.callback(end, watching)
        alerted: dict[str, float] = {}

        def listen() -> None:
            assert watching.stdout is not None
            for line in watching.stdout:
                line_values = json.loads(line)
                if line_values["cause"].endswith("fault_code/12"):
                    alerted.setdefault(line_values["asset"], time.time())

        threading.Thread(target=listen, daemon=True).start()
        while not folder.heartbeat.exists():
            time.sleep(0.1)
        time.sleep(2)
        publisher = Publisher(port, SECONDS)
        before, began = cpu(watching.pid), time.time()
        publisher.run()
        time.sleep(8)
        spent, took = cpu(watching.pid) - before, time.time() - began
        delays = sorted(alerted[asset] - moment for asset, moment in publisher.faults.items() if asset in alerted)
        cuts = quantiles(delays, n=100)
        return {
            "readings_per_second": PER_SECOND,
            "assets": ASSETS,
            "seconds": SECONDS,
            "faults": len(publisher.faults),
            "told": len(delays),
            "delay_p50_s": round(cuts[49], 2),
            "delay_p99_s": round(cuts[98], 2),
            "delay_most_s": round(delays[-1], 2),
            "watcher_cores": round(spent / took, 3),
            "watcher_megabytes": round(memory(watching.pid)),
        }


def cpu(pid: int) -> float:
    """Seconds of computing of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))


def end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    process.wait(60)


def main() -> None:
    healthy, ill = judged(0.0), judged(0.02)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    print(
        json.dumps(
            {
                "judged_per_second": round(healthy),
                "with_2_percent_bad": round(ill),
                "ratio_to_goal": round(ill / 50_000, 1),
                "megabytes": round(peak),
            }
        ),
        flush=True,
    )
    print(json.dumps(live()), flush=True)


if __name__ == "__main__":
    main()
