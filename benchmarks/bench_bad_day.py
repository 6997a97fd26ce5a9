"""A bad day: what one person a site is told of, beside what plain thresholds would have told.

Broker down for twenty minutes, a gateway with 220 devices that flaps for an hour and later dies, fifteen faults, two
dead sensors, planned work, ten clocks that jump back, a site without power for ten minutes, three doors that close
about as slowly as they may. Told by the real watcher and the real telling over a real store and a real HTTP receiver,
the clock turned by hand; people acknowledge four minutes after they are told. *Plain thresholds* open at the first
reading beyond a limit or fault code and close at the first within it, call a channel silent after three of its usual
gaps, and send a message for each.
"""

from __future__ import annotations

import json
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.bad_day import (
    BEGIN,
    BROKER_DOWN,
    FAULTS,
    HOURS,
    SITES,
    WORK,
    WORKED_ON,
    BadDay,
    Fault,
    Reading,
    busiest,
    estate,
    moment,
)  # fmt: skip
from facility.alerts import AlertState
from facility.catalogue.catalogue import catalogue
from facility.estate import Estate, Site
from facility.i18n.phrases import Text
from facility.notifications import MessageState
from facility.records import Records
from facility.store import READINGS, open_store
from serviceday.notification.checking import read_rules
from serviceday.notification.service import NotificationService
from serviceday.watch.health import Trouble, system_conditions
from serviceday.watch.silence import Listened, Quiet, habits, silence_conditions
from serviceday.watch.watcher import Watcher

LISTEN_EVERY = 30  # seconds
KEPT_TIDY = 1800  # seconds between two tidyings of the store, as ingest does
ANSWERED_AFTER = 240.0  # seconds from message to acknowledgement
RULES = """
[settings]
fallback = ["person:chief"]
[[channel]]
name = "hook"
kind = "webhook"
url = "URL"
PEOPLE
[[person]]
name = "chief"
language = "en"
address = { hook = "chief" }
ROUTES
[[route]]
name = "system"
to = ["person:chief"]
[[window]]
name = "work"
match = { asset = ["WORKED_ON"] }
begins = BEGINS
ends = ENDS
reason = "new ropes"
"""
PERSON = '[[person]]\nname = "SITE"\nlanguage = "en"\naddress = { hook = "SITE" }\n'
ROUTE = """[[route]]
name = "SITE"
match = { site = ["SITE"], severity = ["high", "medium"] }
to = ["person:SITE"]
[[route]]
name = "SITE-later"
match = { site = ["SITE"] }
to = ["person:SITE"]
digest = ["15:30"]
recovery = false
"""


