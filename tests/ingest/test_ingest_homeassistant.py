"""Home Assistant's discovery: devices announce themselves, and no template of theirs is ever evaluated."""

import json
import time
from pathlib import Path

import paho.mqtt.publish as publish
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import open_store
from ingest.codecs.contract import Codec, Decoded, Learner
from ingest.codecs.dialects import Dialects
from ingest.codecs.homeassistant import HomeAssistantCodec
from ingest.codecs.state import CodecState
from ingest.devices.settings import open_devices
from ingest.journal.ledger import ledger
from ingest.messages import Message
from ingest.mqtt.address import BrokerAddress
from ingest.quarantine.review import Wanted, review
from ingest.service import Ingest

NOW_US = 1_760_000_000_000_000
# As in Home Assistant's documentation of MQTT discovery.
BEDROOM = {
    "device_class": "temperature",
    "state_topic": "homeassistant/sensor/sensorBedroom/state",
    "unit_of_measurement": "°C",
    "value_template": "{{ value_json.temperature}}",
    "unique_id": "temp01ae",
    "device": {"identifiers": ["bedroom01ae"], "name": "Bedroom", "manufacturer": "Example sensors Ltd."},
}
# As a Tasmota device announced itself: gist and forum samples of `homeassistant/sensor/.../config`.
PLUG = {
    "name": "3DPrinter ENERGY Power",
    "stat_t": "tele/EZPlug_35EBF6/SENSOR",
    "avty_t": "tele/EZPlug_35EBF6/LWT",
    "uniq_id": "35EBF6_ENERGY_Power",
    "dev": {"ids": ["35EBF6"]},
    "unit_of_meas": "W",
    "val_tpl": "{{value_json['ENERGY']['Power']}}",
}
WHOLE_DEVICE = {
    "dev": {"ids": "ea334450945afc", "name": "Kitchen"},
    "o": {"name": "bla2mqtt"},
    "state_topic": "sensorKitchen/state",
    "cmps": {
        "door": {"p": "binary_sensor", "val_tpl": "{{ value_json.door }}", "pl_on": "open", "pl_off": "shut"},
        "humidity": {"p": "sensor", "unit_of_meas": "%", "val_tpl": '{{ value_json["hum"][0] }}'},
        "button": {"p": "button", "cmd_t": "x"},
    },
}


class House:
    """The codec with its state."""

    def __init__(self) -> None:
        self.dialects, self.state = Dialects([HomeAssistantCodec()]), CodecState()

    def hears(self, topic: str, body: object) -> Decoded:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        (part,) = self.dialects.decode([Message(1, NOW_US, topic, raw)], self.state)
        return part.decoded


def said(decoded: Decoded) -> dict[tuple[str, str], tuple[float, str]]:
    return {
        (decoded.places[place][1], decoded.channels[channel]): (value, decoded.units[channel])
        for _, place, channel, _, value in decoded.readings.iter_rows()
    }


def test_what_is_announced_is_listened_to_and_understood() -> None:
    assert isinstance(HomeAssistantCodec(), Codec)
    assert isinstance(HomeAssistantCodec(), Learner)
    house = House()
    assert house.hears(BEDROOM["state_topic"], {"temperature": 1}).refusals, "not announced yet"  # type: ignore[arg-type]
    learned = house.hears("homeassistant/sensor/sensorBedroomT/config", BEDROOM)
    assert learned.subscriptions == ["homeassistant/sensor/sensorBedroom/state"]
    humidity = {**BEDROOM, "value_template": "{{ value_json.humidity }}", "unit_of_measurement": "%"}
    house.hears("homeassistant/sensor/sensorBedroomH/config", humidity)
    assert said(house.hears("homeassistant/sensor/sensorBedroom/state", {"temperature": 23.2, "humidity": 43.7})) == {
        ("bedroom01ae", "sensorBedroomT"): (23.2, "°C"),
        ("bedroom01ae", "sensorBedroomH"): (43.7, "%"),
    }
    assert house.dialects.learned(house.state) == ["homeassistant/sensor/sensorBedroom/state"]


def test_abbreviations_ways_in_brackets_and_whole_devices() -> None:
    house = House()
    house.hears("homeassistant/sensor/35EBF6_ENERGY_Power/config", PLUG)
    assert said(house.hears("tele/EZPlug_35EBF6/SENSOR", {"ENERGY": {"Power": 41}})) == {
        ("35EBF6", "35EBF6_ENERGY_Power"): (41.0, "W")
    }
    assert house.hears("homeassistant/device/kitchen/config", WHOLE_DEVICE).subscriptions == ["sensorKitchen/state"]
    assert said(house.hears("sensorKitchen/state", {"door": "open", "hum": ["55.5"]})) == {
        ("ea334450945afc", "door"): (1.0, ""),
        ("ea334450945afc", "humidity"): (55.5, "%"),
    }


