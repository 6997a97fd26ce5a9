"""Units that devices declare, and values that are none."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.catalogue.catalogue import catalogue
from facility.estate import Asset
from ingest.admission.admission import admit
from ingest.admission.sentinels import sentinels, suspicious
from ingest.admission.units import conversion
from ingest.codecs.native import decode
from ingest.messages import Message
from ingest.refusals import Reason

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
LIFT = Asset(id="EL-1", kind="lift", site="s")
DETECTOR = Asset(id="SD-1", kind="smoke_detector", site="s")


def understand(*bodies, asset=LIFT, before=None):
    messages = [
        Message(index + 1, NOW_US, f"serviceday/v1/s/{asset.id}/telemetry", json.dumps(body).encode())
        for index, body in enumerate(bodies)
    ]
    decoded = decode(messages)
    admitted = admit(
        decoded,
        messages,
        assets={asset.id: asset},
        catalogue=catalogue(),
        before=lambda _asset, channel: (before or {}).get(channel),
    )
    rows = pl.DataFrame(pl.from_arrow(admitted.readings)).sort("channel", "time")
    return rows["value"].to_list(), decoded.refusals + admitted.refusals


# -- units --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "ours", "value", "expected"),
    [
        ("[degF]", "Cel", 212, 100),
        ("°F", "Cel", -40, -40),
        ("K", "Cel", 273.15, 0),
        ("psi", "MPa", 145.0377377, 1),
        ("kPa", "bar", 100, 1),
        ("0.1MPa", "MPa", 7, 0.7),
        ("cm", "m", 250, 2.5),
        ("min", "h", 90, 1.5),
        ("uA", "mA", 1500, 1.5),
        ("kWh", "kW.h", 3, 3),
        ("Wh", "kW.h", 1500, 1.5),
        ("in/s", "mm/s", 1, 25.4),
        ("mg", "m/s2", 1000, 9.80665),
        ("fc", "lx", 1, 10.7639),
        ("%", "1", 5, 0.05),
        ("1", "%", 0.05, 5),
        ("dBA", "dB[SPL]", 55, 55),
    ],
)
def test_conversions(declared, ours, value, expected):
    found = conversion(declared, ours)
    assert found is not None
    assert value * found.factor + found.offset == pytest.approx(expected, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("declared", "ours"), [("bar", "Cel"), ("furlong", "m"), ("mm", "mm/s"), ("ms", "m/s2")])
def test_what_measures_something_else_is_not_converted(declared, ours):
    assert conversion(declared, ours) is None


def test_every_unit_of_the_catalogue_is_in_the_table():
    for kind in catalogue().values():
        for channel in kind.channels.values():
            assert conversion(channel.unit + " ", channel.unit) is not None, channel.unit


def test_a_unit_is_declared_in_the_payload_or_in_the_registry():
    declared = {"ts": NOW_MS, "v": {"motor_temperature": 104, "trips": 3}, "u": {"motor_temperature": "degF"}}
    values, refusals = understand(declared)
    assert (values, refusals) == ([pytest.approx(40), 3], [])
    many = {"t": [NOW_MS - 1, NOW_MS], "v": {"motor_temperature": [104, 113]}, "u": {"motor_temperature": "degF"}}
    assert understand(many)[0] == [pytest.approx(40), pytest.approx(45)]
    registered = Asset(id="EL-1", kind="lift", site="s", attributes={"unit.motor_temperature": "[degF]"})
    assert understand({"ts": NOW_MS, "v": {"motor_temperature": 104}}, asset=registered)[0] == [pytest.approx(40)]
    explicit = {"ts": NOW_MS, "v": {"motor_temperature": 40}, "u": {"motor_temperature": "Cel"}}
    assert understand(explicit, asset=registered)[0] == [40], "what the device says itself counts"


def test_a_unit_we_do_not_know_is_quarantined_with_it_and_can_be_sent_again():
    body = {"ts": NOW_MS, "v": {"motor_temperature": 104, "trips": 3}, "u": {"motor_temperature": "degR"}}
    values, (refusal,) = understand(body)
    assert values == [3]
    assert (refusal.reason, refusal.count) == (Reason.WRONG_UNIT, 1)
    again = {"t": [NOW_MS], "v": {"motor_temperature": [104.0]}, "u": {"motor_temperature": "degR"}}
    assert json.loads(refusal.payload) == again


@pytest.mark.parametrize("u", [5, "degF", [1], {"motor_temperature": 7}, {"motor_temperature": None}])
def test_whatever_u_holds_is_accounted_for(u):
    values, refusals = understand({"ts": NOW_MS, "v": {"motor_temperature": 40, "trips": 1}, "u": u})
    assert len(values) + sum(one.count for one in refusals) in (1, 2)


def test_a_physical_band_is_held_in_our_unit():
    body = {"ts": NOW_MS, "v": {"motor_temperature": 600}, "u": {"motor_temperature": "K"}}
    _, (refusal,) = understand(body)
    assert refusal.reason == Reason.OUT_OF_RANGE


# -- values that are none -----------------------------------------------------------------------------------------


def series(*values, channel="motor_temperature", asset=LIFT, before=None):
    times = [NOW_MS - len(values) + index for index in range(len(values))]
    return understand(
        {"t": times, "v": {channel: list(values)}}, asset=asset, before=None if before is None else {channel: before}
    )


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([40, 85, 41], [40, 41]),  # power-on
        ([84, 85, 86], [84, 85, 86]),  # a motor that heats up
        ([40, 85, 85, 85, 41], [40, 41]),  # and it does not believe itself
        ([71, 85, 88], [71, 85, 88]),  # fifteen degrees a step is steep and possible
        ([40, 85.1, 41], [40, 85.1, 41]),  # nearly is not exactly
        ([40, -127, 41], [40, 41]),
        ([40, 6553.5, 41], [40, 41]),
    ],
)
def test_power_on_and_disconnected_thermometers(values, kept):
    assert series(*values)[0] == kept


def test_the_first_reading_of_a_device_is_believed_if_a_healthy_one_may_say_it():
    assert series(85.0)[0] == []  # normal is up to 80
    pump = Asset(id="PS-1", kind="pump_set", site="s")
    assert series(85.0, asset=pump)[0] == [85.0]  # normal is up to 85
    assert series(85.0, asset=pump, before=30.0)[0] == []
    assert series(85.0, before=84.0)[0] == [85.0]


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        ([65534, 65535, 65536], [65534, 65535, 65536]),  # a counter that counts through
        ([1200, 65535, 1201], [1200, 1201]),
        ([9000, 9999, 10_000], [9000, 9999, 10_000]),
        ([32_000, 32_767, 33_000], [32_000, 32_767, 33_000]),
        ([65535, 65536], [65535, 65536]),  # nothing before: a counter may be anywhere
    ],
)
def test_full_registers_on_a_counter(values, kept):
    assert series(*values, channel="trips")[0] == kept


def test_a_word_of_bits_may_have_all_of_them_set():
    assert series(0, 65535, 0, channel="fault_bits", asset=DETECTOR)[0] == [0, 65535, 0]


def test_the_reason_says_which_value_it_was():
    _, (refusal,) = series(40, 85, 41)
    assert (refusal.reason, refusal.detail) == (Reason.SENTINEL, "motor_temperature 85")


@given(st.lists(st.floats(20, 84.9).map(lambda value: round(value, 1)), min_size=1, max_size=30))
def test_ordinary_temperatures_are_never_suspected(values):
    assert series(*values)[0] == [pytest.approx(value) for value in values]


def test_the_table_is_sound():
    assert len({one.key for one in sentinels()}) == len(sentinels())
    for one in sentinels():
        assert (one.jump > 0) != (one.jump_share > 0)
        assert one.values <= set(suspicious())
