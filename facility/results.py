"""What people answered on the items of a kept list: entries that are only added, and what they come to.

Each entry is what one person says of one item. The newest entry of a person stands for them; people who disagree are in
conflict until somebody decides, and an item in conflict has no result.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Answer(StrEnum):
    """What somebody says of an item of a list."""

    NORMAL = "normal"
    ABNORMAL = "abnormal"
    NOT_APPLICABLE = "not-applicable"
    NO_ACCESS = "no-access"  # could not get in

    @property
    def done(self) -> bool:
        """Whether the work of the item was done."""
        return self in (Answer.NORMAL, Answer.ABNORMAL)


class Entry(StrEnum):
    """How an entry came to be."""

    ANSWERED = "answered"
    DECIDED = "decided"  # between people who disagreed


BY_HAND = "hand"  # source of what is said at the command line or on a page
OTHER_FAULT = "other"  # a fault that is none of the class's failure modes


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One entry: what a person says of an item of a list."""

    id: int = 0  # 0 = not kept yet
    plan: int
    item: int  # number in the list, from 1
    asset: str
    task: str
    answer: Answer
    by: str  # who did the work and says so
    done_at: datetime  # UTC
    at: datetime  # UTC; when it was entered
    who: str = ""  # who entered it
    source: str = BY_HAND  # or the sheet's name
    entry: Entry = Entry.ANSWERED
    measured: str = ""  # as it was written
    mode: str = ""  # failure mode of the catalogue, `OTHER_FAULT`, or "" = as the list suspected
    mended: bool = False  # on the spot
    note: str = ""
    late: bool = False  # entered on a later day than it was done
    device: str = ""  # the phone or browser it was typed on; "" = none of those that number what they send
    seq: int = 0  # its number there: with the device what makes one entry of however many sendings
    typed_at: datetime | None = None  # UTC; when it was typed there

    @property
    def key(self) -> tuple[int, int]:
        return self.plan, self.item

    @property
    def said(self) -> tuple[Answer, str, str, bool, str]:
        """What is said, apart from when and through whom."""
        return self.answer, self.measured, self.mode, self.mended, self.note

    @property
    def stated_at(self) -> datetime:
        """When the person said so; what is typed without a network is entered later."""
        return self.typed_at or self.at

    def agrees(self, other: Result) -> bool:
        """The same answer; a measured value or a fault that only one of the two names is no disagreement."""
        return self.answer is other.answer and all(
            not (mine and theirs) or mine == theirs
            for mine, theirs in ((self.measured, other.measured), (self.mode, other.mode))
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """What the entries of one item come to."""

    result: Result | None  # what holds; None while people disagree
    voices: tuple[Result, ...] = ()  # what each person says last

    @property
    def conflict(self) -> tuple[Result, ...]:
        """What each of them says, where they disagree."""
        return self.voices if self.result is None else ()


def standing(entries: Iterable[Result]) -> Standing:
    """Of one item's entries, oldest first, at least one of them.

    A decision speaks for everybody before it; who answers otherwise afterwards disagrees with it. What comes from a
    phone may come in any order: what was typed later there, or later on the person's other phone, counts.
    """
    entries = list(entries)
    newest: dict[tuple[str, str], int] = {}
    for entry in entries:
        place = (entry.by, entry.device)
        newest[place] = max(entry.seq, newest.get(place, 0))
    latest: dict[str, Result] = {}
    for entry in entries:
        if entry.entry is Entry.DECIDED:
            latest.clear()
        before = latest.get(entry.by)
        if entry.seq < newest[entry.by, entry.device] or (
            entry.device and before is not None and entry.stated_at < before.stated_at
        ):
            continue
        latest.pop(entry.by, None)
        latest[entry.by] = entry
    voices = tuple(latest.values())
    if any(not entry.agrees(other) for entry in voices for other in voices):
        return Standing(None, voices)
    most = max(voices, key=lambda entry: (bool(entry.mode), bool(entry.measured), entry.mended, -entry.id))
    return Standing(most, voices)


def standings(entries: Iterable[Result]) -> dict[tuple[int, int], Standing]:
    """By plan and item."""
    grouped: dict[tuple[int, int], list[Result]] = {}
    for entry in entries:
        grouped.setdefault(entry.key, []).append(entry)
    return {key: standing(group) for key, group in grouped.items()}


def is_late(done: date, entered: date) -> bool:
    """Entered on a later day than it was done, both at the place."""
    return entered > done
