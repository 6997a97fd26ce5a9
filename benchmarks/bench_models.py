"""Assessing a fleet from its hourly rollups: cold, an hour later, and beside PyOD fitted asset by asset.

`make bench ARGS=models`; SERVICEDAY_ASSETS (default "1000,10000") names the fleet sizes; four or more of them are drawn
into docs/pictures/models-cost.svg. The rollups of one block of assets are made beforehand and handed out under other
names, so that the models are timed and not a disk. Seconds are of the clock, `cpu` of all cores together.
"""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from pyod.models.iforest import IForest
from pyod.models.pca import PCA
from sklearn.metrics import roc_auc_score

from benchmarks.models_picture import draw
from facility.assessments import Assessment
from facility.estate import Asset
from facility.store import READINGS, Store, StoreSize
from models.assessment.extraction import BATCH
from models.assessment.fusion import series_scores
from models.assessment.incremental import follow, stand
from models.assessment.pipeline import look
from models.detectors import default_detectors
from models.detectors.subspace import Subspace
from models.features.windows import RECENT

DAYS, PEERS = 30, 160
HOURS = DAYS * 24 + 1  # one more than the cold look sees
CHANNELS = {  # level, hourly noise, daily swing, slow wander
    "door_close_time": (2.4, 0.05, 0.01, 0.01),
    "door_open_time": (2.2, 0.05, 0.01, 0.01),
    "door_motor_current": (1.2, 0.05, 0.02, 0.01),
    "vibration_vertical": (0.12, 0.01, 0.005, 0.002),
    "vibration_horizontal": (0.08, 0.01, 0.005, 0.002),
    "noise": (48.0, 0.8, 0.5, 0.2),
    "motor_temperature": (42.0, 1.0, 4.0, 0.6),
    "drive_current": (14.0, 0.5, 2.0, 0.2),
}
MODELS: dict[str, Callable[[], Any]] = {"IForest": lambda: IForest(random_state=0), "PCA": PCA}
ILL = 8  # one asset in so many
END = datetime(2026, 3, 1, tzinfo=UTC)
START = END - timedelta(days=DAYS)
ZONE, WEEK = ZoneInfo("UTC"), timedelta(days=7)


def block() -> tuple[np.ndarray, np.ndarray]:
    """(assets, channels, hours) of one block, and which assets are ill: wear over four to nine days in two channels."""
    random = np.random.default_rng(11)
    clock = np.arange(HOURS) % 24
    table = np.array(list(CHANNELS.values()))
    level, noise, swing, slow = (table[:, i][None, :, None] for i in range(4))
    shape = (BATCH, len(CHANNELS), HOURS)
    values = level * (1 + 0.05 * random.standard_normal((BATCH, len(CHANNELS), 1)))
    values = values + noise * random.standard_t(4, shape) / 1.4 + swing * np.sin(2 * np.pi * (clock - 6) / 24)
    values += slow * np.cumsum(random.standard_normal(shape), axis=2) / np.sqrt(HOURS)
    ill = np.arange(BATCH) % ILL == 0
    for asset in np.flatnonzero(ill):
        lasting = int(24 * random.uniform(4, 9))
        course = np.linspace(0, random.uniform(0.4, 1.2), lasting)
        first = int(random.integers(0, len(CHANNELS) - 1))
        for channel in (first, first + 1):
            values[asset, channel, -lasting:] += table[channel, 1] * course
    return values, ill


class Shelf:
    """A store of one block of assets under as many names as are asked for."""

    def __init__(self, values: np.ndarray) -> None:
        assets, channels, hours = values.shape
        noise = np.array([c[1] for c in CHANNELS.values()])[None, :, None]
        mean, within = values.ravel(), np.broadcast_to(noise / 3, values.shape).ravel()
        stamps = pl.datetime_range(START, START + timedelta(hours=hours - 1), "1h", eager=True).cast(
            pl.Datetime("us", "UTC")
        )
        self._rows = pl.DataFrame(
            {
                "place": np.repeat(np.arange(assets, dtype=np.uint32), channels * hours),
                "channel": pl.Series(list(CHANNELS))
                .gather(np.tile(np.repeat(np.arange(channels), hours), assets))
                .cast(pl.String),
                "hour": stamps.gather(np.tile(np.arange(hours), assets * channels)),
                "count": np.full(mean.size, 4, dtype=np.int32),
                "mean": mean,
                "std": within,
                "min": mean - within,
                "max": mean + within,
                "first": mean,
                "last": mean,
                "increase": np.zeros(mean.size),
            }
        )

    def size(self) -> StoreSize:
        return StoreSize(readings=0, bytes=0, files=0, first=START, last=END)

    def read(self, **_: object) -> pl.DataFrame:
        return pl.DataFrame(pl.from_arrow(READINGS.empty_table()))

    def rollups(
        self, *, assets: Collection[str], start: datetime, end: datetime, channels: Collection[str] = ()
    ) -> pl.DataFrame:
        within = self._rows.filter((pl.col("hour") >= start) & (pl.col("hour") < end))
        names = list(assets)
        parts = []
        for first in range(0, len(names), BATCH):
            some = pl.Series(names[first : first + BATCH])
            rows = within if len(some) == BATCH else within.filter(pl.col("place") < len(some))
            parts.append(rows.with_columns(some.gather(rows["place"]).alias("asset")).drop("place"))
        return pl.concat(parts)


