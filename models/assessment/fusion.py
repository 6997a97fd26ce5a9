"""From detector scores to one probability an asset, without labels.

1. Scores of one channel: the strongest counts, indirect detectors at a discount.
2. Channels of one failure mode (catalogue signs) add up, as a vector's length does, above what noise reaches.
3. The best of channels and modes becomes a p-value under a heavy-tailed null (Student t), corrected for how many series
   the asset has: an asset with twenty channels has twenty chances to look odd.
4. The fleet corrects it: if typical assets look odder than the null allows (a heat wave nothing explained), all are
   drawn back by as much (empirical null). Faults make assets look odd as well, any share of a fleet may have them, and
   they hardly ever show as a change for the better: so no more than the changes for the better are odd, too.
5. p becomes a Bayes factor, and with a prior the probability. How plainly trouble shows is not known: the p-values of
   the ill are taken to have the density shape p^(shape - 1) (Sellke, Bayarri and Berger 2001; Pounds and Morris 2003),
   averaged over the shapes between hardly visible and plain. So an asset that looks like any other is likelier well
   than the prior says, as far as trouble shows at all.
6. No probability is higher than that a sign this strong has no innocent cause. Whatever moves healthy equipment
   (people, seasons, new parts) moves it for the better as well, where no fault does: the fleet's strong changes for the
   better, beside those for the worse, tell how often that is (a mirrored null, like the decoys of mass spectrometry).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from facility.catalogue.catalogue import Bad, Catalogue, FailureMode
from models.features.directions import fixed_directions
from models.features.windows import RECENT, Figure, Windows
from models.statistics import FloatArray, grouped_median, mean, median

WEIGHT = {"subspace": 0.6, "clusters": 0.6, "peers": 0.7}  # of detectors that see a channel only indirectly; else 1
DIRECT = ("residual", "trend", "change")  # detectors whose scores below zero mean a change for the better
SPREAD_WEIGHT = 0.5
NOISE = 1.5  # what a healthy channel's score reaches now and then; only more than that adds up
TAIL_FREEDOM = 7.0  # degrees of freedom of the null: healthy buildings are not Gaussian
CHANCES = 1.5  # looks taken at a series (several detectors, not independent)
PRIOR = 0.06  # share of assets that need attention at any time, before anything is known
PRIOR_ASSETS, ROUNDS = 20.0, 3  # assets that the stated prior is worth against the fleet's own share of trouble
GUILTY, INNOCENT = 9.0, 1.0  # strong signs that are as good as seen before a fleet has shown any
PLAINEST = 0.1  # least shape: trouble that shows as plainly as any
FLAG_AT = 0.5
MATERIAL = 0.05  # of the way to the limit
NO_RATIO = frozenset({"Cel", "mm", "m"})  # units whose zero is a convention: a share of the level means nothing
UPPER_QUARTILE, QUARTILE = 1.2, 0.67  # of normal scores: with every eighth asset truly ill, and with none
DIRECTED = 0.25  # share of the fleet with a change for the better, from which these tell how odd the well look
ALTERNATIVE = 0.4  # of the likeliest mode's likeness: less is not worth naming
UNREMARKABLE = 0.999  # the largest p-value
FLEET = 20  # assets before the fleet can correct the null


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the scores of one asset come to."""

    statistic: float  # strongest channel or mode, in standard deviations
    chance: float  # p-value of it, before the fleet corrects it
    mirrored: float  # p-value of the strongest change for the better: what innocent causes do
    log_odds: float
    probability: float
    mode: str
    alternatives: tuple[str, ...]  # other modes with some of the same signs, likeliest first
    series: tuple[int, ...]  # rows of the windows that speak for it, strongest first
    floor: float = 0.0  # no probability below it: beyond a limit, or flagged and not mended
    unknown: bool = False  # nothing could be compared: the probability is the prior, whatever the fleet shows


