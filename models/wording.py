"""Figures into sentences, in Chinese and English."""

from __future__ import annotations

import math
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.i18n.phrases import Phrases, Text
from facility.i18n.units import symbol

MOST_DIGITS = 9
ROOM = Path(__file__).parent
PHRASES = Phrases(ROOM / "phrases.toml")


def say(key: str, /, **values: object) -> Text:
    """A phrase of this room with its placeholders filled."""
    return PHRASES[key].filled(**values) if values else PHRASES[key]


def quantity(value: float, unit: str, digits: int = 3) -> Text:
    """A value with its unit as people write it: three significant digits or as many as asked for, no exponent."""
    written = number(value, digits)
    return Text(zh=f"{written} {symbol(unit, 'zh')}".strip(), en=f"{written} {symbol(unit, 'en')}".strip())


def number(value: float, digits: int = 3) -> str:
    """Three (or `digits`) significant digits, more where the value is large: 0.0312, 3.12, 31.2, 312, 3120."""
    if not math.isfinite(value):
        return "?"
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{min(decimals, digits + 3)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def apart(first: float, other: float, unit: str) -> tuple[Text, Text]:
    """Two values with their unit, in as many digits as tell them apart; alike only if they are the same."""
    for digits in range(3, MOST_DIGITS + 1):
        pair = quantity(first, unit, digits), quantity(other, unit, digits)
        if pair[0] != pair[1] or first == other:
            break
    return pair


def day(moment: datetime, timezone: ZoneInfo, now: datetime | None = None) -> Text:
    """A date in the facility's time zone: 6月20日, 20 June; with the year if it is not that of `now`."""
    local = moment.astimezone(timezone)
    words = say("date", day=local.day, month=say(f"month_{local.month}"))
    if now is None or now.astimezone(timezone).year == local.year:
        return words
    return say("date_year", date=words, year=local.year)


def lower_first(words: Text) -> Text:
    """A channel's name inside a sentence: `Door close time` -> `door close time`, but `LED` stays."""
    en = words.en
    return Text(zh=words.zh, en=en[0].lower() + en[1:] if len(en) > 1 and en[1].islower() else en)


def sentence_case(words: Text) -> Text:
    """The same with a capital at the beginning, where the language has capitals."""
    return Text(zh=words.zh, en=words.en[:1].upper() + words.en[1:])
