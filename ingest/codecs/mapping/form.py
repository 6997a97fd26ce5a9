"""The form of a profile file, and its check: every mistake at once, each with its line and the key most like it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path as File
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from facility.errors import CannotParse, Problems, ServicedayError
from facility.i18n.messages import Sentence, foreign
from ingest.codecs.mapping.paths import parse_path
from ingest.codecs.mapping.times import FORMATS
from ingest.codecs.mapping.topics import TopicPattern
from ingest.codecs.mapping.values import FUNCTIONS

Number = float | int
LARGEST = 1_000_000  # bytes of a profile


class Strict(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)


class Words(Strict):
    """A text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class TimeForm(Strict):
    """Where a time stands and how it is written; without path it is the arrival."""

    path: str = ""
    format: str = "iso"
    zone: str = ""


class WhenForm(Strict):
    """A condition: what stands at a path is one of these, or stands there at all."""

    path: str
    one_of: list[str | int | bool] = Field(default_factory=list, alias="is")


class PresenceForm(Strict):
    """Which words mean that the device is there, and which that it is gone."""

    path: str = "$"
    online: list[str | bool | int]
    offline: list[str | bool | int]


class QualityForm(Strict):
    """Where a record says how good it is: from this code on it is no reading."""

    path: str
    bad_from: int


class ValueForm(Strict):
    """One value, or all those that a path with `*` leads to."""

    path: str
    name: str = ""
    unit: str = ""
    unit_path: str = ""
    scale: Number = 1
    offset: Number = 0
    map: dict[str, Number] = Field(default_factory=dict)
    function: str = ""
    hold: bool = False
    pass_words: bool = False  # what is no number is passed over, not refused
    without: list[str] = Field(default_factory=list)


class MessageForm(Strict):
    """One kind of message; the first whose topic and condition fit is taken."""

    topic: str
    form: Literal["json", "text"] = "json"
    when: WhenForm | None = None
    skip: bool = False
    each: str = ""
    device: str = "{device}"
    time: TimeForm | list[TimeForm] = Field(default_factory=list)
    overlay: bool = False
    duplicates: str = ""
    presence: PresenceForm | None = None
    quality: QualityForm | None = None
    value: list[ValueForm] = Field(default_factory=list)


class ExampleForm(Strict):
    """A message and what it must become; `serviceday devices profiles` and the tests hold the profile to it."""

    topic: str
    payload: str
    source: str = ""
    device: str = ""
    time: str = ""
    values: dict[str, Number] = Field(default_factory=dict)


class EncodeForm(Strict):
    """How a simulated device writes this language: a payload with places that are filled in."""

    topic: str
    payload: str
    value: str = '"{value}"'
    prefix: str = ""
    device: str = "{device}"  # under which id it is heard


class ProfileForm(Strict):
    """A whole file."""

    profile: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")
    name: Words
    source: str = ""
    devices: Literal["mapped", "assets"] = "mapped"
    zone: str = ""
    units: dict[str, str] = Field(default_factory=dict)
    message: list[MessageForm] = Field(min_length=1)
    example: list[ExampleForm] = Field(default_factory=list)
    encode: EncodeForm | None = None


_FORMS: Mapping[str, type[BaseModel]] = {
    "message": MessageForm,
    "message.value": ValueForm,
    "message.time": TimeForm,
    "message.when": WhenForm,
    "message.presence": PresenceForm,
    "message.quality": QualityForm,
    "name": Words,
    "example": ExampleForm,
    "encode": EncodeForm,
    "": ProfileForm,
}

Problem = tuple[int, Sentence]
Lines = dict[tuple[str | int, ...], int]
_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.-]+)\s*\]\]?")
_KEY = re.compile(r"^\s*\"?([\w-]+)\"?\s*=")


def read_profile_form(file: File) -> tuple[ProfileForm, Lines]:
    """A profile's file, held to its form. Raises `CannotParse` or `Problems` with every mistake and its line."""
    try:
        if file.stat().st_size > LARGEST:
            raise CannotParse("{name} is larger than {most} bytes", "It is no profile", name=file.name, most=LARGEST)
        words = file.read_text(encoding="utf-8")
        raw = tomllib.loads(words)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=file.name, error=error
        ) from None
    lines = lines_of(words)
    try:
        parsed = ProfileForm.model_validate(raw)
    except ValidationError as error:
        _refuse(file, [(line_of(part["loc"], lines), _mistake(dict(part))) for part in error.errors()])
        raise
    _refuse(file, _slips(parsed, file, lines))
    return parsed, lines


