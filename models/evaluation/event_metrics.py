"""Assessments day after day against the truth: which faults were seen, how early, and how many flags were wrong.

A fault is an event, not a row: it is found if its asset is flagged on any day from its onset until it is repaired. A
false flag is a run of flagged days of an asset that is well; a run that begins while it is ill is not false. Lead is
counted to the failure: what is possible is the time from the day the fault could be seen at all. Faults that come at
once fail as they begin; of these the delay is told instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np

from facility.assessments import Assessment
from models.assessment.ranking import ordered
from models.evaluation.ranking_metrics import TrueFault
from models.statistics import FloatArray

DAY = timedelta(days=1)
AFTERMATH = 3 * DAY  # a flag this soon after a repair still tells of what was repaired
TOLD = 0.5  # sensor probability from which sensor trouble is told
BINS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the reliability curve
EQUIPMENT, SENSOR, WELL = "equipment", "sensor", "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fault and what became of it on the days watched."""

    mode: str
    trouble: str
    listed: bool  # within the first of the ranking on the last day (or the last before the repair)
    found: bool
    named: bool  # with the right failure mode, when it was last seen
    lead: float | None  # days from the first flag to the failure; None if not found or without a course
    possible: float | None  # days from the first day it could be seen and was watched to the failure
    delay: float | None  # days from the first day it could be seen to the first flag
    onset_error: float | None = None  # days between the onset that was told last while it was flagged and the true one


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """All that was seen of one fleet."""

    events: tuple[Event, ...]
    well_days: float  # asset-days without a fault, those between two looks with them
    false_flags: int  # runs of flagged days that began while the asset was well
    false_days: float  # flagged asset-days without a fault
    told: Counter[tuple[str, str]]  # (what was so, what was said) on the last day
    stated: tuple[tuple[float, bool], ...]  # (probability, whether it came so) of every asset and day
    onsets: int = 0  # onsets of flagged assets that two looks shortly after another both told of
    onsets_moved: int = 0  # of these, those that the second told otherwise


def onsets_moved(first: Sequence[Assessment], second: Sequence[Assessment]) -> tuple[int, int]:
    """Of the onsets that both looks tell of the same channel of a flagged asset: how many there are, how many moved."""
    before = {
        (assessment.asset, e.channel, e.pattern): e.since
        for assessment in first
        if assessment.flagged
        for e in assessment.evidence[:1]
    }
    after = {
        (assessment.asset, e.channel, e.pattern): e.since
        for assessment in second
        if assessment.flagged
        for e in assessment.evidence
    }
    both = [key for key, since in before.items() if since is not None and after.get(key) is not None]
    return len(both), sum(before[key] != after[key] for key in both)


def watch(
    days: Sequence[Sequence[Assessment]], truth: Sequence[TrueFault], *, list_size: int, horizon: timedelta
) -> Watch:
    """What a fleet's assessments, one sequence a day in order, have to do with the truth. Assets in any order."""
    moments = [assessments[0].as_of for assessments in days if assessments]
    by_asset = [{assessment.asset: assessment for assessment in assessments} for assessments in days]
    assets = sorted(set().union(*by_asset)) if by_asset else []
    faults: dict[str, list[TrueFault]] = {asset: [] for asset in assets}
    for fault in truth:
        if fault.asset in faults:
            faults[fault.asset].append(fault)
    listed = [{assessment.asset for assessment in ordered(assessments)[:list_size]} for assessments in days]
    spacing = (moments[-1] - moments[0]) / DAY / (len(moments) - 1) if len(moments) > 1 else 1.0
    well_days = false_days = 0.0
    false_flags = 0
    stated: list[tuple[float, bool]] = []
    for asset in assets:
        machine = [f for f in faults[asset] if f.trouble == EQUIPMENT]
        flagged = [day[asset].flagged for day in by_asset]
        well = [not any(_ill(f, t) for f in machine) for t in moments]
        well_days += spacing * sum(well)
        false_days += spacing * sum(w and f for w, f in zip(well, flagged, strict=True))
        before = False
        for w, f in zip(well, flagged, strict=True):
            false_flags += w and f and not before
            before = f
        for day, t in zip(by_asset, moments, strict=True):
            stated.append((day[asset].probability, any(_due(f, t, horizon) for f in machine)))
    confusion: Counter[tuple[str, str]] = Counter()
    for asset, one in by_asset[-1].items() if by_asset else ():
        confusion[_state(faults[asset], moments[-1]), _said(one)] += 1
    events = [e for f in truth if f.asset in faults for e in _event(f, moments, by_asset, listed)]
    return Watch(
        events=tuple(events),
        well_days=well_days,
        false_flags=false_flags,
        false_days=false_days,
        told=confusion,
        stated=tuple(stated),
    )


