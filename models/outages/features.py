"""What an outage history, a place and a registry entry say about the days to come: the features of the forecast.

Outages breed outages, so most features are decayed counts at several time constants: of outages that began, of days
down, of short stops by their length. Days differ for everybody (weekends, strikes, a feed that sleeps): beside the
plain counts stand counts in which an event weighs the more, the fewer there were that day. Then what happens next
door, around and to assets of the same kind, and what the registry knows.

All days are computed at once: a feature is a running figure over the days, read off on the mornings that are wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from models.outages.asset_features import Traits, groups
from models.outages.history import NEVER, Outages, starts
from models.outages.spatial_features import mean_around, mean_of_others, neighbourhoods, surroundings
from models.statistics import BoolArray, FloatArray

START_DECAYS = (2.0, 4.0, 7.0, 15.0, 30.0, 60.0, 150.0, 1000.0)
EVEN_START_DECAYS = (3.0, 7.0, 15.0, 30.0, 60.0, 150.0)
DOWN_DECAYS = (7.0, 30.0, 90.0)
SIZE_DECAYS = (3.0, 10.0, 30.0, 90.0)
PARTIAL_DECAYS = (4.0, 10.0, 30.0, 90.0)
EVEN_PARTIAL_DECAYS = (10.0, 30.0, 90.0)
EVEN_ANY_DECAYS = (7.0, 30.0, 150.0)
BANDS = (0.0, 0.25, 0.5, 1.0, 3.0, np.inf)  # of the label's limit: how bad a day was
BAND_DECAYS = (10.0, 45.0)
HAZARD_DECAYS = (15.0, 45.0, 150.0)
HAZARD_PRIOR = 10.0  # days of the fleet's rate
KIN_DECAYS = (30.0, 150.0)
KIN_PRIOR = 20.0  # assets of the fleet's rate
RECENT = 7  # days looked at one by one
WORST = (3, 7, 14, 28)  # days of which the worst is looked at
REACHES = (5.0, 30.0)  # km: the same works team; the same region and weather
EVENLY = (0.3, 3.0)  # least and most weight of an event for how few there were that day


def features(outages: Outages, days: Sequence[int], traits: Traits) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """(days, assets, features) from what was known on the morning of each day, and the features' names."""
    past = _Past(outages, days)
    columns: dict[str, FloatArray] = {}
    _counts(past, columns)
    _latest(past, columns)
    _others(past, columns, traits)
    shape = (len(outages.assets), len(days))
    fixed = [np.repeat(trait[:, None], shape[1], axis=1) for trait in traits.table(outages.assets).T]
    table = np.empty((shape[1], shape[0], len(columns) + len(fixed)), dtype=np.float32)
    for number, column in enumerate((*columns.values(), *fixed)):
        table[:, :, number] = np.broadcast_to(column, shape).T
    return table, (*columns, *traits.names)


class _Past:
    """The days on which anything was told, and how to read a running figure off on the mornings wanted."""

    def __init__(self, outages: Outages, days: Sequence[int]) -> None:
        reported = outages.told
        self.values = np.nan_to_num(outages.values[:, reported])
        self.at = np.concatenate([[0], np.cumsum(reported)])[np.asarray(days, dtype=np.int64)]
        self.down = outages.label.holds(self.values)
        self.begun = starts(self.down)
        self.log_size = np.log1p(np.abs(self.values))
        self.partial = (self.values > 0) & ~self.down
        self.outages = outages

    def decayed(self, events: FloatArray | BoolArray, time_constant: float) -> FloatArray:
        """(assets, mornings): see `outages.decayed`."""
        keep = np.exp(-1.0 / time_constant)
        running = lfilter([1.0], [1.0, -keep], events.astype(np.float64), axis=1)
        return self.morning(running)

    def morning(self, running: FloatArray, before: float = 0.0) -> FloatArray:
        """What a figure of each evening was on the evening before each morning; `before` where there was none."""
        if running.shape[1] == 0:
            return np.full((len(running), len(self.at)), before)
        return np.where(self.at > 0, running[:, np.maximum(self.at - 1, 0)], before)

    def even(self, events: BoolArray) -> FloatArray:
        """Events, each weighing the more, the fewer there were that day beside the days so far."""
        rate = events.mean(axis=0)
        usual = np.cumsum(rate) / np.arange(1, len(rate) + 1)
        return np.asarray(events * np.clip(usual / np.maximum(rate, 1e-3), *EVENLY))

    def since(self, events: BoolArray) -> FloatArray:
        """Days since the last event (1 = yesterday), counted on from `NEVER` where there was none."""
        last = np.maximum.accumulate(np.where(events, np.arange(events.shape[1]), -NEVER), axis=1)
        return self.at - self.morning(last, -NEVER)


