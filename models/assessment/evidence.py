"""What speaks for trouble, put as evidence: how much, since when, against what, and when it will matter."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from facility.assessments import Evidence, Trouble
from facility.catalogue.catalogue import Bad, Channel
from facility.i18n.phrases import Text
from models import wording
from models.assessment.drift import Drift
from models.assessment.onset import onset
from models.assessment.past_days import Older
from models.assessment.sentences import Facts, sentence
from models.features.hourly import Cube
from models.features.windows import Figure, Windows
from models.sensors.stuck import SensorFinding
from models.statistics import FloatArray, median

WORTH_TELLING = 3.0  # healthy standard deviations
SUSPICIOUS = 0.08  # probability from which the strongest sign is told however weak it is
LONGEST_FORECAST = 126.0  # days; six times those that the slope is taken from: farther ahead is no forecast
CHANCE = timedelta(days=2)  # beyond what a later look calls possible, that an onset is still kept
NINETY = 1.645  # standard errors either side that hold 90 %


def equipment_evidence(
    windows: Windows,
    row: int,
    strength: float,
    scores: dict[str, float],
    slope: float,
    timezone: ZoneInfo,
    *,
    error: float = 0.0,
    before: Evidence | None = None,
    older: Older | None = None,
) -> Evidence:
    """Evidence from one series. `scores`: each detector's for it; `slope`: its trend, figure units a day, +-`error`.

    `before`: what was told of the series when its asset was flagged; its onset stands unless the figures rule it out.
    """
    channel, figure = windows.channels[row], windows.figures[row]
    detector = max(scores, key=lambda name: scores[name])
    now = recent_figure(windows.values[row])
    shift = recent_figure(windows.adjusted[row])
    value, expected = in_plain_units(windows, row, now), in_plain_units(windows, row, now - shift)
    if detector == "peers":
        expected = in_plain_units(windows, row, _of_class(windows, row))
    beginning = began(windows, row, shift > 0)
    if detector == "past" and older is not None:
        expected = in_plain_units(windows, row, older.level(row))
        long_since, (after, latest) = older.changed_between(row, now, windows.day_start(0))
        beginning = Began(long_since, (after, latest), (after, latest))
    since, since_between = steady(beginning, before)
    if since is None and detector not in ("peers", "limit"):
        since = _since(windows, row, shift)
    crosses, between = None, None
    if abs(slope) > 0 and scores.get("trend", 0.0) > 2.5:
        crosses = _crossing(channel, figure, now, slope, windows.end)
        between = _between(channel, figure, now, slope, error, windows.end) if crosses is not None else None
    series, usual = to_draw(windows, row)
    pattern = _pattern(detector, figure)
    return Evidence(
        channel=channel.key,
        detector=detector,
        trouble=Trouble.EQUIPMENT,
        pattern=pattern,
        since=since,
        value=value,
        expected=expected,
        score=float(strength),
        crosses_limit_at=crosses,
        since_between=since_between,
        noticed=windows.end,
        sentence=sentence(
            Facts(
                channel=channel,
                figure=figure,
                detector=detector,
                pattern=pattern,
                value=value,
                expected=expected,
                since=since,
                between=since_between,
                end=windows.end,
                zone=timezone,
                slope=slope,
                crosses=crosses,
            )
        ),
        crosses_between=between,
        series=series,
        usual=usual,
    )


def sensor_evidence(cube: Cube, finding: SensorFinding, timezone: ZoneInfo) -> Evidence:
    """A sensor finding as evidence, with its sentence; hours are told in `timezone`."""
    channel = cube.channels[finding.row]
    since = cube.day_start(0) + timedelta(hours=finding.since)
    return Evidence(
        channel=channel.key,
        detector="sensor",
        trouble=Trouble.SENSOR,
        pattern=finding.pattern,
        since=since,
        value=finding.value,
        expected=finding.expected,
        score=finding.score,
        crosses_limit_at=None,
        sentence=wording.sentence_case(
            wording.say(
                finding.pattern,
                name=wording.lower_first(channel.name),
                since=wording.day(since, timezone),
                value=wording.quantity(finding.value, channel.unit),
                expected=wording.quantity(finding.expected, channel.unit),
                amount=wording.number(round(finding.amount, 3)),
            )
        ),
    )


def drift_evidence(windows: Windows, drift: Drift, slope: float, timezone: ZoneInfo) -> Evidence:
    """A sensor that slides away while everything that would move with it stands still."""
    channel, row = windows.channels[drift.row], drift.row
    now, shift = recent_figure(windows.values[row]), recent_figure(windows.adjusted[row])
    since = _since(windows, row, shift)
    zh = "、".join(windows.channels[i].name.zh for i in drift.companions[:3])
    en = ", ".join(wording.lower_first(windows.channels[i].name).en for i in drift.companions[:3])
    words = wording.say(
        "drift",
        name=wording.lower_first(channel.name),
        since=wording.day(since, timezone),
        direction=wording.say("rising" if slope > 0 else "falling"),
        value=wording.quantity(now, channel.unit),
        expected=wording.quantity(now - shift, channel.unit),
        others=Text(zh=zh, en=en),
    )
    return Evidence(
        channel=channel.key,
        detector="sensor",
        trouble=Trouble.SENSOR,
        pattern="drift",
        since=since,
        value=now,
        expected=now - shift,
        score=min(4.0 + drift.score / 8.0, 8.0),
        crosses_limit_at=None,
        sentence=wording.sentence_case(words),
    )


def recent_figure(row: FloatArray) -> float:
    """Median of the last three days; where they have none, the newest figure there is."""
    present = row[-3:][~np.isnan(row[-3:])]
    if not present.size:
        present = row[~np.isnan(row)][-1:]
    return float(np.median(present)) if present.size else float("nan")


def _of_class(windows: Windows, row: int) -> float:
    """What most series of its kind read of late."""
    alike = np.flatnonzero((windows.group == windows.group[row]) & ~windows.excluded)
    return float(median(median(windows.latest(windows.values, 10)[alike])[None])[0])


def in_plain_units(windows: Windows, row: int, figure_value: float) -> float:
    """A figure in the channel's own unit: counts a day out of their square root, deviations out of their logarithm."""
    figure, channel = windows.figures[row], windows.channels[row]
    if figure is Figure.RATE and channel.unit == "1":
        return max((figure_value / 2) ** 2 - 0.375, 0.0)
    if figure is Figure.SPREAD:
        return float(np.exp(min(figure_value, 50.0)))
    return figure_value