def test_a_plain_payload_and_an_announcement_that_is_taken_back() -> None:
    house = House()
    topic = "homeassistant/binary_sensor/garden/config"
    house.hears(topic, {"~": "garden", "state_topic": "~/gate", "device": {"identifiers": ["g1"]}})
    assert said(house.hears("garden/gate", b"ON")) == {("g1", "garden"): (1.0, "")}
    assert "garden = AJAR is no number" in house.hears("garden/gate", b"AJAR").refusals[0].detail
    house.hears(topic, b"")
    assert house.hears("garden/gate", b"ON").refusals


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"value_template": "{{ value_json.t | float * 2 }}"}, "the template of x is no plain way into the payload"),
        ({"value_template": "{{ states('sensor.x') }}"}, "none is evaluated"),
        ({"value_template": "{% if 1 %}{{ value_json.t }}{% endif %}"}, "none is evaluated"),
        ({"state_topic": "#"}, "# is no topic to listen to"),
        ({"state_topic": "serviceday/v1/s/EL-1/telemetry"}, "is no topic to listen to"),
        ({"state_topic": "$SYS/broker/version"}, "is no topic to listen to"),
        ({"state_topic": 7}, "x has no state topic"),
    ],
)
def test_an_announcement_that_cannot_be_taken_is_refused(change: dict[str, object], detail: str) -> None:
    house = House()
    decoded = house.hears("homeassistant/sensor/x/config", {**BEDROOM, **change})
    assert detail in decoded.refusals[0].detail
    assert not decoded.subscriptions


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted({*BEDROOM, *PLUG})), inner),
    max_leaves=12,
)


@given(JSON, JSON)
def test_no_announcement_and_no_state_breaks_the_codec(config: object, body: object) -> None:
    house = House()
    house.hears("homeassistant/sensor/x/config", BEDROOM)
    for topic, heard in (("homeassistant/sensor/x/config", config), ("homeassistant/device/y/config", config),
                         ("homeassistant/sensor/sensorBedroom/state", body)):  # fmt: skip
        decoded = house.hears(topic, heard)
        assert decoded.unreadable == len(decoded.refusals)


@pytest.mark.slow
def test_an_announced_device_is_listened_to_through_a_broker_and_after_a_restart(
    tmp_path: Path, mosquitto: int
) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    (folder.path / "devices.toml").write_text('codecs = ["homeassistant"]\n')
    assets = {"EL-1": Asset(id="EL-1", kind="lift", site="s")}
    store = open_store(folder.readings, create=True)
    topic = str(BEDROOM["state_topic"])
    publish.single("homeassistant/sensor/sensorBedroomT/config", json.dumps(BEDROOM), retain=True, port=mosquitto)

    def until(kept: int) -> None:
        for _ in range(300):
            publish.single(topic, '{"temperature": 40.5}', qos=1, port=mosquitto)
            time.sleep(0.1)
            with review(folder.journal) as quarantine:
                if len(quarantine.rows(Wanted())) + int(str(ledger(folder)["stored"])) > kept:
                    return
        raise AssertionError("nothing was heard")

    address = BrokerAddress(host="127.0.0.1", port=mosquitto)
    with Ingest(folder, store, address, lambda: assets, devices=open_devices(folder.path)):
        until(0)
    with review(folder.journal) as quarantine:
        assert {row.detail for row in quarantine.rows(Wanted())} == {"homeassistant:bedroom01ae"}
    (folder.path / "devices.csv").write_text(
        "codec,device,value,asset,channel,unit\nhomeassistant,bedroom01ae,sensorBedroomT,EL-1,motor_temperature,\n"
    )
    publish.single("homeassistant/sensor/sensorBedroomT/config", None, retain=True, port=mosquitto)
    with Ingest(folder, store, address, lambda: assets, devices=open_devices(folder.path)) as ingest:
        assert topic in ingest._receiver._topics, "it is remembered, whatever the broker retains"
        for _ in range(300):
            if int(str(ledger(folder)["stored"])) and not int(str(ledger(folder)["quarantined"])):
                break
            time.sleep(0.1)
    assert set(store.read()["value"].to_list()) == {40.5}
    store.close()
