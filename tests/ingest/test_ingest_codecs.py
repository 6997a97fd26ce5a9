"""The codec door: a toy language in one class reaches the store, and what could not be placed can be replayed."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest

from facility.catalogue.catalogue import catalogue
from facility.errors import Problems
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import Store, open_store
from ingest.codecs.contract import Codec, Decoded, DeviceMoment, Encoder, Rows
from ingest.codecs.native import NativeCodec
from ingest.codecs.state import CodecState
from ingest.devices.device_map import read_device_map
from ingest.devices.setup import DeviceSetup
from ingest.journal.codec_state import load_codec_state
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.journal.source_ledger import read_sources
from ingest.messages import Arrival, Message
from ingest.mqtt.address import BrokerAddress
from ingest.quarantine.review import Wanted, review
from ingest.quarantine.strangers import strangers
from ingest.refusals import Reason
from ingest.service import Ingest
from ingest.sink import Sink

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
CHANNELS = ("motor_temperature", "machine_room_temperature", "drive_current", "door_close_time", "levelling_error")
ASSETS = {
    "EL-1": Asset(id="EL-1", kind="lift", site="s"),
    "LC-1": Asset(id="LC-1", kind="lighting_circuit", site="s"),
}


class Toy:
    """`toy/{device}`: `name=value` in a line, in tenths; `again` repeats the device's last line."""

    name = "toy"
    topic_filters = ("toy/+",)
    repeatable = True

    def source(self, topic: str) -> str:
        return topic.removeprefix("toy/")

    def decode(self, messages: Sequence[Message], state: CodecState) -> Decoded:
        rows = Rows(self.name)
        for index, message in enumerate(messages):
            device = self.source(message.topic)
            words = message.payload.decode()
            if words == "bomb":
                raise ZeroDivisionError
            if words == "again":
                words = str(state.get(("toy", device, "last")) or "")
            for pair in words.split():
                name, equals, value = pair.partition("=")
                if not equals:
                    rows.refuse(message, f"toy: {words}")
                    break
                rows.add(index, device, (name, "", message.arrived_us // 1000, float(value) / 10))
            state.put(("toy", device, "last"), words)
        return rows.decoded()

    def convert(self, device: str, value_name: str, value: object) -> float | None:
        return None

    def encode(self, moments: Iterable[DeviceMoment]) -> list[tuple[str, bytes]]:
        return [
            (f"toy/{each.device}", " ".join(f"{name}={value * 10}" for name, value in each.values.items()).encode())
            for each in moments
        ]


class Site:
    """A data folder with a toy device, taken in without a broker."""

    def __init__(self, folder: DataFolder) -> None:
        self.folder = folder
        self.map = folder.path / "devices.csv"
        self.store: Store = open_store(folder.readings, create=True)
        self.journal = Journal(folder.journal)
        self.open()

    def open(self) -> None:
        self.devices = DeviceSetup([Toy()], map_file=self.map)
        self.sink = Sink(self.journal, self.store, lambda: ASSETS, catalogue(), devices=self.devices)
        self.sink.recover()

    def hear(self, *messages: tuple[str, str]) -> None:
        self.journal.write(
            [
                Arrival(mid=0, again=False, topic=topic, payload=payload.encode(), arrived_us=NOW_US + number * 1000)
                for number, (topic, payload) in enumerate(messages)
            ]
        )
        self.settle()

    def settle(self) -> None:
        while self.sink.step():
            pass

    def readings(self) -> list[tuple[str, str, float]]:
        return sorted(self.store.read(assets=["EL-1", "LC-1"]).select("asset", "channel", "value").rows())

    def kept(self) -> list[tuple[str, str, str, int]]:
        with review(self.folder.journal) as quarantine:
            return [(row.reason.value, row.topic, row.detail, row.count) for row in quarantine.rows(Wanted())]

    def adds_up(self) -> None:
        counts = ledger(self.folder)
        assert counts["received"] == sum(counts[key] for key in ("stored", "duplicates", "quarantined", "dropped"))  # type: ignore[misc]
        with self.journal.transaction() as connection:
            sources = read_sources(connection)
        assert sum(source.messages for source in sources) == counts["messages"]["journalled"]  # type: ignore[index]
        assert sum(source.admitted for source in sources) == counts["stored"] + counts["duplicates"]  # type: ignore[operator]
        assert sum(source.quarantined for source in sources) == counts["quarantined"]
        assert not [source for source in sources if min(source.messages, source.admitted, source.quarantined) < 0]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(DataFolder(tmp_path / "data").prepare())
    yield site
    site.journal.close()
    site.store.close()


def mapped(site: Site, *rows: str) -> None:
    site.map.write_text("codec,device,value,asset,channel,unit\n" + "".join(f"{row}\n" for row in rows))


def test_the_native_codec_and_the_toy_keep_the_contract() -> None:
    for codec in (NativeCodec(), Toy()):
        assert isinstance(codec, Codec)
        assert isinstance(codec, Encoder)


def test_a_toy_codec_reaches_the_store_beside_native_devices(site: Site) -> None:
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,", "toy,t1,noise,,,")
    native = json.dumps({"ts": NOW_MS, "v": {"trips": 4}})
    site.hear(("toy/t1", "temp=415 noise=9"), ("serviceday/v1/s/EL-1/telemetry", native), ("toy/t1", "again"))
    assert site.readings() == [
        ("EL-1", "motor_temperature", 41.5),
        ("EL-1", "motor_temperature", 41.5),
        ("EL-1", "trips", 4.0),
    ]
    assert site.kept() == []
    site.adds_up()


def test_a_stranger_waits_and_is_taken_in_once_it_is_mapped(site: Site) -> None:
    site.hear(("toy/t1", "temp=415"), ("toy/t2", "lux=3000"))
    assert site.kept() == [
        ("unknown_device", "toy/t2", "toy:t2", 1),
        ("unknown_device", "toy/t1", "toy:t1", 1),
    ]
    site.adds_up()
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,")
    site.settle()
    assert site.readings() == [("EL-1", "motor_temperature", 41.5)]
    assert [row[2] for row in site.kept()] == ["toy:t2"]
    site.adds_up()


def test_what_of_a_message_has_no_place_is_kept_by_the_devices_own_names(site: Site) -> None:
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,")
    site.hear(("toy/t1", "temp=415 lux=3000"))
    assert site.readings() == [("EL-1", "motor_temperature", 41.5)]
    ((reason, topic, detail, count),) = site.kept()
    assert (reason, topic, count) == ("unknown_channel", "serviceday/devices/toy/t1", 1)
    assert detail == "toy:t1 says lux, which devices.csv does not place"
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,", "toy,t1,lux,LC-1,illuminance,")
    with review(site.folder.journal) as quarantine:
        quarantine.ask_for_replay(Wanted(reason=Reason.UNKNOWN_CHANNEL))
    site.settle()
    assert site.readings() == [("EL-1", "motor_temperature", 41.5), ("LC-1", "illuminance", 300.0)]
    assert site.kept() == []
    site.adds_up()


def test_a_device_of_several_assets_and_what_is_refused_of_each(site: Site) -> None:
    rows = ("toy,t1,temp,EL-1,motor_temperature,", "toy,t1,volts,LC-1,supply_voltage,", "toy,t1,amps,EL-9,x,")
    mapped(site, *rows, "toy,t1,kg,EL-1,drive_current,kg", "toy,t1,odd,LC-1,nothing,")
    site.hear(("toy/t1", "temp=87650 volts=2300 amps=1 kg=3 odd=5"))
    assert site.readings() == [("LC-1", "supply_voltage", 230.0)]
    assert sorted((reason, topic) for reason, topic, _, _ in site.kept()) == [
        ("out_of_range", "serviceday/v1/s/EL-1/telemetry"),
        ("unknown_asset", "serviceday/devices/toy/t1"),
        ("unknown_channel", "serviceday/devices/toy/t1"),
        ("wrong_unit", "serviceday/devices/toy/t1"),
    ]
    site.adds_up()
    with review(site.folder.journal) as quarantine:
        quarantine.ask_for_replay(Wanted())
    site.settle()
    assert len(site.kept()) == 4, "nothing was mended"
    site.adds_up()


def test_what_a_codec_breaks_on_is_refused_alone_under_its_name(site: Site) -> None:
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,")
    site.hear(("toy/t1", "temp=415"), ("toy/t1", "bomb"), ("toy/t1", "temp=416"))
    assert [value for _, _, value in site.readings()] == [41.5, 41.6]
    assert site.kept() == [("unreadable", "toy/t1", "toy: ZeroDivisionError: ", 1)]
    site.adds_up()


def test_what_a_codec_remembers_survives_a_restart_and_a_replay_leaves_it_alone(site: Site) -> None:
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,")
    site.hear(("toy/t9", "temp=100"), ("toy/t1", "temp=415"))
    site.open()
    site.hear(("toy/t1", "again"))
    assert [value for _, _, value in site.readings()] == [41.5, 41.5]
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,", "toy,t9,temp,EL-1,machine_room_temperature,")
    site.hear(("toy/t9", "temp=200"))
    with site.journal.transaction() as connection:
        assert [row[:3] for row in load_codec_state(connection)] == [("toy", "t1", "last"), ("toy", "t9", "last")]
    assert site.devices.state.get(("toy", "t9", "last")) == "temp=200"


def test_strangers_never_push_out_what_is_remembered_of_mapped_devices() -> None:
    state = CodecState(lambda _codec, device: device.startswith("ours"), strangers_at_most=10)
    for number in range(100):
        state.put(("toy", f"ours-{number}", "last"), number)
    for number in range(100_000):
        fork = state.fork()
        fork.put(("toy", f"stranger-{number}", "last"), number)
        state.adopt(fork)
    assert len(state) == 110
    assert state.get(("toy", "ours-7", "last")) == 7
    written, gone = state.unsaved()
    assert len(written) == 110
    assert len(gone) + 110 == 100_100


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("codec,device,valeu,asset\n", "line 1: no column 'valeu'; is it 'value'?"),
        ("codec,device,asset\n", "line 1: the column 'value' is missing"),
        ("codec,device,value,asset\nty,a,b,c\n", "line 2: no codec 'ty'; is it 'toy'?"),
        ("codec,device,value,asset,channel\ntoy,a,b,,x\n", "line 2: channel 'x' without an asset"),
        ("codec,device,value,asset\ntoy,a,b,c\ntoy,a,b,d\n", "line 3: a b stands in the file twice"),
        ("codec,device,value,asset\ntoy,,b,c\n", "line 2: device or value is empty"),
        ("codec,device,value,asset,channel\ntoy,a,*,c,x\n", "line 2: all values of a device cannot be the one"),
    ],
)
def test_a_wrong_map_is_refused_by_line(tmp_path: Path, words: str, problem: str) -> None:
    file = tmp_path / "devices.csv"
    file.write_text(words)
    with pytest.raises(Problems) as caught:
        read_device_map(file, ["toy"])
    assert problem in str(caught.value)


