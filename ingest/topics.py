"""What an installation takes in at all: from which topics, and how large a payload may be.

Both hold before anything is decoded, and neither drops: what they refuse is in quarantine with its payload.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from facility.errors import CannotParse
from facility.i18n.messages import Sentence

ROOT = "serviceday/v1/"
TOPICS = f"{ROOT}#"
PAYLOAD_LIMIT = 1 << 20  # bytes; a gateway's batch of history has some 64,000

_EXPECTED = Sentence("Write an MQTT filter below {root}, for example {root}harbour/# or {root}+/+/telemetry", root=ROOT)
_SIZE = re.compile(r"(\d+)\s*([kKmM]?)i?[bB]?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Topic filters (MQTT's `+` and `#`) that are subscribed to and held on arrival, and the largest payload."""

    filters: tuple[str, ...] = (TOPICS,)
    payload_limit: int = PAYLOAD_LIMIT

    @classmethod
    def parse(cls, filters: Sequence[str] = (), payload_limit: str = "") -> Rules:
        """From the words of an operator: a filter, several with commas, or a bare site id. Raises `CannotParse`."""
        words = [part.strip() for listed in filters for part in listed.split(",") if part.strip()]
        return cls(
            filters=tuple(dict.fromkeys(_filter(word) for word in words)) or (TOPICS,),
            payload_limit=_bytes(payload_limit) if payload_limit else PAYLOAD_LIMIT,
        )

    def allows(self, topic: str) -> bool:
        """Whether a topic is on the list. It is compared level by level and never becomes a path or a pattern."""
        levels = topic.split("/")
        return any(matches(topic_filter.split("/"), levels) for topic_filter in self.filters)


def matches(pattern: list[str], levels: list[str]) -> bool:
    """Whether the levels of a topic are those of an MQTT filter; `#` stands for its parent level, too."""
    if pattern[-1] == "#":
        pattern, levels = pattern[:-1], levels[: len(pattern) - 1]
    return len(pattern) == len(levels) and all(
        part in ("+", level) for part, level in zip(pattern, levels, strict=True)
    )


def _filter(word: str) -> str:
    if "/" not in word and not set(word) & set("+#"):
        word = f"{ROOT}{word}/#"
    levels = word.split("/")
    wild = [level for level in levels if ("+" in level or "#" in level) and level not in ("+", "#")]
    if not word.startswith(ROOT) or wild or "#" in levels[:-1] or "" in levels or not word.isprintable():
        raise CannotParse("{word!r} is no topic filter of ours", _EXPECTED, word=word)
    return word


def _bytes(words: str) -> int:
    match = _SIZE.fullmatch(words.strip())
    size = int(match[1]) * {"": 1, "k": 1000, "m": 1_000_000}[match[2].lower()] if match else 0
    if not 256 <= size <= 256 << 20:
        raise CannotParse("{words!r} is no size of a payload", "Write for example 65536, 256k or 1M", words=words)
    return size
