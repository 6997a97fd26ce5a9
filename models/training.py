"""Learn from the past to foresee a label, and keep the model only if it proves itself on days it has not seen.

Training days lie wholly before `until`, their outcomes included. The champion among the candidates is chosen by
average precision on the last quarter of that past, then fitted once more on all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from facility.channels import catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.store import Store
from models.candidates import CANDIDATES, Lessons, compare, fitted, training_days
from models.labels import DEFAULT_LABEL, Label, parse_label
from models.outages import SHORTEST, Outages, decayed_count, eligible, events_within, read_outages
from models.trained import TrainedModel, save

FEWEST_EVENTS = 20

__all__ = ["Label", "learn", "parse_label", "train"]


def train(
    store: Store,
    assets: Sequence[Asset],
    *,
    until: datetime,
    timezone: ZoneInfo,
    folder: Path,
    label: Label | None = None,
    horizon: timedelta = timedelta(days=7),
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> TrainedModel:
    """Train on readings with time < `until`, save under `folder` and return the model.

    Raises `CannotDo` if there is no history of the label's channel, or too little of it to learn from.
    """
    wanted = label or DEFAULT_LABEL
    known = catalogue()
    suited = [a for a in assets if a.kind in known and wanted.channel in known[a.kind].channels]
    outages = read_outages(store, suited, wanted, end=until, timezone=timezone) if suited else None
    if outages is None:
        raise CannotDo(
            f"there are no readings of {wanted.channel} before {until:%Y-%m-%d} to learn from",
            f"Bring them in with `serviceday import readings FILE --channel {wanted.channel}`",
        )
    tell = on_progress or (lambda done, total: None)
    tell(0, 3)
    model = learn(
        Lessons(outages, round(horizon / timedelta(days=1))),
        outages.days,
        until=until.astimezone(timezone).date().isoformat(),
        seed=seed,
        on_progress=tell,
    )
    save(model, folder)
    return model


def learn(
    lessons: Lessons,
    day: int,
    *,
    until: str,
    seed: int = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainedModel:
    """A model from the days before `day` of the histories. Raises `CannotDo` if they are too short."""
    outages, horizon = lessons.outages, lessons.horizon
    days = training_days(day, horizon, SHORTEST)
    if not days:
        raise CannotDo(
            f"{outages.days} days of {outages.label.channel} are too few to learn from",
            f"{SHORTEST + horizon} days are the least",
        )
    compared = compare(lessons, day, SHORTEST, seed)
    on_progress(1, 3)
    champion = max(compared, key=lambda name: compared[name]) if compared else "logistic"
    x, y = lessons.examples(days)
    if y.sum() < FEWEST_EVENTS or y.all():
        raise CannotDo(
            f"{int(y.sum())} times {outages.label} in {len(y)} examples: nothing to learn from",
            f"At least {FEWEST_EVENTS} and not all are needed: choose another limit or a longer past",
        )
    estimators = fitted(CANDIDATES[champion], x, y, seed)
    on_progress(3, 3)
    card: dict[str, Any] = {
        "until": until,
        "assets": len(outages.assets),
        "days": outages.days,
        "examples": len(y),
        "events": int(y.sum()),
        "champion": champion,
        "held_out_average_precision": {name: round(ap, 4) for name, ap in compared.items()},
        "held_out_baseline": round(_baseline(outages, day, horizon), 4),
        "seed": seed,
    }
    return TrainedModel(
        version=f"{outages.label.channel}-{horizon}d-{until}",
        label=outages.label,
        horizon_days=horizon,
        features=lessons.names,
        estimators=estimators,
        card=card,
    )


def _baseline(outages: Outages, day: int, horizon: int) -> float:
    """Average precision of the decayed count on the same held-out days."""
    from sklearn.metrics import average_precision_score

    judged = range(day - horizon, max(day - horizon - max(4 * 7, (day - SHORTEST) // 4), SHORTEST), -7)
    figures = []
    for one in judged:
        kept = eligible(outages, one)
        truth = events_within(outages, one, horizon)[kept]
        if truth.any():
            figures.append(average_precision_score(truth, decayed_count(outages, one)[kept]))
    return float(np.mean(figures)) if figures else 0.0
