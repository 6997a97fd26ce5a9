"""Chinese and English: every word a user sees comes through here.

A room keeps its phrases in a `phrases.toml` beside its modules, one table a phrase with `zh` and `en`. A phrase missing
one of the two is an error when the file is read, and a test reads them all.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in both languages."""

    zh: str
    en: str

    def __getitem__(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en

    def filled(self, **values: object) -> Text:
        """Fill the placeholders; a `Text` among the values is filled in its own language."""
        return Text(
            **{
                language: self[language].format(
                    **{k: v[language] if isinstance(v, Text) else v for k, v in values.items()}
                )
                for language in LANGUAGES
            }
        )


def text(table: Mapping[str, object], where: str) -> Text:
    """A `Text` from a parsed `{zh = ..., en = ...}` table."""
    missing = [language for language in LANGUAGES if not isinstance(table.get(language), str)]
    if missing:
        raise ValueError(f"{where}: no {' and no '.join(missing)} text")
    return Text(zh=str(table["zh"]), en=str(table["en"]))


class Phrases:
    """The phrases of one room, by key."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as stream:
            tables = tomllib.load(stream)
        self._texts = {key: text(table, f"{file.name}: {key}") for key, table in tables.items()}

    def __getitem__(self, key: str) -> Text:
        return self._texts[key]

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def say(self, key: str, language: Language, /, **values: object) -> str:
        return self._texts[key].filled(**values)[language] if values else self._texts[key][language]


def preferred(environment: Mapping[str, str] = os.environ) -> Language:
    """The language asked for: SERVICEDAY_LANGUAGE, else the locale's, else English."""
    for name in ("SERVICEDAY_LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environment.get(name, "").lower()
        if value:
            return "zh" if value.startswith("zh") else "en"
    return "en"
