"""A simulation is a function of its settings: same seed, same bytes; stopped and gone on with, the same readings."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo, CannotParse
from facility.folder import DataFolder
from simulators.estimate import estimate_bytes, estimate_history
from simulators.payloads import Message, forwarded, single
from simulators.simulation import Simulation

END = datetime(2026, 11, 24, 5, 3, 2, tzinfo=UTC)
START = END - timedelta(days=20)
Readings = dict[tuple[str, str, int], float]

DIGEST = """
import hashlib, sys
from datetime import UTC, datetime, timedelta
from simulators.simulation import Simulation
end = datetime(2026, 11, 24, 5, 3, 2, tzinfo=UTC)
made = Simulation.create(None, assets=12, seed=int(sys.argv[1]), start=end - timedelta(days=9), end=end)
print(hashlib.sha256(b"".join(m.topic.encode() + m.payload for m in made.history())).hexdigest())
"""


def simulation(folder: DataFolder | None = None, assets: int = 30) -> Simulation:
    return Simulation.create(folder, assets=assets, seed=3, start=START, end=END)


def readings(messages: Iterable[Message]) -> Iterator[tuple[tuple[str, str, int], float]]:
    for message in messages:
        payload = json.loads(message.payload)
        counted = 0
        times = payload["t"] if "t" in payload else [payload["ts"]]
        for channel, values in payload["v"].items():
            for time, value in zip(times, values if "t" in payload else [values], strict=True):
                if value is not None:
                    counted += 1
                    yield (message.topic, channel, time), value
        assert counted == message.readings


def without_repeats(messages: Iterable[Message], known: Readings) -> None:
    for key, value in readings(messages):
        assert key not in known, "published twice"
        known[key] = value


def test_same_seed_same_bytes_in_another_process_and_another_seed_others() -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGEST, seed], check=True, capture_output=True, text=True
        ).stdout.strip()
        for seed in ("7", "7", "8")
    ]  # fmt: skip
    assert digests[0] == digests[1] != digests[2]
    end = datetime(2026, 11, 24, 5, 3, 2, tzinfo=UTC)
    made = Simulation.create(None, assets=12, seed=7, start=end - timedelta(days=9), end=end)
    assert hashlib.sha256(b"".join(m.topic.encode() + m.payload for m in made.history())).hexdigest() == digests[0]


def test_messages_are_native_small_and_know_their_readings() -> None:
    made = simulation()
    kinds = {asset.id: asset.kind for asset in made.estate.assets}
    for message in made.history():
        product, version, site, asset, what = message.topic.split("/")
        assert (product, version, what) == ("serviceday", "v1", "telemetry")
        assert site in {one.id for one in made.estate.sites}
        assert len(message.payload) < 64_000
        payload = json.loads(message.payload)
        assert set(payload["v"]) <= set(catalogue()[kinds[asset]].channels)
        assert all(len(column) == len(payload["t"]) for column in payload["v"].values())
    assert made.published_until == END


def test_stopped_and_resumed_it_publishes_the_same_readings_once(tmp_path: Path) -> None:
    whole: Readings = {}
    without_repeats(simulation().history(), whole)
    assert whole
    assert all(START.timestamp() * 1000 - 90_000_000 <= time < END.timestamp() * 1000 for _, _, time in whole)

    parts: Readings = {}
    folder = DataFolder(tmp_path)
    simulation(folder)
    midnight = START.replace(hour=0, minute=0, second=0, microsecond=0)
    for cut in (timedelta(days=8), timedelta(days=8, seconds=100), timedelta(days=15, hours=7)):
        resumed = Simulation.resume(folder)
        assert resumed.resumed
        without_repeats(resumed.history(midnight + cut), parts)
        resumed.save()
    live = Simulation.resume(folder)
    seconds = itertools.count(0.0, 0.5)
    stop = threading.Event()
    for message in live.live(END, speed=1e6, stop=stop, monotonic=lambda: next(seconds)):
        without_repeats([message], parts)
        if live.published_until > midnight + timedelta(days=17):
            stop.set()
    live.save()
    without_repeats(Simulation.resume(folder).history(), parts)
    assert parts == whole


def test_saved_at_the_end_of_any_day_it_goes_on_from_there(tmp_path: Path) -> None:
    """Also where one stretch of simulated days ends and the next begins."""
    whole = list(simulation(assets=6).history())
    running = simulation(folder := DataFolder(tmp_path).prepare(), assets=6)
    reached, saved = running.published_until, []
    for index, message in enumerate(running.history()):
        assert message == whole[index]
        if running.published_until != reached:
            reached = running.published_until
            running.save()
            saved.append((index, Simulation.resume(folder)))
    assert len(saved) >= 20
    for index, resumed in saved:
        assert next(resumed.history()) == whole[index]


def test_live_never_runs_ahead_of_the_clock() -> None:
    made = simulation(assets=10)
    made.published_until = END - timedelta(hours=5)
    clock = itertools.count(0.0, 60.0)
    elapsed = 0.0

    def monotonic() -> float:
        nonlocal elapsed
        elapsed = next(clock)
        return elapsed

    for index, message in enumerate(made.live(END, speed=600.0, monotonic=monotonic)):
        payload = json.loads(message.payload)
        assert payload["ts"] <= (END.timestamp() + elapsed) * 1000
        if index > 300:
            break
    assert made.published_until > END - timedelta(hours=5)


def test_the_truth_is_written_aside_and_never_published(tmp_path: Path) -> None:
    made = simulation(DataFolder(tmp_path), assets=40)
    truth = (tmp_path / "truth" / "faults.csv").read_text()
    assert truth.splitlines()[0].startswith("asset,mode,trouble,onset,detectable_from")
    modes = {fault.mode.encode() for fault in made.injected}
    assert modes
    published = b"".join(message.payload for message in made.history())
    assert not any(mode in published for mode in modes)


def test_kept_messages_are_forwarded_as_batches_with_nothing_lost() -> None:
    kept = [single("serviceday/v1/s/L-1/telemetry", ts, {"noise": ts / 10, "trips": 1.0}) for ts in range(100)]
    kept += [single("serviceday/v1/s/L-1/telemetry", ts, {"noise": 2.0}) for ts in range(200, 9_000)]
    batches = forwarded(kept)
    assert len(batches) < 10
    assert all(len(message.payload) < 64_000 for message in batches)
    assert dict(readings(batches)) == dict(readings(kept))


def test_the_estimate_is_of_the_right_size() -> None:
    made = simulation(assets=60)
    actual = sum(message.readings for message in made.history())
    assert estimate_history(60, END - START).readings == pytest.approx(actual, rel=0.25)
    assert estimate_bytes(60, END - START) > actual * 10


def test_the_estimate_of_what_no_disk_holds_is_a_figure_too() -> None:
    assert estimate_bytes(1_000_000, timedelta(days=100_000)) > 10**15


@pytest.mark.parametrize("state", ["", "{}", '{"settings": {}}', '{"settings": {"start": 1}}'])
def test_a_spoilt_state_is_told(tmp_path: Path, state: str) -> None:
    (tmp_path / "simulation.json").write_text(state)
    with pytest.raises(CannotParse, match="simulation"):
        Simulation.resume(DataFolder(tmp_path))


def test_impossible_wishes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotDo):
        Simulation.resume(DataFolder(tmp_path))
    with pytest.raises(CannotDo):
        Simulation.create(None, assets=5, seed=1, start=END, end=START)
    with pytest.raises(CannotDo):
        Simulation.create(None, assets=5, seed=1, start=START, end=END, faults=1.5)
