"""The form of a catalogue file, for the classes that an operator adds or replaces.

Our own files are held to it by a test. Those of an operator are checked when they are read: every mistake at once, each
with its line, and for a key that nobody knows the one that is most like it (`stale_atfer` is no `stale_after`).
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from facility.errors import CannotParse, Problems
from facility.i18n.messages import Sentence, foreign
from facility.intervals import Interval
from facility.toml_lines import TableLines, table_lines

_DURATION = re.compile(r"\d+(?:\.\d+)?(?:s|min|h|d)")


def _duration(words: str) -> str:
    if not _DURATION.fullmatch(words):
        raise ValueError("write it as 15min, 2h or 7d")
    return words


def _interval(words: str) -> str:
    try:
        Interval.of(words)
    except ValueError:
        raise ValueError("write it as 15 days, 3 months or 1 year") from None
    return words


Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Duration = Annotated[str, AfterValidator(_duration)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Words(_Strict):
    """A text in both languages."""

    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Edges(_Strict):
    """The ends of a band; what is left out is open."""

    low: float | int | None = None
    high: float | int | None = None


class AlarmTable(_Strict):
    """When readings become an alert: on-delay and off-delay, and codes that are trouble by themselves."""

    after: Duration | None = None
    count: int | None = Field(default=None, ge=1, le=1000)
    back_after: Duration | None = None
    back_count: int | None = Field(default=None, ge=1, le=1000)
    always: bool = False
    high: list[int] = []
    medium: list[int] = []
    low: list[int] = []
    shared: list[int] = []


class ChannelTable(_Strict):
    """One channel of a class file."""

    key: Key
    name: Words
    unit: str = Field(min_length=1)
    normal: Edges | None = None
    limit: Edges | None = None
    physical: Edges | None = None
    cadence: Duration
    stale_after: Duration
    frozen_after: Duration | None = None
    aggregate: str = Field(pattern="^(mean|counter|state|sparse|daily)$")
    bad: str = Field(pattern="^(up|down|both|none)$")
    source: str = Field(min_length=1)
    brick: str = ""
    states: dict[str, Words] = {}
    in_service: list[int] = []
    follows: str = ""
    per: str = ""
    alarm: AlarmTable | None = None


class ModeTable(_Strict):
    """One failure mode of a class file."""

    key: Key
    name: Words
    signs: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*:(up|down|both)$")]] = Field(min_length=1)
    lead: Words
    look_for: Words


class AgesTable(_Strict):
    """A shorter interval from an age of the asset on, in years."""

    older_than: int = Field(gt=0, le=100)
    interval: Annotated[str, AfterValidator(_interval)]


class DutyTable(_Strict):
    """One duty of a class file."""

    key: Key
    name: Words
    interval: Annotated[str, AfterValidator(_interval)]
    interval_source: str = ""
    minutes: int = Field(gt=0, le=1440)
    qualification: str
    statutory: bool
    passes: Words
    channels: list[str] = []
    source: str = ""
    out_of_service: bool = False
    standard: str = ""
    edition: str = ""
    clause: str = ""
    verified: str = Field(default="no", pattern="^(text|copy|cited|no)$")
    read: Words | None = None
    grace: int = Field(default=0, ge=0, le=366)
    or_qualified: list[str] = []
    people: int = Field(default=1, ge=1, le=2)
    includes: list[str] = []
    routine: bool = False
    ages: AgesTable | None = None


class ItemTable(_Strict):
    """One item of a duty's checklist, as the file has it."""

    duty: str
    number: str = Field(min_length=1, max_length=20)
    what: Words
    passes: Words
    method: Words | None = None
    answer: str = Field(default="state", pattern="^(state|measured|photo|text)$")
    unit: str = ""
    low: float | int | None = None
    high: float | int | None = None
    channel: str = ""
    clause: str = ""
    note: Words | None = None


class ExplainsTable(_Strict):
    """What trouble in one channel explains elsewhere, of a class file."""

    channel: Key
    kinds: list[Key] = Field(min_length=1)
    what: list[Key] = Field(min_length=1)


class ClassFile(_Strict):
    """One file: a class of equipment with its channels, failure modes and duties."""

    key: Key
    name: Words
    also: list[str] = []
    brick: str = ""
    life_safety: bool
    criticality: float | int = Field(gt=0, le=100)
    inspect_minutes: int = Field(gt=0, le=1440)
    qualification: str
    channel: list[ChannelTable] = []  # none: people look after it, and no sensor
    mode: list[ModeTable] = []
    duty: list[DutyTable] = []
    explains: list[ExplainsTable] = []
    item: list[ItemTable] = []


