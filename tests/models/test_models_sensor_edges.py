"""From where on each kind of sensor trouble is told, and since when: sweeps over its size, kept in `pinned/`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from pinned import assert_pinned

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from models.features.hourly import Cube, build_cube
from models.sensors.checks import believable, sensor_findings
from models.sensors.unit_changes import CONVERSIONS, SLIPS

END = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 24
HOURS = DAYS * 24
Values = np.ndarray


def noise(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def temperature(seed: int = 0, phase: float = 8, swing: float = 6) -> Values:
    hours = np.arange(HOURS)
    return np.round(35 + swing * np.sin(2 * np.pi * (hours - phase) / 24) + noise(seed).normal(0, 0.6, HOURS), 2)


def series(
    mean: Values,
    channel: str = "motor_temperature",
    *,
    asset: str = "A",
    low: Values | float = 0.3,
    high: Values | float = 0.3,
    std: Values | float = 0.2,
    increase: Values | float = 0.0,
) -> pl.DataFrame:
    """Rollups of one channel; `low` and `high` are distances from the mean."""
    start = END - timedelta(hours=HOURS)
    frame = pl.DataFrame(
        {
            "asset": [asset] * HOURS,
            "channel": [channel] * HOURS,
            "hour": [start + timedelta(hours=hour) for hour in range(HOURS)],
            "mean": mean,
            "std": np.broadcast_to(std, HOURS),
            "min": mean - low,
            "max": mean + high,
            "first": mean,
            "last": mean,
            "increase": np.broadcast_to(increase, HOURS),
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )
    return frame.with_columns(pl.lit(4).alias("count")).filter(pl.col("mean").is_not_nan())


def counter(per_hour: Values, channel: str = "trips", asset: str = "A") -> pl.DataFrame:
    total = 1000 + np.cumsum(np.nan_to_num(per_hour))
    total = np.where(np.isnan(per_hour), np.nan, total)
    return series(
        total, channel, asset=asset, low=np.nan_to_num(per_hour), high=0.0, std=0.0, increase=np.nan_to_num(per_hour)
    )


def cube(frames: Iterable[pl.DataFrame], kind: str = "lift") -> Cube:
    frame = pl.concat(list(frames), how="diagonal_relaxed")
    assets = [Asset(id=name, kind=kind) for name in frame["asset"].unique().sort().to_list()]
    return build_cube(frame, assets, catalogue(), as_of=END, days=DAYS)


def told(*frames: pl.DataFrame, kind: str = "lift") -> list[Any]:
    hours = cube(frames, kind)
    findings, doubtful = sensor_findings(hours)
    rows = np.arange(len(hours.channels))
    return [
        [
            [
                hours.assets[hours.owner[one.row]].id + "/" + hours.channels[one.row].key,
                one.pattern,
                one.since,
                one.score,
                one.value,
                one.expected,
                one.amount,
            ]
            for one in findings
        ],
        int(doubtful.sum()),
        int(np.sum(~believable(rows, findings))),
    ]


def _stuck() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for hours in (12, 23, 24, 25, 48, 72, 300, 480, 520):
        values = temperature()
        values[-hours:] = values[-hours]
        answers[f"stuck for {hours} h"] = told(series(values, low=_still(hours), high=_still(hours)))
    for level in (20.0, 28.5, 28.8, 29.1, 41.0, 41.3, 41.6, 44.0, 50.0, 60.0):
        values = temperature()
        values[-30:] = level
        answers[f"stuck at {level}"] = told(series(values, low=_still(30), high=_still(30)))
    for pause in (4, 6, 7, 8, 12):
        values, still = temperature(), _still(30)
        values[-30:] = 36.1
        values[200 : 200 + pause] = 34.0
        still[200 : 200 + pause] = 0.0
        answers[f"stuck, paused before for {pause} h"] = told(series(values, low=still, high=still))
    for day in (3, 4, 5):
        values = temperature()
        values[: -24 * day] = np.nan
        values[-26:] = 36.1
        answers[f"stuck, {day} days old"] = told(series(values, low=_still(26), high=_still(26)))
    return answers


def _still(hours: int) -> Values:
    width = np.full(HOURS, 0.3)
    width[-hours:] = 0.0
    return width


def _frozen() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for hours in (1, 2, 3, 4, 11, 12, 13):
        for level in (47.0, 50.0, 55.0, 21.0, 10.0, 0.0):
            values = temperature()
            values[-hours:] = level
            answers[f"frozen at {level} for {hours} h"] = told(series(values, low=_still(hours), high=_still(hours)))
    for others in (4, 5, 6):
        for level in (43.0, 48.0, 52.0):
            fleet = [series(temperature(seed), asset=f"B{seed}") for seed in range(others)]
            always = series(np.full(HOURS, level), low=0.0, high=0.0, std=0.0)
            answers[f"always {level} among {others}"] = told(always, *fleet)
    return answers


def _spikes() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    places = np.array([-20, -33, -47, -60, -79, -95, -110, -131])
    for count in (2, 3, 4, 5, 8):
        for height in (8.0, 20.0, 26.0, 34.0, 55.0):
            high = np.full(HOURS, 0.3)
            high[places[:count]] = height
            answers[f"{count} spikes of {height}"] = told(series(temperature(), high=high))
    for apart in (1, 2):
        high = np.full(HOURS, 0.3)
        high[[place + step for place in (-20, -50, -80, -110) for step in (0, apart)]] = 55.0
        answers[f"pairs of spikes {apart} h apart"] = told(series(temperature(), high=high))
    down = np.full(HOURS, 0.3)
    down[places[:5]] = 40.0
    answers["spikes down"] = told(series(temperature(), low=down))
    early = np.full(HOURS, 0.3)
    early[[-165, -168, -170, -190, -210, -230]] = 55.0
    answers["spikes long ago"] = told(series(temperature(), high=early))
    coarse = np.full(HOURS, 5.0)
    high = coarse.copy()
    high[places[:5]] = 30.0
    answers["spikes of a coarse sensor"] = told(series(5 * np.round(temperature() / 5), low=0.0, high=high - 5.0))
    return answers


def _missing() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for share in (0.2, 0.34, 0.36, 0.5, 0.7, 1.0):
        for hours in (12, 30, 40, 72, 100):
            values = temperature()
            values[-hours:][noise(3).random(hours) < share] = np.nan
            answers[f"{share} missing for {hours} h"] = told(series(values))
    for usual in (0.35, 0.45, 0.6, 0.88, 0.92):
        for hours in (24, 72):
            values = np.where(noise(4).random(HOURS) < usual, temperature(), np.nan)
            values[-hours:] = np.nan
            answers[f"fitful ({usual}), silent for {hours} h"] = told(series(values))
    for days in (1, 2, 4, 5, 8):
        values = temperature()
        values[: -24 * days] = np.nan
        values[-40:] = np.nan
        answers[f"silent, begun {days} days ago"] = told(series(values))
    for rest in (5, 6, 8, 23, 24, 30):
        trips = np.full(HOURS, 12.0)
        trips[100 : 100 + rest] = 0.0
        trips[-50:] = 0.0
        for speaks in (True, False):
            times = 2.4 + noise(6).normal(0, 0.05, HOURS)
            if not speaks:
                times[100 : 100 + rest] = np.nan
            times[-50:] = np.nan
            answers[f"at rest, rested {rest} h before, speaking then: {speaks}"] = told(
                counter(trips), series(times, "door_close_time", low=0.02, high=0.02)
            )
    for little in (1.0, 2.3, 2.5):
        trips = np.full(HOURS, 12.0)
        trips[-50:] = little
        times = 2.4 + noise(6).normal(0, 0.05, HOURS)
        times[-50:] = np.nan
        answers[f"hardly used ({little})"] = told(counter(trips), series(times, "door_close_time", low=0.02, high=0.02))
    return answers


def _units() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for factor in (1.4, 1.62, 2.0, 3.281, 9.3, 9.6, 10.0, 10.4, 10.8, 25.4, 100.0, 0.1, 0.01, 60.0, 3.6):
        for channel, level in (("drive_current", 12.0), ("levelling_error", 4.0)):
            values = level + noise(2).normal(0, 0.03 * level, HOURS)
            std = np.full(HOURS, 0.02 * level)
            values[-100:] *= factor
            std[-100:] *= factor
            answers[f"{channel} times {factor}"] = told(series(values, channel, low=0.0, high=0.0, std=std))
    for growth in (0.2, 0.3, 3.0, 5.0):
        values = 12 + noise(2).normal(0, 0.4, HOURS)
        std = np.full(HOURS, 0.3)
        values[-100:] *= 10
        std[-100:] *= 10 * growth
        answers[f"times ten, ups and downs {growth} of it"] = told(series(values, "drive_current", std=std))
    for off in (-4.0, -2.5, 0.0, 2.5, 4.0):
        values = temperature()
        values[-120:] = values[-120:] * 1.8 + 32 + off
        answers[f"Fahrenheit and {off}"] = told(series(values))
    for restlessness in (0.1, 0.2, 0.3, 0.5):
        values = 12 * np.exp(noise(5).normal(0, restlessness, HOURS))
        values[-100:] *= 10
        answers[f"times ten, restless by {restlessness}"] = told(series(values, "drive_current", std=0.3))
    for slow in (0, 3, 8, 20, 40):
        values = 12 + noise(2).normal(0, 0.3, HOURS)
        rise = np.clip((np.arange(HOURS) - (HOURS - 110)) / max(slow, 1), 0, 1)
        answers[f"times ten within {slow} h"] = told(
            series(values * (1 + 9 * rise), "drive_current", std=0.3 + 2.7 * rise)
        )
    for since in (4, 7, 8, 9, 20, 30, 50, 80):
        for begun in (24, 33, 60, 140):
            values = 12 + noise(2).normal(0, 0.5, HOURS)
            std = np.full(HOURS, 0.4)
            values[-since:] /= 10
            std[-since:] /= 10
            values[: HOURS - since - begun] = np.nan
            answers[f"a tenth for {since} h, begun {begun} h before"] = told(series(values, "drive_current", std=std))
    return answers


def _digits() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for factor in (10.0, 0.1, 100.0, 1000.0, 1.0):
        for since in (20, 24, 300, HOURS - 9, HOURS - 8, HOURS - 7):
            values = np.round(noise(3).uniform(1.0, 3.0, HOURS) * np.repeat(noise(3).uniform(0.5, 2.0, DAYS), 24), 1)
            values[since:] = np.round(values[since:] * factor, 6)
            answers[f"digits by {factor} from hour {since}"] = told(
                series(values, "rope_slip", low=0.0, high=0.0, std=0.0)
            )
    for level in (0.4, 0.6, 1.8, 2.2):
        values = np.round(noise(3).uniform(1.0, 3.0, HOURS) * np.repeat(noise(3).uniform(0.5, 2.0, DAYS), 24), 1)
        values[300:] = np.round(values[300:] * 10 * level)
        answers[f"digits by ten, level {level} of that"] = told(series(values, "rope_slip", low=0.0, high=0.0, std=0.0))
    few = np.round(noise(3).choice([1.1, 2.2, 3.3, 5.6], HOURS), 1)
    few[300:] *= 10
    answers["digits of few values"] = told(series(few, "rope_slip", low=0.0, high=0.0, std=0.0))
    return answers


def _classes() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for count in (4, 5, 6, 21):
        for odd in (1, 2, 3):
            for factor in (0.1, 0.11, 0.094, 0.3, 10.0):
                levels = [12.0 * (1 + 0.03 * np.sin(number)) for number in range(count)] + [12.0 * factor] * odd
                frames = [
                    series(
                        level + noise(number).normal(0, 0.02 * level, HOURS),
                        "drive_current",
                        asset=f"A{number:02}",
                        low=0.0,
                        high=0.0,
                        std=0.02 * level,
                    )
                    for number, level in enumerate(levels)
                ]
                answers[f"{odd} at {factor} among {count}"] = told(*frames)
    for scatter in (0.05, 0.1, 0.12, 0.2):
        levels = [12.0 * (1 + scatter * (number - 4) / 4 * 1.5) for number in range(9)] + [1.2]
        frames = [
            series(
                level + noise(number).normal(0, 0.02 * level, HOURS),
                "drive_current",
                asset=f"A{number}",
                std=0.02 * level,
            )
            for number, level in enumerate(levels)
        ]
        answers[f"one tenth in a class that scatters by {scatter}"] = told(*frames)
    return answers


def _clocks() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for shift in (-9, -2, -1, 1, 2, 3, 6, 11):
        for shifted in ("B", "BC", "ABCD"):
            frames = []
            for number, asset in enumerate("ABCD"):
                for place, channel in enumerate(("motor_temperature", "machine_room_temperature")):
                    values = temperature(10 * number + place)
                    if asset in shifted:
                        values = np.where(np.arange(HOURS) >= HOURS - 7 * 24, np.roll(values, shift), values)
                    frames.append(series(values, channel, asset=asset))
            answers[f"clocks of {shifted} by {shift}"] = told(*frames)
    for swing in (0.3, 0.6, 1.0, 2.0):
        frames = [
            series(np.where(np.arange(HOURS) >= HOURS - 7 * 24, np.roll(values, 4), values), channel)
            for channel, values in (
                ("motor_temperature", temperature(1, swing=swing)),
                ("machine_room_temperature", temperature(2, swing=swing)),
            )
        ]
        answers[f"a clock by 4, swing {swing}"] = told(*frames)
    for cadence in (2, 3, 4):
        for shift in (2, 4, 5, 6, 9):
            frames = []
            for channel, phase in (("motor_temperature", 8), ("machine_room_temperature", 9)):
                values = temperature(phase, phase)
                values[-6 * 24 :] = np.roll(values[-6 * 24 :], shift)
                values[np.arange(HOURS) % cadence != 0] = np.nan
                frames.append(series(values, channel))
            answers[f"a clock by {shift}, every {cadence} h"] = told(*frames)
    for late in (2, 3, 5, 7):
        values = [temperature(seed) for seed in (1, 2)]
        values = [np.where(np.arange(HOURS) >= HOURS - late * 24, np.roll(one, 4), one) for one in values]
        channels = ("motor_temperature", "machine_room_temperature")
        answers[f"a clock by 4 for {late} days"] = told(*map(series, values, channels))
    return answers


def _rests() -> dict[str, Any]:
    """A lift that hardly works: few hours are left in which its doors can be missed."""
    answers: dict[str, Any] = {}
    for working in (10, 11, 12, 13, 14, 24, 30):
        for silent in (9, 11, 12, 13, 14, 23, 25, 30):
            if silent > working:
                continue
            trips = np.where(np.arange(HOURS) % 24 < 18, 12.0, 0.0)
            trips[-72:] = 0.0
            trips[-working:] = 12.0
            times = np.where(trips > 0, 2.4 + noise(6).normal(0, 0.05, HOURS), np.nan)
            times[-silent:] = np.nan
            answers[f"silent for {silent} of {working} working hours"] = told(
                counter(trips), series(times, "door_close_time", low=0.02, high=0.02)
            )
    for usual in (0.39, 0.41, 0.5, 0.89, 0.9, 0.91):
        for share in (0.3, 0.4, 0.5, 0.6):
            values = np.where(np.arange(HOURS) % 100 < 100 * usual, temperature(), np.nan)
            late = np.flatnonzero(~np.isnan(values[-72:])) + HOURS - 72
            values[late[: int(share * len(late))]] = np.nan
            answers[f"there {usual} of the time, {share} of that lost"] = told(series(values))
    return answers


def _rhythms() -> dict[str, Any]:
    """One lift with several daily rhythms, some of which come too late."""
    answers: dict[str, Any] = {}
    channels = ("motor_temperature", "machine_room_temperature", "noise", "drive_current", "vibration_vertical")
    levels = {"noise": (42.0, 4.0), "drive_current": (20.0, 6.0), "vibration_vertical": (0.12, 0.04)}
    for count in (1, 2, 3, 4, 5):
        for shifted in range(count + 1):
            for shift in (3, -5):
                frames = []
                for number, channel in enumerate(channels[:count]):
                    level, swing = levels.get(channel, (35.0, 6.0))
                    values = level + swing * (temperature(number) - 35) / 6
                    if number < shifted:
                        values = np.where(np.arange(HOURS) >= HOURS - 7 * 24, np.roll(values, shift), values)
                    frames.append(series(values, channel, low=0.0, high=0.0, std=0.0))
                answers[f"{shifted} of {count} rhythms by {shift}"] = told(*frames)
    for shifts in ((3, 3, 6, 9), (3, 3, 3, 9), (3, 4, 5, 6), (0, 3, 3, 3), (3, 3), (3, 5), (-3, 3)):
        frames = []
        for number, (channel, shift) in enumerate(zip(channels, shifts, strict=False)):
            level, swing = levels.get(channel, (35.0, 6.0))
            values = level + swing * (temperature(number) - 35) / 6
            values = np.where(np.arange(HOURS) >= HOURS - 7 * 24, np.roll(values, shift), values)
            frames.append(series(values, channel, low=0.0, high=0.0, std=0.0))
        answers[f"rhythms by {shifts}"] = told(*frames)
    return answers


def _moments() -> dict[str, Any]:
    """A unit that changes at any hour, early or late, at once or over some hours."""
    answers: dict[str, Any] = {}
    for since in (80, 120, 121, 132, 143, 144, HOURS - 150, HOURS - 100, HOURS - 60):
        for slow in (0, 2, 5, 9, 30):
            values = 12 + noise(2).normal(0, 0.3, HOURS)
            rise = np.clip((np.arange(HOURS) - since) / max(slow, 1), 0, 1)
            answers[f"times ten at hour {since} within {slow} h"] = told(
                series(values * (1 + 9 * rise), "drive_current", std=0.3 + 2.7 * rise)
            )
    for share in (0.1, 0.3, 0.8):
        there = noise(9).random(HOURS) < share
        values = np.where(there, 12 + noise(2).normal(0, 0.3, HOURS), np.nan)
        values[-110:] *= 10
        answers[f"times ten, heard in {share} of the hours"] = told(series(values, "drive_current", std=0.3))
    return answers


def _impossible() -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for share in (0.3, 0.45, 0.55, 0.8, 1.0):
        for hours in (20, 40, 72, HOURS):
            values = temperature()
            values[-hours:] = np.where(noise(8).random(hours) < share, 900.0, values[-hours:])
            answers[f"{share} of {hours} h cannot be"] = told(series(values))
    for level in (-60.0, 400.0):
        values = temperature()
        values[100] = level
        answers[f"one hour at {level}"] = told(series(values))
    return answers


@pytest.mark.parametrize(
    "sweep",
    [_stuck, _frozen, _spikes, _missing, _rests, _units, _moments, _digits, _classes, _clocks, _rhythms, _impossible],
    ids=lambda one: one.__name__[1:],
)
def test_what_is_told_of_sensors_is_what_it_was(sweep: Callable[[], dict[str, Any]]) -> None:
    assert_pinned(f"sensors_{sweep.__name__[1:]}", sweep())


def test_units_are_taken_for_what_they_are_taken_for() -> None:
    psi, metres_of_water, kilopond, foot, inch, gravity = 6894.757, 9806.65, 98066.5, 0.3048, 0.0254, 9.80665
    expected = {
        "bar": (1e5 / psi, 1e5 / metres_of_water),
        "MPa": (gravity, 1e6 / kilopond, 1e6 / psi, 1e6 / metres_of_water),
        "m": (1 / foot,),
        "mm": (1000 * inch,),
        "m/s2": (gravity,),
        "mm/s": (1000 * inch,),
        "lx": (1 / foot**2,),
        "m3": (1 / foot**3,),
        "min": (60.0,),
        "s": (60.0,),
        "h": (60.0, 3600.0),
        "kW.h": (3.6,),
    }
    assert CONVERSIONS.keys() == expected.keys()
    for unit, factors in CONVERSIONS.items():
        assert factors == pytest.approx(expected[unit], rel=1e-3), unit
    assert SLIPS == (10.0, 100.0, 1000.0)
