"""Charts of channels: pure functions from a frame to an Altair chart.

Every time axis shows the site's clock whatever the browser's zone: wall-clock times travel labelled as UTC and are
drawn on a UTC scale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from zoneinfo import ZoneInfo

import altair as alt
import polars as pl

from dashboard import palette
from dashboard.wording import number, percent, quantity, say
from facility.assessments import Evidence
from facility.catalogue.catalogue import Aggregate, Band, Channel
from facility.i18n.phrases import Language

Specification: TypeAlias = dict[str, Any]  # a Vega-Lite chart; its rows are Polars frames in `datasets`

_FONT = "'Segoe UI', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', sans-serif"
_GRID_WIDTH = 450  # pixels of the estate grid without its row names, on a 1280 screen
REACH = 1.5  # a band or limit further off than this many data spans would flatten the line: it is told in words instead
LOOKAHEAD = 0.5  # a forecast is drawn at most this share of the window beyond it


@dataclass(frozen=True, slots=True)
class Forecast:
    """A straight line from what was seen last to the limit it is heading for."""

    start: datetime
    value: float
    crosses_at: datetime
    limit: float

    def until(self, end: datetime) -> Forecast:
        """The same line, cut off at `end`."""
        if self.crosses_at <= end or self.crosses_at <= self.start:
            return self
        share = (end - self.start) / (self.crosses_at - self.start)
        return Forecast(self.start, self.value, end, self.value + share * (self.limit - self.value))


@dataclass(frozen=True, slots=True)
class Scale:
    """The value axis of a chart and which of the catalogue's bounds lie on it."""

    low: float
    high: float
    lines: tuple[float, ...]  # limits that can be drawn
    beyond: tuple[float, ...]  # limits too far away


def value_scale(frame: pl.DataFrame, channel: Channel, forecast: Forecast | None = None) -> Scale:
    """Fit the axis to the data and to whatever bounds are near enough to be seen beside it.

    `frame` has columns value and, where hours are summed up, low and high.
    """
    columns = [name for name in ("value", "low", "high") if name in frame.columns]
    seen = [x for name in columns for x in (frame[name].min(), frame[name].max()) if isinstance(x, int | float)]
    seen = [float(x) for x in seen if math.isfinite(x)] or [0.0]
    if forecast:
        seen += [forecast.value, forecast.limit]
    low, high = min(seen), max(seen)
    size = max(high - low, 0.02 * max(abs(low), abs(high))) or 1.0
    near_low, near_high = low - REACH * size, high + REACH * size
    for bound in (channel.normal.low, channel.normal.high):
        if near_low <= bound <= near_high:
            low, high = min(low, bound), max(high, bound)
    limits = [bound for bound in (channel.limit.low, channel.limit.high) if math.isfinite(bound)]
    lines = tuple(bound for bound in limits if near_low <= bound <= near_high)
    low, high = min([low, *lines]), max([high, *lines])
    if low == high == 0:
        high = size
    room = 0.08 * max(high - low, size)
    floor = low - room
    if low >= 0 and floor < 0:
        floor = 0.0
    return Scale(floor, high + room, lines, tuple(bound for bound in limits if bound not in lines))


def _wall(frame: pl.DataFrame, timezone: ZoneInfo) -> pl.DataFrame:
    return frame.with_columns(
        pl.col("time").dt.convert_time_zone(str(timezone)).dt.replace_time_zone(None).dt.replace_time_zone("UTC")
    )


def _wall_moment(moment: datetime, timezone: ZoneInfo) -> str:
    return moment.astimezone(timezone).replace(tzinfo=None).isoformat() + "Z"


def _time_axis(start: datetime, end: datetime, timezone: ZoneInfo) -> alt.X:
    length = end - start
    pattern = "%H:%M" if length <= timedelta(hours=30) else "%m-%d %H:%M" if length <= timedelta(days=3) else "%m-%d"
    domain = [_wall_moment(start, timezone), _wall_moment(end, timezone)]
    return alt.X(
        "time:T",
        title=None,
        scale=alt.Scale(type="utc", domain=domain, nice=False),
        axis=alt.Axis(format=pattern, tickCount=6, labelOverlap=True, grid=False),
    )


def _value_axis(scale: Scale) -> alt.Y:
    return alt.Y(
        "value:Q",
        title=None,
        scale=alt.Scale(domain=[scale.low, scale.high], nice=False, zero=False),
        axis=alt.Axis(tickCount=4, format=",~r", gridColor=palette.GRID, domain=False, ticks=False),
    )


