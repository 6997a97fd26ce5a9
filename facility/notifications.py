"""Messages to people: what was told to whom by which channel, and what was held back, and why.

One row a message and receiver, kept before it is sent. Its key says what it is about, so that whoever gets it twice can
tell: alert, step of the alert's trail, level of escalation, receiver, channel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from facility.alerts import Severity

DEAD_AFTER = timedelta(minutes=2)


class MessageState(StrEnum):
    """Where a message stands on its way to a person."""

    QUEUED = "queued"
    COLLECTED = "collected"  # waits to be told together with others
    SENT = "sent"
    FAILED = "failed"
    HELD = "held"  # not told; the reason says why


class Reason(StrEnum):
    """Why somebody was not told, or not at once, or not by this channel."""

    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    CLOSED = "closed"
    SHELVED = "shelved"
    WINDOW = "window"
    NO_ROUTE = "no_route"
    NOBODY_ON_DUTY = "nobody_on_duty"
    NO_ADDRESS = "no_address"  # whoever it was has left the rules
    SUPERSEDED = "superseded"  # a later step of the same alert says more
    DIGEST = "digest"
    QUIET = "quiet"
    FLOOD = "flood"
    REPLACED = "replaced"  # another channel tells it
    REFUSED = "refused"
    GAVE_UP = "gave_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one receiver by one channel. All times UTC."""

    key: str
    alert: int  # 0 where it is about none, or about several
    step: int  # of the alert's trail
    level: int  # of escalation; 0 is the first
    receiver: str  # person:NAME or channel:NAME
    channel: str
    what: str  # the step that it tells, or digest, summary, channel_dead
    route: str
    severity: Severity
    state: MessageState
    queued_at: datetime
    due_at: datetime  # not to be tried before
    reason: Reason | None = None
    detail: str = ""
    subject: str = ""
    body: str = ""
    ways: tuple[str, ...] = ()  # channels to try after this one
    attempts: int = 0
    parts: int = 0  # that have arrived, of one that was split
    failing_since: datetime | None = None
    error: str = ""
    sent_at: datetime | None = None
    parcel: str = ""  # key of the message that told it instead
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """An alert to look at again: whether it must be escalated, or told after what held it back is over."""

    alert: int
    step: int
    what: str
    level: int
    route: str  # of an escalation; "" looks for one
    due_at: datetime
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHealth:
    """How a channel does. It is failing since the first failure after which nothing arrived."""

    name: str
    sent_at: datetime | None = None
    failing_since: datetime | None = None
    tried_at: datetime | None = None
    error: str = ""
    told_at: datetime | None = None  # when somebody was told that it is dead

    def dead(self, now: datetime) -> bool:
        """Whether nothing has arrived by it for `DEAD_AFTER` although it was tried."""
        return self.failing_since is not None and now - self.failing_since >= DEAD_AFTER


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a message, or a part of it."""

    key: str
    at: datetime
    channel: str
    outcome: str  # sent, later, refused, or unaddressed where the fault is the receiver's address
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What one pass decided, kept all or nothing."""

    cursor: int  # the last step of the trail that was looked at
    messages: list[Message] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    looked: list[int] = field(default_factory=list)  # ids of the looks that were taken
    parcels: dict[str, list[str]] = field(default_factory=dict)  # keys that a message tells together
