"""What the sensors of a round's assets say now."""

from __future__ import annotations

from collections.abc import Set
from functools import cache
from pathlib import Path

from facility.errors import ServicedayError
from facility.store import Store, open_store
from serviceday.execution.phone.round_data import SensorReading


def newest_readings(place: Path, assets: Set[str]) -> dict[tuple[str, str], SensorReading]:
    """The newest reading of every channel of some assets, by asset and channel; none where there is no store."""
    if not assets:
        return {}
    try:
        rows = _opened(place).latest(assets=assets).select("asset", "channel", "value", "time").iter_rows()
    except ServicedayError:  # no readings yet, or none that can be read: a round can do without, and says so
        return {}
    return {(asset, channel): SensorReading(value, at) for asset, channel, value, at in rows}


@cache
def _opened(place: Path) -> Store:
    return open_store(place)
