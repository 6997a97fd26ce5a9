"""Asks the records who is there; knows from where a request comes and which cookies are ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from facility.accounts import EVERYBODY, Account
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.loopback import is_loopback
from facility.records import Records
from serviceday.accounts import Accounts, digest_of

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """How the door was told to stand: whose data, on which address, behind what."""

    folder: Path
    host: str = "127.0.0.1"  # on which the server listens
    behind_proxy: bool = False  # somebody promised: a proxy before us, which alone can reach us, ends TLS
    language: Language = "en"  # where the browser names none of ours


class Keeper:
    """Asks the records who somebody is, afresh each time; opens them when first asked."""

    def __init__(self, settings: DoorSettings) -> None:
        self.settings = settings

    @cached_property
    def _opened(self) -> Records:
        return Records(DataFolder(self.settings.folder).records)

    def accounts(self) -> Accounts | None:
        """None while nothing has been set up in the data folder: then there are no accounts."""
        if "_opened" not in self.__dict__ and not DataFolder(self.settings.folder).records.exists():
            return None
        return Accounts(self._opened)

    def present(self, session: str, *, used: bool) -> Account | None:
        """Whose session a digest is; `EVERYBODY` while there are no accounts; None for nobody's."""
        accounts = self.accounts()
        return EVERYBODY if accounts is None else accounts.present(session, now=datetime.now(UTC), used=used)

    def serves_unasked(self, headers: Mapping[str, str]) -> bool:
        """Whether a request may be served while there are no accounts: from this machine, addressed to it by its name.

        A name of somewhere else that leads here is a page of others that wants to read along (DNS rebinding); a header
        of a proxy means that the request comes from elsewhere.
        """
        if self.settings.behind_proxy or not is_loopback(self.settings.host):
            return False
        if any(name in headers for name in _FORWARDED):
            return False
        return is_loopback(urlsplit(f"//{headers.get('host', '')}").hostname or "")


@dataclass(frozen=True, slots=True)
class Asking:
    """A request as the door sees it."""

    scope: Mapping[str, Any]
    settings: DoorSettings

    @property
    def headers(self) -> dict[str, str]:
        return headers_of(self.scope["headers"])

    @property
    def secure(self) -> bool:
        """Whether the browser speaks TLS, to us or, as a proxy's promise goes, to the proxy."""
        if self.scope["scheme"] in ("https", "wss"):
            return True
        return self.settings.behind_proxy and _last(self.headers.get("x-forwarded-proto", "https")) in ("https", "wss")

    @property
    def address(self) -> str:
        """Where it comes from. Only a proxy that was announced is believed, and only what it wrote itself: the last."""
        peer = self.scope.get("client")
        own = str(peer[0]) if peer else ""
        forwarded = _last(self.headers.get("x-forwarded-for", "")) if self.settings.behind_proxy else ""
        return (forwarded or own)[:60]

    @property
    def host(self) -> str:
        """The name under which the browser knows us."""
        headers = self.headers
        forwarded = _last(headers.get("x-forwarded-host", "")) if self.settings.behind_proxy else ""
        return forwarded or headers.get("host", "")

    def from_here(self) -> bool:
        """Whether a page of ours sent it; a browser says so, and what says nothing is no browser."""
        headers = self.headers
        origin = headers.get("origin")
        if origin is not None:
            return origin != "null" and urlsplit(origin).netloc.casefold() == self.host.casefold()
        return headers.get("sec-fetch-site", "none") in ("same-origin", "none")

    def cookie_name(self, name: str) -> str:
        """With TLS a name that only this very host can have set over TLS."""
        return f"__Host-serviceday-{name}" if self.secure else f"serviceday-{name}"

    def cookie(self, name: str) -> str:
        jar = SimpleCookie()
        try:
            jar.load(self.headers.get("cookie", ""))
        except CookieError:
            return ""
        found = jar.get(self.cookie_name(name))
        return found.value if found is not None else ""

    @property
    def session(self) -> str:
        """The digest of the session's token; "" without one."""
        token = self.cookie("session")
        return digest_of(token) if token else ""

    def language(self, chosen: str = "") -> Language:
        """The one that was chosen, else the first of ours that the browser asks for."""
        wanted = [
            chosen,
            *(part.split(";")[0].strip()[:2] for part in self.headers.get("accept-language", "").split(",")),
        ]
        for words in wanted:
            for literal in LANGUAGES:
                if words.casefold() == literal:
                    return literal
        return self.settings.language


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in small letters; several of one name as one list."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        between = "; " if name == "cookie" else ", "
        headers[name] = f"{headers[name]}{between}{value}" if name in headers else value
    return headers


def own_path(asked: str) -> str:
    """A path of ours to go to after signing in; whatever else is asked for becomes the first page."""
    if not asked.startswith("/") or asked.startswith("//") or "\\" in asked or not asked.isascii():
        return "/"
    if any(character <= " " or character == "\x7f" for character in asked) or len(asked) > 2000:
        return "/"
    parts = urlsplit(asked)
    if parts.scheme or parts.netloc or parts.path.split("/")[1] in ("sign-in", "sign-out", "door", "_stcore", "media"):
        return "/"
    return asked


def _last(words: str) -> str:
    return words.rsplit(",", 1)[-1].strip()
