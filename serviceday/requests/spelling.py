"""How people write places: 三号楼, 3#, Building 3, B3; 12楼, 12F, 地下一层; 3-2-501. Read into plain parts.

Nothing is looked up here; what the parts mean in an estate is decided in `places`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from serviceday.requests.taxonomy import folded

_DIGITS = {word: value for value, word in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "壹": 1, "贰": 2, "叁": 3}
_NUMERAL = re.compile(r"[零〇一二三四五六七八九十百两壹贰叁]+(?=\s*(?:号|栋|幢|座|#|单元|楼|层|室|房|期|区|台|部|$))")
_WORDS = {
    word: str(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
}
_ORDINALS = {
    word: str(value)
    for value, word in enumerate("first second third fourth fifth sixth seventh eighth ninth tenth".split(), start=1)
}
_SPOKEN = re.compile(r"\b(" + "|".join((*_WORDS, *_ORDINALS)) + r")\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The parts of a place as they were said, numbers in digits, letters in lower case; "" if not said."""

    building: str = ""
    unit: str = ""
    floor: str = ""  # "5", or "-1" below ground
    room: str = ""
    machine: str = ""  # which of several: "2" of 2号电梯, lift 2
    basement_or_building: str = ""  # "3" of a bare B3, which may be either
    rest: str = ""  # what is left, for names


def number(numeral: str) -> int:
    """The value of a Chinese numeral below a thousand: 十二 = 12, 二十三 = 23, 一百零五 = 105; 三〇二 digit by digit."""
    if not re.search("[十百]", numeral):
        return int("".join(str(_DIGITS[one]) for one in numeral))
    total, digit = 0, None
    for one in numeral:
        if one in "十百":
            total += (1 if digit is None else digit) * (10 if one == "十" else 100)
            digit = None
        else:
            digit = _DIGITS[one]
    return total + (digit or 0)


def in_digits(words: str) -> str:
    """Folded words with Chinese numerals before a counter, and English number words, in digits."""
    plain = _NUMERAL.sub(lambda match: str(number(match[0])), folded(words))
    return _SPOKEN.sub(lambda match: _WORDS.get(match[0]) or _ORDINALS[match[0]], plain)