class DutyFile(BaseModel):
    """One file: duties of a class, with their items."""

    model_config = ConfigDict(extra="forbid", strict=True)

    kind: Key = Field(alias="class")
    duty: list[DutyTable] = []
    item: list[ItemTable] = []


_TABLES: Mapping[str, type[BaseModel]] = {
    "channel": ChannelTable,
    "mode": ModeTable,
    "duty": DutyTable,
    "explains": ExplainsTable,
    "item": ItemTable,
}


def check_file(file: Path) -> None:
    """Hold an operator's class to the form. Raises `CannotParse` or `Problems` with every mistake and its line."""
    parsed, lines = _held_to(file, ClassFile)
    wrong = [
        *_dangling(parsed, lines),
        *_duty_slips(parsed.duty, parsed.item, (), [each.key for each in parsed.channel], lines),
    ]
    _refuse(file, wrong)


def check_duties(file: Path, classes: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> None:
    """The same for a file of duties, which may speak of what its class has already.

    `classes`: the keys of duties and of channels of each class.
    """
    parsed, lines = _held_to(file, DutyFile)
    if parsed.kind not in classes:
        near = difflib.get_close_matches(parsed.kind, list(classes), n=1)
        known: Sentence = (
            Sentence("no class {kind!r}; is it {near!r}?", kind=parsed.kind, near=near[0])
            if near
            else Sentence("no class {kind!r}; there are {known}", kind=parsed.kind, known=list(classes))
        )
        _refuse(file, [(_line(("class",), lines), known)])
    duties, channels = classes[parsed.kind]
    _refuse(file, _duty_slips(parsed.duty, parsed.item, duties, channels, lines))


Form = TypeVar("Form", bound=BaseModel)


def _held_to(file: Path, form: type[Form]) -> tuple[Form, TableLines]:
    try:
        words = file.read_text(encoding="utf-8")
        raw = tomllib.loads(words)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=file.name, error=error
        ) from None
    lines = table_lines(words)
    try:
        return form.model_validate(raw), lines
    except ValidationError as error:
        problems = [(_line(part["loc"], lines), _what(dict(part), form)) for part in error.errors()]
        problems.sort(key=lambda entry: entry[0])
        raise Problems(file.name, [_at(line, what) for line, what in problems]) from None


def _refuse(file: Path, wrong: Sequence[tuple[int, Sentence]]) -> None:
    if wrong:
        raise Problems(file.name, [_at(line, what) for line, what in sorted(wrong, key=lambda entry: entry[0])])


def _at(line: int, what: Sentence) -> Sentence:
    return Sentence("line {line}: {what}", line=line, what=what)


def _line(location: Sequence[object], lines: TableLines) -> int:
    """The line of the key that is wrong, else of its table."""
    table, place, key = "", 0, str(location[0]) if location else ""
    if key in _TABLES and len(location) > 1 and isinstance(location[1], int):
        table, place = key, location[1]
        key = str(location[2]) if len(location) > 2 else ""
    entries = lines.get(table, [])
    line, keys = entries[place] if place < len(entries) else (1, {})
    return keys.get(key, line)


def _what(part: Mapping[str, Any], whole: type[BaseModel]) -> Sentence:
    location = [str(step) for step in part["loc"] if not isinstance(step, int)]
    key = ".".join(location[1:] if location and location[0] in _TABLES and len(location) > 1 else location)
    if part["type"] == "missing":
        return Sentence("{key} is missing", key=key)
    if part["type"] == "extra_forbidden":
        form = _TABLES.get(location[0], whole) if len(location) > 1 else whole
        form = AlarmTable if "alarm" in location[1:-1] else form
        near = difflib.get_close_matches(location[-1], list(form.model_fields), n=1)
        if near:
            return Sentence("no key {key!r}; is it {near!r}?", key=location[-1], near=near[0])
        return Sentence("no key {key!r}; there are {known}", key=location[-1], known=list(form.model_fields))
    words = str(part["msg"]).removeprefix("Value error, ")
    return Sentence("{key} = {value!r}: {why}", key=key, value=str(part["input"])[:60], why=foreign(words))


