"""From what stands in a payload to a number: a map of words, a factor, or one of a fixed list of functions."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

TRUE = frozenset({"true", "on", "yes", "open", "online", "active", "1"})
FALSE = frozenset({"false", "off", "no", "closed", "offline", "inactive", "0"})
_DURATION = re.compile(r"(?:(\d+)T)?(\d+):(\d{2}):(\d{2})")


def number(value: object) -> float | None:
    """A number as it stands; a truth value is 1 or 0."""
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float):
        return None
    try:
        converted = float(value)
    except OverflowError:
        return None
    return converted if math.isfinite(converted) else None


def _text(value: object) -> float | None:
    """A number that is written as text."""
    if isinstance(value, str):
        try:
            return number(float(value.strip()))
        except ValueError:
            return None
    return number(value)


def _truth(value: object) -> float | None:
    """1 for true, on, yes, open, online, active; 0 for their opposites."""
    if isinstance(value, str):
        word = value.strip().lower()
        return 1.0 if word in TRUE else 0.0 if word in FALSE else None
    converted = number(value)
    return converted if converted in (0.0, 1.0) else None


def _opposite(value: object) -> float | None:
    """`truth` the other way round."""
    truth = _truth(value)
    return None if truth is None else 1.0 - truth


def _hex(value: object) -> float | None:
    """A hexadecimal number, with or without 0x."""
    if not isinstance(value, str) or not re.fullmatch(r"(?:0[xX])?[0-9a-fA-F]{1,13}", value.strip()):
        return None
    return float(int(value.strip(), 16))


def _count(value: object) -> float | None:
    """How many items or members."""
    return float(len(value)) if isinstance(value, list | dict) else None


def _duration(value: object) -> float | None:
    """Seconds of `1T02:03:04` (days, hours, minutes, seconds) or `02:03:04`."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


FUNCTIONS: Mapping[str, Callable[[object], float | None]] = {
    "number": _text,
    "truth": _truth,
    "opposite": _opposite,
    "hex": _hex,
    "count": _count,
    "duration": _duration,
}


def converter(
    words: Mapping[str, float], function: str, scale: float, offset: float
) -> Callable[[object], float | None]:
    """How one value is converted; it gives None for what is none."""
    apply = FUNCTIONS[function] if function else number
    plain = scale == 1.0 and offset == 0.0

    def convert(value: object) -> float | None:
        if words:
            key = str(value).lower() if isinstance(value, bool) else str(value)
            meaning = words.get(key)
            return meaning if meaning is not None else (None if isinstance(value, str | bool) else apply(value))
        converted = apply(value)
        if converted is None or plain:
            return converted
        converted = converted * scale + offset
        return converted if math.isfinite(converted) else None

    return convert
