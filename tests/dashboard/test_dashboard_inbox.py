"""The inbox: filters, search with pinyin initials, what grows and what is silent, and several alerts at once."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import streamlit as streamlit
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from dashboard import charts, inbox, palette
from dashboard.door import sheets
from dashboard.initials import initials
from dashboard.places import LatinNames, latin
from dashboard.serve import APP
from dashboard.wording import say
from facility.alerts import Alert, Severity, Source, Step
from facility.assessments import Assessment, Prognosis
from facility.estate import Asset, Building, Site
from facility.folder import DataFolder
from facility.i18n.phrases import Text
from facility.records import Records
from serviceday.documents.branding import Names

NOW = datetime(2026, 11, 24, 5, 5, tzinfo=UTC)
LIFT = Asset(id="L-7", kind="lift", site="cuiyuan", building="b1", floor="12F", name="1号客梯")
TANK = Asset(id="T-7", kind="tank", site="binhe", building="b1", name="1号消防水箱")
ASSETS = {asset.id: asset for asset in (LIFT, TANK)}
NAMES = Names.of(
    [Site(id="cuiyuan", name="翠苑小区"), Site(id="binhe", name="滨河花园")],
    [Building(id="b1", site="cuiyuan", name="3号楼"), Building(id="b1", site="binhe", name="8号楼")],
)


def _alert(number: int, asset: str, severity: Severity = Severity.LOW, to: str = "") -> Alert:
    words = Text(zh="开关门机磨损", en="Door operator wear")
    return Alert(
        id=number, asset=asset, cause=f"{number}", channel="", source=Source.EQUIPMENT, severity=severity,
        title=words, reason=words, opened_at=NOW, last_seen_at=NOW, assigned_to=to,
    )  # fmt: skip


ALERTS = [_alert(1, "L-7", Severity.HIGH, "Li Lei"), _alert(2, "T-7"), _alert(3, "binhe")]


@pytest.mark.parametrize(
    ("wish", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"site": "binhe"}, [2, 3]),
        ({"kind": "lift"}, [1]),
        ({"severity": "low"}, [2, 3]),
        ({"person": "Li Lei"}, [1]),
        ({"person": inbox.NOBODY}, [2, 3]),
        ({"words": "cyxq"}, [1]),
        ({"words": "滨河 水箱"}, [2]),
        ({"words": "#3"}, [3]),
        ({"words": "LIFT"}, [1]),
        ({"words": "nowhere"}, []),
    ],
)
def test_each_filter_lets_through_what_it_names(wish: dict[str, str], numbers: list[int]) -> None:
    assert [alert.id for alert in inbox.matching(ALERTS, ASSETS, inbox.Filter(**wish), NAMES)] == numbers


def test_what_grows_comes_soonest_first_and_what_is_closed_does_not_grow() -> None:
    step = Step(alert=2, at=NOW, who="", what="worsened")
    calm = Assessment(
        asset="L-7", as_of=NOW, horizon_days=7, probability=0.9, sensor_probability=0, flagged=True, score=1, mode="",
        reason=Text(zh="", en=""), coverage=1, model="m", evidence=(),
        prognosis=Prognosis(consequence=1.0, days_to_limit=3.0),
    )  # fmt: skip
    rows = inbox.worsening(ALERTS, [step, replace(step, alert=99)], {"L-7": calm})
    assert [(row.asset, row.days, row.at) for row in rows] == [("L-7", 3.0, None), ("T-7", None, NOW)]
    assert not inbox.worsening(ALERTS, [replace(step, what="eased")], {"L-7": replace(calm, flagged=False)})


def test_the_silent_come_by_when_they_fell_silent() -> None:
    fleet = pl.DataFrame(
        {"asset": ["a", "b", "c"], "state": ["silent", "normal", "silent"], "last": [NOW, NOW, NOW + timedelta(1)]}
    )
    assert inbox.quiet(fleet)["asset"].to_list() == ["c", "a"]


def test_initials_are_those_of_the_common_characters() -> None:
    assert initials("翠苑小区 3号楼") == "cyxq3hl"
    assert initials("消防水箱（池）") == "xfsxc"
    assert initials("阿座") == "az"


@given(st.text())
def test_initials_are_letters_and_figures_whatever_is_typed(words: str) -> None:
    assert re.fullmatch(r"[a-z0-9]*", initials(words))


def test_english_pages_name_places_in_english_and_leave_what_they_do_not_know() -> None:
    names = LatinNames(NAMES.sites, NAMES.buildings, NAMES.several)
    assert names.place(LIFT) == "Cuiyuan Building 3-12F-Passenger lift 1"
    assert latin("东侧 3号电梯厅") == "东侧 3号电梯厅"
    assert NAMES.place(LIFT) == "翠苑小区 3号楼-12F-1号客梯"


@pytest.mark.parametrize("name", ["INK", "QUIET", "LINE", "LIMIT", "FORECAST"])
def test_words_in_every_colour_can_be_read_on_light_and_dark_pages(name: str) -> None:
    tone = getattr(palette, name)
    assert all(palette.contrast(tone, ground) >= 4.5 for ground in ("#ffffff", "#f3f5f7"))
    assert all(palette.contrast(palette.DARK[tone], ground) >= 4.5 for ground in ("#12181f", "#182028", "#1c242d"))


def test_white_words_can_be_read_on_every_filled_spot() -> None:
    spots = [*palette.SEVERITIES.values(), *palette.PRIORITIES.values(), palette.STATES["attention"]]
    assert all(palette.contrast("#ffffff", spot) >= 4.5 for spot in spots)


def test_a_chart_on_a_dark_page_keeps_its_rows_and_no_light_colour() -> None:
    rows = pl.DataFrame({"value": [1.0]})
    light = {"mark": {"color": palette.LINE}, "layer": [{"stroke": palette.PAPER}], "datasets": {"readings": rows}}
    dark = charts.in_dark(light)
    assert dark["mark"] == {"color": palette.DARK[palette.LINE]}
    assert dark["layer"] == [{"stroke": palette.DARK[palette.PAPER]}]
    assert dark["datasets"]["readings"] is rows
    assert light["mark"] == {"color": palette.LINE}


def test_the_script_of_pages_speaks_chinese_for_streamlit() -> None:
    script = sheets.page_script()
    assert '"Download as CSV": "下载 CSV"' in script
    assert "__WORDS__" not in script


def _open(**asked: str) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in {"lang": "en", **asked}.items():
        at.query_params[name] = value
    return at.run()


def _press(at: AppTest, key: str) -> AppTest:
    return next(button for button in at.button if button.label == say(key, "en")).click().run()


def test_several_alerts_are_acknowledged_and_put_aside_each_once(installation: Path) -> None:
    streamlit.cache_resource.clear()
    at = _press(_open(batch="1"), "batch_acknowledge")
    assert [box.value for box in at.warning] == [say("batch_none", "en")]
    at.checkbox[0].check()
    next(box for box in at.text_input if box.label == say("your_name", "en")).set_value("Li Lei")
    at = _press(at, "batch_acknowledge")
    assert not at.exception
    assert [box.value for box in at.success] == [say("batch_done", "en", n=2)]
    at.checkbox[0].check()
    at = _press(at, "batch_shelve")
    assert "for a reason" in at.warning[0].value, "nothing is put aside without a reason, and each refusal is told"
    with Records(DataFolder(installation).records) as records:
        trails = [[step.what for step in records.alerts.trail(alert.id)] for alert in records.alerts.open()]
        assert {alert.acknowledged_by for alert in records.alerts.open()} == {"Li Lei"}
    assert trails == [["opened", "acknowledged"]] * 2


def test_why_an_alert_was_told_is_said_and_what_is_filtered_out_is_not_listed(installation: Path) -> None:
    streamlit.cache_resource.clear()
    at = _open(why="1", severity="low")
    assert list(at.dataframe[0].value["asset"]) == ["TK-01"]
    told = "".join(str(getattr(node, "proto", "")) for node in at.main)
    assert say("why_told", "en") in told
    assert say("gone_quiet", "en") in told
