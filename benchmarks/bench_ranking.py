"""Ranking real lifts by their outage histories, week after week, beside the decayed count and random order.

Reads ../shared/data/db-lifts (see docs/real-data.md). `EVERY=1` judges every day instead of every week.
"""

from __future__ import annotations

import json
import os
import time
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl

from facility.registry.registry import read_estate
from models.evaluation.backtest import FIGURES, walk_forward
from models.outages.label import parse_label

FOLDER = Path(__file__).parents[2] / "shared/data/db-lifts"
BERLIN = ZoneInfo("Europe/Berlin")


class Histories:
    """Readings straight from the file, so that the models are timed and not a store."""

    def __init__(self, file: Path) -> None:
        day = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone(str(BERLIN))
        self._frame = pl.read_csv(file, schema_overrides={"asset": pl.String}, try_parse_dates=True).select(
            "asset",
            pl.lit("downtime_min").alias("channel"),
            day.dt.convert_time_zone("UTC").alias("time"),
            (pl.col("inactive_polls") * 5.0).alias("value"),
        )

    def read(self, *, end: datetime, **_: object) -> pl.DataFrame:
        return self._frame.filter(pl.col("time") < end)


def main() -> None:
    if not FOLDER.is_dir():
        print("skipped: no shared/data/db-lifts beside the repository", flush=True)
        return
    every = int(os.environ.get("EVERY", "7"))
    begun = time.perf_counter()
    walk = walk_forward(
        Histories(FOLDER / "downtime.csv.gz"),  # type: ignore[arg-type]
        read_estate(FOLDER / "assets.csv", kind="lift", mapping={"id": "asset"}).assets,
        first=date.fromisoformat(os.environ.get("FIRST", "2019-05-01")),
        last=date.fromisoformat(os.environ.get("LAST", "2019-06-20")),
        timezone=BERLIN,
        label=parse_label("downtime_min >= 120"),
        every=every,
    )
    print(
        json.dumps(
            {
                "benchmark": "ranking",
                "service_days": len(walk.days),
                "model": {f: round(getattr(walk.model, f), 4) for f in FIGURES},
                "decayed_count": {f: round(getattr(walk.decayed_count, f), 4) for f in FIGURES},
                "random": {f: round(getattr(walk.random, f), 4) for f in FIGURES},
                "gain": {f: [round(x, 4) for x in (g.mean, g.low, g.high)] for f, g in walk.gain.items()},
                "brier": [round(walk.brier, 4), round(walk.brier_of_base_rate, 4)],
                "seconds": round(time.perf_counter() - begun, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
