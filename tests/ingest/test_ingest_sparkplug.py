"""Sparkplug B as a host sees it: births, aliases, gaps, deaths, and that no value is ever given to another metric."""

import json
import random
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.codecs.contract import Codec, Decoded, DeviceMoment, Encoder
from ingest.codecs.sparkplug.codec import SparkplugCodec
from ingest.codecs.sparkplug.payload import number_of, payload_class, unit_of
from ingest.codecs.state import CodecState
from ingest.devices.settings import open_devices
from ingest.journal.ledger import ledger
from ingest.messages import Message
from ingest.mqtt.address import BrokerAddress
from ingest.service import Ingest

Payload = payload_class()
NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000


def payload(seq: int | None, *metrics: dict[str, Any], at: int = NOW_MS) -> bytes:
    body = Payload(timestamp=at)
    if seq is not None:
        body.seq = seq
    for metric in metrics:
        body.metrics.add(**metric)
    raw: bytes = body.SerializeToString()
    return raw


def bd_seq(number: int) -> dict[str, Any]:
    return {"name": "bdSeq", "datatype": 4, "long_value": number}


class Host:
    """The codec with its state, hearing one message after the other."""

    def __init__(self) -> None:
        self.codec, self.state, self.number = SparkplugCodec(), CodecState(), 0

    def hears(self, topic: str, raw: bytes, arrived_us: int = NOW_US) -> Decoded:
        self.number += 1
        return self.codec.decode([Message(self.number, arrived_us, f"spBv1.0/g/{topic}", raw)], self.state)

    def values(self, topic: str, raw: bytes) -> dict[tuple[str, str], float]:
        return said(self.hears(topic, raw, NOW_US + 7_000_000))


def said(decoded: Decoded) -> dict[tuple[str, str], float]:
    return {
        (decoded.places[place][1], decoded.channels[channel]): value
        for _, place, channel, _, value in decoded.readings.iter_rows()
    }


TEMPERATURE = {"name": "temp", "alias": 1, "datatype": 9, "float_value": 21.5}
PUMP = {"name": "starts", "alias": 2, "datatype": 8, "long_value": 7}


def born() -> Host:
    host = Host()
    host.hears("NBIRTH/n", payload(0, bd_seq(3), TEMPERATURE))
    host.hears("DBIRTH/n/d", payload(1, PUMP))
    return host


def test_births_give_values_aliases_and_presence() -> None:
    host = Host()
    birth = host.hears("NBIRTH/n", payload(0, bd_seq(0), TEMPERATURE, {"name": "Node Control/Rebirth", "datatype": 11,
                                                                       "boolean_value": False}))  # fmt: skip
    assert said(birth) == {("g/n", "temp"): 21.5}
    assert [(each.gateway, each.online) for each in birth.presence] == [("g/n", True)]
    assert host.values("DBIRTH/n/d", payload(1, PUMP)) == {("g/n/d", "starts"): 7}
    assert host.values("NDATA/n", payload(2, {"alias": 1, "float_value": 22.5})) == {("g/n", "temp"): 22.5}
    assert host.values("DDATA/n/d", payload(3, {"alias": 2, "long_value": 8})) == {("g/n/d", "starts"): 8}
    assert not host.hears("DDATA/n/d", payload(4, {"alias": 2, "long_value": 9})).requests


def test_a_gap_takes_the_aliases_away_and_asks_once_a_minute_for_a_rebirth() -> None:
    host = born()
    gap = host.hears("NDATA/n", payload(5, {"alias": 1, "float_value": 1}))
    assert said(gap) == {}
    assert "by alias, and its birth is not known" in gap.refusals[0].detail
    ((topic, raw),) = gap.requests
    assert topic == "spBv1.0/g/NCMD/n"
    (metric,) = Payload.FromString(raw).metrics
    assert (metric.name, metric.boolean_value, metric.HasField("alias")) == ("Node Control/Rebirth", True, False)
    named = {"name": "temp", "datatype": 9, "float_value": 2}
    again = host.hears("NDATA/n", payload(6, {"alias": 1, "float_value": 1}, named), NOW_US + 1_000_000)
    assert said(again) == {("g/n", "temp"): 2}
    assert not again.requests
    assert host.hears("NDATA/n", payload(7, {"alias": 1, "float_value": 1}), NOW_US + 61_000_000).requests
    host.hears("NBIRTH/n", payload(0, bd_seq(3), TEMPERATURE))
    assert host.values("NDATA/n", payload(1, {"alias": 1, "float_value": 3})) == {("g/n", "temp"): 3}


def test_who_was_never_born_is_asked_to_be() -> None:
    host = Host()
    heard = host.hears("DDATA/n/d", payload(9, {"alias": 2, "long_value": 1}))
    assert said(heard) == {}
    assert len(heard.requests) == 1
    assert len(heard.refusals) == 1


