"""What the next hours of a fleet should look like: a few figures of every series, kept from one look to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from facility.catalogue.catalogue import Bad
from models.assessment.extraction import Looked
from models.features.daily import DailyFigures
from models.features.hourly import HOURS, Hourly
from models.features.windows import Figure, Windows
from models.statistics import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectations:
    """One row a series, sorted by owner and name."""

    owner: IntArray  # index into the assets
    name: tuple[str, ...]  # channel/figure
    expected: FloatArray  # the next daily figure; NaN if the series is not judged
    scale: FloatArray  # healthy standard deviation; infinite if nothing is known of it
    newest: FloatArray  # the daily figure that belief rests on
    excluded: BoolArray  # its sensor is not believed
    least: IntArray  # hours that a day's figure takes
    profile: Hourly  # (series, 24): usual deviation of each hour of the day; 0 where there is none

    def __len__(self) -> int:
        return len(self.name)

    def taking(self, rows: IntArray, owner: IntArray) -> Expectations:
        """Some of the series, with other owners."""
        return Expectations(
            owner=owner,
            name=tuple(self.name[row] for row in rows),
            expected=self.expected[rows],
            scale=self.scale[rows],
            newest=self.newest[rows],
            excluded=self.excluded[rows],
            least=self.least[rows],
            profile=self.profile[rows],
        )

    @classmethod
    def joined(cls, parts: Sequence[Expectations]) -> Expectations:
        """The series of several parts, sorted."""
        if not parts:
            nothing = np.zeros(0)
            return cls(
                owner=np.zeros(0, dtype=np.int64),
                name=(),
                expected=nothing,
                scale=nothing,
                newest=nothing,
                excluded=np.zeros(0, dtype=np.bool_),
                least=np.zeros(0, dtype=np.int64),
                profile=np.zeros((0, HOURS), dtype=np.float32),
            )
        whole = cls(
            owner=np.concatenate([part.owner for part in parts]),
            name=tuple(name for part in parts for name in part.name),
            expected=np.concatenate([part.expected for part in parts]),
            scale=np.concatenate([part.scale for part in parts]),
            newest=np.concatenate([part.newest for part in parts]),
            excluded=np.concatenate([part.excluded for part in parts]),
            least=np.concatenate([part.least for part in parts]),
            profile=np.concatenate([part.profile for part in parts]),
        )
        codes = {name: code for code, name in enumerate(sorted(set(whole.name)))}
        order = np.lexsort((np.array([codes[name] for name in whole.name], dtype=np.int64), whole.owner))
        return whole.taking(order, whole.owner[order])


def names_of(daily: DailyFigures) -> tuple[str, ...]:
    """A name for every series, unique among those of one asset."""
    return tuple(f"{channel.key}/{figure}" for channel, figure in zip(daily.channels, daily.figures, strict=True))


def names_of_series(windows: Windows) -> tuple[str, ...]:
    """The same names for the series of windows."""
    return tuple(f"{channel.key}/{figure}" for channel, figure in zip(windows.channels, windows.figures, strict=True))


def expectations(looked: Looked, windows: Windows, places: IntArray) -> Expectations:
    """What a look at some assets, which stand at `places` of a fleet, leads one to expect."""
    daily = looked.daily
    expected = np.full(len(daily.row), np.nan)
    scale = np.full(len(daily.row), np.inf)
    rows = np.flatnonzero([c.bad is not Bad.NONE for c in daily.channels])
    recent = windows.latest(windows.values - windows.adjusted, 3)
    present = ~np.isnan(recent)
    newest = np.where(present.any(axis=1), recent.shape[1] - 1 - np.argmax(present[:, ::-1], axis=1), 0)
    expected[rows] = recent[np.arange(len(rows)), newest]
    scale[rows] = windows.scale
    profile = np.zeros((len(daily.row), HOURS), dtype=np.float32)
    profile[[figure is Figure.LEVEL for figure in daily.figures]] = looked.profiles
    return Expectations(
        owner=places[daily.owner],
        name=names_of(daily),
        expected=expected,
        scale=scale,
        newest=daily.values[:, -1].copy(),
        excluded=looked.excluded,
        least=daily.least,
        profile=profile,
    )
