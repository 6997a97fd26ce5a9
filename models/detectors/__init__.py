"""Detectors: each looks at daily figures of a fleet in its own way and says how strange every series is.

One contract, one meaning of a score: higher is stranger, zero is unremarkable, and the unit is the standard deviation
of a healthy series of that class. Thresholds live elsewhere. One suite of tests runs over all of `all_detectors`.
"""

from __future__ import annotations

from typing import Protocol, Self

from models.features.windows import Windows
from models.statistics import FloatArray


class Detector(Protocol):
    """Scores the recent days of every series of `Windows`."""

    @property
    def name(self) -> str: ...

    def fit(self, windows: Windows) -> Self:
        """Learn from the fleet what this detector's figures usually are, class by class."""
        ...

    def score(self, windows: Windows) -> FloatArray:
        """One score a series; positive = for the worse, 0 where too little is known. Never NaN."""
        ...

    def state(self) -> dict[str, dict[str, float]]:
        """What was learned, as plain figures by class (kind/channel/figure): JSON, never a pickle."""
        ...

    def restore(self, state: dict[str, dict[str, float]]) -> Self: ...


DEFAULT = ("residual", "trend", "change", "peers", "limit")  # what earns its place (docs/models.md)


def default_detectors() -> tuple[Detector, ...]:
    """Those that assessments are made with."""
    return tuple(detector for detector in all_detectors() if detector.name in DEFAULT)


def all_detectors() -> tuple[Detector, ...]:
    """The detectors of the product, in the order in which they explain."""
    from models.detectors.change import ChangePoint
    from models.detectors.clusters import Clusters
    from models.detectors.events import EventRate
    from models.detectors.limits import LimitRule
    from models.detectors.peers import PeerComparison
    from models.detectors.residual import SeasonalResidual
    from models.detectors.subspace import Subspace
    from models.detectors.trend import TrendToLimit

    return (
        SeasonalResidual(),
        TrendToLimit(),
        ChangePoint(),
        Subspace(),
        Clusters(),
        PeerComparison(),
        EventRate(),
        LimitRule(),
    )