class Receiver:
    """Takes in what is sent and keeps when, by the day's own clock, and to whom."""

    def __init__(self) -> None:
        self.second = 0.0
        self.messages: list[tuple[float, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.messages.append((receiver.second, document))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def rules_of(url: str) -> str:
    """One person a site, who is told at once of what is high or medium, and of the rest at half past three."""
    people, routes = ("".join(form.replace("SITE", site) for site in SITES) for form in (PERSON, ROUTE))
    words = RULES.replace("URL", url).replace("PEOPLE", people).replace("ROUTES", routes)
    for name, second in (("BEGINS", WORK[0]), ("ENDS", WORK[1])):
        words = words.replace(name, f"{moment(second) + timedelta(hours=8):%Y-%m-%dT%H:%M:%S}")
    return words.replace("WORKED_ON", WORKED_ON)


class Watched:
    """The product over one bad day."""

    def __init__(self, folder: Path) -> None:
        self.receiver = Receiver()
        self.records = Records(folder / "records.sqlite")
        sites = tuple(Site(id=site) for site in SITES)
        self.assets = {asset.id: asset for asset in estate()}
        self.records.estate.put(Estate(sites=sites, assets=tuple(self.assets.values())))
        self.store = open_store(folder / "readings", create=True)
        self.watcher = Watcher(self.records, self.store)
        rules = folder / "notifications.toml"
        rules.write_text(rules_of(self.receiver.url))
        self.telling = NotificationService(records=self.records, folder=folder, rules=read_rules(rules))
        self.heard: dict[tuple[str, str], float] = {}
        self.channels = {kind: catalogue()[kind].channels for kind in {asset.kind for asset in self.assets.values()}}
        self.answers: dict[int, float] = {}

    def run(self, day: BadDay) -> None:
        """Watch the whole day, step by step."""
        for second, readings in day.arrivals():
            now = moment(second)
            self.receiver.second = float(second)
            if readings:
                self._store(day, readings, now)
            self.watcher.look(now, self._listened(second, now) if second % LISTEN_EVERY == 0 else [])
            self.telling.deliver(now)
            self._answer(float(second), now)
            if second % KEPT_TIDY == 0:
                self.store.maintain()
        self.telling.deliver(moment(HOURS * 3600 + 1))

    def _store(self, day: BadDay, readings: list[Reading], now: datetime) -> None:
        columns: dict[str, list[Any]] = {name: [] for name in READINGS.names}
        for reading in readings:
            asset, channel, second, value = reading
            self.heard[asset, channel] = max(second, self.heard.get((asset, channel), second))
            for name, cell in (("asset", asset), ("channel", channel), ("value", value)):
                columns[name].append(cell)
            columns["time"].append(day.told_time(reading))
            columns["arrived"].append(now)
        self.store.append(pa.table(columns, schema=READINGS))

    def _listened(self, second: int, now: datetime) -> list[Any]:
        """What ingest says of itself and of who is not received; silence is not judged while nothing can come in."""
        alerts = self.records.alerts.open()
        down = BROKER_DOWN[0] + 60 <= second < BROKER_DOWN[1]
        troubles = (
            [Trouble("ingest", Text(zh="没有接收", en="Nothing is taken in"), Text(zh="消息服务器", en="no broker"))]
            if down
            else []
        )
        conditions = system_conditions(troubles, alerts, now=now)
        if down:
            return conditions
        quiet = [
            Quiet(asset, channel, moment(at))
            for (asset, channel), at in self.heard.items()
            if now - moment(at) > self.channels[self.assets[asset].kind][channel].stale_after
        ]
        counts: dict[str, int] = defaultdict(int)
        for asset, _ in self.heard:
            counts[asset] += 1
        latest: dict[str, datetime] = {}
        for (asset, _), at in self.heard.items():
            latest[asset] = max(moment(at), latest.get(asset, moment(at)))
        listened = Listened(quiet, counts, latest)
        return conditions + silence_conditions(listened, self.assets, alerts, habits(self.store), now=now)

    def _answer(self, second: float, now: datetime) -> None:
        for alert in self.records.alerts.open():
            told = self.answers.get(alert.id)
            if told is None:
                if any(message.state is MessageState.SENT for message in self.records.notifications.about(alert.id)):
                    self.answers[alert.id] = second
            elif second >= told + ANSWERED_AFTER and alert.state in (AlertState.UNACKNOWLEDGED, AlertState.RETURNED):
                self.records.alerts.acknowledge(alert.id, by=self._person(alert.asset), now=now)

    def _person(self, asset: str) -> str:
        """Whose alert it is: an asset's, a site's or, for what concerns everything, the chief's."""
        return self.assets[asset].site if asset in self.assets else asset or "chief"

    def told_at(self, fault: Fault) -> float | None:
        """When somebody was told of a fault, by a message of its own or in a digest."""
        numbers = {alert.id for alert in self.records.alerts.all() if alert.asset == fault.asset}
        seconds = [
            second
            for second, document in self.receiver.messages
            for facts in document["alerts"]
            if facts["id"] in numbers and second >= fault.at
        ]
        return min(seconds, default=None)

    def close(self) -> None:
        self.store.close()
        self.records.close()
        self.receiver.close()


def plain_thresholds(day: BadDay) -> tuple[dict[str, list[float]], Mapping[str, float]]:
    """Messages by site, and when each fault's asset was first told of after it broke."""
    assets = {asset.id: asset for asset in estate()}
    messages: dict[str, list[float]] = defaultdict(list)
    first: dict[str, float] = {}
    faults = {fault.asset: fault for fault in FAULTS}
    bad: set[tuple[str, str]] = set()
    silent: set[tuple[str, str]] = set()
    heard: dict[tuple[str, str], float] = {}
    gaps: dict[tuple[str, str], float] = {}

    def tell(asset: str, second: float) -> None:
        messages[assets[asset].site].append(second)
        if asset in faults and second >= faults[asset].at:
            first.setdefault(asset, second)

    for second, readings in day.arrivals():
        for asset, channel, at, value in sorted(readings, key=lambda reading: reading[2]):
            name, rule = (asset, channel), catalogue()[assets[asset].kind].channels[channel]
            if name in heard and at > heard[name]:
                gaps[name] = (
                    max(at - heard[name], gaps.get(name, 0.0)) if at < 3600 else gaps.get(name, at - heard[name])
                )
            heard[name] = max(at, heard.get(name, at))
            beyond = not rule.limit.holds(value) or int(value) in rule.alarm.codes
            if beyond != (name in bad) or name in silent:
                tell(asset, float(second))
            (bad.add if beyond else bad.discard)(name)
            silent.discard(name)
        for name, at in heard.items():
            if name not in silent and second - at > 3 * gaps.get(name, float("inf")):
                silent.add(name)
                tell(name[0], float(second))
    return messages, first


def figures(seed: int = 1) -> dict[str, Any]:
    """What the day came to, both ways."""
    day = BadDay(seed=seed)
    with tempfile.TemporaryDirectory() as folder:
        watched = Watched(Path(folder))
        try:
            watched.run(day)
            late = {
                f"{fault.asset}/{fault.channel}": None if told is None else round(told - fault.at)
                for fault in FAULTS
                if (told := watched.told_at(fault)) is None or told - fault.at > fault.within
            }
            by_person: dict[str, list[float]] = defaultdict(list)
            for second, document in watched.receiver.messages:
                by_person[document["receiver"]].append(second)
            keys = [document["key"] for _, document in watched.receiver.messages]
            ours = {
                "messages": {person: len(seconds) for person, seconds in sorted(by_person.items())},
                "busiest_ten_minutes": {person: busiest(seconds) for person, seconds in sorted(by_person.items())},
                "alerts": len(watched.records.alerts.all()),
                "faults_not_told_in_time": late,
                "doubled": len(keys) - len(set(keys)),
                "subjects": [
                    (f"{moment(second) + timedelta(hours=8):%H:%M:%S}", document["receiver"], document["subject"])
                    for second, document in watched.receiver.messages
                ],
            }
        finally:
            watched.close()
    messages, first = plain_thresholds(BadDay(seed=seed))
    plain = {
        "messages": {site: len(seconds) for site, seconds in sorted(messages.items())},
        "busiest_ten_minutes": {site: busiest(seconds) for site, seconds in sorted(messages.items())},
        "faults_not_told_in_time": {
            f"{fault.asset}/{fault.channel}": None if fault.asset not in first else round(first[fault.asset] - fault.at)
            for fault in FAULTS
            if first.get(fault.asset, float("inf")) - fault.at > fault.within
        },
    }
    return {"benchmark": "bad_day", "begins": BEGIN.isoformat(), "ours": ours, "plain_thresholds": plain}


def main() -> None:
    print(json.dumps(figures(), ensure_ascii=False))
