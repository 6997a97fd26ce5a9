"""Received or not, changed or not, frozen or not: each answer at its edge."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from facility.catalogue.catalogue import Aggregate, Channel, catalogue
from facility.estate import Asset
from ingest.monitor.channel_state import Heard
from ingest.monitor.liveness import Life, State, frozen_after, life, lives
from ingest.monitor.uptime import Listening

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
TEMPERATURE = catalogue().channel("lift", "motor_temperature")
STALE = TEMPERATURE.stale_after
ALWAYS = Listening(since_us=0, until_us=0)
LIFT = Asset(id="EL-1", kind="lift", site="s")


def us(moment: datetime | timedelta) -> int:
    return (
        round(moment.timestamp() * 1e6) if isinstance(moment, datetime) else round(moment / timedelta(microseconds=1))
    )


def listening(since: timedelta, before: timedelta | None = None) -> Listening:
    return Listening(since_us=us(NOW - since), until_us=us(NOW), before_us=0 if before is None else us(NOW - before))


LONG = listening(300 * DAY)


def heard(
    ago: timedelta = MINUTE,
    *,
    still: timedelta = timedelta(0),
    same: int = 1,
    longest: timedelta = HOUR,
    value: float = 40.5,
) -> Heard:
    return Heard(
        asset="EL-1",
        channel="motor_temperature",
        first_us=us(NOW - 300 * DAY),
        advanced_us=us(NOW - ago),
        time_us=us(NOW - ago - SECOND),
        value=value,
        since_us=us(NOW - ago - SECOND - still),
        same=same,
        longest_us=us(longest),
    )


def state(of: Heard, channel: Channel = TEMPERATURE, ears: Listening = LONG) -> State:
    return life(channel, of, NOW, ears).state


@pytest.mark.parametrize(("ago", "received"), [(STALE, True), (STALE + SECOND, False), (9 * DAY, False)])
def test_silent_is_what_sent_nothing_newer_for_longer_than_its_patience(ago: timedelta, received: bool) -> None:
    answer = life(TEMPERATURE, heard(ago), NOW, LONG)
    assert answer == Life(
        asset="EL-1",
        channel="motor_temperature",
        state=State.LIVE if received else State.NOT_RECEIVED,
        since=NOW - ago,
        value=40.5,
        advanced=NOW - ago,
    )


@pytest.mark.parametrize(
    ("still", "same", "expected"),
    [
        (STALE, 9, State.LIVE),
        (STALE + SECOND, 9, State.UNCHANGED),
        (STALE + SECOND, 2, State.UNCHANGED),
        (STALE + SECOND, 1, State.LIVE),  # said once, and nothing after it
    ],
)
def test_unchanged_is_what_says_the_same_for_longer_than_its_patience(
    still: timedelta, same: int, expected: State
) -> None:
    answer = life(TEMPERATURE, heard(still=still, same=same), NOW, LONG)
    assert answer.state is expected
    assert answer.since == (NOW - MINUTE - SECOND - still if expected is State.UNCHANGED else NOW - MINUTE)


@pytest.mark.parametrize(
    ("still", "same", "longest", "expected"),
    [
        (DAY, 12, HOUR, State.UNCHANGED),
        (DAY + SECOND, 12, HOUR, State.FROZEN),
        (DAY + SECOND, 11, HOUR, State.UNCHANGED),
        (DAY + SECOND, 12, 6 * HOUR, State.FROZEN),
        (DAY + SECOND, 12, 6 * HOUR + SECOND, State.UNCHANGED),  # it stood still so long before
        (40 * HOUR + SECOND, 12, 10 * HOUR, State.FROZEN),
        (40 * HOUR, 12, 10 * HOUR, State.UNCHANGED),
    ],
)
def test_frozen_is_what_stands_still_far_longer_than_it_ever_did(
    still: timedelta, same: int, longest: timedelta, expected: State
) -> None:
    mean = replace(TEMPERATURE, frozen_after=None, aggregate=Aggregate.MEAN, cadence=15 * MINUTE)
    answer = life(mean, heard(still=still, same=same, longest=longest), NOW, LONG)
    assert answer.state is expected
    assert answer.since == NOW - MINUTE - SECOND - still


@pytest.mark.parametrize("value", [0, TEMPERATURE.normal.low, TEMPERATURE.normal.high, TEMPERATURE.physical.low])
def test_at_an_end_of_its_range_a_value_may_stay(value: float) -> None:
    assert state(heard(still=9 * DAY, same=99, value=value)) is State.UNCHANGED
    assert state(heard(still=9 * DAY, same=99, value=value + 0.25)) is State.FROZEN


def test_how_long_a_sensor_may_say_the_same_is_the_catalogues_or_a_day_or_four_times_its_cadence() -> None:
    mean = replace(TEMPERATURE, frozen_after=None, aggregate=Aggregate.MEAN)
    assert frozen_after(replace(mean, cadence=6 * HOUR)) == DAY
    assert frozen_after(replace(mean, cadence=7 * HOUR)) == 28 * HOUR
    assert frozen_after(replace(mean, frozen_after=3 * HOUR)) == 3 * HOUR
    assert frozen_after(replace(mean, frozen_after=timedelta(0))) is None, "for ever"
    assert frozen_after(replace(mean, aggregate=Aggregate.STATE)) is None
    assert state(heard(still=99 * DAY, same=999), replace(mean, aggregate=Aggregate.STATE)) is State.UNCHANGED


@pytest.mark.parametrize(
    ("ears", "expected"),
    [
        (listening(TEMPERATURE.cadence), State.LIVE),  # it has had no chance yet
        (listening(TEMPERATURE.cadence + SECOND), State.NOT_RECEIVED),
        (listening(MINUTE, before=9 * DAY - STALE), State.LIVE),  # when we stopped it was not yet silent
        (listening(MINUTE, before=9 * DAY - STALE - SECOND), State.NOT_RECEIVED),
    ],
)
def test_whoever_has_not_listened_says_nothing_of_silence(ears: Listening, expected: State) -> None:
    assert state(heard(9 * DAY), ears=ears) is expected


def test_a_channel_that_speaks_rarely_is_waited_for_no_longer_than_its_patience() -> None:
    rare = replace(TEMPERATURE, cadence=10 * DAY, stale_after=2 * HOUR)
    assert state(heard(9 * DAY), rare, listening(2 * HOUR)) is State.LIVE
    assert state(heard(9 * DAY), rare, listening(2 * HOUR + SECOND)) is State.NOT_RECEIVED


LEAST = min(channel.stale_after for channel in catalogue()["lift"].channels.values())


@pytest.mark.parametrize(("ago", "expected"), [(LEAST, State.NEVER), (LEAST + SECOND, State.NOT_RECEIVED)])
def test_an_asset_that_never_spoke_is_new_and_then_silent(ago: timedelta, expected: State) -> None:
    answer = lives({"EL-1": LIFT}, [], catalogue(), NOW, expected={"EL-1": us(NOW - ago)}, listening=LONG)
    assert answer == [Life(asset="EL-1", channel="", state=expected, since=NOW - ago, value=None)]
    deaf = lives({"EL-1": LIFT}, [], catalogue(), NOW, expected={"EL-1": us(NOW - 9 * DAY)}, listening=listening(ago))
    assert [(one.state, one.since) for one in deaf] == [(expected, NOW - ago)], "from when we listen"


def test_an_asset_nobody_expects_is_new() -> None:
    answer = lives({"EL-1": LIFT}, [], catalogue(), NOW, expected={}, listening=LONG)
    assert [(one.state, one.since) for one in answer] == [(State.NEVER, NOW)]


def test_every_channel_of_every_asset_has_its_answer_and_unknown_classes_none() -> None:
    assets = {"A": Asset(id="A", kind="airship"), "EL-1": LIFT, "EL-2": replace(LIFT, id="EL-2")}
    answer = lives(assets, [heard(9 * DAY)], catalogue(), NOW, expected={}, listening=LONG)
    assert {one.asset for one in answer} == {"EL-1", "EL-2"}
    own = {one.channel: one for one in answer if one.asset == "EL-1"}
    assert list(own) == list(catalogue()["lift"].channels)
    assert own.pop("motor_temperature").state is State.NOT_RECEIVED
    assert {(one.state, one.since, one.value) for one in own.values()} == {(State.NEVER, None, None)}
