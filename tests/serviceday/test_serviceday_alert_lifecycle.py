"""Alerts through the real records and a real store: one open alert a cause, nothing lost from the trail."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from facility.alert_life import state_after
from facility.alerts import Alert, AlertState, Severity, Source
from facility.assessments import Assessment
from facility.errors import CannotDo
from facility.estate import Asset, Estate
from facility.i18n.phrases import Text
from facility.records import Records
from facility.store import READINGS, open_store
from serviceday.alerts import AlertChanges, evaluate_alerts
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.alerts.lifecycle import decide

T0 = datetime(2026, 3, 10, tzinfo=UTC)
CAUSES = ("A/limit/x", "A/equipment", "B/limit/x")


NO_DELAY = timedelta(0)


def condition(
    cause: str,
    verdict: Verdict,
    seen_at: datetime,
    severity: Severity = Severity.LOW,
    off_after: timedelta = NO_DELAY,
) -> Condition:
    return Condition(
        cause=cause,
        verdict=verdict,
        asset=cause[0],
        channel="x",
        source=Source.LIMIT,
        severity=severity,
        title=Text(zh="题", en="title"),
        reason=Text(zh="因", en="reason"),
        seen_at=seen_at,
        off_after=off_after,
    )


class Lifecycle(RuleBasedStateMachine):
    """Conditions come and go, people acknowledge and close, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.records = Records(Path(self.folder.name) / "records.sqlite")
        self.now = T0
        self.verdicts: dict[str, Verdict] = {}

    def teardown(self) -> None:
        self.records.close()
        self.folder.cleanup()

    @rule(
        verdicts=st.dictionaries(st.sampled_from(CAUSES), st.sampled_from(Verdict)),
        severity=st.sampled_from(Severity),
        hours=st.integers(0, 30),
    )
    def evaluate(self, verdicts: dict[str, Verdict], severity: Severity, hours: int) -> None:
        self.now += timedelta(hours=hours)
        found = [condition(cause, verdict, self.now, severity) for cause, verdict in verdicts.items()]
        decisions = decide(
            self.records.alerts.open(), found, self.records.alerts.last_closed(set(CAUSES)), now=self.now
        )
        self.records.alerts.keep(
            decisions.opened, [(one.alert, one.step, one.note) for one in decisions.changed], now=self.now
        )
        open_now = {alert.cause: alert for alert in self.records.alerts.open()}
        for cause, verdict in verdicts.items():
            if verdict is Verdict.BAD:
                assert cause in open_now, "what is bad has an open alert"
            elif verdict is Verdict.GOOD and cause in open_now:
                assert open_now[cause].state in (AlertState.RETURNED, AlertState.ACKNOWLEDGED)
        again = decide(self.records.alerts.open(), found, {}, now=self.now)
        assert again.opened == ()
        assert all(change.step == "" for change in again.changed), "the same again changes nothing"

    @rule(pick=st.integers(0, 5), what=st.sampled_from(["acknowledge", "close"]))
    def person(self, pick: int, what: str) -> None:
        alerts = self.records.alerts.all()
        if not alerts:
            return
        alert = alerts[pick % len(alerts)]
        act = self.records.alerts.acknowledge if what == "acknowledge" else self.records.alerts.close
        if alert.state is AlertState.CLOSED or (what == "acknowledge" and alert.state is AlertState.ACKNOWLEDGED):
            with pytest.raises(CannotDo):
                act(alert.id, by="Li", now=self.now)
            return
        after = act(alert.id, by="Li", now=self.now, note="seen")
        assert after.note == "seen"
        if what == "close" or alert.state is AlertState.RETURNED:
            assert (after.state, after.closed_by) == (AlertState.CLOSED, "Li")
        else:
            assert (after.state, after.acknowledged_by) == (AlertState.ACKNOWLEDGED, "Li")

    @rule(pick=st.integers(0, 5), hours=st.integers(-5, 40 * 24), to=st.sampled_from(["", "Han", "Mei"]))
    def handle(self, pick: int, hours: int, to: str) -> None:
        """Somebody gives it away, says a word, puts it aside and brings it back: it goes on being what it is."""
        alerts = self.records.alerts.all()
        if not alerts:
            return
        alert, keep = alerts[pick % len(alerts)], self.records.alerts
        keep.comment(alert.id, by="Li", note="a word", now=self.now)
        until = self.now + timedelta(hours=hours)
        if alert.state is AlertState.CLOSED:
            for refused in (
                lambda: keep.assign(alert.id, to=to, by="Li", now=self.now),
                lambda: keep.shelve(alert.id, until=until, by="Li", why="part", now=self.now),
                lambda: keep.unshelve(alert.id, by="Li", now=self.now),
            ):
                with pytest.raises(CannotDo):
                    refused()
            return
        assert keep.assign(alert.id, to=to, by="Li", now=self.now).assigned_to == to
        if not 0 < hours <= 30 * 24:
            with pytest.raises(CannotDo):
                keep.shelve(alert.id, until=until, by="Li", why="part", now=self.now)
            return
        aside = keep.shelve(alert.id, until=until, by="Li", why="part", now=self.now)
        assert aside.shelved(self.now)
        assert not aside.shelved(until)
        assert aside.state is alert.state, "putting aside is neither acknowledging nor closing"
        if hours % 2:
            assert not keep.unshelve(alert.id, by="Li", now=self.now).shelved(self.now)

    @invariant()
    def one_open_alert_a_cause(self) -> None:
        causes = [alert.cause for alert in self.records.alerts.open()]
        assert len(causes) == len(set(causes))

    @invariant()
    def the_trail_tells_every_alert(self) -> None:
        for alert in self.records.alerts.all():
            told = [step.what for step in self.records.alerts.trail(alert.id)]
            steps = [step for step in told if step not in ("commented", "assigned", "shelved", "unshelved")]
            assert (told[0], steps[0]) == ("opened", "opened")
            if "worsened" in told and "shelved" not in told[told.index("worsened") :]:
                assert not alert.shelved(self.now), "what has become graver is no longer put aside"
            assert steps.count("opened") == 1
            assert state_after(self.records.alerts.trail(alert.id)) is alert.state, "the log gives the state"
            assert (steps[-1] in ("closed", "withdrawn")) >= (alert.state is AlertState.CLOSED)
            assert ("acknowledged" in steps) == (alert.acknowledged_at is not None)
            if alert.returned_at is not None and alert.state is not AlertState.CLOSED:
                assert {"returned", "withdrawn"} & set(steps) or alert.state is AlertState.ACKNOWLEDGED
            if alert.follows is not None:
                before = self.records.alerts.get(alert.follows)
                assert (before.cause, before.state) == (alert.cause, AlertState.CLOSED)


