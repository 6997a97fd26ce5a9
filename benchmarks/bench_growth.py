"""What the same questions cost as the lake grows, with DuckDB on the same files beside it.

SERVICEDAY_BENCH_READINGS says how far, in millions (10,100 if unset; 1000 wants some 3 GB of disk);
SERVICEDAY_BENCH_FOLDER names a folder in which the lake stays, so that the next run goes on where this one ended;
SERVICEDAY_BENCH_PLOT names an SVG file for the plot.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import time
import warnings
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.fleet_readings import START, arrow, best, day, keys
from facility.store.lake.lake import Lake

ASSETS, CHANNELS, EVERY = 350, 10, 60  # five million readings a day
QUESTIONS = (
    "one channel, last day",
    "one channel, last 30 days",
    "newest of all",
    "hours of one asset, last week",
    "hours of all, last 30 days",
    "duckdb: one channel, last day",
)


def costs(lake: Lake, folder: Path, days: int) -> list[float]:
    """Milliseconds of each question, the store opened afresh."""
    end = START + timedelta(days=days)
    channel = {"assets": ["EL-00007"], "channels": ["channel_03"], "end": end}
    one, month = {**channel, "start": end - timedelta(days=1)}, {**channel, "start": end - timedelta(days=30)}
    paths = [f"{folder}/raw/{path}" for path in lake.readings_files()["path"].to_list()]
    asked = (
        "SELECT * FROM read_parquet(?) WHERE asset = 'EL-00007' AND channel = 'channel_03' AND time >= ? ORDER BY time"
    )
    week = {"assets": ["EL-00007"], "start": end - timedelta(days=7), "end": end}
    all_month = {"start": end - timedelta(days=30), "end": end}
    return [
        round(best(call, 5) * 1e3, 1)
        for call in (
            lambda: Lake(folder).read(**one),
            lambda: Lake(folder).read(**month),
            lambda: Lake(folder).latest(),
            lambda: Lake(folder).rollups(**week),
            lambda: Lake(folder).rollups(**all_month),
            lambda: duckdb.connect().execute(asked, [paths, end - timedelta(days=1)]).to_arrow_table(),
        )
    ]


def plot(file: Path, sizes: list[float], lines: list[list[float]]) -> None:
    """Milliseconds over millions of readings, both on logarithmic axes."""
    width, height, left, bottom = 640, 360, 60, 40
    colours = ["#1f6feb", "#8250df", "#2da44e", "#bf8700", "#cf222e", "#8c959f"]
    top = math.ceil(math.log10(max(max(line) for line in lines)))

    def x(size: float) -> float:
        span = math.log10(sizes[-1] / sizes[0]) or 1
        return left + (width - left - 200) * math.log10(size / sizes[0]) / span

    def y(cost: float) -> float:
        return height - bottom - (height - bottom - 20) * math.log10(max(cost, 1)) / top

    said = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" ']
    said[0] += 'font-size="12"><rect width="100%" height="100%" fill="white"/>'
    for power in range(top + 1):
        at = y(10**power)
        said.append(f'<line x1="{left}" x2="{width - 200}" y1="{at}" y2="{at}" stroke="#d0d7de"/>')
        said.append(f'<text x="{left - 8}" y="{at + 4}" text-anchor="end">{10**power} ms</text>')
    for size in sizes:
        said.append(f'<text x="{x(size)}" y="{height - 18}" text-anchor="middle">{size:g} M</text>')
    said.append(f'<text x="{left}" y="{height - 3}">readings in the lake (millions)</text>')
    for number, (name, line) in enumerate(zip(QUESTIONS, lines, strict=True)):
        points = " ".join(f"{x(size):.1f},{y(cost):.1f}" for size, cost in zip(sizes, line, strict=True))
        said.append(f'<polyline points="{points}" fill="none" stroke="{colours[number]}" stroke-width="2"/>')
        said.append(f'<text x="{width - 192}" y="{30 + 18 * number}" fill="{colours[number]}">{name}</text>')
    file.write_text("\n".join([*said, "</svg>"]) + "\n")


def main() -> None:
    warnings.simplefilter("ignore")
    wanted = [float(word) for word in os.environ.get("SERVICEDAY_BENCH_READINGS", "10,100").split(",")]
    given = os.environ.get("SERVICEDAY_BENCH_FOLDER")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(given or name)
        folder.mkdir(parents=True, exist_ok=True)
        grow(folder, wanted)


def grow(folder: Path, wanted: list[float]) -> None:
    """Append day after day until each size is reached, and ask there. What was found before is in the folder."""
    series = keys(ASSETS, CHANNELS)
    lake = Lake(folder / "lake", create=True)
    file = folder / "costs.json"
    found: dict[str, list[float]] = json.loads(file.read_text()) if file.exists() else {}
    for millions in wanted:
        days = lake.readings_files()["day"].n_unique()
        if f"{millions:g}" in found or lake.size().readings > (millions + 10) * 1e6:
            continue
        begin = time.perf_counter()
        before = lake.size().readings
        while lake.size().readings < millions * 1e6:
            lake.append(arrow(day(series, days, EVERY, np.random.default_rng(days))))
            days += 1
            if days % 5 == 0:
                lake.maintain()
        lake.compact()
        size = lake.size()
        rate = (size.readings - before) / (time.perf_counter() - begin)
        found[f"{millions:g}"] = costs(lake, folder / "lake", days)
        file.write_text(json.dumps(found))
        said = dict(zip(QUESTIONS, found[f"{millions:g}"], strict=True))
        told = {"readings": size.readings, "gigabytes": round(size.bytes / 1e9, 2), "appended_per_second": round(rate)}
        print(json.dumps({**told, "milliseconds": said}), flush=True)
        if plotted := os.environ.get("SERVICEDAY_BENCH_PLOT"):
            sizes = sorted(float(one) for one in found)
            plot(Path(plotted), sizes, [list(line) for line in zip(*(found[f"{one:g}"] for one in sizes), strict=True)])


if __name__ == "__main__":
    main()
