"""How people write places: 三号楼, 3#, Building 3, B3; 12楼, 12F, 地下一层; 3-2-501. Read into plain parts.

Nothing is looked up here; what the parts mean in an estate is decided in `places`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from serviceday.reports.taxonomy import folded

_DIGITS = {word: value for value, word in enumerate("零一二三四五六七八九")} | {
    "〇": 0,
    "两": 2,
    "壹": 1,
    "贰": 2,
    "叁": 3,
}
_NUMERAL = re.compile(
    r"(?<![零〇一二三四五六七八九十百两壹贰叁])[零〇一二三四五六七八九十百两壹贰叁]++(?=\s*(?:号|栋|幢|座|#|单元|楼|层|室|房|期|区|台|部|$))"
)
_TRADITIONAL = str.maketrans("號樓棟層單區電車壹貳參陸", "号楼栋层单区电车壹贰叁陆")
_LONGEST = 6  # characters of a numeral below a thousand: 九百九十九 has five
_CARDINALS = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen|twenty"
)
_ORDINALS = "zeroth|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth"
_WORDS = {word: str(value) for names in (_CARDINALS, _ORDINALS) for value, word in enumerate(names.split("|"))}
_SPOKEN = re.compile(rf"\b({_CARDINALS}|{_ORDINALS})\b")
_GROUND_FLOOR = re.compile(r"(?<![a-z])ground floor|首层")


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
    """The value of a Chinese numeral below a thousand (十二 = 12, 一百零五 = 105); 三〇二 is read digit by digit."""
    if not re.search("[十百]", numeral):
        return int("".join(str(_DIGITS[digit]) for digit in numeral))
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
    plain = _NUMERAL.sub(_in_digits, folded(words).translate(_TRADITIONAL))
    return _SPOKEN.sub(lambda match: _WORDS[match[0]], plain)


def _in_digits(match: re.Match[str]) -> str:
    return str(number(match[0])) if len(match[0]) <= _LONGEST else match[0]


_NUMBER = r"(?P<building>\d{1,3}|(?<![a-z])[a-z](?![a-z]))"
_MACHINES = "客梯|货梯|电梯|扶梯|消防梯|梯|回路|照明|泵|水泵|水箱"
# B2-238车位, A区105号车位, bay B2-017: a place in a garage, and neither building nor room.
_PARKING_PLACE = (
    r"(?P<parking>(?:[a-z]\s*)?(?:\d{1,2}\s*)?区?\s*-?\s*\d{1,4}\s*号?\s*(?:车位|停车位)"
    r"|(?<![a-z])(?:parking\s+)?(?:bay|space|spot|place)\s*(?:no\.?|number|#)?\s*(?:[a-z]\d{0,2}\s*-?\s*)?\d{1,4}(?!\d))"
)
_SIDED_UNIT = "[东西南北中甲乙丙丁]"
# Tried in this order, each taken out of the words before the next: what is longer and surer comes first.
# A group is a part of `Said`; `below` is a floor below ground.
_RULES = tuple(
    re.compile(pattern)
    for pattern in (
        _PARKING_PLACE,
        r"(?<![\d-])(?P<building>\d{1,3})-(?P<unit>\d{1,2})-(?P<room>\d{3,4})(?![\d-])",
        _NUMBER + r"\s*(?:号\s*楼|栋|幢|座|#\s*楼?)\s*-?\s*(?P<unit>\d{1,2})-(?P<room>\d{3,4})(?![\d-])",
        _NUMBER + r"\s*(?:号\s*楼|栋|幢|座|#\s*楼?)\s*-?\s*(?P<room>\d{3,4})(?![\d-])(?!\s*(?:号|栋|幢|座|单元|路))",
        r"(?<![\d-])(?P<building>\d{1,3})-(?P<room>\d{3,4})(?![\d-])",
        r"(?<![\d/])(?P<building>\d{1,3})/(?P<room>(?!20[2-9]\d)\d{3,4})(?![\d/])",
        r"(?P<floor>\d{1,3})\s*(?:楼|层)\s*(?P<room>\d{3,4})(?!\d)",
        rf"(?P<machine>\d{{1,2}})\s*(?:号|#|部|台)\s*(?:{_MACHINES})",
        r"(?<![a-z])(?:lift|elevator|pump|circuit|escalator)\s*(?:no\.?|#)?\s*(?P<machine>\d{1,2})(?!\d)",
        _NUMBER + r"\s*(?:号\s*楼|号\s*院|栋|幢|座|#\s*楼?|号(?=\s*(?:\d|单元|地下|负|[,,]|$)))",
        r"#\s*(?P<building>\d{1,3})\s*(?:building|bldg|block)",
        r"(?<![a-z])(?:building|bldg|block|blk|tower)\.?\s*(?:no\.?|#)?\s*" + _NUMBER,
        r"(?P<unit>\d{1,2}|[a-z])\s*单元\s*(?P<room>\d{3,4})(?!\d)",
        r"(?P<unit>\d{1,2}|[a-z])\s*单元",
        rf"(?P<unit>{_SIDED_UNIT})\s*单元",
        r"(?<![a-z])(?:unit|entrance|stair)\s*(?P<unit>\d{1,2}|[a-z])(?![a-z\d])",
        r"(?P<room>\d{3,4})\s*(?:室|房|户)",
        r"(?:住在?|我是|我家)\s*(?P<room>\d{3,4})(?!\d)",
        r"(?<![a-z])(?:room|flat|apartment|apt|suite)\.?\s*(?:no\.?|#)?\s*(?P<room>\d{3,4})(?!\d)",
        r"(?:地下|负)\s*(?P<below>\d)\s*(?:层|楼)?",
        r"(?<![a-z])basement\s*(?:level)?\s*(?P<below>\d?)",
        r"(?P<below>)(?:地下室|地库|地下车库)",
        r"(?P<floor>\d{1,3})\s*(?:楼|层)",
        r"(?<![a-z\d])(?P<floor>\d{1,3})\s*f(?![a-z\d])",
        r"(?<![a-z\d])f\s*(?P<floor>\d{1,3})(?!\d)",
        r"(?<![a-z])(?:floor|level|storey)\s*(?P<floor>-?\d{1,3})",
        r"(?<!\d)(?P<floor>\d{1,3})(?:st|nd|rd|th)?\s*(?:floor|storey)",
        r"(?<![a-z\d])b\s*(?P<basement_or_building>\d{1,2})(?![\da-z])",
    )
)


def read_place(words: str) -> Said:
    """The parts of a place in the words. The first mention of a part counts; a room says its floor (501 is on 5)."""
    rest, parts = _GROUND_FLOOR.sub("1f", in_digits(words)), dict[str, str]()
    for rule in _RULES:
        match = rule.search(rest)
        if match is None:
            continue
        groups = match.groupdict()
        if "parking" in groups:
            rest = f"{rest[: match.start()]} {rest[match.end() :]}"
            continue
        if "below" in groups:
            groups = {"floor": f"-{groups['below'] or 1}"}
        new = {key: value for key, value in groups.items() if key not in parts}
        if not new:
            continue
        parts |= new
        rest = f"{rest[: match.start()]} {rest[match.end() :]}"
    either = parts.get("basement_or_building", "")
    if either and "building" in parts:  # 3号楼B1
        parts.setdefault("floor", f"-{parts.pop('basement_or_building')}")
        parts.pop("basement_or_building", None)
    if "room" in parts:
        parts.setdefault("floor", parts["room"][:-2].lstrip("0"))
    plain = {key: _bare(value) for key, value in parts.items()}
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
        address = read_place(words)
        if address.building or address.basement_or_building:
            return {address.building or address.basement_or_building}
    match = re.search(r"(?:^|[^a-z\d])(\d{1,3}|[a-z])$", in_digits(building_id)) or re.fullmatch(
        r"[a-z]{1,3}(\d{1,3})", in_digits(building_id)
    )
    return {_bare(match[1])} if match else set()
