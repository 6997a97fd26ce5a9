"""What people do on a page, under their account: their rights are read afresh from the records at every call.

Every public method refuses with `CannotDo` whoever may not, and signs what is done with the account's name. While there
are no accounts, it is signed with the name given as `signature`.
"""

from __future__ import annotations

from datetime import UTC, datetime

from facility.accounts import ALL_SITES, Account, Action, may
from facility.alerts import Alert
from facility.errors import CannotDo
from facility.inspections import InspectionList
from facility.records import Records
from serviceday.accounts.service import Accounts


class Acting:
    """Somebody who does things: under their account, or under the name they gave."""

    def __init__(self, records: Records, session: str, *, signature: str = "", now: datetime | None = None) -> None:
        """`session` is the digest of the session that acts; "" where nobody is signed in."""
        self._records = records
        self._session = session
        self._signature = signature.strip()
        self._now = now

    def signature(self, action: Action, site: str = ALL_SITES) -> str:
        """The name that signs what a service of another room does. Raises `CannotDo` where they may not do it."""
        account, _ = self._allowed(action, site)
        return account.name or self._signature

    def acknowledge(self, number: int, *, note: str = "") -> Alert:
        who, now = self._on_alert(number)
        return self._records.alerts.acknowledge(number, by=who, now=now, note=note)

    def close(self, number: int, *, note: str = "") -> Alert:
        who, now = self._on_alert(number)
        return self._records.alerts.close(number, by=who, now=now, note=note)

    def assign(self, number: int, *, to: str, note: str = "") -> Alert:
        who, now = self._on_alert(number)
        return self._records.alerts.assign(number, to=to, by=who, now=now, note=note)

    def comment(self, number: int, *, note: str) -> Alert:
        who, now = self._on_alert(number)
        return self._records.alerts.comment(number, by=who, note=note, now=now)

    def shelve(self, number: int, *, until: datetime, why: str) -> Alert:
        who, now = self._on_alert(number)
        return self._records.alerts.shelve(number, until=until, by=who, why=why, now=now)

    def unshelve(self, number: int) -> Alert:
        who, now = self._on_alert(number)
        return self._records.alerts.unshelve(number, by=who, now=now)

    def keep_plan(self, plan: InspectionList) -> int:
        """Keep a list for its day; returns its number. A list is of the whole estate."""
        account, now = self._allowed(Action.PLANS, ALL_SITES)
        return self._records.plans.put(plan, by=account.name or self._signature, at=now)

    def _on_alert(self, number: int) -> tuple[str, datetime]:
        """Who acts on an alert, and when; an alert of a site that is not theirs is none to them."""
        alert = self._records.alerts.get(number)
        asset = self._records.estate.asset(alert.asset)
        site = asset.site if asset is not None else ALL_SITES
        account = self._account()
        if not account.sees(site):
            raise CannotDo(
                "there is no alert {number}", "`serviceday alerts list` shows those there are", number=number
            )
        account, now = self._allowed(Action.ALERTS, site)
        who = account.name or self._signature
        if not who:
            raise CannotDo("nobody has signed", "Say your name")
        return who, now

    def _account(self) -> Account:
        now = self._now or datetime.now(UTC)
        return Accounts(self._records).required(self._session, now=now, used=True)

    def _allowed(self, action: Action, site: str) -> tuple[Account, datetime]:
        account = self._account()
        if not may(account, action, site):
            raise CannotDo(
                "your account may not do this", "Ask your administrator; it needs another role or other sites"
            )
        return account, self._now or datetime.now(UTC)