def test_a_map_that_becomes_wrong_leaves_the_last_good_one(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,")
    site.hear(("toy/t1", "temp=415"))
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,", "nonsense,x,y,z,,")
    site.hear(("toy/t1", "temp=416"), ("toy/t1", "temp=417"))
    assert len(site.readings()) == 2
    assert sum("the device map is wrong" in record.message for record in caplog.records) == 1


def test_a_thousand_strangers_for_each_known_device_fill_nothing_and_stop_nobody(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    (folder.path / "devices.csv").write_text(
        "codec,device,value,asset,channel,unit\n"
        + "".join(f"toy,ours-{number},temp,EL-1,{channel},\n" for number, channel in enumerate(CHANNELS))
    )
    store = open_store(folder.readings, create=True)
    journal = Journal(folder.journal, quarantine_limit=1_000_000)
    devices = DeviceSetup([Toy()], map_file=folder.path / "devices.csv")
    sink = Sink(journal, store, lambda: ASSETS, catalogue(), devices=devices)
    rounds, strangers_of_each = 2, 1_000
    for turn in range(rounds):
        topics = [f"toy/ours-{number}" for number in range(len(CHANNELS))]
        topics += [f"toy/stranger-{turn}-{number}" for number in range(strangers_of_each * len(CHANNELS))]
        journal.write(
            [
                Arrival(mid=0, again=False, topic=topic, payload=b"temp=400", arrived_us=NOW_US + turn * 1000)
                for topic in topics
            ]
        )
        while sink.step():
            pass
    counts = ledger(folder)
    assert counts["stored"] == rounds * len(CHANNELS)
    assert counts["quarantined"] == rounds * strangers_of_each * len(CHANNELS)
    assert journal.filling().used < 1_000_000
    assert len(devices.state) <= 2_000 + len(CHANNELS)
    assert devices.state.get(("toy", "ours-0", "last")) == "temp=400"
    with journal.transaction() as connection:
        assert len(read_sources(connection)) <= 2, "strangers have no row of their own"
    with strangers(folder.journal, devices) as unknown:
        page = unknown.page(limit=3)
        assert len(page) == 3
        assert page[0].values[0].name == "temp"
    journal.close()
    store.close()


class Killed(BaseException):
    """Stands for a kill -9: nothing in the program catches it."""


@pytest.mark.parametrize("when", ["before", "after"])
def test_wherever_ingest_dies_foreign_messages_are_counted_and_remembered_once(
    site: Site, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapped(site, "toy,t1,temp,EL-1,motor_temperature,", "toy,t1,volts,LC-1,supply_voltage,")
    site.hear(("toy/t1", "temp=400"))
    honest = site.store.append

    def dying(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            honest(*arguments, **named)
        raise Killed

    monkeypatch.setattr(site.store, "append", dying)
    with pytest.raises(Killed):
        site.hear(
            ("toy/t1", "temp=415 volts=2300 lux=1"),
            ("toy/t1", "temp=87650 volts=2310"),
            ("toy/t1", "temp=87660"),
            ("toy/x", "temp=1"),
            ("toy/t1", "bomb"),
        )
    monkeypatch.setattr(site.store, "append", honest)
    site.open()
    site.settle()
    site.adds_up()
    assert site.devices.state.get(("toy", "t1", "last")) == "temp=87660"
    assert [row for row in site.readings() if row[0] == "LC-1"] == [
        ("LC-1", "supply_voltage", 230.0),
        ("LC-1", "supply_voltage", 231.0),
    ]
    assert sorted(reason for reason, _, _, _ in site.kept()) == [
        "out_of_range",
        "out_of_range",
        "unknown_channel",
        "unknown_device",
        "unreadable",
    ]
    counts = ledger(site.folder)
    assert (counts["stored"], counts["duplicates"]) == (3, 1), "the first two temperatures are of one moment"
    with site.journal.transaction() as connection:
        admitted = {source.name: source.admitted for source in read_sources(connection) if source.admitted}
    assert admitted == {"EL-1": 2, "LC-1": 2}


@pytest.mark.slow
def test_a_codec_that_is_switched_off_is_no_longer_sent(tmp_path: Path, mosquitto: int) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    store = open_store(folder.readings, create=True)
    address = BrokerAddress(host="127.0.0.1", port=mosquitto)

    def heard(devices: DeviceSetup, wanted: int) -> int:
        with Ingest(folder, store, address, lambda: ASSETS, devices=devices) as ingest:
            publish.single("toy/t1", "temp=400", qos=1, port=mosquitto)
            publish.single("serviceday/v1/s/EL-1/telemetry", '{"ts": 1, "v": {}}', qos=1, port=mosquitto)
            for _ in range(600):
                if ledger(folder)["messages"]["journalled"] >= wanted:  # type: ignore[index]
                    break
                time.sleep(0.1)
            assert ingest.drain(30)
        return int(ledger(folder)["messages"]["journalled"])  # type: ignore[index]

    assert heard(DeviceSetup([Toy()]), 2) == 2
    assert heard(DeviceSetup(), 3) == 3, "only the native message of the second round"
    store.close()
