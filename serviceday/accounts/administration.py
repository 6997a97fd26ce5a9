"""Accounts as administrators change them on a page: rights are read afresh, and nobody shuts themselves out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from facility.accounts import Account, Action, Role
from facility.errors import CannotDo
from facility.records import Records
from serviceday.accounts.acting import Acting
from serviceday.accounts.service import Accounts, name_of


class Administration:
    """What one administrator may do. Every public method raises `CannotDo` for whoever is none."""

    def __init__(self, records: Records, session: str, *, now: datetime | None = None) -> None:
        """`session` is the digest of the session that acts."""
        self._kept, self._accounts = records.accounts, Accounts(records)
        self._acting = Acting(records, session, now=now)
        self._now = now or datetime.now(UTC)

    def all(self) -> list[Account]:
        """Every account, by name."""
        self._who()
        return sorted(self._kept.all(), key=lambda account: account.name)

    def running(self, name: str) -> int:
        """In how many browsers somebody is signed in."""
        self._who()
        return len(self._accounts.sessions(name, now=self._now))

    def add(self, account: Account, password: str) -> Account:
        """A new account; see `Accounts.add`."""
        return self._accounts.add(account, password, by=self._who(), now=self._now)

    def change(self, account: Account) -> int:
        """Put what an account is to be; returns how many sessions ended. One's own stays an administrator's."""
        who = self._who()
        own = name_of(account.name) == who
        if own and (account.disabled or Role.ADMINISTRATOR not in account.roles):
            raise CannotDo("{name} cannot shut themselves out", "Another administrator has to do it", name=who)
        former = self._kept.get(name_of(account.name))
        return self._accounts.change(replace(account, created_at=former.created_at), by=who, now=self._now)

    def set_password(self, name: str, password: str) -> int:
        """Another password for somebody who has lost theirs; returns how many sessions ended."""
        return self._accounts.set_password(name, password, by=self._who(), now=self._now)

    def end_sessions(self, name: str) -> int:
        """Sign somebody out everywhere; returns how many sessions ended."""
        return self._accounts.end_sessions(name, by=self._who(), now=self._now)

    def _who(self) -> str:
        who = self._acting.signature(Action.ACCOUNTS)
        if not who:
            raise CannotDo(
                "there are no accounts yet",
                "Make the first on the terminal: serviceday user add NAME --role administrator",
            )
        return who
