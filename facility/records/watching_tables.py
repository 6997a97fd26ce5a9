"""Tables of what the watcher remembers, and of what it holds back and why."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from facility.records.tables import Table


class WatchingRow(Table):
    """How far the watcher has looked."""

    __tablename__ = "watching"  # one row
    id: Mapped[int] = mapped_column(primary_key=True)
    cursor: Mapped[str]
    store: Mapped[str]
    looked_at: Mapped[datetime]


class WatchTrackRow(Table):
    """What the watcher remembers of a condition that is not simply good."""

    __tablename__ = "watch_track"
    asset: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    code: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[dict[str, Any]]


class HeldBackRow(Table):
    """A condition that was not told, and why."""

    __tablename__ = "held_back"
    id: Mapped[int] = mapped_column(primary_key=True)
    cause: Mapped[str] = mapped_column(index=True)
    asset: Mapped[str] = mapped_column(index=True)
    channel: Mapped[str]
    reason: Mapped[str] = mapped_column(String(20))
    detail_zh: Mapped[str]
    detail_en: Mapped[str]
    since: Mapped[datetime]
    until: Mapped[datetime | None] = mapped_column(index=True)
