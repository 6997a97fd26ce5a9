"""When two reports are the same thing, said twice.

They must be about the same subject, at the same place, near in time. How near depends on how alike they are: the same
machine reported again within two days needs no likeness of words; otherwise a fortnight, and words that are alike.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from facility.reports import Kind, Report
from serviceday.reports.address_parser import in_digits, read_place
from serviceday.reports.classification import heard
from serviceday.reports.taxonomy import folded, taxonomy

SOON = timedelta(days=2)
LATER = timedelta(days=14)
SAME_SYMPTOM = 0.5  # of two reports at one place about one subject (D); more than what letters have to reach
ALIKE = 0.45  # Dice's coefficient of letter pairs
_AFTER = "[侧边面门头手区口单楼户梯]"
_SIDES = {
    side: re.compile(rf"{letter}{_AFTER}|\b{side}\b")
    for side, letter in {
        "east": "东", "west": "西", "south": "南", "north": "北",
        "left": "左", "right": "右", "front": "前", "back|rear": "后",
    }.items()
}  # fmt: skip
_ONES_OWN = (Kind.PRAISE, Kind.QUESTION)  # each of these wants an answer of its own


def same_as(report: Report, earlier: Iterable[Report]) -> Report | None:
    """The earlier, open report that this one repeats: the likest, and of equals the oldest."""
    best: tuple[float, Report] | None = None
    for other in earlier:
        likeness = _likeness(report, other)
        if likeness and (best is None or likeness > best[0]):
            best = likeness, other
    return best[1] if best else None


def _likeness(report: Report, other: Report) -> float:
    """0 = not the same."""
    if other.closed_at is not None or report.category.kind in _ONES_OWN or report.category.kind != other.category.kind:
        return 0.0
    if not report.category.subject or report.category.subject != other.category.subject:
        return 0.0
    if report.category.urgent != other.category.urgent:
        return 0.0  # nobody in danger is hidden behind a fault
    apart = abs(report.at - other.at)
    if apart > LATER or not _one_place(report, other):
        return 0.0
    first, second = _symptoms(report.text), _symptoms(other.text)
    if first and second and not first & second:
        return 0.0  # a lamp that flickers is not the one that is out
    likeness = max(alike(report.text, other.text), _say_the_same(report, other))
    if first & second and _as_precise(report, other):
        return max(likeness, SAME_SYMPTOM)
    if report.place.asset and report.place.asset == other.place.asset and apart <= SOON and first == second:
        return max(likeness, ALIKE)
    return likeness if likeness >= ALIKE else 0.0


def _say_the_same(report: Report, other: Report) -> float:
    """Share of the taxonomy's words that both use, where they share two: those say more than letters."""
    first, second = heard(report.text, report.category), heard(other.text, other.category)
    return len(first & second) / len(first | second) if len(first & second) > 1 else 0.0


def _as_precise(report: Report, other: Report) -> bool:
    """Whether both say as much of where it is: a lamp on the third floor need not be the lamp that somebody means."""
    if report.category.subject == "lift":  # a lift serves every floor
        return True
    return (report.place.floor, report.place.room) == (other.place.floor, other.place.room)


def _symptoms(words: str) -> frozenset[str]:
    text = folded(words)
    return frozenset(key for key, vocabulary in taxonomy().symptoms.items() if vocabulary.score(text)[1])


def _one_place(report: Report, other: Report) -> bool:
    """Both known and nothing about them differs; what one leaves open, the other may say, but for a home."""
    if not (report.place.resolved and other.place.resolved) or _sides(report) != _sides(other):
        return False
    if report.category.kind is Kind.HOME_REPAIR and not (report.place.room and report.place.room == other.place.room):
        return False
    names = ("asset", "unit") if report.category.subject == "lift" else ("asset", "unit", "floor", "room")
    if (report.place.site, report.place.building) != (other.place.site, other.place.building):
        return False
    parts = ((getattr(report.place, name), getattr(other.place, name)) for name in names)
    return all(first == second or not (first and second) for first, second in parts)


def _sides(report: Report) -> frozenset[str]:
    """The sides that a report names: 东门 is not 西门, the left lift is not the right one."""
    words = folded(f"{report.said_place} {report.text}")
    return frozenset(key for key, pattern in _SIDES.items() if pattern.search(words))


def alike(one: str, other: str) -> float:
    """Dice's coefficient of the pairs of neighbouring letters, places taken out: 0 .. 1, for any script."""
    first, second = _pairs(one), _pairs(other)
    total = sum(first.values()) + sum(second.values())
    return 2 * sum((first & second).values()) / total if total else float(one == other)


def _pairs(words: str) -> Counter[str]:
    address = read_place(words)
    letters = "".join(letter for letter in (address.rest or in_digits(words)) if letter.isalnum())
    return Counter(letters[at : at + 2] for at in range(len(letters) - 1)) or Counter([letters])
