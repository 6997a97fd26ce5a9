"""`serviceday devices` as a person and a script use it: languages, a message tried, strangers taken in or not."""

import json
import os
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import paho.mqtt.publish as publish
import pytest
from click.testing import Result
from typer.testing import CliRunner

from commands.app.program import app
from commands.ingest_command import directory
from commands.installation import installation
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotConvert, CannotDo, Problems, ServicedayError
from facility.folder import DataFolder
from ingest.devices.settings import open_devices
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.messages import Arrival
from ingest.sink import Sink

ROOT = Path(__file__).parents[2]
NOW_US = 1_760_000_000_000_000


def serviceday(*arguments: str, said: str | None = None) -> Result:
    done = CliRunner().invoke(app, arguments, input=said)
    if not isinstance(done.exception, ServicedayError):
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def told(*arguments: str, code: int = 0) -> object:
    done = serviceday(*arguments, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture
def data(tmp_path: Path) -> str:
    registry = tmp_path / "registry.csv"
    registry.write_text("id,kind,site\nLC-1,lighting_circuit,s\n")
    folder = tmp_path / "data"
    assert serviceday("import", "assets", str(registry), "--data", str(folder)).exit_code == 0
    (folder / "devices.toml").write_text('codecs = ["flat", "zigbee2mqtt"]\n')
    return str(folder)


def hear(data: str, *messages: tuple[str, object]) -> None:
    """Put messages into the journal, and have them understood as `ingest` would."""
    with installation(Path(data), create=True) as here:
        journal = Journal(here.folder.journal)
        journal.write(
            [
                Arrival(mid=0, again=False, topic=topic, payload=json.dumps(body).encode(), arrived_us=NOW_US + number)
                for number, (topic, body) in enumerate(messages)
            ]
        )
        devices = open_devices(Path(data))
        sink = Sink(journal, here.store, directory(here.records), catalogue(), devices=devices)
        sink.recover()
        while sink.step():
            pass
        here.store.sync()
        journal.close()


def readings(data: str) -> list[tuple[str, str, float]]:
    with installation(Path(data)) as here:
        return sorted(here.store.read().select("asset", "channel", "value").rows())


def test_languages_are_listed_and_a_profile_is_printed(data: str) -> None:
    listed = told("devices", "profiles", "--data", data)
    assert isinstance(listed, list)
    by_name = {each["codec"]: each for each in listed}
    assert {"tasmota", "shelly", "zigbee2mqtt", "thingsboard", "chirpstack", "thethingsstack", "opcua"} <= set(by_name)
    assert by_name["flat"]["on"]
    assert not by_name["tasmota"]["on"]
    assert by_name["tasmota"]["topics"] == ["tele/+/SENSOR", "tele/+/STATE", "tele/+/LWT"]
    printed = serviceday("devices", "profiles", "tasmota", "--data", data)
    own = Path(data) / "profiles"
    own.mkdir()
    (own / "tasmota.toml").write_text(printed.stdout)
    listed = told("devices", "profiles", "--data", data)
    assert isinstance(listed, list)
    assert {each["codec"] for each in listed if each["own"]} == {"tasmota"}
    assert isinstance(serviceday("devices", "profiles", "tasmoto", "--data", data).exception, CannotConvert)


def test_a_message_is_tried(data: str, tmp_path: Path) -> None:
    file = tmp_path / "message.json"
    file.write_text('{"Time": "2026-03-01T10:00:00", "ENERGY": {"Power": 41}, "Switch1": "PUSHED"}')
    arguments = ("devices", "try", "tasmota", "--message", str(file), "--topic", "tele/plug/SENSOR", "--data", data)
    result = told(*arguments, code=2)
    assert isinstance(result, dict)
    assert result["readings"] == [
        {"device": "plug", "value": "ENERGY.Power", "number": 41.0, "unit": "W", "time": "2026-03-01T02:00:00+00:00"}
    ]
    (refused,) = result["refused"]
    assert "profile tasmota, line" in refused
    assert "Switch1 is 'PUSHED', its map knows ON, OFF" in refused
    shown = serviceday(*arguments)
    assert "ENERGY.Power" in shown.output
    assert "2026-03-01 10:00" in shown.output
    first = told("devices", "try", "flat", "--message", str(file), "--data", data)
    assert isinstance(first, dict)
    assert first["topic"] == "sensors/DEVICE"
    missing = serviceday("devices", "try", "flat", "--message", str(tmp_path / "none"), "--data", data)
    assert isinstance(missing.exception, CannotDo)


def test_strangers_are_listed_with_what_they_may_be_and_taken_in_in_bulk(data: str) -> None:
    hear(
        data,
        *((f"sensors/tank-{number}", {"level": 1.5, "water_temp": 12, "rssi": -60}) for number in range(3)),
        ("sensors/odd", {"x": 1}),
        ("zigbee2mqtt/hall/lamp", {"power": 40, "illuminance": 300}),
    )
    listed = told("devices", "list", "--data", data)
    assert isinstance(listed, dict)
    assert listed["devices"] == 5
    waiting = {each["device"]: each for each in listed["waiting"]}
    assert waiting["flat:tank-0"]["classes"] == ["tank"]
    assert waiting["flat:tank-0"]["channels"] == {"level": "level", "water_temp": "water_temperature"}
    assert waiting["flat:odd"]["classes"] == []
    assert waiting["zigbee2mqtt:hall/lamp"]["classes"] == ["lighting_circuit"]
    shown = serviceday("devices", "list", "--data", data).output
    assert "flat:tank-1" in shown
    assert "--all --class CLASS" in shown
    one = serviceday("devices", "show", "tank-1", "--data", data).output
    assert "water_temperature" in one

    dry = told("devices", "approve", "--all", "--codec", "flat", "--dry-run", "--data", data, code=1)
    assert isinstance(dry, dict)
    assert dry["approved"] == [f"flat:tank-{number}" for number in range(3)]
    assert dry["problems"] == ["flat:odd: it may be of no class of the catalogue. Say which with --class"]
    assert not (Path(data) / "devices.csv").exists()

    done = told("devices", "approve", "--all", "--codec", "flat", "--class", "tank", "--data", data, code=1)
    assert isinstance(done, dict)
    assert done["replayed"] == 6
    assert "none of its values fits a channel of tank: x" in done["problems"][0]
    named = told("devices", "approve", "hall/lamp", "--asset", "LC-1", "--data", data)
    assert isinstance(named, dict)
    assert named["replayed"] == 2
    assert readings(data) == sorted(
        [
            *((f"tank-{number}", "level", 1.5) for number in range(3)),
            *((f"tank-{number}", "water_temperature", 12.0) for number in range(3)),
            ("LC-1", "circuit_power", 40.0),
            ("LC-1", "illuminance", 300.0),
        ]
    )
    assert isinstance(serviceday("devices", "approve", "tank-0", "--data", data).exception, CannotConvert)
    mapped = told("devices", "list", "--mapped", "--data", data)
    assert isinstance(mapped, list)
    assert {
        "codec": "flat",
        "device": "tank-0",
        "value": "rssi",
        "asset": None,
        "channel": None,
        "unit": None,
    } in mapped
    assert told("devices", "show", "flat:tank-0", "--data", data) == {
        "device": "flat:tank-0",
        "mapped": {
            "level": {"asset": "tank-0", "channel": "level", "unit": None},
            "rssi": {"asset": None, "channel": None, "unit": None},
            "water_temp": {"asset": "tank-0", "channel": "water_temperature", "unit": None},
        },
    }


def test_what_is_ignored_is_dropped_and_passed_over(data: str) -> None:
    hear(data, ("sensors/a", {"x": 1, "y": 2}), ("sensors/b", {"x": 1}))
    received = ledger(DataFolder(Path(data)))["received"]
    ignored = told("devices", "ignore", "a", "--data", data)
    assert ignored == {"ignored": ["flat:a"], "dropped": 1}
    counts = ledger(DataFolder(Path(data)))
    assert (counts["received"], counts["dropped"]) == (received, 2)
    hear(data, ("sensors/a", {"x": 3}))
    listed = told("devices", "list", "--data", data)
    assert isinstance(listed, dict)
    assert [each["device"] for each in listed["waiting"]] == ["flat:b"]
    assert serviceday("devices", "ignore", "--data", data).exit_code != 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ('codec = ["flat"]\n', "devices.toml: 1 problem: line 1: no key 'codec'; is it 'codecs'?"),
        ('codecs = ["flatt"]\n', "line 1: no codec 'flatt'; is it 'flat'?"),
        ('codecs = "flat"\n', "line 1: codecs is no list of names"),
        ('codecs = []\nzone = "Asia/Shanghia"\n', "line 2: 'Asia/Shanghia' is not a time zone"),
    ],
)
def test_wrong_settings_are_refused_by_line(data: str, words: str, problem: str) -> None:
    (Path(data) / "devices.toml").write_text(words)
    for command in (("devices", "list"), ("ingest", "--port", "0")):
        done = serviceday(*command, "--data", data)
        assert isinstance(done.exception, Problems)
        assert problem in str(done.exception)


