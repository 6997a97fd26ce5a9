"""Drift: a channel that slides away steadily and alone is its sensor's trouble until more is seen.

Wear shows in more than one place. Where every failure mode that could move a channel this way names two others or more
that are measured as regularly, and none of them has moved, the sensor is the simpler explanation. So is a steady slide
towards the better: equipment does not heal. What the class or the weather does is out of the figures by then.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facility.catalogue.catalogue import Bad, Catalogue
from models.assessment.fusion import fits
from models.features.windows import Figure, Windows
from models.statistics import BoolArray, FloatArray, IntArray

STEADY = 8.0  # trend, in standard errors, from which a slide is beyond doubt
QUIET = 2.0  # score that companions reach without any reason
QUIET_SHARE = 1 / 3  # of the drifting channel's own score
MOVED = 4.0  # score of a companion that has moved, however far the drift went
COMPANIONS = 2  # fewest other channels that would have to move


@dataclass(frozen=True, slots=True)
class Drift:
    """A slow trend of one series that nothing explains."""

    row: int  # of the windows
    score: float
    companions: tuple[int, ...]  # rows that would have moved too


def lone_drifts(
    windows: Windows, scores: dict[str, FloatArray], change: FloatArray, catalogue: Catalogue
) -> list[Drift]:
    """Level series that drift alone. `scores`: of all detectors; `change`: signed recent change, one a series."""
    if "trend" not in scores:
        return []
    strongest = np.max(np.stack([np.abs(s) for s in scores.values()]), axis=0)
    regular = windows.having(Figure.LEVEL) & ~windows.excluded & np.isfinite(windows.scale)
    steady = np.abs(scores["trend"])
    sliding = np.flatnonzero(regular & (steady >= STEADY) & (steady >= 0.6 * strongest))
    drifts = []
    for row in sliding:
        companions = _companions(windows, int(row), regular, change, catalogue, healing=scores["trend"][row] < 0)
        if len(companions) < COMPANIONS:
            continue
        quiet = min(max(QUIET, QUIET_SHARE * float(strongest[row])), MOVED)
        if float(np.max(strongest[list(companions)])) < quiet:
            drifts.append(Drift(int(row), float(steady[row]), companions))
    return drifts


def _companions(
    windows: Windows, row: int, regular: BoolArray, change: FloatArray, catalogue: Catalogue, *, healing: bool
) -> tuple[int, ...]:
    """Rows of the same asset that some failure mode would move together with this one; () if it may move alone."""
    channel = windows.channels[row]
    modes = catalogue[channel.kind].modes.values()
    if healing:
        fitting = [m for m in modes if m.signs.get(channel.key) not in (None, Bad.BOTH)]
    else:
        fitting = [m for m in modes if fits(windows, row, change, m)]
    siblings: IntArray = np.flatnonzero((windows.owner == windows.owner[row]) & regular)
    together: set[int] = set()
    for mode in fitting:
        others = {int(i) for i in siblings if i != row and windows.channels[i].key in mode.signs}
        if not others:
            return ()
        together |= others
    return tuple(sorted(together))
