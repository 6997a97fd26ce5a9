"""Languages as data: every shipped profile against its golden payloads, round trips, and whatever else may arrive."""

import json
import re
import string
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facility.errors import CannotConvert, CannotParse, Problems, ServicedayError
from ingest.admission.units import conversion
from ingest.codecs.contract import Codec, Decoded, DeviceMoment
from ingest.codecs.dialects import Dialects
from ingest.codecs.mapping.codec import MappingCodec
from ingest.codecs.mapping.paths import MISSING, look, parse_path, walk
from ingest.codecs.mapping.profile import read_profile
from ingest.codecs.mapping.topics import TopicPattern
from ingest.codecs.registry import open_codec, open_profile, profile_files
from ingest.codecs.state import CodecState
from ingest.messages import Message
from ingest.refusals import Reason

NOW_US = 1_760_000_000_000_000
ZONE = ZoneInfo("Asia/Shanghai")
PROFILES = sorted(profile_files())
EXAMPLES = [(name, number) for name in PROFILES for number in range(len(open_profile(name).examples))]


def codec(name: str) -> MappingCodec:
    opened = open_codec(name, zone=ZONE)
    assert isinstance(opened, MappingCodec)
    return opened


def said(decoded: Decoded) -> dict[str, dict[str, tuple[float, int, str]]]:
    """By device and value: the value, its time in ms, its unit."""
    devices: dict[str, dict[str, tuple[float, int, str]]] = {}
    for _, place, channel, time, value in decoded.readings.iter_rows():
        entry = (value, time // 1000, decoded.units[channel])
        devices.setdefault(decoded.places[place][1], {})[decoded.channels[channel]] = entry
    return devices


def heard(spoken: Codec, topic: str, payload: str | bytes, state: CodecState | None = None) -> Decoded:
    raw = payload.encode() if isinstance(payload, str) else payload
    return spoken.decode([Message(1, NOW_US, topic, raw)], CodecState() if state is None else state)


def own(tmp_path: Path, words: str) -> MappingCodec:
    file = tmp_path / "own.toml"
    file.write_text('profile = "own"\nname = {zh = "自定", en = "Own"}\n' + words)
    return MappingCodec(read_profile(file, ZONE))


@pytest.mark.parametrize("name", PROFILES)
def test_a_shipped_profile_is_of_the_form_and_has_golden_payloads(name: str) -> None:
    profile = open_profile(name)
    assert profile.examples
    assert profile.topic_filters
    assert all(conversion(unit, unit) is not None for unit in profile.units.values())
    for unit in profile.units.values():
        assert any(conversion(unit, ours) for ours in ("Cel", "%", "MPa", "lx", "W", "V", "A", "kW.h", "1")), unit
    assert isinstance(MappingCodec(profile), Codec)


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_a_golden_payload_becomes_what_the_profile_says(name: str, number: int) -> None:
    spoken = codec(name)
    example = spoken.profile.examples[number]
    decoded = heard(spoken, example.topic, example.payload)
    assert not decoded.refusals, decoded.refusals[0].detail
    ((device, values),) = said(decoded).items()
    assert device == example.device
    assert {key: value for key, (value, _, _) in values.items()} == pytest.approx(example.values)
    moment = datetime.fromisoformat(example.time) if example.time else None
    if moment is not None:
        moment = moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
    expected = NOW_US // 1000 if moment is None else round(moment.timestamp() * 1000)
    assert {time for _, time, _ in values.values()} == {expected}
    named = spoken.source(example.topic)
    assert named in ("", device)
    assert Dialects([spoken]).codec_of(example.topic) is spoken, "its filters bring it"


@pytest.mark.parametrize("name", [name for name in PROFILES if open_profile(name).encode])
@given(
    device=st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=20),
    seconds=st.integers(1_000_000_000, 2_000_000_000),
    values=st.dictionaries(
        st.text(string.ascii_lowercase + "_", min_size=1, max_size=12).map(lambda word: f"v_{word}"),
        st.floats(-1e9, 1e9, allow_nan=False).map(lambda number: round(number, 3)),
        min_size=1,
        max_size=5,
    ),
)
def test_what_a_simulated_device_writes_is_read_as_it_was_meant(
    name: str, device: str, seconds: int, values: dict[str, float]
) -> None:
    spoken = codec(name)
    assert spoken.profile.encode is not None
    ((topic, payload),) = spoken.encode([DeviceMoment(device=device, time_ms=seconds * 1000, values=values)])
    decoded = heard(spoken, topic, payload)
    assert not decoded.refusals
    ((heard_as, told),) = said(decoded).items()
    assert heard_as == spoken.profile.encode.device.replace("{device}", device)
    assert {key.rpartition(".")[2]: (value, time) for key, (value, time, _) in told.items()} == {
        key: (value, seconds * 1000) for key, value in values.items()
    }


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=15,
)


