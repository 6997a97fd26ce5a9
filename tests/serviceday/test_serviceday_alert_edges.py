"""Where exactly an alert's logic turns: each threshold met, and missed by as little as can be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from facility.alert_life import BESIDE, TRANSITIONS, state_after
from facility.alerts import Alert, AlertState, Severity, Source, Step
from facility.assessments import Assessment, Evidence, Knowledge, Trouble
from facility.catalogue.alarm import Alarm
from facility.catalogue.catalogue import Aggregate, Channel
from facility.estate import Asset
from facility.i18n.phrases import Text
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.grouping import grouped
from serviceday.alerts.inhibition import SILENCE, Explanations
from serviceday.alerts.lifecycle import decide
from serviceday.alerts.limits import (
    deadband,
    limit_channels,
    limit_conditions,
    limit_severity,
    quantity,
    service_channels,
)
from serviceday.alerts.predictions import OFF_AFTER, OLD_ASSESSMENT, SOON, assessment_conditions
from serviceday.alerts.track import CALM_US, CALMEST_US, CHATTERING, WITHIN_US, Reading, Track

T0 = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
MICRO = timedelta(microseconds=1)
MINUTE_US = 60_000_000


# --- a track ---------------------------------------------------------------------------------------------------------

DWELL = Alarm(after=10 * MINUTE, count=3, back_after=30 * MINUTE, back_count=2)
START_US = 1_000_000_000_000_000


def reading(minutes: float, *, bad: bool = False, good: bool = False, far: bool = False, value: float = 1.0) -> Reading:
    at = START_US + int(minutes * MINUTE_US)
    return Reading(at, value, at + 1, bad=bad, good=good, far=far)


def fed(*readings: Reading, alarm: Alarm = DWELL) -> tuple[Track, list[bool]]:
    track = Track()
    return track, [track.feed(each, alarm) for each in readings]


@pytest.mark.parametrize(
    ("minutes", "believed"),
    [((0, 5, 10), True), ((0, 5, 9.999), False), ((0, 10), False), ((0, 3, 6, 10), True), ((0, 1, 2, 3, 9), False)],
)
def test_bad_is_believed_after_its_time_and_its_count(minutes: tuple[float, ...], believed: bool) -> None:
    track, changes = fed(*(reading(at, bad=True) for at in minutes))
    assert track.bad is believed
    assert changes == [False] * (len(minutes) - 1) + [believed]
    if believed:
        assert track.began_us == START_US + int(minutes[0] * MINUTE_US)


def bad_track(*, far: bool = False) -> Track:
    return fed(*(reading(at, bad=True, far=far) for at in (0, 5, 10)))[0]


@pytest.mark.parametrize(
    ("minutes", "believed"), [((20, 50), True), ((20, 49.999), False), ((50,), False), ((20, 30, 50), True)]
)
def test_good_is_believed_after_its_time_and_its_count(minutes: tuple[float, ...], believed: bool) -> None:
    track = bad_track(far=True)
    assert track.far
    changes = [track.feed(reading(at, good=True), DWELL) for at in minutes]
    assert track.bad is not believed
    assert changes[-1] is believed
    assert track.far is not believed


def test_what_is_neither_bad_nor_good_breaks_both_runs() -> None:
    track, _ = fed(reading(0, bad=True), reading(5, bad=True), reading(6), reading(10, bad=True), reading(12, bad=True))
    assert (track.bad, track.bad_run, track.good_run) == (False, 2, 0)
    assert track.since_us == START_US + 10 * MINUTE_US
    assert track.gap_us == 2 * MINUTE_US
    assert (track.seen_us, track.value, track.arrived_us) == (
        START_US + 12 * MINUTE_US,
        1.0,
        START_US + 12 * MINUTE_US + 1,
    )


def test_far_beyond_is_graver_once_it_is_so_often_enough() -> None:
    track = bad_track()
    assert not track.far
    changes = [track.feed(reading(at, bad=True, far=True), DWELL) for at in (11, 12, 13, 14)]
    assert changes == [False, False, True, False]
    track.feed(reading(15, bad=True), DWELL)
    assert track.far
    assert track.far_run == 0
    assert fed(*(reading(at, bad=True, far=at > 0) for at in (0, 5, 10)))[0].far is False, "only twice in a row"


def test_time_alone_makes_what_stands_believed() -> None:
    track, _ = fed(reading(0, bad=True), reading(1, bad=True), reading(2, bad=True))
    due = track.due_us(DWELL, stands=True)
    assert due == START_US + 10 * MINUTE_US
    assert track.due_us(DWELL, stands=False) is None
    assert not track.elapse(due - 1, DWELL)
    assert track.elapse(due, DWELL)
    assert not track.elapse(due, DWELL)
    assert track.due_us(DWELL, stands=True) is None, "nothing points the other way"
    for at in (20, 21):
        track.feed(reading(at, good=True), DWELL)
    assert track.due_us(DWELL, stands=True) == START_US + 50 * MINUTE_US
    assert track.elapse(START_US + 50 * MINUTE_US, DWELL)


def test_too_few_readings_are_never_due() -> None:
    assert fed(reading(0, bad=True), reading(1, bad=True))[0].due_us(DWELL, stands=True) is None
    track = bad_track()
    track.feed(reading(20, good=True), DWELL)
    assert track.due_us(DWELL, stands=True) is None


def risen(*ago_us: int) -> Track:
    now = START_US + WITHIN_US
    return Track(risen=[now - ago for ago in ago_us])


def test_chattering_is_five_times_within_an_hour() -> None:
    assert risen(4, 3, 2, 1, 0).times == CHATTERING
    assert risen(4, 3, 2, 1, 0).chattering
    assert not risen(3, 2, 1, 0).chattering
    assert risen(WITHIN_US, 3, 2, 1, 0).times == 4
    assert risen(WITHIN_US - 1, 3, 2, 1, 0).times == 5
    assert Track().times == 0


@pytest.mark.parametrize(
    ("times", "patience_us"),
    [(4, 30 * MINUTE_US), (5, CALM_US), (6, 2 * CALM_US), (7, 4 * CALM_US), (8, CALMEST_US), (20, CALMEST_US)],
)
def test_what_chatters_must_be_calm_for_longer_each_time(times: int, patience_us: int) -> None:
    assert risen(*range(times, 0, -1)).patience_us(DWELL) == patience_us
    long = replace(DWELL, back_after=timedelta(hours=5))
    assert risen(*range(times, 0, -1)).patience_us(long) == 5 * 60 * MINUTE_US


def test_design_values_are_what_the_docs_say() -> None:
    assert (CHATTERING, WITHIN_US, CALM_US, CALMEST_US) == (5, 3_600_000_000, 1_800_000_000, 14_400_000_000)
    assert not Reading(0, 0.0, 0, bad=True, good=False).far


def test_only_the_last_hour_of_returns_is_remembered() -> None:
    at_once = Alarm()
    track = Track()
    for minute in (0, 30, 60, 61):
        track.feed(reading(minute, bad=True), at_once)
        track.feed(reading(minute + 0.5, good=True), at_once)
    assert [(moment - START_US) // MINUTE_US for moment in track.risen] == [30, 60, 61]


def test_calm_is_good_for_long_enough_by_what_was_seen_or_by_the_clock_where_a_state_stands() -> None:
    track, _ = fed(reading(0, good=True), reading(29, good=True))
    now = START_US + 30 * MINUTE_US
    assert track.calm(now, DWELL, stands=True)
    assert not track.calm(now - 1, DWELL, stands=True)
    assert not track.calm(now, DWELL, stands=False)
    track.feed(reading(30, good=True), DWELL)
    assert track.calm(now, DWELL, stands=False)
    assert not fed(reading(0, good=True))[0].calm(now, DWELL, stands=True), "one reading is not two"
    assert not bad_track().calm(now, DWELL, stands=True)


def test_the_last_reading_speaks_for_two_of_its_own_gaps_or_the_usual_time() -> None:
    track, _ = fed(reading(0), reading(60))
    assert track.fresh_until_us(30 * MINUTE) == START_US + 180 * MINUTE_US
    assert track.fresh_until_us(3 * HOUR) == START_US + 240 * MINUTE_US


def test_what_was_wrong_within_the_hour_is_remembered() -> None:
    assert Track().quiet
    assert not bad_track().quiet
    assert not fed(reading(0, bad=True))[0].quiet
    assert not Track(risen=[START_US], seen_us=START_US + WITHIN_US).quiet
    assert Track(risen=[START_US], seen_us=START_US + WITHIN_US + 1).quiet


def test_it_may_have_begun_before_what_was_looked_at() -> None:
    assert Track(began_us=5, horizon_us=5).earlier
    assert not Track(began_us=6, horizon_us=5).earlier


def test_a_track_is_kept_and_read_back_whole_by_this_and_other_versions() -> None:
    track = bad_track()
    assert Track.of(track.plain()) == track
    assert Track.of({**track.plain(), "of_another_version": 1}) == track
    copied = track.copy()
    copied.risen.append(7)
    assert track.risen != copied.risen


# --- what models flag ------------------------------------------------------------------------------------------------

LIFT = Asset(id="EL-1", kind="lift", site="s", building="1")
CIRCUIT = Asset(id="LC-1", kind="lighting_circuit", site="s", building="1")


def assessment(asset: Asset = LIFT, **values: Any) -> Assessment:
    usual: dict[str, Any] = {
        "asset": asset.id,
        "as_of": T0,
        "horizon_days": 7.0,
        "probability": 0.8,
        "sensor_probability": 0.0,
        "flagged": True,
        "score": 1.0,
        "mode": "",
        "reason": Text(zh="因", en="reason"),
        "coverage": 1.0,
        "model": "m",
    }
    return Assessment(**(usual | values))


def evidence(trouble: Trouble = Trouble.EQUIPMENT, **values: Any) -> Evidence:
    usual: dict[str, Any] = {
        "channel": "levelling_error",
        "detector": "trend",
        "trouble": trouble,
        "pattern": "trend",
        "since": T0 - 24 * HOUR,
        "value": 9.0,
        "expected": 1.0,
        "score": 8.0,
        "crosses_limit_at": T0 + SOON,
        "sentence": Text(zh="句", en="sentence"),
        "since_between": (T0 - 48 * HOUR, T0),
    }
    return Evidence(**(usual | values))


def pair(asset: Asset = LIFT, *, now: datetime = T0, **values: Any) -> list[Condition]:
    return assessment_conditions([assessment(asset, **values)], [asset], now=now)


@pytest.mark.parametrize(
    ("asset", "probability", "crosses", "severity"),
    [
        (LIFT, 0.8, SOON, Severity.HIGH),
        (LIFT, 0.79, SOON, Severity.MEDIUM),
        (LIFT, 0.8, SOON + MICRO, Severity.MEDIUM),
        (LIFT, 0.99, None, Severity.MEDIUM),
        (CIRCUIT, 0.8, None, Severity.MEDIUM),
        (CIRCUIT, 0.79, SOON, Severity.LOW),
    ],
)
def test_how_grave_a_warning_is(
    asset: Asset, probability: float, crosses: timedelta | None, severity: Severity
) -> None:
    speaks = evidence(crosses_limit_at=None if crosses is None else T0 + crosses)
    equipment, sensor = pair(asset, probability=probability, evidence=(speaks,))
    assert (equipment.severity, sensor.severity) == (severity, Severity.LOW)


def test_beyond_a_limit_is_soon() -> None:
    speaks = evidence(pattern="limit", crosses_limit_at=None)
    assert pair(evidence=(speaks,))[0].severity is Severity.HIGH
    doubt = evidence(Trouble.SENSOR, pattern="limit")
    assert pair(evidence=(doubt,))[0].severity is Severity.MEDIUM, "a sensor's trouble is not the equipment's"


@pytest.mark.parametrize(
    ("values", "verdicts"),
    [
        ({"flagged": False, "coverage": 0.5}, (Verdict.GOOD, Verdict.GOOD)),
        ({"flagged": False, "coverage": 0.49}, (Verdict.UNKNOWN, Verdict.UNKNOWN)),
        ({"flagged": False, "state": Knowledge.TOO_LITTLE}, (Verdict.UNKNOWN, Verdict.UNKNOWN)),
        ({"sensor_probability": 0.5}, (Verdict.BAD, Verdict.BAD)),
        ({"sensor_probability": 0.49}, (Verdict.BAD, Verdict.UNKNOWN)),
        ({"sensor_probability": 0.3}, (Verdict.BAD, Verdict.UNKNOWN)),
        ({"sensor_probability": 0.29}, (Verdict.BAD, Verdict.GOOD)),
    ],
)
def test_when_a_model_is_believed(values: dict[str, Any], verdicts: tuple[Verdict, Verdict]) -> None:
    equipment, sensor = pair(**values)
    assert (equipment.verdict, sensor.verdict) == verdicts


def test_old_assessments_and_those_to_come_say_nothing() -> None:
    assert len(pair(now=T0 + OLD_ASSESSMENT)) == 2
    assert pair(now=T0 + OLD_ASSESSMENT + MICRO) == []
    assert pair(now=T0 - MICRO) == []
    assert timedelta(hours=48) == OLD_ASSESSMENT
    assert timedelta(hours=24) == OFF_AFTER
    assert assessment_conditions([assessment()], [CIRCUIT], now=T0) == []


def test_a_warning_says_what_it_rests_on_and_since_when() -> None:
    first, second = evidence(), evidence(channel="door_reversals")
    doubt = evidence(Trouble.SENSOR, channel="noise", since=T0 - HOUR, since_between=None)
    equipment, sensor = pair(evidence=(doubt, first, second), mode="door_wear")
    assert (equipment.channel, equipment.began, equipment.began_between) == (
        "levelling_error",
        first.since,
        first.since_between,
    )
    assert equipment.rests_on == {"levelling_error", "door_reversals"}
    assert equipment.off_after == sensor.off_after == OFF_AFTER
    assert (sensor.channel, sensor.began, sensor.began_between) == ("noise", doubt.since, (None, None))
    assert sensor.reason == doubt.sentence
    bare_equipment, bare_sensor = pair()
    for condition in (bare_equipment, bare_sensor):
        assert (condition.channel, condition.began, condition.began_between) == ("", None, (None, None))
        assert condition.reason.en == "reason"


# --- what explains what ----------------------------------------------------------------------------------------------


def condition(
    asset: str, source: Source, channel: str = "", verdict: Verdict = Verdict.BAD, **values: Any
) -> Condition:
    usual: dict[str, Any] = {
        "cause": f"{asset}/{source.value}/{channel}",
        "verdict": verdict,
        "asset": asset,
        "channel": channel,
        "source": source,
        "severity": Severity.MEDIUM,
        "title": Text(zh=asset, en=asset),
        "reason": Text(zh="因", en="reason"),
        "seen_at": T0,
    }
    return Condition(**(usual | values))


def alert(of: Condition, **values: Any) -> Alert:
    (opened,) = decide([], [of], {}, now=T0).opened
    return replace(opened, id=1, **values)


PANEL = Asset(id="FP-1", kind="fire_panel", site="s", building="1")
DETECTOR = Asset(id="SD-1", kind="smoke_detector", site="s", building="1")
ELSEWHERE = Asset(id="SD-2", kind="smoke_detector", site="s", building="2")
OTHER_SITE = Asset(id="SD-3", kind="smoke_detector", site="t", building="1")
ESTATE = {asset.id: asset for asset in (PANEL, DETECTOR, ELSEWHERE, OTHER_SITE, LIFT)}
NO_POWER = condition("FP-1", Source.LIMIT, "battery_voltage")
SITE_SILENT = condition("s", Source.SILENCE)


def explained(of: Condition, *conditions: Condition, alerts: tuple[Alert, ...] = ()) -> str | None:
    explanation = Explanations(conditions, alerts, ESTATE).of(of)
    return None if explanation is None else explanation.cause


@pytest.mark.parametrize("source", [Source.LIMIT, Source.FAULT])
def test_a_panel_without_power_explains_the_detectors_of_its_building(source: Source) -> None:
    cause = condition("FP-1", source, "battery_voltage")
    assert explained(condition("SD-1", Source.LIMIT, "loop_voltage"), cause) == cause.cause
    assert explained(condition("SD-1", Source.SILENCE), cause) == cause.cause
    assert explained(condition("SD-1", Source.SILENCE, "loop_voltage"), cause) == cause.cause
    for of in (
        condition("SD-1", Source.LIMIT, "contamination"),
        condition("SD-2", Source.LIMIT, "loop_voltage"),
        condition("SD-3", Source.LIMIT, "loop_voltage"),
        condition("EL-1", Source.LIMIT, "loop_voltage"),
        condition("gone", Source.LIMIT, "loop_voltage"),
    ):
        assert explained(of, cause) is None
    assert SILENCE == "silence"


@pytest.mark.parametrize("source", [Source.EQUIPMENT, Source.SENSOR])
def test_a_models_warning_explains_nothing(source: Source) -> None:
    cause = condition("FP-1", source, "battery_voltage")
    assert explained(condition("SD-1", Source.LIMIT, "loop_voltage"), cause) is None


def test_another_channel_of_the_panel_explains_nothing() -> None:
    cause = condition("FP-1", Source.LIMIT, "charge_current")
    assert explained(condition("SD-1", Source.LIMIT, "loop_voltage"), cause) is None


def test_an_open_alert_explains_until_it_has_returned_or_is_found_good() -> None:
    low = condition("SD-1", Source.LIMIT, "loop_voltage")
    still = alert(NO_POWER)
    assert explained(low, alerts=(still,)) == NO_POWER.cause
    assert explained(low, alerts=(replace(still, returned_at=T0),)) is None
    good = replace(NO_POWER, verdict=Verdict.GOOD)
    assert explained(low, good, alerts=(still,)) is None
    assert explained(low, replace(NO_POWER, verdict=Verdict.UNKNOWN)) is None
    assert explained(low, NO_POWER, alerts=(still,)) == NO_POWER.cause


def test_a_silent_site_explains_the_silence_of_its_assets_and_a_silent_asset_that_of_its_channels() -> None:
    asset, channel = condition("EL-1", Source.SILENCE), condition("EL-1", Source.SILENCE, "noise")
    assert explained(asset, SITE_SILENT) == SITE_SILENT.cause
    assert explained(channel, SITE_SILENT, asset) == SITE_SILENT.cause
    assert explained(channel, asset) == asset.cause
    assert explained(asset, asset) is None, "nothing explains itself"
    assert explained(condition("SD-1", Source.SILENCE, "noise"), asset) is None
    assert explained(condition("SD-3", Source.SILENCE), SITE_SILENT) is None, "another site"
    assert explained(condition("EL-1", Source.LIMIT, "noise"), SITE_SILENT) is None, "silence explains no reading"
    assert explained(channel, condition("EL-1", Source.SILENCE, "trips")) is None, "nor one channel another"
    assert explained(channel, condition("EL-1", Source.LIMIT, "")) is None


# --- the life of an alert --------------------------------------------------------------------------------------------

LIMIT = condition("EL-1", Source.LIMIT, "noise")


def steps(open_alert: Alert, *conditions: Condition) -> list[tuple[str, Alert]]:
    return [(change.step, change.alert) for change in decide([open_alert], conditions, {}, now=T0 + HOUR).changed]


def test_a_new_alert_says_what_its_condition_says() -> None:
    seen = replace(LIMIT, began=T0 - HOUR, began_between=(T0 - 2 * HOUR, T0))
    (opened,) = decide([], [seen], {seen.cause: 7}, now=T0 + MINUTE).opened
    assert (opened.id, opened.follows, opened.opened_at, opened.last_seen_at) == (0, 7, T0 + MINUTE, T0)
    assert (opened.began, opened.began_after, opened.began_before) == (T0 - HOUR, T0 - 2 * HOUR, T0)
    for verdict in (Verdict.GOOD, Verdict.UNKNOWN, Verdict.WITHDRAWN):
        assert decide([], [replace(LIMIT, verdict=verdict)], {}, now=T0).opened == ()


@pytest.mark.parametrize(
    ("acknowledged", "returned", "verdict", "step"),
    [
        (False, False, Verdict.GOOD, "returned"),
        (False, False, Verdict.WITHDRAWN, "withdrawn"),
        (True, False, Verdict.GOOD, "closed"),
        (True, False, Verdict.WITHDRAWN, "withdrawn"),
        (False, True, Verdict.GOOD, ""),
        (False, True, Verdict.WITHDRAWN, ""),
        (False, False, Verdict.UNKNOWN, ""),
        (True, False, Verdict.UNKNOWN, ""),
    ],
)
def test_what_becomes_of_what_is_no_longer_bad(acknowledged: bool, returned: bool, verdict: Verdict, step: str) -> None:
    before = alert(LIMIT, acknowledged_at=T0 if acknowledged else None, returned_at=T0 if returned else None)
    changes = steps(before, replace(LIMIT, verdict=verdict, seen_at=T0 + MINUTE))
    assert [name for name, _ in changes] == ([step] if step else [])
    if step:
        (after,) = (alert for _, alert in changes)
        assert after.returned_at == T0 + HOUR
        assert after.closed_at == (T0 + HOUR if acknowledged else None)


@pytest.mark.parametrize(("later", "step"), [(HOUR, True), (HOUR - MICRO, False)])
def test_good_is_believed_after_its_off_delay_to_the_instant(later: timedelta, step: bool) -> None:
    good = replace(LIMIT, verdict=Verdict.GOOD, seen_at=T0 + later, off_after=HOUR)
    assert bool(steps(alert(LIMIT), good)) is step


def test_what_had_returned_recurs_by_newer_data_only() -> None:
    returned = alert(LIMIT, returned_at=T0)
    assert steps(returned, LIMIT) == []
    ((step, after),) = steps(returned, replace(LIMIT, seen_at=T0 + MICRO))
    assert (step, after.returned_at, after.last_seen_at) == ("recurred", None, T0 + MICRO)
    taken = alert(LIMIT, returned_at=T0, acknowledged_at=T0)
    ((step, after),) = steps(taken, replace(LIMIT, seen_at=T0 + MICRO))
    assert (step, after.state) == ("recurred", AlertState.ACKNOWLEDGED)


def test_a_limits_reason_is_kept_unless_it_is_graver_or_revised() -> None:
    again = replace(LIMIT, reason=Text(zh="新", en="new"), seen_at=T0 + MINUTE, began=T0 - HOUR)
    ((step, after),) = steps(alert(LIMIT), again)
    assert (step, after.reason.en, after.began, after.last_seen_at) == ("", "reason", None, T0 + MINUTE)
    ((step, after),) = steps(alert(LIMIT), replace(again, revises=True))
    assert (step, after.reason.en, after.began) == ("revised", "new", T0 - HOUR)
    ((step, after),) = steps(alert(LIMIT), replace(again, severity=Severity.HIGH))
    assert (step, after.reason.en, after.severity) == ("worsened", "new", Severity.HIGH)
    ((step, after),) = steps(alert(replace(LIMIT, source=Source.FAULT)), replace(again, source=Source.FAULT))
    assert (step, after.reason.en) == ("", "reason")
    for source in (Source.EQUIPMENT, Source.SENSOR, Source.SILENCE):
        ((step, after),) = steps(alert(replace(LIMIT, source=source)), replace(again, source=source))
        assert (step, after.reason.en, after.began) == ("", "new", T0 - HOUR), "a model says how it is now"
    ((_, after),) = steps(alert(replace(LIMIT, began=T0)), replace(again, revises=True, began=None))
    assert after.began == T0, "what is not known replaces nothing"


def test_older_news_of_the_same_takes_nothing_back() -> None:
    assert steps(alert(LIMIT), replace(LIMIT, seen_at=T0 - HOUR)) == []
    ((step, after),) = steps(alert(LIMIT), replace(LIMIT, seen_at=T0 - HOUR, severity=Severity.HIGH))
    assert (step, after.last_seen_at) == ("worsened", T0)


def test_a_revision_that_says_the_same_is_no_step() -> None:
    began = replace(LIMIT, began=T0 - HOUR)
    assert steps(alert(began), replace(began, revises=True)) == []


def test_a_note_stands_beside_the_step() -> None:
    note = replace(LIMIT, severity=Severity.HIGH, note="late")
    (change,) = decide([alert(LIMIT)], [note], {}, now=T0).changed
    assert change.note == "medium -> high; late"
    (change,) = decide(
        [alert(LIMIT)], [replace(note, severity=Severity.MEDIUM, revises=True, began=T0)], {}, now=T0
    ).changed
    assert change.note == "late"


def trail(*steps: str) -> list[Step]:
    return [Step(alert=1, at=T0, who="", what=step) for step in steps]


def test_a_trail_gives_the_state_and_what_stands_beside_changes_nothing() -> None:
    assert state_after([]) is None
    for (before, step), after in TRANSITIONS.items():
        paths = {
            None: (),
            AlertState.UNACKNOWLEDGED: ("opened",),
            AlertState.RETURNED: ("opened", "returned"),
            AlertState.ACKNOWLEDGED: ("opened", "acknowledged"),
        }
        assert state_after(trail(*paths[before], step)) is after
        assert state_after(trail(*paths[before], *(BESIDE if before else ()), step, *sorted(BESIDE))) is after
    with pytest.raises(KeyError):
        state_after(trail("opened", "opened"))
    with pytest.raises(KeyError):
        state_after(trail("opened", "closed", "returned"))


# --- limits ----------------------------------------------------------------------------------------------------------

ZONE = Asset(id="HZ-1", kind="hydrant_zone")
PRESSURE = limit_channels()["hydrant_zone", "static_pressure"]
DRIVER = limit_channels()["lighting_circuit", "driver_temperature"]


def hours(channel: str, values: list[float], *, asset: Asset = ZONE, end: datetime = T0, step: int = 1) -> pl.DataFrame:
    moments = [end - timedelta(hours=step * back + 1) for back in reversed(range(len(values)))]
    return pl.DataFrame(
        {"asset": asset.id, "channel": channel, "hour": moments, "mean": values, "last": [v + 9e-9 for v in values]},
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )


def test_what_stands_on_the_limit_is_within_it_and_good_begins_at_the_deadband() -> None:
    low, margin = PRESSURE.limit.low, deadband(PRESSURE)
    assert margin == pytest.approx(min(0.02 * PRESSURE.limit.high, abs(PRESSURE.normal.low - low) / 10))
    for value, verdict in (
        (low, None),
        (low - 1e-6, Verdict.BAD),
        (low + margin + 1e-9, Verdict.GOOD),
        (low + margin - 1e-6, None),
        (PRESSURE.limit.high + 1e-6, Verdict.BAD),
        (PRESSURE.limit.high - margin - 1e-6, Verdict.GOOD),
        (PRESSURE.limit.high - margin + 1e-6, None),
    ):
        conditions = limit_conditions(hours("static_pressure", [value] * 3), [ZONE], now=T0)
        assert [each.verdict for each in conditions] == ([verdict] if verdict else []), value


def made(low: float, high: float, normal: tuple[float, float], aggregate: Aggregate = Aggregate.MEAN) -> Channel:
    span = type(PRESSURE.limit)
    return replace(PRESSURE, limit=span(low, high), normal=span(*normal), aggregate=aggregate)


INF = float("inf")


@pytest.mark.parametrize(
    ("channel", "margin"),
    [
        (made(-INF, 100, (0, 90)), 1.0),  # a tenth of the way to the normal band
        (made(-INF, 100, (0, 20)), 2.0),  # a fiftieth of the limit
        (made(-INF, 100, (0, 100)), 2.0),
        (made(-INF, -100, (-150, -INF)), 2.0),
        (made(-200, 100, (-195, INF)), 0.5),
        (made(-200, 100, (-INF, INF)), 4.0),
        (made(-INF, 100, (0, 90), Aggregate.STATE), 0.0),
    ],
)
def test_the_deadband_of_a_limit(channel: Channel, margin: float) -> None:
    assert deadband(channel) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("channel", "excess", "severity"),
    [
        (PRESSURE, 0.49, Severity.MEDIUM),
        (PRESSURE, 0.5, Severity.HIGH),
        (DRIVER, 0.49, Severity.LOW),
        (DRIVER, 0.5, Severity.MEDIUM),
        (replace(DRIVER, aggregate=Aggregate.DAILY), 5.0, Severity.LOW),
        (replace(DRIVER, aggregate=Aggregate.STATE), 5.0, Severity.LOW),
    ],
)
def test_half_the_limit_beyond_it_is_grave(channel: Channel, excess: float, severity: Severity) -> None:
    assert limit_severity(channel, 8 + 8 * excess, 8) is severity
    assert limit_severity(channel, 8 - 8 * excess, 8) is severity


def test_beyond_a_limit_of_zero_the_normal_band_is_the_measure() -> None:
    band = made(-INF, 0, (-8, -4))
    assert limit_severity(band, 1.99, 0) is Severity.MEDIUM
    assert limit_severity(band, 2.0, 0) is Severity.HIGH
    unbounded = made(-INF, 0, (-INF, -4))
    assert limit_severity(unbounded, 0.49, 0) is Severity.MEDIUM
    assert limit_severity(unbounded, 0.5, 0) is Severity.HIGH


def test_the_side_that_is_broken_is_named() -> None:
    for value, words in ((PRESSURE.limit.high + 0.5, "above"), (PRESSURE.limit.low / 2, "below")):
        (each,) = limit_conditions(hours("static_pressure", [value] * 3), [ZONE], now=T0)
        assert words in each.reason.en
    only_low = [channel for channel in limit_channels().values() if channel.limit.high == INF]
    only_high = [channel for channel in limit_channels().values() if channel.limit.low == -INF]
    assert only_low
    assert only_high


def test_a_good_value_of_one_sided_limits_names_the_limit_there_is() -> None:
    for (kind, key), channel in limit_channels().items():
        if channel.aggregate is Aggregate.STATE or not channel.normal.bounded:
            continue
        middle = (channel.normal.low + channel.normal.high) / 2
        asset = Asset(id="A", kind=kind)
        for each in limit_conditions(hours(key, [middle] * 4, asset=asset), [asset], now=T0):
            assert "inf" not in each.reason.en, (kind, key)


def test_since_and_its_bounds() -> None:
    values = [0.3, 0.3, 0.1, 0.1]
    (each,) = limit_conditions(hours("static_pressure", values), [ZONE], now=T0)
    began = T0 - 2 * HOUR
    assert (each.began, each.began_between) == (began, (began, began + HOUR))
    (each,) = limit_conditions(hours("static_pressure", [0.1, 0.1]), [ZONE], now=T0)
    assert (each.began, each.began_between) == (None, (None, T0 - 2 * HOUR))
    (good,) = limit_conditions(hours("static_pressure", [0.1, 0.3, 0.3, 0.3]), [ZONE], now=T0)
    assert good.began is None
    assert good.seen_at == T0 - HOUR


def test_the_newest_hour_speaks_for_as_long_as_the_catalogue_or_the_habit_says() -> None:
    stale = PRESSURE.stale_after
    rollups = hours("static_pressure", [0.1] * 4)
    assert limit_conditions(rollups, [ZONE], now=T0 + stale)
    assert not limit_conditions(rollups, [ZONE], now=T0 + stale + MICRO)
    step = 2 * int(stale / HOUR)
    rare = hours("static_pressure", [0.1] * 4, step=step)
    assert limit_conditions(rare, [ZONE], now=T0 + 2 * step * HOUR)
    assert not limit_conditions(rare, [ZONE], now=T0 + 2 * step * HOUR + MICRO)


def test_a_state_is_shown_by_its_name_and_a_value_with_its_unit() -> None:
    state = next(channel for channel in service_channels().values() if channel.states)
    code, name = next(iter(state.states.items()))
    assert quantity(state, float(code)) == name
    assert quantity(state, code + 0.5).en.startswith(f"{code + 0.5:.3g}")
    assert quantity(PRESSURE, 0.12345).en == "0.123 MPa"


# --- one voice -------------------------------------------------------------------------------------------------------


def limit(channel: str, **values: Any) -> Condition:
    return condition("HZ-1", Source.LIMIT, channel, **values)


def test_the_gravest_leads_then_the_limit_then_the_channels_name() -> None:
    model = condition(
        "HZ-1", Source.EQUIPMENT, "end_pressure", cause="HZ-1/equipment", rests_on=frozenset({"static_pressure"})
    )
    first = limit("end_pressure", reason=Text(zh="甲", en="a"), off_after=HOUR, seen_at=T0 + MINUTE)
    second = limit("static_pressure", reason=Text(zh="乙", en="b"), began=T0 - HOUR, began_between=(None, T0))
    (each,) = grouped([second, model, first], [], [ZONE])
    assert each.cause == model.cause, "the equipment speaks before a limit of the same severity"
    (each,) = grouped([second, replace(model, severity=Severity.LOW), first], [], [ZONE])
    assert each.cause == first.cause
    assert (each.seen_at, each.off_after) == (T0 + MINUTE, HOUR)
    assert (each.began, each.began_between) == (T0 - HOUR, (None, T0)), "the earliest onset that is known"
    assert {"end_pressure", "static_pressure"} <= each.rests_on
    test = limit("end_test_pressure", severity=Severity.HIGH)
    (each,) = grouped([first, test], [], [ZONE])
    assert each.cause == test.cause
    (each,) = grouped([replace(test, severity=Severity.MEDIUM), first], [], [ZONE])
    assert each.cause == first.cause, "of equals the first by name"


def test_alerts_that_were_opened_apart_keep_their_own_conditions() -> None:
    first, test = limit("end_pressure"), limit("end_test_pressure")
    both = [alert(first), replace(alert(test), id=2)]
    assert {each.cause for each in grouped([first, test], both, [ZONE])} == {first.cause, test.cause}
    assert [each.cause for each in grouped([first, test], both[:1], [ZONE])] == [first.cause]
    assert [each.cause for each in grouped([first, test], both[1:], [ZONE])] == [test.cause]


def test_one_good_value_ends_what_is_measured_in_tests() -> None:
    pumps = Asset(id="PS-1", kind="pump_set")
    rollups = hours("bearing_temperature", [60.0], asset=pumps)
    assert [each.verdict for each in limit_conditions(rollups, [pumps], now=T0)] == [Verdict.GOOD]
    assert limit_conditions(rollups, [], now=T0) == []
    assert limit_conditions(rollups.clear(), [pumps], now=T0) == []
