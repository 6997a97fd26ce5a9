"""One assessment an asset: what is believed of it, from readings strictly before a moment.

The pipeline reads in one breath: hours -> sensor trouble out -> daily figures -> context and class explained away ->
detectors -> one probability -> words. Assets that send nothing but a daily outage figure are judged by their history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Assessment, Evidence, Trouble
from facility.channels import Catalogue, catalogue
from facility.errors import CannotConvert
from facility.estate import Asset
from facility.language import Text
from facility.store import Store
from models import wording
from models.adjusting import fleet_windows
from models.combining import FLAG_AT, FleetNull, Verdict, series_scores, threshold_within, verdicts
from models.detectors import Detector, default_detectors
from models.detectors.trend import trend_line
from models.drifting import lone_drifts
from models.evidence import WORTH_TELLING, drift_evidence, equipment_evidence
from models.looking import EVIDENCE, Progress, SensorView, look_at
from models.outlook import Outlook, outlooks
from models.prognosis import prognosis
from models.robust import FloatArray, mean, theil_sen
from models.trained import TrainedModel, newest_before
from models.windows import RECENT, Figure, Windows

VERSION = "fleet-1"
SLOPE_DAYS = 21  # that a forecast's slope is taken from


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the detectors say of one asset."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]  # of its equipment
    sensors: tuple[Evidence, ...]  # of sensors that only the fleet's figures give away


def assess(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    horizon: timedelta,
    timezone: ZoneInfo,
    model: TrainedModel | None = None,
    folder: Path | None = None,
    on_progress: Progress | None = None,
    detectors: Sequence[Detector] | None = None,
) -> list[Assessment]:
    """Assess every asset from readings with time < `as_of`, in the order given. `on_progress(done, total)`.

    `model` forecasts outages from histories; without one, the newest in `folder` that learned from the past of `as_of`.

    Flagged is what is more likely ill than well; see `flag_within` for a budget of wrong flags.

    Raises `CannotConvert` if `as_of` has no time zone. An asset nothing is known of gets an assessment that says so.
    """
    if as_of.tzinfo is None:
        raise CannotConvert(f"as-of time {as_of.isoformat()} has no time zone", "Give it one, for example +00:00")
    as_of = as_of.astimezone(UTC)
    if model is None and folder is not None:
        model = newest_before(folder, as_of.astimezone(timezone).date())
    known = catalogue()
    windows, views = look(store, assets, as_of=as_of, timezone=timezone, on_progress=on_progress)
    judged = judge(windows, known, default_detectors() if detectors is None else detectors, timezone)
    history = outlooks(store, assets, as_of=as_of, horizon=horizon, timezone=timezone, model=model)
    version = VERSION if model is None else f"{VERSION}+{model.version}"
    made = []
    for number, asset in enumerate(assets):
        assessment = assessment_of(asset, as_of, horizon, version, judged[number], views[number], known)
        made.append(_with_outlook(assessment, history.get(asset.id)))
    return made


def flag_within(assessments: Sequence[Assessment], false_flags: float) -> list[Assessment]:
    """Flagged anew: as many of the likeliest as that so many of them are expected to be wrong.

    A crew that can afford two visits for nothing a day says 2.
    """
    threshold = threshold_within(np.array([one.probability for one in assessments]), false_flags)
    return [replace(one, flagged=one.probability >= threshold) for one in assessments]


def look(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    timezone: ZoneInfo,
    on_progress: Progress | None = None,
) -> tuple[Windows, list[SensorView]]:
    """Daily figures of the fleet with all that explains them taken out, and what its sensors are worth."""
    seen = look_at(store, assets, as_of=as_of, timezone=timezone, on_progress=on_progress)
    windows = fleet_windows(seen.daily, tuple(assets), seen.excluded, end=seen.end, timezone=timezone)
    return windows, list(seen.views)


def judge(
    windows: Windows,
    known: Catalogue,
    detectors: Sequence[Detector],
    timezone: ZoneInfo,
    null: FleetNull | None = None,
) -> list[Judgement]:
    """Verdict and evidence for every asset of the windows. `null`: of the whole fleet, if they hold part of it."""
    scores = {d.name: d.fit(windows).score(windows) for d in detectors}
    change = recent_change(windows)
    drifts = lone_drifts(windows, scores, change, known)
    excluded = windows.excluded.copy()
    excluded[[d.row for d in drifts]] = True
    drifting = {int(windows.owner[d.row]): d for d in drifts}
    strength = series_scores(replace(windows, excluded=excluded), scores)
    late = windows.adjusted[:, -SLOPE_DAYS:]
    slope, error = np.nan_to_num(theil_sen(late)), trend_line(windows, late).error
    out = []
    for number, verdict in enumerate(verdicts(windows, strength, change, known, null=null)):
        told: list[Evidence] = []
        channels: set[str] = set()
        for row in verdict.series:
            key = windows.channels[row].key
            if strength[row] < WORTH_TELLING or len(told) >= EVIDENCE or key in channels:
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


def assessment_of(
    asset: Asset,
    as_of: datetime,
    horizon: timedelta,
    version: str,
    judged: Judgement,
    view: SensorView,
    known: Catalogue,
) -> Assessment:
    """The assessment that a judgement and the state of an asset's sensors come to."""
    verdict, evidence = judged.verdict, judged.evidence
    view = replace(view, evidence=judged.sensors + view.evidence)
    sensor_score = max((e.score for e in view.evidence), default=0.0)
    modes = known[asset.kind].modes if asset.kind in known else {}
    flagged = verdict.probability >= FLAG_AT
    mode = verdict.mode if evidence else ""
    if evidence:
        reason = evidence[0].sentence
        if mode:
            tail = wording.say("likely", mode=modes[mode].name)
            reason = Text(zh=reason.zh + tail.zh, en=reason.en + tail.en)
    elif view.evidence:
        reason = view.evidence[0].sentence
    elif view.coverage < 0.5:
        reason = wording.say("unknown", coverage=round(100 * view.coverage))
    else:
        reason = wording.say("calm")
    return Assessment(
        asset=asset.id,
        as_of=as_of,
        horizon_days=horizon / timedelta(days=1),
        probability=verdict.probability,
        sensor_probability=float(1 / (1 + np.exp(4.0 - sensor_score))) if view.evidence else 0.02,
        flagged=flagged,
        score=verdict.log_odds,
        mode=mode,
        reason=reason,
        coverage=view.coverage,
        model=version,
        evidence=evidence + view.evidence,
        prognosis=prognosis(asset, verdict, evidence, known, as_of=as_of),
    )


def _with_outlook(assessment: Assessment, outlook: Outlook | None) -> Assessment:
    """An outage history adds to what the channels say; where there are no channels it is all there is."""
    if outlook is None:
        return assessment
    odds = float(np.log(outlook.probability / (1 - outlook.probability)))
    silent = assessment.coverage == 0.0 and not any(e.trouble is Trouble.EQUIPMENT for e in assessment.evidence)
    if not silent and odds <= assessment.score:
        said = (outlook.evidence,) if outlook.evidence.score > 0 else ()  # what is usual for its kind says nothing
        return replace(assessment, evidence=(*assessment.evidence, *said))
    return replace(
        assessment,
        probability=outlook.probability,
        score=odds,
        flagged=outlook.probability >= FLAG_AT,
        mode=outlook.mode,
        reason=outlook.evidence.sentence,
        coverage=max(assessment.coverage, outlook.coverage),
        evidence=(outlook.evidence, *assessment.evidence),
    )
