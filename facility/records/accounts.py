"""Accounts, their sessions, and how often a sign-in failed. What may be done with them is decided in `serviceday`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import LABEL_STYLE_TABLENAME_PLUS_COL, Connection, Engine, delete, func, insert, select, update

from facility.accounts import Account, Role, Session
from facility.audit import Entry
from facility.errors import CannotDo
from facility.records.account_tables import AccountRow, AccountSessionRow, SignInCountRow
from facility.records.audit import add_entry
from facility.records.opening import writing
from facility.records.reading import read_row, read_rows
from facility.records.tables import table_of

_ACCOUNTS = table_of(AccountRow)
_SESSIONS = table_of(AccountSessionRow)
_COUNTS = table_of(SignInCountRow)
_KEPT = timedelta(days=30)  # a session that began before is over for long


class AccountRecords:
    """Accounts, the hashes of their passwords, and their sessions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def exist(self) -> bool:
        """Whether there are accounts, disabled ones among them."""
        with self._engine.connect() as connection:
            return connection.execute(select(_ACCOUNTS.c.name).limit(1)).first() is not None

    def all(self) -> list[Account]:
        with self._engine.connect() as connection:
            return read_rows(_account, connection.execute(select(_ACCOUNTS).order_by(_ACCOUNTS.c.name)), "account")

    def get(self, name: str) -> Account:
        """Raises `CannotDo` if there is none of that name."""
        with self._engine.connect() as connection:
            return _get(connection, name)

    def password_hash(self, name: str) -> str | None:
        """The argon2 hash of an account, None where there is no account."""
        with self._engine.connect() as connection:
            return connection.execute(select(_ACCOUNTS.c.password).where(_ACCOUNTS.c.name == name)).scalar()

    def add(self, account: Account, password: str, entry: Entry) -> None:
        """A new account with the hash of its password. Raises `CannotDo` if the name is taken."""
        with writing(self._engine) as connection:
            taken = connection.execute(select(_ACCOUNTS.c.name).where(_ACCOUNTS.c.name == account.name)).first()
            if taken is not None:
                raise CannotDo(
                    "there is an account {name} already",
                    "Choose another name, or change it with `serviceday user change`",
                    name=account.name,
                )
            moments = {"created_at": entry.at, "password_at": entry.at}
            connection.execute(insert(_ACCOUNTS).values(**_values(account), **moments, password=password))
            add_entry(connection, entry)

    def change(self, account: Account, make_entry: Callable[[Account], Entry], *, end: bool) -> int:
        """Put an account's new state; `make_entry` is given the state before. `end`: its sessions end.

        Returns how many sessions ended.
        """
        with writing(self._engine) as connection:
            entry = make_entry(_get(connection, account.name))
            connection.execute(update(_ACCOUNTS).where(_ACCOUNTS.c.name == account.name).values(**_values(account)))
            add_entry(connection, entry)
            return _end(connection, account.name, entry.at) if end else 0

    def set_password(self, name: str, password: str, entry: Entry) -> int:
        """Another password's hash; every session of the account ends. Returns how many did."""
        with writing(self._engine) as connection:
            _get(connection, name)
            new = {"password": password, "password_at": entry.at}
            connection.execute(update(_ACCOUNTS).where(_ACCOUNTS.c.name == name).values(new))
            connection.execute(delete(_COUNTS).where(_COUNTS.c.key == account_key(name)))
            add_entry(connection, entry)
            return _end(connection, name, entry.at)

    def rehash(self, name: str, password: str) -> None:
        """The same password under newer parameters."""
        with writing(self._engine) as connection:
            connection.execute(update(_ACCOUNTS).where(_ACCOUNTS.c.name == name).values(password=password))

    def open_session(self, session: Session, entry: Entry, *, instead: str = "") -> None:
        """Begin a session; the one with the digest `instead`, which the browser had before, ends."""
        with writing(self._engine) as connection:
            connection.execute(delete(_SESSIONS).where(_SESSIONS.c.created_at < entry.at - _KEPT))
            former = (_SESSIONS.c.digest == instead) & _SESSIONS.c.ended_at.is_(None)
            connection.execute(update(_SESSIONS).where(former).values(ended_at=entry.at))
            values = {name: getattr(session, name) for name in Session.__dataclass_fields__}
            connection.execute(insert(_SESSIONS).values(values))
            add_entry(connection, entry)

    def session(self, digest: str) -> tuple[Session, Account] | None:
        """A session, ended ones too, with its account as it is now."""
        query = select(_SESSIONS, _ACCOUNTS).join_from(_SESSIONS, _ACCOUNTS).where(_SESSIONS.c.digest == digest)
        with self._engine.connect() as connection:
            row = connection.execute(query.set_label_style(LABEL_STYLE_TABLENAME_PLUS_COL)).mappings().one_or_none()
        if row is None:
            return None
        return _session(_Part(row, "account_session")), read_row(_account, _Part(row, "account"), "account")

    def seen(self, digest: str, at: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(_SESSIONS).where(_SESSIONS.c.digest == digest).values(seen_at=at))

    def sessions(self, name: str = "") -> list[Session]:
        """Sessions that nobody ended, newest first; of one account or of all."""
        query = select(_SESSIONS).where(_SESSIONS.c.ended_at.is_(None)).order_by(_SESSIONS.c.created_at.desc())
        if name:
            query = query.where(_SESSIONS.c.account == name)
        with self._engine.connect() as connection:
            return read_rows(_session, connection.execute(query), "account_session")

    def end_session(self, digest: str, entry: Entry) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(_SESSIONS).where(_SESSIONS.c.digest == digest).values(ended_at=entry.at))
            add_entry(connection, entry)

    def end_sessions(self, name: str, entry: Entry) -> int:
        """End every session of an account; returns how many there were."""
        with writing(self._engine) as connection:
            _get(connection, name)
            ended = _end(connection, name, entry.at)
            add_entry(connection, entry)
            return ended

    def attempt(
        self, limits: Iterable[tuple[str, Callable[[int], timedelta]]], *, now: datetime, forget: timedelta
    ) -> datetime | None:
        """Count an attempt before it is looked at, so that many at once are as slow as one after the other.

        `limits` are (key, pause after so many failures). Gives until when attempts of a key wait, and counts nothing
        then; or None: this one may be tried. Counts without an attempt for `forget` are forgotten.
        """
        with writing(self._engine) as connection:
            connection.execute(delete(_COUNTS).where(_COUNTS.c.last_at < now - forget))
            counted: list[dict[str, Any]] = []
            waiting: list[datetime] = []
            for key, pause in limits:
                row = connection.execute(select(_COUNTS).where(_COUNTS.c.key == key)).one_or_none()
                failures = (row.failures if row else 0) + 1
                counted.append({"key": key, "failures": failures, "last_at": now, "until": now + pause(failures)})
                if row is not None and row.until > now:
                    waiting.append(row.until)
            if waiting:
                return max(waiting)
            for values in counted:
                connection.execute(delete(_COUNTS).where(_COUNTS.c.key == values["key"]))
                connection.execute(insert(_COUNTS).values(values))
            return None

    def succeeded(self, account: str, address: str, *, now: datetime) -> None:
        """The attempt was right: the account's count is cleared, the address loses only this one."""
        with writing(self._engine) as connection:
            connection.execute(delete(_COUNTS).where(_COUNTS.c.key == account))
            less = {"failures": _COUNTS.c.failures - 1, "until": now}
            connection.execute(update(_COUNTS).where(_COUNTS.c.key == address).values(less))

    def failures(self, key: str) -> int:
        with self._engine.connect() as connection:
            query = select(func.coalesce(func.max(_COUNTS.c.failures), 0)).where(_COUNTS.c.key == key)
            return int(connection.execute(query).scalar_one())