@pytest.mark.slow
def test_a_broker_is_listened_to_and_what_nobody_understands_is_drafted(data: str, mosquitto: int) -> None:
    broker = f"mqtt://127.0.0.1:{mosquitto}"
    done = threading.Event()

    def speak() -> None:
        while not done.is_set():
            for number in range(3):
                body = json.dumps({"when": {"ts": 1_760_000_000 + number}, "kWh": 12.5, "state": "RUN"})
                publish.single(f"plant/pump-{number}/data", body, port=mosquitto)
            publish.single("sensors/a", '{"x": 1}', port=mosquitto)

    speaker = threading.Thread(target=speak)
    speaker.start()
    try:
        arguments = ("devices", "sniff", "ours", "--broker", broker, "--seconds", "2", "--data", data)
        heard = told(*arguments)
    finally:
        done.set()
        speaker.join()
    assert isinstance(heard, dict)
    assert heard["topics"] == 3
    assert set(heard["understood"]) == {"flat"}
    message = Path(data) / "message.json"
    message.write_text('{"when": {"ts": 1760000000}, "kWh": 12.5, "state": "RUN"}')
    tried = told("devices", "try", "ours", "--message", str(message), "--topic", "plant/p/data", "--data", data)
    assert isinstance(tried, dict)
    assert tried["readings"] == [
        {"device": "p", "value": "kWh", "number": 12.5, "unit": "", "time": "2025-10-09T08:53:20+00:00"}
    ]


