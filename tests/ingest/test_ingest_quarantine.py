"""The quarantine: nothing is dropped unseen, a replay counts and stores once, wherever ingest dies."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from facility.channels import catalogue
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import Appended
from ingest.arrival import Arrival
from ingest.journal import Journal
from ingest.ledger import ledger
from ingest.quarantine import Reason
from ingest.review import Wanted, review
from ingest.rules import Rules
from ingest.sink import Sink
from ingest.sources import read_sources

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
NOW = datetime.fromtimestamp(NOW_US / 1e6, UTC)


class Killed(BaseException):
    """Stands for a kill -9: nothing in the program catches it."""


class StandInStore:
    """In memory, in place of the lake: keeps identities, commits cursor and rows together, and dies on demand."""

    def __init__(self):
        self.kept = {}
        self.noted = {}
        self.dies = ""

    def append(self, readings, *, source="", cursor=0, tally=""):
        if self.dies == "before":
            raise Killed
        before = len(self.kept)
        for row in readings.to_pylist():
            self.kept[row["asset"], row["channel"], row["time"]] = row["value"]
        stored = len(self.kept) - before
        done = Appended(stored, readings.num_rows - stored, 0)
        self.noted[source] = (cursor, done, tally)
        if self.dies == "after":
            raise Killed
        return done

    def cursor(self, source):
        return self.noted.get(source)


def asset(number, **more):
    return Asset(**({"id": f"EL-{number}", "kind": "lift", "site": "s"} | more))


def topic(number, site="s", what="telemetry"):
    return f"serviceday/v1/{site}/EL-{number}/{what}"


def said(ts, **values):
    return json.dumps({"ts": ts, "v": values}).encode()


class House:
    """An installation that can be killed and started again."""

    def __init__(self, path, store, registry=()):
        self.folder = DataFolder(path).prepare()
        self.store = store
        self.registry = {one.id: one for one in registry}
        self.rules = Rules()
        self.clock = 0
        self.open()

    def open(self):
        self.journal = Journal(self.folder.journal)
        self.sink = Sink(self.journal, self.store, self.look, catalogue(), rules=self.rules)
        self.sink.recover()

    def look(self):
        self.sink._understanding._read_at = float("-inf")  # always read anew
        return dict(self.registry)

    def restart(self):
        self.journal.close()
        self.open()

    def take(self, payload, on):
        self.clock += 1
        self.journal.write([Arrival(0, False, on, payload, NOW_US + self.clock)])

    def drain(self):
        while self.sink.step():
            pass

    def shown(self):
        return ledger(self.folder)

    def sources(self):
        with closing(sqlite3.connect(self.folder.journal)) as connection:
            return {(one.site, one.name): one for one in read_sources(connection)}


class Life(RuleBasedStateMachine):
    """Messages for registered and other assets, replays, drops, restores, registrations, deaths at any step."""

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.house = House(self.path, StandInStore(), [asset(0)])
        self.messages = 0

    @rule(number=st.integers(0, 2), at=st.integers(0, 9), nonsense=st.booleans(), double=st.booleans())
    def reading(self, number, at, nonsense, double):
        body = {"t": [NOW_MS - at] * (1 + double), "v": {"trips": [at] * (1 + double)}}
        if nonsense:
            body["v"]["sugar"] = [1] * (1 + double)
        self.house.take(json.dumps(body).encode(), topic(number))
        self.messages += 1

    @rule(number=st.integers(0, 2), what=st.sampled_from([b"?", b'{"ts":1,"v":{"trips":"x"}}', b'{"ts":true,"v":{}}']))
    def garbage(self, number, what):
        self.house.take(what, topic(number))
        self.messages += 1

    @rule(number=st.integers(0, 2))
    def elsewhere(self, number):
        self.house.take(said(NOW_MS, trips=5), f"serviceday/v1/x/y/z/{number}")
        self.messages += 1

    @rule()
    def drained(self):
        self.house.drain()

    @rule(number=st.integers(1, 2), kind=st.sampled_from(["lift", "tank"]))
    def registered(self, number, kind):
        self.house.registry[f"EL-{number}"] = asset(number, kind=kind)

    @rule(reason=st.sampled_from([None, *Reason]), vouched=st.booleans())
    def asked(self, reason, vouched):
        with review(self.house.folder.journal) as quarantine:
            quarantine.ask_for_replay(Wanted(reason=reason), vouched=vouched)
            quarantine.ask_for_replay(Wanted(reason=reason), vouched=vouched)

    @rule(reason=st.sampled_from([None, *Reason]))
    def dropped(self, reason):
        with review(self.house.folder.journal) as quarantine:
            quarantine.drop(Wanted(reason=reason), by="somebody", now=NOW)

    @rule(purge=st.booleans())
    def restored(self, purge):
        with review(self.house.folder.journal) as quarantine:
            if purge:
                quarantine.purge(NOW + timedelta(seconds=1))
            quarantine.restore(Wanted(dropped=True))

    @rule(how=st.sampled_from(["before", "after"]))
    def died_at_the_store(self, how):
        self.house.store.dies = how
        with suppress(Killed):
            self.house.drain()
        self.house.store.dies = ""
        self.house.restart()

    @rule(what=st.sampled_from(["settle", "refuse"]), replays=st.booleans())
    def died_before_settling(self, what, replays):
        def die(*_):
            raise Killed

        if replays:
            self.house.sink._replay._settle = die
        else:
            setattr(self.house.journal, what, die)
        with suppress(Killed):
            self.house.drain()
        self.house.restart()

    @invariant()
    def adds_up(self):
        shown = self.house.shown()
        assert shown["received"] == shown["journalled"]
        assert shown["journalled"] == sum(shown[one] for one in ("stored", "duplicates", "quarantined", "dropped"))
        messages = shown["messages"]
        assert messages["journalled"] == self.messages
        assert messages["journalled"] == messages["decoded"] + messages["unreadable"] + shown["pending"]
        assert min(messages["decoded"] + messages["unreadable"], shown["stored"], shown["quarantined"]) >= 0
        with review(self.house.folder.journal) as quarantine:
            rows = quarantine.rows(Wanted(), limit=10_000)
            assert sum(one.count for one in rows) == shown["quarantined"]
            assert sum(heap.items for heap in quarantine.heaps(Wanted())) == shown["quarantined"]
        sources = self.house.sources().values()
        assert sum(one.messages for one in sources) == messages["decoded"] + messages["unreadable"]
        assert sum(one.admitted for one in sources) == shown["stored"] + shown["duplicates"]
        assert sum(one.quarantined for one in sources) == shown["quarantined"]
        assert sum(one.dropped for one in sources) == shown["dropped"]

    def teardown(self):
        self.house.drain()
        self.adds_up()
        assert self.house.shown()["stored"] == len(self.house.store.kept)
        with review(self.house.folder.journal) as quarantine:
            assert quarantine.asked() == 0
            assert not [one for one in quarantine.waiting(catalogue()) if one.asset in self.house.registry]
        self.house.journal.close()
        shutil.rmtree(self.path)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
test_the_ledger_adds_up_whatever_people_do = Life.TestCase
