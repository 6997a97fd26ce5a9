"""The tables of a crew file with the lines they stand in, and their values, each checked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from facility.i18n.phrases import Text
from facility.registry.rows import Report
from facility.toml_lines import table_lines
from serviceday.planning.crew.crew import DAY_MINUTES

_TABLES = ("day", "person", "contractor", "tool", "travel", "window", "work", "order", "theme", "random")
_LISTS = ("person", "contractor", "tool", "window", "work", "order", "theme")
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})$")


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the file, with the lines of its keys."""

    name: str
    line: int
    values: Mapping[str, Any]
    lines: Mapping[str, int] = field(default_factory=dict)

    def at(self, key: str) -> int:
        return self.lines.get(key, self.line)


def tables_of(document: Mapping[str, Any], words: str, report: Report) -> dict[str, list[Table]]:
    """The tables of a TOML file with the lines of their keys."""
    lines = table_lines(words)
    tables: dict[str, list[Table]] = {name: [] for name in _TABLES}
    for name, value in document.items():
        places = lines.get(name, [])
        first = places[0][0] if places else _line_of(words, name)
        if name not in tables:
            report.add(first, "{name!r} is unknown; known: {known}", name=name, known=list(_TABLES))
            continue
        several = value if name in _LISTS else [value]
        wrong = not isinstance(several, list) or not all(isinstance(table, dict) for table in several)
        if wrong:
            report.add(first, "write [[{name}]]" if name in _LISTS else "write [{name}]", name=name)
            continue
        for number, one in enumerate(several):
            line, keys = places[number] if number < len(places) else (first, {})
            tables[name].append(Table(name, line, one, keys))
    return tables


def _line_of(words: str, key: str) -> int:
    return next((n for n, line in enumerate(words.splitlines(), 1) if line.strip().startswith(key)), 0)


def only(tables: Mapping[str, Sequence[Table]], name: str) -> Table:
    """The one table of a name; an empty one where there is none."""
    return tables[name][0] if tables[name] else Table(name, 0, {})


def strangers(table: Table, allowed: Sequence[str], report: Report) -> None:
    """Report keys that no table of this kind has, with the nearest that it has."""
    for key in table.values:
        if key not in allowed:
            report.add(
                table.at(key),
                "[{name}] knows no {key!r}; it knows {known}",
                name=table.name,
                key=key,
                known=list(allowed),
            )


def words_of(table: Table, key: str, report: Report) -> str:
    """A string of a table; anything else is reported and gives ""."""
    value = table.values.get(key, "")
    if not isinstance(value, str):
        report.add(table.at(key), "{key} = {value!r} is not text; put it in quotes", key=key, value=value)
        return ""
    return value.strip()


def strings_of(table: Table, key: str, report: Report) -> list[str]:
    """A list of strings of a table; anything else is reported and gives []."""
    value = table.values.get(key, [])
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        report.add(table.at(key), '{key} is a list of texts, for example {key} = ["..."]', key=key)
        return []
    return [word.strip() for word in value]


def text_of(table: Table, key: str, report: Report) -> Text:
    """A text in one or both languages; anything else is reported."""
    value = table.values.get(key, "")
    if isinstance(value, dict) and all(isinstance(value.get(language), str) for language in ("zh", "en")):
        return Text(zh=value["zh"], en=value["en"])
    if not isinstance(value, str):
        report.add(table.at(key), '{key} is text, or {{zh = "...", en = "..."}}', key=key)
        value = ""
    return Text(zh=value, en=value)


def clock_of(table: Table, key: str, default: int, report: Report) -> int:
    """A clock time in minutes since midnight; what is none is reported and gives the default."""
    if key not in table.values:
        return default
    value = table.values[key]
    minutes = value.hour * 60 + value.minute if isinstance(value, time) else minutes_of(value)
    if minutes is None:
        report.add(table.at(key), '{key} = {value!r} is not a time of day; write it as "08:00"', key=key, value=value)
        return default
    return minutes


def minutes_of(words: object) -> int | None:
    """Minutes since midnight of a clock time like 08:30; None for anything else."""
    match = _CLOCK.match(unicodedata.normalize("NFKC", words)) if isinstance(words, str) else None
    if match is None or int(match[2]) > 59 or int(match[1]) * 60 + int(match[2]) > DAY_MINUTES:
        return None
    return int(match[1]) * 60 + int(match[2])


def is_day(value: object) -> bool:
    """Whether a TOML value is a date without a time."""
    return isinstance(value, date) and not isinstance(value, datetime)


def whole(value: object) -> bool:
    """Whether a value is a whole number, and no truth value."""
    return isinstance(value, int) and not isinstance(value, bool)
