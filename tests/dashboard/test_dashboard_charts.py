"""Charts hold to the Vega-Lite schema, show the bounds that matter, and keep the site's clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import altair as alt
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard import charts, palette
from dashboard.charts import Forecast
from facility.assessments import Evidence, Trouble
from facility.catalogue.catalogue import Band, Channel, catalogue
from facility.i18n.phrases import LANGUAGES, Language, Text

SHANGHAI = ZoneInfo("Asia/Shanghai")
END = datetime(2026, 11, 24, 4, tzinfo=UTC)
START = END - timedelta(days=7)
CLOSE_TIME = catalogue()["lift"].channels["door_close_time"]
ALL = [channel for kind in catalogue().values() for channel in kind.channels.values()]


def _readings(values: list[float]) -> pl.DataFrame:
    times = [START + timedelta(hours=hour) for hour in range(len(values))]
    return pl.DataFrame(
        {"time": times, "value": values}, schema={"time": pl.Datetime("us", "UTC"), "value": pl.Float64}
    )


def _chart(
    frame: pl.DataFrame, channel: Channel = CLOSE_TIME, language: Language = "en", **more: Any
) -> charts.Specification:
    return charts.channel_chart(frame, channel, start=START, end=END, timezone=SHANGHAI, language=language, **more)


def _check(specification: charts.Specification) -> None:
    rows = {name: frame.to_dicts() for name, frame in specification["datasets"].items()}
    alt.Chart.from_dict({**specification, "datasets": rows}, validate=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ALL, ids=lambda one: f"{one.kind}.{one.key}")
def test_every_channel_of_the_catalogue_can_be_drawn(channel: Channel, language: Language) -> None:
    specification = _chart(_readings([1.0, 2.0, 1.5]), channel, language)
    _check(specification)
    assert "readings" in specification["datasets"]


def test_bounds_forecast_and_hourly_range_are_drawn() -> None:
    frame = _readings([3.0, 3.2, 3.4]).with_columns(low=pl.col("value") - 0.1, high=pl.col("value") + 0.1)
    ahead = Forecast(START + timedelta(hours=2), 3.4, END + timedelta(days=2), 3.7)
    specification = _chart(frame, forecast=ahead)
    _check(specification)
    datasets = specification["datasets"]
    assert datasets["limits"]["value"].to_list() == [3.7]
    assert datasets["limits"]["words"].to_list() == ["limit 3.7 s"]
    assert datasets["normal"].row(0)[1] == 3.2
    assert datasets["forecast"]["value"].to_list() == [3.4, 3.7]
    assert {"low", "high"} <= set(datasets["readings"].columns)


def test_times_stand_on_the_clock_of_the_site_whatever_the_browser() -> None:
    readings = _chart(_readings([3.0]))["datasets"]["readings"]
    wall = datetime.fromtimestamp(readings["time"][0] / 1000, UTC)
    assert (wall.hour, readings["clock"][0]) == (12, "2026-11-17 12:00")


def test_states_are_named() -> None:
    mode = catalogue()["lift"].channels["service_mode"]
    assert _chart(_readings([1.0, 2.0]), mode, "zh")["datasets"]["readings"]["words"].to_list() == ["正常", "检修"]


def test_a_limit_far_away_does_not_flatten_the_line() -> None:
    far = replace(CLOSE_TIME, limit=Band(high=500.0))
    scale = charts.value_scale(_readings([2.0, 2.5]), far)
    assert scale.lines == ()
    assert scale.beyond == (500.0,)
    assert scale.high < 10


def test_a_forecast_beyond_the_picture_is_cut_on_its_line() -> None:
    ahead = Forecast(END, 2.0, END + timedelta(days=10), 4.0).until(END + timedelta(days=5))
    assert ahead.crosses_at == END + timedelta(days=5)
    assert ahead.limit == pytest.approx(3.0)


@example([0.0, 7.0], catalogue()["lift"].channels["levelling_error"])  # its lower limit is drawn below nought
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20), st.sampled_from(ALL))
def test_the_scale_always_holds_the_data_and_what_is_drawn(values: list[float], channel: Channel) -> None:
    scale = charts.value_scale(_readings(values), channel)
    assert scale.low <= min(values)
    assert max(values) <= scale.high
    assert scale.low < scale.high
    assert all(scale.low <= line <= scale.high for line in scale.lines)


def test_a_channel_that_is_always_zero_has_an_axis_people_can_read() -> None:
    channel = catalogue()["lift"].channels["downtime_min"]
    scale = charts.value_scale(pl.DataFrame({"value": [0.0, 0.0]}), channel)
    assert scale.low == 0.0
    assert scale.high >= 1.0


def test_no_readings_still_make_a_chart() -> None:
    _check(_chart(_readings([])))


def _evidence(**more: Any) -> Evidence:
    said = {
        "channel": "door_close_time",
        "detector": "residual",
        "trouble": Trouble.EQUIPMENT,
        "pattern": "level",
        "since": END - timedelta(days=2),
        "value": 3.4,
        "expected": 2.9,
        "score": 8.0,
        "crosses_limit_at": None,
        "sentence": Text(zh="慢了", en="slower"),
        "series": (2.9, None, 3.0, 3.3, 3.4),
        "usual": (2.9, None, 2.9, 2.9, 2.9),
    }
    return Evidence(**{**said, **more})


def _grounds(said: Evidence, channel: Channel = CLOSE_TIME, language: Language = "en") -> charts.Specification:
    return charts.evidence_chart(said, channel, end=END, timezone=SHANGHAI, language=language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ALL, ids=lambda one: f"{one.kind}.{one.key}")
def test_evidence_of_every_channel_can_be_drawn(channel: Channel, language: Language) -> None:
    _check(_grounds(_evidence(channel=channel.key), channel, language))


def test_evidence_is_drawn_day_by_day_beside_what_should_have_been() -> None:
    datasets = _grounds(_evidence())["datasets"]
    figures = datasets["figures"]
    assert figures["value"].to_list() == [2.9, 3.0, 3.3, 3.4]
    assert figures["usual_words"].to_list() == ["2.9 s"] * 4
    assert figures["day"].to_list() == ["2026-11-20", "2026-11-22", "2026-11-23", "2026-11-24"]  # middles of five days
    assert datasets["since"].height == 1
    assert datasets["limits"]["value"].to_list() == [3.7]


def test_only_levels_are_drawn_beside_the_limits_of_the_channel() -> None:
    assert "limits" not in _grounds(_evidence(pattern="variance"))["datasets"]
    assert "since" not in _grounds(_evidence(since=None))["datasets"]
    assert "since" not in _grounds(_evidence(since=END - timedelta(days=9)))["datasets"]


def test_the_figures_of_states_are_shares_of_a_day() -> None:
    mode = catalogue()["lift"].channels["service_mode"]
    figures = _grounds(_evidence(series=(0.0, 0.25), usual=(0.0, 0.0)), mode)["datasets"]["figures"]
    assert figures["value_words"].to_list() == ["0 %", "25 %"]


def test_evidence_without_figures_is_not_drawn() -> None:
    assert charts.can_be_drawn(_evidence())
    assert not charts.can_be_drawn(_evidence(series=(), usual=()))
    assert not charts.can_be_drawn(_evidence(series=(None, 2.0), usual=(None, 2.0)))


def test_the_estate_is_drawn_as_a_grid_and_as_a_map() -> None:
    states = {one: one for one in palette.STATES}
    cells = pl.DataFrame(
        {
            "column": ["A", "B"],
            "kind": ["Lift", "Tank"],
            "state": ["alarm", "normal"],
            "total": [3, 2],
            "troubled": [1, 0],
        }
    )
    grid = charts.estate_grid(cells, language="en", states=states)
    _check(grid)
    assert grid["datasets"]["assets"]["words"].to_list() == ["1 / 3", "2"]
    dots = pl.DataFrame(
        {"asset": ["x"], "place": ["A-1"], "latitude": [52.5], "longitude": [13.4], "state": ["silent"]}
    )
    _check(charts.estate_map(dots, language="zh", states=states))
