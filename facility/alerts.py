"""Alerts: something is wrong now, or is about to be, and a person should know.

The life cycle follows ISA-18.2: an alert is open until the condition is normal again *and* somebody has acknowledged
it, or until somebody closes it. Each cause has at most one open alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facility.i18n.phrases import Text


class Severity(StrEnum):
    """How soon somebody must act."""

    HIGH = "high"  # act now
    MEDIUM = "medium"  # act today
    LOW = "low"  # look at it on the next round

    @property
    def rank(self) -> int:
        """0 for what comes first."""
        return tuple(Severity).index(self)


class Source(StrEnum):
    """What speaks: a reading beyond its limit, the equipment itself, a model, or nobody where somebody should."""

    LIMIT = "limit"
    FAULT = "fault"  # a code by which equipment says what is wrong with it
    EQUIPMENT = "equipment"
    SENSOR = "sensor"
    SILENCE = "silence"  # what should report does not
    SYSTEM = "system"  # what takes readings in or keeps them is not well


class AlertState(StrEnum):
    """Where an alert stands in its life (ISA-18.2)."""

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
    what: str  # one of the transitions of `facility.alert_life`, or assigned, commented, shelved, unshelved
    note: str = ""


class Reason(StrEnum):
    """Why a condition that is bad is not told."""

    DWELL = "dwell"  # not for long enough, or not often enough, yet
    INHIBITED = "inhibited"  # something else that is wrong explains it
    CHATTERING = "chattering"  # it comes and goes: one alert stands for it until it has been calm
    OUT_OF_USE = "out_of_use"  # somebody said that the asset is not in use
    NOT_IN_SERVICE = "not_in_service"  # under maintenance, say: what is measured then is no alarm


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldBack:
    """A condition that was not told, and why. Times UTC."""

    cause: str
    asset: str
    channel: str
    reason: Reason
    detail: Text
    since: datetime
    until: datetime | None = None  # None: it still is


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What a watcher remembers of one condition, as plain values."""

    asset: str
    channel: str
    code: int  # -1 where it is about a limit
    body: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """How far a watcher has come in what is stored. Times UTC."""

    cursor: str
    store: str  # identity of the store that the cursor is of
    looked_at: datetime
