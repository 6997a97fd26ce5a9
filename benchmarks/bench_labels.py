"""Which of a hundred running engines fail within thirty flights, with a label and without: made-up fleets.

`make bench ARGS=labels`; SERVICEDAY_SEED (400) and SERVICEDAY_FLEETS (3, of each of four kinds) choose others. A JSON
line a fleet: the share of the first 25 (or of as many as fail, if they are fewer) that fail within 30 flights.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.catalogue.catalogue import Aggregate, Bad, Band, Channel
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.label_events import LabelEvent
from models.labels.history import Calendar, from_events
from models.labels.lessons import Lessons
from models.labels.target import Form, Target
from models.labels.voices import LEARNED, held_out, log_odds, taught
from models.outages.asset_features import Traits
from models.statistics import BoolArray, FloatArray
from models.wear.daily_table import DailyTable
from models.wear.wear import WearModel
from simulators.engine_fleets import EngineFleet, engine_fleet, failing_within

HORIZON, FIRST_OF, DAYS, FAILED_WITHIN = 30, 25, 1000, 400
FIRST, ZONE = date(2024, 1, 1), ZoneInfo("UTC")
KINDS = ((1, 1), (1, 2), (6, 1), (6, 2))  # operating conditions, ways to wear


def _channel(key: str) -> Channel:
    whole = Band()
    return Channel(
        kind="engine", key=key, name=Text(zh=key, en=key), unit="1", normal=whole, limit=whole, physical=whole,
        cadence=timedelta(days=1), stale_after=timedelta(days=3), aggregate=Aggregate.DAILY, bad=Bad.BOTH, source="D",
        brick="", states={},
    )  # fmt: skip


def laid_out(fleet: EngineFleet, seed: int) -> tuple[DailyTable, list[LabelEvent]]:
    """A flight a day: the running engines flew yesterday, the others failed on some day of the last four hundred."""
    random = np.random.default_rng(seed + 1)
    engines = [*fleet.failed, *fleet.running]
    values = np.full((len(engines), DAYS, len(fleet.columns)), np.nan, dtype=np.float32)
    events = []
    for row, engine in enumerate(engines):
        last = DAYS if engine.left else DAYS - int(random.integers(0, FAILED_WITHIN))
        values[row, last - engine.flown : last] = engine.values
        if not engine.left:
            day = datetime.combine(FIRST + timedelta(days=last - 1), time(6), UTC)
            events.append(LabelEvent(asset=engine.name, label="failed", start=day))
    assets = tuple(Asset(id=engine.name, kind="engine") for engine in engines)
    return DailyTable(assets=assets, channels=tuple(map(_channel, fleet.columns)), first=FIRST, values=values), events


def judged(fleet: EngineFleet, seed: int) -> dict[str, object]:
    table, events = laid_out(fleet, seed)
    end = datetime.combine(FIRST + timedelta(days=DAYS), time(), UTC)
    calendar = Calendar(assets=table.assets, first=FIRST, heard=table.heard, end=end, timezone=ZONE)
    history = from_events(calendar, Target(Form.EVENTS, "failed"), events)
    lessons = Lessons(history=history, table=table, horizon=HORIZON, traits=Traits.of(table.assets))
    wear = WearModel.learned(table)
    trial = held_out(lessons, DAYS, 0)
    assert wear is not None
    assert trial is not None
    voice = trial.champion if trial.proven() else trial.simplest
    names = LEARNED.get(voice, (voice,))
    estimators = taught(lessons.examples(lessons.days_before(DAYS, 21), wear, repeats=False), names, 0)
    chosen = ~history.over
    rows = lessons.rows([DAYS], wear, chosen[:, None], np.zeros((len(chosen), 1), dtype=np.bool_), repeats=False)
    said = np.full(len(chosen), -np.inf)
    said[rows.asset] = log_odds(estimators, names, rows)
    failing = failing_within(fleet, HORIZON)
    running = slice(len(fleet.failed), None)
    ahead = wear.wear(table, [DAYS]).ahead(HORIZON)[running, -1]
    return {
        "failing": int(failing.sum()),
        "without_label": round(_first(ahead, failing), 3),
        "with_label": round(_first(said[running], failing), 3),
        "voice": voice,
        "held_out_by": trial.by,
    }


def _first(score: FloatArray, failing: BoolArray) -> float:
    return float(failing[np.argsort(-score)[: min(FIRST_OF, int(failing.sum()))]].mean())


def main() -> None:
    seed, fleets = int(os.environ.get("SERVICEDAY_SEED", "400")), int(os.environ.get("SERVICEDAY_FLEETS", "3"))
    for conditions, modes in KINDS:
        for number in range(fleets):
            fleet = engine_fleet(seed + number, conditions=conditions, modes=modes)
            about = {"benchmark": "labels", "conditions": conditions, "modes": modes, "seed": seed + number}
            print(json.dumps(about | judged(fleet, seed + number)), flush=True)


if __name__ == "__main__":
    main()
