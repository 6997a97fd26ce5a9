"""Channels that tell how many days are left until something: no measurements, and no evidence of what is to come."""

from __future__ import annotations

import numpy as np

from facility.catalogue.catalogue import Channel
from models.statistics import FloatArray

COUNTS_DOWN = 0.9  # of a channel's steps that lose a day a day: it tells how long is left
SLACK = 0.05  # days a day that such a step may be off
STEPS = 5  # of an asset, before its course tells anything
UNITS = {"d": 1.0, "h": 24.0, "min": 1440.0, "s": 86_400.0, "1": 1.0}  # of a countdown, in a day; 1: cycles


def counts_down(figures: FloatArray, channel: Channel) -> bool:
    """Whether a channel tells how many days are left until something."""
    return days_left(figures, channel) is not None


def days_left(figures: FloatArray, channel: Channel) -> FloatArray | None:
    """(assets, days) figures in days, if nearly all of them lose a day a day; None if they do not."""
    if channel.unit not in UNITS:
        return None
    left = figures / UNITS[channel.unit]
    steps, even = 0, 0
    for values in left:
        at = np.flatnonzero(~np.isnan(values))
        if len(at) <= STEPS:
            continue
        slope = np.diff(values[at]) / np.diff(at)
        slope = slope[(slope != 0) | (values[at][:-1] < values[at].max())]  # many stop counting above some figure
        steps += len(slope)
        even += int(np.sum(np.abs(slope + 1.0) <= SLACK))
    return left if steps and even >= COUNTS_DOWN * steps else None
