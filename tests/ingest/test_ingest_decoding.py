"""Codec and admission: any bytes on any topic are accounted for, item by item."""

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from ingest.admission.admission import FUTURE_US, admit
from ingest.codecs.native import decode
from ingest.messages import Message
from ingest.refusals import PHRASES, Reason

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
ASSETS = {"EL-1": Asset(id="EL-1", kind="lift", site="s"), "X": Asset(id="X", kind="teapot", site="s")}
TOPIC = "serviceday/v1/s/EL-1/telemetry"


def understand(*payloads, topic=TOPIC):
    messages = [
        Message(seq=10 + index, arrived_us=NOW_US, topic=topic, payload=one if isinstance(one, bytes) else _json(one))
        for index, one in enumerate(payloads)
    ]
    decoded = decode(messages)
    admitted = admit(decoded, messages, assets=ASSETS, catalogue=catalogue())
    return pl.DataFrame(pl.from_arrow(admitted.readings)), decoded.refusals + admitted.refusals, decoded


def _json(said):
    return json.dumps(said).encode()


def test_single_payload_becomes_rows():
    rows, refusals, _ = understand({"ts": NOW_MS, "v": {"trips": 12, "door_close_time": 2.5}})
    assert not refusals
    assert rows.sort("channel").select("asset", "channel", "value").rows() == [
        ("EL-1", "door_close_time", 2.5),
        ("EL-1", "trips", 12.0),
    ]
    assert rows["time"].dt.epoch("ms").to_list() == [NOW_MS, NOW_MS]
    assert rows["arrived"].dt.epoch("us").to_list() == [NOW_US, NOW_US]


def test_batched_payload_becomes_rows_and_null_is_no_reading():
    rows, refusals, _ = understand(
        {"t": [NOW_MS - 2000, NOW_MS - 1000], "v": {"trips": [1, 2], "door_close_time": [None, 2.5]}}
    )
    assert not refusals
    assert rows.sort("channel", "time").select("channel", pl.col("time").dt.epoch("ms"), "value").rows() == [
        ("door_close_time", NOW_MS - 1000, 2.5),
        ("trips", NOW_MS - 2000, 1.0),
        ("trips", NOW_MS - 1000, 2.0),
    ]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", Reason.UNREADABLE),
        (b"\xff\xfe", Reason.UNREADABLE),
        (b"[" * 100_000, Reason.UNREADABLE),
        ([], Reason.UNREADABLE),
        ({"v": {"trips": 1}}, Reason.UNREADABLE),
        ({"ts": "yesterday", "v": {"trips": 1}}, Reason.UNREADABLE),
        ({"ts": True, "v": {"trips": 1}}, Reason.UNREADABLE),
        ({"ts": 1, "t": [1], "v": {}}, Reason.UNREADABLE),
        ({"t": [NOW_MS], "v": {"trips": [1, 2]}}, Reason.UNREADABLE),
        ({"t": [NOW_MS], "v": {"trips": 1}}, Reason.UNREADABLE),
        ({"t": NOW_MS, "v": {"trips": [1]}}, Reason.UNREADABLE),
        ({"ts": NOW_MS, "v": {"trips": "12"}}, Reason.NOT_A_NUMBER),
        ({"ts": NOW_MS, "v": {"trips": True}}, Reason.NOT_A_NUMBER),
        ({"ts": NOW_MS, "v": {"trips": float("nan")}}, Reason.NOT_A_NUMBER),
        ({"ts": NOW_MS, "v": {"trips": 10**400}}, Reason.NOT_A_NUMBER),
        (b'{"ts": %d, "v": {"trips": 1e999}}' % NOW_MS, Reason.NOT_A_NUMBER),
        ({"ts": NOW_MS, "v": {"sugar": 1}}, Reason.UNKNOWN_CHANNEL),
        ({"ts": NOW_MS, "v": {"\ud800": 1}}, Reason.UNKNOWN_CHANNEL),
        ({"ts": NOW_MS, "v": {"motor_temperature": 6553.5}}, Reason.SENTINEL),
        ({"ts": NOW_MS, "v": {"motor_temperature": -127}}, Reason.SENTINEL),
        ({"ts": NOW_MS + 3_600_000, "v": {"trips": 1}}, Reason.FUTURE),
        ({"ts": 10**30, "v": {"trips": 1}}, Reason.FUTURE),
        ({"ts": NOW_MS // 1000, "v": {"trips": 1}}, Reason.ANCIENT),
        ({"ts": -(10**30), "v": {"trips": 1}}, Reason.ANCIENT),
    ],
)
def test_what_is_wrong_goes_to_quarantine_with_its_reason_and_one_item(payload, reason):
    rows, refusals, _ = understand(payload, {"ts": NOW_MS, "v": {"trips": 1}})
    assert rows.height == 1, "a good message beside it goes in"
    assert [(one.seq, one.reason, one.count) for one in refusals] == [(10, reason, 1)]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("serviceday/v1/s/EL-1", Reason.UNKNOWN_TOPIC),
        ("serviceday/v2/s/EL-1/telemetry", Reason.UNKNOWN_TOPIC),
        ("serviceday/v1//EL-1/telemetry", Reason.UNKNOWN_TOPIC),
        ("serviceday/v1/s/EL-9/telemetry", Reason.UNKNOWN_ASSET),
        ("serviceday/v1/other/EL-1/telemetry", Reason.WRONG_SITE),
        ("serviceday/v1/s/X/telemetry", Reason.UNKNOWN_CHANNEL),
    ],
)
def test_a_topic_must_name_an_asset_of_its_site(topic, reason):
    rows, refusals, _ = understand({"ts": NOW_MS, "v": {"trips": 1}}, topic=topic)
    assert rows.is_empty()
    assert [one.reason for one in refusals] == [reason]


