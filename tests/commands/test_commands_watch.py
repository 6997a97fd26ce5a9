"""The watcher as people run it: real processes, a real broker, a reading published and an alert told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from commands.installation import installation
from commands.listening import heard_conditions, watcher_conditions
from facility.catalogue.catalogue import FOLDER
from facility.estate import Asset, Estate, Site
from facility.folder import DataFolder
from facility.records import Records
from serviceday.alerts import evaluate_alerts
from serviceday.alerts.conditions import Verdict
from serviceday.watch.heartbeat import Heartbeat, write_heartbeat
from serviceday.watch.watcher import Watcher

sys.path.append(str(Path(__file__).parents[1] / "serviceday"))

from notification_tools import HttpReceiver

pytestmark = pytest.mark.slow
SERVICEDAY = [sys.executable, "-m", "commands.main", "--lang", "en"]


RULES = """
[settings]
fallback = ["person:wang"]
[[channel]]
name = "hook"
kind = "webhook"
url = "URL"
[[person]]
name = "wang"
language = "en"
address = { hook = "wang" }
[[route]]
name = "all"
to = ["person:wang"]
"""


def until(there: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := there()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return value


def test_a_reading_that_is_published_becomes_an_alert_that_explains_itself(tmp_path: Path, mosquitto: int) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    with Records(folder.records) as records:
        records.estate.put(Estate(sites=(Site(id="park"),), assets=(Asset(id="EL-1", kind="lift", site="park"),)))
    own = folder.path / "catalogue"
    own.mkdir()
    lift = (FOLDER / "lift.toml").read_text()
    (own / "lift.toml").write_text(lift.replace('back_after = "1min", always', 'back_after = "25s", always'))
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    receiver = HttpReceiver()
    rules = folder.path / "notifications.toml"
    rules.write_text('[[route]]\nname = "all"\nto = ["person:wang"]\n')

    def serviceday(*arguments: str, code: int = 0) -> str:
        command = [*SERVICEDAY, *arguments, "--data", str(folder.path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [*SERVICEDAY, *arguments, "--data", str(folder.path)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        held.callback(child.wait)
        held.callback(child.kill)
        assert child.stdout is not None
        return child

    def say(code: int) -> None:
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", mosquitto)
        client.loop_start()
        payload = json.dumps({"ts": int(time.time() * 1000), "v": {"fault_code": code}})
        client.publish("serviceday/v1/park/EL-1/telemetry", payload, qos=1).wait_for_publish(30)
        client.disconnect()
        client.loop_stop()

    with ExitStack() as held:
        taking = start("ingest", "--broker", f"mqtt://127.0.0.1:{mosquitto}", "--no-probe")
        assert taking.stdout is not None
        assert taking.stdout.readline()
        assert "channel is missing" in serviceday("watch", code=2), "rules that are wrong are refused at the start"
        rules.write_text(RULES.replace("URL", receiver.url))
        watching = start("watch", "--json", "--every", "0.2", "--alive", str(tmp_path / "alive"))
        assert watching.stdout is not None
        until(lambda: (tmp_path / "alive").exists())
        assert "already watched" in serviceday("watch", "--once", code=2)
        say(12)
        opened = json.loads(watching.stdout.readline())
        assert (opened["what"], opened["asset"], opened["severity"]) == ("opened", "EL-1", "high")
        with Records(folder.records) as records:
            (alert,) = records.alerts.open()
        assert alert.id == opened["alert"]
        (message,) = until(lambda: receiver.requests)
        assert alert.title.en in json.dumps(message.document, ensure_ascii=False)
        told = json.loads(serviceday("alerts", "explain", "EL-1", "--json"))
        assert told["watched"]
        assert [one["state"] for one in told["accounts"]] == ["told"]
        say(0)
        text = until(lambda: "returning" in (said := serviceday("alerts", "explain", str(alert.id))) and said)
        assert "good again since" in text
        serviceday("alerts", "shelve", str(alert.id), "--by", "Li", "--note", "door repair")
        assert "door repair" in serviceday("alerts", "explain", str(alert.id))
        assert "Watching since" in serviceday("status")
        watching.send_signal(signal.SIGKILL)
        watching.wait()
        again = start("watch", "--json")
        assert again.stdout is not None
        over = json.loads(again.stdout.readline())
        assert (over["what"], over["alert"]) == ("cleared", alert.id)
        again.send_signal(signal.SIGTERM)
        assert again.wait(60) == 0
    receiver.close()
    watch = json.loads(serviceday("status", "--json"))["watch"]
    assert datetime.fromisoformat(watch["looked_at"]) <= datetime.now(UTC)
    assert "no asset or alert" in serviceday("alerts", "explain", "nobody", code=2)
    assert "no address" in serviceday("watch", "--alive", "ftp://x/y", code=2)


def test_ingest_that_is_gone_is_an_alert(tmp_path: Path, mosquitto: int) -> None:
    folder = DataFolder(tmp_path / "data").prepare()
    with Records(folder.records) as records:
        records.estate.put(Estate(sites=(Site(id="park"),), assets=(Asset(id="EL-1", kind="lift", site="park"),)))
    command = [*SERVICEDAY, "ingest", "--data", str(folder.path), "--broker", f"mqtt://127.0.0.1:{mosquitto}"]
    child = subprocess.Popen([*command, "--no-probe"], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline()
    child.terminate()
    assert child.wait(60) == 0
    once = [*SERVICEDAY, "watch", "--once", "--json", "--data", str(folder.path)]
    done = subprocess.run(once, capture_output=True, text=True, check=True, timeout=60)
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["cause"], told["severity"]) == ("system/ingest", "high")
    again = subprocess.run(once, capture_output=True, text=True, check=True, timeout=60)
    assert again.stdout == "", "and it is told once"


def test_a_store_that_is_gone_is_an_alert_and_one_that_is_back_is_not(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with installation(tmp_path / "data", create=True) as here:
        assert heard_conditions(here, now=now, timezone=UTC) == []
        here.folder.readings.rename(tmp_path / "elsewhere")
        (gone,) = heard_conditions(here, now=now, timezone=UTC)
        assert (gone.cause, gone.verdict) == ("system/store", Verdict.BAD)
        watcher = Watcher(here.records, here.store)
        (alert,) = watcher.tell(now, [gone]).opened
        (tmp_path / "elsewhere").rename(here.folder.readings)
        (back,) = heard_conditions(here, now=now, timezone=UTC)
        assert (back.cause, back.verdict) == (alert.cause, Verdict.GOOD)


def test_a_watcher_that_died_is_told_by_whoever_evaluates_next(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with installation(tmp_path / "data", create=True) as here:
        assert watcher_conditions(here, now=now, timezone=UTC) == []
        sign = Heartbeat(pid=1, since=now, looked_at=now - timedelta(hours=1), readings=0)
        write_heartbeat(here.folder.heartbeat, sign)
        died = watcher_conditions(here, now=now, timezone=UTC)
        (alert,) = evaluate_alerts(here.records, here.store, [], now=now, extra=died).opened
        assert alert.cause == "system/watch"
        watcher = Watcher(here.records, here.store)
        watcher.look(now, heard_conditions(here, now=now, timezone=UTC))
        assert here.records.alerts.get(alert.id).returned_at == now, "one runs again"
