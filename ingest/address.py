"""Where the broker is: `mqtt[s]://user:password@host:port`, understood once and shown without its password."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from facility.errors import CannotParse

PORTS = {"mqtt": 1883, "mqtts": 8883}
EXPECTED = "Write it as mqtt://user:password@host:port (mqtts:// for TLS; user, password and port may be left out)"


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """One broker. The password shows neither in `str` nor in `repr`."""

    host: str
    port: int = 1883
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> BrokerAddress:
        """Understand an address. Raises `CannotParse`, which never repeats the password."""
        try:
            parts = urlsplit(text.strip())
            host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
        except ValueError:
            raise CannotParse("the broker's address cannot be read", EXPECTED) from None
        if parts.scheme not in PORTS:
            raise CannotParse(f"the broker's address begins with {parts.scheme or 'no scheme'!r}", EXPECTED)
        if not host or any(character.isspace() or not character.isprintable() for character in host):
            raise CannotParse("the broker's address names no host", EXPECTED)
        if port == 0:
            raise CannotParse("the broker's address has port 0", EXPECTED)
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise CannotParse("the broker's address goes on after the port", EXPECTED)
        if password and not user:
            raise CannotParse("the broker's address has a password and no user", EXPECTED)
        return cls(
            host=host,
            port=port or PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=unquote(user or ""),
            password=unquote(password or ""),
        )
