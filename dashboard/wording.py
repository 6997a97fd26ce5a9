"""Words, figures and times as people read them, in both languages."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from facility.i18n.messages import Dictionary
from facility.i18n.phrases import Language, Phrases
from facility.i18n.units import symbol

PHRASES = Phrases(Path(__file__).with_name("phrases.toml"))
SENTENCES = Dictionary(*(Path(__file__).parents[1] / room / "zh.toml" for room in ("serviceday", "dashboard")))

_STEPS = (("days", 86_400), ("hours", 3_600), ("minutes", 60))


def say(key: str, language: Language, /, **values: object) -> str:
    """The phrase of that key, its placeholders filled."""
    return PHRASES.say(key, language, **values)


def told(what: object, language: Language) -> str:
    """An error or a part of it."""
    return SENTENCES.say(what, language)


def number(value: float | None) -> str:
    """Three to four significant figures, thousands apart; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    size = abs(value)
    decimals = 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 1 else 3
    words = f"{value:,.{decimals}f}"
    if "." in words:
        words = words.rstrip("0").rstrip(".")
    return "0" if words == "-0" else words


def quantity(value: float | None, unit: str, language: Language) -> str:
    """A figure with its unit: `3.42 s`, `31 °C`, `5 %`."""
    mark = symbol(unit, language)
    return f"{number(value)} {mark}" if mark and value is not None else number(value)


def percent(share: float | None) -> str:
    """0..1 as a percentage, never rounded to a certainty it is not."""
    if share is None or not math.isfinite(share):
        return "–"
    if 0 < share < 0.01:
        return "<1 %"
    if 0.99 < share < 1:
        return ">99 %"
    return f"{share:.0%}".replace("%", " %")


def count(value: int) -> str:
    """A number with separated thousands."""
    return f"{value:,}"


def span(length: timedelta, language: Language) -> str:
    """A length of time in its largest unit: `3 h`, `3 小时`; under a minute in words."""
    seconds = abs(length.total_seconds())
    for unit, size in _STEPS:
        if seconds >= size:
            return say(f"span_{unit}", language, n=int(seconds // size))
    return say("span_moments", language)


def relative(moment: datetime | None, now: datetime, language: Language) -> str:
    """`3 h ago`, `in 2 d`; 3 小时前, 2 天后."""
    if moment is None:
        return say("never", language)
    length = now - moment
    if abs(length) < timedelta(minutes=1):
        return say("just_now", language)
    return say("ago" if length > timedelta(0) else "ahead", language, span=span(length, language))


def exact(moment: datetime | None, timezone: ZoneInfo) -> str:
    """The same moment on the site's clock: `2026-11-24 13:05`."""
    return "–" if moment is None else moment.astimezone(timezone).strftime("%Y-%m-%d %H:%M")


def both(moment: datetime | None, now: datetime, timezone: ZoneInfo, language: Language) -> str:
    """Relative and exact: `3 h ago (2026-11-24 13:05)`."""
    if moment is None:
        return say("never", language)
    return say("relative_exact", language, relative=relative(moment, now, language), exact=exact(moment, timezone))


def calendar_day(day: date, language: Language) -> str:
    """`Tue 2026-11-24`, `2026-11-24 周二`."""
    weekday = say("weekdays", language).split()[day.weekday()]
    return f"{day.isoformat()} {weekday}" if language == "zh" else f"{weekday} {day.isoformat()}"


def hours(length: timedelta, language: Language) -> str:
    """Working time: `7 h 40 min`, `7 小时 40 分`, `15 min`."""
    whole, minutes = divmod(int(length.total_seconds() // 60), 60)
    if not whole:
        return say("minutes_only", language, minutes=minutes)
    return say("hours_minutes", language, hours=whole, minutes=minutes)
