"""Any sequence of readings, late ones, repeats, operators' acts, restarts and scoring keeps what must always hold."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from watched_house import MINUTE, SECOND, WatchedHouse

from facility.alert_life import state_after
from facility.alerts import AlertState, Source
from facility.errors import CannotDo
from facility.estate import Asset
from serviceday.alerts import evaluate_alerts
from serviceday.alerts.conditions import Condition, Verdict
from serviceday.watch.follower import Follower

ASSETS = (Asset(id="EL-1", kind="lift", site="park"), Asset(id="HZ-1", kind="hydrant_zone", site="park"))
SERIES = (
    ("EL-1", "fault_code", (0.0, 0.0, 2.0, 12.0, 40.0)),
    ("EL-1", "motor_temperature", (40.0, 104.0, 120.0, 200.0, 400.0)),
    ("HZ-1", "static_pressure", (0.4, 0.151, 0.1, 0.03, 1.7)),
)
NAMES = {(asset, channel) for asset, channel, _ in SERIES}


class Watched(RuleBasedStateMachine):
    """A small estate in real records and a real store. After every step it is compared with the store read anew."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.house = WatchedHouse(Path(self.folder.name) / "house", ASSETS)
        self.house.look()
        self.stored: list[tuple[str, str, object, float]] = []

    def teardown(self) -> None:
        self.house.close()
        self.folder.cleanup()

    @rule(
        series=st.sampled_from(SERIES),
        level=st.integers(0, 4),
        minutes=st.sampled_from([0, 1, 6, 16, 40]),
        late=st.sampled_from([0, 0, 0, 7, 30]),
        times=st.integers(1, 3),
    )
    def readings(
        self, series: tuple[str, str, tuple[float, ...]], level: int, minutes: int, late: int, times: int
    ) -> None:
        """The same value some times in a row, in order or late."""
        asset, channel, values = series
        for _ in range(times):
            self.house.now += minutes * MINUTE + SECOND
            entry = (asset, channel, self.house.now - late * MINUTE, values[level])
            self.stored.append(entry)
            self.house.say(entry)
            self.house.look()

    @rule(pick=st.integers(0, 30))
    def repeat(self, pick: int) -> None:
        """What is sent again changes nothing."""
        if self.stored:
            asset, channel, time, _ = self.stored[pick % len(self.stored)]
            last = [entry for entry in self.stored if entry[:3] == (asset, channel, time)][-1]
            self.house.now += SECOND
            before = self._alerts()
            self.house.look()
            settled = self._alerts()
            self.house.say(last)
            self.house.look()
            assert self._alerts() == settled, (before, last)

    @rule(minutes=st.sampled_from([1, 10, 45, 400]))
    def time_passes(self, minutes: int) -> None:
        self.house.pass_time(minutes * MINUTE)

    @rule()
    def killed(self) -> None:
        """Nothing is left but what was kept, and it goes on as if nothing had been."""
        before = self._alerts()
        self.house.restart()
        self.house.look()
        assert self._alerts() == before

    @rule(pick=st.integers(0, 5), act=st.sampled_from(["acknowledge", "close", "shelve", "comment"]))
    def person(self, pick: int, act: str) -> None:
        alerts = self.house.records.alerts.all()
        if not alerts:
            return
        number, now, keep = alerts[pick % len(alerts)].id, self.house.now, self.house.records.alerts
        with suppress(CannotDo):
            if act == "shelve":
                keep.shelve(number, until=now + timedelta(hours=1), by="Li", why="part", now=now)
            elif act == "comment":
                keep.comment(number, by="Li", note="a word", now=now)
            else:
                getattr(keep, act)(number, by="Li", now=now)
        self.house.now += SECOND
        self.house.look()

    @rule()
    def scored(self) -> None:
        """The hourly evaluation sees what the watcher sees."""
        before = self._alerts()
        evaluate_alerts(self.house.records, self.house.store, [], now=self.house.now)
        assert self._alerts() == before

    @invariant()
    def one_open_alert_a_cause(self) -> None:
        causes = [alert.cause for alert in self.house.open_alerts()]
        assert len(causes) == len(set(causes))

    @invariant()
    def the_log_gives_the_state(self) -> None:
        for alert in self.house.records.alerts.all():
            assert state_after(self.house.records.alerts.trail(alert.id)) is alert.state

    @invariant()
    def what_is_bad_is_told_and_nothing_closes_while_bad(self) -> None:
        told = {alert.channel for alert in self.house.open_alerts() if alert.returned_at is None}
        told |= {cause for alert in self.house.open_alerts() if alert.returned_at is None for cause in [alert.cause]}
        for one in self._truth():
            assert one.verdict is not Verdict.BAD or one.cause in told, one

    def _truth(self) -> list[Condition]:
        """What holds, made out from the store alone."""
        follower = Follower(self.house.store)
        follower.know({asset.id: asset for asset in ASSETS})
        follower.begin(self.house.now, NAMES)
        return follower.standing()

    def _alerts(self) -> list[tuple[str, AlertState, Source, list[str]]]:
        return [
            (alert.cause, alert.state, alert.source, self.house.steps(alert.id))
            for alert in self.house.records.alerts.all()
        ]


Watched.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestWatched = Watched.TestCase
