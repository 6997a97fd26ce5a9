"""Assessing a fleet cold from its hourly rollups, beside scikit-learn's IsolationForest fitted asset by asset."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from sklearn.ensemble import IsolationForest

from facility.estate import Asset
from facility.store import StoreSize
from models.assessing import assess

ASSETS, DAYS, PEER_ASSETS = 2_000, 30, 30
CHANNELS = {
    "door_close_time": (2.4, 0.05),
    "door_open_time": (2.2, 0.05),
    "door_motor_current": (1.2, 0.05),
    "vibration_vertical": (0.12, 0.01),
    "vibration_horizontal": (0.08, 0.01),
    "noise": (48.0, 0.8),
    "motor_temperature": (42.0, 2.0),
    "drive_current": (14.0, 1.0),
}
END = datetime(2026, 3, 1, tzinfo=UTC)
START = END - timedelta(days=DAYS)


class Shelf:
    """Rollups made on the spot, so that the models are timed and not a disk."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._hours = pl.datetime_range(START, END, "1h", closed="left", eager=True).cast(pl.Datetime("us", "UTC"))

    def size(self) -> StoreSize:
        return StoreSize(readings=0, bytes=0, files=0, first=START, last=END)

    def read(self, **_: object) -> pl.DataFrame:
        stamp = pl.Datetime("us", "UTC")
        return pl.DataFrame(schema={"asset": pl.String, "channel": pl.String, "time": stamp, "value": pl.Float64})

    def rollups(self, *, assets: Collection[str], **_: object) -> pl.DataFrame:
        begun = time.perf_counter()
        keys = pl.DataFrame({"asset": sorted(assets)}).join(pl.DataFrame({"channel": list(CHANNELS)}), how="cross")
        frame = keys.join(pl.DataFrame({"hour": self._hours}), how="cross")
        level = np.array([v[0] for v in CHANNELS.values()])[None, :, None]
        noise = np.array([v[1] for v in CHANNELS.values()])[None, :, None]
        random = np.random.default_rng(len(assets))
        values = (level + noise * random.standard_normal((len(assets), len(CHANNELS), DAYS * 24))).ravel()
        within = np.broadcast_to(noise / 3, (len(assets), len(CHANNELS), DAYS * 24)).ravel()
        frame = frame.with_columns(
            pl.lit(4).cast(pl.Int32).alias("count"),
            pl.Series("mean", values),
            pl.Series("std", within),
            pl.Series("min", values - within),
            pl.Series("max", values + within),
            pl.Series("first", values),
            pl.Series("last", values),
            pl.lit(0.0).alias("increase"),
        )
        self.seconds += time.perf_counter() - begun
        return frame


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else ASSETS
    fleet = [Asset(id=f"L-{i:05d}", kind="lift") for i in range(count)]
    shelf = Shelf()
    begun = time.perf_counter()
    found = assess(shelf, fleet, as_of=END, horizon=timedelta(days=7), timezone=ZoneInfo("UTC"))  # type: ignore[arg-type]
    seconds = time.perf_counter() - begun - shelf.seconds

    peer_assets = [a.id for a in fleet[:PEER_ASSETS]]
    hours = shelf.rollups(assets=peer_assets).sort("asset", "channel", "hour")["mean"].to_numpy()
    windows = hours.reshape(PEER_ASSETS, len(CHANNELS), DAYS * 24).transpose(0, 2, 1)
    begun = time.perf_counter()
    for window in windows:
        IsolationForest(random_state=0).fit(window).score_samples(window)
    peer = PEER_ASSETS / (time.perf_counter() - begun)
    print(
        json.dumps(
            {
                "benchmark": "models",
                "assets": count,
                "channels": len(CHANNELS),
                "days": DAYS,
                "seconds": round(seconds, 2),
                "assets_per_second": round(count / seconds),
                "isolation_forest_assets_per_second": round(peer, 1),
                "ratio": round(count / seconds / peer, 1),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "flagged": sum(one.flagged for one in found),
            }
        )
    )


if __name__ == "__main__":
    main()
