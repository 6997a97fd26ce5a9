"""Processes that write to a lake, for the tests to run beside their own and to kill.

    lake_child.py write FOLDER SECONDS EVERY    append a batch every EVERY seconds, keep house, say `n` after batch n
    lake_child.py compact FOLDER                merge everything once

What batch n holds is known beforehand (`batch`), so a reader can tell what is missing and what is there twice.
"""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow as pa

from facility.store import READINGS
from facility.store.lake import lake
from facility.store.lake.lake import Lake

START = datetime(2026, 3, 1, tzinfo=UTC)
STEP = timedelta(seconds=60)  # of device time between batches
ASSETS, CHANNELS = 20, 20
DELAY = 40  # the last asset sends what it has only every so many batches
MAINTAIN_EVERY, CLEAN_EVERY, GRACE = 5.0, 20.0, 120.0


def batch(number: int) -> pa.Table:
    """One reading of every channel at step `number`; of the last asset, now and then, all it has kept back."""
    assets = [f"A-{index:02}" for index in range(ASSETS - 1)]
    rows = [(asset, number) for asset in assets]
    if number % DELAY == DELAY - 1:
        rows += [(f"A-{ASSETS - 1:02}", step) for step in range(number - DELAY + 1, number + 1)]
    frame = pl.DataFrame(rows, schema=["asset", "step"], orient="row").join(
        pl.DataFrame({"channel": [f"channel_{index}" for index in range(CHANNELS)]}), how="cross"
    )
    moment = pl.lit(START) + pl.col("step") * STEP
    return (
        frame.select("asset", "channel", moment.alias("time"), pl.col("step").cast(pl.Float64).alias("value"))
        .with_columns(pl.lit(START).alias("arrived"))
        .to_arrow(compat_level=pl.CompatLevel.oldest())
        .cast(READINGS)
    )


def write(folder: Path, seconds: float, every: float) -> None:
    lake.CLEAN_EVERY = CLEAN_EVERY
    store = Lake(folder, grace=GRACE)
    ending = threading.Event()
    failed: list[BaseException] = []

    def keep_house() -> None:
        try:
            while not ending.wait(MAINTAIN_EVERY):
                store.sync()
                store.maintain()
        except BaseException as error:
            failed.append(error)
            raise

    house = threading.Thread(target=keep_house)
    house.start()
    deadline = time.monotonic() + seconds
    found = store.cursor("soak")
    number = -1 if found is None else found[0]
    while time.monotonic() < deadline and not failed:
        number += 1
        began = time.monotonic()
        rows = batch(number)
        done = store.append(rows, source="soak", cursor=number)
        assert done.stored == rows.num_rows, done
        print(number, flush=True)
        time.sleep(max(0.0, every - (time.monotonic() - began)))
    ending.set()
    house.join()
    if failed:
        sys.exit(f"keeping house failed: {failed[0]!r}")


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]))
    else:
        Lake(Path(sys.argv[2]), grace=GRACE).compact()
