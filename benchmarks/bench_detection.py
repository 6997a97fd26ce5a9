"""What is found on simulated fleets nobody tuned on: events, confounders, and what each detector is worth.

`make bench ARGS=detection`; SERVICEDAY_FLEETS (10) and SERVICEDAY_SEED (900) choose others, SERVICEDAY_PARTS
(confounders, healthy, ablation) some of the tables. One JSON line a table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import numpy as np
import polars as pl
from sklearn.metrics import average_precision_score

from commands.trial_evaluation import ENDS, ZONE, TrialPlan, run_trials
from commands.trials import RememberedHours, Trial, make_trial
from facility.catalogue.catalogue import catalogue
from facility.store import Store
from models.assessment.fusion import FLAG_AT, better_scores, series_scores, verdicts
from models.assessment.pipeline import look
from models.assessment.scoring import recent_change
from models.detectors import all_detectors, default_detectors
from models.features.windows import Windows
from models.statistics import FloatArray

YOUNG = timedelta(days=12)  # a history in which what is ill was ill from the first reading
Look = tuple[Windows, dict[str, FloatArray], FloatArray]  # windows, scores by detector, whether each asset is ill


def _look(trial: Trial, hours: RememberedHours) -> Look:
    windows, _ = look(cast(Store, hours), trial.assets, as_of=trial.end, timezone=ZONE)
    scores = {d.name: d.fit(windows).score(windows) for d in all_detectors()}
    ill = {f.asset for f in trial.truth if f.trouble == "equipment" and f.present(trial.end)}
    return windows, scores, np.array([asset.id in ill for asset in trial.assets])


def _worth(looks: Sequence[Look], names: Sequence[str]) -> dict[str, float]:
    precision, hits, flagged, right, faulty = [], 0, 0, 0, 0
    for windows, scores, ill in looks:
        strength = series_scores(windows, {name: scores[name] for name in names})
        better = better_scores(windows, {name: scores[name] for name in names})
        found = verdicts(windows, strength, recent_change(windows), catalogue(), better=better)
        odds = np.array([one.log_odds for one in found])
        said = np.array([one.probability >= FLAG_AT for one in found])
        precision.append(average_precision_score(ill, odds))
        hits += int(ill[np.argsort(-odds, kind="stable")[: int(ill.sum())]].sum())
        flagged, right, faulty = flagged + int(said.sum()), right + int((said & ill).sum()), faulty + int(ill.sum())
    return {
        "ap": round(float(np.mean(precision)), 3),
        "hits": round(hits / faulty, 3),
        "flagged_right": round(right / faulty, 3),
        "flagged_wrong": flagged - right,
    }


def _from_the_onset(trial: Trial) -> RememberedHours:
    """The same fleet, whose ill assets were ill before anybody looked: their hours begin where the fault shows."""
    hours = trial.hours.rollups()
    for fault in trial.truth:
        if fault.trouble == "equipment" and fault.present(trial.end):
            begun = fault.detectable_from or fault.onset
            hours = hours.filter((pl.col("asset") != fault.asset) | (pl.col("hour") >= begun))
    return RememberedHours(hours)


def ablation(fleets: int, first_seed: int) -> None:
    """Each detector alone, all, all but one: on whole histories, on twelve days, and on assets ill from the start."""
    whole, young, ill = [], [], []
    for number in range(fleets):
        end = datetime(*ENDS[number % len(ENDS)], tzinfo=UTC)
        trial = make_trial(assets=60, history=timedelta(days=45), end=end, seed=first_seed + number, timezone=ZONE)
        whole.append(_look(trial, trial.hours))
        young.append(_look(trial, RememberedHours(trial.hours.rollups(start=end - YOUNG))))
        ill.append(_look(trial, _from_the_onset(trial)))
    every, default = [d.name for d in all_detectors()], [d.name for d in default_detectors()]
    rows = {"default": default, "all": every}
    rows |= {f"only {name}": [name] for name in every}
    rows |= {f"default without {name}": [n for n in default if n != name] for name in default}
    rows |= {f"default with {name}": [*default, name] for name in every if name not in default}
    for label, names in rows.items():
        worth = {"whole": _worth(whole, names), "young": _worth(young, names), "ill_from_start": _worth(ill, names)}
        print(json.dumps({"detectors": label, **worth}), flush=True)


def main() -> None:
    parts = os.environ.get("SERVICEDAY_PARTS", "confounders,healthy,ablation").split(",")
    fleets = int(os.environ.get("SERVICEDAY_FLEETS", "10"))
    seed = int(os.environ.get("SERVICEDAY_SEED", "900"))
    plan = TrialPlan(fleets=fleets, first_seed=seed, every_days=3)
    plans = {
        "with confounders": plan,
        "without confounders": replace(plan, confounders=False) if "confounders" in parts else None,
        "without faults": replace(plan, faults=0.0) if "healthy" in parts else None,
    }
    for label, one in plans.items():
        if one is not None and {"confounders", "healthy"} & set(parts):
            figures, _ = run_trials(one, quiet=True)
            print(json.dumps({"fleets": label, **figures.as_dict()}), flush=True)
    if "ablation" in parts:
        ablation(fleets, seed)


if __name__ == "__main__":
    main()
