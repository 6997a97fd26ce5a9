"""Who may do what, where: accounts with roles and sites, and the sessions they have open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

ALL_SITES = ""  # what concerns the whole estate at once, such as a plan for a day


class Role(StrEnum):
    """What somebody is here; `may` says what each may do."""

    VIEWER = "viewer"
    ENGINEER = "engineer"
    PLANNER = "planner"
    INSPECTOR = "inspector"
    ADMINISTRATOR = "administrator"


class Action(StrEnum):
    """What somebody may be allowed to do; looking needs any role."""

    LOOK = "look"
    ALERTS = "alerts"  # acknowledge, assign, comment, put aside, close
    PLANS = "plans"  # keep a list for a service day
    RESULTS = "results"  # say what was found
    ACCOUNTS = "accounts"


NEEDED: Mapping[Action, frozenset[Role]] = {
    Action.LOOK: frozenset(Role),
    Action.ALERTS: frozenset({Role.ENGINEER}),
    Action.PLANS: frozenset({Role.PLANNER}),
    Action.RESULTS: frozenset({Role.INSPECTOR, Role.ENGINEER}),
    Action.ACCOUNTS: frozenset({Role.ADMINISTRATOR}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can sign in. The password's hash is kept apart."""

    name: str  # by which they sign in, and which signs what they do
    display: str = ""
    language: str = ""  # "zh", "en"; "" = whatever the browser or the installation says
    roles: frozenset[Role] = frozenset()
    sites: frozenset[str] | None = None  # whose rows they see; None = of every site
    disabled: bool = False
    created_at: datetime | None = None  # UTC

    @property
    def words(self) -> str:
        """What people call them."""
        return self.display or self.name

    def sees(self, site: str) -> bool:
        """Whether rows of a site are theirs to see; of `ALL_SITES` only without a limit."""
        return self.sites is None or (site != ALL_SITES and site in self.sites)


# While there are no accounts, whoever sits at this machine.
EVERYBODY = Account(name="", roles=frozenset(Role))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser that is signed in. All times UTC."""

    digest: str  # SHA-256 of the token in the browser; the token itself is kept nowhere
    account: str
    created_at: datetime
    seen_at: datetime  # when something was last asked for
    address: str
    ended_at: datetime | None = None


def may(account: Account, action: Action, site: str = ALL_SITES) -> bool:
    """Whether an account may do something to what stands at a site, or with `ALL_SITES` to the whole estate."""
    return not account.disabled and bool(account.roles & NEEDED[action]) and account.sees(site)
