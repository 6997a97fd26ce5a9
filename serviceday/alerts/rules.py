"""What is judged of every channel, compiled from the catalogue: bands, codes and dwell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from facility.alerts import Severity
from facility.catalogue.alarm import Alarm
from facility.catalogue.catalogue import Aggregate, Channel, catalogue
from serviceday.alerts.limits import FAR_BEYOND, deadband, excess_scale

SINGLE = (Aggregate.SPARSE, Aggregate.DAILY)
LOOKED_BACK = timedelta(days=1)  # at least, when a condition is made out anew from the store


@dataclass(frozen=True, slots=True)
class Rule:
    """One channel of one class, with all that judging its readings needs."""

    channel: Channel

    @property
    def alarm(self) -> Alarm:
        return self.channel.alarm

    @property
    def stands(self) -> bool:
        """Whether a value holds until the next: a state is sent when it changes."""
        return self.channel.aggregate is Aggregate.STATE

    @property
    def in_any_mode(self) -> bool:
        """Whether it counts though the equipment is not in normal use."""
        return self.alarm.always or self.channel.aggregate in SINGLE

    @property
    def depth(self) -> timedelta:
        """How far back readings matter to what holds now."""
        return max(LOOKED_BACK, (1 if self.channel.aggregate in SINGLE else 2) * self.channel.stale_after)

    def severity_of(self, code: int) -> Severity:
        return self.alarm.codes[code]


def rules() -> dict[tuple[str, str], Rule]:
    """Every channel that is watched, by class and key."""
    return {
        (kind.key, channel.key): Rule(channel)
        for kind in catalogue().values()
        for channel in kind.channels.values()
        if channel.watched
    }


def bands(compiled: Mapping[tuple[str, str], Rule]) -> pl.DataFrame:
    """The rules as a table to join readings with: one row a channel.

    Columns: kind, channel (str); low, high, low_good, high_good, possible_low, possible_high, far (f64); codes
    (list[f64]).
    """
    rows = []
    for (kind, key), rule in compiled.items():
        channel = rule.channel
        margin = deadband(channel) if channel.limit.bounded else 0.0
        rows.append(
            {
                "kind": kind,
                "channel": key,
                "low": channel.limit.low,
                "high": channel.limit.high,
                "low_good": channel.limit.low + margin,
                "high_good": channel.limit.high - margin,
                "possible_low": channel.physical.low,
                "possible_high": channel.physical.high,
                "far_low": _far(channel, channel.limit.low, -1),
                "far_high": _far(channel, channel.limit.high, 1),
                "codes": [float(code) for code in channel.alarm.codes],
            }
        )
    return pl.DataFrame(rows, schema_overrides={"codes": pl.List(pl.Float64)})


def _far(channel: Channel, limit: float, way: int) -> float:
    """The value from which an excess is grave; a state has no size, and a daily figure is yesterday's news."""
    if channel.aggregate in (Aggregate.STATE, Aggregate.DAILY) or limit in (float("inf"), float("-inf")):
        return way * float("inf")
    return limit + way * FAR_BEYOND * excess_scale(channel, limit)
