"""`user`: who may sign in to the pages, what they may do, and which of their sessions are running."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from commands.app import options
from commands.app.messages import say
from commands.app.operator import operator
from commands.app.output import show_json, show_table, tell
from facility.errors import CannotDo, CannotParse

if TYPE_CHECKING:
    from facility.accounts import Account, Role

LARGEST = 10_000  # bytes of a password's file
Name = Annotated[str, typer.Argument(help=say("user.name"), metavar="NAME")]
Display = Annotated[str | None, typer.Option("--display", help=say("user.display"), metavar="TEXT")]
Tongue = Annotated[str | None, typer.Option("--language", help=say("user.language"), metavar="zh|en")]
Roles = Annotated[list[str], typer.Option("--role", help=say("user.role"), metavar="ROLE")]
Sites = Annotated[list[str], typer.Option("--site", help=say("user.site"), metavar="SITE")]
PasswordFile = Annotated[str, typer.Option("--password-file", help=say("user.password_file"), metavar="FILE")]


def add(
    name: Name,
    data: options.Data = options.DATA,
    role: Roles = [],  # noqa: B006
    site: Sites = [],  # noqa: B006
    display: Display = None,
    language: Tongue = None,
    password_file: PasswordFile = "",
    as_json: options.Json = False,
) -> None:
    """Make an account; the password is asked for or read from a file."""
    from facility.accounts import Account
    from facility.folder import DataFolder
    from facility.records import Records
    from serviceday.accounts import Accounts

    account = Account(
        name=name,
        display=display or "",
        language=language or "",
        roles=_roles(role),
        sites=frozenset(site) if site else None,
    )
    with Records(DataFolder(data).prepare().records) as records:
        accounts = Accounts(records)
        accounts.check_new(account)
        added = accounts.add(account, _password(password_file), by=operator(), now=datetime.now(UTC))
    if as_json:
        show_json(_plain(added))
    else:
        tell(say("user.added", name=added.name, roles=_role_words(added), folder=data))


def list_users(data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """The accounts with their roles, sites and state."""
    from commands.installation import recorded

    with recorded(data) as records:
        accounts = records.accounts.all()
    if as_json:
        show_json([_plain(account) for account in accounts])
    elif not accounts:
        tell(say("user.none"))
    else:
        columns = ("name", "display", "roles", "sites", "state")
        show_table(
            say("user.title"),
            [say(f"user.column.{column}") for column in columns],
            [
                (
                    account.name,
                    account.display,
                    _role_words(account),
                    say("user.all_sites") if account.sites is None else " ".join(sorted(account.sites)),
                    say("user.disabled") if account.disabled else say("user.enabled"),
                )
                for account in accounts
            ],
        )


def change(
    name: Name,
    data: options.Data = options.DATA,
    role: Roles = [],  # noqa: B006
    site: Sites = [],  # noqa: B006
    all_sites: Annotated[bool, typer.Option("--all-sites", help=say("user.every_site"))] = False,
    display: Display = None,
    language: Tongue = None,
    enable: Annotated[bool, typer.Option("--enable", help=say("user.enable"))] = False,
    as_json: options.Json = False,
) -> None:
    """Change an account's roles, sites, name or language."""
    from commands.installation import recorded
    from serviceday.accounts import Accounts, name_of

    if site and all_sites:
        raise CannotParse("--site and --all-sites say different things", "Say one of them")
    with recorded(data) as records:
        former = records.accounts.get(name_of(name))
        account = replace(
            former,
            display=former.display if display is None else display,
            language=former.language if language is None else language,
            roles=_roles(role) or former.roles,
            sites=None if all_sites else frozenset(site) or former.sites,
            disabled=former.disabled and not enable,
        )
        if account == former:
            raise CannotDo("nothing to change was named", "See `serviceday user change --help`")
        Accounts(records).change(account, by=operator(), now=datetime.now(UTC))
    if as_json:
        show_json(_plain(account))
    else:
        tell(say("user.changed", name=account.name))


