"""Qualifications that work may ask for. The catalogue keeps them under their official, Chinese name."""

from __future__ import annotations

from collections.abc import Mapping

from facility.i18n.phrases import Text

QUALIFICATIONS: Mapping[str, Text] = {
    text.zh: text
    for text in (
        Text(zh="电梯作业人员", en="certified lift worker"),
        Text(zh="电梯安全管理员", en="lift safety officer"),
        Text(zh="消防设施操作员", en="fire-facility operator"),
        Text(zh="低压电工", en="low-voltage electrician"),
        Text(zh="高压电工", en="high-voltage electrician"),
        Text(zh="焊工", en="welder"),
        Text(zh="高处作业", en="work at height"),
        Text(zh="特种设备安全管理员", en="special-equipment safety officer"),
    )
}


# The same certificate under names it had before, or has had since (catalogue of operations of special equipment, 2019;
# national occupational standard of 2019 for operators of fire facilities). Not compared with the official prints.
_NAMES = (
    ("电梯作业人员", "电梯修理作业人员", "电梯修理"),
    ("电梯安全管理员", "特种设备安全管理", "特种设备安全管理员"),
    ("消防设施操作员", "建（构）筑物消防员", "建(构)筑物消防员"),
    ("低压电工", "低压电工作业"),
    ("高压电工", "高压电工作业"),
    ("焊工", "焊接与热切割作业"),
    ("高处作业", "登高架设作业"),
)
_SAME: Mapping[str, frozenset[str]] = {name: frozenset(names) for names in _NAMES for name in names}


def same_as(key: str) -> frozenset[str]:
    """A certificate under all its names."""
    return _SAME.get(key, frozenset((key,)))


def qualification(key: str) -> Text:
    """Its name; one not listed is shown as it is."""
    return QUALIFICATIONS.get(key, Text(zh=key, en=key))
