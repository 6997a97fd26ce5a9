"""However short a history is and however rarely devices report: no crash, no confident nonsense, said in words."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from plain_fleets import healthy, members

import models.assessment.scoring
from facility.assessments import Knowledge, by_knowledge, knowledge
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from models.assessment.fusion import PRIOR
from models.assessment.incremental import follow, stand
from models.assessment.pipeline import assess, believe

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
CADENCES = {"hourly": (1,), "mixed": (1, 12, 6, 24, 168), "rare": (24, 168)}
SHORT = {"1 min": 1 / 1440, "1 h": 1 / 24, "1 d": 1, "2 d": 2, "5 d": 5, "8 d": 8}


def believed(shelf, assets, end, days, every):
    hourly = healthy(assets, end, timedelta(days=days), every=every)
    return assess(shelf(hourly), assets, as_of=end, horizon=WEEK, timezone=ZONE)


def is_modest(one, days):
    assert not one.flagged, (one.asset, one.reason.en)
    assert one.reason.zh
    assert "nan" not in one.reason.en.lower().split()
    if days < 7:
        assert one.state in (Knowledge.TOO_LITTLE, Knowledge.NEVER_HEARD, Knowledge.NOT_ASSESSED)
        assert one.probability == pytest.approx(PRIOR)
    if days < 14:
        assert "Nothing unusual" not in one.reason.en


@pytest.mark.parametrize("kind", list(catalogue()))
@pytest.mark.parametrize("count", [1, 3])
def test_every_class_from_its_first_minute(shelf, end, kind, count):
    for days in SHORT.values():
        for every in CADENCES.values():
            for one in believed(shelf, members(kind, count), end, days, every):
                is_modest(one, days)


def test_sixty_of_every_class_together_in_their_first_days(shelf, end):
    assets = [asset for kind in catalogue() for asset in members(kind, 12)]
    for days in SHORT.values():
        found = believed(shelf, assets, end, days, CADENCES["mixed"])
        for one in found:
            is_modest(one, days)


@pytest.mark.slow
@pytest.mark.parametrize("days", [5, 8, 30])
@pytest.mark.parametrize("kind", list(catalogue()))
def test_sixty_of_a_class(shelf, end, kind, days):
    found = believed(shelf, members(kind, 60), end, days, CADENCES["mixed"])
    for one in found:
        is_modest(one, days)


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(catalogue()))
def test_a_month_and_two_years_of_health_are_no_alarm(shelf, end, kind):
    for days in (30, 800):
        for every in CADENCES.values():
            assert not any(one.flagged for one in believed(shelf, members(kind, 3), end, days, every))


def test_the_words_say_how_much_there_is_and_how_much_it_takes(panels, end):
    store, assets = panels(6, days=5)
    one = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)[0]
    assert one.reason.en == "Too little data to tell: 5 days of 14 days"
    assert "14 天" in one.reason.zh
    store, assets = panels(6, days=40)
    assert assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)[0].state is Knowledge.ASSESSED


def test_a_limit_speaks_from_the_first_days(panels, end):
    store, assets = panels(6, days=4, changes={2: {"battery_voltage": lambda hours: 0 * hours - 6.0}})
    found = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert [one.asset for one in found if one.evidence] == ["F-0002"]
    assert "outside its limit" in found[2].reason.en


def breaking(monkeypatch, name, where, broken):
    """The real function `where.name`, which fails for assets whose ids are `broken`, as a bug would."""
    real = getattr(where, name)

    def fails(windows, *args, **kwargs):
        if broken & {asset.id for asset in windows.assets}:
            raise ZeroDivisionError("no such slope")
        return real(windows, *args, **kwargs)

    monkeypatch.setattr(where, name, fails)


def test_assets_that_break_an_assessment_are_set_aside_and_named(panels, end, monkeypatch):
    store, assets = panels(12, changes={5: {"battery_voltage": lambda h: -0.8 * (h > 800)}})
    before = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    breaking(monkeypatch, "recent_change", models.assessment.scoring, {"F-0003", "F-0009"})
    found = assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert [one.asset for one in found] == [asset.id for asset in assets]
    aside = [one for one in found if one.failure]
    assert [one.asset for one in aside] == ["F-0003", "F-0009"]
    for one in aside:
        assert one.state is Knowledge.NOT_ASSESSED
        assert not one.flagged
        assert one.probability == pytest.approx(PRIOR)
        assert "ZeroDivisionError" in one.reason.en
        assert "ZeroDivisionError" in one.reason.zh
    assert [one.flagged for one in found] == [one.flagged for one in before]


def test_what_is_nobodys_fault_stops_the_assessment(panels, end, monkeypatch):
    store, assets = panels(4)

    def unreachable(**_):
        raise CannotDo("the store does not answer")

    monkeypatch.setattr(store, "rollups", unreachable)
    with pytest.raises(CannotDo):
        assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)


def test_the_next_hour_goes_on_without_what_was_set_aside(panels, end, monkeypatch):
    store, assets = panels(12)
    breaking(monkeypatch, "recent_change", models.assessment.scoring, {"F-0003"})
    before = end - timedelta(hours=1)
    standing, found = stand(store, assets, as_of=before, horizon=WEEK, timezone=ZONE)
    assert found[3].failure
    followed = follow(store, standing, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert len(followed.standing.assets) == 12
    belief = believe(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert len(belief.chance) == 12


def test_only_outage_minutes_for_three_days_are_little_and_not_silence(shelf, end):
    assets = members("lift", 2)
    hourly = healthy(assets[:1], end, timedelta(days=3), every=(24,))
    hourly = hourly.filter(pl.col("channel") == "downtime_min")
    assert len(hourly)
    found = assess(shelf(hourly), assets, as_of=end, horizon=WEEK, timezone=ZONE)
    assert [one.state for one in found] == [Knowledge.TOO_LITTLE, Knowledge.NEVER_HEARD]


def test_states_are_counted_in_one_place(panels, end):
    store, assets = panels(4, days=40)
    found = {one.asset: one for one in assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE)}
    told = by_knowledge([*found, "F-new"], found)
    assert told[Knowledge.NOT_ASSESSED] == ["F-new"]
    assert len(told[Knowledge.ASSESSED]) == 4
    assert told[Knowledge.NEVER_HEARD] == []
    assert knowledge(None) is Knowledge.NOT_ASSESSED