def _counts(past: _Past, columns: dict[str, FloatArray]) -> None:
    """Decayed counts, plain and evened out, by how bad the days were, and against the days an asset was up."""
    begun, down, partial = past.begun, past.down, past.partial
    moved = past.values > 0
    for prefix, events, constants in (
        ("starts", begun, START_DECAYS),
        ("even_starts", past.even(begun), EVEN_START_DECAYS),
        ("down", down, DOWN_DECAYS),
        ("size", past.log_size, SIZE_DECAYS),
        ("partial", partial, PARTIAL_DECAYS),
        ("even_partial", past.even(partial), EVEN_PARTIAL_DECAYS),
        ("even_any", past.even(moved), EVEN_ANY_DECAYS),
    ):
        for constant in constants:
            columns[f"{prefix}_{constant:g}d"] = np.log1p(past.decayed(events, constant))
    limit = abs(past.outages.label.limit) or 1.0
    share = np.abs(past.values) / limit
    for low, high in pairwise(BANDS):
        inside = (share >= low) & (share < high) & moved
        for constant in BAND_DECAYS:
            columns[f"band_{low:g}_{constant:g}d"] = np.log1p(past.decayed(inside, constant))
    up = np.ones_like(down)
    up[:, 1:] = ~down[:, :-1]  # an outage can only begin where there was none
    for constant in HAZARD_DECAYS:
        count, exposure = past.decayed(begun, constant), past.decayed(up, constant)
        usual = count.sum(axis=0) / np.maximum(exposure.sum(axis=0), 1.0)
        columns[f"hazard_{constant:g}d"] = np.log((count + HAZARD_PRIOR * usual) / (exposure + HAZARD_PRIOR) + 1e-5)


def _latest(past: _Past, columns: dict[str, FloatArray]) -> None:
    """The last days one by one, the worst of the last weeks, how long ago things were, how long outages last."""
    size, down, begun = past.log_size, past.down, past.begun
    for ago in range(1, RECENT + 1):
        back = np.zeros_like(size)
        back[:, ago - 1 :] = size[:, : size.shape[1] - ago + 1]
        columns[f"ago_{ago}"] = past.morning(back)
    worst, reached = size.copy(), 1
    for days in WORST:
        for ago in range(reached, days):
            worst[:, ago:] = np.maximum(worst[:, ago:], size[:, : max(size.shape[1] - ago, 0)])
        reached = days
        columns[f"worst_{days}"] = past.morning(worst)
    limit = past.outages.label.limit
    columns["since_outage"] = np.log1p(past.since(down))
    columns["since_start"] = np.log1p(past.since(begun))
    columns["since_any"] = np.log1p(past.since(past.values > 0))
    columns["since_bad"] = np.log1p(past.since(down & (np.abs(past.values) >= 5 * abs(limit))))
    last = np.maximum.accumulate(np.where(begun, np.arange(begun.shape[1]), -NEVER), axis=1)
    earlier = np.hstack([np.full((len(last), 1), -NEVER), last[:, :-1]])[:, : last.shape[1]]
    before_last = np.maximum.accumulate(np.where(begun, earlier, -2 * NEVER), axis=1)
    columns["since_start_before"] = np.log1p(past.at - past.morning(before_last, -2 * NEVER))
    days_down, outages = np.cumsum(down, axis=1), np.cumsum(begun, axis=1)
    columns["usual_length"] = past.morning(np.log1p(days_down / np.maximum(outages, 1)))
    begin = np.maximum.accumulate(np.where(begun, days_down - 1, 0), axis=1)
    columns["last_length"] = past.morning(np.log1p(np.where(outages > 0, days_down - begin, 0)))


def _others(past: _Past, columns: dict[str, FloatArray], traits: Traits) -> None:
    """What happens at the same place, around it, to assets of a kind, and to all."""
    assets = past.outages.assets
    begun, size = past.begun, past.log_size
    place = neighbourhoods(assets)
    month = past.decayed(begun, 30.0)
    lately, long, restless = past.decayed(begun, 7.0), past.decayed(begun, 60.0), past.decayed(past.partial, 14.0)
    columns["next_door_starts_7d"] = mean_of_others(lately, place)
    columns["next_door_starts_30d"] = mean_of_others(month, place)
    columns["next_door_size"] = mean_of_others(past.decayed(size, 7.0), place)
    columns["next_door_down"] = mean_of_others(past.morning(past.down.astype(np.float64)), place)
    columns["next_door_count"] = np.log(np.bincount(place)[place])[:, None]
    for reach in REACHES:
        around = surroundings(assets, reach)
        for name, figure in (("starts_7d", lately), ("starts_60d", long), ("partial_14d", restless)):
            columns[f"within_{reach:g}km_{name}"] = mean_around(around, figure)
    for column in traits.kin:
        kind = groups(assets, column)
        for constant in KIN_DECAYS:
            of_kind = mean_of_others(past.decayed(begun, constant), kind, KIN_PRIOR)
            columns[f"kin_{column}_{constant:g}d"] = np.log(of_kind + 1e-4)
    columns["fleet"] = np.log(past.decayed(begun, 14.0).mean(axis=0, keepdims=True) + 1e-3)
