"""What went wrong, said in the user's language.

A sentence is known by its English template, as in gettext, and carries the values that fill it: `str()` is English, for
logs and scripts, and a `Dictionary` says the same in another language. The templates of a room's sentences stand
translated in its `zh.toml`; those of others (the system's, SQLite's, the command line library's) in `foreign.zh.toml`
here. Either is read only when something is to be said in that language.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from string import Formatter
from typing import Any

from facility.i18n.phrases import Language, Text

OURS = Path(__file__).parents[1] / "zh.toml"
FOREIGN = Path(__file__).parents[1] / "foreign.zh.toml"


class Sentence:
    """An English template with the values for its `{placeholders}`; without values it is taken as it stands.

    A value may be a sentence, an error or a `Text`, which is said in the language of the whole, or a list, which is
    told item by item. `{name!r}` quotes as the language does.
    """

    __slots__ = ("template", "values")

    def __init__(self, template: str, /, **values: object) -> None:
        self.template = template
        self.values: Mapping[str, object] = values

    def __str__(self) -> str:
        return said(self, "en", str)

    def __repr__(self) -> str:
        return f"Sentence({str(self)!r})"

    def __bool__(self) -> bool:
        return bool(self.template)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sentence) and (self.template, self.values) == (other.template, other.values)

    def __hash__(self) -> int:
        return hash(self.template)


def foreign(words: str) -> Sentence:
    """Words of somebody else, told in translation where a dictionary knows them."""
    return Sentence(words)


def said(sentence: Sentence, language: Language, translate: Callable[[str], str]) -> str:
    """A sentence in a language, its template and the words of others in it passed through `translate`."""
    template, values = translate(sentence.template), sentence.values
    if not values:
        return template
    if language == "en" and not any(isinstance(value, _TOLD) for value in values.values()):
        return template.format(**values)  # what a flood of bad messages says many times a second
    return _Filling(language, translate).vformat(template, (), values)


_TOLD = (Sentence, Text, Exception, list, tuple)  # values that are told in the language of the whole


class _Filling(Formatter):
    def __init__(self, language: Language, translate: Callable[[str], str]) -> None:
        self._language, self._translate = language, translate

    def convert_field(self, value: Any, conversion: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return [self.convert_field(part, conversion) for part in value]
        if conversion == "r" and not isinstance(value, Sentence):
            shown = repr(value)
            return f"“{shown[1:-1]}”" if self._language == "zh" and isinstance(value, str) else shown
        return value if conversion == "r" else super().convert_field(value, conversion)

    def format_field(self, value: object, format_spec: str) -> str:
        if isinstance(value, (list, tuple)):
            between = _BETWEEN_SENTENCES if any(isinstance(part, Sentence) for part in value) else _BETWEEN
            return between[self._language].join(self.format_field(part, format_spec) for part in value)
        if isinstance(value, Sentence):
            return said(value, self._language, self._translate)
        if isinstance(value, Text):
            return value[self._language]
        if isinstance(value, Exception):
            for sentence in (getattr(value, "sentence", None), *value.args[:1]):
                if isinstance(sentence, Sentence):
                    return said(sentence, self._language, self._translate)
            return self._translate(str(getattr(value, "strerror", None) or value))
        return str(super().format_field(value, format_spec))


_BETWEEN: Mapping[Language, str] = {"en": ", ", "zh": "、"}
_BETWEEN_SENTENCES: Mapping[Language, str] = {"en": "; ", "zh": "；"}


class Dictionary:
    """Sentences in Chinese: those of the facility, of others, and of the rooms whose files are given."""

    def __init__(self, *files: Path) -> None:
        self._files = files

    def say(self, what: object, language: Language) -> str:
        """An error, a sentence, or a line of English kept from one, in a language."""
        if isinstance(what, Exception):
            what = getattr(what, "sentence", what)
        if language == "en":
            return str(what)
        return said(what, language, self._translate) if isinstance(what, Sentence) else self._translate(str(what))

    @cached_property
    def _templates(self) -> dict[str, str]:
        templates: dict[str, str] = {}
        for file in (OURS, *self._files, FOREIGN):
            with file.open("rb") as stream:
                templates |= tomllib.load(stream)
        return templates

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Templates as patterns of what they make, the longest first; those of hardly a word would match anything."""
        telling = (
            template
            for template in self._templates
            if len(_between_placeholders(template)) >= _TELLING and all(map(str.isidentifier, placeholders(template)))
        )
        ordered = sorted(
            telling, key=lambda template: (len(_between_placeholders(template)), len(template)), reverse=True
        )
        return [(re.compile(_pattern(template), re.DOTALL), self._templates[template]) for template in ordered]

    def _translate(self, english: str) -> str:
        if english in self._templates:
            return self._templates[english]
        if len(english) > _LONGEST:
            return english
        what, dot, do = english.rpartition(". ")
        if dot and (advice := self._translate(do)) != do:
            return self._templates["{what}. {do}"].format(what=self._translate(what), do=advice)
        for pattern, theirs in self._patterns:
            if match := pattern.fullmatch(english):
                values = {name: self._translate(value) for name, value in match.groupdict().items()}
                return _Plain().vformat(theirs, (), values)
        return english


_TELLING = 5  # letters
_LONGEST = 2000  # characters; what is longer is no sentence of anybody's


class _Plain(Formatter):
    """Fills with words that were formatted before."""

    def convert_field(self, value: Any, conversion: Any) -> Any:
        return re.sub(r"'([^']*)'", r"“\1”", value).replace("”, “", "”、“") if conversion == "r" else value

    def format_field(self, value: object, format_spec: str) -> str:
        return str(value)


def placeholders(template: str) -> Iterator[str]:
    """The names of a template's placeholders."""
    return (name for _, name, _, _ in Formatter().parse(template) if name)


def _between_placeholders(template: str) -> str:
    return "".join(filter(str.isalpha, "".join(literal for literal, *_ in _parsed(template))))


def _pattern(template: str) -> str:
    pieces, names = [], set[str]()
    for literal, name, _, _ in _parsed(template):
        pieces.append(re.escape(literal))
        if name is not None:
            pieces.append(f"(?P={name})" if name in names else f"(?P<{name}>.+?)")
            names.add(name)
    return "".join(pieces)


def _parsed(template: str) -> Iterable[tuple[str, str | None, str | None, str | None]]:
    return Formatter().parse(template)