def test_seq_wraps_at_255_and_what_comes_twice_does_no_harm() -> None:
    host = born()
    for seq in [*range(2, 256), 0, 0, 1]:
        heard = host.hears("NDATA/n", payload(seq, {"alias": 1, "float_value": seq}))
        assert said(heard) == {("g/n", "temp"): seq}
        assert not heard.requests


def test_a_death_counts_only_for_its_own_session() -> None:
    host = born()
    assert not host.hears("NDEATH/n", payload(None, bd_seq(2))).presence, "of an earlier session"
    assert host.values("NDATA/n", payload(2, {"alias": 1, "float_value": 4})) == {("g/n", "temp"): 4}
    death = host.hears("NDEATH/n", payload(None, bd_seq(3)))
    assert [(each.gateway, each.online) for each in death.presence] == [("g/n", False)]
    assert host.values("NDATA/n", payload(3, {"alias": 1, "float_value": 5})) == {}
    late = host.hears("NBIRTH/n", payload(0, bd_seq(3), TEMPERATURE))
    assert said(late) == {("g/n", "temp"): 21.5}, "its values are of their time"
    assert not late.presence, "and it does not bring the dead back"
    alive = host.hears("NBIRTH/n", payload(0, bd_seq(4), TEMPERATURE, at=NOW_MS + 1))
    assert [(each.gateway, each.online) for each in alive.presence] == [("g/n", True)]


def test_a_device_that_dies_takes_its_own_aliases_with_it() -> None:
    host = born()
    death = host.hears("DDEATH/n/d", payload(2))
    assert [(each.gateway, each.online) for each in death.presence] == [("g/n/d", False)]
    assert host.values("DDATA/n/d", payload(3, {"alias": 2, "long_value": 1})) == {}
    assert host.values("NDATA/n", payload(4, {"alias": 1, "float_value": 6})) == {("g/n", "temp"): 6}


def test_a_message_from_quarantine_is_never_read_by_the_aliases_of_a_later_birth() -> None:
    host = born()
    old = payload(2, {"alias": 1, "float_value": 9})
    host.hears("NBIRTH/n", payload(0, bd_seq(3), {**TEMPERATURE, "name": "pressure"}), NOW_US + 5_000_000)
    host.hears("NDATA/n", payload(1, {"alias": 1, "float_value": 1}), NOW_US + 6_000_000)
    fork = host.state.fork(past=True)
    replayed = host.codec.decode([Message(99, NOW_US + 1, "spBv1.0/g/NDATA/n", old)], fork)
    assert said(replayed) == {}
    assert replayed.refusals
    assert host.values("NDATA/n", payload(2, {"alias": 1, "float_value": 3})) != {}


def test_an_alias_of_another_device_is_not_taken() -> None:
    host = born()
    assert host.values("DDATA/n/other", payload(2, {"alias": 2, "long_value": 1})) == {}


@pytest.mark.parametrize(
    ("metric", "number"),
    [
        ({"datatype": 1, "int_value": 0xFF}, -1),
        ({"datatype": 2, "int_value": 0xFFFE}, -2),
        ({"datatype": 3, "int_value": 0xFFFFFFFD}, -3),
        ({"datatype": 1, "int_value": 0xFFFFFFFF}, -1),
        ({"datatype": 5, "int_value": 255}, 255),
        ({"datatype": 7, "int_value": 0xFFFFFFFF}, 4294967295),
        ({"datatype": 4, "long_value": (1 << 64) - 5}, -5),
        ({"datatype": 8, "long_value": (1 << 63)}, float(1 << 63)),
        ({"datatype": 10, "double_value": 2.5}, 2.5),
        ({"datatype": 11, "boolean_value": True}, 1),
        ({"datatype": 13, "long_value": NOW_MS}, None),
        ({"datatype": 12, "string_value": "7"}, None),
        ({"datatype": 16, "dataset_value": b""}, None),
        ({"datatype": 9, "float_value": float("nan")}, None),
        ({"datatype": 9, "float_value": 1.5, "is_null": True}, None),
    ],
)
def test_a_metric_is_a_number_by_its_datatype(metric: dict[str, Any], number: float | None) -> None:
    body = Payload()
    body.metrics.add(**metric)
    assert number_of(body.metrics[0], metric["datatype"]) == number


def test_the_engineering_unit_stands_among_the_properties() -> None:
    body = Payload()
    metric = body.metrics.add(name="p")
    metric.properties.keys.append("engUnit")
    metric.properties.values.add(type=12, string_value="kPa")
    assert unit_of(metric) == "kPa"