def test_refused_readings_are_kept_as_a_payload_that_can_be_sent_again():
    times = [NOW_MS - 3000, NOW_MS - 2000, NOW_MS - 1000]
    rows, (refusal,), _ = understand({"t": times, "v": {"trips": [1, 2, 3], "motor_temperature": [40, -128.5, 998]}})
    assert rows.height == 4
    assert (refusal.reason, refusal.count) == (Reason.OUT_OF_RANGE, 2)
    assert json.loads(refusal.payload) == {"t": times[1:], "v": {"motor_temperature": [-128.5, 998]}}


def test_a_little_ahead_is_admitted():
    rows, refusals, _ = understand({"ts": NOW_MS + FUTURE_US // 1000, "v": {"trips": 1}})
    assert (rows.height, refusals) == (1, [])


@pytest.mark.parametrize(
    ("payload", "online"),
    [
        (b"online", True),
        (b'"OFFLINE"', False),
        (b'{"status": "online", "ts": 5}', True),
        (b'{"state":"offline"}', False),
    ],
)
def test_status_says_who_is_there_and_counts_no_reading(payload, online):
    rows, refusals, decoded = understand(payload, topic="serviceday/v1/s/gateway-1/status")
    assert (rows.height, refusals) == (0, [])
    assert [(one.site, one.gateway, one.online) for one in decoded.presence] == [("s", "gateway-1", online)]


def test_every_reason_has_words_in_both_languages():
    assert {reason.value for reason in Reason} <= set(PHRASES)
    assert all(reason.words.zh and reason.words.en for reason in Reason)


# -- whatever comes in --------------------------------------------------------------------------------------------

TOPICS = st.one_of(
    st.sampled_from([TOPIC, "serviceday/v1/s/gw/status", "serviceday/v1/s/EL-9/telemetry", "$SYS/x"]),
    st.text(max_size=40),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.integers(NOW_MS - 10, NOW_MS)
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
CHANNELS = st.sampled_from(["trips", "motor_temperature", "door_close_time", "sugar"])
NEARLY = st.one_of(
    st.fixed_dictionaries(
        {"ts": st.one_of(SCALARS, st.just(NOW_MS)), "v": st.dictionaries(CHANNELS, SCALARS, max_size=3)}
    ),
    st.fixed_dictionaries(
        {
            "t": st.lists(st.one_of(SCALARS, st.just(NOW_MS)), max_size=3),
            "v": st.dictionaries(CHANNELS, st.lists(SCALARS, max_size=3), max_size=3),
        }
    ),
)
PAYLOADS = st.one_of(st.binary(max_size=60), JSON.map(_json), NEARLY.map(_json))


@given(st.lists(st.tuples(TOPICS, PAYLOADS), max_size=8))
def test_any_bytes_on_any_topic_are_accounted_for(said):
    messages = [
        Message(seq=index + 1, arrived_us=NOW_US, topic=topic, payload=payload)
        for index, (topic, payload) in enumerate(said)
    ]
    decoded = decode(messages)
    admitted = admit(decoded, messages, assets=ASSETS, catalogue=catalogue())
    refused = sum(one.count for one in admitted.refusals)
    assert admitted.readings.num_rows + refused == decoded.readings.height
    assert admitted.readings.column("value").null_count == 0
    for column in ("asset", "channel", "time", "arrived"):
        assert admitted.readings.column(column).null_count == 0
    by_message = [sum(one.count for one in decoded.refusals if one.seq == message.seq) for message in messages]
    for message, apart in zip(messages, by_message, strict=True):
        alone = decode([message])
        here = decoded.readings.filter(pl.col("message") == message.seq - 1).height
        assert (alone.readings.height, sum(one.count for one in alone.refusals)) == (here, apart)
    assert len({one.seq for one in decoded.refusals if one.reason in ("unreadable", "unknown_topic")}) == (
        decoded.unreadable
    )


@settings(deadline=None)
@given(
    st.lists(st.integers(NOW_MS - 10**9, NOW_MS), max_size=6, unique=True),
    st.dictionaries(CHANNELS, st.lists(st.none() | st.floats(0, 50), min_size=6, max_size=6), max_size=3),
)
def test_fast_and_careful_reading_agree(times, values):
    batch = {"t": times, "v": {key: column[: len(times)] for key, column in values.items()}}
    fast, fast_refusals, _ = understand(batch)
    odd = {"t": [*times, NOW_MS], "v": {key: [*column, "odd"] for key, column in batch["v"].items()}}
    careful, careful_refusals, _ = understand(odd)
    assert fast.sort(fast.columns).equals(careful.sort(careful.columns))
    assert [one for one in careful_refusals if one.reason != Reason.NOT_A_NUMBER] == [] or len(fast_refusals) == len(
        [one for one in careful_refusals if one.reason != Reason.NOT_A_NUMBER]
    )
