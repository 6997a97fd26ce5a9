"""Many ill assets and a cause in common are told apart: the cliff at a quarter of the fleet, heat waves, holidays."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from facility.assessments import COMMON
from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from models.assessment.common_cause import common_causes
from models.assessment.memory import Memory
from models.assessment.pipeline import assess

ZONE = ZoneInfo("Asia/Shanghai")
WEEK = timedelta(days=7)
DAYS = 60


def hourly(end, series):
    """Rollups of hourly values: {(asset, channel): values}, all ending at `end`."""
    frames = [
        pl.DataFrame(
            {
                "asset": asset,
                "channel": channel,
                "hour": [end - timedelta(hours=len(values) - i) for i in range(len(values))],
                "mean": values,
            },
            schema_overrides={"hour": pl.Datetime("us", "UTC")},
        )
        for (asset, channel), values in series.items()
    ]
    mean, around = pl.col("mean"), 0.003
    return pl.concat(frames).with_columns(
        pl.lit(4).alias("count"),
        pl.lit(0.002).alias("std"),
        (mean - around).alias("min"),
        (mean + around).alias("max"),
        mean.alias("first"),
        mean.alias("last"),
        pl.lit(0.0).alias("increase"),
    )


def zones(shelf, end, ill, *, to=0.035, spread=False, sites=1, elsewhere=False):
    """24 zones of about 0.45 MPa; the first `ill` of them fall to `to`, on one day or on four days of a week.

    With two sites every second zone stands at the other, and falls only if `elsewhere`.
    """
    random = np.random.default_rng(5)
    names = ("north", "south")
    assets = [Asset(id=f"Z-{n:02d}", kind="hydrant_zone", site=names[n % sites]) for n in range(24)]
    series = {}
    for number, asset in enumerate(assets):
        values = 0.45 + 0.002 * number + 0.004 * random.standard_normal(DAYS * 24)
        if number < ill and (elsewhere or asset.site == "north"):
            since = DAYS - 10 + (2 * (number % 4) if spread else 0)
            values[since * 24 :] = to + 0.004 * random.standard_normal((DAYS - since) * 24)
        series[asset.id, "end_pressure"] = values
    return shelf(hourly(end, series)), assets


def look(store, assets, end, **memory):
    return assess(store, assets, as_of=end, horizon=WEEK, timezone=ZONE, memory=Memory(**memory))


def flagged(found):
    return [one.asset for one in found if one.flagged]


def shared(one):
    return [e.sentence for e in one.evidence if e.pattern == COMMON]


@pytest.mark.parametrize("spread", [False, True])
@pytest.mark.parametrize("ill", [0, 3, 6, 8, 12, 18, 24])
def test_no_share_of_the_fleet_hides_valves_that_closed(shelf, end, ill, spread):
    store, assets = zones(shelf, end, ill, spread=spread)
    found = look(store, assets, end)
    assert flagged(found) == [asset.id for asset in assets[:ill]]
    assert all(one.probability > 0.8 for one in found[:ill])
    told = [bool(shared(one)) for one in found]
    assert told[ill:] == [False] * (24 - ill)
    if not spread:
        assert told[:ill] == [ill >= 6] * ill, "a quarter of the class on one day has a cause in common"


@pytest.mark.parametrize("ill", [3, 6, 8, 12, 18, 24])
def test_steps_on_days_of_their_own_count_within_the_limits_too(shelf, end, ill):
    store, assets = zones(shelf, end, ill, spread=True, to=0.3)
    assert flagged(look(store, assets, end)) == [asset.id for asset in assets[:ill]]


def test_a_cause_in_common_is_said_in_both_languages_and_counts_right(shelf, end):
    store, assets = zones(shelf, end, 22)
    found = look(store, assets, end)
    words = {sentence for one in found for sentence in shared(one)}
    assert len(words) == 1
    (sentence,) = words
    assert all(words in sentence.en for words in ("fell", "22 of 24", "22 May", "supply"))
    assert all(words in sentence.zh for words in ("降低", "24 台", "22 台", "5月22日", "供水"))
    assert "21 others" in found[0].reason.en
    (cause,) = common_causes(found, assets, catalogue(), ZONE)
    assert cause.assets == {asset.id for asset in assets[:22]}


def test_what_most_of_a_class_did_at_once_within_the_normal_band_is_told_and_not_flagged(shelf, end):
    store, assets = zones(shelf, end, 22, to=0.3)
    found = look(store, assets, end)
    assert flagged(found) == []
    assert all(shared(one) and "since 22 May" in one.reason.en for one in found[:22])
    assert all(one.reason.en == "Nothing unusual" for one in found[22:])


@pytest.mark.parametrize(("elsewhere", "ill"), [(False, 12), (True, 0)])
def test_beyond_the_normal_band_the_other_site_tells_whether_it_is_a_fault(shelf, end, elsewhere, ill):
    store, assets = zones(shelf, end, 24, to=0.1, sites=2, elsewhere=elsewhere)
    found = look(store, assets, end)
    assert len(flagged(found)) == ill
    assert all("12 of 12" in shared(one)[0].en for one in found if one.flagged)


def test_a_common_fall_stays_on_the_later_looks(shelf, end):
    store, assets = zones(shelf, end, 24)
    found = look(store, assets, end - 2 * timedelta(days=1))
    again = look(store, assets, end, before={one.asset: one for one in found if one.flagged})
    assert len(flagged(again)) == 24
    assert all(len(shared(one)) == 1 for one in again)


@pytest.mark.parametrize("length", [2, 5, 9])
def test_a_heat_wave_flags_nobody(shelf, end, length):
    random = np.random.default_rng(8)
    weather = np.repeat(np.convolve(random.normal(0, 3, DAYS + 4), np.ones(5) / 5, "valid"), 24)
    weather[-length * 24 :] += 11.0
    daily = 4 * np.sin(2 * np.pi * (np.arange(DAYS * 24) - 9) / 24)
    assets = [Asset(id=f"L-{n:02d}", kind="lift", site="north") for n in range(24)]
    series = {}
    for asset in assets:
        felt = random.uniform(0.6, 1.1)
        room = 24 + random.normal(0, 1) + felt * (weather + daily) + random.normal(0, 0.4, DAYS * 24)
        series[asset.id, "machine_room_temperature"] = room
        series[asset.id, "motor_temperature"] = room + 18 + random.normal(0, 0.8, DAYS * 24)
    found = look(shelf(hourly(end, series)), assets, end)
    assert all(one.coverage > 0.9 for one in found)
    assert flagged(found) == []


@pytest.mark.parametrize("share", [1.0, 0.75])
def test_a_holiday_flags_nobody(shelf, end, share):
    """Lights of an office, dimmed to a third for five days, all or most of them."""
    random = np.random.default_rng(9)
    assets = [Asset(id=f"C-{n:02d}", kind="lighting_circuit", site="north") for n in range(24)]
    series = {}
    for number, asset in enumerate(assets):
        values = 900 + 20 * number + random.normal(0, 12, DAYS * 24)
        if number < 24 * share:
            values[-5 * 24 :] *= 0.35
        series[asset.id, "circuit_power"] = values
    found = look(shelf(hourly(end, series)), assets, end)
    assert all(one.coverage > 0.9 for one in found)
    assert flagged(found) == []
