"""Learn from the past to foresee a label, and let a new model speak only if it proves itself on days it has not seen.

Training days lie wholly before `until`, their outcomes included. On the last quarter of that past a twin of the new
model, which knows only what was before it, is judged beside the decayed count and beside the model that speaks so far.
What speaks afterwards has been fitted once more on all of the past. The comparison is kept with the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.store import Store
from models.calibration import Calibration, brier, reliability_table
from models.outages.estimators import (
    CANDIDATES,
    FEWEST_EVENTS,
    HeldOut,
    Lessons,
    champion,
    fitted,
    held_out,
    mean_average_precision,
)
from models.outages.history import SHORTEST, eligible, read_outages
from models.outages.label import DEFAULT_LABEL, Label, parse_label
from models.outages.trained_model import TrainedModel, adopted_before, save

__all__ = ["Label", "learn", "parse_label", "train"]

STEPS = 3


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
    """Train on readings with time < `until`, save under `folder` and return the model, adopted or not (its card says).

    Raises `CannotDo` if there is no history of the label's channel, or too little of it to learn from.
    """
    target = label or DEFAULT_LABEL
    classes = catalogue()
    suited = [a for a in assets if a.kind in classes and target.channel in classes[a.kind].channels]
    outages = read_outages(store, suited, target, end=until, timezone=timezone) if suited else None
    if outages is None:
        raise CannotDo(
            "there are no readings of {channel} before {until:%Y-%m-%d} to learn from",
            "Bring them in with `serviceday import readings FILE --channel {channel}`",
            channel=target.channel,
            until=until,
        )
    tell = on_progress or (lambda done, total: None)
    tell(0, STEPS)
    lessons = Lessons(outages, round(horizon / timedelta(days=1)))
    day = until.astimezone(timezone).date()
    judged = held_out(lessons, outages.days, SHORTEST, seed)
    tell(1, STEPS)
    model = learn(lessons, outages.days, until=day.isoformat(), seed=seed, judged=judged, on_progress=tell)
    model.card["comparison"] = compared(model, judged, lessons, folder, day)
    model.card["adopted"] = model.card["comparison"]["adopted"]
    save(model, folder)
    tell(STEPS, STEPS)
    return model


def learn(
    lessons: Lessons,
    day: int,
    *,
    until: str,
    seed: int = 0,
    judged: HeldOut | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainedModel:
    """A model from the days before `day` of the histories. Raises `CannotDo` if they are too short."""
    outages, horizon = lessons.outages, lessons.horizon
    days = lessons.training_days(day, SHORTEST)
    if not days:
        raise CannotDo(
            "{days} days of {channel} are too few to learn from",
            "{least} days are the least",
            days=outages.days,
            channel=outages.label.channel,
            least=SHORTEST + horizon,
        )
    x, y = lessons.examples(days)
    events = int(y.sum())
    if events < FEWEST_EVENTS or y.all():
        raise CannotDo(
            "{events} times {label} in {count} examples: nothing to learn from",
            "At least {least} and not all are needed: choose another limit or a longer past",
            events=events,
            label=outages.label,
            count=len(y),
            least=FEWEST_EVENTS,
        )
    chosen = champion(judged, events)
    voices = CANDIDATES[chosen]
    estimators = fitted([*voices], x, y, seed)
    on_progress(2, STEPS)
    calibration = Calibration()
    card: dict[str, Any] = {
        "until": until,
        "first_day": outages.first.isoformat(),
        "assets": len(outages.assets),
        "days": day,
        "examples": len(y),
        "events": events,
        "champion": chosen,
        "seed": seed,
    }
    if judged is not None:
        stated, happened = np.concatenate(judged.said[chosen]), np.concatenate(judged.came)
        calibration = Calibration.fitted(stated, happened, days=len(judged.days))
        p = calibration.probability(stated)
        card |= {
            "held_out_days": [_date(outages.first, d) for d in (min(judged.days), max(judged.days))],
            "held_out_average_precision": {name: round(ap, 4) for name, ap in judged.by_candidate.items()},
            "held_out_baseline": round(judged.baseline, 4),
            "held_out_brier": round(brier(p, happened), 4),
            "held_out_brier_of_base_rate": round(float(happened.mean() * (1 - happened.mean())), 4),
            "held_out_reliability": [[round(s, 3), round(c, 3), n] for s, c, n in reliability_table(p, happened)],
        }
    return TrainedModel(
        version=f"{outages.label.channel}-{horizon}d-{until}",
        label=outages.label,
        horizon_days=horizon,
        features=lessons.names,
        traits=lessons.traits,
        estimators=estimators,
        weights=tuple(voices.values()),
        calibration=calibration,
        card=card,
    )


def compared(
    model: TrainedModel, judged: HeldOut | None, lessons: Lessons, folder: Path, until: date
) -> dict[str, Any]:
    """The new model beside the decayed count and beside the one that speaks so far, and whether it takes over.

    What is not proven does not speak: where the past is too short to hold days out, or the gain over the count may be
    chance, the count goes on. A model that was trained on the held-out days cannot be judged by them: then only the
    count stands in the way.
    """
    if judged is None:
        return {"adopted": False, "why": "short"}
    new = judged.average_precision(model.card["champion"])
    comparison: dict[str, Any] = {"new": round(new, 4), "decayed_count": round(judged.baseline, 4)}
    if new <= judged.baseline:
        return comparison | {"adopted": False, "why": "no_better"}
    if not judged.proven(model.card["champion"]):
        return comparison | {"adopted": False, "why": "unsure"}
    first = lessons.outages.first + timedelta(days=judged.first)
    rival = adopted_before(folder, first, model.label, model.horizon_days)
    if rival is None:
        return comparison | {"adopted": True, "why": "no_rival"}
    older = [
        rival.probability(rival.table(lessons.outages, day))[eligible(lessons.outages, day)] for day in judged.days
    ]
    theirs = mean_average_precision(older, judged.came)
    comparison |= {"rival": rival.version, "of_rival": round(theirs, 4)}
    if new >= theirs:
        return comparison | {"adopted": True, "why": "better"}
    return comparison | {"adopted": False, "why": "worse"}


def _date(first: date, day: int) -> str:
    return (first + timedelta(days=day)).isoformat()