def lines_of(words: str) -> Lines:
    """The line of each table and key, by its place in the document."""
    lines: Lines = {(): 1}
    counts: dict[tuple[str | int, ...], int] = {}
    here: tuple[str | int, ...] = ()
    quoted = ""
    for number, line in enumerate(words.splitlines(), start=1):
        if quoted:
            quoted = "" if quoted in line else quoted
            continue
        if header := _HEADER.match(line):
            here = ()
            parts = header[2].split(".")
            for place, part in enumerate(parts):
                here = (*here, part)
                last = place == len(parts) - 1
                if last and header[1] == "[[":
                    lines.setdefault(here, number)
                    counts[here] = counts.get(here, -1) + 1
                if here in counts:
                    here = (*here, counts[here])
            lines.setdefault(here, number)
        elif key := _KEY.match(line):
            lines.setdefault((*here, key[1]), number)
        for mark in ("'''", '"""'):
            if line.count(mark) == 1:
                quoted = mark
    return lines


def line_of(location: Sequence[str | int], lines: Lines) -> int:
    """The line of the innermost table or key that stands in the file."""
    place = tuple(step for step in location if step not in ("TimeForm", "list[TimeForm]"))
    return next(lines[place[:length]] for length in range(len(place), -1, -1) if place[:length] in lines)


def _refuse(file: File, problems: Sequence[Problem]) -> None:
    if problems:
        ordered = sorted(problems, key=lambda problem: problem[0])
        raise Problems(file.name, [Sentence("line {line}: {what}", line=line, what=what) for line, what in ordered])


def _mistake(part: Mapping[str, Any]) -> Sentence:
    """What is wrong with a key, in our words."""
    location = [str(step) for step in part["loc"] if not isinstance(step, int) and not str(step).endswith("TimeForm]")]
    location = [step for step in location if step != "TimeForm"]
    if part["type"] == "missing":
        return Sentence("{key} is missing", key=".".join(location))
    if part["type"] == "extra_forbidden":
        form = _FORMS.get(".".join(location[:-1]))
        keys = [field.alias or name for name, field in form.model_fields.items()] if form else []
        return unknown(Sentence("key"), location[-1], keys)
    return Sentence(
        "{key} = {value!r}: {why}", key=".".join(location), value=str(part["input"])[:60], why=foreign(str(part["msg"]))
    )


def unknown(noun: Sentence, name: str, names: Sequence[str]) -> Sentence:
    """What to say of a name that nothing bears, with the one that is most like it."""
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return Sentence("no {noun} {name!r}; is it {near!r}?", noun=noun, name=name, near=near[0])
    return Sentence("no {noun} {name!r}; there are {names}", noun=noun, name=name, names=list(names))


def _slips(parsed: ProfileForm, file: File, lines: Lines) -> list[Problem]:
    """What the form alone does not show: paths, topics, templates, functions."""
    problems: list[Problem] = []

    def check(location: tuple[str | int, ...], words: str) -> list[str]:
        try:
            return parse_path(words).names if words else []
        except ServicedayError as error:
            problems.append((line_of(location, lines), Sentence("{what}. {do}", what=error.what, do=error.do)))
            return []

    if parsed.profile != file.stem:
        sentence = Sentence("the profile is {name!r} and its file {file!r}; give both one name",
                            name=parsed.profile, file=file.name)  # fmt: skip
        problems.append((line_of(("profile",), lines), sentence))
    for number, message in enumerate(parsed.message):
        here = ("message", number)
        names = check((*here, "each"), message.each)
        try:
            names += TopicPattern(message.topic).names
        except ServicedayError as error:
            problems.append((line_of((*here, "topic"), lines), Sentence("{what}. {do}", what=error.what, do=error.do)))
        problems += _message_slips(message, number, names, lines)
        inner = (("when", message.when), ("presence", message.presence), ("quality", message.quality))
        paths = [(each.path, key) for key, each in inner if each is not None]
        for words, key in [(message.duplicates, "duplicates"), *paths]:
            check((*here, key), words)
        for time in message.time if isinstance(message.time, list) else [message.time]:
            check((*here, "time"), time.path)
        for place, value in enumerate(message.value):
            check((*here, "value", place, "path"), value.path)
            check((*here, "value", place, "unit_path"), value.unit_path)
    return problems


def _message_slips(message: MessageForm, number: int, names: Sequence[str], lines: Lines) -> list[Problem]:
    here = ("message", number)
    problems: list[Problem] = []
    for bound in re.findall(r"\{(\w+)\}", "" if message.skip else message.device):
        if bound not in names:
            problems.append((line_of((*here, "device"), lines), unknown(Sentence("name"), bound, names)))
    for time in message.time if isinstance(message.time, list) else [message.time]:
        if time.format not in FORMATS:
            problems.append((line_of((*here, "time"), lines), unknown(Sentence("format"), time.format, FORMATS)))
    for place, value in enumerate(message.value):
        if value.function and value.function not in FUNCTIONS:
            line = line_of((*here, "value", place, "function"), lines)
            problems.append((line, unknown(Sentence("function"), value.function, list(FUNCTIONS))))
        if value.hold and not message.overlay:
            line = line_of((*here, "value", place, "hold"), lines)
            problems.append((line, Sentence("hold wants the message to say overlay = true")))
    if not (message.skip or message.value or message.presence):
        sentence = Sentence("a message without a value; write skip = true if it says nothing of use")
        problems.append((line_of(here, lines), sentence))
    return problems
