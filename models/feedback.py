"""Learn from what people found: bring the models' probabilities to what inspections confirm.

An inspection answers one question about an asset: was there anything? The belief that stood when it was made (the last
assessment strictly before it) and the answer are one case. A classifier on that belief learns where the models cry wolf
and where they are too shy. Only inspected assets answer, and mostly those that were flagged: of assets nobody looked
at it knows what the models knew, so it corrects their belief and never replaces it.

With few answers the correction is small: it is drawn towards leaving the probability as it is, and the answers needed
to move it are counted in cases. It speaks only if it was better on later answers than what spoke before.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from scipy.optimize import minimize

from facility.assessments import Assessment, Trouble
from facility.errors import CannotDo, CannotParse
from facility.i18n.messages import Sentence
from facility.i18n.phrases import LANGUAGES
from facility.inspections import Finding, Outcome
from models.assessment.fusion import FLAG_AT
from models.calibration import brier, reliability_table
from models.cards import findings_card
from models.statistics import FloatArray

FOLDER = "findings"
FRESH = timedelta(days=45)  # older beliefs say nothing about what is found today
FEWEST = 8  # cases before anything is learned
FEWEST_HELD = 6  # later cases before anything is proved
HELD_OUT = 0.3  # of the cases, the latest
PRIOR_SPREAD = 0.5  # standard deviation of each coefficient before anything is seen
FIGURES = ("bias", "log odds", "evidence", "coverage", "sensor trouble")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A belief and the answer to it."""

    asset: str
    at: datetime
    belief: Assessment
    confirmed: bool  # anything found: what was suspected, or another fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """Adds weights @ figures to the log odds of an assessment."""

    version: str
    weights: tuple[float, ...]
    card: dict[str, Any]

    def corrected(self, assessments: Sequence[Assessment], *, flag_at: float = FLAG_AT) -> list[Assessment]:
        """The same assessments with probability, score and flag (from `flag_at` on) brought to what was confirmed."""
        if not assessments:
            return []
        table = figures(assessments)
        odds = np.array([a.score for a in assessments]) + table @ np.array(self.weights)
        p, name = 1 / (1 + np.exp(-odds)), self.version
        return [
            replace(a, probability=float(q), score=float(o), flagged=bool(q >= flag_at), model=f"{a.model}+{name}")
            for a, q, o in zip(assessments, p, odds, strict=True)
        ]


def figures(beliefs: Sequence[Assessment]) -> FloatArray:
    """(assessments, figures) of about unit size; the log odds are centred on even odds."""
    rows = [
        (
            1.0,
            float(np.clip(assessment.score, -6, 6)) / 3,
            min(sum(e.trouble is Trouble.EQUIPMENT for e in assessment.evidence), 3) / 3,
            assessment.coverage - 0.5,
            assessment.sensor_probability,
        )
        for assessment in beliefs
    ]
    return np.array(rows, dtype=np.float64)


def cases(outcomes: Sequence[Outcome], history: Mapping[str, Sequence[Assessment]], *, until: datetime) -> list[Case]:
    """Outcomes before `until`, each with the last belief strictly before it; without one nothing can be learned."""
    corrections = []
    for outcome in outcomes:
        if outcome.at >= until:
            continue
        before = [a for a in history.get(outcome.asset, ()) if outcome.at - FRESH <= a.as_of < outcome.at]
        if before:
            belief = max(before, key=lambda a: a.as_of)
            confirmed = outcome.finding is not Finding.NOT_FOUND
            corrections.append(Case(asset=outcome.asset, at=outcome.at, belief=belief, confirmed=confirmed))
    return sorted(corrections, key=lambda c: (c.at, c.asset))


