"""From a fleet's daily figures to what the detectors say of every asset: a verdict, and the evidence for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence
from facility.catalogue.catalogue import Catalogue
from models.assessment.carried_evidence import Carried, carried_evidence, carried_rows, continued, strengthened, unheard
from models.assessment.common_cause import shared_evidence
from models.assessment.drift import lone_drifts
from models.assessment.evidence import SUSPICIOUS, WORTH_TELLING, drift_evidence, equipment_evidence
from models.assessment.extraction import EVIDENCE
from models.assessment.fusion import FLAG_AT, Verdict, better_scores, series_scores, unknown, verdicts
from models.assessment.long_ago import past_scores
from models.assessment.memory import UNMENDED, Memory
from models.assessment.past_days import Older
from models.assessment.settings import without_settings
from models.detectors import Detector
from models.detectors.limits import LimitRule
from models.detectors.trend import trend_line
from models.features.windows import RECENT, Figure, Windows
from models.statistics import BoolArray, FloatArray, mean, theil_sen

SLOPE_DAYS = 21  # that a forecast's slope is taken from
BEYOND_LIMIT = 0.6  # least probability of what lay beyond its limit on all of the last days
FEWEST_PAST = 3  # figures of a series before its newest are compared with them
LONGEST_FAILURE = 200  # characters of an error that are told


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the detectors say of one asset."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]  # of its equipment
    sensors: tuple[Evidence, ...]  # of sensors that only the fleet's figures give away
    comparable: bool = False  # some series of it has a past to be compared with
    judged: bool = False  # it has series that can be bad
    failure: str = ""  # what broke the judgement; "" if nothing did

    @classmethod
    def failed(cls, error: Exception) -> Judgement:
        """Of an asset that had to be set aside: nothing is known of it."""
        return cls(unknown(0.0), (), (), failure=f"{type(error).__name__}: {error}"[:LONGEST_FAILURE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known of the assets besides their windows."""

    young: BoolArray | None = None  # in their first week: nothing but a limit can speak
    memory: Memory = field(default_factory=Memory)  # what stands since earlier looks
    older: Older | None = None  # single days long ago


def judge(
    windows: Windows,
    catalogue: Catalogue,
    detectors: Sequence[Detector],
    timezone: ZoneInfo,
    beside: Beside | None = None,
) -> list[Judgement]:
    """Verdict and evidence for every asset of the windows."""
    beside = beside or Beside()
    young, memory, older = beside.young, beside.memory, beside.older
    scores = {d.name: d.fit(windows).score(windows) for d in detectors}
    if young is not None and young.any():
        silent = young[windows.owner]
        scores = {
            name: score if name == LimitRule.name else np.where(silent, 0.0, score) for name, score in scores.items()
        }
    if older is not None:
        scores["past"] = past_scores(windows, older)
    attended = np.array([asset.id in memory.attended for asset in windows.assets], dtype=np.bool_)
    if attended.any() and "peers" in scores:  # somebody has seen what sets it apart
        scores["peers"] = np.where(attended[windows.owner], 0.0, scores["peers"])
    past = np.sum(~np.isnan(windows.adjusted[:, : windows.reference]), axis=1) >= FEWEST_PAST
    comparable, judged = (np.zeros(len(windows.assets), dtype=np.bool_) for _ in range(2))
    judged[windows.owner] = True
    comparable[windows.owner[past & np.isfinite(windows.scale)]] = True
    change = recent_change(windows)
    drifts = lone_drifts(windows, scores, change, catalogue)
    excluded = windows.excluded.copy()
    excluded[[d.row for d in drifts]] = True
    drifting = {int(windows.owner[d.row]): d for d in drifts}
    believed = replace(windows, excluded=excluded)
    standing = carried_rows(believed, memory)
    fresh = series_scores(believed, scores)
    limits = scores.get(LimitRule.name, np.zeros(len(fresh)))
    fresh = without_settings(believed, fresh, change, limits, catalogue)
    strength = strengthened(fresh, standing)
    better = better_scores(believed, scores)
    for row, carried in standing.items():
        change[row] = carried.sign * max(abs(change[row]), 1.0)
    floors = _floors(believed, detectors, standing)
    shared: dict[int, list[int]] = {}
    if windows.apart is not None:
        for place in np.flatnonzero(windows.apart.shared).tolist():
            shared.setdefault(int(windows.owner[place]), []).append(place)
    late = windows.adjusted[:, -SLOPE_DAYS:]
    slope, error = np.nan_to_num(theil_sen(late)), trend_line(windows, late).error
    out = []
    for number, verdict in enumerate(verdicts(windows, strength, change, catalogue, better=better)):
        evidences: list[Evidence] = []
        channels: set[str] = set()
        for row in verdict.series:
            key = windows.channels[row].key
            least = 0.0 if not evidences and verdict.probability >= SUSPICIOUS else WORTH_TELLING
            if strength[row] < least or len(evidences) >= EVIDENCE or key in channels:
                continue
            channels.add(key)
            before = standing.get(row)
            if before is not None and fresh[row] < before.strength:
                evidences.append(carried_evidence(windows, row, before, timezone))
                continue
            by_detector = {name: float(score[row]) for name, score in scores.items()}
            evidence = equipment_evidence(
                windows,
                row,
                float(strength[row]),
                by_detector,
                float(slope[row]),
                timezone,
                error=float(error[row]),
                before=None if before is None else before.evidence,
                older=older,
            )
            evidences.append(evidence if before is None else continued(evidence, before))
        evidences += _shared(windows, shared.get(number, ()), channels, timezone)
        unseen = unheard(windows, number, memory)
        evidences += unseen
        drift = drifting.get(number)
        sensors = () if drift is None else (drift_evidence(windows, drift, float(slope[drift.row]), timezone),)
        if unseen or floors[number] > 0:
            verdict = replace(verdict, floor=max(float(floors[number]), FLAG_AT if unseen else 0.0))
        elif not evidences and not comparable[number]:
            verdict = unknown(verdict.statistic)
        out.append(Judgement(verdict, tuple(evidences), sensors, bool(comparable[number]), bool(judged[number])))
    return out


def _shared(windows: Windows, rows: Sequence[int], covered: set[str], timezone: ZoneInfo) -> list[Evidence]:
    """Of channels that nothing else is told of: what they did together with most of their class."""
    untold = [row for row in rows if windows.channels[row].key not in covered]
    return [evidence for row in untold if (evidence := shared_evidence(windows, row, timezone)) is not None]


def _floors(windows: Windows, detectors: Sequence[Detector], standing: dict[int, Carried]) -> FloatArray:
    """The least probability of each asset: of what lies beyond its limit, and of what was flagged and is not mended."""
    floors = np.zeros(len(windows.assets))
    for detector in detectors:
        if isinstance(detector, LimitRule):
            beyond = detector.sustained(windows) & ~windows.excluded
            floors[windows.owner[beyond]] = BEYOND_LIMIT
    for row, carried in standing.items():
        if carried.share >= UNMENDED:
            owner = windows.owner[row]
            floors[owner] = max(floors[owner], FLAG_AT)
    return floors


def recent_change(windows: Windows) -> FloatArray:
    """Signed change of the recent days, one a series, in healthy standard deviations: which way it went."""
    standard = windows.standard
    tests = windows.having(Figure.TEST)
    return np.nan_to_num(np.where(tests, mean(windows.latest(standard, 2)), mean(standard[:, -RECENT:])))