def _rows(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows as every renderer reads them alike: moments in milliseconds since 1970."""
    return frame.with_columns(pl.col(pl.Datetime).dt.epoch("ms").cast(pl.Float64))


def _named(name: str) -> alt.NamedData:
    return alt.NamedData(name=name)


def _specification(chart: Any, **datasets: pl.DataFrame) -> Specification:
    """The chart as Vega-Lite wants it, its rows beside it as frames. Tests hold it to the schema, not each run."""
    axis = alt.AxisConfig(labelColor=palette.INK, domainColor=palette.QUIET, tickColor=palette.QUIET)
    drawn = chart.configure(font=_FONT, padding=2, axis=axis, background="transparent").configure_view(stroke=None)
    said: Specification = drawn.to_dict(validate=False)
    return {**said, "datasets": datasets}


def in_dark(specification: Specification) -> Specification:
    """The same chart as it is drawn on a dark page: every colour of the palette for its dark fellow."""

    def toned(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: value if name in ("datasets", "range") else toned(value) for name, value in part.items()}
        if isinstance(part, list):
            return [toned(value) for value in part]
        return palette.DARK.get(part, part) if isinstance(part, str) else part

    toned_specification: Specification = toned(specification)
    return toned_specification


def channel_chart(
    frame: pl.DataFrame,
    channel: Channel,
    *,
    start: datetime,
    end: datetime,
    timezone: ZoneInfo,
    language: Language,
    forecast: Forecast | None = None,
    height: int = 150,
) -> Specification:
    """One channel over a window, with its normal band, its limits and, where given, the way to a limit.

    `frame`: time (datetime, UTC), value and optionally low and high (the range within each hour), sorted by time.
    """
    if forecast:
        edge = end + LOOKAHEAD * (end - start)
        forecast = forecast.until(edge)
        end = max(end, min(edge, forecast.crosses_at))
    scale = value_scale(frame, channel, forecast)
    x, y = _time_axis(start, end, timezone), _value_axis(scale)
    layers: list[Any] = []
    datasets = {"readings": _rows(_told(frame, channel, timezone, language))}
    if channel.normal.bounded and channel.aggregate is not Aggregate.STATE:
        layers.append(_normal_band())
        low, high = max(channel.normal.low, scale.low), min(channel.normal.high, scale.high)
        datasets["normal"] = pl.DataFrame({"low": [low], "high": [high]})
    if scale.lines:
        layers.append(_limit_lines())
        words = [say("chart_limit", language, value=quantity(bound, channel.unit, language)) for bound in scale.lines]
        datasets["limits"] = pl.DataFrame({"value": scale.lines, "words": words})
    layers += _readings(frame, channel, x, y, language)
    if forecast:
        layers.append(_forecast_line(x, y))
        ends = {"time": [forecast.start, forecast.crosses_at], "value": [forecast.value, forecast.limit]}
        schema = pl.Schema({"time": pl.Datetime("us", "UTC"), "value": pl.Float64()})
        datasets["forecast"] = _rows(_wall(pl.DataFrame(ends, schema=schema), timezone))
    return _specification(alt.layer(*layers).properties(height=height, width="container"), **datasets)


def can_be_drawn(evidence: Evidence) -> bool:
    """Are there daily figures on at least two days, and what they should have been?"""
    return sum(one is not None for one in evidence.series) >= 2 and len(evidence.usual) == len(evidence.series)


def evidence_chart(
    evidence: Evidence, channel: Channel, *, end: datetime, timezone: ZoneInfo, language: Language, height: int = 120
) -> Specification:
    """The daily figures that evidence speaks of, what each should have been, and since when they are off.

    `end`: of the last day (UTC); each figure stands at the middle of its day.
    """
    days = len(evidence.series)
    figures = pl.DataFrame(
        {
            "time": [end - timedelta(days=days - day - 0.5) for day in range(days)],
            "value": evidence.series,
            "usual": evidence.usual,
        },
        schema={"time": pl.Datetime("us", "UTC"), "value": pl.Float64(), "usual": pl.Float64()},
    ).drop_nulls()
    level = evidence.pattern in ("level", "trend", "limit") and channel.aggregate is not Aggregate.STATE
    bounds = channel if level else replace(channel, normal=Band(), limit=Band())
    scale = value_scale(figures.rename({"usual": "low"}), bounds)
    x, y = _time_axis(end - timedelta(days=days), end, timezone), _value_axis(scale)
    frame = figures.with_columns(
        *(
            pl.Series(
                f"{name}_words", [figure_words(figure, channel, language) for figure in figures[name]], dtype=pl.String
            )
            for name in ("value", "usual")
        ),
        figures["time"].dt.convert_time_zone(str(timezone)).dt.strftime("%Y-%m-%d").alias("day"),
    )
    tooltip = [
        alt.Tooltip("day:N", title=say("chart_day", language)),
        alt.Tooltip("value_words:N", title=channel.name[language]),
        alt.Tooltip("usual_words:N", title=say("chart_usual", language)),
    ]
    base = alt.Chart(_named("figures")).encode(x=x)
    usual = base.mark_line(color=palette.QUIET, strokeDash=[4, 3], strokeWidth=1.2)
    actual = base.mark_line(
        color=palette.LINE, strokeWidth=1.4, point=alt.OverlayMarkDef(filled=True, size=20, color=palette.LINE)
    )
    apart = base.mark_area(color=palette.FORECAST, opacity=0.18)
    layers: list[Any] = [
        apart.encode(y=y, y2="usual:Q"),
        usual.encode(y=alt.Y("usual:Q", title=None)),
        actual.encode(y=y),
        base.mark_point(size=60, opacity=0).encode(y=y, tooltip=tooltip),
    ]
    datasets = {"figures": _rows(_wall(frame, timezone))}
    if scale.lines:
        layers.append(_limit_lines())
        words = [say("chart_limit", language, value=quantity(bound, channel.unit, language)) for bound in scale.lines]
        datasets["limits"] = pl.DataFrame({"value": scale.lines, "words": words})
    if evidence.since is not None and evidence.since > end - timedelta(days=days):
        rule = alt.Chart(_named("since")).mark_rule(color=palette.FORECAST, strokeWidth=1)
        layers.append(rule.encode(x=x))
        datasets["since"] = _rows(_wall(_moments([evidence.since]), timezone))
    return _specification(alt.layer(*layers).properties(height=height, width="container"), **datasets)


def figure_words(value: float, channel: Channel, language: Language) -> str:
    """A daily figure: of a channel of states, the share of the day it was in the bad ones."""
    return percent(value) if channel.aggregate is Aggregate.STATE else quantity(value, channel.unit, language)


def _moments(moments: list[datetime]) -> pl.DataFrame:
    return pl.DataFrame({"time": moments}, schema={"time": pl.Datetime("us", "UTC")})


def _normal_band() -> Any:
    band = alt.Chart(_named("normal")).mark_rect(color=palette.NORMAL_BAND, opacity=0.65)
    return band.encode(y=alt.Y("low:Q", title=None), y2="high:Q")


def _limit_lines() -> Any:
    base = alt.Chart(_named("limits")).encode(y=alt.Y("value:Q", title=None))
    line = base.mark_rule(color=palette.LIMIT, strokeDash=[5, 3])
    label = base.mark_text(align="left", baseline="bottom", dx=3, dy=-2, color=palette.LIMIT)
    return line + label.encode(x=alt.value(0), text="words:N")


def _told(frame: pl.DataFrame, channel: Channel, timezone: ZoneInfo, language: Language) -> pl.DataFrame:
    """Readings on the site's clock, each with its value and time in words."""
    if channel.states:
        named = {value: words[language] for value, words in channel.states.items()}
        words = [named.get(round(value), number(value)) for value in frame["value"]]
    else:
        words = [quantity(value, channel.unit, language) for value in frame["value"]]
    local = frame["time"].dt.convert_time_zone(str(timezone)).dt.strftime("%Y-%m-%d %H:%M")
    return _wall(frame, timezone).with_columns(pl.Series("words", words, dtype=pl.String), local.alias("clock"))


def _readings(frame: pl.DataFrame, channel: Channel, x: alt.X, y: alt.Y, language: Language) -> list[Any]:
    tooltip = [
        alt.Tooltip("clock:N", title=say("chart_time", language)),
        alt.Tooltip("words:N", title=channel.name[language]),
    ]
    base = alt.Chart(_named("readings")).encode(x=x)
    layers: list[Any] = []
    if {"low", "high"} <= set(frame.columns) and channel.aggregate is Aggregate.MEAN:
        layers.append(
            base.mark_area(color=palette.RANGE, opacity=0.35).encode(y=alt.Y("low:Q", title=None), y2="high:Q")
        )
    if channel.aggregate is Aggregate.COUNTER:
        rate = base.mark_line(color=palette.LINE, strokeWidth=1.4, interpolate="step-after").encode(y=y)
        return [rate, base.mark_point(size=60, opacity=0).encode(y=y, tooltip=tooltip)]
    sparse = channel.aggregate in (Aggregate.SPARSE, Aggregate.DAILY) or frame.height <= 2
    step: Literal["step-after", "linear"] = "step-after" if channel.aggregate is Aggregate.STATE else "linear"
    layers.append(
        base.mark_line(
            color=palette.LINE,
            strokeWidth=1.4,
            interpolate=step,
            point=alt.OverlayMarkDef(filled=True, size=22, color=palette.LINE) if sparse else False,
        ).encode(y=y)
    )
    layers.append(base.mark_point(size=60, opacity=0).encode(y=y, tooltip=tooltip))
    return layers


def _forecast_line(x: alt.X, y: alt.Y) -> Any:
    line = alt.Chart(_named("forecast")).mark_line(color=palette.FORECAST, strokeDash=[6, 4], strokeWidth=1.8)
    return line.encode(x=x, y=y)


def estate_grid(frame: pl.DataFrame, *, language: Language, states: dict[str, str]) -> Specification:
    """Buildings or sites by equipment class: cells coloured by their worst state, counting the assets in trouble.

    `frame`: column, kind (names), state (worst, a key of `palette.STATES`), total, troubled (counts).
    `states`: the name of each state.
    """
    rows = frame.with_columns(
        pl.col("state").replace_strict(states).alias("worst"),
        pl.when(pl.col("troubled") > 0)
        .then(pl.format("{} / {}", "troubled", "total"))
        .otherwise(pl.col("total").cast(pl.String))
        .alias("words"),
        pl.col("state").is_in(palette.CALM).alias("calm"),
    )
    limit = min(90, _GRID_WIDTH // max(1, frame["column"].n_unique()) - 4)  # neighbours' names must not touch
    base = alt.Chart(_named("assets")).encode(
        x=alt.X(
            "column:N",
            title=None,
            axis=alt.Axis(labelAngle=0, orient="top", ticks=False, domain=False, labelLimit=limit),
        ),
        y=alt.Y("kind:N", title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=170)),
    )
    cells = base.mark_rect(stroke=palette.PAPER, strokeWidth=2, cornerRadius=3).encode(
        color=alt.Color(
            "state:N",
            scale=alt.Scale(domain=list(palette.STATES), range=list(palette.STATES.values())),
            legend=None,
        ),
        opacity=alt.condition("datum.calm", alt.value(0.22), alt.value(0.88)),
        tooltip=[
            alt.Tooltip("column:N", title=say("where", language)),
            alt.Tooltip("kind:N", title=say("kind", language)),
            alt.Tooltip("worst:N", title=say("worst_state", language)),
            alt.Tooltip("words:N", title=say("troubled_of_total", language)),
        ],
    )
    labels = base.mark_text(fontSize=11).encode(
        text="words:N", color=alt.condition("datum.calm", alt.value(palette.INK), alt.value("white"))
    )
    height = 25 * max(1, frame["kind"].n_unique()) + 26
    return _specification(alt.layer(cells, labels).properties(height=height, width="container"), assets=rows)


def estate_map(frame: pl.DataFrame, *, language: Language, states: dict[str, str], height: int = 330) -> Specification:
    """Assets at their coordinates, without map tiles: nothing is fetched from anywhere.

    `frame`: asset, place, latitude, longitude, state.
    """
    calm = pl.col("state").is_in(palette.CALM).alias("calm")
    rows = frame.with_columns(pl.col("state").replace_strict(states).alias("worst"), calm)
    shown = list(palette.STATES)
    dots = (
        alt.Chart(_named("assets"))
        .mark_circle(stroke=palette.PAPER, strokeWidth=0.5)
        .encode(
            longitude="longitude:Q",
            latitude="latitude:Q",
            color=alt.Color("state:N", scale=alt.Scale(domain=shown, range=list(palette.STATES.values())), legend=None),
            size=alt.condition("datum.calm", alt.value(12), alt.value(40)),
            opacity=alt.condition("datum.calm", alt.value(0.4), alt.value(0.95)),
            tooltip=[
                alt.Tooltip("asset:N", title=say("asset", language)),
                alt.Tooltip("place:N", title=say("place", language)),
                alt.Tooltip("worst:N", title=say("state", language)),
            ],
        )
        .project(type="mercator")
        .properties(height=height, width="container")
    )
    return _specification(dots, assets=rows)
