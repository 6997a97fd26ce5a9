"""What a channel is to whoever delivers: it cuts a message into parts, sends one, and tells the truth about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from facility.errors import CannotCommunicate
from facility.i18n.phrases import Language


class NotDelivered(CannotCommunicate):
    """It did not arrive, and may at another time. `retry_after`: seconds that the other side asks us to wait."""

    retry_after: float | None = None

    def after(self, seconds: float | None) -> NotDelivered:
        self.retry_after = seconds
        return self


class Rejected(NotDelivered):
    """The other side will not take it, however often it is sent: a wrong key, an address that nobody has."""


class Unaddressed(Rejected):
    """This receiver cannot be reached so; others can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A message ready to go."""

    key: str
    subject: str
    body: str
    receiver: str
    address: str  # of the receiver on this channel; "" for a group
    language: Language
    facts: Mapping[str, Any]  # for machines


class Sender(Protocol):
    """What delivers messages by one channel."""

    per_minute: int | None  # parts that the service takes in a minute

    def parts(self, envelope: Envelope) -> list[str]:
        """The texts to send, one after the other; joined they are the whole."""
        ...

    def send(self, envelope: Envelope, part: str, number: int) -> None:
        """Send the part of a number, counted from 0. Raises `NotDelivered` or `Rejected`."""
        ...
