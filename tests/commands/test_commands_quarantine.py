"""The quarantine's commands and the status as a person and a script use them, on a folder that real processes share."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import paho.mqtt.publish as publish
import pytest
from typer.testing import CliRunner

from commands.app.program import app
from facility.errors import ServicedayError

ROOT = Path(__file__).parents[2]


def serviceday(*arguments, said=None):
    """A command in this process: a process for each would take longer than what it does."""
    done = CliRunner().invoke(app, arguments, input=said)
    if isinstance(done.exception, ServicedayError):
        return done
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def told(*arguments):
    done = serviceday(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def data(tmp_path):
    registry = tmp_path / "registry.csv"
    registry.write_text("id,kind,site\nEL-1,lift,s\n")
    folder = tmp_path / "data"
    assert serviceday("import", "assets", str(registry), "--data", str(folder)).exit_code == 0
    return str(folder)


def started(data, port, *more):
    child = subprocess.Popen(
        [sys.executable, "-m", "commands.main", "ingest", "--data", data, *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "SERVICEDAY_BROKER": f"mqtt://127.0.0.1:{port}", "SERVICEDAY_LANGUAGE": "en"},
    )
    assert child.stdout is not None
    assert "Taking readings in" in child.stdout.readline()
    return child


def ended(child):
    child.terminate()
    _, errors = child.communicate(timeout=90)
    assert child.returncode == 0
    assert "Traceback" not in errors, errors
    return errors


def say(port, *messages):
    publish.multiple([(f"serviceday/v1/{topic}", body, 1, False) for topic, body in messages], port=port)


def wait_until(true, seconds=90):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.2)


def reading(**values):
    return json.dumps({"ts": int(time.time() * 1000), "v": values})


@pytest.mark.slow
def test_a_day_with_the_quarantine(data, mosquitto, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    child = started(data, mosquitto, "--http", "0")
    assert "/healthz" in child.stdout.readline()
    say(
        mosquitto,
        ("s/EL-1/telemetry", reading(motor_temperature=40)),
        ("s/EL-1/telemetry", reading(motor_temperature=-127)),
        ("s/EL-1/telemetry", b"\x1b[31m\xff red"),
        ("s/EL-9/telemetry", reading(trips=7, door_close_time=2.5)),
        ("s/EL-8/telemetry", reading(trips=8)),
        ("nowhere", b"?"),
    )
    wait_until(lambda: told("status", "--data", data)["ledger"]["journalled"] == 7)

    # looking
    listed = told("quarantine", "list", "--data", data)
    assert (listed["rows"], listed["items"]) == (5, 6)
    assert listed["reasons"]["unknown_asset"] == {"rows": 2, "items": 3}
    page = told("quarantine", "list", "--data", data, "--limit", "2", "--page", "2")
    assert [row["id"] for row in page["quarantine"]] == [row["id"] for row in listed["quarantine"]][2:4]
    assert told("quarantine", "list", "--data", data, "--since", "2020-01-01", "--until", "2021-01-01")["rows"] == 0
    (garbled,) = told("quarantine", "list", "--data", data, "--reason", "unreadable")["quarantine"]
    shown = serviceday("quarantine", "show", str(garbled["id"]), "--data", data).stdout
    assert "\x1b" not in shown
    assert "\\x1b[31m" in shown
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "zh")
    assert "设备未登记" in serviceday("quarantine", "list", "--data", data).stdout
    monkeypatch.setenv("SERVICEDAY_LANGUAGE", "en")

    # approving, while ingest runs
    waiting = {one["asset"]: one for one in told("quarantine", "list", "--waiting", "--data", data)}
    assert waiting["EL-9"]["kinds"] == ["lift"]
    approved = told("quarantine", "approve", "EL-9", "--data", data, "--name", "东侧客梯")
    assert (approved["replayed"], approved["not_yet"]) == (2, 0)
    assert list(told("quarantine", "list", "--waiting", "--data", data)) == [waiting["EL-8"]]

    # dropping, and taking it back
    refused = serviceday("quarantine", "drop", "--reason", "unreadable", "--data", data, said="n\n")
    assert refused.exit_code == 1
    assert told("status", "--data", data)["ledger"]["dropped"] == 0
    dropped = told("quarantine", "drop", "--reason", "unreadable", "--yes", "--by", "Wang", "--data", data)
    assert dropped == {"dropped": 1, "items": 1}
    assert told("quarantine", "list", "--dropped", "--data", data)["quarantine"][0]["dropped_by"] == "Wang"
    assert told("quarantine", "restore", "--all", "--data", data) == {"restored": 1, "items": 1}

    # status
    wait_until(lambda: told("status", "--data", data)["channels"]["live"] == 3)  # saved every ten seconds
    wait_until(lambda: told("status", "--data", data)["broker"])
    status = told("status", "--data", data)
    assert status["adds_up"]
    assert status["sources_add_up"]
    assert status["health"]["healthy"]
    assert status["broker"]["window"] == 20
    assert "broker_window" in [one["key"] for one in status["broker"]["advice"]]
    assert status["running"]
    assert status["quarantine"] == {"unknown_asset": 1, "sentinel": 1, "unknown_topic": 1, "unreadable": 1}
    lists = serviceday("status", "--sources", "--silent", "--clocks", "--data", data)
    assert "EL-9" in lists.stdout
    assert lists.exit_code == 0
    warnings = ended(child)
    assert "hands out only 20 messages" in warnings
    assert not told("status", "--data", data)["running"]

    # approving and replaying while no ingest runs: the command does it itself
    assert told("quarantine", "approve", "EL-8", "--kind", "lift", "--data", data)["replayed"] == 1
    again = told("quarantine", "replay", "--all", "--vouch", "--data", data)
    assert (again["asked"], again["replayed"], again["left_in_quarantine"], again["not_yet"]) == (3, 0, 3, 0)
    ledger = told("status", "--data", data)["ledger"]
    assert (ledger["stored"], ledger["quarantined"], ledger["replayed"]) == (4, 3, 3)
    purged = serviceday("quarantine", "purge", "--older", "0", "--yes", "--data", data)
    assert purged.exit_code == 0


def test_what_cannot_be_done_is_one_line(data, tmp_path):
    for arguments in (
        ("quarantine", "list", "--data", data),  # nothing was taken in yet
        ("quarantine", "list", "--data", data, "--reason", "because"),
        ("quarantine", "list", "--data", data, "--since", "lately"),
        ("quarantine", "replay", "--data", data),
        ("ingest", "--data", data, "--allow", "a+b"),
        ("ingest", "--data", data, "--payload-limit", "huge"),
        ("ingest", "--data", data, "--http", "there"),
        ("ingest", "--data", data, "--listen", "0.0.0.0"),  # noqa: S104
        ("ingest", "--data", data, "--broker", "mqtt://x", "--ca", str(tmp_path / "ca.pem")),
    ):
        done = serviceday(*arguments)
        assert isinstance(done.exception, ServicedayError), (arguments, done.output)
        assert "\n" not in str(done.exception)