def _ill(fault: TrueFault, moment: datetime) -> bool:
    return fault.onset <= moment and (fault.repaired_at is None or moment < fault.repaired_at + AFTERMATH)


def _due(fault: TrueFault, moment: datetime, horizon: timedelta) -> bool:
    """Somebody who goes there within the horizon finds it."""
    shows = fault.detectable_from is not None and fault.detectable_from <= moment + horizon
    return shows and (fault.repaired_at is None or moment < fault.repaired_at)


def _state(faults: Sequence[TrueFault], moment: datetime) -> str:
    present = {f.trouble for f in faults if f.present(moment)}
    return EQUIPMENT if EQUIPMENT in present else SENSOR if SENSOR in present else WELL


def _said(assessment: Assessment) -> str:
    return EQUIPMENT if assessment.flagged else SENSOR if assessment.sensor_probability >= TOLD else WELL


def _event(
    fault: TrueFault, moments: Sequence[datetime], by_asset: Sequence[dict[str, Assessment]], listed: Sequence[set[str]]
) -> Iterable[Event]:
    """The event of a fault that could be seen on at least one watched day."""
    visible = fault.detectable_from
    if visible is None:
        return
    end = fault.repaired_at
    watched = [i for i, t in enumerate(moments) if t >= fault.onset and (end is None or t <= end)]
    visible_looks = [i for i in watched if moments[i] >= visible]
    if not visible_looks:
        return

    def says(number: int) -> bool:
        assessment = by_asset[number][fault.asset]
        return assessment.flagged if fault.trouble == EQUIPMENT else assessment.sensor_probability >= TOLD

    first = next((moments[i] for i in watched if says(i)), None)
    course = fault.failure_time is not None and fault.failure_time > max(visible, moments[visible_looks[0]])
    begin = max(visible, moments[visible_looks[0]])
    yield Event(
        mode=fault.mode,
        trouble=fault.trouble,
        listed=fault.asset in listed[visible_looks[-1]],
        found=first is not None,
        named=by_asset[visible_looks[-1]][fault.asset].mode == fault.mode,
        lead=max((fault.failure_time - first) / DAY, 0.0) if course and first and fault.failure_time else None,
        possible=(fault.failure_time - begin) / DAY if course and fault.failure_time else None,
        delay=max((first - begin) / DAY, 0.0) if first is not None else None,
        onset_error=_onset_error(fault, [by_asset[i][fault.asset] for i in visible_looks]),
    )


def _onset_error(fault: TrueFault, assessments: Sequence[Assessment]) -> float | None:
    """Of the onset that its strongest evidence told when it was flagged last; None if none was told."""
    for assessment in reversed(assessments):
        moment = next((e.since for e in assessment.evidence if e.trouble == EQUIPMENT), None)
        if assessment.flagged and fault.trouble == EQUIPMENT and moment is not None:
            return abs(moment - fault.onset) / DAY
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeEvents:
    """Events of one failure mode over all fleets watched."""

    mode: str
    trouble: str
    events: int
    listed: int
    found: int
    named: int
    delay: float | None  # median, days
    onset_error: float | None  # median, days
    onset_error_90: float | None  # 90th percentile


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFigures:
    """Watches of several fleets summed up."""

    fleets: int
    events: int
    recall: float  # events found on any day, equipment
    listed: float  # share of equipment events at the top of the ranking
    precision: float  # share of assets flagged on the last day that are ill
    lead_share: float | None  # median over found events with a course of lead / possible lead
    lead_days: float | None  # median
    false_flags_per_asset_week: float
    false_days_share: float
    brier: float
    brier_of_base_rate: float
    reliability: tuple[tuple[float, float, int], ...]  # (stated, came about, how often)
    confusion: dict[str, dict[str, int]]  # what was so -> what was said -> assets
    onset_error: float | None  # median over the flagged, days
    onset_error_90: float | None  # 90th percentile
    onsets_moved: float  # share of onsets that a look two hours later tells otherwise
    modes: tuple[ModeEvents, ...]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


