"""One assessment an asset: what is believed of it, from readings strictly before a moment.

The pipeline reads in one breath: hours -> sensor trouble out -> daily figures -> context and class explained away ->
detectors -> one probability -> words. Assets that send nothing but a daily outage figure are judged by their history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from models.combining import FLAG_AT, Verdict, series_scores, threshold_within, verdicts
from models.cube import Cube, build_cube
from models.detectors import Detector, default_detectors
from models.detectors.trend import trend_line
from models.drifting import lone_drifts
from models.evidence import WORTH_TELLING, drift_evidence, equipment_evidence, sensor_evidence
from models.figures import DailyFigures, daily_figures
from models.outlook import Outlook, outage_channels, outlooks
from models.prognosis import prognosis
from models.robust import BoolArray, FloatArray, mean, theil_sen
from models.sensing import SensorFinding, believable, sensor_findings
from models.trained import TrainedModel, newest_before
from models.windows import RECENT, Figure, Windows

VERSION = "fleet-1"
LONGEST_HISTORY = 60  # days
SHORTEST_HISTORY = 10  # days of a fleet before anything is compared with its past
BATCH = 500  # assets whose hours are in memory at once
SLOPE_DAYS = 21  # that a forecast's slope is taken from
EVIDENCE = 5  # pieces kept an asset

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the detectors say of one asset."""

    verdict: Verdict
    evidence: tuple[Evidence, ...]  # of its equipment
    sensors: tuple[Evidence, ...]  # of sensors that only the fleet's figures give away


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorView:
    """What the hours of one asset say about its sensors and its data."""

    evidence: tuple[Evidence, ...]
    coverage: float  # 0..1 of the hours its channels usually fill, over the recent days
    heard: bool  # anything at all


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
    false_flags: float | None = None,
) -> list[Assessment]:
    """Assess every asset from readings with time < `as_of`, in the order given. `on_progress(done, total)`.

    `model` forecasts outages from histories; without one, the newest in `folder` that learned from the past of `as_of`.

    Flagged is what is more likely ill than well; with `false_flags`, as many of the likeliest as that so many of them
    are expected to be wrong: a crew that can afford two visits for nothing a day says 2.

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
        one, view = judged[number], views[number]
        view = replace(view, evidence=one.sensors + view.evidence)
        assessment = _assessment(asset, as_of, horizon, version, one.verdict, one.evidence, view, known)
        made.append(_with_outlook(assessment, history.get(asset.id)))
    if false_flags is not None:
        threshold = threshold_within(np.array([one.probability for one in made]), false_flags)
        made = [replace(one, flagged=one.probability >= threshold) for one in made]
    return made


def look(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    timezone: ZoneInfo,
    on_progress: Progress | None = None,
) -> tuple[Windows, list[SensorView]]:
    """Daily figures of the fleet, and what its sensors are worth. Hours are read a batch of assets at a time."""
    known = catalogue()
    first = store.size().first
    days = LONGEST_HISTORY if first is None else min(LONGEST_HISTORY, max(1, -(-(as_of - first) // timedelta(days=1))))
    parts: list[DailyFigures] = []
    doubted: list[BoolArray] = []
    views: list[SensorView] = []
    skipped = outage_channels(known)
    wanted = sorted(known.channel_keys() - skipped)
    end = as_of
    for begin in range(0, len(assets), BATCH):
        batch = assets[begin : begin + BATCH]
        rollups = store.rollups(
            assets=[a.id for a in batch],
            channels=wanted,
            start=as_of - timedelta(days=days),
            end=as_of,
        )
        cube = build_cube(rollups, batch, known, as_of=as_of, days=days)
        end = cube.end
        findings, doubtful = sensor_findings(cube)
        daily = daily_figures(cube, doubtful)
        parts.append(replace(daily, owner=daily.owner + begin))
        doubted.append(~believable(daily.row, findings))
        views += _sensor_views(cube, findings, timezone)
        if on_progress is not None:
            on_progress(min(begin + BATCH, len(assets)), len(assets))
    return fleet_windows(
        _joined(parts),
        tuple(assets),
        np.concatenate(doubted or [np.zeros(0, dtype=np.bool_)]),
        end=end,
        timezone=timezone,
    ), views


def judge(windows: Windows, known: Catalogue, detectors: Sequence[Detector], timezone: ZoneInfo) -> list[Judgement]:
    """Verdict and evidence for every asset of the windows."""
    scores = {d.name: d.fit(windows).score(windows) for d in detectors}
    change = recent_change(windows)
    drifts = lone_drifts(windows, scores, change, known)
    excluded = windows.excluded.copy()
    excluded[[d.row for d in drifts]] = True
    drifting = {int(windows.owner[d.row]): d for d in drifts}
    strength = series_scores(replace(windows, excluded=excluded), scores)
    slope = _slope(windows)
    error = trend_line(windows, windows.adjusted[:, -SLOPE_DAYS:]).error
    out = []
    for number, verdict in enumerate(verdicts(windows, strength, change, known)):
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


def _slope(windows: Windows) -> FloatArray:
    return np.nan_to_num(theil_sen(windows.adjusted[:, -SLOPE_DAYS:]))


def _joined(parts: Sequence[DailyFigures]) -> DailyFigures:
    if not parts:
        empty = np.zeros(0, dtype=np.int64)
        return DailyFigures(owner=empty, channels=(), figures=(), values=np.zeros((0, 1)), floor=np.zeros(0), row=empty)
    return DailyFigures(
        owner=np.concatenate([p.owner for p in parts]),
        channels=tuple(c for p in parts for c in p.channels),
        figures=tuple(f for p in parts for f in p.figures),
        values=np.concatenate([p.values for p in parts]),
        floor=np.concatenate([p.floor for p in parts]),
        row=np.concatenate([p.row for p in parts]),
    )


def _sensor_views(cube: Cube, findings: list[SensorFinding], timezone: ZoneInfo) -> list[SensorView]:
    """Sensor evidence and coverage of each asset of a cube."""
    present = cube.count > 0
    usual = present.mean(axis=(1, 2)) if present.size else np.zeros(len(cube.channels))
    recent = present[:, -7:].mean(axis=(1, 2)) if present.size else np.zeros(len(cube.channels))
    rows_of: list[list[int]] = [[] for _ in cube.assets]
    for row, owner in enumerate(cube.owner):
        rows_of[int(owner)].append(row)
    found: dict[int, list[SensorFinding]] = {}
    for finding in findings:
        found.setdefault(int(cube.owner[finding.row]), []).append(finding)
    views = []
    had = _channels_of_kind(cube, rows_of)
    first = np.argmax(present.any(axis=2), axis=1) if present.size else np.zeros(len(cube.channels), dtype=np.int64)
    for number, rows in enumerate(rows_of):
        told = sorted(found.get(number, []), key=lambda f: -f.score)[:EVIDENCE]
        share = [min(1.0, recent[r] / usual[r]) for r in rows if usual[r] > 0]
        age = cube.days - min((int(first[r]) for r in rows), default=cube.days)
        fullness = min(1.0, age / SHORTEST_HISTORY) * min(1.0, len(rows) / had[cube.assets[number].kind])
        views.append(
            SensorView(
                evidence=tuple(sensor_evidence(cube, f, timezone) for f in told),
                coverage=float(np.mean(share)) * fullness if share else 0.0,
                heard=bool(rows),
            )
        )
    return views


def _channels_of_kind(cube: Cube, rows_of: Sequence[Sequence[int]]) -> dict[str, float]:
    """How many channels an asset of each kind usually sends."""
    counts: dict[str, list[int]] = {}
    for asset, rows in zip(cube.assets, rows_of, strict=True):
        counts.setdefault(asset.kind, []).append(len(rows))
    return {kind: max(float(np.median([n for n in of_kind if n] or [1])), 1.0) for kind, of_kind in counts.items()}


def _assessment(
    asset: Asset,
    as_of: datetime,
    horizon: timedelta,
    version: str,
    verdict: Verdict,
    evidence: tuple[Evidence, ...],
    view: SensorView,
    known: Catalogue,
) -> Assessment:
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
        return replace(assessment, evidence=(*assessment.evidence, outlook.evidence))
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
