"""What an outage history says about the days ahead, with a trained model or without one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence, Trouble
from facility.catalogue.catalogue import Aggregate, Bad, Catalogue, catalogue
from facility.estate import Asset
from facility.store import Store
from models import wording
from models.outages.history import BASELINE_DECAY, Outages, days_since, decayed_count, read_outages, starts
from models.outages.label import DEFAULT_LABEL
from models.outages.trained_model import TrainedModel
from models.statistics import FloatArray

SHORTEST = 7  # days of history before anything is said
DOWN = "down"  # pattern of an asset that is out of service already
PRIOR_DAYS = 20.0  # days of history the fleet's rate is worth
TWICE, LEAST = 2.0, 0.01  # as likely as is usual, and a probability: from there on a history is worth a word


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """How likely an outage is, from the asset's history."""

    probability: float
    mode: str
    coverage: float
    evidence: Evidence

    @property
    def speaks(self) -> bool:
        """Is it worth a word beside what the channels say? What is usual for its kind is not."""
        convincing = self.evidence.score >= math.log(TWICE) and self.probability >= LEAST
        return convincing or self.evidence.pattern == DOWN


def outage_channels(classes: Catalogue) -> set[str]:
    """Channels that count time out of service a day: judged as histories, not as measurements."""
    return {
        c.key
        for kind in classes.values()
        for c in kind.channels.values()
        if c.aggregate is Aggregate.DAILY and c.bad is Bad.UP and c.unit in ("min", "h")
    }


def outlooks(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    model: TrainedModel | None = None,
) -> dict[str, Outlook]:
    """By asset id, for the assets that have an outage history before `as_of`."""
    label = model.label if model is not None else DEFAULT_LABEL
    classes = catalogue()
    suited = [a for a in assets if a.kind in classes and label.channel in classes[a.kind].channels]
    outages = read_outages(store, suited, label, end=as_of, timezone=timezone) if suited else None
    if outages is None or outages.days < SHORTEST:
        return {}
    days = horizon / timedelta(days=1)
    if model is not None:
        probability = _over(model.probability(model.table(outages, outages.days)), model.horizon_days, days)
    else:
        probability = without_model(outages, days)
    probability = np.clip(probability, 1e-4, 1 - 1e-4)
    modes = [m.key for m in classes[suited[0].kind].modes.values() if set(m.signs) == {label.channel}]
    return _in_words(outages, probability, modes[0] if modes else "", as_of, days, timezone)


def without_model(outages: Outages, horizon_days: float) -> FloatArray:
    """Poisson rate from the decayed count of outage starts, drawn towards the fleet's."""
    count = decayed_count(outages, outages.days)
    exposure = BASELINE_DECAY * (1 - np.exp(-outages.days / BASELINE_DECAY))
    fleet = max(float(count.mean()) / exposure, 1e-5)
    rate = (count + fleet * PRIOR_DAYS) / (exposure + PRIOR_DAYS)
    return np.asarray(-np.expm1(-rate * horizon_days))


def _over(probability: FloatArray, trained_days: int, days: float) -> FloatArray:
    """The same hazard over another horizon."""
    return np.asarray(-np.expm1(np.log1p(-np.clip(probability, 0, 1 - 1e-9)) * days / trained_days))


def _in_words(
    outages: Outages, probability: FloatArray, mode: str, as_of: datetime, days: float, timezone: ZoneInfo
) -> dict[str, Outlook]:
    down = outages.down
    begun = starts(down)
    ago = days_since(down)
    reported = ~np.isnan(outages.values[:, -30:])
    usual = float(probability.mean())
    out = {}
    for row, asset in enumerate(outages.assets):
        recent_starts, recent_days = int(begun[row, -30:].sum()), int(down[row, -30:].sum())
        own = f"{100 * probability[row]:.0f}"
        shared = {"own": own, "usual": f"{100 * usual:.0f}", "horizon": f"{days:g}"}
        ever = bool(down[row].any())
        since = None
        if down[row, -1]:
            run = int(np.argmin(down[row, ::-1])) if not down[row].all() else outages.days
            since = as_of - timedelta(days=run)
            sentence = wording.say("down_now", since=wording.day(since, timezone))
        elif ever:
            since = as_of - timedelta(days=float(ago[row]))
            sentence = wording.say(
                "outages", starts=recent_starts, days=recent_days, ago=int(ago[row]) - 1 or 1, **shared
            )
        else:
            sentence = wording.say("outages_none", **shared)
        latest = outages.values[row][~np.isnan(outages.values[row])]
        out[asset.id] = Outlook(
            probability=float(probability[row]),
            mode=mode if ever else "",
            coverage=float(reported[row].mean()),
            evidence=Evidence(
                channel=outages.label.channel,
                detector="history",
                trouble=Trouble.EQUIPMENT,
                pattern=DOWN if down[row, -1] else "history",
                since=since,
                value=float(latest[-1]) if latest.size else 0.0,
                expected=0.0,
                score=float(max(0.0, np.log(probability[row] / usual))) if usual > 0 else 0.0,
                crosses_limit_at=None,
                sentence=sentence,
            ),
        )
    return out
