"""A plan as papers are made of it: two people with clock times, lifts out of service, breaches, goals, a formula."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from facility.i18n.phrases import Text
from facility.inspections import (
    Gain,
    GoalResult,
    Ground,
    InspectionList,
    Item,
    LeftOut,
    Person,
    Priority,
    Round,
)

HERE = Path(__file__).parent
sys.path[:0] = [
    str(HERE),
    str(HERE.parent / "facility"),
]  # watched_house, influx_stand_in, notification_tools, phone_rounds

DAY = date(2026, 3, 12)
NOW = datetime(2026, 3, 11, 18, tzinfo=UTC)


def text(zh: str, en: str = "") -> Text:
    return Text(zh=zh, en=en or zh)


def item(asset: Asset, duty: str, **more: object) -> Item:
    about = catalogue()[asset.kind].duties[duty]
    plain = Item(
        asset=asset.id,
        kind=asset.kind,
        site=asset.site,
        building=asset.building,
        floor=asset.floor,
        place=asset.place,
        task=duty,
        what=about.name,
        method=text(f"按 {about.source} 逐项进行", f"item by item after {about.source}"),
        passes=about.passes,
        ground=Ground.STATUTORY,
        reason=text("每 15 天一次,上次 2026-02-01", "every 15 days, last done 2026-02-01"),
        priority=Priority.URGENT,
        qualification=about.qualification,
        minutes=about.minutes,
        due=DAY - timedelta(days=3),
        asset_name=asset.name,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


ASSETS = (
    Asset(id="EL-1", kind="lift", site="s", building="s-1", name="1号客梯"),
    Asset(id="EL-2", kind="lift", site="s", building="s-1", name="2号客梯"),
    Asset(id="EL-3", kind="lift", site="s", building="s-2", name="=HYPERLINK(1)"),
    Asset(id="EL-4", kind="lift", site="s", building="s-3", name="1号客梯"),
    Asset(id="EL-5", kind="lift", site="t", building="t-3", name="1号客梯"),
    Asset(id="LC-1", kind="lighting_circuit", site="s", building="s-1", floor="5F", name="1号照明回路"),
    Asset(id="LC-2", kind="lighting_circuit", site="s", building="s-1", floor="B1", name="2号照明回路"),
    Asset(id="PS-1", kind="pump_set", site="s", building="s-1", floor="B1", name="1号消防泵组"),
)


@pytest.fixture(scope="session")
def handed_out() -> InspectionList:
    """A list of eight items for two people."""
    assets = ASSETS
    items = []
    minutes = {1: 8 * 60 + 10, 2: 8 * 60 + 20}
    for number, (asset, duty, person) in enumerate(
        [
            (assets[0], "half_monthly", 1),
            (assets[0], "quarterly", 1),
            (assets[1], "half_monthly", 1),
            (assets[2], "yearly", 1),
            (assets[3], "half_monthly", 2),
            (assets[7], "flow_test", 2),
            (assets[4], "half_monthly", 2),
            (assets[4], "quarterly", 2),
        ],
        start=1,
    ):
        one = item(asset, duty, number=number, person=person, out_of_service=duty in ("quarterly", "yearly"))
        start = minutes[person]
        minutes[person] = start + one.minutes
        clock = [time(at // 60, at % 60) for at in (start, start + one.minutes)]
        items.append(replace(one, start=clock[0], end=clock[1], second=2 if duty == "yearly" else 0))
    why = text("工时不足,需 120 分钟", "not enough hours: needs 120 min")
    left_out = (
        item(assets[1], "yearly", breach=True, breach_from=DAY, left_out=LeftOut.NO_TIME, left_out_reason=why),
        item(
            assets[5],
            next(iter(catalogue()["lighting_circuit"].duties)),
            ground=Ground.PROMISE,
            priority=Priority.LOW,
            left_out=LeftOut.NOT_DUE,
            left_out_reason=text("未到期", "not due"),
        ),
    )
    return InspectionList(
        service_day=DAY,
        created_at=NOW,
        people=2,
        hours=8,
        items=tuple(items),
        left_out=left_out,
        rounds=(
            Round(
                person=1, work_minutes=300, travel_minutes=20, start=time(8), end=time(14), start_place="服务中心",
                lunch_start=time(12), lunch_end=time(12, 30),
            ),
            Round(person=2, work_minutes=200, travel_minutes=30, start=time(8), end=time(13)),
        ),
        notes=(text("60 台设备没有评估", "60 assets were not assessed"),),
        number=7,
        timezone="Asia/Shanghai",
        persons=(
            Person(number=1, id="zhang", name="张建国", qualifications=("电梯作业人员",)),
            Person(number=2, id="li", name="李晓梅", contractor="安信消防"),
        ),
        gains=(Gain(what=text("多一小时", "one more hour"), harm=0.4, items=3, breaches=1),),
        goals=(GoalResult(goal="g", what=text("照明故障关闭", "lighting closed"), total=6, wanted=6, planned=5),),
    )  # fmt: skip