Lifecycle.TestCase.settings = settings(max_examples=12, stateful_step_count=20, deadline=None)
TestLifecycle = Lifecycle.TestCase


def open_alert(returned_at: datetime | None = None) -> Alert:
    (alert,) = decide([], [condition("A/limit/x", Verdict.BAD, T0)], {}, now=T0).opened
    return replace(alert, id=1, returned_at=returned_at)


def test_severity_rises_and_never_eases_while_open() -> None:
    alert = open_alert()
    (worse,) = decide([alert], [condition(alert.cause, Verdict.BAD, T0, Severity.HIGH)], {}, now=T0).changed
    assert (worse.step, worse.alert.severity, worse.note) == ("worsened", Severity.HIGH, "low -> high")
    assert decide([worse.alert], [condition(alert.cause, Verdict.BAD, T0, Severity.LOW)], {}, now=T0).changed == ()


def test_good_is_believed_only_after_its_delay() -> None:
    alert, day = open_alert(), timedelta(hours=24)
    for hours, steps in ((23, []), (24, ["returned"])):
        moment = T0 + timedelta(hours=hours)
        good = condition(alert.cause, Verdict.GOOD, moment, off_after=day)
        assert [change.step for change in decide([alert], [good], {}, now=moment).changed] == steps


def test_an_acknowledgement_during_an_evaluation_is_not_lost(tmp_path: Path) -> None:
    good = condition("A/limit/x", Verdict.GOOD, T0 + timedelta(hours=3))
    with Records(tmp_path / "records.sqlite") as records:
        (alert,) = records.alerts.keep(
            decide([], [condition(good.cause, Verdict.BAD, T0)], {}, now=T0).opened, [], now=T0
        )
        returning = decide([alert], [good], {}, now=good.seen_at).changed
        records.alerts.acknowledge(alert.id, by="Li", now=T0, note="mine")
        records.alerts.keep([], [(one.alert, one.step, one.note) for one in returning], now=good.seen_at)
        kept = records.alerts.get(alert.id)
        assert (kept.acknowledged_by, kept.note, kept.returned_at) == ("Li", "mine", good.seen_at)
        (closing,) = decide([kept], [good], {}, now=good.seen_at).changed
        assert closing.step == "closed", "and the next evaluation closes it"
        assert (
            records.alerts.keep(decide([], [condition(good.cause, Verdict.BAD, T0)], {}, now=T0).opened, [], now=T0)
            == []
        )


def test_old_bad_news_do_not_recall_what_has_returned() -> None:
    alert = open_alert(returned_at=T0 + timedelta(hours=5))
    assert decide([alert], [condition(alert.cause, Verdict.BAD, T0)], {}, now=T0 + timedelta(hours=6)).changed == ()
    fresh = condition(alert.cause, Verdict.BAD, T0 + timedelta(hours=6))
    assert [change.step for change in decide([alert], [fresh], {}, now=T0 + timedelta(hours=6)).changed] == ["recurred"]


# --- through the store -----------------------------------------------------------------------------------------------


