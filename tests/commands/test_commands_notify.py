"""`notify` from the command line: told, tested, explained, tried; and killed between any two steps."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serviceday"))

from notification_tools import Answering, HttpReceiver, Request, estate, opened

from facility.folder import DataFolder
from facility.notifications import MessageState
from facility.records import Records

RULES = """
[settings]
flood = 1000
[[channel]]
name = "hook"
kind = "webhook"
url = "URL"
timeout = "2s"
[[person]]
name = "wang"
language = "en"
address = { hook = "wang" }
[[roster]]
name = "duty"
[[shift]]
roster = "duty"
people = ["wang"]
starts = 2026-11-30
[[route]]
name = "all"
to = ["roster:duty"]
recovery = false
"""


class House:
    def __init__(self, folder: Path) -> None:
        self.folder, self.http = DataFolder(folder).prepare().path, HttpReceiver()
        (folder / "notifications.toml").write_text(RULES.replace("URL", self.http.url.partition("?")[0]))
        self.records = Records(folder / "records.sqlite")
        estate(self.records, 400)
        self.records.notifications.begin(datetime.now(UTC))
        self.count = 0

    def open(self, alerts: int) -> None:
        first, self.count = self.count + 1, self.count + alerts
        opened(self.records, datetime.now(UTC), *(f"L-{number}" for number in range(first, self.count + 1)))

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "commands.main", "--lang", "en", *arguments, "--data", str(self.folder)]

    def serviceday(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def told(self) -> Counter[int]:
        return Counter(request.document["alerts"][0]["id"] for request in self.http.requests)

    def check(self) -> None:
        """Nothing is lost, and what came twice bears the same key."""
        assert set(self.told()) == set(range(1, self.count + 1))
        keys: dict[int, set[str]] = {}
        for request in self.http.requests:
            keys.setdefault(request.document["alerts"][0]["id"], set()).add(request.headers["Idempotency-Key"])
        assert all(len(each) == 1 for each in keys.values())
        assert {message.state for message in self.records.notifications.log(most=10_000)} == {MessageState.SENT}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "data")
    yield made
    made.http.close()
    made.records.close()


@pytest.mark.slow
def test_told_tested_explained_and_tried(house: House, tmp_path: Path) -> None:
    assert "is in order" in house.serviceday("notify", "check")
    house.open(1)
    assert json.loads(house.serviceday("notify", "run", "--once", "--json"))["sent"] == 1
    assert house.told() == {1: 1}
    explained = house.serviceday("notify", "explain", "1")
    assert "opened wang hook: sent" in explained
    assert "delivered" in house.serviceday("notify", "test", "wang")
    assert house.http.requests[-1].document["key"].startswith("test.person:wang.hook")
    house.http.answering = Answering(status=403, body="no")
    assert "refuses it with 403: no" in house.serviceday("notify", "test", "person:wang", code=2)
    assert "neither a person nor a channel" in house.serviceday("notify", "test", "wong", code=2)
    (row,) = json.loads(house.serviceday("notify", "log", "--json"))
    assert (row["state"], row["receiver"]) == ("sent", "person:wang")
    assert {each["person"] for each in json.loads(house.serviceday("notify", "who", "--json"))} == {"wang"}
    proposal = tmp_path / "proposal.toml"
    present = (house.folder / "notifications.toml").read_text()
    proposal.write_text(present.replace("recovery = false", 'digest = ["08:00"]'))
    tried = json.loads(house.serviceday("notify", "try", str(proposal), "--since", "1d", "--json"))
    assert (tried["present"]["figures"], tried["really_sent"]) == ({"person:wang": 1}, 1)
    assert [message["state"] for message in tried["proposed"]["messages"]] == ["collected"]
    proposal.write_text('[[route]]\nto = ["roster:x"]\n')
    refused = house.serviceday("notify", "check", str(proposal), code=2)
    assert "channel is missing" in refused
    assert "line 1: name is missing" in refused
    assert "not signed here" in house.serviceday("alerts", "ack", "--token", "x.y", code=2)
    report = json.loads(house.serviceday("alerts", "report", "--json"))
    assert (report["opened"], report["people"]["person:wang"]["total"]) == (1, 1)
    assert "ten minutes" in house.serviceday("alerts", "report")
    assert "Wrote" in house.serviceday("alerts", "report", "-o", str(tmp_path / "report.html"))
    assert "neither" in house.serviceday("alerts", "report", "-o", str(tmp_path / "report.doc"), code=2)
    assert "Wrote" in house.serviceday("notify", "init", "--file", str(tmp_path / "first.toml"))
    assert "there already" in house.serviceday("notify", "init", "--file", str(tmp_path / "first.toml"), code=2)


def killing(house: House, child: list[subprocess.Popen[bytes]], turn: int) -> Callable[[Request], Answering]:
    """Kills the process while its n-th message is being taken, before it hears that it was."""

    def kill(_: Request) -> Answering:
        if len(house.http.requests) == turn:
            os.kill(child[0].pid, signal.SIGKILL)
        return Answering()

    return kill


@pytest.mark.slow
def test_killed_after_it_was_sent_and_before_that_was_kept(house: House) -> None:
    house.open(8)
    for turn in (1, 3, 6):
        child: list[subprocess.Popen[bytes]] = []
        begun = len(house.http.requests)

        house.http.answering = killing(house, child, begun + turn)
        child.append(subprocess.Popen(house.command("notify", "run", "--once"), stdout=subprocess.DEVNULL))
        child[0].wait(60)
    house.http.answering = Answering()
    house.serviceday("notify", "run", "--once")
    assert max(house.told().values()) == 2, "the one that was under way came twice"
    house.check()


def killed_at_random(house: House, kills: int) -> None:
    chance = random.Random(7)
    house.http.answering = Answering(stall=0.02)
    for _ in range(kills):
        house.open(6)
        child = subprocess.Popen(house.command("notify", "run"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        seen = len(house.http.requests)
        while len(house.http.requests) == seen and child.poll() is None:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.15))
        child.kill()
        child.wait(60)
    house.http.answering = Answering()
    while json.loads(house.serviceday("notify", "run", "--once", "--json"))["sent"]:
        continue
    house.check()


@pytest.mark.slow
def test_killed_at_random_nothing_is_lost(house: House) -> None:
    killed_at_random(house, 4)


@pytest.mark.soak
def test_killed_fifty_times_nothing_is_lost(house: House) -> None:
    killed_at_random(house, 50)


@pytest.mark.slow
def test_it_runs_on_reads_its_file_again_and_keeps_the_old_one_if_the_new_is_wrong(house: House) -> None:
    child = subprocess.Popen(
        house.command("notify", "run"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert child.stdout is not None
    assert "Telling by" in child.stdout.readline()
    rules = house.folder / "notifications.toml"
    good = rules.read_text()
    rules.write_text(good.replace('"roster:duty"', '"roster:dutty"'))
    assert "is it 'duty'?" in child.stdout.readline()
    assert "old rules stay in force" in child.stdout.readline()
    house.open(1)
    assert "1 sent" in child.stdout.readline()
    rules.write_text(good)
    assert "Read" in child.stdout.readline()
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 0
