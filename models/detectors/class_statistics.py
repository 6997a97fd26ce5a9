"""What detectors learn from a fleet: per class figures, kept by name so that they outlive the run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np

from facility.catalogue.catalogue import Channel
from models.features.windows import Figure, Windows
from models.statistics import FloatArray, grouped_median, grouped_quantile

LARGE = 20  # series of a class of which half are never ill at once
FEWEST = 4  # series of a class before it says anything about its own null
CALM, CALM_SD = 1 / 3, 0.4307  # the calmest third of a normal sample lies within so many standard deviations
DRAW = 4.0  # series that the standard null is worth against the class's own


def class_key(channel: Channel, figure: Figure) -> str:
    """Under which a class's figures are learned."""
    return f"{channel.kind}/{channel.key}/{figure}"


class ClassFigures:
    """Named figures by class; the common part of all detectors that learn."""

    def __init__(self) -> None:
        self._learned: dict[str, dict[str, float]] = {}
        self._looked_at: tuple[Windows, FloatArray] | None = None

    def once(self, windows: Windows, raw: Callable[[Windows], FloatArray]) -> FloatArray:
        """What `raw` makes of the windows; fitting and scoring the same windows costs one look, not two."""
        if self._looked_at is None or self._looked_at[0] is not windows:
            self._looked_at = (windows, raw(windows))
        return self._looked_at[1]

    def learn(self, name: str, windows: Windows, per_series: FloatArray) -> None:
        """Keep the class medians of a figure that every series has."""
        self.keep(name, windows, grouped_median(per_series, windows.group, windows.groups))

    def keep(self, name: str, windows: Windows, by_group: FloatArray) -> None:
        first = np.unique(windows.group, return_index=True)
        self._learned[name] = {
            class_key(windows.channels[row], windows.figures[row]): float(by_group[number])
            for number, row in zip(*first, strict=True)
            if np.isfinite(by_group[number])
        }

    def recall(self, name: str, windows: Windows, default: float) -> FloatArray:
        learned = self._learned.get(name, {})
        return windows.each(lambda channel, figure: learned.get(class_key(channel, figure), default))

    def state(self) -> dict[str, dict[str, float]]:
        return {name: dict(figures) for name, figures in self._learned.items()}

    def restore(self, state: dict[str, dict[str, float]]) -> Self:
        self._learned = {name: dict(figures) for name, figures in state.items()}
        return self


def scatter_by_group(windows: Windows, scores: FloatArray) -> FloatArray:
    """Empirical null (Efron 2004): sd of a score over each class, from its calmest third, never below 1.

    Half of a small class may be ill at once; its calm third still tells how healthy assets scatter. Drawn to 1 in
    small classes.
    """
    usable = np.where((scores != 0) & windows.telling, scores, np.nan)
    centre = common_to_group(windows, scores)
    deviation = np.abs(usable - centre[windows.group])
    calm = grouped_quantile(deviation, windows.group, windows.groups, CALM)
    scatter = np.nan_to_num(calm / CALM_SD, nan=1.0)
    size = np.bincount(windows.group[~np.isnan(usable)], minlength=windows.groups)
    return np.where(size >= FEWEST, np.sqrt((size * np.maximum(scatter, 1.0) ** 2 + DRAW) / (size + DRAW)), 1.0)


def common_to_group(windows: Windows, scores: FloatArray) -> FloatArray:
    """What a whole class has in common is a season or a festival, not a fault; drawn to 0 in small classes.

    In a small class only what three in four have in common counts: the quartile nearer to zero, zero if the quartiles
    lie either side; half of it may be ill at once. In a large one it is the median.
    """
    usable = np.where(windows.telling, scores, np.nan)
    size = np.bincount(windows.group[~np.isnan(usable)], minlength=windows.groups)
    share = 0.25 + 0.25 * np.clip((size - FEWEST) / (LARGE - FEWEST), 0.0, 1.0)
    low = np.nan_to_num(grouped_quantile(usable, windows.group, windows.groups, share))
    high = np.nan_to_num(grouped_quantile(usable, windows.group, windows.groups, 1 - share))
    shared = np.maximum(low, 0.0) + np.minimum(high, 0.0)
    return np.where(size >= FEWEST, shared * size / (size + 1.0), 0.0)
