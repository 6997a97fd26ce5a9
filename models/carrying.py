"""Evidence that stands since an earlier look: how much of it is still there, and what is said of it now."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence, Reference
from facility.i18n.phrases import Text
from models import wording
from models.assessment.evidence import in_plain_units, recent_figure, to_draw
from models.features.windows import Figure, Windows
from models.memory import LASTING, Memory, lasting, reference_of
from models.statistics import FloatArray

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
    found: dict[int, Carried] = {}
    for row in np.flatnonzero([bool(standing[int(owner)]) for owner in windows.owner]):
        number = int(row)
        channel, figure = windows.channels[number].key, windows.figures[number]
        for evidence in standing[int(windows.owner[number])]:
            wanted = FIGURE_OF.get(evidence.pattern)
            fits = figure is wanted if wanted else figure not in FIGURE_OF.values()
            silent = bool(np.isnan(windows.values[number, -3:]).all())
            if evidence.channel != channel or not fits or (windows.excluded[number] and not silent):
                continue
            now = in_plain_units(windows, number, recent_figure(windows.values[number]))
            share = lasting(evidence, now)
            if share >= LASTING:
                found[number] = Carried(evidence, share, now)
            break
    return found


def unheard(windows: Windows, number: int, memory: Memory) -> tuple[Evidence, ...]:
    """Evidence that stands against an asset in channels of which these days hold nothing: silence mends nothing."""
    standing = memory.standing(windows.assets[number].id)
    if not standing:
        return ()
    rows = np.flatnonzero(windows.owner == number)
    heard = {windows.channels[row].key for row in rows if not np.isnan(windows.values[row]).all()}
    return tuple(replace(e, reference=reference_of(e)) for e in standing if e.channel not in heard)


def carried_evidence(windows: Windows, row: int, carried: Carried, strength: float, timezone: ZoneInfo) -> Evidence:
    """What is said of it now: against what it was before it was flagged, and since when."""
    before = carried.evidence
    largest = max(reference_of(before).shift, carried.now - before.expected, key=abs)
    reference = Reference(shift=largest, score=max(reference_of(before).score, strength))
    series, _ = to_draw(windows, row)
    usual = tuple(None if value is None else before.expected for value in series)
    return replace(
        before,
        value=carried.now,
        score=strength,
        crosses_limit_at=None,
        crosses_between=None,
        sentence=_sentence(windows, row, carried, timezone),
        series=series,
        usual=usual,
        reference=reference,
    )


def strengthened(strength: FloatArray, found: dict[int, Carried]) -> FloatArray:
    """Scores of the series, no lower than what stands of an earlier look."""
    out = strength.copy()
    for row, one in found.items():
        out[row] = max(out[row], one.strength)
    return out


def _sentence(windows: Windows, row: int, carried: Carried, timezone: ZoneInfo) -> Text:
    channel, share = windows.channels[row], windows.figures[row] is Figure.SHARE
    unit, factor = ("%", 100.0) if share else (channel.unit, 1.0)
    since = carried.evidence.since
    key = "standing_spread" if windows.figures[row] is Figure.SPREAD else "standing"
    words = wording.say(
        key if since is not None else "standing_long",
        name=wording.lower_first(channel.name),
        moved=wording.say("up" if carried.now > carried.evidence.expected else "down"),
        since=wording.day(since, timezone) if since is not None else "",
        value=wording.quantity(factor * carried.now, unit),
        expected=wording.quantity(factor * carried.evidence.expected, unit),
    )
    return wording.sentence_case(words)
