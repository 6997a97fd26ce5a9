"""Every page, in both languages, on a real store and real records."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard import planned, sources
from dashboard.serve import APP
from dashboard.wording import say
from facility.alerts import AlertState
from facility.assessments import Knowledge
from facility.folder import DataFolder
from facility.i18n.phrases import LANGUAGES, Language
from facility.inspections import Directive, Instruction
from facility.records import Records
from facility.standing import AssetStep, StepKind
from serviceday.alerts.lifecycle import decide
from serviceday.planning import Planning, PlanRequest, parse_crew
from serviceday.watch.health import ingest_trouble, system_conditions

PAGES = ("alerts", "fleet", "asset", "worklist", "findings", "myday", "days", "accounts")


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    st.cache_resource.clear()


def _open(page: str, language: Language = "en", **asked: str) -> AppTest:
    at = AppTest.from_file(str(APP), default_timeout=60)
    at.query_params["lang"] = language
    for name, value in asked.items():
        at.query_params[name] = value
    if page != PAGES[0]:
        at._page_hash = calc_hash(page)  # pages are functions: AppTest.switch_page only knows files
    return at.run()


def _words(at: AppTest) -> str:
    return " ".join(str(one.value if hasattr(one, "value") else one.body) for one in [*at.get("html"), *at.markdown])


def _table(at: AppTest, place: int = 0) -> Any:
    return at.dataframe[place].value


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_stands_in_both_languages(installation: Path, page: str, language: Language) -> None:
    at = _open(page, language)
    assert not at.exception
    assert at.subheader[0].value == say(f"page_{page}", language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_of_an_empty_installation_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str, language: Language
) -> None:
    with Records(DataFolder(tmp_path).prepare().records):
        pass
    monkeypatch.setenv("SERVICEDAY_DATA", str(tmp_path))
    at = _open(page, language)
    assert not at.exception
    empty = "accounts_none" if page == "accounts" else "no_assets"
    assert say(empty, language) in _words(at)
    assert ("serviceday user add" if page == "accounts" else "serviceday demo") in _words(at)


def test_a_missing_folder_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEDAY_DATA", str(tmp_path / "nowhere"))
    at = _open("fleet", "en")
    assert not at.exception
    assert "no data folder at" in _words(at)
    assert "nowhere" in _words(at)
    told = _words(_open("fleet", "zh"))
    assert "处没有数据目录" in told
    assert "请先运行 `serviceday demo`" in told


def test_an_unknown_time_zone_is_told_in_words(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICEDAY_TIMEZONE", "Mars/Olympus")
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "zh")
    at = _open("fleet")
    assert not at.exception
    assert "没有“Mars/Olympus”这个时区" in _words(at)


def test_old_open_alerts_are_shown_worst_first(installation: Path) -> None:
    table = _table(_open("alerts"))
    assert list(table["asset"]) == ["L-01", "TK-01"]
    assert list(table["opened"]) == ["2 d ago", "400 d ago"]


def test_what_comes_from_records_is_escaped(installation: Path) -> None:
    at = _open("asset", asset="L-02")
    assert "&lt;b&gt;客梯 2&lt;/b&gt;" in _words(at)
    assert "<b>客梯 2</b>" not in _words(at)


def _box(at: AppTest, key: str, *, place: int = 0) -> Any:
    return [box for box in at.text_input if box.label == say(key, "en")][place]


def _press(at: AppTest, key: str) -> AppTest:
    return next(one for one in at.button if one.label == say(key, "en")).click().run()


def test_acknowledging_is_signed_and_kept(installation: Path) -> None:
    at = _press(_open("alerts"), "acknowledge")
    assert [one.value for one in at.warning] == [say("name_needed", "en")]
    _box(at, "your_name").set_value("Li Lei")
    _box(at, "note").set_value("on my way")
    at = _press(at, "acknowledge")
    assert not at.exception
    with Records(DataFolder(installation).records) as records:
        (alert,) = records.alerts.open(asset="L-01")
        assert (alert.state, alert.acknowledged_by) == (AlertState.ACKNOWLEDGED, "Li Lei")
        assert [step.what for step in records.alerts.trail(alert.id)] == ["opened", "acknowledged"]
    assert "Acknowledged · Li Lei" in list(_table(at)["state"])


def test_closing_removes_it_from_the_open_and_keeps_it_among_the_closed(installation: Path) -> None:
    at = _open("alerts")
    _box(at, "your_name").set_value("Li Lei")
    at = _press(at, "close")
    assert list(_table(at)["asset"]) == ["TK-01"]
    st.cache_resource.clear()
    closed = _open("alerts", show="closed")
    assert list(_table(closed)["asset"]) == ["L-01"]


def test_what_is_wrong_with_the_system_itself_is_shown(installation: Path) -> None:
    now = datetime.now(UTC)
    conditions = system_conditions([ingest_trouble(None)], [], now=now)
    with Records(DataFolder(installation).records) as records:
        (alert,) = records.alerts.keep(decide([], conditions, {}, now=now).opened, [], now=now)
    try:
        words = _words(_open("alerts", alert=str(alert.id)))
        assert "Ingest is not well" in words
        assert "The system itself" in words
    finally:
        with Records(DataFolder(installation).records) as records:
            records.alerts.close(alert.id, by="Li", now=now)


def test_the_address_chooses_the_alert(installation: Path) -> None:
    with Records(DataFolder(installation).records) as records:
        (alert,) = records.alerts.open(asset="TK-01")
    assert "Level sensor doubtful" in _words(_open("alerts", alert=str(alert.id)))


@pytest.mark.parametrize("wrong", ["99", "x", "-1", "½"])
def test_an_address_that_names_nothing_is_no_error(installation: Path, wrong: str) -> None:
    for page, name in (("alerts", "alert"), ("asset", "asset"), ("worklist", "day"), ("worklist", "hours")):
        assert not _open(page, **{name: wrong}).exception


def test_the_fleet_ranks_and_narrows(installation: Path) -> None:
    table = _table(_open("fleet"))
    assert (table["asset"].iloc[0], round(table["probability"].iloc[0])) == ("L-01", 83)
    assert list(_table(_open("fleet", state="sensor"))["asset"]) == ["TK-01"]
    assert list(_table(_open("fleet", kind="lift", find="客梯 2"))["asset"]) == ["L-02"]


def test_the_asset_page_tells_why_and_draws_the_channels(installation: Path) -> None:
    at = _open("asset", "zh", asset="L-01")
    words = _words(at)
    assert "关门时间上升到 3.6 秒" in words
    assert "门机磨损" in words
    assert "GB/T 10058" in words
    charts = at.get("arrow_vega_lite_chart") or at.get("vega_lite_chart")
    assert len(charts) == 1 + 6  # what speaks for it, and the first channels
    assert say("grounds", "zh") in words
    assert "应有 2.5 秒" in words
    assert len(_open("asset", "zh", asset="L-01", all="1").get(charts[0].type)) > 7
    assert say("grounds", "zh") not in _words(_open("asset", "zh", asset="L-02"))


@pytest.mark.parametrize("window", ["24h", "7d", "90d"])
def test_every_window_is_drawn(installation: Path, window: str) -> None:
    at = _open("asset", asset="L-01", window=window, all="1")
    assert not at.exception
    assert say("nothing_in_window", "en") not in _words(at)


def test_the_asset_page_tells_what_is_foreseen_and_what_would_refute_it(installation: Path) -> None:
    words = _words(_open("asset", asset="L-01"))
    assert "door sill obstruction" in words
    assert "about 3 (2 to 6)" in words
    assert "Door close time back at about 2.5 s" in words


def test_an_asset_without_readings_says_so(installation: Path) -> None:
    words = _words(_open("asset", asset="SD-01"))
    assert say("no_readings", "en") in words
    assert say("not_assessed", "en") in words


def test_the_list_gives_reasons_for_what_is_in_and_what_is_out(installation: Path) -> None:
    at = _open("worklist", hours="0.5")
    assert at.number_input[0].value == 0.5
    inside, outside = _table(at, 0), _table(at, 1)
    assert len(outside) > 0
    assert all(inside["reason"])
    assert all(outside["why_not"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chosen_item_is_told_in_full(installation: Path, language: Language) -> None:
    at = _open("worklist", language, hours="0.5")
    words = _words(at)
    for table, column in ((0, "reason"), (1, "reason"), (1, "why_not")):
        assert _table(at, table)[column][0] in html.unescape(words)
    assert say("how", language) in words
    assert say("passes", language) in words


def test_a_list_can_be_kept_as_it_is(installation: Path) -> None:
    at = _press(_open("worklist"), "keep_list")
    assert not at.exception
    with Records(DataFolder(installation).records) as records:
        kept = records.plans.newest()
        assert kept is not None
        assert kept.service_day > datetime.now(UTC).date().replace(day=1)


def test_the_page_shows_the_plan_that_is_kept_and_keeps_its_rules(installation: Path) -> None:
    day, zone = datetime.now(UTC).date() + timedelta(days=9), ZoneInfo("Asia/Shanghai")
    rules = '[[window]]\nkind = "lift"\nopen = ["13:00-18:00"]\n'
    with Records(DataFolder(installation).records) as records:
        plans = Planning(records, now=datetime.now(UTC), timezone=zone)
        told = Instruction(asset="L-01", directive=Directive.LOCK, task="warning")
        request = PlanRequest(day=day, crew=parse_crew(rules, people=2, hours=8.0), instructions=[told])
        first = plans.keep(plans.make(request, records.assessments.latest()))
        assert any(one.kind == "lift" for one in first.items)
    shown = planned.inspection_list(installation, day, None, None, zone)
    assert (shown.plan.number, shown.on_record) == (first.number, True)
    assert f"Plan {first.number} for {day}" in _words(_open("worklist", day=str(day)))
    other = planned.inspection_list(installation, day, 9.5, 1, zone)
    assert not other.on_record
    assert (other.plan.hours, other.plan.people) == (9.5, 1)
    assert other.plan.asked.instructions == first.asked.instructions
    assert all(one.start and one.start.hour >= 13 for one in other.plan.items if one.kind == "lift")
    named = '[[person]]\nid = "wang"\nname = "王芳"\nqualifications = ["电梯作业人员", "电梯安全管理员"]\n'
    with Records(DataFolder(installation).records) as records:
        plans = Planning(records, now=datetime.now(UTC), timezone=zone)
        second = plans.keep(plans.make(PlanRequest(day=day, crew=parse_crew(named)), records.assessments.latest()))
    assert second.asked.instructions == first.asked.instructions, "what was said by hand survives"
    at = _open("worklist", day=str(day), hours="2")
    assert not at.number_input, "a crew file says who works and when"
    assert "王芳" in " ".join(one.value for one in at.caption)


def test_readings_are_only_read(installation: Path) -> None:
    before = {one: one.stat().st_mtime_ns for one in (installation / "readings").rglob("*") if one.is_file()}
    for page in PAGES:
        _open(page)
    assert before == {one: one.stat().st_mtime_ns for one in (installation / "readings").rglob("*") if one.is_file()}


def _numbers(installation: Path) -> dict[str, int]:
    with Records(DataFolder(installation).records) as records:
        return {alert.asset: alert.id for alert in records.alerts.open()}


def test_what_a_link_names_is_shown_though_it_is_not_the_worst(installation: Path) -> None:
    number = _numbers(installation)["TK-01"]
    at = _open("alerts", alert=str(number))
    assert "Level sensor doubtful, still so" in _words(at)
    assert at.query_params["alert"] == str(number)


def test_what_is_closed_elsewhere_stays_under_the_hand_that_reads_it(installation: Path) -> None:
    number = _numbers(installation)["TK-01"]
    at = _open("alerts", alert=str(number))
    with Records(DataFolder(installation).records) as records:
        records.alerts.close(number, by="Han", now=datetime.now(UTC), note="elsewhere")
    sources.forget_alerts()
    at.run()
    assert "Level sensor doubtful, still so" in _words(at)
    assert say("alert_no_longer_open", "en") in _words(at)
    assert not [button for button in at.button if button.label == say("acknowledge", "en")]
    assert at.query_params["alert"] == str(number)


@pytest.mark.parametrize("asked", ["999999", "²", "-1", "9" * 40, "1e3", "<b>x</b>", "![x](http://x)"])
def test_a_link_to_no_alert_shows_none_instead_of_another(installation: Path, asked: str) -> None:
    at = _open("alerts", alert=asked)
    assert not at.exception
    words = html.unescape(_words(at))
    assert say("alert_unknown", "en", number=asked[:20]) in words
    assert say("last_seen", "en") not in words, "no alert is drawn whole"
    assert len(_table(at)) == 2


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "asked", [{"day": "0001-01-01"}, {"day": "9999-12-31"}, {"hours": "nan"}, {"people": "1e9"}, {"alert": "²"}]
)
def test_no_address_breaks_a_page(installation: Path, page: str, asked: dict[str, str]) -> None:
    assert not _open(page, **asked).exception


def test_what_nobody_foresaw_is_told_in_words(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("dashboard.views.fleet.show", broken)
    monkeypatch.setattr("dashboard.sources.size", broken)
    at = _open("fleet")
    assert not at.exception
    assert say("not_drawn", "en") in _words(at)
    assert "secret" not in _words(at)


@pytest.mark.parametrize("page", ["asset", "alerts", "worklist"])
def test_words_of_others_are_never_markdown(installation: Path, page: str) -> None:
    at = _open(page, asset="![x](http://192.0.2.1/x.png)")
    shown = " ".join(str(element.value) for element in [*at.warning, *at.markdown])
    assert "](http" not in shown


def _unknown(installation: Path) -> None:
    """One lift too young to judge, one asset nobody assessed, one retired; the smoke detector never sent anything."""
    with Records(DataFolder(installation).records) as records:
        latest = records.assessments.latest()
        young = replace(latest["L-02"], as_of=datetime.now(UTC), probability=0.5, state=Knowledge.TOO_LITTLE)
        records.assessments.put([young])
        records.trail.add(
            AssetStep(
                asset="HZ-01", kind=StepKind.RETIRED, start=date(2026, 1, 1), at=datetime.now(UTC), who="Li", why="gone"
            )
        )


def test_no_data_is_a_state_of_its_own_on_the_fleet_page(installation: Path) -> None:
    _unknown(installation)
    at = _open("fleet")
    table = _table(at)
    states = dict(zip(table["asset"], [" ".join(cell) for cell in table["state"]], strict=True))
    assert "Never heard" in states["SD-01"]
    assert "Too little data" in states["L-02"]
    assert "Out of use" in states["HZ-01"]
    assert not any("Normal" in states[asset] for asset in ("SD-01", "L-02", "HZ-01"))
    ranks = dict(zip(table["asset"], table["rank"], strict=True))
    assert [ranks[asset] != ranks[asset] for asset in ("SD-01", "L-02")] == [True, True]
    for state in ("never_heard", "too_little_data", "out_of_use"):
        assert say(f"state_{state}", "en") in _words(at)


def test_without_alerts_only_what_was_assessed_counts_as_well(installation: Path) -> None:
    _unknown(installation)
    with Records(DataFolder(installation).records) as records:
        for alert in records.alerts.open():
            records.alerts.close(alert.id, by="Li", now=datetime.now(UTC))
    words = _words(_open("alerts"))
    assert "Never heard 1" in words
    assert "Too little data 1" in words
    assert "being watched" not in words


def test_an_asset_of_which_little_is_known_shows_no_probability(installation: Path) -> None:
    _unknown(installation)
    words = _words(_open("asset", asset="L-02"))
    assert "Too little data" in words
    assert "50 %" not in words


def test_an_alert_is_given_away_put_aside_and_brought_back(installation: Path) -> None:
    number = _numbers(installation)["L-01"]
    at = _open("alerts", alert=str(number))
    who, to = _box(at, "handled_by"), _box(at, "assigned_to")
    who.set_value("Li Lei")
    to.set_value("Han Mei")
    at = _press(at, "assign")
    assert not at.exception
    assert "Not acknowledged · Han Mei" in list(_table(at)["state"])
    at = _press(at, "shelve")
    assert "for a reason" in at.warning[0].value, "nothing is put aside without a reason"
    words = _box(at, "note", place=1)
    words.set_value("waits for the part")
    at = _press(at, "shelve")
    assert not at.exception
    assert "L-01" not in list(_table(at)["asset"])
    with Records(DataFolder(installation).records) as records:
        assert records.alerts.get(number).shelved(datetime.now(UTC))
        steps = [step.what for step in records.alerts.trail(number)]
        assert steps == ["opened", "assigned", "shelved"]
    aside = _open("alerts", show="shelved")
    assert list(_table(aside)["asset"]) == ["L-01"]
    assert "waits for the part" in _words(aside)
