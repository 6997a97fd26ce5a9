"""One assessment an asset: what is believed of it, from readings strictly before a moment.

The pipeline reads in one breath: hours -> sensor trouble out -> daily figures -> context and class explained away ->
detectors -> one probability -> words. Assets that send nothing but a daily outage figure are judged by their history.
A large fleet goes through it block by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from facility.assessments import Assessment, Knowledge, Trouble
from facility.catalogue.catalogue import Catalogue, catalogue
from facility.errors import CannotConvert
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.store import Store
from models import wording
from models.assessment.baseline import Expectations
from models.assessment.common_cause import with_common_causes
from models.assessment.evidence import WORTH_TELLING
from models.assessment.extraction import LONGEST_HISTORY, Looked, Progress, SensorView, look_at
from models.assessment.fault_isolation import NOBODYS_FAULT, judged_blocks
from models.assessment.fusion import FLAG_AT, fleet_null, settled, threshold_within
from models.assessment.memory import Memory
from models.assessment.onset_hours import to_the_hour
from models.assessment.prognosis import prognosis
from models.assessment.scoring import Judgement
from models.assessment.sufficiency import ENOUGH_DAYS, insufficiency, span
from models.assessment.wear_outlook import wear_outlooks
from models.detectors import Detector
from models.features.normalisation import fleet_windows
from models.features.windows import Windows
from models.outages.forecast import Outlook, outage_channels, outlooks
from models.outages.trained_model import TrainedModel, newest_before
from models.statistics import FloatArray

VERSION = "fleet-4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """A look at a whole fleet: what is believed of it, and what the hours to come are to be compared with."""

    assessments: list[Assessment]  # in the order of the assets
    chance: FloatArray  # (assets, 2): p-values by the channels alone, for the worse and for the better
    expected: Expectations


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
    memory: Memory | None = None,
) -> list[Assessment]:
    """Assess every asset from readings with time < `as_of`, in the order given. `on_progress(done, total)`.

    `memory`: what was believed before and what people have recorded since; without it the readings alone speak.
    `model` forecasts outages from histories; without one, the newest in `folder` that learned from the past of `as_of`.

    Flagged is what is more likely ill than well; see `flag_within` for a budget of wrong flags.

    Raises `CannotConvert` if `as_of` has no time zone. An asset nothing is known of gets an assessment that says so.
    """
    if as_of.tzinfo is None:
        raise CannotConvert(
            "as-of time {as_of} has no time zone", "Give it one, for example +00:00", as_of=as_of.isoformat()
        )
    return believe(
        store,
        assets,
        as_of=as_of,
        horizon=horizon,
        timezone=timezone,
        model=model,
        folder=folder,
        on_progress=on_progress,
        detectors=detectors,
        memory=memory,
    ).assessments


def believe(
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
    told_of: Sequence[int] | None = None,
    fleet: Sequence[Asset] | None = None,
    beside: FloatArray | None = None,
    memory: Memory | None = None,
) -> Belief:
    """What `assess` does, with what is needed to go on from it.

    Where `assets` are a part of a `fleet`, `told_of` are the places of those that are to be assessed, the others are
    looked at for comparison only, and `beside` are the chances of all the fleet but those told of.
    """
    as_of, memory = as_of.astimezone(UTC), memory or Memory(cold=True)
    model = newest_model(folder, as_of, timezone) if model is None else model
    classes = catalogue()
    blocks = judged_blocks(
        store, assets, as_of=as_of, timezone=timezone, on_progress=on_progress, detectors=detectors, memory=memory
    )
    order = np.argsort(np.concatenate([block.places for block in blocks]))
    judged = [judgement for block in blocks for judgement in block.judged]
    views = [view for block in blocks for view in block.views]
    judged, views = [judged[i] for i in order], [views[i] for i in order]
    chance = np.array([(judgement.verdict.chance, judgement.verdict.mirrored) for judgement in judged]).reshape(-1, 2)
    whole = chance if told_of is None or beside is None else np.concatenate([chance[list(told_of)], beside])
    verdicts = settled([judgement.verdict for judgement in judged], fleet_null(whole[:, 0], whole[:, 1]))
    history = outlooks(
        store, assets if fleet is None else fleet, as_of=as_of, horizon=horizon, timezone=timezone, model=model
    )
    worn = wear_outlooks(
        store, assets if fleet is None else fleet, classes, as_of=as_of, horizon=horizon, timezone=timezone
    )
    version = model_version(model)
    assessments = []
    for place in range(len(assets)) if told_of is None else told_of:
        judgement = replace(judged[place], verdict=verdicts[place])
        try:
            assessment = assessment_of(assets[place], as_of, horizon, version, judgement, views[place], classes)
        except NOBODYS_FAULT:
            raise
        except Exception as error:  # noqa: BLE001 - one asset never stops the others
            assessment = assessment_of(
                assets[place], as_of, horizon, version, Judgement.failed(error), views[place], classes
            )
        stood = memory.flagged(assessment.asset)
        if assessment.failure and stood is not None:  # what could not be looked at again is still believed
            assessment = replace(
                stood, as_of=as_of, state=assessment.state, failure=assessment.failure, model=assessment.model
            )
        if assessment.asset in worn and not assessment.failure:
            assessment = worn[assessment.asset].added(assessment)
        assessments.append(_with_outlook(assessment, history.get(assessment.asset)))
    assessments = _with_young_histories(store, assets, assessments, as_of=as_of)
    assessments = to_the_hour(store, assessments, timezone)
    again = {assessment.asset for assessment in assessments}
    others = [assessment for assessment in memory.before.values() if assessment.asset not in again]
    assessments = with_common_causes(assessments, others, assets if fleet is None else fleet, classes, timezone)
    return Belief(
        assessments=assessments,
        chance=chance,
        expected=Expectations.joined([block.expected for block in blocks]),
    )


def newest_model(folder: Path | None, as_of: datetime, timezone: ZoneInfo) -> TrainedModel | None:
    """The newest model in `folder` that learned from the past of `as_of`."""
    return None if folder is None else newest_before(folder, as_of.astimezone(timezone).date())


def model_version(model: TrainedModel | None) -> str:
    """What assessments are signed with: the detectors' version, and the trained model's if there is one."""
    return VERSION if model is None else f"{VERSION}+{model.version}"


def flag_within(assessments: Sequence[Assessment], false_flags: float) -> list[Assessment]:
    """Flagged anew: as many of the likeliest as that so many of them are expected to be wrong.

    A crew that can afford two visits for nothing a day says 2.
    """
    threshold = threshold_within(np.array([assessment.probability for assessment in assessments]), false_flags)
    return [replace(assessment, flagged=assessment.probability >= threshold) for assessment in assessments]


def look(
    store: Store,
    assets: Sequence[Asset],
    *,
    as_of: datetime,
    timezone: ZoneInfo,
    on_progress: Progress | None = None,
) -> tuple[Windows, list[SensorView]]:
    """Daily figures of the fleet with all that explains them taken out, and what its sensors are worth."""
    looked: Looked = look_at(store, assets, as_of=as_of, timezone=timezone, on_progress=on_progress)
    windows = fleet_windows(looked.daily, tuple(assets), looked.excluded, end=looked.end, timezone=timezone)
    return windows, list(looked.views)


def assessment_of(
    asset: Asset,
    as_of: datetime,
    horizon: timedelta,
    version: str,
    judged: Judgement,
    view: SensorView,
    classes: Catalogue,
) -> Assessment:
    """The assessment that a judgement and the state of an asset's sensors come to."""
    verdict, evidence = judged.verdict, judged.evidence
    view = replace(view, evidence=judged.sensors + view.evidence)
    sensor_score = max((e.score for e in view.evidence), default=0.0)
    modes = classes[asset.kind].modes if asset.kind in classes else {}
    flagged = verdict.probability >= FLAG_AT
    state = Knowledge.ASSESSED
    lacking = None if flagged else insufficiency(view, judged.comparable, judged.judged)
    if asset.kind not in classes:
        lacking = Knowledge.NOT_ASSESSED, wording.say("unknown_kind", kind=asset.kind)
    if judged.failure:
        lacking = Knowledge.NOT_ASSESSED, wording.say("set_aside", failure=judged.failure)
    mode = verdict.mode if evidence else ""
    if lacking is not None:
        state = lacking[0]
    if judged.failure and lacking is not None:
        reason = lacking[1]
    elif evidence:
        reason = evidence[0].sentence
        if evidence[0].score < WORTH_TELLING:
            reason = wording.say("weak", sign=wording.lower_first(reason))
        if mode:
            tail = wording.say("likely", mode=modes[mode].name)
            reason = Text(zh=reason.zh + tail.zh, en=reason.en + tail.en)
    elif view.evidence:
        reason = view.evidence[0].sentence
    elif lacking is not None:
        reason = lacking[1]
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
        prognosis=prognosis(asset, verdict, evidence, classes, as_of=as_of),
        state=state,
        failure=judged.failure,
    )


