"""Take out of each series what is not the asset's own doing: weather, holidays, load, use, the season.

Two kinds of explanation are fitted on the reference days by robust ridge regression, all series at once: the asset's
own context channels (catalogue: bad = "none"), and what its whole class did on the same day (the class median: a
holiday or a cold front moves every asset). The loadings are drawn half-way to the class's, so that one asset's fault
that happens to coincide with a warm week is not explained away by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.catalogue.catalogue import Aggregate, Bad
from facility.estate import Asset
from models.features.apart import stepped_apart
from models.features.daily import DailyFigures
from models.features.drivers import without_driven
from models.features.rescaling import without_scale_steps
from models.features.windows import PRIOR_FREEDOM, RECENT, Figure, Windows, number_groups
from models.statistics import (
    BoolArray,
    FloatArray,
    IntArray,
    empty_slices,
    grouped_median,
    median,
    quantile,
    shrunk_scale,
    spread,
    theil_sen,
)

CLASS_SIZE = 5  # smallest class whose median says something about the day
CONTEXTS = 3  # context channels used an asset
RIDGE = 4.0  # in days: how much evidence a loading needs
OWN_LOADING = 0.5  # weight of the asset's own loadings against its class's
LEVEL_PART, TEST_PART = 0.005, 0.01  # of the level: repeatability of fixed sensors and of test runs
BAND_PART = 0.01  # of the normal band's width
HUBER = 1.5
AT_ONCE = 4_096  # series whose explanations are laid out at once


def fleet_windows(
    daily: DailyFigures, assets: tuple[Asset, ...], excluded: BoolArray, *, end: datetime, timezone: ZoneInfo
) -> Windows:
    """Scored series (every channel that can be bad) of the whole fleet. `excluded`: one a series of `daily`."""
    days = daily.values.shape[1]
    reference = max(days - RECENT, 0)
    standard = _standardised(daily.values, reference, daily.floor)
    group, groups = number_groups(daily.channels, daily.figures)
    scored = np.array([c.bad is not Bad.NONE for c in daily.channels], dtype=np.bool_)
    rows = np.flatnonzero(scored)
    apart = stepped_apart(daily, excluded, assets, group, groups)
    if apart.own.any():
        standard = np.where(apart.own[:, None], np.nan, standard)
    explained = _explanations(daily, standard, group, groups, assets, _weekend(end, days, timezone))
    adjusted, leverage = _explained_away(daily, explained, rows, group, groups, reference)
    own = spread(adjusted[:, :reference]) if reference else np.full(len(rows), np.nan)
    about_line = spread(_without_line(adjusted[:, :reference])) if reference >= 6 else own
    floor = np.maximum(daily.floor[rows], _least_spread(daily, rows))
    number = np.sum(~np.isnan(adjusted[:, :reference]), axis=1).astype(np.float64)
    own = np.where(number >= 3, own, np.nan)
    prior = grouped_median(own, group[rows], groups)[group[rows]]
    own = np.where(own > prior, np.fmax(prior, np.fmin(own, about_line)), own)
    scale = np.maximum(shrunk_scale(own, number - 3, prior, PRIOR_FREEDOM), np.maximum(floor, 0.4 * prior))
    scale = np.where(np.isnan(scale) | (scale <= 0), np.inf, scale)
    scale = scale * _heavy_tails(adjusted[:, :reference] / scale[:, None], group[rows], groups)
    windows = Windows(
        assets=assets,
        channels=tuple(daily.channels[i] for i in rows),
        figures=tuple(daily.figures[i] for i in rows),
        owner=daily.owner[rows],
        group=group[rows],
        groups=groups,
        end=end,
        values=daily.values[rows],
        adjusted=adjusted,
        scale=scale,
        leverage=leverage,
        excluded=excluded[rows],
        apart=apart.taking(rows),
    )
    return without_driven(without_scale_steps(windows))


def _without_line(values: FloatArray) -> FloatArray:
    """Deviations from each row's Theil-Sen line: wear that began within the reference days is no scatter."""
    return values - np.nan_to_num(theil_sen(values))[:, None] * np.arange(values.shape[1])


def _least_spread(daily: DailyFigures, rows: IntArray) -> FloatArray:
    """No channel is steadier than a small part of its level and of its normal band: instruments are not."""
    usual = np.abs(np.nan_to_num(median(daily.values[rows])))
    parts = {Figure.LEVEL: LEVEL_PART, Figure.TEST: TEST_PART}
    part = np.array([parts.get(daily.figures[row], 0.0) for row in rows])
    width = np.array([daily.channels[row].normal.high - daily.channels[row].normal.low for row in rows])
    band = np.where(np.isfinite(width), BAND_PART * width, np.inf)
    return np.where(part > 0, np.minimum(part * usual, band), 0.0)