def unknown(statistic: float) -> Verdict:
    """Of an asset of which nothing can be told: what is known before any data, the prior."""
    odds = float(np.log(PRIOR / (1 - PRIOR)))
    return Verdict(
        statistic=statistic,
        chance=UNREMARKABLE,
        mirrored=UNREMARKABLE,
        log_odds=odds,
        probability=PRIOR,
        mode="",
        alternatives=(),
        series=(),
        unknown=True,
    )


@dataclass(frozen=True, slots=True)
class FleetNull:
    """What the fleet as a whole tells of every asset in it: normal scores are drawn back by `shift` and `stretch`."""

    shift: float
    stretch: float
    prior: float
    ceiling: float = 1.0  # share of strong signs that have no innocent cause

    def corrected(self, p: FloatArray) -> FloatArray:
        if self.shift == 0.0 and self.stretch == 1.0:
            return p
        return np.asarray(stats.norm.sf((stats.norm.isf(p) - self.shift) / self.stretch))

    def log_odds(self, p: FloatArray) -> FloatArray:
        """Of trouble: those of the p-values under the null, times the ceiling as a probability."""
        freely = log_odds(self.corrected(p), self.prior)
        return np.asarray(-np.log(1 / self.ceiling - 1 + np.exp(-freely) / self.ceiling))

    def probability(self, p: FloatArray) -> FloatArray:
        return np.asarray(1 / (1 + np.exp(-self.log_odds(p))))


def series_scores(windows: Windows, scores: dict[str, FloatArray]) -> FloatArray:
    """The strongest of all detectors, one a series; 0 where the sensor is not believed."""
    best = np.zeros(len(windows.channels))
    material = materiality(windows)
    for name, score in scores.items():
        matters = LASTING[name](windows) if name in LASTING else material
        best = np.maximum(best, WEIGHT.get(name, 1.0) * score * matters)
    discount = np.where(windows.having(Figure.SPREAD), SPREAD_WEIGHT, 1.0)
    return np.where(windows.excluded, 0.0, best * discount)


def _apart_from_class(windows: Windows) -> FloatArray:
    """0..1, one a series: does it stand so far from its class that it matters, however long it has stood there?"""
    now = median(windows.latest(windows.values, 10))
    return share_of_way(windows, grouped_median(now, windows.group, windows.groups)[windows.group], now)


# how much scores matter that don't come of a change of late: of a series beyond its limit all, however old that is
LASTING: dict[str, Callable[[Windows], FloatArray]] = {
    "limit": lambda windows: np.ones(len(windows.channels), dtype=np.float64),
    "peers": _apart_from_class,
    "past": lambda windows: np.ones(len(windows.channels), dtype=np.float64),
}


def better_scores(windows: Windows, scores: dict[str, FloatArray]) -> FloatArray:
    """The strongest change for the better that a detector saw directly, one a series; 0 where both ways are bad."""
    direct = {name: -score for name, score in scores.items() if name in DIRECT}
    return np.where(fixed_directions(windows) != 0, series_scores(windows, direct), 0.0)


def materiality(windows: Windows) -> FloatArray:
    """0..1, one a series: is the recent change large enough to matter to anybody, however certain it is?

    What counts is the share of the way to the alarm limit that the change has covered, or of the level where that is
    less or there is no limit. From `MATERIAL` on it counts in full. How a channel scatters, or how long it is in a
    state, has no such measure.
    """
    tests = windows.having(Figure.TEST)
    week = mean(windows.latest(windows.adjusted, RECENT))
    newest = mean(windows.latest(windows.adjusted, 3))
    change = np.nan_to_num(np.where(tests, np.abs(newest), np.maximum(np.abs(newest), np.abs(week))))
    level = np.nan_to_num(median(windows.values[:, :-RECENT]))
    now = np.where(tests, level + newest, mean(windows.values[:, -RECENT:]))
    return share_of_way(windows, level, now, change)


