"""What is found on simulated fleets nobody tuned on: events, confounders, and what each detector is worth.

`make bench ARGS=detection`; SERVICEDAY_FLEETS (10) and SERVICEDAY_SEED (900) choose others. One JSON line a table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import numpy as np
from sklearn.metrics import average_precision_score

from commands.trial_evaluation import ENDS, ZONE, TrialPlan, run_trials
from commands.trials import RememberedHours, Trial, make_trial
from facility.channels import catalogue
from facility.store import Store
from models.assessing import look
from models.combining import FLAG_AT, series_scores, verdicts
from models.detectors import all_detectors, default_detectors
from models.judging import recent_change
from models.robust import FloatArray
from models.windows import Windows

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
        found = verdicts(windows, strength, recent_change(windows), catalogue())
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


def ablation(fleets: int, first_seed: int) -> None:
    """Each detector alone, all, all but one: on whole histories, and on twelve days of assets ill from the start."""
    whole, young = [], []
    for number in range(fleets):
        end = datetime(*ENDS[number % len(ENDS)], tzinfo=UTC)
        trial = make_trial(assets=60, history=timedelta(days=45), end=end, seed=first_seed + number, timezone=ZONE)
        whole.append(_look(trial, trial.hours))
        young.append(_look(trial, RememberedHours(trial.hours.rollups(start=end - YOUNG))))
    every, default = [d.name for d in all_detectors()], [d.name for d in default_detectors()]
    rows = {"default": default, "all": every}
    rows |= {f"only {name}": [name] for name in every}
    rows |= {f"default without {name}": [n for n in default if n != name] for name in default}
    rows |= {f"default with {name}": [*default, name] for name in every if name not in default}
    for label, names in rows.items():
        print(
            json.dumps({"detectors": label, "whole": _worth(whole, names), "young": _worth(young, names)}), flush=True
        )


def main() -> None:
    fleets = int(os.environ.get("SERVICEDAY_FLEETS", "10"))
    seed = int(os.environ.get("SERVICEDAY_SEED", "900"))
    plan = TrialPlan(fleets=fleets, first_seed=seed, every_days=2)
    for label, one in (("with confounders", plan), ("without confounders", replace(plan, confounders=False))):
        figures, _ = run_trials(one, quiet=True)
        print(json.dumps({"fleets": label, **figures.as_dict()}), flush=True)
    ablation(fleets, seed)


if __name__ == "__main__":
    main()
