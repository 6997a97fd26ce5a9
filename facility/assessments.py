"""What a model believes about an asset at one moment, and why.

Models write assessments; alerts, plans and the dashboard read them. Nothing here knows how they were made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facility.language import Text


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