def share_of_way(windows: Windows, level: FloatArray, now: FloatArray, change: FloatArray | None = None) -> FloatArray:
    """0..1, one a series: how much a change from `level` to `now` (or of `change`) covers of what matters in full."""
    change = np.nan_to_num(np.abs(now - level)) if change is None else change
    edge = np.where(
        now >= level,
        windows.each(lambda channel, _: channel.limit.high),
        windows.each(lambda channel, _: channel.limit.low),
    )
    left = np.abs(edge - level)
    by_level = np.where(windows.each(lambda channel, _: channel.unit in NO_RATIO) > 0, np.inf, np.abs(level))
    limited = windows.having(Figure.LEVEL, Figure.TEST) & np.isfinite(edge)
    way = np.where(limited, np.minimum(left, by_level), np.abs(level))
    measured = windows.having(Figure.LEVEL, Figure.TEST, Figure.RATE)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(way > 0, change / (MATERIAL * way), 1.0)
    return np.where(measured, np.clip(share, 0.0, 1.0), 1.0)


def verdicts(
    windows: Windows,
    strength: FloatArray,
    change: FloatArray,
    catalogue: Catalogue,
    *,
    better: FloatArray | None = None,
) -> list[Verdict]:
    """One verdict an asset of the windows. `change`: signed recent change, one a series; `better`: `better_scores`."""
    rows_of: list[list[int]] = [[] for _ in windows.assets]
    for row, owner in enumerate(windows.owner):
        rows_of[int(owner)].append(row)
    statistic = np.zeros(len(windows.assets))
    modes: list[tuple[str, ...]] = []
    chances = np.ones(len(windows.assets))
    for number, rows in enumerate(rows_of):
        known = catalogue[windows.assets[number].kind].modes if windows.assets[number].kind in catalogue else {}
        statistic[number], likely = _strongest(windows, rows, strength, change, tuple(known.values()))
        modes.append(likely)
        chances[number] = max(1.0, CHANCES * len(rows))
    p = by_chance(statistic, chances)
    best = np.zeros(len(windows.assets))
    if better is not None:
        np.maximum.at(best, windows.owner, better)
    mirrored = by_chance(best, chances)
    odds = fleet_null(p, mirrored).log_odds(p)
    return [
        Verdict(
            statistic=float(statistic[number]),
            chance=float(p[number]),
            mirrored=float(mirrored[number]),
            log_odds=float(odds[number]),
            probability=_probability(odds[number]),
            mode=modes[number][0] if modes[number] else "",
            alternatives=modes[number][1:],
            series=tuple(sorted((r for r in rows if strength[r] > 0), key=lambda r: -strength[r])),
        )
        for number, rows in enumerate(rows_of)
    ]


def settled(verdicts: Sequence[Verdict], null: FleetNull) -> list[Verdict]:
    """The same verdicts under the null of a whole fleet."""
    odds = null.log_odds(np.array([verdict.chance for verdict in verdicts]))
    return [
        verdict if verdict.unknown else _bounded(verdict, float(odd))
        for verdict, odd in zip(verdicts, odds, strict=True)
    ]


def _bounded(verdict: Verdict, log_odds: float) -> Verdict:
    if verdict.floor > 0:
        log_odds = max(log_odds, float(np.log(verdict.floor / (1 - verdict.floor))))
    return replace(verdict, log_odds=log_odds, probability=_probability(log_odds))


