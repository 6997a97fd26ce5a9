"""Whether equipment was in normal use when a reading was taken: a lift under maintenance is no alarm."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta

import polars as pl

from facility.catalogue.catalogue import catalogue

KEPT = 64  # changes of mode remembered of an asset
Loader = Callable[[Collection[str], Collection[str]], pl.DataFrame]


class Modes:
    """The modes of assets over time, as far as they matter. `load` reads channels of assets from the store."""

    def __init__(self, load: Loader) -> None:
        self._load = load
        self._channels = {
            kind.key: {key: channel for key, channel in kind.channels.items() if channel.in_service}
            for kind in catalogue().values()
        }
        self.keys = {key for channels in self._channels.values() for key in channels}
        self._times: dict[str, list[tuple[int, bool]]] = {}

    def hear(self, readings: pl.DataFrame, kinds: Mapping[str, str]) -> None:
        """Take note of readings (columns of a store's), in any order, again if need be."""
        readings_of_mode = readings.filter(pl.col("channel").is_in(self.keys))
        for asset, key, time, value in readings_of_mode.select(
            "asset", "channel", pl.col("time").dt.epoch("us"), "value"
        ).iter_rows():
            channel = self._channels.get(kinds.get(asset, ""), {}).get(key)
            if channel is None or asset not in self._times:
                continue
            entry = (time, value in channel.in_service)
            own = self._times[asset]
            if entry not in own:
                insort(own, entry)
                del own[:-KEPT]

    def need(self, assets: Collection[str], kinds: Mapping[str, str]) -> None:
        """Know the modes of these assets from now on."""
        new = {asset for asset in assets if asset not in self._times and self._channels.get(kinds.get(asset, ""))}
        if new:
            self._times |= {asset: [] for asset in new}
            self.hear(self._load(new, self.keys), kinds)

    def in_use(self, asset: str, kind: str, time_us: int) -> bool:
        """Whether the asset was in normal use at a moment; in doubt it was."""
        own = self._times.get(asset)
        if not own:
            return True
        at = bisect_right(own, (time_us, True)) - 1
        if at < 0 or own[at][1]:
            return True
        stale = max(channel.stale_after for channel in self._channels[kind].values())
        return time_us - own[at][0] > stale // timedelta(microseconds=1)