def sum_up(watches: Sequence[Watch]) -> EventFigures:
    """The figures of several watched fleets as one."""
    events = [e for w in watches for e in w.events]
    machine = [e for e in events if e.trouble == EQUIPMENT]
    confusion: Counter[tuple[str, str]] = Counter()
    for watch in watches:
        confusion.update(watch.told)
    flagged = sum(n for (_, stated), n in confusion.items() if stated == EQUIPMENT)
    leads = [(e.lead, e.possible) for e in machine if e.lead is not None and e.possible]
    well_days = sum(w.well_days for w in watches)
    stated = np.array([p for w in watches for p, _ in w.stated])
    happened = np.array([c for w in watches for _, c in w.stated], dtype=np.float64)
    return EventFigures(
        fleets=len(watches),
        events=len(machine),
        recall=_share(sum(e.found for e in machine), len(machine)),
        listed=_share(sum(e.listed for e in machine), len(machine)),
        precision=_share(confusion[EQUIPMENT, EQUIPMENT], flagged),
        lead_share=float(np.median([min(a / b, 1.0) for a, b in leads])) if leads else None,
        lead_days=float(np.median([a for a, _ in leads])) if leads else None,
        false_flags_per_asset_week=_share(7 * sum(w.false_flags for w in watches), well_days),
        false_days_share=_share(sum(w.false_days for w in watches), well_days),
        brier=float(np.mean((stated - happened) ** 2)) if len(stated) else 0.0,
        brier_of_base_rate=float(happened.mean() * (1 - happened.mean())) if len(happened) else 0.0,
        reliability=_reliability(stated, happened),
        confusion={
            so: {said: confusion[so, said] for said in (EQUIPMENT, SENSOR, WELL)} for so in (EQUIPMENT, SENSOR, WELL)
        },
        onset_error=_percentile(machine, 50),
        onset_error_90=_percentile(machine, 90),
        onsets_moved=_share(sum(w.onsets_moved for w in watches), sum(w.onsets for w in watches)),
        modes=_by_mode(events),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _reliability(stated: FloatArray, array: FloatArray) -> tuple[tuple[float, float, int], ...]:
    out = []
    for low, high in pairwise(BINS):
        inside = (stated >= low) & ((stated < high) | (high == BINS[-1]))
        if inside.any():
            out.append((float(stated[inside].mean()), float(array[inside].mean()), int(inside.sum())))
    return tuple(out)


def _percentile(events: Sequence[Event], share: float) -> float | None:
    errors = [e.onset_error for e in events if e.onset_error is not None]
    return float(np.percentile(errors, share)) if errors else None


def _by_mode(events: Sequence[Event]) -> tuple[ModeEvents, ...]:
    out = []
    for trouble, mode in sorted({(e.trouble, e.mode) for e in events}):
        of_mode = [e for e in events if (e.trouble, e.mode) == (trouble, mode)]
        delays = [e.delay for e in of_mode if e.delay is not None]
        out.append(
            ModeEvents(
                mode=mode,
                trouble=trouble,
                events=len(of_mode),
                listed=sum(e.listed for e in of_mode),
                found=sum(e.found for e in of_mode),
                named=sum(e.named for e in of_mode),
                delay=float(np.median(delays)) if delays else None,
                onset_error=_percentile(of_mode, 50),
                onset_error_90=_percentile(of_mode, 90),
            )
        )
    return tuple(out)