def _probability(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def log_odds(p: FloatArray, prior: float) -> FloatArray:
    """Posterior log odds from p-values, the shape of trouble's p-values being anything, log-uniformly, up to 1."""
    nats = -np.log(np.clip(p, 1e-300, 0.999))
    over = (1 - PLAINEST) * nats
    factor = over + np.log(-np.expm1(-over)) - np.log(nats) - np.log(-np.log(PLAINEST))
    return np.asarray(np.log(prior / (1 - prior)) + factor)


def threshold_within(probabilities: FloatArray, false_flags: float) -> float:
    """The lowest probability to flag from so that no more than `false_flags` of the flags are expected to be wrong."""
    highest_first = np.sort(probabilities)[::-1]
    wrong = np.cumsum(1 - highest_first)
    within = np.flatnonzero(wrong <= false_flags)
    return float(highest_first[within[-1]]) if within.size else 1.0


def by_chance(statistic: FloatArray, chances: FloatArray) -> FloatArray:
    """p-values of the strongest of so many looks under a heavy-tailed null."""
    return np.asarray(np.minimum(-np.expm1(chances * np.log1p(-stats.t.sf(statistic, TAIL_FREEDOM))), UNREMARKABLE))


def fleet_null(p: FloatArray, mirrored: FloatArray | None = None, prior: float = PRIOR) -> FleetNull:
    """How odd typical assets of the fleet look, and how much trouble it has (empirical Bayes).

    Much trouble in a fleet makes more trouble likely, none makes it less. `mirrored`: p-values of the changes for the
    better; the ceiling follows from how many of them would have been flagged.
    """
    shift, stretch = 0.0, 1.0
    if len(p) >= FLEET:
        shift, stretch = _oddness(p, UPPER_QUARTILE)
        if mirrored is not None and np.mean(mirrored < UNREMARKABLE) >= DIRECTED:
            shift, stretch = np.minimum((shift, stretch), _oddness(mirrored, QUARTILE))
    null = FleetNull(shift, stretch, prior)
    for _ in range(ROUNDS):
        believed = float(np.sum(1 / (1 + np.exp(-log_odds(null.corrected(p), null.prior)))))
        null = FleetNull(shift, stretch, (believed + PRIOR_ASSETS * prior) / (len(p) + PRIOR_ASSETS))
    if mirrored is None:
        return null
    flagged = null.probability(p) >= FLAG_AT
    innocent = ~flagged & (null.probability(mirrored) >= FLAG_AT)
    return replace(null, ceiling=(flagged.sum() + GUILTY) / (flagged.sum() + innocent.sum() + GUILTY + INNOCENT))


def _oddness(p: FloatArray, upper_quartile: float) -> tuple[float, float]:
    """How far typical assets are shifted and stretched against the null, if the upper quartile should be so far out."""
    middle, upper = np.quantile(stats.norm.isf(p), [0.5, 0.75])
    shift = max(0.0, float(middle))
    return shift, max(1.0, (float(upper) - shift) / upper_quartile)


def _strongest(
    windows: Windows, rows: list[int], strength: FloatArray, change: FloatArray, modes: tuple[FailureMode, ...]
) -> tuple[float, tuple[str, ...]]:
    """The strongest channel or mode, and the modes that it looks like, likeliest first."""
    if not rows:
        return 0.0, ()
    single = max(float(strength[r]) for r in rows)
    length = float(np.sqrt(sum(_by_channel(windows, rows, strength).values()))) or 1.0
    best = single
    likeness: dict[str, float] = {}
    loud = [r for r in rows if strength[r] > NOISE]
    for mode in modes if loud else ():
        fitting = [r for r in loud if fits(windows, r, change, mode)]
        by_channel = _by_channel(windows, fitting, strength)
        together = NOISE + float(np.sqrt(sum(by_channel.values()))) if by_channel else 0.0
        best = max(best, together)
        alike = sum(np.sqrt(v) for v in by_channel.values()) / (np.sqrt(len(mode.signs)) * length)
        if alike > 0:
            likeness[mode.key] = float(alike)
    likely = sorted(likeness, key=lambda key: -likeness[key])
    return best, tuple(key for key in likely if likeness[key] >= ALTERNATIVE * likeness[likely[0]])


def _by_channel(windows: Windows, rows: list[int], strength: FloatArray) -> dict[str, float]:
    """Squared strength above noise of each channel, its strongest figure only."""
    out: dict[str, float] = {}
    for row in rows:
        over = float(strength[row]) - NOISE
        if over > 0:
            key = windows.channels[row].key
            out[key] = max(out.get(key, 0.0), over**2)
    return out


def fits(windows: Windows, row: int, change: FloatArray, mode: FailureMode) -> bool:
    """Does this series move the way the mode's sign says?"""
    sign = mode.signs.get(windows.channels[row].key)
    if sign is None:
        return False
    if sign is Bad.BOTH or windows.figures[row] in (Figure.SPREAD, Figure.SHARE):
        return True
    return bool(change[row] > 0) == (sign is Bad.UP)
