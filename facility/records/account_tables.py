"""Tables of accounts, their sessions and failures, and of what was changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from facility.records.tables import Table


class AccountRow(Table):
    """Who may sign in; the password only as an argon2 hash."""

    __tablename__ = "account"
    name: Mapped[str] = mapped_column(primary_key=True)
    display: Mapped[str]
    language: Mapped[str] = mapped_column(String(5))
    roles: Mapped[list[Any]]
    sites: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))  # null = every site
    disabled: Mapped[bool]
    password: Mapped[str]
    created_at: Mapped[datetime]
    password_at: Mapped[datetime]


class AccountSessionRow(Table):
    """A browser that is signed in, by the hash of its token."""

    __tablename__ = "account_session"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("account.name"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    address: Mapped[str]
    ended_at: Mapped[datetime | None]


class SignInCountRow(Table):
    """Sign-ins that failed one after the other, by name and by address."""

    __tablename__ = "sign_in_count"
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]
    until: Mapped[datetime]


class AuditRow(Table):
    """Changes that no other trail holds; rows are only added."""

    __tablename__ = "audit_entry"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    who: Mapped[str]
    area: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str]
    what: Mapped[str] = mapped_column(String(30))
    note: Mapped[str]
    address: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