_N = r"(\d{1,3}|(?<![a-z])[a-z](?![a-z]))"
# Tried in this order, each taken out of the words before the next: what is longer and surer comes first.
_RULES: tuple[tuple[str, str, Callable[[re.Match[str]], dict[str, str]]], ...] = (
    ("triple", r"(?<![\d-])(\d{1,3})-(\d{1,2})-(\d{3,4})(?![\d-])", lambda m: {"building": m[1], "unit": m[2], "room": m[3]}),
    ("pair", r"(?<![\d-])(\d{1,3})-(\d{3,4})(?![\d-])", lambda m: {"building": m[1], "room": m[2]}),
    ("machine", r"(\d{1,2})\s*(?:号|#|部|台)\s*(?:客梯|货梯|电梯|扶梯|消防梯|梯|回路|照明|泵|水泵|水箱)", lambda m: {"machine": m[1]}),
    ("machine", r"(?<![a-z])(?:lift|elevator|pump|circuit|escalator)\s*(?:no\.?|#)?\s*(\d{1,2})(?!\d)", lambda m: {"machine": m[1]}),
    ("building", _N + r"\s*(?:号\s*楼|号\s*院|栋|幢|座|#\s*楼?|号(?=\s*(?:\d|单元|地下|负|[,,]|$)))", lambda m: {"building": m[1]}),
    ("building", r"(?<![a-z])(?:building|bldg|block|blk|tower|house)\.?\s*(?:no\.?|#)?\s*" + _N, lambda m: {"building": m[1]}),
    ("unit", r"(\d{1,2}|[a-z])\s*单元\s*(\d{3,4})(?!\d)", lambda m: {"unit": m[1], "room": m[2]}),
    ("unit", r"(\d{1,2}|[a-z])\s*单元", lambda m: {"unit": m[1]}),
    ("unit", r"(?<![a-z])(?:unit|entrance|stair)\s*(\d{1,2}|[a-z])(?![a-z\d])", lambda m: {"unit": m[1]}),
    ("room", r"(\d{3,4})\s*(?:室|房|户)", lambda m: {"room": m[1]}),
    ("room", r"(?<![a-z])(?:room|flat|apartment|apt|suite)\.?\s*(?:no\.?|#)?\s*(\d{3,4})(?!\d)", lambda m: {"room": m[1]}),
    ("floor", r"(?:地下|负)\s*(\d)\s*(?:层|楼)?", lambda m: {"floor": f"-{m[1]}"}),
    ("floor", r"(?<![a-z])basement\s*(?:level)?\s*(\d)?", lambda m: {"floor": f"-{m[1] or 1}"}),
    ("floor", r"地下室|地库|地下车库", lambda _: {"floor": "-1"}),
    ("floor", r"(\d{1,3})\s*(?:楼|层)", lambda m: {"floor": m[1]}),
    ("floor", r"(?<![a-z\d])(\d{1,3})\s*f(?![a-z\d])|(?<![a-z\d])f\s*(\d{1,3})(?!\d)", lambda m: {"floor": m[1] or m[2]}),
    ("floor", r"(?<![a-z])(?:floor|level|storey)\s*(-?\d{1,3})", lambda m: {"floor": m[1]}),
    ("floor", r"(?<!\d)(\d{1,3})(?:st|nd|rd|th)?\s*(?:floor|storey)", lambda m: {"floor": m[1]}),
    ("floor", r"(?<![a-z])ground floor|首层", lambda _: {"floor": "1"}),
    ("either", r"(?<![a-z\d])b\s*(\d{1,2})(?![\da-z])", lambda m: {"basement_or_building": m[1]}),
)  # fmt: skip
_COMPILED = tuple((name, re.compile(pattern), parts) for name, pattern, parts in _RULES)


def read_place(words: str) -> Said:
    """The parts of a place in the words. The first mention of a part counts; a room says its floor (501 is on 5)."""
    rest, found = in_digits(words), dict[str, str]()
    for _, pattern, parts in _COMPILED:
        match = pattern.search(rest)
        if match is None:
            continue
        said = {key: value for key, value in parts(match).items() if key not in found}
        if not said:
            continue
        found |= said
        rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    either = found.get("basement_or_building", "")
    if either and "building" in found and "floor" not in found:
        found["floor"] = f"-{found.pop('basement_or_building')}"
    elif either and "building" in found:
        found.pop("basement_or_building")
    if "room" in found and "floor" not in found:
        found["floor"] = found["room"][:-2].lstrip("0")
    plain = {key: _bare(value) for key, value in found.items()}
    return Said(**plain, rest=" ".join(rest.split()))


def _bare(value: str) -> str:
    """Without leading zeros: building 03 is building 3."""
    sign, digits = ("-", value[1:]) if value.startswith("-") else ("", value)
    return sign + (digits.lstrip("0") or "0") if digits.isdigit() and len(digits) < 3 else value


def floor_key(floor: str) -> str:
    """A registry's floor (5F, 05, B1, -1, 地下一层, RF) as a report's floor is read; "" if it is no number."""
    plain = in_digits(floor)
    if match := re.fullmatch(r"b\s*(\d{1,2})", plain):
        return f"-{int(match[1])}"
    if match := re.fullmatch(r"-?\d{1,3}", plain):
        return str(int(match[0]))
    return read_place(plain).floor


def building_keys(building_id: str, name: str) -> set[str]:
    """What a registered building may be called by number or letter: from its name, else from the end of its id."""
    for words in (name, building_id):
        said = read_place(words)
        if said.building or said.basement_or_building:
            return {said.building or said.basement_or_building}
    match = re.search(r"(?:^|[^a-z\d])(\d{1,3}|[a-z])$", in_digits(building_id)) or re.fullmatch(
        r"[a-z]{1,3}(\d{1,3})", in_digits(building_id)
    )
    return {_bare(match[1])} if match else set()