def account_key(name: str) -> str:
    """Under which failures of a name are counted, whether there is such an account or not.

    What was typed is not kept: it may be a password in the wrong field.
    """
    return f"account:{hashlib.sha256(name.encode(errors='replace')).hexdigest()}"


class _Part:
    """The columns of one table of a joined row."""

    def __init__(self, row: Any, table: str) -> None:
        self._row, self._table = row, table

    def __getattr__(self, name: str) -> Any:
        return self._row[f"{self._table}_{name}"]


def _end(connection: Connection, name: str, at: datetime) -> int:
    running = (_SESSIONS.c.account == name) & _SESSIONS.c.ended_at.is_(None)
    return connection.execute(update(_SESSIONS).where(running).values(ended_at=at)).rowcount


def _get(connection: Connection, name: str) -> Account:
    row = connection.execute(select(_ACCOUNTS).where(_ACCOUNTS.c.name == name)).one_or_none()
    if row is None:
        raise CannotDo("there is no account {name!r}", "`serviceday user list` shows those there are", name=name)
    return read_row(_account, row, "account")


def _account(row: Any) -> Account:
    return Account(
        name=row.name,
        display=row.display,
        language=row.language,
        roles=frozenset(Role(role) for role in row.roles),
        sites=None if row.sites is None else frozenset(row.sites),
        disabled=row.disabled,
        created_at=row.created_at,
    )


def _session(row: Any) -> Session:
    return Session(**{name: getattr(row, name) for name in Session.__dataclass_fields__})


def _values(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "display": account.display,
        "language": account.language,
        "roles": sorted(account.roles),
        "sites": None if account.sites is None else sorted(account.sites),
        "disabled": account.disabled,
    }
