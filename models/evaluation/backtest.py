"""Judge a forecast as it would have been used: week after week, with a model that knew only the past of each day.

On each service day a fresh model is trained on what was known, the assets that are not down already are ranked, and
the days that followed decide. Beside it stand the decayed count of outage starts, which is the baseline that counts,
and random order. Whether the model is better is said by a paired bootstrap over service days, in blocks where their
horizons overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sklearn.metrics import average_precision_score

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.store import Store
from models.calibration import brier, reliability_table
from models.outages.estimators import Lessons, held_out
from models.outages.forecast import without_model
from models.outages.history import SHORTEST, Outages, decayed_count, eligible, events_within, read_outages
from models.outages.label import DEFAULT_LABEL, Label
from models.outages.trained_model import TrainedModel
from models.outages.training import learn
from models.statistics import BoolArray, FloatArray

TOP_SHARE = 0.05
TOP_COUNT = 20
RESAMPLES = 2000
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """How well one order of assets puts first what came about."""

    p_at_5_percent: float
    p_at_20: float
    recall_at_5_percent: float
    lift_at_5_percent: float  # how many times as many as random order finds
    average_precision: float


FIGURES = tuple(field.name for field in fields(Ranked))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDay:
    """How one day's ranking did."""

    day: str
    assets: int
    events: int
    model: Ranked
    decayed_count: Ranked
    random: Ranked


