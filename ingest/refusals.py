"""Why something was not admitted, and the record that is kept of it.

Nothing is dropped: what cannot be understood or admitted is kept with its topic, its payload and one of these reasons.
A payload of refused readings is itself a native batched payload, so it can be sent again once the cause is mended.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from facility.i18n.phrases import Phrases, Text

PHRASES = Phrases(Path(__file__).parent / "phrases.toml")


class Reason(StrEnum):
    """Why a message or a reading is in quarantine."""

    UNKNOWN_TOPIC = "unknown_topic"
    NOT_ALLOWED = "not_allowed"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    UNKNOWN_DEVICE = "unknown_device"
    UNKNOWN_ASSET = "unknown_asset"
    WRONG_SITE = "wrong_site"
    UNKNOWN_CHANNEL = "unknown_channel"
    NOT_A_NUMBER = "not_a_number"
    WRONG_UNIT = "wrong_unit"
    OUT_OF_RANGE = "out_of_range"
    SENTINEL = "sentinel"
    FUTURE = "future"
    ANCIENT = "ancient"
    STORE = "refused_by_store"
    DAMAGED = "damaged"

    @property
    def words(self) -> Text:
        return PHRASES[self.value]


UNREAD = frozenset(  # whole messages
    {Reason.UNKNOWN_TOPIC, Reason.NOT_ALLOWED, Reason.TOO_LARGE, Reason.UNREADABLE, Reason.DAMAGED}
)
NEVER_READINGS = UNREAD | {Reason.NOT_A_NUMBER}  # refused before there was a reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One message, or the readings of one message refused for one reason."""

    seq: int  # of the message in the journal
    reason: Reason
    detail: str  # what was found, what was expected
    payload: bytes
    count: int = 1  # readings; an unreadable message counts as one
    topic: str = ""  # under which its payload can be sent again, where that is not the message's own
    source: tuple[str, str] = ("", "")  # site and asset, where they are known


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A refusal as it is listed."""

    id: int
    arrived: datetime
    topic: str
    payload: bytes
    reason: Reason
    detail: str
    count: int
    asked: bool = False  # for a replay that has not been carried out yet
    dropped: str = ""  # by whom