def disable(name: Name, data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """Shut an account: it signs in nowhere, and its sessions end."""
    from commands.installation import recorded
    from serviceday.accounts import Accounts, name_of

    with recorded(data) as records:
        account = replace(records.accounts.get(name_of(name)), disabled=True)
        ended = Accounts(records).change(account, by=operator(), now=datetime.now(UTC))
    _ended("user.now_disabled", account.name, ended, as_json=as_json)


def password(
    name: Name,
    data: options.Data = options.DATA,
    password_file: PasswordFile = "",
    as_json: options.Json = False,
) -> None:
    """Set a new password; every session of the account ends."""
    from commands.installation import recorded
    from serviceday.accounts import Accounts, name_of

    with recorded(data) as records:
        account = records.accounts.get(name_of(name))
        words = _password(password_file)
        ended = Accounts(records).set_password(account.name, words, by=operator(), now=datetime.now(UTC))
    _ended("user.new_password", account.name, ended, as_json=as_json)


def sessions(
    name: Annotated[str, typer.Argument(help=say("user.name"), metavar="[NAME]")] = "",
    data: options.Data = options.DATA,
    timezone: options.Zone = options.ZONE,
    as_json: options.Json = False,
) -> None:
    """Who is signed in, since when and from where."""
    from commands.installation import recorded
    from serviceday.accounts import Accounts, name_of

    place = options.zone(timezone)
    with recorded(data) as records:
        if name:
            records.accounts.get(name_of(name))
        running = Accounts(records).sessions(name, now=datetime.now(UTC))
    if as_json:
        fields = ("account", "created_at", "seen_at", "address")
        show_json([{field: getattr(session, field) for field in fields} for session in running])
    elif not running:
        tell(say("user.no_sessions"))
    else:
        show_table(
            say("user.sessions_title", zone=place.key),
            [say(f"user.column.{column}") for column in ("name", "since", "seen", "address")],
            [
                (
                    session.account,
                    options.local(session.created_at, place),
                    options.local(session.seen_at, place),
                    session.address,
                )
                for session in running
            ],
        )


def end_sessions(name: Name, data: options.Data = options.DATA, as_json: options.Json = False) -> None:
    """End the sessions of an account, or all."""
    from commands.installation import recorded
    from serviceday.accounts import Accounts, name_of

    with recorded(data) as records:
        ended = Accounts(records).end_sessions(name, by=operator(), now=datetime.now(UTC))
    _ended("user.ended", name_of(name), ended, as_json=as_json)


def _ended(key: str, name: str, ended: int, *, as_json: bool) -> None:
    if as_json:
        show_json({"account": name, "sessions_ended": ended})
    else:
        tell(say(key, name=name, count=ended))


def _password(file: str) -> str:
    """From a file's or standard input's first line, else asked for twice without echo."""
    if file:
        return _first_line(file)
    if not sys.stdin.isatty():
        raise CannotDo(
            "nobody is there to type a password", "Say --password-file FILE, or --password-file - to pipe it"
        )
    words = getpass.getpass(say("user.ask_password"))
    if getpass.getpass(say("user.ask_again")) != words:
        raise CannotDo("the two passwords are not the same", "Try again")
    return words


def _first_line(file: str) -> str:
    try:
        content = sys.stdin.buffer.read(LARGEST) if file == "-" else Path(file).read_bytes()[:LARGEST]
        words = content.decode("utf-8-sig").split("\n")[0].removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotParse(
            "the password cannot be read from {file}: {error}",
            "Put it alone into the first line, as UTF-8",
            file=file,
            error=error,
        ) from None
    return words


def _roles(words: list[str]) -> frozenset[Role]:
    from facility.accounts import Role

    there = {role.value: role for role in Role}
    for word in words:
        if word not in there:
            raise CannotParse("--role {word!r} is no role", "Say one of {roles}", word=word, roles=list(there))
    return frozenset(there[word] for word in words)


def _role_words(account: Account) -> str:
    return " ".join(say(f"user.role.{role.value}") for role in sorted(account.roles))


def _plain(account: Account) -> dict[str, object]:
    sites = None if account.sites is None else sorted(account.sites)
    return asdict(account) | {"roles": sorted(account.roles), "sites": sites}