def peers(values: np.ndarray, ill: np.ndarray) -> dict[str, dict[str, float]]:
    """PyOD's detectors on the same hours, a model an asset: fitted on all but the last week, judged on three days."""
    hours = [values[asset, :, :-1].T for asset in range(PEERS)]
    return {name: _fitted(make, hours, 7 * 24, 72, ill) for name, make in MODELS.items()}


def beside(shelf: Shelf, ill: np.ndarray) -> dict[str, dict[str, float]]:
    """The detectors alone and PyOD's, from the same windows: the last of the daily figures by the days before them."""
    fleet = tuple(Asset(id=f"L-{i:06d}", kind="lift") for i in range(BATCH))
    windows, _ = look(cast(Store, shelf), fleet, as_of=END, timezone=ZONE)
    out = {}
    for name, detectors in (("ours", default_detectors()), ("our PCA alone", (Subspace(),))):
        begun = time.process_time()
        scores = {d.name: d.fit(windows).score(windows) for d in detectors}
        strength = series_scores(windows, scores)
        best = np.zeros(BATCH)
        np.maximum.at(best, windows.owner, strength)
        rate = BATCH / (time.process_time() - begun)
        out[name] = {"assets_per_second": round(rate), "auroc": round(roc_auc_score(ill, best), 3)}
    days = [np.nan_to_num(windows.standard[windows.owner == asset]).T for asset in range(PEERS)]
    return out | {name: _fitted(make, days, RECENT, 3, ill) for name, make in MODELS.items()}


def _fitted(
    make: Callable[[], Any], rows: Sequence[np.ndarray], held: int, judged: int, ill: np.ndarray
) -> dict[str, float]:
    scores = []
    begun = time.process_time()
    for one in rows:
        model = make().fit(one[:-held])
        usual = model.decision_scores_
        scores.append((model.decision_function(one[-judged:]).mean() - usual.mean()) / usual.std())
    rate = len(rows) / (time.process_time() - begun)
    return {"assets_per_second": round(rate, 1), "auroc": round(roc_auc_score(ill[: len(rows)], scores), 3)}


def measured(shelf: Shelf, count: int) -> tuple[dict[str, float], list[Assessment]]:
    fleet = [Asset(id=f"L-{i:06d}", kind="lift") for i in range(count)]
    begun, cpu = time.perf_counter(), time.process_time()
    standing, cold = stand(cast(Store, shelf), fleet, as_of=END, horizon=WEEK, timezone=ZONE)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    begun, hour_cpu = time.perf_counter(), time.process_time()
    again = follow(cast(Store, shelf), standing, fleet, as_of=END + timedelta(hours=1), horizon=WEEK, timezone=ZONE)
    hour, hour_cpu = time.perf_counter() - begun, time.process_time() - hour_cpu
    figures = {
        "assets": count,
        "cold_seconds": round(seconds, 1),
        "cold_cpu": round(cpu, 1),
        "cpu_ms_an_asset": round(1000 * cpu / count, 2),
        "hour_seconds": round(hour, 2),
        "hour_cpu": round(hour_cpu, 2),
        "judged_again": len(again.assessments),
        "peak_memory_mb": _memory(),
    }
    return figures, cold


def _memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    values, ill = block()
    shelf = Shelf(values)
    print(json.dumps({"benchmark": "models", "memory_before_mb": _memory()}), flush=True)
    sizes = sorted(int(n) for n in os.environ.get("SERVICEDAY_ASSETS", "1000,10000").split(","))
    measures = []
    for count in sizes:
        figures, cold = measured(shelf, count)
        measures.append(figures)
        first = [one.score for one in cold[:PEERS]]
        print(json.dumps({"benchmark": "models", "channels": len(CHANNELS), "days": DAYS, **figures}), flush=True)
    if len(sizes) >= 4:
        draw(measures, Path("docs/pictures/models-cost.svg"))
    for label, found in (("from hours", peers(values, ill)), ("from windows", beside(shelf, ill))):
        rate = round(1000 / measures[-1]["cpu_ms_an_asset"])
        ours = found.pop("ours", {"assets_per_second": rate, "auroc": round(roc_auc_score(ill[:PEERS], first), 3)})
        ratio = {name: round(ours["assets_per_second"] / one["assets_per_second"], 1) for name, one in found.items()}
        line = {"benchmark": f"models beside PyOD, {label}", "ours": ours, **found, "ratio": ratio}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
