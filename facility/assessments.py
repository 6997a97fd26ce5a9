"""What a model believes about an asset at one moment, and why.

Models write assessments; alerts, plans and the dashboard read them. Nothing here knows how they were made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facility.i18n.phrases import Text

COMMON = "common"  # pattern of evidence: many assets of a class at a site did the same at the same time


class Trouble(StrEnum):
    """Equipment trouble and sensor trouble are told apart: a broken sensor is no broken lift."""

    EQUIPMENT = "equipment"
    SENSOR = "sensor"


class Knowledge(StrEnum):
    """How much is known of an asset: no data is not good news, and each kind of not knowing has its name."""

    ASSESSED = "assessed"
    TOO_LITTLE = "too_little_data"
    NEVER_HEARD = "never_heard"  # nothing at all, as far back as assessments look
    NOT_ASSESSED = "not_assessed"  # nobody has asked yet, nothing it sends can be judged, or the assessment failed


@dataclass(frozen=True, slots=True)
class Reference:
    """What a channel that was flagged is measured by until somebody records an outcome."""

    expected: float  # what it should be, in the channel's unit, as it was when it was flagged
    shift: float  # the largest distance from it that was seen, signed
    score: float  # how strange that was


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One pattern in one channel that speaks for trouble."""

    channel: str
    detector: str  # which detector saw it
    trouble: Trouble
    pattern: str  # level, trend, step, variance, rate, missing, stuck, spikes, unit, clock, limit, history, common
    since: datetime | None  # UTC; when it began, as far as can be told
    value: float  # the channel's recent level, in its unit
    expected: float  # what it should be, in its unit
    score: float  # how strange, in robust standard deviations of the asset's own healthy past
    crosses_limit_at: datetime | None  # UTC; None if it is not heading for a limit
    sentence: Text  # the same in words
    crosses_between: tuple[datetime, datetime | None] | None = None  # UTC; 90 % interval, open if it may never be
    series: tuple[float | None, ...] = ()  # the channel's daily figures up to the as-of time, oldest first; to draw it
    usual: tuple[float | None, ...] = ()  # what each of them should have been
    since_between: tuple[datetime | None, datetime] | None = None  # UTC; 90 % interval of `since`, open to the past
    noticed: datetime | None = None  # UTC; the look at which it was first told of, if its asset was flagged then
    reference: Reference | None = None  # of evidence that stands since an earlier assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class Prognosis:
    """What comes of it, and what else it could be."""

    consequence: float  # weight of a failure: 1 = an ordinary asset that few depend on
    days_to_limit: float | None = None  # until the first channel is outside its limit, at the present pace
    days_between: tuple[float, float | None] | None = None  # 90 % interval of it; open if it may never come
    alternatives: tuple[str, ...] = ()  # other failure modes with some of the same signs, likeliest first
    refuted_if: Text | None = None  # what would speak against the likely mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What is believed of one asset at `as_of`, from readings strictly before it."""

    asset: str
    as_of: datetime  # UTC
    horizon_days: float
    probability: float  # 0..1: equipment needs attention within the horizon
    sensor_probability: float  # 0..1: a sensor of it needs attention
    flagged: bool  # probability at or above the model's threshold
    score: float  # what the ranking is sorted by; higher is worse
    mode: str  # likeliest failure mode of the catalogue, "" if none fits
    reason: Text  # one sentence: what, since when, how much, compared with what, when it will matter
    coverage: float  # 0..1: share of the expected data that was there
    model: str  # version of the model that says so
    evidence: tuple[Evidence, ...] = ()  # strongest first
    prognosis: Prognosis | None = None
    state: Knowledge = Knowledge.ASSESSED
    failure: str = ""  # what broke its assessment, so that it was set aside; "" if nothing did

    @property
    def tells_health(self) -> bool:
        """Is what it says about the asset worth an all-clear?"""
        return self.state is Knowledge.ASSESSED


def knowledge(assessment: Assessment | None) -> Knowledge:
    """The state of an asset by its newest assessment; without one it is not assessed."""
    return Knowledge.NOT_ASSESSED if assessment is None else assessment.state


def by_knowledge(asset_ids: Iterable[str], latest: Mapping[str, Assessment]) -> dict[Knowledge, list[str]]:
    """Ids of the assets in each state, in the order given; every state is there, empty or not."""
    out: dict[Knowledge, list[str]] = {state: [] for state in Knowledge}
    for asset in asset_ids:
        out[knowledge(latest.get(asset))].append(asset)
    return out
