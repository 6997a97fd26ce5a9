"""Equipment availability (设备完好率): 1 - hours in alarm / hours counted.

Only hours that were heard count: those of assets that were assessed, by the share of the time for which there is data.
An alarm is a reading beyond its limit or a fault code; what a model merely expects is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from facility.alerts import Alert, Source
from facility.records import Records

PERIOD = timedelta(days=30)
HEARD = timedelta(days=2)  # an asset counts if it was assessed so shortly before the end, or on the day that follows
_ALARMS = (Source.LIMIT, Source.FAULT)
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """Of the assets that were heard, over the period before a moment."""

    counted_hours: float
    alarm_hours: float
    assets: int

    @property
    def value(self) -> float:
        """0..1."""
        return 1 - self.alarm_hours / self.counted_hours


def availability(records: Records, alerts: Iterable[Alert], *, until: datetime) -> Availability | None:
    """Over the thirty days before `until`. None where no asset was heard, so that nothing can be said."""
    coverage = records.assessments.coverage(since=until - HEARD, before=until + _DAY)
    by_asset: dict[str, list[tuple[datetime, datetime]]] = {}
    for alert in alerts:
        if alert.source in _ALARMS and alert.asset in coverage:
            end = alert.returned_at or alert.closed_at or until
            by_asset.setdefault(alert.asset, []).append((alert.opened_at, end))
    counted = {asset: share * (PERIOD / _HOUR) for asset, share in coverage.items() if share > 0}
    if not counted:
        return None
    alarms = {
        asset: min(hours_of(spans, since=until - PERIOD, until=until), counted[asset])
        for asset, spans in by_asset.items()
        if asset in counted
    }
    return Availability(counted_hours=sum(counted.values()), alarm_hours=sum(alarms.values()), assets=len(counted))


def hours_of(spans: Sequence[tuple[datetime, datetime]], *, since: datetime, until: datetime) -> float:
    """Hours within a period that lie in any of the spans; what overlaps counts once."""
    total, reached = timedelta(0), since
    for start, end in sorted(spans):
        start, end = max(start, reached), min(end, until)
        if end > start:
            total += end - start
            reached = end
    return total / _HOUR
