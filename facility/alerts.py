"""Alerts: something is wrong now, or is about to be, and a person should know.

The life cycle follows ISA-18.2: an alert is open until the condition is normal again *and* somebody has acknowledged
it, or until somebody closes it. Each cause has at most one open alert.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facility.i18n.phrases import Text


class Severity(StrEnum):
    HIGH = "high"  # act now
    MEDIUM = "medium"  # act today
    LOW = "low"  # look at it on the next round


class Source(StrEnum):
    """What speaks: a reading beyond its limit, or a model."""

    LIMIT = "limit"
    EQUIPMENT = "equipment"
    SENSOR = "sensor"


class AlertState(StrEnum):
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"  # normal again, but nobody has acknowledged it yet
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One cause at one asset. All times UTC."""

    id: int
    asset: str
    cause: str  # unique among open alerts
    channel: str  # "" where no single channel speaks
    source: Source
    severity: Severity
    title: Text
    reason: Text
    opened_at: datetime
    last_seen_at: datetime  # when the condition was last found to hold
    returned_at: datetime | None = None  # since when it is normal again
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    closed_at: datetime | None = None
    closed_by: str = ""
    note: str = ""
    follows: int | None = None  # the alert of the same cause that was closed before
    began: datetime | None = None  # onset of what is wrong, as far as can be told; `opened_at` is when it was noticed
    began_after: datetime | None = None  # 90 % interval of the onset
    began_before: datetime | None = None
    assigned_to: str = ""
    shelved_until: datetime | None = None  # put aside by somebody until then; it goes on being evaluated
    shelved_by: str = ""
    shelved_why: str = ""

    def shelved(self, now: datetime) -> bool:
        """Whether somebody put it aside for a time that is not over (ISA-18.2: shelved)."""
        return self.closed_at is None and self.shelved_until is not None and now < self.shelved_until

    @property
    def state(self) -> AlertState:
        if self.closed_at is not None:
            return AlertState.CLOSED
        if self.acknowledged_at is not None:
            return AlertState.ACKNOWLEDGED
        return AlertState.UNACKNOWLEDGED if self.returned_at is None else AlertState.RETURNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One entry of an alert's trail: who did what, when. `who` is "" for the system itself."""

    alert: int
    at: datetime
    who: str
    what: str  # opened, worsened, returned, recurred, acknowledged, assigned, commented, shelved, unshelved, closed
    note: str = ""
