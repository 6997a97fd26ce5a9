"""Each verdict at its edge, with the words it is told by, and what is counted of whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pytest

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from ingest.admission import decoding
from ingest.admission.admission import ANCIENT_US, DIRECT, FUTURE_US, _distinct, admit, judge
from ingest.admission.decoding import Understanding
from ingest.admission.sentinels import sentinel, sentinels
from ingest.admission.units import SAME, conversion
from ingest.codecs import native
from ingest.codecs.native import decode
from ingest.messages import Message
from ingest.refusals import Reason

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
LIFT = Asset(id="EL-1", kind="lift", site="s")
TEMPERATURE = catalogue().channel("lift", "motor_temperature")


def message(body: object, *, seq: int = 1, asset: str = "EL-1", arrived_us: int = NOW_US, site: str = "s") -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message(seq, arrived_us, f"serviceday/v1/{site}/{asset}/telemetry", payload)


def said(value: float = 40.0, channel: str = "motor_temperature", ts: int = NOW_MS, **more: Any) -> dict[str, Any]:
    return {"ts": ts, "v": {channel: value}, **more}


def admitted(*messages: Message, assets: Mapping[str, Asset] | None = None) -> Any:
    known = {"EL-1": LIFT} if assets is None else assets
    return admit(decode(messages), messages, assets=known, catalogue=catalogue())


def refused(*messages: Message, assets: Mapping[str, Asset] | None = None) -> tuple[Reason, str]:
    (refusal,) = admitted(*messages, assets=assets).refusals
    return refusal.reason, refusal.detail


# Verdicts ------------------------------------------------------------------------------------------------------------


def test_ten_minutes_ahead_of_its_arrival_and_the_year_2000_are_the_ends_of_time() -> None:
    assert (FUTURE_US, ANCIENT_US) == (600_000_000, 946_684_800_000_000)
    for ts, reason in (
        (NOW_MS + 600_000, None),
        (NOW_MS + 600_001, Reason.FUTURE),
        (ANCIENT_US // 1000, None),
        (ANCIENT_US // 1000 - 1, Reason.ANCIENT),
    ):
        answer = admitted(message(said(ts=ts)))
        assert [refusal.reason for refusal in answer.refusals] == ([] if reason is None else [reason])
        assert answer.readings.num_rows == (reason is None)
        if reason is not None:
            assert answer.refusals[0].detail == f"motor_temperature {ts} ms"


@pytest.mark.parametrize("side", ["low", "high"])
def test_the_ends_of_what_a_sensor_can_measure_are_measured(side: str) -> None:
    band = TEMPERATURE.physical
    end = getattr(band, side)
    beyond = end + (0.5 if side == "high" else -0.5)
    assert admitted(message(said(end))).readings.num_rows == 1
    reason, detail = refused(message(said(beyond)))
    assert (reason, detail) == (Reason.OUT_OF_RANGE, f"motor_temperature {beyond:g} ({band.low:g} .. {band.high:g})")


def test_who_and_what_is_not_known_is_named() -> None:
    assert refused(message(said()), assets={}) == (Reason.UNKNOWN_ASSET, "EL-1")
    assert refused(message(said(), site="other")) == (Reason.WRONG_SITE, "EL-1: other")
    long = "x" * 300
    assert refused(message(said(channel=long))) == (Reason.UNKNOWN_CHANNEL, f"EL-1: {long[:200]}")
    unclassed = Asset(id="EL-1", kind="airship", site="s")
    assert refused(message(said()), assets={"EL-1": unclassed})[0] is Reason.UNKNOWN_CHANNEL


def test_a_unit_that_is_not_understood_is_named_by_whoever_declared_it() -> None:
    assert refused(message(said(u={"motor_temperature": "furlong"}))) == (
        Reason.WRONG_UNIT,
        "motor_temperature: furlong -> Cel",
    )
    registered = Asset(id="EL-1", kind="lift", site="s", attributes={"unit.motor_temperature": "furlong"})
    assert refused(message(said()), assets={"EL-1": registered}) == (
        Reason.WRONG_UNIT,
        "motor_temperature: unit.motor_temperature -> Cel",
    )


def test_every_reading_is_counted_of_its_message_and_its_asset() -> None:
    other = Asset(id="EL-2", kind="lift", site="s")
    messages = [
        message({"ts": NOW_MS, "v": {"motor_temperature": 40, "trips": 3}}, seq=1),
        message({"ts": NOW_MS - 5_000, "v": {"motor_temperature": 9e9, "trips": 4}}, seq=2),
        message(said(ts=NOW_MS - 90_000), seq=3, asset="EL-2"),
        message(said(), seq=4, asset="EL-9"),
    ]
    understood = Understanding(lambda: {"EL-1": LIFT, "EL-2": other}, catalogue()).of(messages)
    shares = {1: [("s", "EL-1", 2)], 2: [("s", "EL-1", 1)], 3: [("s", "EL-2", 1)], 4: [("s", "EL-9", 0)]}
    assert understood.shares(messages) == shares
    assert understood.per_source == {("s", "EL-1"): 3, ("s", "EL-2"): 1, ("s", "EL-9"): 0}
    assert understood.said_by_source == {("s", "EL-1"): 4, ("s", "EL-2"): 1, ("s", "EL-9"): 1}
    assert understood.ways(messages) == {"EL-1": 0, "EL-2": 90_000_000}, "of those who are registered"
    assert understood.admitted.known_places == [True, True, False]
    listened = understood.admitted.said
    names = [listened.names[number] for number in listened.series.tolist()]
    expected = [("EL-1", "motor_temperature"), ("EL-1", "trips"), ("EL-1", "trips"), ("EL-2", "motor_temperature")]
    assert names == expected
    assert listened.values.tolist() == [40, 3, 4, 40]
    assert listened.times.tolist() == [NOW_US, NOW_US, NOW_US - 5_000_000, NOW_US - 90_000_000]
    rows = pl.DataFrame(pl.from_arrow(understood.admitted.readings))
    assert list(zip(rows["asset"], rows["channel"], strict=True)) == expected
    assert rows["time"].dt.timestamp("us").to_list() == listened.times.tolist()
    assert rows["arrived"].dt.timestamp("us").unique().to_list() == [NOW_US]


def test_whoever_said_nothing_that_was_read_has_no_way() -> None:
    messages = [message(b"{", seq=1), message(said(), seq=2, asset="EL-9")]
    understood = Understanding(lambda: {"EL-1": LIFT, "EL-9": Asset(id="EL-9", kind="lift")}, catalogue()).of(messages)
    assert understood.ways(messages) == {}
    assert understood.shares(messages) == {2: [("s", "EL-9", 0)]}


def test_a_part_of_a_message_is_kept_as_a_part_and_a_whole_one_as_it_came() -> None:
    whole = message(said(9e9))
    assert admitted(whole).refusals[0].payload == whole.payload
    part = admitted(message({"ts": NOW_MS, "v": {"motor_temperature": 9e9, "trips": 3}})).refusals[0]
    assert json.loads(part.payload) == {"t": [NOW_MS], "v": {"motor_temperature": [9e9]}}
    assert (part.count, part.seq) == (1, 1)


def test_judged_readings_tell_which_are_good_and_why_not() -> None:
    messages = [message({"t": [NOW_MS, NOW_MS + 1], "v": {"motor_temperature": [40, 9e9]}})]
    decoded = decode(messages)
    judged = judge(decoded, np.full(2, NOW_US), assets={"EL-1": LIFT}, catalogue=catalogue())
    assert judged.good.tolist() == [True, False]
    assert judged.reason(1) is Reason.OUT_OF_RANGE
    assert judged.band(0) == (TEMPERATURE.physical.low, TEMPERATURE.physical.high)


@pytest.mark.parametrize(("places", "channels"), [(1, 1), (3, 4), (1, DIRECT), (2, DIRECT // 2 + 1)])
def test_both_ways_to_tell_series_apart_agree(places: int, channels: int) -> None:
    chance = np.random.default_rng(places)
    place = chance.integers(0, places, 50).astype(np.int32)
    channel = chance.integers(max(0, channels - 3), channels, 50).astype(np.int32)
    keys, index = _distinct(place, channel, places, channels)
    assert np.array_equal(keys[index], place.astype(np.int64) * channels + channel)
    assert keys.tolist() == sorted(set(keys.tolist()))


# What is sent for "no value" -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "apart"), [(70.0, False), (69.9, True), (100.0, False), (100.1, True), (40.0, True), (85.0, False)]
)
def test_a_value_stands_apart_by_more_than_its_jump(before: float, apart: bool) -> None:
    assert (sentinel(TEMPERATURE, 85.0, 85.0, before) is not None) == apart


@pytest.mark.parametrize(("before", "apart"), [(9999.0 * 0.75, False), (9999.0 * 0.7499, True), (9999.0, False)])
def test_a_mark_in_any_unit_stands_apart_by_a_quarter_of_itself(before: float, apart: bool) -> None:
    trips = catalogue().channel("lift", "trips")
    assert (sentinel(trips, 9999.0, 9999.0, before) is not None) == apart


def test_marks_of_a_unit_are_looked_for_in_ours_and_the_others_as_the_device_said_them() -> None:
    found = sentinel(TEMPERATURE, 85.0, 185.0, 20.0)  # degF: 185 is 85 degC
    assert found is not None
    assert found.key == "power_on"
    assert sentinel(TEMPERATURE, 29.4, 85.0, 20.0) is None, "85 degF is a warm day"
    trips = catalogue().channel("lift", "trips")
    assert sentinel(trips, 85.0, 85.0, 1.0) is None, "85 trips are no temperature"
    raw = sentinel(TEMPERATURE, 60.0, 9999.0, 20.0)
    assert raw is not None
    assert raw.key == "logger"
    assert sentinel(TEMPERATURE, 99.99, 100.0, 20.0) is None
    assert {one.key for one in sentinels()} >= {"power_on", "disconnected", "register", "logger"}


def test_the_first_value_is_none_only_where_a_healthy_one_would_not_say_it() -> None:
    assert not TEMPERATURE.normal.holds(85.0)
    assert sentinel(TEMPERATURE, 85.0, 85.0, None) is not None
    trips = catalogue().channel("lift", "trips")
    assert sentinel(trips, 9999.0, 9999.0, None) is None


# Units ---------------------------------------------------------------------------------------------------------------


def test_units_with_offsets_convert_both_ways() -> None:
    degrees = (("K", "Cel", 300.0, 26.85), ("Cel", "K", 26.85, 300.0), ("[degF]", "K", 80.33, 300.0))
    for theirs, ours, value, expected in degrees:
        found = conversion(theirs, ours)
        assert found is not None
        assert value * found.factor + found.offset == pytest.approx(expected)
    assert conversion("", "Cel") is SAME
    assert conversion("Cel", "Cel") is SAME
    assert (SAME.factor, SAME.offset) == (1.0, 0.0)


# Reading the registry, and messages that break the decoder -----------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    own = Clock()
    monkeypatch.setattr(decoding, "time", own)
    return own


def test_the_registry_is_read_every_three_seconds_and_sooner_for_a_stranger(clock: Clock) -> None:
    reads: list[float] = []

    def directory() -> dict[str, Asset]:
        reads.append(clock.now)
        return {"EL-1": LIFT}

    understanding = Understanding(directory, catalogue())
    for now in (1000.0, 1000.4, 1002.9, 1003.0, 1003.1, 1004.0, 1006.1, 1006.2):
        clock.now = now
        understanding.of([message(said())])
    assert reads == [1000.0, 1003.1, 1006.2]
    for now in (1006.3, 1006.7, 1006.8, 1007.3):
        clock.now = now
        understanding.of([message(said(), asset="EL-9")])
    assert reads[3:] == [1006.8], "half a second is long enough, and short enough for no storm"
    assert understanding.registered == frozenset({("s", "EL-1")})
    understanding.read_again()
    assert reads[-1] == clock.now


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_a_message_that_breaks_the_decoder_stops_no_other(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = decode

    def breaking(messages: list[Message], *more: Any) -> Any:
        if any(b"bomb" in one.payload for one in messages):
            raise ZeroDivisionError("x" * 500)
        return real(messages, *more)

    monkeypatch.setattr(native, "decode", breaking)
    for broken in range(count):
        messages = [message(said() if number != broken else b"bomb", seq=number + 1) for number in range(count)]
        messages.append(message(b"{", seq=99))
        understood = Understanding(lambda: {"EL-1": LIFT}, catalogue()).of(messages)
        assert understood.per_source.get(("s", "EL-1"), 0) == count - 1
        refusals = {refusal.seq: refusal for refusal in understood.refusals}
        assert set(refusals) == {broken + 1, 99}
        assert refusals[broken + 1].payload == b"bomb"
        assert refusals[broken + 1].detail == f"ZeroDivisionError: {'x' * 500}"[:200]
        assert refusals[broken + 1].reason is Reason.UNREADABLE


def test_what_a_person_vouches_for_is_believed_but_not_what_cannot_be() -> None:
    messages = [message(said(85.0), seq=1), message(said(9999.0, ts=NOW_MS + 1), seq=2)]
    assets, decoded = {"EL-1": LIFT}, decode(messages)
    doubted = admit(decoded, messages, assets=assets, catalogue=catalogue())
    assert [refusal.reason for refusal in doubted.refusals] == [Reason.SENTINEL, Reason.SENTINEL]
    believed = admit(decoded, messages, assets=assets, catalogue=catalogue(), vouched={1, 2})
    assert [(refusal.seq, refusal.reason) for refusal in believed.refusals] == [(2, Reason.SENTINEL)]
    other = admit(decoded, messages, assets=assets, catalogue=catalogue(), vouched={2})
    assert [refusal.seq for refusal in other.refusals] == [1, 2]


def test_what_was_heard_before_decides_on_what_comes_now() -> None:
    for before, count in ((84.0, 1), (30.0, 0)):
        understanding = Understanding(lambda: {"EL-1": LIFT}, catalogue(), before=lambda _asset, _channel: before)  # noqa: B023
        assert understanding.of([message(said(85.0))]).per_source[("s", "EL-1")] == count


def test_who_is_registered_follows_the_registry(clock: Clock) -> None:
    known = {"EL-1": LIFT}
    understanding = Understanding(lambda: dict(known), catalogue())
    assert understanding.registered == frozenset()
    understanding.registry()
    assert understanding.registered == {("s", "EL-1")}
    known["EL-2"] = Asset(id="EL-2", kind="lift", site="t")
    clock.now += 4
    understanding.registry()
    assert understanding.registered == {("s", "EL-1"), ("t", "EL-2")}