@dataclass(frozen=True, slots=True, kw_only=True)
class Better:
    """Model minus baseline: mean over service days, and the 95 % interval of a paired bootstrap."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Means over the service days, and every day for itself."""

    label: str
    horizon_days: int
    model: Ranked
    decayed_count: Ranked
    random: Ranked
    gain: dict[str, Better]  # by figure, over the decayed count
    brier: float
    brier_of_base_rate: float
    reliability: tuple[tuple[float, float, int], ...]  # mean probability said, share that came about, assets
    days: tuple[ServiceDay, ...]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def walk_forward(
    store: Store,
    assets: Sequence[Asset],
    *,
    first: date,
    last: date,
    timezone: ZoneInfo,
    label: Label | None = None,
    horizon: timedelta = timedelta(days=7),
    every: int = WEEK,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> Walk:
    """Evaluate on service days first, first + `every` days, ... up to `last`; the model is trained anew once a week.

    The decayed count speaks until a model is proven on days held out of the past.
    Only days whose whole horizon is in the store can be judged. Raises `CannotDo` if there is none.
    """
    target = label or DEFAULT_LABEL
    days = round(horizon / timedelta(days=1))
    classes = catalogue()
    suited = [a for a in assets if a.kind in classes and target.channel in classes[a.kind].channels]
    end = datetime.combine(last + timedelta(days=days), time(), timezone)
    outages = read_outages(store, suited, target, end=end, timezone=timezone) if suited else None
    if outages is None:
        raise CannotDo(
            "there are no readings of {channel} before {end:%Y-%m-%d}",
            "Bring them in with `serviceday import readings FILE --channel {channel}`",
            channel=target.channel,
            end=end,
        )
    outages = outages.until(_reported(outages))
    service_days = [
        day
        for day in range(outages.index(first), outages.index(last) + 1, every)
        if SHORTEST + days < day <= outages.days - days
    ]
    if not service_days:
        raise CannotDo(
            "no service day from {first} to {last} has a past to learn from and {days} days after it to judge by",
            "The store holds {channel} from {begins} for {stored} days: choose days within",
            first=first,
            last=last,
            days=days,
            channel=outages.label.channel,
            begins=outages.first,
            stored=outages.days,
        )
    lessons = Lessons(outages, days)
    random = np.random.default_rng(seed)
    judged: list[ServiceDay] = []
    stated: list[FloatArray] = []
    happened: list[BoolArray] = []
    model: TrainedModel | None = None
    speaks, trained_on = False, 0
    for done, day in enumerate(service_days):
        chosen = eligible(outages, day)
        truth = events_within(outages, day, days)[chosen]
        name = (outages.first + timedelta(days=day)).isoformat()
        if model is None or day - trained_on >= WEEK:
            tried = held_out(lessons, day, SHORTEST, seed)
            model = learn(lessons, day, until=name, seed=seed, judged=tried)
            speaks = tried is not None and tried.proven(model.card["champion"])
            trained_on = day
        if speaks:
            probability = model.probability(lessons.table(day))[chosen]
        else:
            probability = without_model(outages.until(day), days)[chosen]
        judged.append(
            ServiceDay(
                day=name,
                assets=len(truth),
                events=int(truth.sum()),
                model=ranked(probability, truth, random),
                decayed_count=ranked(decayed_count(outages, day)[chosen], truth, random),
                random=ranked(np.zeros(len(truth)), truth, random),
            )
        )
        stated.append(probability)
        happened.append(truth)
        if on_progress is not None:
            on_progress(done + 1, len(service_days))
    block = max(1, -(-days // every))
    return _walk(target, days, block, judged, np.concatenate(stated), np.concatenate(happened), random)


def _reported(outages: Outages) -> int:
    """Days up to the last one anything was reported of: what was not yet reported is no quiet day."""
    heard = np.flatnonzero((~np.isnan(outages.values)).any(axis=0))
    return int(heard[-1]) + 1 if heard.size else 0


def ranked(score: FloatArray, truth: BoolArray, random: np.random.Generator) -> Ranked:
    """Figures of one order; ties are broken at random."""
    order = np.lexsort((random.random(len(score)), -score))
    share = max(1, int(np.ceil(TOP_SHARE * len(score))))
    top, first = truth[order[:share]], truth[order[:TOP_COUNT]]
    falling = np.empty(len(score))
    falling[order] = -np.arange(len(score))
    return Ranked(
        p_at_5_percent=float(top.mean()),
        p_at_20=float(first.mean()),
        recall_at_5_percent=float(top.sum() / truth.sum()) if truth.any() else 0.0,
        lift_at_5_percent=float(top.mean() / truth.mean()) if truth.any() else 0.0,
        average_precision=float(average_precision_score(truth, falling)) if truth.any() else 0.0,
    )


def paired_bootstrap(difference: FloatArray, random: np.random.Generator, block: int = 1) -> Better:
    """Interval of the mean of paired differences, one a service day.

    Days whose horizons overlap are not independent: they are drawn in runs of `block` neighbours (Kuensch 1989),
    wrapped around at the end so that every day is drawn equally often.
    """
    count = len(difference)
    block = min(block, count)
    first = random.integers(0, count, (RESAMPLES, -(-count // block)))
    draws = (first[:, :, None] + np.arange(block)) % count
    means = difference[draws.reshape(RESAMPLES, -1)[:, :count]].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Better(mean=float(difference.mean()), low=float(low), high=float(high))


def _walk(
    label: Label,
    horizon: int,
    block: int,
    judged: Sequence[ServiceDay],
    array: FloatArray,
    bool_array: BoolArray,
    random: np.random.Generator,
) -> Walk:
    def gain(figure: str) -> Better:
        pairs = [getattr(d.model, figure) - getattr(d.decayed_count, figure) for d in judged]
        return paired_bootstrap(np.array(pairs), random, block)

    rate = float(bool_array.mean())
    return Walk(
        label=str(label),
        horizon_days=horizon,
        model=_mean([d.model for d in judged]),
        decayed_count=_mean([d.decayed_count for d in judged]),
        random=_mean([d.random for d in judged]),
        gain={figure: gain(figure) for figure in FIGURES},
        brier=brier(array, bool_array),
        brier_of_base_rate=rate * (1 - rate),
        reliability=reliability_table(array, bool_array),
        days=tuple(judged),
    )


def _mean(rows: Sequence[Ranked]) -> Ranked:
    return Ranked(**{figure: float(np.mean([getattr(r, figure) for r in rows])) for figure in FIGURES})
