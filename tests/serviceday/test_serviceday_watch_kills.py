"""A watcher in a process of its own, killed with SIGKILL at random moments: nothing is lost and nothing is doubled.

The same readings through a watcher that is never killed give the same alerts with the same steps. SERVICEDAY_SOAK_KILLS
says how often in the soak (50 if unset).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import pytest
from watched_house import MINUTE, T0, Reading, WatchedHouse

HERE = Path(__file__).parent
CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_serviceday_watch_kills import go_on
go_on(Path(sys.argv[1]), int(sys.argv[2]))
"""
LIFT_CODES = (0, 0, 0, 2, 12, 90)


def moment(number: int) -> datetime:
    return T0 + number * 3 * MINUTE


def batch(number: int) -> list[Reading]:
    """What is stored with look `number`: in order, late, and again."""
    dice = random.Random(number)
    ill = number % 40 >= 25
    readings = [
        ("EL-1", "fault_code", moment(number), float(dice.choice(LIFT_CODES))),
        ("EL-2", "fault_code", moment(number), 12.0 if number % 30 == 7 else 0.0),
        ("HZ-1", "static_pressure", moment(number), 0.1 if ill else 0.4),
        ("EL-2", "motor_temperature", moment(number), dice.choice((40.0, 40.0, 120.0))),
    ]
    if number > 20 and dice.random() < 0.3:
        readings.append(("HZ-1", "static_pressure", moment(number - dice.randrange(1, 15)) + MINUTE, 0.4))
        readings.append(("EL-2", "fault_code", moment(number - 3) + MINUTE, dice.choice((0.0, 90.0))))
    return readings


def go_on(folder: Path, until: int) -> None:
    """Go on from wherever the last process was killed: look, then store and look, batch after batch."""
    house = WatchedHouse(folder)
    done = house.store.cursor("readings")
    number = done[0] if done else 0
    print("ready", flush=True)
    if number:
        house.now = moment(number)
        house.look()
    while number < until:
        number += 1
        house.now = moment(number)
        house.say(*batch(number), source="readings", cursor=number)
        house.look()
    house.close()
    print("done", flush=True)


def story(folder: Path) -> list[tuple[object, ...]]:
    """Every alert with all its steps."""
    house = WatchedHouse(folder)
    alerts = sorted(house.records.alerts.all(), key=lambda alert: alert.id)
    told = [
        (
            *(alert.id, alert.cause, alert.state, alert.severity, alert.began, alert.opened_at),
            *((step.at, step.what) for step in house.records.alerts.trail(alert.id)),
        )
        for alert in alerts
    ]
    house.close()
    return told


def killed(folder: Path, kills: int, until: int) -> None:
    dice = random.Random(5)
    for _ in range(kills):
        command = [sys.executable, "-c", CHILD, str(folder), str(until), str(HERE)]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(dice.uniform(0.05, 0.9))
        child.send_signal(signal.SIGKILL)
        child.wait()
    done = subprocess.run([sys.executable, "-c", CHILD, str(folder), str(until), str(HERE)], check=True, timeout=280)
    assert done.returncode == 0


def same_story(tmp_path: Path, kills: int, until: int) -> None:
    killed(tmp_path / "killed", kills, until)
    go_on(tmp_path / "whole", until)
    whole = story(tmp_path / "whole")
    assert len(whole) > 5
    assert story(tmp_path / "killed") == whole


@pytest.mark.slow
def test_a_watcher_that_is_killed_tells_what_one_that_is_not_tells(tmp_path: Path) -> None:
    same_story(tmp_path, kills=6, until=120)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_watcher_that_is_killed_fifty_times(tmp_path: Path) -> None:
    kills = int(os.environ.get("SERVICEDAY_SOAK_KILLS", "50"))
    same_story(tmp_path, kills, until=kills * 25)