def mutated(draw: st.DrawFn, value: object) -> object:
    """A golden payload with something else in places."""
    if draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    if isinstance(value, dict):
        return {key: mutated(draw, member) for key, member in value.items()}
    if isinstance(value, list):
        return [mutated(draw, item) for item in value] * draw(st.integers(0, 2))
    return value


@st.composite
def whatever(draw: st.DrawFn) -> tuple[str, str, bytes]:
    name, number = draw(st.sampled_from(EXAMPLES))
    example = open_profile(name).examples[number]
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return name, example.topic, draw(st.binary(max_size=40))
    if kind == 1:
        return name, example.topic, json.dumps(draw(JSON)).encode()
    body = mutated(draw, json.loads(example.payload))
    return name, example.topic, json.dumps(body).encode("utf-8", "backslashreplace")


CODECS = {name: codec(name) for name in PROFILES}


@settings(max_examples=400)
@given(st.lists(whatever(), min_size=1, max_size=6))
def test_no_payload_breaks_a_codec_and_none_is_lost(messages: list[tuple[str, str, bytes]]) -> None:
    for name in {name for name, _, _ in messages}:
        mine = [Message(n, NOW_US, topic, raw) for n, (each, topic, raw) in enumerate(messages) if each == name]
        decoded = CODECS[name].decode(mine, CodecState())
        assert decoded.readings["value"].is_finite().all()
        assert decoded.readings["message"].is_in(range(len(mine))).all()
        assert len(decoded.channels) == len(decoded.units)
        whole = [refusal for refusal in decoded.refusals if refusal.reason is Reason.UNREADABLE]
        assert len(whole) == decoded.unreadable
        assert all(name in refusal.detail for refusal in decoded.refusals), "it says whose profile to mend"
        for refusal in decoded.refusals:
            refusal.detail.encode()
        for _, device in decoded.places:
            assert 0 < len(device) <= 150
            device.encode()


def test_every_profile_is_heard_only_by_its_own_filters() -> None:
    dialects = Dialects(list(CODECS.values()))
    for name, number in EXAMPLES:
        topic = CODECS[name].profile.examples[number].topic
        found = dialects.codec_of(topic)
        assert found is not None
        assert found.name == name, f"{topic} goes to {found.name}"
    assert dialects.codec_of("serviceday/v1/s/EL-1/telemetry") is None


# -- what a profile can say ---------------------------------------------------------------------------------------


