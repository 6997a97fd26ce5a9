"""Learn one label of one class from what was before a day, and let the better of two speak.

Learned voices must beat wear and the plain count of past events on time held out (or on assets held out, where lives
lie beside each other). What they do not beat by more than chance goes on speaking instead of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from facility.catalogue.catalogue import Catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.label_events import LabelEvent
from facility.store import Store
from models.calibration import Calibration, brier, reliability_table
from models.labels.label_model import LabelModel, save
from models.labels.lessons import Lessons
from models.labels.records import horizon_days, read_records
from models.labels.target import Target
from models.labels.voices import FEWEST_EVENTS, LEARNED, SHORTEST, HeldOut, held_out, taught
from models.outages.asset_features import Traits
from models.wear.wear import WearModel

STEPS = 3
LIKELIHOOD_FROM = 5  # events from which a simple voice is given a probability


def train_label(
    store: Store,
    assets: Sequence[Asset],
    target: Target,
    events: Sequence[LabelEvent],
    catalogue: Catalogue,
    *,
    until: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    folder: Path,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> LabelModel | None:
    """Train on what was before `until` of assets of one class, save it under `folder` and return it.

    None where the class has nothing of the label. Raises `CannotDo` where there is too little to learn from and nothing
    that wears.
    """
    tell = on_progress or (lambda done, total: None)
    tell(0, STEPS)
    records = read_records(store, assets, target, events, catalogue, end=until, timezone=timezone)
    if records is None:
        return None
    history, days = records.history, horizon_days(horizon)
    lessons = Lessons(history=history, table=records.table, horizon=days, traits=Traits.of(history.assets))
    wear = WearModel.learned(records.table, seed=seed) if records.table is not None else None
    tell(1, STEPS)
    began = int(history.begun.sum())
    judged = held_out(lessons, history.days, seed) if began >= FEWEST_EVENTS else None
    tell(2, STEPS)
    mornings = lessons.days_before(history.days, SHORTEST)
    if not mornings or (began < FEWEST_EVENTS and wear is None):
        raise CannotDo(
            "{events} times {label} at {kind} in {days} days: too little to learn from, and no sensor tells of wear",
            "At least {least} are needed: choose another limit or a longer past",
            events=began,
            label=str(target),
            kind=assets[0].kind,
            days=history.days,
            least=FEWEST_EVENTS,
        )
    proven = judged is not None and judged.proven()
    simplest = "wear" if wear is not None else "count"
    voice = judged.champion if proven and judged is not None else judged.simplest if judged is not None else simplest
    card = _card(lessons, until.astimezone(timezone).date().isoformat(), began, judged, proven)
    estimators: dict[str, Any] = {}
    calibration = Calibration()
    if began >= LIKELIHOOD_FROM:
        rows = lessons.examples(mornings, wear, repeats=lessons.repeats)
        if rows.came.any() and not rows.came.all():
            estimators = taught(rows, LEARNED.get(voice, (voice,)), seed)
        card |= {"examples": len(rows.came), "examples_true": int(rows.came.sum())}
    if judged is not None:
        calibration, about = _judged(judged, voice)
        card |= about
    model = LabelModel(
        version=f"{target.version}-{assets[0].kind}-{days}d-{card['until']}",
        target=target,
        kind=assets[0].kind,
        horizon_days=days,
        voice=voice,
        estimators=estimators,
        calibration=calibration,
        wear=wear,
        traits=lessons.traits,
        repeats=lessons.repeats,
        channels=tuple(channel.key for channel in records.table.channels) if records.table is not None else (),
        card=card,
    )
    save(model, folder)
    tell(STEPS, STEPS)
    return model


def _card(lessons: Lessons, until: str, began: int, judged: HeldOut | None, proven: bool) -> dict[str, Any]:
    history = lessons.history
    if proven:
        why = "proven"
    elif judged is not None:
        why = "unproven"
    else:
        why = "few" if began < FEWEST_EVENTS else "short"
    return {
        "until": until,
        "first_day": history.first.isoformat(),
        "assets": len(history.assets),
        "days": history.days,
        "events": began,
        "adopted": proven,
        "comparison": {"why": why},
        "examples": 0,
        "examples_true": 0,
    }


def _judged(judged: HeldOut, voice: str) -> tuple[Calibration, dict[str, Any]]:
    calibration = Calibration.fitted(judged.said[voice], judged.came, days=judged.events)
    p = calibration.probability(judged.said[voice])
    return calibration, {
        "held_out_by": judged.by,
        "held_out_days": [judged.first, judged.last],
        "held_out_events": judged.events,
        "held_out_average_precision": {name: round(figure, 4) for name, figure in judged.figures.items()},
        "held_out_brier": round(brier(p, judged.came), 4),
        "held_out_brier_of_base_rate": round(float(judged.came.mean() * (1 - judged.came.mean())), 4),
        "held_out_reliability": [[round(s, 3), round(c, 3), n] for s, c, n in reliability_table(p, judged.came)],
    }