def _dangling(parsed: ClassFile, lines: TableLines) -> list[tuple[int, Sentence]]:
    """Keys that stand twice, and channels that modes and channels speak of without there being any."""
    channels = [channel.key for channel in parsed.channel]
    problems: list[tuple[int, Sentence]] = []
    for place, entry in enumerate(parsed.channel):
        alarm = entry.alarm
        codes = [*alarm.high, *alarm.medium, *alarm.low, *alarm.shared] if alarm else []
        for code in codes:
            if str(code) not in entry.states:
                what = Sentence("alarm names {code}, and there is no such state", code=code)
                problems.append((_line(("channel", place, "alarm"), lines), what))
    for place, pair in enumerate(parsed.explains):
        if pair.channel not in channels:
            what = Sentence("no channel {channel!r}; there are {known}", channel=pair.channel, known=channels)
            problems.append((_line(("explains", place, "channel"), lines), what))
    tables: list[tuple[str, Sequence[ChannelTable | ModeTable]]] = [("channel", parsed.channel), ("mode", parsed.mode)]
    for table, rows in tables:
        keys = [row.key for row in rows]
        for place, row in enumerate(rows):
            if keys.index(row.key) != place:
                problems.append(
                    (_line((table, place, "key"), lines), Sentence("{key!r} stands there twice", key=row.key))
                )
            named: list[tuple[str, str]] = []
            if isinstance(row, ModeTable):
                named = [("signs", sign.split(":")[0]) for sign in row.signs]
            elif isinstance(row, ChannelTable):
                named = [
                    (key, channel)
                    for key, channel in (("follows", row.follows), ("per", row.per))
                    if channel not in ("", "time")
                ]
            for key, channel in named:
                if channel not in channels:
                    problems.append((_line((table, place, key), lines), _no_channel(channel, channels)))
    return problems


def _no_channel(channel: str, channels: Sequence[str]) -> Sentence:
    if near := difflib.get_close_matches(channel, channels, n=1):
        return Sentence("no channel {channel!r}; is it {near!r}?", channel=channel, near=near[0])
    return Sentence("no channel {channel!r}; there are {known}", channel=channel, known=list(channels))


def _no_duty(duty: str, duties: Sequence[str]) -> Sentence:
    if near := difflib.get_close_matches(duty, duties, n=1):
        return Sentence("no duty {duty!r}; is it {near!r}?", duty=duty, near=near[0])
    return Sentence("no duty {duty!r}; there are {known}", duty=duty, known=list(duties))


def _duty_slips(
    duties: Sequence[DutyTable],
    items: Sequence[ItemTable],
    there: Sequence[str],
    channels: Sequence[str],
    lines: TableLines,
) -> list[tuple[int, Sentence]]:
    """What duties and items name without there being any, what stands twice, and what says nothing of where it is from.

    `there`: duties that the class has already.
    """
    problems: list[tuple[int, Sentence]] = []
    keys = [duty.key for duty in duties]
    known = [*keys, *there]
    for place, duty in enumerate(duties):
        if keys.index(duty.key) != place:
            problems.append(
                (_line(("duty", place, "key"), lines), Sentence("{key!r} stands there twice", key=duty.key))
            )
        if not (duty.source or duty.standard):
            what = Sentence("neither source nor standard says where it is from")
            problems.append((_line(("duty", place, "key"), lines), what))
        problems += [
            (_line(("duty", place, "channels"), lines), _no_channel(channel, channels))
            for channel in duty.channels
            if channel not in channels
        ]
        problems += [
            (_line(("duty", place, "includes"), lines), _no_duty(each, known))
            for each in duty.includes
            if each not in known or each == duty.key
        ]
    numbered: set[tuple[str, str]] = set()
    for place, item in enumerate(items):
        if item.duty not in keys:
            problems.append((_line(("item", place, "duty"), lines), _no_duty(item.duty, keys)))
        if (item.duty, item.number) in numbered:
            what = Sentence("{key!r} stands there twice", key=item.number)
            problems.append((_line(("item", place, "number"), lines), what))
        numbered.add((item.duty, item.number))
        if item.channel and item.channel not in channels:
            problems.append((_line(("item", place, "channel"), lines), _no_channel(item.channel, channels)))
        if item.answer == "measured" and not item.unit:
            problems.append((_line(("item", place, "answer"), lines), Sentence("a measured value without a unit")))
        if item.low is not None and item.high is not None and item.low > item.high:
            problems.append((_line(("item", place, "low"), lines), Sentence("low lies above high")))
    return problems