class House:
    """One hydrant zone with a real store and real records."""

    def __init__(self, folder: Path) -> None:
        self.records = Records(folder / "records.sqlite")
        self.records.estate.put(Estate(assets=(Asset(id="HZ-1", kind="hydrant_zone"),)))
        self.store = open_store(folder / "readings", create=True)

    def measure(self, start: datetime, hours: float, value: float) -> None:
        times = [start + timedelta(minutes=15 * step) for step in range(int(hours * 4))]
        self.store.append(
            pa.table(
                {
                    "asset": ["HZ-1"] * len(times),
                    "channel": ["static_pressure"] * len(times),
                    "time": times,
                    "value": [value] * len(times),
                    "arrived": times,
                },
                schema=READINGS,
            )
        )

    def measure_at(self, times: list[datetime], value: float) -> None:
        columns = {"asset": ["HZ-1"], "channel": ["static_pressure"], "value": [value]}
        rows = {name: one * len(times) for name, one in columns.items()}
        self.store.append(pa.table({**rows, "time": times, "arrived": times}, schema=READINGS))

    def evaluate(self, now: datetime, *assessments: Assessment) -> AlertChanges:
        return evaluate_alerts(self.records, self.store, assessments, now=now)

    def close(self) -> None:
        self.store.close()
        self.records.close()


def test_a_pressure_loss_from_first_reading_to_repair(tmp_path: Path) -> None:
    house = House(tmp_path)
    hour = timedelta(hours=1)
    house.measure(T0, 24, 0.40)
    assert house.evaluate(T0 + 24 * hour) == AlertChanges((), (), ())
    house.measure(T0 + 24 * hour, 1, 0.10)
    assert house.evaluate(T0 + 25 * hour).opened == (), "one odd hour opens nothing"
    house.measure(T0 + 25 * hour, 1, 0.10)
    (alert,) = house.evaluate(T0 + 26 * hour).opened
    assert (alert.asset, alert.channel, alert.severity) == ("HZ-1", "static_pressure", Severity.MEDIUM)
    assert "0.1 MPa" in alert.reason.en
    assert "低于" in alert.reason.zh
    assert house.evaluate(T0 + 26 * hour).opened == ()

    silent = T0 + 120 * hour
    assert house.evaluate(silent) == AlertChanges((), (), ()), "death resolves nothing"
    house.records.alerts.close(alert.id, by="Wang", now=silent, note="looks fine")
    assert house.evaluate(silent).opened == (), "and old data raise nothing"

    house.measure(silent, 2, 0.04)
    (second,) = house.evaluate(silent + 2 * hour).opened
    assert second.follows == alert.id, "closing was not mending"
    assert second.severity is Severity.HIGH
    house.records.alerts.acknowledge(second.id, by="Wang", now=silent + 2 * hour)
    house.measure(silent + 2 * hour, 3, 0.40)
    (cleared,) = house.evaluate(silent + 5 * hour).cleared
    assert cleared.state is AlertState.CLOSED
    assert [step.what for step in house.records.alerts.trail(second.id)] == ["opened", "acknowledged", "closed"]
    assert house.records.alerts.open() == []
    assert {one.id for one in house.records.alerts.all(since=silent)} == {alert.id, second.id}
    house.close()


@pytest.mark.parametrize("hours", [(2, 14), (6,)])
def test_a_device_that_reports_once_or_twice_a_day_is_watched(tmp_path: Path, hours: tuple[int, ...]) -> None:
    """Its last reading speaks until two more should have come; then it is silent, and that opens and closes nothing."""
    house = House(tmp_path)
    times = [T0 + timedelta(days=day, hours=hour) for day in range(12) for hour in hours]
    house.measure_at(times[:-4], 0.40)
    house.measure_at(times[-4:], 0.035)
    last, gap = times[-1], timedelta(hours=24 / len(hours))
    assert house.evaluate(last - 2 * gap).opened == (), "one reading opens nothing"
    (alert,) = house.evaluate(last + gap * 0.9).opened
    assert (alert.asset, alert.channel) == ("HZ-1", "static_pressure")
    silent = last + timedelta(days=5)
    assert house.evaluate(silent) == AlertChanges((), (), ())
    house.records.alerts.close(alert.id, by="Wang", now=silent)
    assert house.evaluate(silent).opened == (), "old data raise nothing"
    house.close()


def test_assessments_open_one_alert_for_equipment_and_one_for_sensors(tmp_path: Path) -> None:
    house = House(tmp_path)
    flagged = Assessment(
        asset="HZ-1",
        as_of=T0,
        horizon_days=7,
        probability=0.9,
        sensor_probability=0.8,
        flagged=True,
        score=1,
        mode="",
        reason=Text(zh="泄漏", en="leak"),
        coverage=1,
        model="m",
    )
    opened = house.evaluate(T0, flagged, flagged).opened
    assert sorted(alert.source for alert in opened) == [Source.EQUIPMENT, Source.SENSOR]
    assert house.evaluate(T0, flagged).opened == ()
    assert house.records.alerts.open(asset="HZ-1") == house.records.alerts.open()
    house.close()


def test_a_number_that_is_none_is_told(tmp_path: Path) -> None:
    with Records(tmp_path / "records.sqlite") as records, pytest.raises(CannotDo, match="no alert 7"):
        records.alerts.close(7, by="Li", now=T0)
