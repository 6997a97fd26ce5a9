"""The form of what a phone sends, and the reading of it: JSON of which each thing is read by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from facility.errors import CannotParse
from facility.i18n.messages import Sentence, foreign
from facility.results import Answer
from facility.rounds import PhotoKind

FILE_FORM = "serviceday-round-file"
_DEVICE = r"^[A-Za-z0-9_-]{8,64}$"
Seq = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000)]
T = TypeVar("T")
Device = Annotated[str, msgspec.Meta(pattern=_DEVICE)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class AnswerSent(msgspec.Struct, kw_only=True):
    """One answer as a phone sends it."""

    key: str  # of the row, as in a handed-out workbook
    seq: Seq
    answer: Answer
    done_at: Moment
    typed_at: Moment
    measured: str = ""
    mode: str = ""
    mended: bool = False
    note: str = ""


class RequestSent(msgspec.Struct, kw_only=True):
    """A resident's request taken on the round, as a phone sends it."""

    seq: Seq
    text: str
    at: Moment
    place: str = ""
    name: str = ""
    phone: str = ""


class PhotoSent(msgspec.Struct, kw_only=True):
    """A picture as a phone sends it."""

    seq: Seq
    item: Annotated[int, msgspec.Meta(ge=0)]
    kind: PhotoKind
    taken_at: Moment
    data: str = ""  # base64, in files


class Submission(msgspec.Struct, kw_only=True):
    """What a phone sends at once; each part is read by itself, so that a wrong one stops no other."""

    form: str
    version: int
    plan: int
    person: int
    device: Device
    sent_at: Moment
    answers: list[msgspec.Raw] = msgspec.field(default_factory=list)
    requests: list[msgspec.Raw] = msgspec.field(default_factory=list)
    photos: list[msgspec.Raw] = msgspec.field(default_factory=list)


class RoundFile(msgspec.Struct, kw_only=True):
    """What the page that needs no server exports."""

    form: str
    version: int
    parts: list[msgspec.Raw]  # one for each device that the round was typed on


class _Numbered(msgspec.Struct):
    seq: int = 0


def decoded(raw: msgspec.Raw, form: type[T]) -> tuple[int, T | Sentence]:
    """The number of one part, and the part or why it cannot be read."""
    try:
        value = msgspec.json.decode(raw, type=form)
    except (msgspec.DecodeError, RecursionError) as error:
        return _seq(raw), unreadable(error).what
    return _seq(raw), value


def _seq(raw: msgspec.Raw) -> int:
    """The number of something sent; 0 where it has none."""
    try:
        return msgspec.json.decode(raw, type=_Numbered).seq
    except (msgspec.DecodeError, RecursionError):
        return 0


def unreadable(error: Exception) -> CannotParse:
    """The error for something sent that is none of ours."""
    return CannotParse(
        "what was sent cannot be read: {error}", "Load the page anew and send again", error=foreign(str(error)[:200])
    )
