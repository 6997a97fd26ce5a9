"""Every equipment class of the catalogue is simulated, every failure mode moves what the catalogue says it moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from facility.assessments import Trouble
from facility.catalogue.catalogue import Aggregate, Bad, catalogue
from facility.estate import Asset, Estate
from simulators import tanks
from simulators.chance import Lot
from simulators.detectability import daily_figures, detectable_from
from simulators.faults import COURSES, NOT_SIMULATED, SENSOR_FAULTS, Fault
from simulators.fleet import make_fleet
from simulators.physics import PHYSICS, day_number, simulate, surroundings
from simulators.sensor_faults import suffering_channel
from simulators.sheet import Batch
from simulators.surroundings import Span, Surroundings

END = datetime(2026, 11, 24, tzinfo=UTC)
DAYS = 35
SEED = 7
FLEET = make_fleet(60, SEED)
MEASURED = [kind for kind in catalogue() if catalogue()[kind].channels]  # the others have no sensor to simulate
MODES = [(kind, mode) for kind in catalogue() for mode in catalogue()[kind].modes if mode not in NOT_SIMULATED]


def around(days: int = DAYS, *, confounders: bool = True, end: datetime = END) -> Surroundings:
    span = Span(day_number(end) - days, day_number(end))
    return surroundings(
        Estate(), span, seed=SEED, zone=ZoneInfo("Asia/Shanghai"), origin_day=span.first_day, confounders=confounders
    )


def one_of(kind: str, **attributes: str) -> Asset:
    return next(
        a for a in FLEET.assets if a.kind == kind and all(a.attributes.get(k) == v for k, v in attributes.items())
    )


def one_that_shows(kind: str) -> Asset:
    """An asset whose every failure mode shows on every sign: a photocell that can fail, a float that overfills."""
    if kind == "lighting_circuit":
        return one_of(kind, control="photocell")
    if kind == "tank":
        return next(a for a in make_fleet(300, SEED).assets if a.kind == kind and tanks.overfills(Lot(SEED, a.id)))
    return one_of(kind)


def columns(batches: list[Batch]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {key: (batch.stamp_ms, values) for batch in batches for key, values in batch.values.items()}


def test_every_class_and_every_mode_is_simulated() -> None:
    assert set(PHYSICS) == set(MEASURED)
    assert {mode for _, mode in MODES} == set(COURSES)


@pytest.mark.parametrize("kind", MEASURED)
def test_an_asset_reports_exactly_its_channels_at_about_their_cadence(kind: str) -> None:
    seen = columns(simulate(one_of(kind), (), around(), {}))
    assert set(seen) == set(catalogue()[kind].channels)
    for key, channel in catalogue()[kind].channels.items():
        times, values = seen[key]
        assert len(times) == len(values)
        assert (np.diff(times) > 0).all(), key
        assert np.isfinite(values[~np.isnan(values)]).all()
        runs = len(np.unique(times // 3_600_000)) if channel.aggregate is Aggregate.SPARSE else len(times)
        expected = timedelta(days=DAYS) / channel.cadence
        assert 0.5 * expected - 1 <= runs <= 2.2 * expected + 2, (key, runs, expected)


@pytest.mark.parametrize("kind", MEASURED)
@pytest.mark.parametrize("season", [datetime(2026, 2, 20, tzinfo=UTC), datetime(2026, 8, 5, tzinfo=UTC)])
def test_healthy_equipment_stays_within_physical_range_and_nearly_always_within_limits(
    kind: str, season: datetime
) -> None:
    for asset in [a for a in FLEET.assets if a.kind == kind][:4]:
        for key, (_, values) in columns(simulate(asset, (), around(end=season), {})).items():
            channel, known = catalogue().channel(kind, key), values[~np.isnan(values)]
            assert ((known >= channel.physical.low) & (known <= channel.physical.high)).all(), key
            if channel.aggregate is not Aggregate.STATE:
                beyond = np.mean((known < channel.limit.low) | (known > channel.limit.high))
                assert beyond < 0.005, (asset.id, key, beyond)


@pytest.mark.parametrize(("kind", "mode"), MODES)
def test_a_failure_mode_moves_its_signs_the_way_the_catalogue_says(kind: str, mode: str) -> None:
    asset = one_that_shows(kind)
    lead = timedelta(days=sum(COURSES[mode].lead_days) / 2)
    onset = max(END - lead, END - timedelta(days=DAYS - 7))
    fault = Fault(
        asset=asset.id, mode=mode, trouble=Trouble.EQUIPMENT, onset=onset, failure_time=END, severity=1.3
    )  # fmt: skip
    ill, well = simulate(asset, (fault,), around(), {}), simulate(asset, (), around(), {})
    moved = {}
    for key, bad in catalogue()[kind].modes[mode].signs.items():
        with_fault, twin = daily_figures(ill, kind, key, END), daily_figures(well, kind, key, END)
        days = min(3, len(twin.values))
        shift = float(np.mean(with_fault.values[-days:]) - np.mean(twin.values[-days:]))
        moved[key] = abs(shift) > 1e-9 if bad is Bad.BOTH else shift > 0 if bad is Bad.UP else shift < 0
    assert all(moved.values()), moved
    seen = detectable_from(ill, well, kind, mode, END)
    assert seen is not None
    assert seen > onset


def test_a_fault_leaves_the_past_and_the_repaired_future_alone() -> None:
    asset = one_of("lift")
    fault = Fault(
        asset=asset.id,
        mode="door_operator_wear",
        trouble=Trouble.EQUIPMENT,
        onset=END - timedelta(days=20),
        failure_time=END - timedelta(days=6),
        repaired_at=END - timedelta(days=5),
    )
    ill = columns(simulate(asset, (fault,), around(), {}))
    well = columns(simulate(asset, (), around(), {}))
    times, values = ill["door_close_time"]
    during = (times > fault.onset.timestamp() * 1000 + 86_400_000 * 10) & (times < (END.timestamp() - 86_400 * 6) * 1e3)
    before = times < fault.onset.timestamp() * 1000
    after = times > (END.timestamp() - 86_400 * 4) * 1000
    twin = well["door_close_time"][1]
    assert np.array_equal(values[before], twin[before], equal_nan=True)
    assert np.nanmean(values[during]) > np.nanmean(twin[during]) + 0.1
    assert np.allclose(np.nanmean(values[after]), np.nanmean(twin[after]), atol=0.02)


@pytest.mark.parametrize("mode", SENSOR_FAULTS)
def test_a_sensor_fault_changes_what_is_said_from_its_onset_on(mode: str) -> None:
    asset = one_of("lift")
    fault = Fault(asset=asset.id, mode=mode, trouble=Trouble.SENSOR, onset=END - timedelta(days=10), severity=1.0)
    key = suffering_channel(fault, "lift", SEED).key
    said, true = columns(simulate(asset, (fault,), around(), {})), columns(simulate(asset, (), around(), {}))
    onset = fault.onset.timestamp() * 1000
    early = true[key][0] < onset
    assert np.array_equal(said[key][1][early], true[key][1][early], equal_nan=True)
    if mode == "sensor_clock_skew":
        assert (said[key][0][~early] < true[key][0][~early]).all()
    else:
        assert not np.array_equal(said[key][1][~early], true[key][1][~early], equal_nan=True)
        others = [k for k in true if k != key]
        assert all(np.array_equal(said[k][1], true[k][1], equal_nan=True) for k in others)


def test_counters_never_fall_unless_a_meter_was_swapped() -> None:
    swapped = 0
    for asset in make_fleet(200, 3).assets:
        for key, (_, values) in columns(simulate(asset, (), around(60), {})).items():
            if catalogue().channel(asset.kind, key).aggregate is Aggregate.COUNTER:
                falls = np.diff(values) < 0
                swapped += falls.any()
                assert falls.sum() <= 1
    assert swapped > 0
    quiet = around(60, confounders=False)
    for asset in FLEET.assets:
        for key, (_, values) in columns(simulate(asset, (), quiet, {})).items():
            if catalogue().channel(asset.kind, key).aggregate is Aggregate.COUNTER:
                assert (np.diff(values) >= 0).all(), key


def test_light_opposes_daylight_until_the_photocell_fails() -> None:
    asset = one_of("lighting_circuit", control="photocell")
    fault = Fault(
        asset=asset.id, mode="photocell_failed", trouble=Trouble.EQUIPMENT, onset=END - timedelta(days=10), severity=1.0
    )
    seen = columns(simulate(asset, (fault,), around(), {}))
    times, power = seen["circuit_power"]
    daylight, before = seen["daylight"][1], times < fault.onset.timestamp() * 1000
    assert np.corrcoef(power[before], daylight[before])[0, 1] < -0.4
    assert np.abs(np.corrcoef(power[~before], daylight[~before])[0, 1]) < 0.3


def test_motor_follows_traffic_and_holidays_empty_an_office() -> None:
    asset = one_of("lift", use="office")
    october = around(24, end=datetime(2026, 10, 20, tzinfo=UTC))
    seen = columns(simulate(asset, (), october, {}))
    trips = daily_figures(simulate(asset, (), october, {}), "lift", "trips", datetime(2026, 10, 20, tzinfo=UTC))
    holiday = [v for d, v in zip(trips.days, trips.values, strict=True) if 20728 <= d <= 20732]  # 2 to 6 October 2026
    working = [v for d, v in zip(trips.days, trips.values, strict=True) if (d + 3) % 7 < 5 and d > 20736]
    assert np.mean(holiday) < 0.3 * np.mean(working)
    current, motor = seen["drive_current"][1], seen["motor_temperature"][1]
    assert np.corrcoef(current, motor)[0, 1] > 0.5


def test_the_coarse_pressure_gauge_hides_a_slow_leak_but_not_the_starts() -> None:
    coarse = next(
        a for s in range(20) for a in make_fleet(60, s).assets if a.attributes.get("pressure_step") == "0.1 MPa"
    )
    seen = columns(simulate(coarse, (), around(), {}))
    assert np.allclose(seen["static_pressure"][1] * 10, np.rint(seen["static_pressure"][1] * 10))
    assert np.diff(seen["jockey_starts"][1]).max() >= 1
