"""A profile, ready to be used: its topics, paths and conversions worked out once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from zoneinfo import ZoneInfo

from facility.errors import CannotConvert
from facility.i18n.messages import Sentence
from facility.i18n.phrases import Text
from ingest.codecs.mapping.form import (
    EncodeForm,
    ExampleForm,
    MessageForm,
    PresenceForm,
    ProfileForm,
    TimeForm,
    ValueForm,
    line_of,
    read_profile_form,
)
from ingest.codecs.mapping.paths import Path, parse_path
from ingest.codecs.mapping.times import Stamp, stamp_reader
from ingest.codecs.mapping.topics import TopicPattern
from ingest.codecs.mapping.values import converter
from ingest.topics import matches

_PLACE = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueRule:
    """One `[[message.value]]`."""

    path: Path
    name: str  # a template; "" for the way to the value
    unit: str
    unit_path: Path | None
    convert: Callable[[object], float | None]
    words: tuple[str, ...]  # that are mapped
    takes_words: bool  # an explicit value: what is no number is refused; others pass over words
    hold: bool
    without: re.Pattern[str] | None
    line: int
    named: re.Pattern[str]  # the names it gives
    deep: bool  # one value's every leaf


@dataclass(frozen=True, slots=True)
class Template:
    """Words with places: a named part of topic or path, or a path of its own."""

    words: str
    places: tuple[tuple[str, Path | None], ...]

    @classmethod
    def of(cls, words: str) -> Template:
        """Raises `CannotParse` for a place that is no path."""
        places = [each[1] for each in _PLACE.finditer(words)]
        return cls(words, tuple((each, None if re.fullmatch(r"\w+", each) else parse_path(each)) for each in places))

    def filled(self, part: Callable[[str, Path | None], str | None]) -> str | None:
        """The words with every place filled in; None where one is missing."""
        words = self.words
        for name, path in self.places:
            value = part(name, path)
            if value is None:
                return None
            words = words.replace(f"{{{name}}}", value)
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRule:
    """One `[[message]]`."""

    topic: TopicPattern
    text: bool
    when: Path | None
    when_one_of: tuple[object, ...]
    skip: bool
    each: Path | None
    device: Template
    times: tuple[tuple[Path | None, Stamp, str], ...]  # where, how, and the words of it
    overlay: bool
    duplicates: Path | None
    presence: PresenceForm | None
    presence_path: Path | None
    quality: tuple[Path, int] | None
    values: tuple[ValueRule, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A whole profile."""

    key: str
    name: Text
    source: str
    direct: bool  # device ids are asset ids
    units: Mapping[str, str]
    messages: tuple[MessageRule, ...]
    examples: tuple[ExampleForm, ...]
    encode: EncodeForm | None
    zone: ZoneInfo | None
    file: File
    topic_filters: tuple[str, ...]
    wants_zone: bool = False  # its devices tell local time, and nobody said of which zone


def read_profile(file: File, zone: ZoneInfo | None = None) -> Profile:
    """A profile from its file. `zone`: of devices that tell local time.

    Raises `CannotParse` or `Problems` with every mistake and its line, `CannotConvert` for a zone that is none.
    """
    form, lines = read_profile_form(file)
    place = _zone(form.zone, file) or zone
    messages = tuple(
        _message(message, line_of(("message", number), lines), place, _value_lines(message, number, lines), file)
        for number, message in enumerate(form.message)
    )
    return Profile(
        key=form.profile,
        name=Text(zh=form.name.zh, en=form.name.en),
        source=form.source,
        direct=form.devices == "assets",
        units=form.units,
        messages=messages,
        examples=tuple(form.example),
        encode=form.encode,
        zone=place,
        file=file,
        topic_filters=_filters([message.topic.filter for message in messages if not message.skip]),
        wants_zone=place is None and _tells_local_time(form),
    )


def _tells_local_time(form: ProfileForm) -> bool:
    return any(time.zone == "local" for message in form.message for time in _times(message))


