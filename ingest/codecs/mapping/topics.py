"""Topics with named parts: `tele/{device}/SENSOR`, `zigbee2mqtt/{device...}`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from facility.errors import CannotParse

_NAMED = re.compile(r"\{(\w+)\}")
_REST = re.compile(r"\{(\w+)\.\.\.\}")


class TopicPattern:
    """A topic whose levels are given, any (`+`) or named; `{name...}` or `#` at the end takes all that is left.

    Raises `CannotParse` for what is none.
    """

    def __init__(self, words: str) -> None:
        levels = words.split("/")
        self.names: list[str] = []
        pattern, filters = [], []
        for place, level in enumerate(levels):
            last = place == len(levels) - 1
            if named := _NAMED.fullmatch(level):
                self.names.append(named[1])
                pattern.append("([^/]+)")
                filters.append("+")
            elif (rest := _REST.fullmatch(level)) and last:
                self.names.append(rest[1])
                pattern.append("(.+)")
                filters.append("#")
            elif level == "+":
                pattern.append("[^/]+")
                filters.append("+")
            elif level == "#" and last and len(levels) > 1:
                pattern.append(".*")
                filters.append("#")
            elif not level or set(level) & set("+#{}") or not level.isprintable():
                raise CannotParse(
                    "{words!r} is no topic of a profile", "Write for example tele/{{device}}/SENSOR", words=words
                )
            else:
                pattern.append(re.escape(level))
                filters.append(level)
        if levels[0] == "serviceday" or (filters[0] in ("+", "#") and len(filters) == 1):
            raise CannotParse(
                "{words!r} would take messages that are not meant", "Begin the topic with a level of the device's own",
                words=words,
            )  # fmt: skip
        self.words = words
        self.filter = "/".join(filters)
        self._pattern = re.compile("/".join(pattern), re.DOTALL)

    def match(self, topic: str) -> Mapping[str, str] | None:
        """The named parts of a topic; None where it does not fit."""
        match = self._pattern.fullmatch(topic)
        return None if match is None else dict(zip(self.names, match.groups(), strict=True))
