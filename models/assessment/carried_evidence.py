"""Evidence that stands since an earlier look: how much of it is still there, and what is said of it now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence, Reference
from models.assessment.evidence import began, in_plain_units, recent_figure, steady, to_draw
from models.assessment.memory import LASTING, Memory, lasting, reference_of
from models.assessment.sentences import Facts, sentence
from models.features.directions import fixed_directions
from models.features.normalisation import CLASS_SIZE
from models.features.windows import Figure, Windows
from models.statistics import FloatArray, median

OF_CONTEXT = 0.5  # of a shift that its context may have brought about
SMOOTHED = 3  # days whose median is a level
FIGURE_OF = {"variance": Figure.SPREAD, "rate": Figure.RATE}  # by pattern; else whatever the channel has


@dataclass(frozen=True, slots=True)
class Carried:
    """Evidence of an earlier look, found again in a row of the windows."""

    evidence: Evidence
    share: float  # 0..1 of the shift that is still there
    now: float  # in the channel's unit

    @property
    def strength(self) -> float:
        return reference_of(self.evidence).score * self.share

    @property
    def sign(self) -> float:
        return float(np.sign(reference_of(self.evidence).shift))


def carried_rows(windows: Windows, memory: Memory) -> dict[int, Carried]:
    """By row of the windows, what stands there since an earlier look and has not come back."""
    if not memory.before:
        return {}
    standing = {number: memory.standing(asset.id) for number, asset in enumerate(windows.assets)}
    carried: dict[int, Carried] = {}
    directions = fixed_directions(windows)
    for row in np.flatnonzero([bool(standing[int(owner)]) for owner in windows.owner]):
        number = int(row)
        channel, figure = windows.channels[number].key, windows.figures[number]
        for evidence in standing[int(windows.owner[number])]:
            wanted = FIGURE_OF.get(evidence.pattern)
            fits = figure is wanted if wanted else figure not in FIGURE_OF.values()
            silent = bool(np.isnan(windows.values[number, -3:]).all())
            better = directions[number] * reference_of(evidence).shift < 0  # it had come back when it was last seen
            if evidence.channel != channel or not fits or better or (windows.excluded[number] and not silent):
                continue
            now = in_plain_units(windows, number, recent_figure(windows.values[number]))
            share = lasting(evidence, now - _moved_with_others(windows, number, evidence))
            if share >= LASTING:
                carried[number] = Carried(evidence, share, now)
            break
    return carried


def _moved_with_others(windows: Windows, row: int, evidence: Evidence) -> float:
    """How far a level has moved since the evidence was noticed because its class or its context did.

    A season, or load that came back after a holiday, is no part of a shift. Context explains half of the shift at most:
    loadings are learned from days that the fault may have been among.
    """
    if evidence.noticed is None or windows.figures[row] is not Figure.LEVEL:
        return 0.0
    day = windows.days - round((windows.end - evidence.noticed) / timedelta(days=1))
    if day < SMOOTHED or day > windows.days - SMOOTHED:
        return 0.0
    shift = reference_of(evidence).shift
    explained = windows.values[row] - windows.adjusted[row]
    by_context = float(median(explained[None, -SMOOTHED:])[0] - median(explained[None, day - SMOOTHED : day])[0])
    most = OF_CONTEXT * abs(shift)
    by_context = min(max(by_context, -most), most) if np.isfinite(by_context) else 0.0
    by_class = _class_moved(windows, row, day)
    return max(by_class, by_context) if shift > 0 else min(by_class, by_context)


def _class_moved(windows: Windows, row: int, day: int) -> float:
    """How far most others of its class have moved since a day."""
    others = np.flatnonzero((windows.group == windows.group[row]) & windows.telling)
    others = others[others != row]
    if others.size < CLASS_SIZE:
        return 0.0
    moved = median(windows.values[others, -SMOOTHED:]) - median(windows.values[others, day - SMOOTHED : day])
    common = float(median(moved[None])[0])
    return common if np.isfinite(common) else 0.0


def unheard(windows: Windows, number: int, memory: Memory) -> tuple[Evidence, ...]:
    """Evidence that stands against an asset in channels of which these days hold nothing: silence mends nothing."""
    standing = memory.standing(windows.assets[number].id)
    if not standing:
        return ()
    rows = np.flatnonzero(windows.owner == number)
    heard = {windows.channels[row].key for row in rows if not np.isnan(windows.values[row]).all()}
    return tuple(replace(e, reference=reference_of(e)) for e in standing if e.channel not in heard)


def continued(evidence: Evidence, carried: Carried) -> Evidence:
    """Evidence that a look sees by itself, measured by what it was measured by when it was flagged."""
    return replace(evidence, reference=_reference(carried, evidence.score), noticed=carried.evidence.noticed)


def carried_evidence(windows: Windows, row: int, carried: Carried, timezone: ZoneInfo) -> Evidence:
    """What is said now of what stands since an earlier look: against what it was before it was flagged."""
    before, expected = carried.evidence, reference_of(carried.evidence).expected
    since, between = steady(began(windows, row, carried.sign > 0), before)
    facts = Facts(
        channel=windows.channels[row],
        figure=windows.figures[row],
        detector=before.detector,
        pattern="standing",
        value=carried.now,
        expected=expected,
        since=since,
        between=between,
        end=windows.end,
        zone=timezone,
    )
    series, _ = to_draw(windows, row)
    return replace(
        before,
        since=since,
        since_between=between,
        value=carried.now,
        expected=expected,
        score=carried.strength,
        crosses_limit_at=None,
        crosses_between=None,
        sentence=sentence(facts),
        series=series,
        usual=tuple(None if value is None else expected for value in series),
        reference=_reference(carried, carried.strength),
    )


def _reference(carried: Carried, strength: float) -> Reference:
    before = reference_of(carried.evidence)
    largest = max(before.shift, carried.now - before.expected, key=lambda shift: shift * carried.sign)
    return Reference(expected=before.expected, shift=largest, score=max(before.score, strength))


def strengthened(strength: FloatArray, found: dict[int, Carried]) -> FloatArray:
    """Scores of the series, no lower than what stands of an earlier look."""
    out = strength.copy()
    for row, carried in found.items():
        out[row] = max(out[row], carried.strength)
    return out
