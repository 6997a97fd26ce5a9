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


def qualification(key: str) -> Text:
    """Its name; one not listed is shown as it is."""
    return QUALIFICATIONS.get(key, Text(zh=key, en=key))
