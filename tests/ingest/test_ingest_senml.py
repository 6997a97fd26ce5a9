"""SenML by the examples of RFC 8428, round trips, and whatever else may arrive."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codecs.contract import Codec, DeviceMoment, Encoder
from ingest.codecs.senml import SenmlCodec
from ingest.codecs.state import CodecState
from ingest.messages import Message

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
Reading = tuple[str, str, str, int, float]


def heard(pack: object) -> list[Reading]:
    raw = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    decoded = SenmlCodec().decode([Message(1, NOW_US, "senml/x", raw)], CodecState())
    assert not decoded.refusals, decoded.refusals[0].detail
    return [
        (decoded.places[place][1], decoded.channels[channel], decoded.units[channel], time // 1000, value)
        for _, place, channel, time, value in decoded.readings.iter_rows()
    ]


def refused(pack: object) -> str:
    raw = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    (refusal,) = SenmlCodec().decode([Message(1, NOW_US, "senml/x", raw)], CodecState()).refusals
    return refusal.detail


def test_a_single_data_point() -> None:
    """RFC 8428, 5.1.1: without a time it is now."""
    assert heard([{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}]) == [
        ("urn:dev:ow:10e2073a01080063", "value", "Cel", NOW_MS, 23.1)
    ]


def test_multiple_data_points() -> None:
    """RFC 8428, 5.1.2: base name, base time, base unit, and times relative to the base."""
    pack = [
        {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e9, "bu": "A", "bver": 5, "n": "voltage", "u": "V",
         "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "v": 1.7},
    ]  # fmt: skip
    device, base_ms = "urn:dev:ow:10e2073a0108006", 1_276_020_076_001
    assert heard(pack) == [
        (device, "voltage", "V", base_ms, 120.1),
        (device, "current", "A", base_ms - 5000, 1.2),
        (device, "current", "A", base_ms, 1.7),
    ]


def test_relative_times_base_values_sums_and_truth() -> None:
    pack = [
        {"bn": "d/", "bv": 20, "n": "t", "v": 1.5, "t": -30, "u": "%RH"},
        {"n": "t2"},
        {"n": "on", "vb": True},
        {"n": "energy", "bs": 100, "s": 5},
        {"n": "label", "vs": "text"},
        {"n": "raw", "vd": "aGk"},
    ]
    assert heard(pack) == [
        ("d", "t", "%", NOW_MS - 30_000, 21.5),
        ("d", "t2", "", NOW_MS, 20.0),
        ("d", "on", "", NOW_MS, 1.0),
        ("d", "energy.sum", "", NOW_MS, 105.0),
    ]


@pytest.mark.parametrize(
    ("pack", "detail"),
    [
        (b"[", "senml: not JSON"),
        ({"n": "x", "v": 1}, "a pack is a list of records"),
        ([{"n": "x", "v": 1, "shape_": 2}], "the field shape_ must be understood and is not"),
        ([{"bver": 11, "n": "x", "v": 1}], "version 11; up to 10 is understood"),
        ([{"n": "x", "v": "high"}], "v is 'high', no number"),
        ([{"v": 1}], "a record without a name"),
        ([{"n": "x", "v": 1, "t": 1e300}], "t is '1e+300', no time"),
    ],
)
def test_a_pack_that_is_none_is_refused_as_the_rfc_asks(pack: object, detail: str) -> None:
    assert detail in refused(pack)


@given(
    st.integers(1_000_000_000_000, 2_000_000_000_000),
    st.dictionaries(st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True), st.floats(-1e9, 1e9), min_size=1, max_size=5),
)
def test_what_is_written_is_read_as_it_was_meant(time_ms: int, values: dict[str, float]) -> None:
    assert isinstance(SenmlCodec(), Codec)
    assert isinstance(SenmlCodec(), Encoder)
    ((_, payload),) = SenmlCodec().encode([DeviceMoment(device="urn:dev:x", time_ms=time_ms, values=values)])
    assert heard(payload) == [("urn:dev:x", name, "", time_ms, value) for name, value in values.items()]


FIELDS = st.sampled_from(["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "t", "v", "vb", "vs", "s", "x", "y_"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(st.lists(st.dictionaries(FIELDS, VALUES, max_size=5) | VALUES, max_size=5) | VALUES)
def test_no_pack_breaks_the_codec(pack: object) -> None:
    decoded = SenmlCodec().decode([Message(1, NOW_US, "senml/x", json.dumps(pack).encode())], CodecState())
    assert decoded.unreadable == len(decoded.refusals)
    assert decoded.readings["value"].is_finite().all()