def _filters(filters: Sequence[str]) -> tuple[str, ...]:
    """Each filter once, without those that another takes in: some brokers deliver once for each that fits."""
    distinct = list(dict.fromkeys(filters))
    return tuple(
        each
        for each in distinct
        if not any(other != each and matches(other.split("/"), each.split("/")) for other in distinct)
    )


def _value_lines(message: MessageForm, number: int, lines: dict[tuple[str | int, ...], int]) -> list[int]:
    return [line_of(("message", number, "value", place), lines) for place in range(len(message.value))]


def _times(message: MessageForm) -> Sequence[TimeForm]:
    return message.time if isinstance(message.time, list) else [message.time]


def _zone(name: str, file: File) -> ZoneInfo | None:
    if name in ("", "local"):
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CannotConvert(
            "{file}: {name!r} is not a time zone", "Write for example Asia/Shanghai or Europe/Berlin",
            file=file.name, name=name,
        ) from None  # fmt: skip


def _message(
    form: MessageForm, line: int, zone: ZoneInfo | None, value_lines: Sequence[int], file: File
) -> MessageRule:
    times = []
    for time in _times(form):
        path = parse_path(time.path) if time.path else None
        own = _zone(time.zone, file)
        reader = stamp_reader("arrival" if path is None else time.format, own or (zone if time.zone else None))
        times.append((path, reader, time.path))
    return MessageRule(
        topic=TopicPattern(form.topic),
        text=form.form == "text",
        when=parse_path(form.when.path) if form.when else None,
        when_one_of=tuple(form.when.one_of) if form.when else (),
        skip=form.skip,
        each=parse_path(form.each) if form.each else None,
        device=Template.of(form.device),
        times=tuple(times),
        overlay=form.overlay,
        duplicates=parse_path(form.duplicates) if form.duplicates else None,
        presence=form.presence,
        presence_path=parse_path(form.presence.path) if form.presence else None,
        quality=(parse_path(form.quality.path), form.quality.bad_from) if form.quality else None,
        values=tuple(_value(value, at) for value, at in zip(form.value, value_lines, strict=True)),
        line=line,
    )


def _value(form: ValueForm, line: int) -> ValueRule:
    path = parse_path(form.path)
    return ValueRule(
        path=path,
        name=form.name,
        unit=form.unit,
        unit_path=parse_path(form.unit_path) if form.unit_path else None,
        convert=converter(form.map, form.function, float(form.scale), float(form.offset)),
        words=tuple(form.map),
        takes_words=not form.pass_words and (path.single or bool(form.map or form.function)),
        hold=form.hold,
        without=re.compile("|".join(map(_glob, form.without)), re.DOTALL) if form.without else None,
        line=line,
        named=re.compile(_names(form, path), re.DOTALL),
        deep=bool(path.steps) and path.steps[-1].deep and Path(path.words, path.up, path.steps[:-1]).single,
    )


def _glob(words: str) -> str:
    return ".*".join(map(re.escape, words.split("*")))


def _names(form: ValueForm, path: Path) -> str:
    """Which names a rule gives, as a pattern."""
    if form.name:
        return _PLACE.sub(".+", re.sub(r"([.\[\]()*+?^$|\\])", r"\\\1", form.name))
    parts = []
    for step in path.steps:
        if step.deep:
            parts.append(".+")
        elif step.items:
            parts.append(r"\d+")
        elif step.fits is not None:
            parts.append(step.fits.pattern)
        else:
            parts.append(re.escape(step.key or str(step.index)))
    return r"\.".join(parts) or "value"


def unmapped(profile: Profile, rule: ValueRule, name: str, value: object) -> Sentence:
    """What to say of a value that a profile does not make a number of."""
    shown = str(value)[:60]
    if rule.words:
        return Sentence(
            "profile {profile}, line {line}: {name} is {value!r}, its map knows {known}; add it to the map",
            profile=profile.key, line=rule.line, name=name, value=shown, known=list(rule.words),
        )  # fmt: skip
    return Sentence(
        "profile {profile}, line {line}: {name} is {value!r}, no number; give it a map or a function",
        profile=profile.key, line=rule.line, name=name, value=shown,
    )  # fmt: skip