class Node:
    """A node whose aliases are others after each birth; every value bears the number of its metric."""

    def __init__(self, chance: random.Random) -> None:
        self.chance, self.seq, self.bd, self.births = chance, 255, -1, 0
        self.aliases: dict[int, int] = {}

    def birth(self, *, session: bool) -> tuple[str, bytes]:
        self.bd = (self.bd + 1) % 256 if session else max(0, self.bd)
        self.births += 1
        self.seq = 0
        metrics = list(range(6))
        self.chance.shuffle(metrics)
        self.aliases = dict(enumerate(metrics))
        named = [
            {"name": f"m{metric}", "alias": alias, "datatype": 10, "double_value": float(metric)}
            for alias, metric in self.aliases.items()
        ]
        return "NBIRTH/n", payload(0, bd_seq(self.bd), *named, at=NOW_MS + self.births)

    def data(self) -> tuple[str, bytes]:
        self.seq = (self.seq + 1) % 256
        alias = self.chance.choice(list(self.aliases))
        return "NDATA/n", payload(self.seq, {"alias": alias, "double_value": float(self.aliases[alias])})

    def death(self) -> tuple[str, bytes]:
        return "NDEATH/n", payload(None, bd_seq(self.bd))


@given(st.integers(0, 2**32))
def test_with_drops_duplicates_and_restarts_no_value_is_given_to_another_metric(seed: int) -> None:
    chance = random.Random(seed)
    host, node = Host(), Node(chance)
    taken = 0
    sent = [node.birth(session=True)]
    for _ in range(120):
        kind = chance.random()
        if kind < 0.03:
            sent += [node.death(), node.birth(session=True)]
        elif kind < 0.05:
            sent.append(node.birth(session=False))
        else:
            sent.append(node.data())
    for topic, raw in sent:
        data = topic.startswith("NDATA")
        if data and chance.random() < 0.1:
            continue
        for _ in range(2 if chance.random() < 0.1 else 1):
            for (_, name), value in host.values(topic, raw).items():
                assert name == f"m{value:g}"
                taken += data
    assert host.number > 0


@given(
    st.sampled_from(["NBIRTH/n", "NDATA/n", "DDATA/n/d", "NDEATH/n", "DBIRTH/n/d", "DDEATH/n/d", "NDATA", "X/n"]),
    st.binary(max_size=60),
)
def test_no_payload_breaks_the_codec(topic: str, raw: bytes) -> None:
    host = born()
    decoded = host.hears(topic, raw)
    assert decoded.readings["value"].is_finite().all()
    host.hears(topic, payload(2, {"alias": 1, "float_value": 1}) + raw)


def test_what_a_simulated_node_writes_is_read_as_it_was_meant() -> None:
    codec, host = SparkplugCodec(), Host()
    assert isinstance(codec, Codec)
    assert isinstance(codec, Encoder)
    for number in range(300):
        values = {"a": float(number)} if number % 3 else {"a": float(number), "b": number / 8}
        for topic, raw in codec.encode([DeviceMoment(device="x", time_ms=NOW_MS + number, values=values)]):
            heard = host.codec.decode([Message(1, NOW_US, topic, raw)], host.state)
            assert not heard.requests
        assert said(heard) == {("sim/x/d", name): value for name, value in values.items()}


@pytest.mark.slow
def test_a_host_says_that_it_is_there_and_asks_a_node_to_be_born_again(tmp_path: Path, mosquitto: int) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    (folder.path / "devices.toml").write_text('codecs = ["sparkplug"]\nsparkplug_host = "hall"\n')
    (folder.path / "devices.csv").write_text(
        "codec,device,value,asset,channel,unit\nsparkplug,g/n/d,temp,EL-1,motor_temperature,Cel\n"
    )
    assets = {"EL-1": Asset(id="EL-1", kind="lift", site="s")}
    store = open_store(folder.readings, create=True)
    states: list[dict[str, Any]] = []
    commands: list[str] = []

    def heard(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if "STATE" in message.topic:
            states.append(json.loads(message.payload))
        else:
            commands.append(message.topic)
            now = time.time_ns() // 1_000_000
            client.publish("spBv1.0/g/NBIRTH/n", payload(0, bd_seq(0), at=now))
            client.publish("spBv1.0/g/DBIRTH/n/d", payload(1, {**TEMPERATURE, "float_value": 40.5}, at=now))

    def until(done: Any) -> None:
        for _ in range(600):
            if done():
                return
            time.sleep(0.1)
        raise AssertionError("it did not come to pass")

    node = mqtt.Client(CallbackAPIVersion.VERSION2)
    node.on_message = heard
    node.connect("127.0.0.1", mosquitto)
    node.subscribe([("spBv1.0/STATE/hall", 1), ("spBv1.0/g/NCMD/n", 1)])
    node.loop_start()
    devices = open_devices(folder.path)
    with Ingest(folder, store, BrokerAddress(host="127.0.0.1", port=mosquitto), lambda: assets, devices=devices):
        until(lambda: states and states[-1]["online"])
        node.publish("spBv1.0/g/DDATA/n/d", payload(7, {"alias": 1, "float_value": 9}))
        until(lambda: ledger(folder)["stored"] == 1)
    until(lambda: not states[-1]["online"])
    node.disconnect()
    node.loop_stop()
    assert commands == ["spBv1.0/g/NCMD/n"]
    assert states[0]["timestamp"] == states[-1]["timestamp"]
    assert store.read()["value"].to_list() == [40.5]
    store.close()