def learn(answered: Sequence[Case], *, until: datetime, timezone: ZoneInfo, folder: Path) -> Correction:
    """A correction from cases before `until`, judged on the latest of them, saved under `folder` and returned.

    Raises `CannotDo` if there are fewer than `FEWEST` cases: the beliefs then stay as they are.
    """
    if len(answered) < FEWEST:
        raise CannotDo(
            "{count} outcomes with a belief before them are too few to learn from",
            "At least {least} are needed; record what was found with `serviceday outcome add`",
            count=len(answered),
            least=FEWEST,
        )
    day = until.astimezone(timezone).date().isoformat()
    truth = np.array([c.confirmed for c in answered])
    cut = _cut(answered)
    comparison: dict[str, Any] = {"adopted": True, "why": "few"}
    card: dict[str, Any] = {}
    if cut and len(answered) - cut >= FEWEST_HELD and cut >= FEWEST:
        twin, later = _fit(answered[:cut]), answered[cut:]
        stated, happened = _said(later, twin), truth[cut:]
        incumbent = adopted(folder, before=later[0].at.astimezone(timezone).date())
        theirs = brier(_said(later, incumbent.weights if incumbent else (0.0,) * len(FIGURES)), happened)
        mine = brier(stated, happened)
        better = mine < theirs
        comparison = {
            "new": round(mine, 4),
            "of_rival": round(theirs, 4),
            "rival": incumbent.version if incumbent else "",
            "adopted": better,
            "why": "outcomes_better" if better else "outcomes_worse",
        }
        card = {
            "held_out_from": later[0].at.astimezone(timezone).date().isoformat(),
            "held_out_cases": len(later),
            "held_out_brier": round(mine, 4),
            "held_out_brier_of_base_rate": round(float(happened.mean() * (1 - happened.mean())), 4),
            "held_out_reliability": [[round(s, 3), round(c, 3), n] for s, c, n in reliability_table(stated, happened)],
        }
    weights = _fit(answered)
    correction = Correction(
        version=f"findings-{day}",
        weights=weights,
        card={
            "until": day,
            "first_day": answered[0].at.astimezone(timezone).date().isoformat(),
            "cases": len(answered),
            "confirmed": int(truth.sum()),
            "weights": {name: round(w, 4) for name, w in zip(FIGURES, weights, strict=True)},
            **card,
            "comparison": comparison,
            "adopted": comparison["adopted"],
        },
    )
    _save(correction, folder)
    return correction


def _cut(answered: Sequence[Case]) -> int:
    """Where the latest `HELD_OUT` begin; cases of one moment are not torn apart."""
    cut = round((1 - HELD_OUT) * len(answered))
    while 0 < cut < len(answered) and answered[cut].at == answered[cut - 1].at:
        cut -= 1
    return cut


def _fit(answered: Sequence[Case]) -> tuple[float, ...]:
    """Weights of a logistic regression with the belief as offset, drawn to zero (maximum a posteriori)."""
    table = figures([c.belief for c in answered])
    offset = np.array([c.belief.score for c in answered])
    happened = np.array([c.confirmed for c in answered], dtype=np.float64)

    def loss(weights: FloatArray) -> float:
        z = offset + table @ weights
        return float(np.sum(np.logaddexp(0.0, z) - happened * z) + np.sum(weights**2) / (2 * PRIOR_SPREAD**2))

    solution = minimize(loss, np.zeros(table.shape[1]), method="BFGS").x
    return tuple(float(w) for w in solution)


def _said(answered: Sequence[Case], weights: Sequence[float]) -> FloatArray:
    beliefs = [c.belief for c in answered]
    odds = np.array([b.score for b in beliefs]) + figures(beliefs) @ np.array(weights)
    return np.asarray(1 / (1 + np.exp(-odds)))


def _save(correction: Correction, folder: Path) -> None:
    target = folder / FOLDER / correction.version
    target.mkdir(parents=True, exist_ok=True)
    for language in LANGUAGES:
        text = findings_card({"version": correction.version, **correction.card}, language)
        (target / f"card.{language}.md").write_text(text, encoding="utf-8")
    (target / "correction.json").write_text(
        json.dumps(asdict(correction), indent=2, ensure_ascii=False), encoding="utf-8"
    )


def kept(folder: Path) -> list[Correction]:
    """Every correction of a models folder, oldest first. Raises `CannotParse` if a file is damaged."""
    return [_loaded(file) for file in sorted((folder / FOLDER).glob("*/correction.json"))]


def adopted(folder: Path, *, before: date) -> Correction | None:
    """The newest adopted correction that learned only from what was found before a day."""
    suited = [c for c in kept(folder) if c.card["adopted"] and date.fromisoformat(c.card["until"]) <= before]
    return max(suited, key=lambda c: str(c.card["until"]), default=None)


def _loaded(file: Path) -> Correction:
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        correction = Correction(**about | {"weights": tuple(float(w) for w in about["weights"])})
        date.fromisoformat(correction.card["until"])
        if len(correction.weights) != len(FIGURES) or not isinstance(correction.card["adopted"], bool):
            raise ValueError(Sentence("it has other figures than this version"))
        return correction
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise CannotParse(
            "{path} cannot be read: {error}", "Learn again with `serviceday train`", path=file, error=error
        ) from None
