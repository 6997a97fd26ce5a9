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
from typing import Annotated, Any

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
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)


class Edges(_Strict):
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


class ChannelTable(_Strict):
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
    key: Key
    name: Words
    signs: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*:(up|down|both)$")]] = Field(min_length=1)
    lead: Words
    look_for: Words


class DutyTable(_Strict):
    key: Key
    name: Words
    interval: Annotated[str, AfterValidator(_interval)]
    interval_source: str = Field(min_length=1)
    minutes: int = Field(gt=0, le=1440)
    qualification: str
    statutory: bool
    passes: Words
    channels: list[str] = []
    source: str = Field(min_length=1)
    out_of_service: bool = False


class ExplainsTable(_Strict):
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
    channel: list[ChannelTable] = Field(min_length=1)
    mode: list[ModeTable] = []
    duty: list[DutyTable] = []
    explains: list[ExplainsTable] = []


_TABLES: Mapping[str, type[BaseModel]] = {
    "channel": ChannelTable,
    "mode": ModeTable,
    "duty": DutyTable,
    "explains": ExplainsTable,
}


def check_file(file: Path) -> None:
    """Hold an operator's file to the form. Raises `CannotParse` or `Problems` with every mistake and its line."""
    try:
        words = file.read_text(encoding="utf-8")
        raw = tomllib.loads(words)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise CannotParse(
            "{name} is not TOML: {error}", "Mend that line and run it again", name=file.name, error=error
        ) from None
    lines = table_lines(words)
    try:
        parsed = ClassFile.model_validate(raw)
    except ValidationError as error:
        problems = [(_line(part["loc"], lines), _what(dict(part))) for part in error.errors()]
        problems.sort(key=lambda entry: entry[0])
        raise Problems(file.name, [_at(line, what) for line, what in problems]) from None
    if dangling := _dangling(parsed, lines):
        raise Problems(file.name, [_at(line, what) for line, what in sorted(dangling, key=lambda entry: entry[0])])


def _at(line: int, what: Sentence) -> Sentence:
    return Sentence("line {line}: {what}", line=line, what=what)


def _line(location: Sequence[Any], lines: TableLines) -> int:
    """The line of the key that is wrong, else of its table."""
    table, place, key = "", 0, str(location[0]) if location else ""
    if key in _TABLES and len(location) > 1 and isinstance(location[1], int):
        table, place = key, location[1]
        key = str(location[2]) if len(location) > 2 else ""
    entries = lines.get(table, [])
    line, keys = entries[place] if place < len(entries) else (1, {})
    return keys.get(key, line)


def _what(part: Mapping[str, Any]) -> Sentence:
    location = [str(step) for step in part["loc"] if not isinstance(step, int)]
    key = ".".join(location[1:] if location and location[0] in _TABLES and len(location) > 1 else location)
    if part["type"] == "missing":
        return Sentence("{key} is missing", key=key)
    if part["type"] == "extra_forbidden":
        form = _TABLES.get(location[0], ClassFile) if len(location) > 1 else ClassFile
        form = AlarmTable if "alarm" in location[1:-1] else form
        near = difflib.get_close_matches(location[-1], list(form.model_fields), n=1)
        if near:
            return Sentence("no key {key!r}; is it {near!r}?", key=location[-1], near=near[0])
        return Sentence("no key {key!r}; there are {known}", key=location[-1], known=list(form.model_fields))
    words = str(part["msg"]).removeprefix("Value error, ")
    return Sentence("{key} = {value!r}: {why}", key=key, value=str(part["input"])[:60], why=foreign(words))


def _dangling(parsed: ClassFile, lines: TableLines) -> list[tuple[int, Sentence]]:
    """Keys that stand twice, and channels that modes, duties and channels speak of without there being any."""
    channels = [channel.key for channel in parsed.channel]
    problems: list[tuple[int, Sentence]] = []
    for place, entry in enumerate(parsed.channel):
        codes = [*entry.alarm.high, *entry.alarm.medium, *entry.alarm.low] if entry.alarm else []
        for code in codes:
            if str(code) not in entry.states:
                what = Sentence("alarm names {code}, and there is no such state", code=code)
                problems.append((_line(("channel", place, "alarm"), lines), what))
    for place, pair in enumerate(parsed.explains):
        if pair.channel not in channels:
            what = Sentence("no channel {channel!r}; there are {known}", channel=pair.channel, known=channels)
            problems.append((_line(("explains", place, "channel"), lines), what))
    tables: list[tuple[str, Sequence[ChannelTable | ModeTable | DutyTable]]] = [
        ("channel", parsed.channel),
        ("mode", parsed.mode),
        ("duty", parsed.duty),
    ]
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
            elif isinstance(row, DutyTable):
                named = [("channels", channel) for channel in row.channels]
            elif isinstance(row, ChannelTable):
                named = [
                    (key, channel)
                    for key, channel in (("follows", row.follows), ("per", row.per))
                    if channel not in ("", "time")
                ]
            for key, channel in named:
                if channel not in channels:
                    near = difflib.get_close_matches(channel, channels, n=1)
                    what = (
                        Sentence("no channel {channel!r}; is it {near!r}?", channel=channel, near=near[0])
                        if near
                        else Sentence("no channel {channel!r}; there are {known}", channel=channel, known=channels)
                    )
                    problems.append((_line((table, place, key), lines), what))
    return problems