@dataclass(frozen=True, slots=True)
class Began:
    """When the change of a series set in, by the figures of one look."""

    since: datetime
    between: tuple[datetime | None, datetime]  # 90 % interval
    possible: tuple[datetime, datetime]  # outside of it an onset told earlier is given up


def began(windows: Windows, row: int, rising: bool) -> Began | None:
    """None if no change stands out."""
    beginning = onset(windows.adjusted[row], float(windows.scale[row]), rising)
    if beginning is None:
        return None
    after = None if beginning.after is None else _moment(windows, beginning.after)
    first, last = (_moment(windows, day) for day in beginning.possible)
    return Began(
        since=_moment(windows, beginning.at),
        between=(after, min(_moment(windows, beginning.before), windows.end)),
        possible=(first - CHANCE, last + CHANCE),
    )


def steady(
    beginning: Began | None, before: Evidence | None
) -> tuple[datetime | None, tuple[datetime | None, datetime] | None]:
    """Onset and interval: those that were told before, unless what is found now rules that onset out."""
    moment = None if before is None else before.since
    if before is None or moment is None:
        return (beginning.since, beginning.between) if beginning else (None, None)
    if beginning is None:
        return moment, before.since_between
    if beginning.possible[0] <= moment <= beginning.possible[1]:
        return moment, before.since_between or beginning.between
    return (moment, before.since_between) if beginning.between[0] is None else (beginning.since, beginning.between)


def _moment(windows: Windows, day: float) -> datetime:
    return windows.day_start(0) + timedelta(days=day)


def _since(windows: Windows, row: int, shift: float) -> datetime:
    """First day of the last stretch that is off by at least a third of today's shift, one lapse forgiven."""
    series = windows.adjusted[row] * np.sign(shift or 1.0)
    threshold = max(abs(shift) / 3, 1.0 * float(windows.scale[row]) if np.isfinite(windows.scale[row]) else 0.0)
    first, lapses = windows.days - 1, 0
    for day in range(windows.days - 1, -1, -1):
        if np.isnan(series[day]):
            continue
        if series[day] >= threshold:
            first, lapses = day, 0
        else:
            lapses += 1
            if lapses > 1:
                break
    return windows.day_start(first)


def _crossing(channel: Channel, figure: Figure, now: float, slope: float, end: datetime) -> datetime | None:
    if figure not in (Figure.LEVEL, Figure.TEST) or not np.isfinite(now):
        return None
    limit = channel.limit.high if slope > 0 else channel.limit.low
    wrong_way = (slope > 0 and channel.bad is Bad.DOWN) or (slope < 0 and channel.bad is Bad.UP)
    days = (limit - now) / slope
    if wrong_way or not np.isfinite(days) or days > LONGEST_FORECAST:
        return None
    return end + timedelta(days=max(days, 0.0))


def _between(
    channel: Channel, figure: Figure, now: float, slope: float, error: float, end: datetime
) -> tuple[datetime, datetime | None] | None:
    """When the limit is crossed if the slope is as steep, and as gentle, as its error allows (90 %)."""
    steep = _crossing(channel, figure, now, slope + np.sign(slope) * NINETY * error, end)
    gentle = slope - np.sign(slope) * NINETY * error
    late = _crossing(channel, figure, now, gentle, end) if gentle * slope > 0 else None
    return None if steep is None else (steep, late)


def to_draw(windows: Windows, row: int) -> tuple[tuple[float | None, ...], tuple[float | None, ...]]:
    """Daily figures of a series and what each should have been, in the channel's unit; None where there is none."""
    values, adjusted = windows.values[row], windows.adjusted[row]
    measured = ~np.isnan(values)

    def plain(figure_values: FloatArray) -> tuple[float | None, ...]:
        return tuple(
            float(f"{in_plain_units(windows, row, float(v)):.6g}") if seen else None
            for v, seen in zip(figure_values, measured & np.isfinite(figure_values), strict=True)
        )

    return plain(values), plain(values - adjusted)


def _pattern(detector: str, figure: Figure) -> str:
    if detector == "limit":
        return "limit"
    if figure is Figure.SPREAD:
        return "variance"
    if figure is Figure.RATE:
        return "rate"
    return "trend" if detector == "trend" else "level"
