"""Paths into a JSON value: `ENERGY.Power`, `Messages[*].Payload.{field}`, `switch:*.apower`, `object.**`.

    key           a member; write "a.b" in quotation marks where the key itself has a dot
    switch:*      members whose key fits, * alone any member
    {name}        any member, its key bound to a name
    [0]  [*]      an item of an array, any item
    **            every leaf below, at the end only
    @             the record itself
    $             at the start: from the whole payload; ^: from the value that holds the record, ^^: one further up

Nothing is evaluated: a path only ever looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from facility.errors import CannotParse

DEEPEST = 16  # levels that ** goes down
LEAVES_AT_MOST = 2_000
MISSING = object()

_SEGMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|\{(\w+)\}|(\*\*)|([^.\[\]{}"]+)|\[(\d+|\*)\]')


@dataclass(frozen=True, slots=True)
class Step:
    """One step down: a key, an item, or any of several."""

    key: str = ""
    index: int = -1
    fits: re.Pattern[str] | None = None  # any member whose key fits
    bind: str = ""
    items: bool = False  # any item
    deep: bool = False  # every leaf below


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `up`: how many levels above the record it begins; -1 for the whole payload."""

    words: str
    up: int
    steps: tuple[Step, ...]

    @property
    def single(self) -> bool:
        """Whether it leads to one value at most."""
        return not any(step.fits or step.items or step.deep for step in self.steps)

    @property
    def names(self) -> list[str]:
        """The names it binds."""
        return [step.bind for step in self.steps if step.bind]


def parse_path(words: str) -> Path:
    """Raises `CannotParse` for what is no path."""
    rest, up = words.strip(), 0
    if rest.startswith("$"):
        rest, up = rest[1:].removeprefix("."), -1
    elif rest.startswith("@"):
        rest = rest[1:].removeprefix(".")
    else:
        while rest.startswith("^"):
            rest, up = rest[1:], up + 1
        rest = rest.removeprefix(".") if up else rest
    steps: list[Step] = []
    at = 0
    while at < len(rest):
        if rest[at] == "." and at and at + 1 < len(rest):
            at += 1
        match = _SEGMENT.match(rest, at)
        if match is None or (steps and steps[-1].deep):
            raise CannotParse("{words!r} is no path", "Write for example ENERGY.Power, items[0].value or data.**",
                              words=words)  # fmt: skip
        steps.append(_step(match))
        at = match.end()
    if not steps and not (up or words.strip() == "@"):
        raise CannotParse("{words!r} is no path", "Write for example ENERGY.Power, items[0].value or data.**",
                          words=words)  # fmt: skip
    return Path(words, up, tuple(steps))


def _step(match: re.Match[str]) -> Step:
    quoted, bound, deep, bare, item = match.groups()
    if quoted is not None:
        return Step(key=re.sub(r"\\(.)", r"\1", quoted))
    if bound is not None:
        return Step(fits=re.compile(".*", re.DOTALL), bind=bound)
    if deep is not None:
        return Step(deep=True)
    if item is not None:
        return Step(items=True) if item == "*" else Step(index=int(item))
    if "*" in bare:
        return Step(fits=re.compile(".*".join(map(re.escape, bare.split("*"))), re.DOTALL))
    return Step(key=bare)


def look(value: object, steps: Sequence[Step]) -> object:
    """The value at the end of a single path; `MISSING` where there is none."""
    for step in steps:
        if step.key:
            if not isinstance(value, dict) or step.key not in value:
                return MISSING
            value = value[step.key]
        elif not isinstance(value, list) or not -1 < step.index < len(value):
            return MISSING
        else:
            value = value[step.index]
    return value


@dataclass(frozen=True, slots=True)
class Match:
    """One value that a path leads to, the way there, the names bound on it, and what holds it (the nearest first)."""

    value: object
    way: tuple[str, ...]
    bound: Mapping[str, str]
    holders: tuple[object, ...]


def walk(value: object, steps: Sequence[Step]) -> Iterator[Match]:
    """All that a path leads to, in the order of the payload."""
    yield from _walk(Match(value, (), {}, ()), steps)


def _walk(reached: Match, steps: Sequence[Step]) -> Iterator[Match]:
    if not steps:
        yield reached
        return
    step, rest = steps[0], steps[1:]
    value, holders = reached.value, (reached.value, *reached.holders)
    if step.deep:
        yield from _leaves(reached, DEEPEST)
    elif step.items:
        if isinstance(value, list):
            for number, item in enumerate(value):
                yield from _walk(Match(item, (*reached.way, str(number)), reached.bound, holders), rest)
    elif step.fits is not None:
        if isinstance(value, dict):
            for key, member in value.items():
                if step.fits.fullmatch(key):
                    bound = {**reached.bound, step.bind: key} if step.bind else reached.bound
                    yield from _walk(Match(member, (*reached.way, key), bound, holders), rest)
    else:
        value_there = look(value, (step,))
        if value_there is not MISSING:
            name = step.key or str(step.index)
            yield from _walk(Match(value_there, (*reached.way, name), reached.bound, holders), rest)


def leaves(value: object, before: str = "", levels: int = DEEPEST) -> Iterator[tuple[str, object]]:
    """What `**` leads to, with the way from here in words: the quick form of `walk` for the most frequent path."""
    if isinstance(value, dict) and levels:
        for key, member in value.items():
            way = f"{before}.{key}" if before else key
            if isinstance(member, dict | list):
                yield from leaves(member, way, levels - 1)
            else:
                yield way, member
    elif isinstance(value, list) and levels:
        for number, member in enumerate(value):
            yield from leaves(member, f"{before}.{number}" if before else str(number), levels - 1)
    else:
        yield before, value


def _leaves(reached: Match, levels: int) -> Iterator[Match]:
    value = reached.value
    if isinstance(value, dict) and levels:
        members = value.items()
    elif isinstance(value, list) and levels:
        members = [(str(number), item) for number, item in enumerate(value)]  # type: ignore[assignment]
    else:
        yield reached
        return
    for key, member in members:
        yield from _leaves(Match(member, (*reached.way, key), reached.bound, ()), levels - 1)