@pytest.mark.slow
def test_a_running_ingest_takes_strangers_in_once_they_are_approved(data: str, mosquitto: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "commands.main", "ingest", "--data", data, "--no-probe"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "SERVICEDAY_BROKER": f"mqtt://127.0.0.1:{mosquitto}", "SERVICEDAY_LANGUAGE": "en"},
    )
    try:
        assert child.stdout is not None
        assert "Taking readings in" in child.stdout.readline()
        moment = datetime.now(UTC).isoformat(timespec="milliseconds")
        publish.single("zigbee2mqtt/lamp", json.dumps({"last_seen": moment, "power": 40}), qos=1, port=mosquitto)
        for _ in range(600):
            listed = told("devices", "list", "--data", data)
            assert isinstance(listed, dict)
            if listed["devices"]:
                break
            time.sleep(0.1)
        approved = told("devices", "approve", "lamp", "--asset", "LC-1", "--data", data)
        assert isinstance(approved, dict)
        assert approved["replayed"] == 1
        publish.single("zigbee2mqtt/lamp", json.dumps({"power": 41}), qos=1, port=mosquitto)
        for _ in range(600):
            if ledger(DataFolder(Path(data)))["stored"] == 2:
                break
            time.sleep(0.1)
    finally:
        child.terminate()
        child.communicate(timeout=60)
    assert readings(data) == [("LC-1", "circuit_power", 40.0), ("LC-1", "circuit_power", 41.0)]
