"""From a fleet's daily figures to what the detectors say of every asset: a verdict, and the evidence for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence
from facility.catalogue.catalogue import Catalogue
from models.assessment.drift import lone_drifts
from models.assessment.evidence import SUSPICIOUS, WORTH_TELLING, drift_evidence, equipment_evidence
from models.assessment.extraction import EVIDENCE
from models.assessment.fusion import Verdict, better_scores, series_scores, verdicts
from models.detectors import Detector
from models.detectors.trend import trend_line
from models.features.windows import RECENT, Figure, Windows
from models.statistics import FloatArray, mean, theil_sen

SLOPE_DAYS = 21  # that a forecast's slope is taken from


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the detectors say of one asset."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]  # of its equipment
    sensors: tuple[Evidence, ...]  # of sensors that only the fleet's figures give away


def judge(
    windows: Windows,
    known: Catalogue,
    detectors: Sequence[Detector],
    timezone: ZoneInfo,
) -> list[Judgement]:
    """Verdict and evidence for every asset of the windows."""
    scores = {d.name: d.fit(windows).score(windows) for d in detectors}
    change = recent_change(windows)
    drifts = lone_drifts(windows, scores, change, known)
    excluded = windows.excluded.copy()
    excluded[[d.row for d in drifts]] = True
    drifting = {int(windows.owner[d.row]): d for d in drifts}
    believed = replace(windows, excluded=excluded)
    strength, better = series_scores(believed, scores), better_scores(believed, scores)
    late = windows.adjusted[:, -SLOPE_DAYS:]
    slope, error = np.nan_to_num(theil_sen(late)), trend_line(windows, late).error
    out = []
    for number, verdict in enumerate(verdicts(windows, strength, change, known, better=better)):
        told: list[Evidence] = []
        channels: set[str] = set()
        for row in verdict.series:
            key = windows.channels[row].key
            least = 0.0 if not told and verdict.probability >= SUSPICIOUS else WORTH_TELLING
            if strength[row] < least or len(told) >= EVIDENCE or key in channels:
                continue
            channels.add(key)
            by_detector = {name: float(score[row]) for name, score in scores.items()}
            told.append(
                equipment_evidence(
                    windows,
                    row,
                    float(strength[row]),
                    by_detector,
                    float(slope[row]),
                    timezone,
                    error=float(error[row]),
                )
            )
        drift = drifting.get(number)
        sensors = () if drift is None else (drift_evidence(windows, drift, float(slope[drift.row]), timezone),)
        out.append(Judgement(verdict, tuple(told), sensors))
    return out


def recent_change(windows: Windows) -> FloatArray:
    """Signed change of the recent days, one a series, in healthy standard deviations: which way it went."""
    standard = windows.standard
    tests = windows.having(Figure.TEST)
    return np.nan_to_num(np.where(tests, mean(windows.latest(standard, 2)), mean(standard[:, -RECENT:])))
