"""Where the broker is and how we show who we are: understood once, and never shown with its password.

`mqtt[s]://user:password@host:port`; user and password better come from the environment or from files, where other
users of the machine cannot read them:

    SERVICEDAY_BROKER                               the address
    SERVICEDAY_BROKER_USER                          user, if the address names none
    SERVICEDAY_BROKER_PASSWORD, ..._PASSWORD_FILE   password, if the address has none
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from facility.connections import one_line, read_secret
from facility.errors import CannotParse
from facility.i18n.messages import Sentence

PORTS = {"mqtt": 1883, "mqtts": 8883}
EXPECTED = Sentence(
    "Write it as mqtt://user:password@host:port (mqtts:// for TLS; user, password and port may be left out)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """One broker. The password shows neither in `str` nor in `repr`."""

    host: str
    port: int = 1883
    tls: bool = False
    user: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None  # whom to trust; without it, whom the system trusts
    cert: Path | None = None  # our own certificate, where the broker asks for one ...
    key: Path | None = None  # ... and its key

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{host}:{self.port}"

    def identified(self, environment: Mapping[str, str]) -> BrokerAddress:
        """With user and password from the environment or from a file, where the address says none.

        Raises `CannotParse` for a file that holds no secret.
        """
        user = self.user or environment.get("SERVICEDAY_BROKER_USER", "")
        given = environment.get("SERVICEDAY_BROKER_PASSWORD", "")
        password = self.password or one_line(given, "SERVICEDAY_BROKER_PASSWORD")
        file = environment.get("SERVICEDAY_BROKER_PASSWORD_FILE", "")
        if file and not password:
            password = read_secret(Path(file))
        return replace(self, user=user, password=password if user else "")

    def secured(self, ca: Path | None, cert: Path | None, key: Path | None) -> BrokerAddress:
        """With certificates, which need TLS. Raises `CannotParse` where they cannot be used, before any connection."""
        if not (ca or cert or key):
            return self
        if not self.tls:
            raise CannotParse(
                "certificates are given, and {address} is not encrypted",
                "Write the address with mqtts://",
                address=self,
            )
        if key and not cert:
            raise CannotParse("a key is given and no certificate", "Give --cert too")
        secured = replace(self, ca=ca, cert=cert, key=key)
        secured.tls_context()
        return secured

    def tls_context(self) -> ssl.SSLContext:
        """TLS 1.2 or newer; the broker's certificate and name are always checked."""
        try:
            context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        except (OSError, ssl.SSLError) as error:
            raise CannotParse(
                "the CA certificate {ca} cannot be used: {error}", "Give a PEM file", ca=self.ca, error=error
            ) from None
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert:
            try:
                context.load_cert_chain(self.cert, self.key, password=_no_passphrase)
            except (OSError, ssl.SSLError, ValueError) as error:
                raise CannotParse(
                    "the certificate {cert} cannot be used: {error}",
                    "Give PEM files of a certificate and its key, without a passphrase",
                    cert=self.cert,
                    error=error,
                ) from None
        return context

    @classmethod
    def parse(cls, text: str) -> BrokerAddress:
        """Understand an address. Raises `CannotParse`, which never repeats the password."""
        try:
            parts = urlsplit(text.strip())
            host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
        except ValueError:
            raise CannotParse("the broker's address cannot be read", EXPECTED) from None
        if parts.scheme not in PORTS:
            raise CannotParse(
                "the broker's address begins with {scheme!r}",
                EXPECTED,
                scheme=parts.scheme or Sentence("no scheme"),
            )
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


def _no_passphrase() -> str:
    raise ValueError(Sentence("the key has a passphrase"))
