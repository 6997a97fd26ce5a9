"""A small estate with a real store and real records, watched."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from facility.alerts import Alert
from facility.estate import Asset, Estate, Site
from facility.records import Records
from facility.store import READINGS, Store, open_store
from serviceday.alerts import AlertChanges
from serviceday.watch.watcher import Watcher

T0 = datetime(2026, 3, 10, 8, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ASSETS = (
    Asset(id="EL-1", kind="lift", site="park", building="B1"),
    Asset(id="EL-2", kind="lift", site="park", building="B1"),
    Asset(id="HZ-1", kind="hydrant_zone", site="park", building="B1"),
    Asset(id="FP-1", kind="fire_panel", site="park", building="B1"),
    *(Asset(id=f"SD-{number}", kind="smoke_detector", site="park", building="B1") for number in range(1, 7)),
)

Reading = tuple[str, str, datetime, float]


class WatchedHouse:
    """Its clock stands still until it is moved."""

    def __init__(self, folder: Path, assets: Sequence[Asset] = ASSETS, store: Store | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.now = T0
        self.records = Records(folder / "records.sqlite")
        self.records.estate.put(Estate(sites=(Site(id="park"),), assets=tuple(assets)))
        self.store = store or open_store(folder / "readings", create=True)
        self.watcher = Watcher(self.records, self.store)

    def say(self, *readings: Reading, source: str = "", cursor: int = 0) -> None:
        """Store readings as if they had just arrived."""
        rows = [
            {"asset": asset, "channel": channel, "time": time, "value": value, "arrived": self.now}
            for asset, channel, time, value in readings
        ]
        self.store.append(pa.Table.from_pylist(rows, schema=READINGS), source=source, cursor=cursor)

    def hear(self, asset: str, channel: str, value: float) -> AlertChanges:
        """A reading of this moment, and a look at it."""
        self.say((asset, channel, self.now, value))
        return self.look()

    def look(self) -> AlertChanges:
        return self.watcher.look(self.now).changes

    def pass_time(self, span: timedelta) -> AlertChanges:
        self.now += span
        return self.look()

    def restart(self) -> None:
        """As after a death: nothing is left but what was kept."""
        self.watcher = Watcher(self.records, self.store)

    def open_alerts(self) -> list[Alert]:
        return self.records.alerts.open()

    def steps(self, number: int) -> list[str]:
        return [step.what for step in self.records.alerts.trail(number)]

    def close(self) -> None:
        self.store.close()
        self.records.close()
