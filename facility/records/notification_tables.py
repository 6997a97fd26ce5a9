"""Tables of what was told, and of what was not and why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from facility.records.tables import Table


class NotificationRow(Table):
    """A message to one receiver by one channel; kept before it is sent."""

    __tablename__ = "notification"
    __table_args__ = (
        Index("ix_notification_state_due_at", "state", "due_at"),
        Index("ix_notification_receiver_queued_at", "receiver", "queued_at"),
        UniqueConstraint("key", name="uq_notification_key"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    alert: Mapped[int] = mapped_column(index=True)
    step: Mapped[int]
    level: Mapped[int]
    receiver: Mapped[str]
    channel: Mapped[str]
    what: Mapped[str]
    route: Mapped[str]
    severity: Mapped[str]
    state: Mapped[str] = mapped_column(String(20))
    queued_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime]
    reason: Mapped[str]
    detail: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str] = mapped_column(String)  # whole, as it was told; a digest may be long
    ways: Mapped[list[str]] = mapped_column(JSON)
    attempts: Mapped[int]
    parts: Mapped[int]
    failing_since: Mapped[datetime | None]
    error: Mapped[str]
    sent_at: Mapped[datetime | None]
    parcel: Mapped[str]


class NotificationAttemptRow(Table):
    """One try to send; rows are only added."""

    __tablename__ = "notification_attempt"
    __table_args__ = (Index("ix_notification_attempt_channel_at", "channel", "at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime]
    channel: Mapped[str]
    outcome: Mapped[str] = mapped_column(String(20))
    error: Mapped[str]


class NotificationLookRow(Table):
    """An alert to look at again at a moment."""

    __tablename__ = "notification_look"
    __table_args__ = (
        UniqueConstraint("alert", "step", "what", "level", "route", "due_at", name="uq_notification_look_alert"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    alert: Mapped[int]
    step: Mapped[int]
    what: Mapped[str]
    level: Mapped[int]
    route: Mapped[str]
    due_at: Mapped[datetime] = mapped_column(index=True)


class NotificationChannelRow(Table):
    """How a channel does."""

    __tablename__ = "notification_channel"
    name: Mapped[str] = mapped_column(primary_key=True)
    sent_at: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    error: Mapped[str]
    told_at: Mapped[datetime | None]


class NotificationCursorRow(Table):
    """How far the alerts' trail was followed, and where that began. One row."""

    __tablename__ = "notification_cursor"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    step: Mapped[int]
    start: Mapped[int]
    at: Mapped[datetime]


class AcknowledgementTokenRow(Table):
    """A link that was used; each is good once."""

    __tablename__ = "acknowledgement_token"
    nonce: Mapped[str] = mapped_column(primary_key=True)
    alert: Mapped[int]
    used_at: Mapped[datetime]
    used_by: Mapped[str]