def test_a_word_that_is_not_mapped_names_profile_and_line_and_is_taken_in_once_it_is(tmp_path: Path) -> None:
    words = '[[message]]\ntopic = "own/{device}"\n[[message.value]]\npath = "mode"\nmap = {AUTO = 1}\n'
    spoken = own(tmp_path, words)
    (refusal,) = heard(spoken, "own/d", '{"mode": "MANUAL"}').refusals
    assert refusal.reason is Reason.NOT_A_NUMBER
    assert refusal.detail == "profile own, line 5: mode is 'MANUAL', its map knows AUTO; add it to the map"
    assert refusal.topic == "serviceday/devices/own/d"
    kept = Message(1, NOW_US, refusal.topic, refusal.payload)
    ((same,),) = [part.decoded.refusals for part in Dialects([spoken]).decode([kept], CodecState(), kept=True)]
    assert (same.payload, same.topic) == (refusal.payload, refusal.topic)
    mended = own(tmp_path, words.replace("AUTO = 1", "AUTO = 1, MANUAL = 0"))
    (part,) = Dialects([mended]).decode([kept], CodecState(), kept=True)
    assert not part.decoded.refusals
    assert said(part.decoded) == {"d": {"mode": (0.0, NOW_US // 1000, "")}}


def test_scale_offset_units_functions_and_names(tmp_path: Path) -> None:
    spoken = own(
        tmp_path,
        """
[units]
level = "cm"
[[message]]
topic = "own/{device}"
[[message.value]]
path = "t"
name = "temperature"
scale = 0.1
offset = -40
unit_path = "unit"
[[message.value]]
path = "level"
[[message.value]]
path = "open"
function = "opposite"
[[message.value]]
path = "hex"
function = "hex"
[[message.value]]
path = "text"
function = "number"
[[message.value]]
path = "faults"
function = "count"
[[message.value]]
path = "up"
function = "duration"
[[message.value]]
path = "lamps[1].{what}"
name = "lamp-{what}"
""",
    )
    body = {"t": 655, "unit": "°C", "level": 120, "open": "ON", "hex": "0x1F", "text": " 2.5 ", "faults": ["a", "b"],
            "up": "1T00:00:09", "lamps": [{"on": 0}, {"on": True, "name": "x"}], "more": 1}  # fmt: skip
    decoded = heard(spoken, "own/d", json.dumps(body))
    assert not decoded.refusals
    values = said(decoded)["d"]
    assert {key: value for key, (value, _, _) in values.items()} == pytest.approx(
        {"temperature": 25.5, "level": 120, "open": 0, "hex": 31, "text": 2.5, "faults": 2, "up": 86409, "lamp-on": 1}
    )
    assert (values["temperature"][2], values["level"][2], values["hex"][2]) == ("°C", "cm", "")


def test_what_a_partial_update_does_not_mention_is_told_only_where_it_holds() -> None:
    spoken, state = codec("shelly"), CodecState()
    topic = "shelly-1/events/rpc"

    def notify(second: int, **params: object) -> dict[str, tuple[float, int, str]]:
        body = {"method": "NotifyStatus", "params": {"ts": second, **params}}
        return said(heard(spoken, topic, json.dumps(body), state)).get("shelly-1", {})

    whole = notify(100, **{"switch:0": {"output": True, "apower": 8.9}, "temperature:0": {"tC": 41}})
    assert {key: value for key, (value, _, _) in whole.items()} == {
        "switch:0.output": 1,
        "switch:0.apower": 8.9,
        "temperature:0.tC": 41,
    }
    part = notify(160, **{"switch:0": {"apower": 9.5}})
    assert part == {"switch:0.output": (1.0, 160_000, ""), "switch:0.apower": (9.5, 160_000, "W")}
    gone = notify(170, **{"switch:0": {"output": None}})
    assert gone == {}


def test_an_event_that_comes_twice_is_one_moment() -> None:
    spoken, state = codec("chirpstack"), CodecState()
    topic = "application/a/device/0101/event/up"
    first = said(heard(spoken, topic, '{"deduplicationId": "x", "object": {"t": 1}}', state))
    again = Message(2, NOW_US + 5_000_000, topic, b'{"deduplicationId": "x", "object": {"t": 1}}')
    other = Message(3, NOW_US + 6_000_000, topic, b'{"deduplicationId": "y", "object": {"t": 1}}')
    assert said(spoken.decode([again], state)) == first
    assert said(spoken.decode([other], state)) != first


def test_local_time_is_of_the_zone_and_an_hour_that_comes_twice_is_the_one_nearer_to_its_arrival() -> None:
    berlin = open_codec("tasmota", zone=ZoneInfo("Europe/Berlin"))
    payload = b'{"Time": "2025-10-26T02:30:00", "SI": {"Temperature": 1}}'
    for hour in (0, 1):
        arrived = int(datetime.fromisoformat(f"2025-10-26T0{hour}:31:00+00:00").timestamp() * 1e6)
        told = said(berlin.decode([Message(1, arrived, "tele/t/SENSOR", payload)], CodecState()))
        assert told["t"]["SI.Temperature"][1] == arrived // 1000 - 60_000
    with pytest.raises(CannotConvert, match="tell local time"):
        open_codec("tasmota")


@pytest.mark.parametrize(
    ("topic", "payload", "detail"),
    [
        ("tele/t/SENSOR", b"{", "profile tasmota: not JSON"),
        ("tele/t/SENSOR", b'{"DS": {"Temperature": 3}}', "profile tasmota, line 18: no time at Time"),
        ("tele/t/SENSOR", b'{"Time": "soon"}', "no time at Time that can be read"),
        ("tele/t/LWT", b"perhaps", "presence 'perhaps'; expected one of Online, Offline"),
    ],
)
def test_a_message_of_the_wrong_form_says_what_was_expected(topic: str, payload: bytes, detail: str) -> None:
    (refusal,) = heard(codec("tasmota"), topic, payload).refusals
    assert detail in refusal.detail


def test_devices_say_whether_they_are_there() -> None:
    decoded = heard(codec("shelly"), "shelly-1/online", "false")
    (presence,) = decoded.presence
    assert (presence.site, presence.gateway, presence.online) == ("shelly", "shelly-1", False)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("[[message]]\ntopic = 'a/{device}'\n[[message.value]]\npath = 'x'\nsacle = 2\n",
         "line 7: no key 'sacle'; is it 'scale'?"),
        ("[[message]]\ntopic = 'a/{device}'\n[[message.value]]\npath = 'x..y'\n", "line 6: 'x..y' is no path"),
        ("[[message]]\ntopic = 'a/{device'\nskip = true\n", "line 4: 'a/{device' is no topic of a profile"),
        ("[[message]]\ntopic = 'serviceday/{device}'\nskip = true\n", "line 4: 'serviceday/{device}' would take"),
        ("[[message]]\ntopic = 'a/{unit}'\n[[message.value]]\npath = 'x'\n", "no name 'device'; there are unit"),
        ("[[message]]\ntopic = 'a/{device}'\ntime = {path = 't', format = 'sec'}\n[[message.value]]\npath = 'x'\n",
         "line 5: no format 'sec'"),
        ("[[message]]\ntopic = 'a/{device}'\n[[message.value]]\npath = 'x'\nfunction = 'eval'\n",
         "line 7: no function 'eval'"),
        ("[[message]]\ntopic = 'a/{device}'\n[[message.value]]\npath = 'x'\nhold = true\n", "line 7: hold wants"),
        ("[[message]]\ntopic = 'a/{device}'\n", "line 3: a message without a value"),
        ("[[message]]\ntopic = 'a/{device}'\n[[message.value]]\npath = 7\n", "line 6: message.value.path = '7'"),
        ("[[mesage]]\ntopic = 'a/{device}'\n", "line 3: no key 'mesage'; is it 'message'?"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_refused_by_line_and_key(tmp_path: Path, words: str, problem: str) -> None:
    with pytest.raises(Problems) as caught:
        own(tmp_path, words)
    assert problem in str(caught.value)


def test_every_mistake_of_a_profile_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(Problems) as caught:
        own(tmp_path, "x = 1\n[[message]]\ntopic = 3\n[[message.value]]\npth = 'x'\n")
    assert [re.findall(r"line \d+", problem)[0] for problem in caught.value.problems] == [
        "line 3",
        "line 5",
        "line 6",
        "line 7",
    ]
    file = tmp_path / "own.toml"
    file.write_text("profile = [")
    with pytest.raises(CannotParse, match=r"own.toml is not TOML"):
        read_profile(file)


@given(st.text('ab.[]*{}^$@"0 ', max_size=12), JSON)
def test_a_path_only_ever_looks(words: str, value: object) -> None:
    try:
        path = parse_path(words)
    except ServicedayError:
        return
    found = [match.value for match in walk(value, path.steps)]
    if path.single:
        one = look(value, path.steps)
        assert found == ([] if one is MISSING else [one])


@given(st.lists(st.sampled_from(["a", "b", "{x}", "{y...}", "+", "#", ""]), min_size=1, max_size=4).map("/".join))
def test_a_filter_brings_every_topic_that_a_pattern_takes(words: str) -> None:
    try:
        pattern = TopicPattern(words)
    except ServicedayError:
        return
    topic = words.replace("{x}", "q").replace("{y...}", "r/s").replace("+", "p").replace("#", "t")
    assert pattern.match(topic) is not None
    from ingest.topics import matches

    assert matches(pattern.filter.split("/"), topic.split("/"))
