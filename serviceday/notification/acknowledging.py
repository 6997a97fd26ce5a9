"""Links that acknowledge an alert: signed, good once, and only for a time.

A token says alert, receiver and when it ends, and is signed with a key that lies in the data folder, readable by its
owner alone. That it is used once is kept in the records.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from facility.alerts import Alert
from facility.errors import CannotDo, CannotParse
from facility.records import Records

KEY_NAME = "notification.key"
_KEY_BYTES = 32
_LONGEST = 600  # characters of a token


@dataclass(frozen=True, slots=True)
class Claim:
    """What a valid token says."""

    alert: int
    receiver: str
    expires: datetime
    nonce: str


class Acknowledgements:
    """Makes and redeems the links of one data folder."""

    def __init__(self, folder: Path, records: Records) -> None:
        self._file = folder / KEY_NAME
        self._records = records

    def token(self, alert: int, receiver: str, *, nonce: str, expires: datetime) -> str:
        """A token; the same values give the same one, so that a message that is sent twice is the same."""
        claim = {"a": alert, "r": receiver, "e": int(expires.timestamp()), "n": nonce}
        body = _encoded(json.dumps(claim, separators=(",", ":"), ensure_ascii=False).encode())
        return f"{body}.{_encoded(self._signature(body))}"

    def verify(self, token: str, now: datetime) -> Claim:
        """What a token says. Raises `CannotParse` if it is not of ours, `CannotDo` if it is over or was used."""
        body, _, signature = token.strip().partition(".")
        valid = len(token) <= _LONGEST and hmac.compare_digest(_decoded(signature), self._signature(body))
        if not valid:
            raise CannotParse("this link was not signed here", "Copy it whole, out of the message")
        content = json.loads(_decoded(body))
        claim = Claim(content["a"], content["r"], datetime.fromtimestamp(content["e"], UTC), content["n"])
        if now >= claim.expires:
            raise CannotDo(
                "this link was good until {expires:%Y-%m-%d %H:%M} UTC",
                "Acknowledge it with `serviceday alerts acknowledge {alert}`",
                expires=claim.expires,
                alert=claim.alert,
            )
        if self._records.notifications.token_used(claim.nonce):
            raise CannotDo(
                "this link was used before",
                "Acknowledge it with `serviceday alerts acknowledge {alert}`",
                alert=claim.alert,
            )
        return claim

    def redeem(self, token: str, now: datetime) -> Alert:
        """Acknowledge the alert of a token in its receiver's name. Raises as `verify`, and if it cannot be done."""
        claim = self.verify(token, now)
        by = claim.receiver.partition(":")[2]
        alert = self._records.alerts.acknowledge(claim.alert, by=by, now=now)
        self._records.notifications.use_token(claim.nonce, alert=claim.alert, by=by, now=now)
        return alert

    def _signature(self, body: str) -> bytes:
        return hmac.new(self._key(), body.encode(), hashlib.sha256).digest()

    def _key(self) -> bytes:
        """The key of this folder, made when it is first needed."""
        try:
            key = self._file.read_bytes()
        except FileNotFoundError:
            key = self._made()
        except OSError as error:
            raise CannotDo(
                "{file} cannot be read: {error}", "Mend its permissions", file=self._file, error=error
            ) from None
        if len(key) != _KEY_BYTES:
            raise CannotDo(
                "{file} is not a key of ours", "Delete it; links that were sent before are then no longer good",
                file=self._file,
            )  # fmt: skip
        return key

    def _made(self) -> bytes:
        beside = self._file.with_name(f"{KEY_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                stream.write(secrets.token_bytes(_KEY_BYTES))
                stream.flush()
                os.fsync(stream.fileno())
            try:
                os.link(beside, self._file)  # whoever is first has made it
            except FileExistsError:
                pass
            finally:
                beside.unlink()
            return self._file.read_bytes()
        except OSError as error:
            raise CannotDo(
                "{file} cannot be written: {error}", "Mend the folder's permissions", file=self._file, error=error
            ) from None


def nonce_of(key: str) -> str:
    """The one use of a message."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(words: str) -> bytes:
    try:
        return base64.b64decode(words + "=" * (-len(words) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
