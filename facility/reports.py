"""Residents' reports: what somebody said is wrong, where that is, and what became of it.

A report is part of the work record and is shown, listed, planned and exported. Who made it is not: the reporter's name
and phone are kept in a table of their own and never travel with the report (docs/decisions/0055).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facility.i18n.phrases import Text

NOTHING = Text(zh="", en="")


class Kind(StrEnum):
    """What a resident wants, level 1 of the taxonomy."""

    PUBLIC_REPAIR = "public_repair"
    HOME_REPAIR = "home_repair"
    COMPLAINT = "complaint"
    PRAISE = "praise"
    QUESTION = "question"
    PARKING = "parking"
    UNCLEAR = "unclear"  # no word of the taxonomy was found: a person has to read it


class Channel(StrEnum):
    """By which way a report came in."""

    DESK = "desk"
    BOX = "box"  # a note from a suggestion box
    STEWARD = "steward"  # heard by a steward on a round
    SURVEY = "survey"  # words of a survey's answer
    ROUND = "round"  # said to an inspector on a service day
    FILE = "file"  # an export of a hotline or a spreadsheet

    @staticmethod
    def of(source: str) -> Channel:
        """Of a report's source; every other name is a file's."""
        return Channel(source) if source in tuple(Channel) else Channel.FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """What a report is about, and why we think so."""

    kind: Kind
    subject: str  # level 2: a key of the taxonomy, or "" if none was recognised
    sure: float = 0.0  # 0 .. 1; 1 = a person said so
    why: Text = NOTHING
    urgent: bool = False  # words of danger: somebody trapped, smoke, a bare cable


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a report points, as far as that is certain. An empty field was not said or not to be decided."""

    site: str = ""
    building: str = ""
    unit: str = ""
    floor: str = ""
    room: str = ""
    asset: str = ""
    why: Text = NOTHING
    choices: tuple[str, ...] = ()  # what it could equally be: a person has to decide

    @property
    def resolved(self) -> bool:
        return bool(self.asset or self.building) and not self.choices


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Who reported. Never part of a list, an export, a log or a plan."""

    name: str = ""
    phone: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.phone)

    def __repr__(self) -> str:  # a traceback or a log that shows one shows nothing
        return "Reporter(...)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a resident reported: words, place, class; never the resident."""

    id: int = 0  # 0 = not kept yet
    at: datetime  # UTC, when it was received
    text: str
    said_place: str  # as it was said
    category: Category
    place: Place
    source: str = ""  # where it came in: a `Channel`, or the name of an imported file
    merged_into: int | None = None  # the report that speaks for this one
    reporters: int = 1  # how many people reported it, those of merged reports included
    closed_at: datetime | None = None
    closed_by: str = ""
    note: str = ""

    @property
    def open(self) -> bool:
        return self.closed_at is None and self.merged_into is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportStep:
    """One step in a report's life."""

    report: int
    at: datetime
    who: str
    what: str
    note: str
