"""A reader in a process of its own beside live writes, merging and vacuum: never an error, a gap or a double.

SERVICEDAY_SOAK_SECONDS says how long the soak writes (an hour if unset).
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from lake_child import ASSETS, CHANNELS, DELAY, START, STEP

from facility.store.lake.lake import Lake

CHILD = Path(__file__).with_name("lake_child.py")


class Written:
    """A writing child; `number` is the last batch it has said is in the store."""

    def __init__(self, folder: Path, seconds: float, every: float) -> None:
        self.number = -1
        self._child = subprocess.Popen(
            [sys.executable, CHILD, "write", folder, str(seconds), str(every)], stdout=subprocess.PIPE, text=True
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self.number = int(line)

    def after(self, reaches: Callable[[int], bool]) -> int:
        """The newest batch that may be in the store by now; waited for if the child's word comes late."""
        deadline = time.monotonic() + 30
        while not reaches(self.number + 2) and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.number + 2

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    def kill(self) -> None:
        self._child.kill()
        self.result()

    def result(self) -> int:
        self._listener.join()
        return self._child.wait()


def steps(rows: pl.DataFrame) -> list[int]:
    return ((rows["time"] - START).dt.total_seconds() // int(STEP.total_seconds())).to_list()


def whole(found: list[int], before: int, after: int) -> None:
    """All steps from 0 up to one between `before` and `after`, each once."""
    assert found == list(range(len(found))), "a gap, a double or a disorder"
    assert before <= len(found) - 1 <= after, (before, len(found) - 1, after)


def delayed(number: int) -> int:
    """The last step of the asset that sends late, once batch `number` is in."""
    return (number + 1) // DELAY * DELAY - 1


def watch(store: Lake, writer: Written, turn: int) -> None:
    """One look at the store, by one of several questions."""
    asset = f"A-{turn % ASSETS:02}"
    late = turn % ASSETS == ASSETS - 1
    before = writer.number
    kind = turn % 5

    def bounds(last: int) -> tuple[int, int]:
        """Between which steps the last one seen has to be."""
        last_of = delayed if late else int
        return last_of(before), last_of(writer.after(lambda number: last_of(number) >= last))

    if kind in (0, 1):
        found = store.read(assets=[asset], channels=[f"channel_{turn % CHANNELS}"])
        assert steps(found) == found["value"].cast(pl.Int64).to_list()
        whole(steps(found), *bounds(found.height - 1))
    elif kind == 2:
        hours = store.rollups(assets=[asset], channels=["channel_3"])
        count = int(hours["count"].sum())
        assert hours["hour"].is_unique().all()
        low, high = bounds(count - 1)
        assert low <= count - 1 <= high, (low, count - 1, high)
        assert hours["count"][:-1].is_in([60]).all()
        assert (hours["last"] - hours["first"] == hours["count"] - 1).all()
    elif kind == 3:
        latest = store.latest(assets=[asset])
        low, high = bounds(max(steps(latest), default=-1))
        assert low < 0 or latest.height == CHANNELS
        assert all(low <= step <= high for step in steps(latest))
    else:
        size = store.size()

        def sent(number: int) -> int:
            return ((number + 1) * (ASSETS - 1) + delayed(number) + 1) * CHANNELS

        assert sent(before) <= size.readings <= sent(writer.after(lambda number: sent(number) >= size.readings))


def together(folder: Path, seconds: float, every: float, merge_every: float) -> tuple[int, int]:
    """Write and watch at once; gives batches and looks."""
    Lake(folder, create=True)
    writer = Written(folder, seconds, every)
    store = Lake(folder)
    looks = 0
    merged = time.monotonic()
    merging: subprocess.Popen[bytes] | None = None
    try:
        while writer.running:
            if looks % 50 == 0:
                store = Lake(folder)  # a visitor who has just come
            watch(store, writer, looks)
            looks += 1
            if time.monotonic() - merged > merge_every and (merging is None or merging.poll() is not None):
                assert merging is None or merging.returncode == 0
                merging = subprocess.Popen([sys.executable, CHILD, "compact", folder])
                merged = time.monotonic()
            time.sleep(0.02)
    except BaseException:
        writer.kill()
        raise
    if merging is not None:
        assert merging.wait() == 0
    assert writer.result() == 0
    for turn in range(ASSETS * 5):
        watch(Lake(folder), writer, turn)
    return writer.number + 1, looks


@pytest.mark.slow
def test_a_reader_beside_live_writes_and_merging(tmp_path: Path) -> None:
    batches, looks = together(tmp_path / "readings", 12.0, 0.02, 4.0)
    assert batches > DELAY
    assert looks > 20


@pytest.mark.soak
@pytest.mark.timeout(20_000)
def test_a_reader_beside_an_hour_of_live_writes_and_vacuum(tmp_path: Path) -> None:
    seconds = float(os.environ.get("SERVICEDAY_SOAK_SECONDS", "3600"))
    batches, looks = together(tmp_path / "readings", seconds, 0.25, 120.0)
    left = len(list((tmp_path / "readings" / "raw").glob("day=*/*.parquet")))
    print(f"\n{batches} batches, {looks} looks, {left} files left, no error, no gap, no double")
    assert left < batches, "nothing was vacuumed"
