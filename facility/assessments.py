"""What a model believes about an asset at one moment, and why.

Models write assessments; alerts, plans and the dashboard read them. Nothing here knows how they were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facility.i18n.phrases import Text


class Trouble(StrEnum):
    """Equipment trouble and sensor trouble are told apart: a broken sensor is no broken lift."""

    EQUIPMENT = "equipment"
    SENSOR = "sensor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One pattern in one channel that speaks for trouble."""

    channel: str
    detector: str  # which detector saw it
    trouble: Trouble
    pattern: str  # level, trend, step, variance, rate, missing, stuck, spikes, unit, clock, limit, history
    since: datetime | None  # UTC; when it began, as far as can be told
    value: float  # the channel's recent level, in its unit
    expected: float  # what it should be, in its unit
    score: float  # how strange, in robust standard deviations of the asset's own healthy past
    crosses_limit_at: datetime | None  # UTC; None if it is not heading for a limit
    sentence: Text  # the same in words
    crosses_between: tuple[datetime, datetime | None] | None = None  # UTC; 90 % interval, open if it may never be
    series: tuple[float | None, ...] = ()  # the channel's daily figures up to the as-of time, oldest first; to draw it
    usual: tuple[float | None, ...] = ()  # what each of them should have been


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