def _with_young_histories(
    store: Store, assets: Sequence[Asset], assessments: list[Assessment], *, as_of: datetime
) -> list[Assessment]:
    """Assets that were heard of by an outage history only, and one too short to tell anything, are not unheard."""
    classes = catalogue()
    keys = outage_channels(classes)
    kinds = {
        asset.id: asset.kind for asset in assets if asset.kind in classes and keys & set(classes[asset.kind].channels)
    }
    unheard = [
        assessment.asset
        for assessment in assessments
        if assessment.state is Knowledge.NEVER_HEARD and assessment.asset in kinds
    ]
    if not unheard:
        return assessments
    start = as_of - timedelta(days=LONGEST_HISTORY)
    hours = store.rollups(assets=unheard, channels=sorted(keys), start=start, end=as_of)
    first = dict(hours.group_by("asset").agg(pl.col("hour").min()).iter_rows())
    need = span(ENOUGH_DAYS)
    return [
        replace(
            assessment,
            state=Knowledge.TOO_LITTLE,
            reason=wording.say(
                "too_young", have=span((as_of - first[assessment.asset]) / timedelta(days=1)), need=need
            ),
        )
        if assessment.asset in first
        else assessment
        for assessment in assessments
    ]


def _with_outlook(assessment: Assessment, outlook: Outlook | None) -> Assessment:
    """An outage history adds to what the channels say; where there are no channels it is all there is."""
    if outlook is None:
        return assessment
    odds = float(np.log(outlook.probability / (1 - outlook.probability)))
    silent = assessment.coverage == 0.0 and not any(e.trouble is Trouble.EQUIPMENT for e in assessment.evidence)
    if not silent and odds <= assessment.score:
        forecasts = (outlook.evidence,) if outlook.speaks else ()
        return replace(assessment, evidence=(*assessment.evidence, *forecasts))
    return replace(
        assessment,
        probability=outlook.probability,
        score=odds,
        flagged=outlook.probability >= FLAG_AT,
        mode=outlook.mode,
        reason=outlook.evidence.sentence,
        coverage=max(assessment.coverage, outlook.coverage),
        state=Knowledge.ASSESSED,
        evidence=(outlook.evidence, *assessment.evidence),
    )
