"""A real process, killed with SIGKILL at random moments, on one lake again and again.

What it says is done is there, what it had begun is there whole or not at all, and nothing else is.
SERVICEDAY_SOAK_KILLS says how often in the soak (50 if unset).
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from readings_model import Model
from store_tools import Row, table

from facility.store.checking import check
from facility.store.lake.lake import Lake

HERE = Path(__file__).parent
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_facility_lake_kills import operate
from facility.store.lake import compaction
from facility.store.lake.lake import Lake
compaction.SMALL_FILES, compaction.FILE_ROWS = 2, 40
lake = Lake(Path(sys.argv[1]), grace=1.0)
number = int(sys.argv[2])
print("ready", flush=True)
while True:
    operate(lake, number)
    print(number, flush=True)
    number += 1
"""


def batch(number: int) -> list[Row]:
    """What operation `number` appends: new, late, repeated and changed readings."""
    dice = random.Random(number)
    newest = number * 3
    rows = [("abc"[k % 3], "xy"[k % 2], newest + k // 6, float(dice.randrange(9))) for k in range(18)]
    return rows + [("abc"[dice.randrange(3)], "x", dice.randrange(newest + 1), float(number)) for _ in range(3)]


def operate(store, number: int) -> None:
    """Operation `number`, on a lake or on the model."""
    if number % 11 == 10:
        store.delete("abc"[number % 3])
    elif number % 5 == 4 and isinstance(store, Lake):
        store.sync()
        store.compact(thorough=number % 2 == 0)
    elif number % 5 != 4:
        rows = batch(number)
        store.append(table(rows) if isinstance(store, Lake) else rows, source="kills", cursor=number)


def killed(folder: Path, model: Model, number: int, operations: int, wait: float) -> tuple[Model, int]:
    """Let a child operate from `number` on, kill it amid one; gives what must be there, and what comes next."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, folder, str(number), HERE], stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    done = [int(child.stdout.readline()) for _ in range(operations)]
    time.sleep(wait)
    child.send_signal(signal.SIGKILL)
    done += [int(line) for line in child.stdout if line.endswith("\n")]
    child.wait()
    last = done[-1] if done else number - 1
    for one in range(number, last + 1):
        operate(model, one)
    after = model.copy()
    operate(after, last + 1)
    lake = Lake(folder)
    first, second = model.differs(lake), after.differs(lake)
    assert "" in (first, second), f"after {last}: {first}; or after {last + 1}: {second}"
    return (after, last + 2) if second == "" else (model, last + 1)


def run(folder: Path, times: int, seed: int) -> int:
    dice = random.Random(seed)
    Lake(folder, create=True)
    model, number = Model(), 0
    for _ in range(times):
        model, number = killed(folder, model, number, dice.randrange(9), dice.uniform(0.0, 0.12))
    lake = Lake(folder)
    lake.compact()
    assert model.differs(lake) == ""
    assert check(lake).problems == []
    return number


@pytest.mark.slow
def test_a_process_killed_at_random_moments_loses_and_invents_nothing(tmp_path: Path) -> None:
    assert run(tmp_path / "readings", 4, 7) > 4


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_fifty_kills(tmp_path: Path) -> None:
    times = int(os.environ.get("SERVICEDAY_SOAK_KILLS", "50"))
    print(f"\n{run(tmp_path / 'readings', times, 11)} operations, {times} kills, never a difference")
