"""Who may come in and what they may do: accounts, passwords, sessions, and acting under a name."""

from serviceday.accounts.acting import Acting
from serviceday.accounts.administration import Administration
from serviceday.accounts.service import ABSOLUTE, IDLE, Accounts, NotLetIn, SignedIn, digest_of, name_of

__all__ = [
    "ABSOLUTE", "IDLE", "Accounts", "Acting", "Administration", "NotLetIn", "SignedIn", "digest_of", "name_of",
]  # fmt: skip
