"""Accounts: made, changed, signed in to and out of. Every call takes `now`, and everything it does is on the trail."""

from __future__ import annotations

import hashlib
import ipaddress
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from facility.accounts import EVERYBODY, Account, Role, Session
from facility.audit import Area, Entry
from facility.errors import CannotDo
from facility.i18n.phrases import LANGUAGES
from facility.records import Records
from facility.records.accounts import account_key
from serviceday.accounts import passwords

IDLE = timedelta(hours=12)  # without anything asked for, a session ends
ABSOLUTE = timedelta(days=7)  # however busy it is
FORGET = timedelta(hours=12)  # after which failed sign-ins no longer count
_TOUCH = timedelta(minutes=1)  # how exactly it is kept when a session was last used
_LONGEST_PAUSE = timedelta(minutes=15)
_FIRST_PAUSE = timedelta(seconds=15)
_FREE_BY_NAME, _FREE_BY_ADDRESS = 5, 20  # failures before a pause; an office shares one address
_NAME = re.compile(r"[\w.@-]{1,60}")


class NotLetIn(CannotDo):
    """A sign-in that was not let in. Its words do not tell whether there is such an account."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What somebody has who just signed in."""

    token: str  # for the browser's cookie and for nothing else
    account: Account


class Accounts:
    """Signing in and out, and what changes accounts. Every refusal is a `CannotDo`."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._kept = records.accounts

    def exist(self) -> bool:
        """Whether there are accounts; then nobody comes in unasked."""
        return self._kept.exist()

    def check_new(self, account: Account) -> Account:
        """The account as it would be kept. Raises `CannotDo` where it is not in order."""
        named = self._checked(account)
        if not self._kept.exist() and Role.ADMINISTRATOR not in named.roles:
            raise CannotDo("the first account must be an administrator's", "Say --role administrator as well")
        return named

    def add(self, account: Account, password: str, *, by: str, now: datetime) -> Account:
        """A new account. Raises `CannotDo` where the name is taken or not one, or the password too easy."""
        named = replace(self.check_new(account), created_at=now)
        passwords.check(password, named.name)
        entry = Entry(at=now, who=by, area=Area.ACCOUNT, subject=named.name, what="added", after=_plain(named))
        self._kept.add(named, passwords.hashed(password), entry)
        return named

    def change(self, account: Account, *, by: str, now: datetime) -> int:
        """Put what an account is to be now. Disabling it ends its sessions; returns how many ended.

        Raises `CannotDo` if there is none of that name or it would not be in order.
        """
        new = self._checked(account)

        def entry(former: Account) -> Entry:
            before, after = _plain(former), _plain(new)
            changed = [name for name in after if before[name] != after[name]]
            return Entry(
                at=now,
                who=by,
                area=Area.ACCOUNT,
                subject=new.name,
                what="disabled" if new.disabled and not former.disabled else "changed",
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )

        return self._kept.change(new, entry, end=new.disabled)

    def set_password(self, name: str, password: str, *, by: str, now: datetime) -> int:
        """Another password. Every session of the account ends; returns how many did."""
        name = name_of(name)
        self._kept.get(name)
        passwords.check(password, name)
        entry = Entry(at=now, who=by, area=Area.ACCOUNT, subject=name, what="password")
        return self._kept.set_password(name, passwords.hashed(password), entry)

    def change_password(self, digest: str, former: str, password: str, *, address: str, now: datetime) -> int:
        """One's own password, the one before asked for. Every session of the account ends; returns how many did.

        Raises `NotLetIn` where the one before is wrong, and slows guessing down as signing in does.
        """
        account = self.required(digest, now=now)
        if not account.name:
            raise CannotDo("you are signed out", "Sign in again")
        by_name = account_key(account.name)
        limit = (by_name, lambda failures: pause(failures, _FREE_BY_NAME))
        until = self._kept.attempt([limit], now=now, forget=FORGET)
        if until is not None:
            seconds = int((until - now).total_seconds()) + 1
            raise NotLetIn("too many attempts", "Wait {seconds} s and try again", seconds=seconds)
        if not passwords.matches(self._kept.password_hash(account.name), former):
            self._failed(account, address, now, pauses=self._kept.failures(by_name) >= _FREE_BY_NAME)
            raise NotLetIn("the password you have now is wrong", "Type it again")
        self._kept.succeeded(by_name, f"address:{_network(address)}", now=now)
        return self.set_password(account.name, password, by=account.name, now=now)

    def sign_in(self, name: str, password: str, *, address: str, now: datetime, former: str = "") -> SignedIn:
        """A new session. `former` is the token the browser had, which ends. Raises `NotLetIn`, always alike.

        A name that does not exist takes as long as one that does and is slowed down alike.
        """
        name = name_of(name)
        by_name, by_address = account_key(name), f"address:{_network(address)}"
        limits = [
            (by_name, lambda failures: pause(failures, _FREE_BY_NAME)),
            (by_address, lambda failures: pause(failures, _FREE_BY_ADDRESS)),
        ]
        until = self._kept.attempt(limits, now=now, forget=FORGET)
        if until is not None:
            seconds = int((until - now).total_seconds()) + 1
            raise NotLetIn("too many attempts", "Wait {seconds} s and try again", seconds=seconds)
        stored = self._kept.password_hash(name) if _NAME.fullmatch(name) else None
        right = passwords.matches(stored, password)
        account = self._kept.get(name) if stored is not None else None
        if account is None or stored is None or not right or account.disabled:
            self._failed(account, address, now, pauses=self._kept.failures(by_name) >= _FREE_BY_NAME)
            raise NotLetIn("name or password is wrong", "Try again, or ask your administrator")
        if passwords.outdated(stored):
            self._kept.rehash(name, passwords.hashed(password))
        self._kept.succeeded(by_name, by_address, now=now)
        token = secrets.token_urlsafe(32)
        session = Session(digest=digest_of(token), account=name, created_at=now, seen_at=now, address=address)
        entry = Entry(at=now, who=name, area=Area.SIGN_IN, subject=name, what="signed_in", address=address)
        self._kept.open_session(session, entry, instead=digest_of(former) if former else "")
        return SignedIn(token, account)

    def present(self, digest: str, *, now: datetime, used: bool = False) -> Account | None:
        """Whose session it is, with the roles of this moment; None if it is over. `used` puts off its idle end.

        While there are no accounts it is `EVERYBODY`.
        """
        kept = self._kept.session(digest) if digest else None
        if kept is None:
            return None if self._kept.exist() else EVERYBODY
        session, account = kept
        if account.disabled or over(session, now):
            return None
        if used and now - session.seen_at >= _TOUCH:
            self._kept.seen(digest, now)
        return account

    def required(self, digest: str, *, now: datetime, used: bool = False) -> Account:
        """As `present`. Raises `CannotDo` where the session is over."""
        account = self.present(digest, now=now, used=used)
        if account is None:
            raise CannotDo("you are signed out", "Sign in again")
        return account

    def sign_out(self, digest: str, *, now: datetime, everywhere: bool = True) -> None:
        """End a session, and with it every other of the account unless it is said otherwise."""
        kept = self._kept.session(digest)
        if kept is None or kept[0].ended_at is not None:
            return
        name = kept[1].name
        entry = Entry(at=now, who=name, area=Area.SIGN_IN, subject=name, what="signed_out")
        if everywhere:
            self._kept.end_sessions(name, entry)
        else:
            self._kept.end_session(digest, entry)

    def end_sessions(self, name: str, *, by: str, now: datetime) -> int:
        """Sign somebody out everywhere; returns how many sessions ended."""
        entry = Entry(at=now, who=by, area=Area.SIGN_IN, subject=name_of(name), what="ended")
        return self._kept.end_sessions(name_of(name), entry)

    def sessions(self, name: str = "", *, now: datetime) -> list[Session]:
        """Sessions that are running, newest first."""
        return [session for session in self._kept.sessions(name and name_of(name)) if not over(session, now)]

    def _failed(self, account: Account | None, address: str, now: datetime, *, pauses: bool) -> None:
        """On the trail with the account's name, if it is one: what else was typed may be a password."""
        self._records.audit.add(
            Entry(
                at=now,
                who="",
                area=Area.SIGN_IN,
                subject=account.name if account else "",
                what="locked" if pauses else "failed",
                address=address,
            )
        )

    def _checked(self, account: Account) -> Account:
        name = name_of(account.name)
        if not _NAME.fullmatch(name):
            raise CannotDo(
                "{name!r} is no name for an account", "Use letters, figures, dots, - _ @, at most 60", name=name
            )
        if not account.roles:
            raise CannotDo(
                "an account without a role may do nothing",
                "Say --role with one of {roles}",
                roles=[role.value for role in Role],
            )
        if account.language not in ("", *LANGUAGES):
            raise CannotDo("there is no language {language!r}", "Say zh or en", language=account.language)
        sites = account.sites
        if sites is not None:
            if Role.ADMINISTRATOR in account.roles:
                raise CannotDo("an administrator is one of all sites", "Leave the sites or that role out")
            there = {site.id for site in self._records.estate.sites()}
            unknown = sorted(sites - there)
            if unknown:
                raise CannotDo(
                    "there is no site {unknown}", "Registered are: {there}", unknown=unknown, there=sorted(there) or "-"
                )
        return replace(account, name=name)


def name_of(typed: str) -> str:
    """An account's name however it is typed."""
    return unicodedata.normalize("NFKC", typed).strip().casefold()


def digest_of(token: str) -> str:
    """What the records keep of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def over(session: Session, now: datetime) -> bool:
    """Whether a session has ended, was left alone for `IDLE` or has lasted `ABSOLUTE`."""
    idle, age = now - session.seen_at, now - session.created_at
    return session.ended_at is not None or idle >= IDLE or age >= ABSOLUTE


def pause(failures: int, free: int) -> timedelta:
    """How long the next attempt waits after so many failures, of which `free` cost nothing: each twice as long."""
    if failures < free:
        return timedelta(0)
    doublings: int = min(failures - free, 10)
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * (1 << doublings))


def _network(address: str) -> str:
    """By what an address is counted: whoever has one of IPv6 has 2**64 of them."""
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return address[:60]
    return str(ipaddress.ip_network((place, 64), strict=False)) if place.version == 6 else str(place)


def _plain(account: Account) -> Mapping[str, object]:
    return {
        "display": account.display,
        "language": account.language,
        "roles": sorted(account.roles),
        "sites": None if account.sites is None else sorted(account.sites),
        "disabled": account.disabled,
    }
