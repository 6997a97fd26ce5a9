"""Sensor trouble, one kind a test, made into hours of a healthy channel."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from models.features.daily import daily_figures
from models.features.hourly import build_cube, out_of_service
from models.sensors.checks import sensor_findings

END = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 30


def cube_of(rollups, kind="lift", days=DAYS):
    return build_cube(rollups, [Asset(id="A", kind=kind)], catalogue(), as_of=END, days=days)


def temperature(random=None):
    random = random or np.random.default_rng(0)
    hours = np.arange(DAYS * 24)
    return 35 + 6 * np.sin(2 * np.pi * (hours - 8) / 24) + random.normal(0, 0.6, hours.size)


def rollups(values, channel="motor_temperature", spread=0.3):
    from_hours = pl.datetime_range(
        datetime(2026, 5, 2, tzinfo=UTC), END, "1h", closed="left", eager=True
    ).cast(pl.Datetime("us", "UTC"))  # fmt: skip
    frame = pl.DataFrame({"asset": "A", "channel": channel, "hour": from_hours, "mean": values})
    frame = frame.filter(pl.col("mean").is_not_nan())
    return frame.with_columns(
        pl.lit(4).alias("count"),
        pl.lit(spread).alias("std"),
        (pl.col("mean") - spread).alias("min"),
        (pl.col("mean") + spread).alias("max"),
        pl.col("mean").alias("first"),
        pl.col("mean").alias("last"),
        pl.lit(0.0).alias("increase"),
    )


def patterns(frame, **options):
    return [f.pattern for f in sensor_findings(cube_of(frame, **options))[0]]


def test_a_healthy_sensor_is_left_in_peace():
    for seed in range(5):
        assert patterns(rollups(temperature(np.random.default_rng(seed)))) == []


def test_stuck():
    frame = rollups(temperature())
    late = pl.col("hour") >= datetime(2026, 5, 29, tzinfo=UTC)
    frame = frame.with_columns(
        *(pl.when(late).then(36.2).otherwise(c).alias(c) for c in ("mean", "min", "max", "first", "last"))
    )
    findings, doubtful = sensor_findings(cube_of(frame))
    assert [f.pattern for f in findings] == ["stuck"]
    assert findings[0].value == pytest.approx(36.2, abs=1e-4)
    assert doubtful.sum() == 3 * 24


def test_a_lamp_that_stays_dark_is_no_stuck_sensor():
    """Zero for ever is what a dead lamp reads."""
    hours = np.arange(DAYS * 24)
    power = np.where(hours % 24 < 12, 300.0 + np.random.default_rng(0).normal(0, 3, hours.size), 0.0)
    power[-72:] = 0.0
    frame = rollups(power, channel="circuit_power", spread=0.0)
    assert "stuck" not in patterns(frame, kind="lighting_circuit")


def test_missing():
    values = temperature()
    values[-72:][np.random.default_rng(1).random(72) < 0.7] = np.nan
    assert patterns(rollups(values)) == ["missing"]


def test_fahrenheit_and_a_factor():
    values = temperature()
    values[-5 * 24 :] = values[-5 * 24 :] * 1.8 + 32
    assert patterns(rollups(values)) == ["unit"]
    current = 12 + np.random.default_rng(2).normal(0, 0.5, DAYS * 24)
    current[-4 * 24 :] /= 10
    frame = rollups(current, channel="drive_current", spread=0.4)
    late = pl.col("hour") >= datetime(2026, 5, 28, tzinfo=UTC)
    assert patterns(frame.with_columns(pl.when(late).then(0.04).otherwise("std").alias("std"))) == ["unit"]


def test_a_unit_that_changes_after_weeks_of_cooling_down():
    """What counts are the days on either side, not how far the season had taken the channel by then."""
    hours = np.arange(DAYS * 24)
    values = temperature() + np.linspace(9, 0, hours.size)
    values[-8 * 24 :] = values[-8 * 24 :] * 1.8 + 32
    assert patterns(rollups(values)) == ["unit"]


def restless():
    """Days at a half to twice the mean: too restless for levels to tell anything."""
    random = np.random.default_rng(3)
    return random.uniform(1.0, 3.0, DAYS * 24) * np.repeat(random.uniform(0.5, 2.0, DAYS), 24)


def slips(values, since, factor, places=1, channel="rope_slip"):
    """Hours of a channel told with so many decimal places, multiplied from hour `since` on."""
    told = np.round(values, places)
    told[since:] = np.round(told[since:] * factor, 6)
    frame = rollups(told, channel=channel, spread=0.0)
    return [(f.pattern, f.amount, f.since) for f in sensor_findings(cube_of(frame))[0]]


@pytest.mark.parametrize("factor", [10.0, 0.1, 100.0])
def test_a_decimal_point_that_moves_takes_the_digits_with_it(factor):
    values = restless()
    (found,) = slips(values, 600, factor)
    assert found[:2] == ("unit", pytest.approx(factor))
    assert 595 <= found[2] <= 605


def test_a_restless_channel_that_grows_tenfold_keeps_its_digits_and_is_no_unit():
    values = restless()
    values[600:] *= 10.0
    assert slips(values, 720, 1.0) == []


def test_coarser_digits_alone_are_no_unit():
    values = np.round(restless(), 1)
    values[600:] = np.round(values[600:])
    assert slips(values, 720, 1.0) == []


@pytest.mark.parametrize("since", [DAYS * 24 - 12, DAYS * 24 - 30])
def test_a_unit_that_has_just_changed_is_seen_from_its_hours(since):
    values = 12 + np.random.default_rng(2).normal(0, 0.5, DAYS * 24)
    values[: DAYS * 24 - 60] = np.nan  # the asset is not yet three days old
    values[since:] /= 10
    frame = rollups(values, channel="drive_current", spread=0.4)
    late = pl.col("hour") >= END - timedelta(hours=DAYS * 24 - since)
    assert patterns(frame.with_columns(pl.when(late).then(0.04).otherwise("std").alias("std"))) == ["unit"]


def classmates(levels, kind="lift", channel="drive_current"):
    """Rows of the cube found to be in another unit than their class, none of which ever changed."""
    parts = [
        rollups(level + np.random.default_rng(i).normal(0, 0.02 * level, DAYS * 24), channel, 0.02 * level)
        .with_columns(asset=pl.lit(f"A-{i}"))
        for i, level in enumerate(levels)
    ]  # fmt: skip
    assets = [Asset(id=f"A-{i}", kind=kind) for i in range(len(levels))]
    cube = build_cube(pl.concat(parts), assets, catalogue(), as_of=END, days=DAYS)
    return [f.row for f in sensor_findings(cube)[0] if f.pattern == "unit"]


def test_one_as_far_from_its_class_as_a_unit_is_in_another_unit():
    assert classmates([12.0, 12.3, 11.8, 12.1, 12.4, 11.7, 1.2]) == [6]
    assert classmates([12.0, 12.3, 11.8, 12.1, 12.4, 11.7, 3.0]) == []
    assert classmates([12.0, 12.3, 11.8, 12.1, 12.4, 11.7, 1.2, 1.21, 1.19]) == []  # another make
    assert classmates([12.0, 20.3, 5.8, 16.1, 30.4, 8.7, 1.2]) == []  # a class of anything


def test_a_pressure_that_is_gone_is_no_unit():
    pressure = 0.4 + np.random.default_rng(2).normal(0, 0.004, DAYS * 24)
    pressure[-4 * 24 :] = 0.004 + np.random.default_rng(3).normal(0, 0.002, 96)
    assert patterns(rollups(pressure, channel="end_pressure", spread=0.002), kind="hydrant_zone") == []


def rhythms(shifted, by=3, assets=("A", "B", "C")):
    """Two daily rhythms a lift; those of some lifts come hours later from a week ago on."""
    frames = []
    for number, asset in enumerate(assets):
        for channel in ("motor_temperature", "machine_room_temperature"):
            values = temperature(np.random.default_rng(10 * number + len(channel)))
            if asset in shifted:
                values = np.where(np.arange(values.size) >= (DAYS - 7) * 24, np.roll(values, by), values)
            frames.append(rollups(values, channel).with_columns(asset=pl.lit(asset)))
    known = [Asset(id=asset, kind="lift") for asset in assets]
    cube = build_cube(pl.concat(frames), known, catalogue(), as_of=END, days=DAYS)
    return [(assets[cube.owner[f.row]], f.amount) for f in sensor_findings(cube)[0] if f.pattern == "clock"]


def test_a_clock_that_has_jumped_moves_the_rhythm_of_its_own_device():
    assert rhythms({"B"}) == [("B", 3.0)]
    assert rhythms({"B"}, assets=("B",)) == [("B", 3.0)]
    assert rhythms(()) == []


def test_weather_moves_the_rhythm_of_all():
    assert rhythms({"A", "B", "C"}) == []


def test_spikes():
    frame = rollups(temperature())
    hit = pl.col("hour").is_in(
        [datetime(2026, 5, d, h, tzinfo=UTC) for d, h in ((26, 3), (27, 15), (28, 9), (29, 20), (30, 5))]
    )
    findings, doubtful = sensor_findings(
        cube_of(frame.with_columns(pl.when(hit).then(95.0).otherwise("max").alias("max")))
    )
    assert [f.pattern for f in findings] == ["spikes"]
    assert doubtful.sum() == 5


def test_an_unphysical_hour_is_never_averaged():
    values = temperature()
    values[100] = 900.0
    _, doubtful = sensor_findings(cube_of(rollups(values)))
    assert doubtful.sum() == 1


def test_maintenance_hours_are_known_by_the_catalogue():
    mode = np.ones(DAYS * 24)
    mode[200:205] = 2
    cube = cube_of(rollups(mode, channel="service_mode", spread=0.0))
    assert np.flatnonzero(out_of_service(cube)[0].ravel()).tolist() == [200, 201, 202, 203, 204]


def test_unknown_channels_and_foreign_assets_are_left_out():
    frame = pl.concat(
        [rollups(temperature(), channel="chamber"), rollups(temperature()).with_columns(asset=pl.lit("B"))]
    )
    assert cube_of(frame).channels == ()


def shares(random=None):
    """Share of the hour that a fire door stands open, with a counter of its openings."""
    random = random or np.random.default_rng(4)
    return np.clip(random.gamma(1.5, 1.2, DAYS * 24), 0, 100)


def counted(per_hour, channel="door_openings"):
    """Rollups of a counter that grows by so much in each hour."""
    frame = rollups(1000 + np.cumsum(per_hour), channel=channel, spread=0.0)
    grown = pl.Series("increase", per_hour)
    return frame.with_columns(grown, first=pl.col("last") - grown, min=pl.col("last") - grown)


def test_a_door_held_open_for_moving_in_is_no_spike():
    values = shares()
    values[[-150, -120, -100, -75, -50, -26]] = 100.0
    assert patterns(rollups(values, channel="open_share", spread=0.1), kind="fire_door") == []
    measured = 40 + 0.1 * values  # of a temperature the same readings are spikes
    assert patterns(rollups(np.where(values == 100, 95.0, measured))) == ["spikes"]


def test_a_ratio_of_few_uses_tells_nothing_and_of_many_all():
    """Of a night with one closing that went wrong a hundred per cent did."""
    random = np.random.default_rng(5)
    closings = np.where(np.arange(DAYS * 24) % 24 < 8, 1.0, 40.0)
    ratios = np.where(closings == 1, 100.0 * (random.random(DAYS * 24) < 0.3), 2.0 + random.normal(0, 0.2, DAYS * 24))
    closings[-2 * 24 : -24] = 0.5  # a day out of use
    both = pl.concat([counted(closings), rollups(ratios, channel="door_reversals", spread=0.0)], how="diagonal_relaxed")
    cube = cube_of(both)
    daily = daily_figures(cube, np.zeros(cube.mean.shape, dtype=np.bool_))
    (row,) = [i for i, channel in enumerate(daily.channels) if channel.key == "door_reversals"]
    levels = daily.values[row]
    assert np.isnan(levels[-2])
    assert np.nanmax(np.abs(levels - 2.0)) < 1.2, "a plain mean of hours is about twelve"


@pytest.mark.parametrize("told", [True, False])
def test_a_lift_out_of_use_has_not_gone_quiet(told):
    """Its channels are measured while it runs; it has hardly ever rested, and stands now."""
    hours = np.arange(DAYS * 24)
    times = 2.4 + np.random.default_rng(6).normal(0, 0.05, hours.size)
    trips = np.where(hours < hours.size - 60, 12.0, 0.0 if told else 12.0)
    times[-60:] = np.nan
    both = pl.concat(
        [counted(trips, channel="trips"), rollups(times, channel="door_close_time", spread=0.02)],
        how="diagonal_relaxed",
    )
    assert patterns(both) == ([] if told else ["missing"])


@pytest.mark.parametrize(("shift", "expected"), [(2, []), (6, ["clock"])])
def test_two_hours_are_no_shift_of_a_clock_that_speaks_every_two_hours(shift, expected):
    hours = np.arange(DAYS * 24)
    frames = []
    for channel, phase in (("motor_temperature", 8), ("machine_room_temperature", 9)):
        values = 35 + 6 * np.sin(2 * np.pi * (hours - phase) / 24) + np.random.default_rng(phase).normal(0, 0.4, 720)
        values[-6 * 24 :] = np.roll(values[-6 * 24 :], shift)
        values[1::2] = np.nan
        frames.append(rollups(values, channel=channel))
    assert patterns(pl.concat(frames)) == expected
