"""Windows of levels, a day a value, made by hand for tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from models.features.windows import Figure, Windows, number_groups


def level_windows(
    kind: str, keys: Sequence[str], adjusted: np.ndarray, levels: np.ndarray, scale: np.ndarray
) -> Windows:
    """Assets of a kind with these channels each; `adjusted` (assets x channels, days) deviates from `levels`."""
    assets = len(adjusted) // len(keys)
    channels = tuple(catalogue()[kind].channels[key] for _ in range(assets) for key in keys)
    figures = (Figure.LEVEL,) * len(channels)
    group, groups = number_groups(channels, figures)
    return Windows(
        assets=tuple(Asset(id=f"A-{number}", kind=kind) for number in range(assets)),
        channels=channels,
        figures=figures,
        owner=np.repeat(np.arange(assets), len(keys)),
        group=group,
        groups=groups,
        end=datetime(2026, 6, 1, tzinfo=UTC),
        values=levels[:, None] + adjusted,
        adjusted=adjusted,
        scale=scale,
        leverage=np.zeros(len(channels)),
        excluded=np.zeros(len(channels), dtype=np.bool_),
    )