def _heavy_tails(standard: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """Channels that healthy assets throw about now and then: how much wider than Gaussian their class's tails are."""
    if standard.shape[1] < 10:
        return np.ones(len(standard))
    own = quantile(np.abs(standard), 0.95)
    of_class = grouped_median(own, group, groups)[group]
    return np.asarray(np.clip(np.nan_to_num(of_class, nan=2.0) / 2.0, 1.0, 4.0))


def _standardised(values: FloatArray, reference: int, floor: FloatArray) -> FloatArray:
    past = values[:, :reference] if reference >= 3 else values
    width = np.maximum(np.nan_to_num(spread(past)), np.maximum(floor, 1e-9))
    return np.asarray(np.clip((values - median(past)[:, None]) / width[:, None], -8, 8))


def _weekend(end: datetime, days: int, timezone: ZoneInfo) -> FloatArray:
    """Share of each day's hours that fall on a local Saturday or Sunday, centred."""
    share = np.array(
        [
            np.mean(
                [
                    (end - timedelta(days=days - d, hours=-h - 0.5)).astimezone(timezone).weekday() >= 5
                    for h in range(24)
                ]
            )
            for d in range(days)
        ]
    )
    return np.asarray(share - 2 / 7, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Explanations:
    """What may explain a day, each where it is shared: a whole fleet's columns would be many times its figures."""

    owner: IntArray
    group: IntArray
    common: FloatArray  # (groups, days): class median
    weekend: FloatArray  # (days)
    use: FloatArray  # (assets, days)
    around: FloatArray  # (assets, days): life at the site
    context: FloatArray  # (assets, days, CONTEXTS)

    def columns(self, rows: IntArray) -> FloatArray:
        """(rows, days, columns): class median, weekend, use, life around, context channels; 0 where unknown."""
        owner, days = self.owner[rows], len(self.weekend)
        out = np.empty((len(rows), days, 4 + CONTEXTS))
        out[:, :, 0] = self.common[self.group[rows]]
        out[:, :, 1] = self.weekend
        out[:, :, 2] = self.use[owner]
        out[:, :, 3] = self.around[owner]
        out[:, :, 4:] = self.context[owner]
        return out


def _explanations(
    daily: DailyFigures,
    standard: FloatArray,
    group: IntArray,
    groups: int,
    assets: tuple[Asset, ...],
    weekend: FloatArray,
) -> _Explanations:
    days = standard.shape[1]
    weather = np.array(
        [f is Figure.LEVEL and c.unit == "Cel" for c, f in zip(daily.channels, daily.figures, strict=True)],
        dtype=np.bool_,
    )
    warmth = median(standard[weather], axis=0) if weather.sum() >= CLASS_SIZE else np.full(days, np.nan)
    shared = np.zeros((groups, days))
    for number in range(groups):
        members = np.flatnonzero(group == number)
        telling = members[~np.isnan(standard[members]).all(axis=1)]
        shared[number] = np.nan_to_num(median(standard[telling], axis=0) if telling.size >= CLASS_SIZE else warmth)
    use = np.zeros((len(assets), days))
    context = np.zeros((len(assets), days, CONTEXTS))
    counters: dict[int, list[int]] = {}
    taken: dict[tuple[str, str], int] = {}
    used: dict[str, int] = {}
    for row, (channel, figure) in enumerate(zip(daily.channels, daily.figures, strict=True)):
        if channel.bad is not Bad.NONE:
            continue
        if channel.aggregate is Aggregate.COUNTER:
            counters.setdefault(int(daily.owner[row]), []).append(row)
        elif figure is Figure.LEVEL and channel.aggregate is Aggregate.MEAN:
            place = taken.get((channel.kind, channel.key))
            if place is None:
                place = taken[channel.kind, channel.key] = used.get(channel.kind, 0)
                used[channel.kind] = place + 1
            if place < CONTEXTS:
                context[daily.owner[row], :, place] = np.nan_to_num(standard[row])
    for owner, rows in counters.items():
        use[owner] = np.nan_to_num(median(standard[rows], axis=0))
    return _Explanations(
        owner=daily.owner,
        group=group,
        common=shared,
        weekend=weekend,
        use=use,
        around=_life_around(daily, standard, assets),
        context=context,
    )


def _life_around(daily: DailyFigures, standard: FloatArray, assets: tuple[Asset, ...]) -> FloatArray:
    """(assets, days): how busy the site was, by what its assets count of their use: a holiday shows."""
    counted: dict[str, list[int]] = {}
    for row, channel in enumerate(daily.channels):
        if channel.bad is Bad.NONE and channel.aggregate is Aggregate.COUNTER and channel.unit == "1":
            counted.setdefault(assets[daily.owner[row]].site, []).append(row)
    out = np.zeros((len(assets), standard.shape[1]))
    everywhere = [row for rows in counted.values() for row in rows]
    if len(everywhere) < CLASS_SIZE:
        return out
    fleet = np.nan_to_num(median(standard[everywhere], axis=0))
    of_site = {
        site: np.nan_to_num(median(standard[rows], axis=0)) for site, rows in counted.items() if len(rows) >= CLASS_SIZE
    }
    for number, asset in enumerate(assets):
        out[number] = of_site.get(asset.site, fleet)
    return out


def _explained_away(
    daily: DailyFigures, explained: _Explanations, rows: IntArray, group: IntArray, groups: int, reference: int
) -> tuple[FloatArray, FloatArray]:
    values = daily.values[rows]
    past = values[:, :reference] if reference >= 3 else values
    centre = median(past)[:, None]
    if reference < 10:
        return values - centre, np.zeros(len(rows))
    regular = np.array([daily.figures[i] in (Figure.LEVEL, Figure.SPREAD, Figure.RATE) for i in rows], dtype=np.bool_)
    width = np.maximum(np.nan_to_num(spread(past)), np.maximum(daily.floor[rows], 1e-9))[:, None]
    target = (values - centre) / width
    parts = [np.arange(begin, min(begin + AT_ONCE, len(rows))) for begin in range(0, len(rows), AT_ONCE)]
    own, leverage = np.zeros((len(rows), 4 + CONTEXTS)), np.zeros(len(rows))
    for part in parts:
        columns = explained.columns(rows[part])
        measured = ~np.isnan(target[part, :reference])
        own[part], inverse = _ridge(columns[:, :reference], np.nan_to_num(target[part, :reference]), measured)
        outside = columns[:, -RECENT:].mean(axis=1) - columns[:, :reference].mean(axis=1)
        leverage[part] = np.einsum("sp,spq,sq->s", outside, inverse, outside)
    of_class = np.stack([grouped_median(own[:, p], group[rows], groups) for p in range(own.shape[1])], axis=1)
    crowded = np.bincount(group[rows], minlength=groups)[group[rows]] >= 3
    loading = np.where(crowded[:, None], OWN_LOADING * own + (1 - OWN_LOADING) * of_class[group[rows]], own)
    loading = np.where(regular[:, None], loading, 0.0)
    for part in parts:
        target[part] -= (explained.columns(rows[part]) @ loading[part, :, None])[:, :, 0]
    target -= np.nan_to_num(median(target[:, :reference]))[:, None]
    return target * width, np.where(regular, leverage, 0.0)


def _ridge(x: FloatArray, y: FloatArray, array: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Huber-weighted ridge regression, a row each. Returns loadings (series, p) and inverse Gram matrices."""
    weight: FloatArray = array.astype(np.float64)
    x = x - (np.einsum("sdp,sd->sp", x, weight) / np.maximum(weight.sum(axis=1), 1)[:, None])[:, None, :]
    across = np.ascontiguousarray(x.transpose(0, 2, 1))
    eye = RIDGE * np.eye(x.shape[2])
    for _ in range(4):
        weighted = across * weight[:, None, :]
        inverse = _inverted(weighted @ x + eye)
        loading = inverse @ (weighted @ y[:, :, None])
        residual = y - (x @ loading)[:, :, 0]
        width = np.maximum(np.nan_to_num(spread(np.where(array, residual, np.nan))), 1e-6)[:, None]
        with empty_slices():
            weight = np.asarray(array * np.minimum(1.0, HUBER * width / np.maximum(np.abs(residual), 1e-12)))
    return loading[:, :, 0], inverse


def _inverted(matrices: FloatArray) -> FloatArray:
    """Inverses of many small positive definite matrices at once, by Gauss and Jordan: these need no pivots."""
    out = np.ascontiguousarray(matrices.transpose(1, 2, 0))
    for step in range(len(out)):
        pivot = 1.0 / out[step, step]
        row = out[step] * pivot
        column = out[:, step].copy()
        out -= column[:, None] * row[None]
        out[step] = row
        out[:, step] = -column * pivot
        out[step, step] = pivot
    return np.ascontiguousarray(out.transpose(2, 0, 1))
