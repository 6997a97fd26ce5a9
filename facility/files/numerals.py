"""Numbers as people write them. A mark that may part thousands or decimals is decided by its column, never guessed.

`1.043,5` and `1,043.5` tell which mark is which; `1,043` alone does not. What can be read in one way only is read;
what can be read in two is read as the rest of its column says, and refused where the rest says nothing. A point before
three digits (`1.043`) counts as a decimal point unless the column says otherwise, as every program writes it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Literal

from facility.files.cells import Value, words
from facility.i18n.messages import Sentence

Mark = Literal[".", ",", ""]
LONGEST = 60  # characters of a number
_BODY = re.compile(r"(?P<sign>[+-]?)(?P<digits>[\d.,' ]*\d[.,]?)(?P<power>[eE][+-]?\d{1,3})?(?P<unit>\D.*)?", re.ASCII)
_BLANKS = re.compile(r"[\s\u00a0\u202f\u2009]+")
_MINUS = str.maketrans({"−": "-", "–": "-", "﹣": "-", "’": "'", "‘": "'", "＇": "'"})


@dataclass(frozen=True, slots=True)
class Numeral:
    """One number as written: how it reads with either decimal mark, NaN where it does not."""

    point: float
    comma: float
    evidence: Mark  # the decimal mark that its form proves; "" where it proves none
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers: `values` NaN where a cell is empty or refused, `problems` by place."""

    values: list[float]
    units: list[str]  # what stood after each number
    problems: dict[int, Sentence]
    decimal: Mark  # the mark the column uses, if it shows any


def numeral(text: str) -> Numeral | None:
    """A text as a number; None where it is none."""
    if len(text) > LONGEST or _raised(text):
        return None
    plain = _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).translate(_MINUS)).strip()
    match = _BODY.fullmatch(plain)
    if match is None:
        return None
    digits, unit = match["digits"].strip(), (match["unit"] or "").strip()
    sign, power = (-1.0 if match["sign"] == "-" else 1.0), match["power"] or ""
    point, comma = _number(digits, ".", power), _number(digits, ",", power)
    if math.isnan(point) and math.isnan(comma):
        return None
    evidence: Mark = ""
    if math.isnan(comma):
        evidence = "." if "." in digits or "," in digits else ""
    elif math.isnan(point):
        evidence = ","
    if not evidence and "." not in digits and "," not in digits:
        comma = point
    return Numeral(sign * point, sign * comma, evidence, unit)


def _raised(text: str) -> bool:
    """5² is not 52: a raised or circled digit stands where a number would go on or begin."""
    return any(
        unicodedata.category(character) == "No" and (place == 0 or text[place - 1].isdigit() or text[place - 1] in ".,")
        for place, character in enumerate(text)
    )


def _number(digits: str, decimal: str, power: str) -> float:
    """The digits read with that decimal mark; NaN where they cannot be."""
    whole, _mark, part = digits.partition(decimal)
    if part and not part.isdecimal():
        return math.nan
    groups = re.split(r"[ ',.]", whole)
    parted = set(whole) - set("0123456789")
    if len(parted) > 1 or (len(groups) > 1 and not _grouped(groups)):
        return math.nan
    joined = "".join(groups)
    if joined and not joined.isdecimal():
        return math.nan
    if not joined and not part:
        return math.nan
    return float(f"{joined or '0'}.{part or '0'}{power}")


def _grouped(groups: Sequence[str]) -> bool:
    """1 043, 1,043,500; also 10,43,500, as India parts lakhs."""
    first, *rest = groups
    if not 1 <= len(first) <= 3 or len(rest[-1]) != 3 or first.startswith("0"):
        return False
    return all(len(part) == 3 for part in rest) or (len(first) <= 2 and all(len(part) == 2 for part in rest[:-1]))


def read_numbers(cells: Sequence[Value], *, decimal: Mark = "", units: Collection[str] | None = ()) -> Numbers:
    """A column as numbers.

    `decimal` is the mark that stands before the decimals, where somebody said so. `units` are the units that may stand
    after a number; None takes any and leaves them to the caller.
    """
    readings = [_cell(cell) for cell in cells]
    point, comma = (
        any(isinstance(reading, Numeral) and reading.evidence == mark for reading in readings) for mark in (".", ",")
    )
    mixed = not decimal and point and comma
    shown: Mark = decimal or ("" if mixed else "." if point else "," if comma else "")
    values, after, problems = [], [], dict[int, Sentence]()
    for place, (cell, one) in enumerate(zip(cells, readings, strict=True)):
        value, unit = math.nan, ""
        if isinstance(one, float):
            value = one
        elif one is None:
            if words(cell):
                problems[place] = Sentence("{words!r} is no number", words=words(cell)[:LONGEST])
        else:
            unit = one.unit
            value = _decided(one, shown, asked=bool(decimal), mixed=mixed)
            if math.isnan(value):
                problems[place] = (
                    Sentence("{words!r} has another decimal mark than {mark!r}", words=words(cell), mark=decimal)
                    if decimal
                    else Sentence(
                        "{words!r} may be {point:.15g} or {comma:.15g}; say which with --decimal . or --decimal ,",
                        words=words(cell),
                        point=one.point,
                        comma=one.comma,
                    )
                )
            elif unit and units is not None and unit not in units:
                problems[place] = Sentence("{words!r} has the unit {unit!r}", words=words(cell), unit=unit)
                value = math.nan
        if math.isinf(value):
            problems[place] = Sentence("{words!r} is no number", words=words(cell)[:LONGEST])
            value = math.nan
        values.append(value)
        after.append(unit)
    return Numbers(values, after, problems, shown)


def _cell(cell: Value) -> Numeral | float | None:
    if isinstance(cell, (bool, datetime, date, time)) or cell is None:
        return None
    if isinstance(cell, (int, float)):
        return _float(cell)
    return numeral(cell) if cell.strip() else None


def _float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _decided(numeral: Numeral, shown: Mark, *, asked: bool, mixed: bool) -> float:
    if numeral.point == numeral.comma:
        return numeral.point
    if numeral.evidence and asked and numeral.evidence != shown:
        return math.nan
    mark = numeral.evidence or shown
    if not mark and not mixed and abs(numeral.point) < abs(numeral.comma):  # 1.043
        mark = "."
    return numeral.point if mark == "." else numeral.comma if mark == "," else math.nan
