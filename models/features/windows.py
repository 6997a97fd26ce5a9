"""Daily figures of a whole fleet: what detectors score.

A series is one figure of one channel of one asset, a value a day. `values` are in units of the figure; `adjusted` are
deviations from what the asset's own past, its context and its class explain, in the same units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from facility.catalogue.catalogue import Channel
from facility.estate import Asset
from models.statistics import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from models.features.steps import Apart

RECENT = 7  # days that are judged; what is before them is the reference
PRIOR_FREEDOM = 8.0  # how many days of own history the class's spread is worth
UP, DOWN = 1, -1


class Figure(StrEnum):
    """How a day of a channel is summed up."""

    LEVEL = "level"  # mean of the day, time of day taken out
    SPREAD = "spread"  # logarithm of the standard deviation within the day
    RATE = "rate"  # growth of a counter a day, square-rooted (counts) or as it is
    SHARE = "share"  # share of the day in an abnormal state
    TEST = "test"  # median of the day's test results


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Series of a fleet up to one moment. Arrays have one row a series; `values` (series, days)."""

    assets: tuple[Asset, ...]
    channels: tuple[Channel, ...]
    figures: tuple[Figure, ...]
    owner: IntArray  # index into `assets`
    group: IntArray  # series of one kind, channel and figure share a group
    groups: int
    end: datetime  # UTC
    values: FloatArray
    adjusted: FloatArray
    scale: FloatArray  # robust sd of the healthy daily figure, drawn towards the class's
    leverage: FloatArray  # how far outside its past the context is now, in variances of the daily figure
    excluded: BoolArray  # series whose sensor is not to be believed
    apart: Apart | None = None  # series that stepped away from a class of which many did

    @property
    def telling(self) -> BoolArray:
        """Which series tell what is usual of their class."""
        return ~self.excluded if self.apart is None else ~(self.excluded | self.apart.own)

    @property
    def days(self) -> int:
        return int(self.values.shape[1])

    @property
    def reference(self) -> int:
        """Number of leading days that are the past which the recent days are compared with."""
        return max(self.days - RECENT, 0)

    @property
    def standard(self) -> FloatArray:
        """Adjusted values in healthy standard deviations."""
        return self.adjusted / self.scale[:, None]

    def day_start(self, day: int) -> datetime:
        return self.end - timedelta(days=self.days - day)

    def each(self, of: Callable[[Channel, Figure], float]) -> FloatArray:
        """What `of` says of every series; asked once a group, whose series have channel and figure in common."""
        _, first, place = np.unique(self.group, return_index=True, return_inverse=True)
        figures = [float(of(self.channels[row], self.figures[row])) for row in first]
        return np.array(figures, dtype=np.float64)[place] if figures else np.zeros(0)

    def having(self, *figures: Figure) -> BoolArray:
        """Which series are one of the figures."""
        return self.each(lambda _, figure: figure in figures) > 0

    def latest(self, values: FloatArray, count: int) -> FloatArray:
        """(series, count): the last figures of each series. Of tests the last that were made, however long ago."""
        count = min(count, values.shape[1])
        recent = values[:, values.shape[1] - count :].copy()
        tests = np.flatnonzero(self.having(Figure.TEST))
        for row in tests:
            present = values[row][~np.isnan(values[row])][-count:]
            recent[row] = np.nan
            recent[row, count - len(present) :] = present
        return recent

    def taking(self, rows: IntArray) -> Windows:
        """The same moment with only some of the series."""
        return Windows(
            assets=self.assets,
            channels=tuple(self.channels[i] for i in rows),
            figures=tuple(self.figures[i] for i in rows),
            owner=self.owner[rows],
            group=self.group[rows],
            groups=self.groups,
            end=self.end,
            values=self.values[rows],
            adjusted=self.adjusted[rows],
            scale=self.scale[rows],
            leverage=self.leverage[rows],
            excluded=self.excluded[rows],
            apart=None if self.apart is None else self.apart.taking(rows),
        )


def number_groups(channels: Sequence[Channel], figures: Sequence[Figure]) -> tuple[IntArray, int]:
    """A number for each (kind, channel, figure)."""
    numbers: dict[tuple[str, str, str], int] = {}
    group = [numbers.setdefault((c.kind, c.key, f), len(numbers)) for c, f in zip(channels, figures, strict=True)]
    return np.array(group, dtype=np.int64), len(numbers)
