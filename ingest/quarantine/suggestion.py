"""Which class of equipment a device may be, and which of its values which channel: by unit, name and range.

A suggestion is a question to whoever approves, not an answer: a unit that does not fit or a value that cannot be rules
a channel out; without a word in common or a telling unit nothing is suggested; two classes that fit as well as each
other are both named.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from facility.catalogue.catalogue import Catalogue, Channel, EquipmentClass
from facility.identity import folded
from ingest.admission.units import conversion

WORDS = Path(__file__).parent / "device_words.toml"
SAME_NAME, SHARED_WORD, TELLING_UNIT, USUAL_RANGE = 6.0, 2.0, 1.5, 0.5  # weights (D)
ENOUGH = 2.0  # a word in common, or a telling unit and a usual value
_SPLIT = re.compile(r"[^A-Za-z\u4e00-\u9fff]+|(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One value of a device: its name and unit, how often it came, least, most and latest number."""

    name: str
    unit: str
    count: int
    low: float
    high: float
    last: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A class, and which value goes to which channel of it."""

    kind: str
    score: float
    channels: dict[str, str]  # value -> channel


@lru_cache(maxsize=1)
def _same() -> dict[str, tuple[str, ...]]:
    with WORDS.open("rb") as stream:
        return {word: tuple(others) for word, others in tomllib.load(stream)["same"].items()}


@lru_cache(maxsize=20_000)
def words_of(name: str) -> frozenset[str]:
    """The words of a name, with those that mean the same."""
    words = [word.lower() for word in _SPLIT.split(name) if word]
    return frozenset(other for word in words for other in (word, *_same().get(word, ())))


def suggestions(values: Sequence[Heard], catalogue: Catalogue) -> list[Suggestion]:
    """Every class that some value fits, the best first."""
    found = [_of_class(values, equipment) for equipment in catalogue.values()]
    return sorted((each for each in found if each.channels), key=lambda each: (-each.score, each.kind))


def best(found: Sequence[Suggestion]) -> list[Suggestion]:
    """The best, or all that are as good as it."""
    return [each for each in found if each.score >= found[0].score - 0.01] if found else []


def mapping(values: Sequence[Heard], equipment: EquipmentClass) -> dict[str, str]:
    """Which value goes to which channel of a class; each channel has one value."""
    return _of_class(values, equipment).channels


def _of_class(values: Sequence[Heard], equipment: EquipmentClass) -> Suggestion:
    pairs = sorted(
        (
            (score, value.name, channel.key)
            for value in values
            for channel in equipment.channels.values()
            if (score := _score(value, channel)) >= ENOUGH
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    channels: dict[str, str] = {}
    total = 0.0
    for score, name, key in pairs:
        if name not in channels and key not in channels.values():
            channels[name] = key
            total += score
    return Suggestion(kind=equipment.key, score=total, channels=dict(sorted(channels.items())))


def _score(value: Heard, channel: Channel) -> float:
    converted = conversion(value.unit, channel.unit)
    if converted is None:
        return 0.0
    low, high = (number * converted.factor + converted.offset for number in (value.low, value.high))
    if not (channel.physical.holds(low) and channel.physical.holds(high)):
        return 0.0
    last = value.name.rpartition(".")[2]
    score = SAME_NAME if folded(last) == folded(channel.key) else 0.0
    score += SHARED_WORD * _shared(words_of(value.name), words_of(channel.key))
    if value.unit and channel.unit != "1":
        score += TELLING_UNIT
    if channel.normal.bounded and channel.normal.holds(low) and channel.normal.holds(high):
        score += USUAL_RANGE
    return score


def _shared(ours: Iterable[str], theirs: frozenset[str]) -> float:
    """How much of a channel's words a name has."""
    return sum(word in theirs for word in ours) / max(1, len(theirs))
