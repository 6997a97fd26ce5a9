"""Which readings and assessments are bad, good, or say nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from facility.alerts import Severity, Source
from facility.assessments import Assessment, Evidence, Trouble
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import Verdict
from serviceday.alerts.limits import limit_channels, limit_conditions
from serviceday.alerts.predictions import assessment_conditions

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
ZONE = Asset(id="HZ-1", kind="hydrant_zone")
LIFT = Asset(id="EL-1", kind="lift")
PUMP = Asset(id="PS-1", kind="pump_set")


def hours(asset: Asset, channel: str, values: list[float], *, end: datetime = NOW, step_hours: int = 1) -> pl.DataFrame:
    """One value an hour, the last in the hour before `end`."""
    moments = [end - timedelta(hours=step_hours * back + 1) for back in reversed(range(len(values)))]
    return pl.DataFrame(
        {"asset": asset.id, "channel": channel, "hour": moments, "mean": values, "last": values},
        schema={
            "asset": pl.String,
            "channel": pl.String,
            "hour": pl.Datetime("us", "UTC"),
            "mean": pl.Float64,
            "last": pl.Float64,
        },
    )


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([0.30, 0.30, 0.10], None),  # one odd hour
        ([0.30, 0.10, 0.10], Verdict.BAD),
        ([0.10, 0.10, 0.30], None),  # not long enough back to normal
        ([0.10, 0.30, 0.30, 0.30], Verdict.GOOD),
        ([0.10, 0.151, 0.151, 0.151], None),  # inside the limit of 0.15, but within its deadband
        ([0.10, 0.10, -5.0, 9.0], Verdict.BAD),  # what the sensor can't measure counts for nothing
        ([0.30, 0.30, 0.30, -5.0, -5.0], Verdict.GOOD),
        ([1.7, 1.7], Verdict.BAD),  # above the other limit
    ],
)
def test_several_hours_make_a_verdict(values: list[float], verdict: Verdict | None) -> None:
    found = limit_conditions(hours(ZONE, "static_pressure", values), [ZONE], now=NOW)
    assert [one.verdict for one in found] == ([verdict] if verdict else [])


def test_a_finished_measurement_needs_no_second() -> None:
    found = limit_conditions(hours(PUMP, "bearing_temperature", [60, 101], step_hours=168), [PUMP], now=NOW)
    assert [(one.verdict, one.source, one.channel) for one in found] == [
        (Verdict.BAD, Source.LIMIT, "bearing_temperature")
    ]
    assert "101 °C" in found[0].reason.en
    assert "95 °C" in found[0].reason.zh


@pytest.mark.parametrize("value", [0.10, 0.30])
def test_old_data_is_neither_bad_nor_good(value: float) -> None:
    stale = limit_channels()["hydrant_zone", "static_pressure"].stale_after
    old = hours(ZONE, "static_pressure", [value] * 5, end=NOW - stale - timedelta(hours=1))
    assert limit_conditions(old, [ZONE], now=NOW) == []
    assert len(limit_conditions(old, [ZONE], now=NOW - timedelta(hours=2))) == 1


def test_a_strange_asset_or_a_channel_without_limit_is_left_alone() -> None:
    assert limit_conditions(hours(ZONE, "static_pressure", [0.1] * 3), [LIFT], now=NOW) == []
    assert limit_conditions(hours(LIFT, "trips", [1e6] * 3), [LIFT], now=NOW) == []


def test_a_lift_under_maintenance_is_no_alarm() -> None:
    reversals = hours(LIFT, "door_reversals", [20, 20, 20])
    for modes, verdict in (([1, 2, 2], None), ([1, 1, 1.5], Verdict.BAD), ([2, 1, 1], Verdict.BAD)):
        both = pl.concat([reversals, hours(LIFT, "service_mode", list(map(float, modes)))])
        found = limit_conditions(both, [LIFT], now=NOW)
        assert [one.verdict for one in found] == ([verdict] if verdict else []), modes


@pytest.mark.parametrize(
    ("asset", "channel", "value", "severity"),
    [
        (ZONE, "static_pressure", 0.14, Severity.MEDIUM),
        (ZONE, "static_pressure", 0.05, Severity.HIGH),
        (LIFT, "downtime_min", 900, Severity.MEDIUM),  # a daily figure is never urgent
        (Asset(id="LC-1", kind="lighting_circuit"), "driver_temperature", 90, Severity.LOW),
        (Asset(id="LC-1", kind="lighting_circuit"), "driver_temperature", 130, Severity.MEDIUM),
        (Asset(id="SD-1", kind="smoke_detector"), "fault_bits", 8, Severity.MEDIUM),
    ],
)
def test_severity_comes_from_life_safety_and_size(asset: Asset, channel: str, value: float, severity: Severity) -> None:
    (found,) = limit_conditions(hours(asset, channel, [value] * 3), [asset], now=NOW)
    assert (found.verdict, found.severity) == (Verdict.BAD, severity)


def test_since_is_the_start_of_the_run_or_owned_to_be_unknown() -> None:
    (known,) = limit_conditions(hours(ZONE, "static_pressure", [0.3, 0.1, 0.1]), [ZONE], now=NOW)
    (unknown,) = limit_conditions(hours(ZONE, "static_pressure", [0.1, 0.1, 0.1]), [ZONE], now=NOW)
    assert known.reason.en.endswith("since 2026-03-10 10:00 UTC")
    assert unknown.reason.en.endswith("since 2026-03-10 09:00 UTC or earlier")
    shanghai = ZoneInfo("Asia/Shanghai")
    (local,) = limit_conditions(hours(ZONE, "static_pressure", [0.3, 0.1, 0.1]), [ZONE], now=NOW, timezone=shanghai)
    assert local.reason.en.endswith("since 2026-03-10 18:00")


@pytest.mark.parametrize("key", limit_channels(), ids="/".join)
def test_every_limit_can_be_broken_and_kept(key: tuple[str, str]) -> None:
    channel = limit_channels()[key]
    asset = Asset(id="A", kind=key[0])
    inside = [
        edge
        for edge in (channel.normal.low, channel.normal.high, (channel.normal.low + channel.normal.high) / 2, 0.0)
        if channel.limit.holds(edge) and abs(edge) != float("inf")
    ]
    edges = ((channel.limit.low, channel.physical.low), (channel.limit.high, channel.physical.high))
    broken = [(limit + possible) / 2 for limit, possible in edges if abs(limit) != float("inf") and limit != possible]
    assert inside
    assert broken, f"{key}: nothing beyond the limit can be measured"
    verdicts = {
        limit_conditions(hours(asset, channel.key, [value] * 4), [asset], now=NOW)[0].verdict for value in broken
    }
    assert verdicts == {Verdict.BAD}
    kept = [limit_conditions(hours(asset, channel.key, [value] * 4), [asset], now=NOW) for value in inside]
    assert any(found and found[0].verdict is Verdict.GOOD for found in kept)


def assessment(**given: object) -> Assessment:
    values: dict[str, object] = {
        "asset": "EL-1",
        "as_of": NOW - timedelta(hours=1),
        "horizon_days": 7.0,
        "probability": 0.9,
        "sensor_probability": 0.0,
        "flagged": True,
        "score": 1.0,
        "mode": "",
        "reason": Text(zh="原因", en="reason"),
        "coverage": 1.0,
        "model": "m",
    }
    return Assessment(**(values | given))  # type: ignore[arg-type]


def verdicts(**given: object) -> tuple[Verdict, Verdict] | None:
    found = assessment_conditions([assessment(**given)], [LIFT], now=NOW)
    return (found[0].verdict, found[1].verdict) if found else None


def test_assessments_speak_of_equipment_and_of_sensors_apart() -> None:
    assert verdicts() == (Verdict.BAD, Verdict.GOOD)
    assert verdicts(flagged=False, sensor_probability=0.7) == (Verdict.GOOD, Verdict.BAD)
    assert verdicts(flagged=False, sensor_probability=0.4) == (Verdict.GOOD, Verdict.UNKNOWN)
    assert verdicts(flagged=False, coverage=0.1) == (Verdict.UNKNOWN, Verdict.UNKNOWN)
    assert verdicts(as_of=NOW - timedelta(days=3)) is None
    assert verdicts(as_of=NOW + timedelta(hours=1)) is None


def test_a_likely_failure_about_to_happen_is_urgent() -> None:
    soon = Evidence(
        channel="levelling_error",
        detector="trend",
        trouble=Trouble.EQUIPMENT,
        pattern="trend",
        since=None,
        value=9.0,
        expected=1.0,
        score=8.0,
        crosses_limit_at=NOW + timedelta(days=2),
        sentence=Text(zh="句", en="sentence"),
    )
    (grave, _) = assessment_conditions([assessment(evidence=(soon,))], [LIFT], now=NOW)
    (mild, _) = assessment_conditions([assessment()], [LIFT], now=NOW)
    assert (grave.severity, mild.severity) == (Severity.HIGH, Severity.MEDIUM)
    assert grave.channel == "levelling_error"
