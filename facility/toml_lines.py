"""Lines of a TOML file's tables and keys, which `tomllib` does not tell."""

from __future__ import annotations

import re

_HEADER = re.compile(r"^\s*\[\[?\s*(\w+)\s*]]?")
_KEY = re.compile(r"^\s*\"?([\w-]+)\"?\s*=")
TableLines = dict[str, list[tuple[int, dict[str, int]]]]


def table_lines(words: str) -> TableLines:
    """For each `[[table]]` its lines: where it begins, and where each of its keys stands; "" is what comes before."""
    keys: dict[str, int] = {}
    tables: TableLines = {"": [(1, keys)]}
    for number, line in enumerate(words.splitlines(), start=1):
        if header := _HEADER.match(line):
            keys = {}
            tables.setdefault(header[1], []).append((number, keys))
        elif key := _KEY.match(line):
            keys.setdefault(key[1], number)
    return tables
