"""What is gone through at an asset, line by line: the items of the duties that an entry of a list stands for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from facility.catalogue.catalogue import catalogue
from facility.catalogue.duties import Answer, CheckItem, Duty, checklist, clause_words
from facility.i18n.phrases import Text
from facility.i18n.units import symbol
from facility.inspections import Item
from serviceday.documents.branding import PHRASES

_EMPTY = Text(zh="", en="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line to answer."""

    number: str  # as the standard numbers it; "" where it numbers nothing
    duty: Text
    what: Text
    passes: Text
    answer: Answer
    band: Text  # of a measured value, with its unit; empty where there are no figures
    channel: Text  # what a sensor says of it; empty where none does
    clause: Text


def lines_of(items: Sequence[Item]) -> list[Line]:
    """The lines of some entries at one asset, each once; an entry without items of its own is one line."""
    found: list[Line] = []
    for item in items:
        kind = catalogue().get(item.kind)
        duties = kind.duties if kind is not None else {}
        lines = [_line(item.kind, duty, check) for duty, check in checklist(duties, item.tasks)]
        if not lines:
            source = duties[item.task].source if item.task in duties else ""
            lines = [
                Line(
                    number="",
                    duty=item.what,
                    what=item.what,
                    passes=item.passes,
                    answer=Answer.STATE,
                    band=_EMPTY,
                    channel=_EMPTY,
                    clause=clause_words(source),
                )
            ]
        found += [line for line in lines if line not in found]
    return found


def duty_lines(duty: Duty) -> list[Line]:
    """The lines of one duty with all that it contains."""
    duties = catalogue().kind(duty.kind).duties
    return [_line(duty.kind, each, check) for each, check in checklist(duties, [duty.key])]


def _line(kind: str, duty: Duty, check: CheckItem) -> Line:
    channel = catalogue().kind(kind).channels.get(check.channel)
    return Line(
        number=check.number,
        duty=duty.name,
        what=check.what,
        passes=check.passes,
        answer=check.answer,
        band=Text(zh=_band(check, "zh"), en=_band(check, "en")),
        channel=channel.name if channel is not None else _EMPTY,
        clause=clause_words(check.clause or duty.source),
    )


def _band(check: CheckItem, language: str) -> str:
    if check.answer is not Answer.MEASURED:
        return ""
    unit = symbol(check.unit, "zh" if language == "zh" else "en")
    if math.isfinite(check.low) and math.isfinite(check.high):
        figures = f"{check.low:g} … {check.high:g}"
    elif math.isfinite(check.low):
        figures = f"≥ {check.low:g}"
    elif math.isfinite(check.high):
        figures = f"≤ {check.high:g}"
    else:
        figures = ""
    return " ".join(filter(None, (figures, unit)))


def answer_words(line: Line) -> Text:
    """How a line is answered."""
    return PHRASES[f"answer_{line.answer.value}"]
