"""The ledger adds up whatever comes, in whatever order, wherever ingest dies."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import Appended, Refused, open_store
from ingest.journal import deduplication
from ingest.journal.journal import Arrival, Journal
from ingest.journal.ledger import Counts, ledger
from ingest.refusals import Reason
from ingest.sink import Sink

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
ASSETS = {"EL-1": Asset(id="EL-1", kind="lift", site="s")}
TOPIC = "serviceday/v1/s/EL-1/telemetry"


class Killed(BaseException):
    """Stands for a kill -9: nothing in the program catches it."""


class StandInStore:
    """In memory, in place of the lake: keeps identities, and commits cursor and rows together, or refuses, or dies."""

    def __init__(self):
        self.kept = {}
        self.noted = {}
        self.on_append = ""

    def append(self, readings, *, source="", cursor=0, tally=""):
        if self.on_append == "die before":
            raise Killed
        if self.on_append == "refuse":
            raise OSError("no space left")
        before = len(self.kept)
        for row in readings.to_pylist():
            self.kept[row["asset"], row["channel"], row["time"]] = row["value"]
        stored = len(self.kept) - before
        done = Appended(stored, readings.num_rows - stored, 0)
        self.noted[source] = (cursor, done, tally)
        if self.on_append == "die after":
            raise Killed
        return done

    def cursor(self, source):
        return self.noted.get(source)


def arrival(payload, *, mid=0, again=False, topic=TOPIC):
    return Arrival(mid=mid, again=again, topic=topic, payload=payload, arrived_us=NOW_US)


def said(ts, **values):
    return json.dumps({"ts": ts, "v": values}).encode()


class Life(RuleBasedStateMachine):
    """Messages of all kinds, batches, refusing stores, deaths and restarts."""

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.folder = DataFolder(self.path)
        self.store = StandInStore()
        self.items = self.identities = self.redelivered = 0
        self.known = set()
        self.mid = 0
        self.last = None
        self.open()

    def open(self):
        self.journal = Journal(self.folder.journal)
        self.sink = Sink(self.journal, self.store, lambda: ASSETS, catalogue())
        self.sink.recover()

    def take(self, payload):
        self.mid += 1
        self.last = arrival(payload, mid=self.mid)
        self.journal.write([self.last])

    @rule(at=st.integers(0, 20), nonsense=st.booleans())
    def reading(self, at, nonsense):
        self.take(said(NOW_MS - at, trips=at, **({"sugar": 1} if nonsense else {})))
        self.items += 2 if nonsense else 1
        self.known.add(at)

    @rule()
    def garbage(self):
        self.take(b"garbage")
        self.items += 1

    @precondition(lambda self: self.last)
    @rule()
    def delivered_again(self):
        self.journal.write([Arrival(self.last.mid, True, self.last.topic, self.last.payload, NOW_US + 5)])
        self.redelivered += 1

    @rule()
    def drained(self):
        self.store.on_append = ""
        while self.sink.step():
            pass

    @rule(how=st.sampled_from(["die before", "die after"]))
    def died(self, how):
        self.store.on_append = how
        with suppress(Killed):
            self.sink.step()
        self.restarted()

    @rule()
    def refused(self):
        self.store.on_append = "refuse"
        try:
            self.sink.step()
        except OSError:
            self.sink.recover()

    @rule()
    def died_before_settling(self):
        self.store.on_append = ""
        self.journal.settle = lambda *_: (_ for _ in ()).throw(Killed)
        with suppress(Killed):
            self.sink.step()
        self.restarted()

    @rule()
    def restarted(self):
        self.journal.close()
        self.open()

    @invariant()
    def adds_up(self):
        shown = ledger(self.folder)
        messages = shown["messages"]
        assert shown["received"] == shown["journalled"]
        assert shown["journalled"] == shown["stored"] + shown["duplicates"] + shown["quarantined"]
        assert shown["stored"] <= len(self.store.kept)
        assert messages["received"] == messages["journalled"] + messages["redelivered"]
        assert messages["journalled"] == messages["decoded"] + messages["unreadable"] + shown["pending"]
        assert shown["redelivered"] == self.redelivered
        assert sum(one.count for one in self.journal.quarantined()) == shown["quarantined"]

    def teardown(self):
        self.drained()
        self.adds_up()
        shown = ledger(self.folder)
        assert shown["pending"] == 0
        assert shown["journalled"] == self.items
        assert shown["stored"] == len(self.store.kept) == len(self.known)
        self.journal.close()
        shutil.rmtree(self.path)


Life.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
test_the_ledger_adds_up_over_any_life = Life.TestCase


@pytest.fixture
def folder(tmp_path):
    return DataFolder(tmp_path / "data").prepare()


def test_nothing_taken_in_yet(folder):
    assert ledger(folder) == Counts().shown()


def test_the_real_lake_counts_duplicates_and_late_readings(folder):
    store = open_store(folder.readings, create=True)
    journal = Journal(folder.journal)
    sink = Sink(journal, store, lambda: ASSETS, catalogue())
    sink.recover()
    for batch in ([said(NOW_MS, trips=5)], [said(NOW_MS, trips=5), said(NOW_MS - 60_000, trips=4), b"?"]):
        journal.write([arrival(one) for one in batch])
        assert sink.step() == len(batch)
    shown = ledger(folder)
    assert (shown["stored"], shown["duplicates"], shown["late"], shown["quarantined"]) == (2, 1, 1, 1)
    assert store.read()["value"].to_list() == [4.0, 5.0]
    journal.close()


def test_the_real_lake_tells_after_a_death_what_it_kept(folder):
    journal = Journal(folder.journal)
    store = open_store(folder.readings, create=True)
    journal.write([arrival(said(NOW_MS, trips=5, sugar=1)), arrival(b"offline", topic="serviceday/v1/s/gw/status")])
    dying = Sink(journal, store, lambda: ASSETS, catalogue())
    dying.recover()
    journal.settle = lambda *_: (_ for _ in ()).throw(Killed)
    with pytest.raises(Killed):
        dying.step()
    journal.close()
    journal = Journal(folder.journal)
    Sink(journal, open_store(folder.readings), lambda: ASSETS, catalogue()).recover()
    shown = ledger(folder)
    assert (shown["pending"], shown["stored"], shown["duplicates"], shown["quarantined"]) == (0, 1, 0, 1)
    assert [one.online for one in journal.presence()] == [False]
    journal.close()


def test_a_journal_that_was_deleted_does_not_inherit_the_cursor_of_the_old_one(folder):
    store = open_store(folder.readings, create=True)
    for _ in range(2):
        journal = Journal(folder.journal)
        sink = Sink(journal, store, lambda: ASSETS, catalogue())
        sink.recover()
        journal.write([arrival(said(NOW_MS, trips=5))])
        assert sink.step() == 1
        journal.close()
        for file in folder.path.glob("journal.sqlite*"):
            file.unlink()
    assert store.size().readings == 1


def test_the_same_content_under_another_packet_id_is_another_message(folder):
    journal = Journal(folder.journal)
    journal.write([arrival(b"x", mid=1), arrival(b"x", mid=2)])
    journal.write(
        [arrival(b"x", mid=2, again=True), arrival(b"x", mid=3, again=True), arrival(b"y", mid=1, again=True)]
    )
    counts = journal.counts()
    assert (counts.messages_journalled, counts.messages_redelivered) == (4, 1)
    journal.close()


def test_only_what_is_decoded_and_asked_for_is_trimmed(folder):
    journal = Journal(folder.journal)
    sink = Sink(journal, StandInStore(), lambda: ASSETS, catalogue())
    for count in (2, 1):
        journal.write([arrival(said(NOW_MS, trips=5))] * count)
    sink.step()
    journal.write([arrival(said(NOW_MS, trips=5))])
    assert journal.trim(2) == 2
    assert journal.trim(99) == 1
    assert sink.step() == 1
    journal.close()


def test_a_message_that_breaks_the_decoder_itself_is_refused_alone(folder, monkeypatch):
    import ingest.codecs.native

    honest = ingest.codecs.native.decode

    def fragile(messages, rules):
        if any(message.payload == b"bomb" for message in messages):
            raise ZeroDivisionError
        return honest(messages, rules)

    monkeypatch.setattr(ingest.codecs.native, "decode", fragile)
    journal = Journal(folder.journal)
    sink = Sink(journal, StandInStore(), lambda: ASSETS, catalogue())
    journal.write([arrival(said(NOW_MS - i, trips=5)) for i in range(5)] + [arrival(b"bomb"), arrival(b"?")])
    assert sink.step() == 7
    shown = ledger(folder)
    assert (shown["stored"], shown["quarantined"], shown["messages"]["unreadable"]) == (5, 2, 2)
    journal.close()


def test_a_newer_journal_is_left_alone(folder):
    with closing(sqlite3.connect(folder.journal)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(CannotDo):
        Journal(folder.journal)


def test_readings_travel_as_the_store_wants_them(folder):
    seen = []
    store = StandInStore()
    store.append = lambda table, **_: seen.append(table) or Appended(table.num_rows, 0, 0)
    journal = Journal(folder.journal)
    journal.write([arrival(said(NOW_MS, trips=5))])
    Sink(journal, store, lambda: ASSETS, catalogue()).step()
    from facility.store import READINGS

    assert isinstance(seen[0], pa.Table)
    assert seen[0].schema == READINGS
    journal.close()


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies before counting"])
def test_what_the_store_turns_away_is_in_quarantine(folder, dies):
    class Choosy(StandInStore):
        def append(self, readings, *, source="", cursor=0, tally=""):
            done = Appended(1, 0, 0, 2, (Refused(0, "too old"), Refused(2, "too old")))
            self.noted[source] = (cursor, Appended(1, 0, 0, 2), tally)
            return done

    store = Choosy()
    journal = Journal(folder.journal)
    sink = Sink(journal, store, lambda: ASSETS, catalogue())
    journal.write([arrival(said(NOW_MS - index, trips=index)) for index in range(3)])
    if dies:
        journal.refuse = lambda *_: (_ for _ in ()).throw(Killed)
        with pytest.raises(Killed):
            sink.step()
        del journal.refuse
        Sink(journal, store, lambda: ASSETS, catalogue()).recover()
    else:
        sink.step()
    shown = ledger(folder)
    assert (shown["stored"], shown["quarantined"], shown["journalled"], shown["pending"]) == (1, 2, 3, 0)
    (row,) = journal.quarantined()
    assert (row.reason, row.count) == (Reason.STORE, 2)
    if not dies:
        assert json.loads(row.payload)["v"] == {"trips": [2, 0]}
    journal.close()


def test_a_journal_of_the_first_format_is_brought_along(folder):
    with closing(sqlite3.connect(folder.journal)) as old:
        old.executescript(
            "CREATE TABLE messages(seq INTEGER PRIMARY KEY AUTOINCREMENT, arrived_us INTEGER NOT NULL,"
            " topic TEXT NOT NULL, payload BLOB NOT NULL);"
            "CREATE TABLE deliveries(mid INTEGER PRIMARY KEY, digest BLOB NOT NULL);"
            "CREATE TABLE quarantine(id INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL,"
            " arrived_us INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL, reason TEXT NOT NULL,"
            " detail TEXT NOT NULL, count INTEGER NOT NULL);"
            "CREATE INDEX quarantine_by_message ON quarantine(seq);"
            "CREATE TABLE presence(site TEXT NOT NULL, gateway TEXT NOT NULL, online INTEGER NOT NULL,"
            " since_us INTEGER NOT NULL, arrived_us INTEGER NOT NULL, PRIMARY KEY (site, gateway));"
            "CREATE TABLE ledger(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
            "INSERT INTO ledger VALUES ('messages_received', 9), ('messages_journalled', 9), ('messages_decoded', 7),"
            " ('stored', 7);"
            "CREATE TABLE position(only INTEGER PRIMARY KEY CHECK (only = 0), decoded INTEGER NOT NULL);"
            "INSERT INTO position VALUES (0, 7); CREATE TABLE identity(id TEXT NOT NULL);"
            "INSERT INTO identity VALUES ('old'); PRAGMA user_version = 1;"
        )
        rows = [(seq, NOW_US + seq, TOPIC, said(NOW_MS - seq, trips=seq)) for seq in range(5, 10)]
        old.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)
        old.commit()
    journal = Journal(folder.journal)
    assert [tuple(one) for one in journal.after(0, messages=99, payload_bytes=9999)] == rows
    Sink(journal, StandInStore(), lambda: ASSETS, catalogue()).step()
    journal.write([arrival(said(NOW_MS, trips=1))])
    assert [one.seq for one in journal.after(9, messages=9, payload_bytes=9)] == [10]
    shown = ledger(folder)
    assert (shown["stored"], shown["pending"], journal.identity()) == (9, 1, "old")
    journal.close()


def test_a_whole_window_that_comes_again_reads_each_row_once(folder, monkeypatch):
    """Read once a message, a window of ten thousand takes minutes, the broker gives up waiting, and it comes again."""
    read = []
    honest = deduplication._row
    monkeypatch.setattr(deduplication, "_row", lambda db, first: read.append(first) or honest(db, first))
    with closing(Journal(folder.journal)) as journal:
        payloads = {mid: said(NOW_MS - mid, trips=mid) for mid in range(1, 1001)}
        assert journal.write([arrival(payload, mid=mid) for mid, payload in payloads.items()]) == 1000
        assert journal.write([arrival(payload, mid=mid, again=True) for mid, payload in payloads.items()]) == 0
        assert len(read) == 1
        assert journal.counts().messages_redelivered == 1000


def test_a_redelivery_is_known_though_its_message_was_trimmed(folder):
    journal = Journal(folder.journal)
    sink = Sink(journal, StandInStore(), lambda: ASSETS, catalogue())
    journal.write([arrival(said(NOW_MS - mid, trips=mid), mid=mid) for mid in (1, 2, 3)])
    journal.write([arrival(said(NOW_MS, trips=9), mid=2)])
    sink.step()
    assert journal.trim(99) == 4
    for reopened in (False, True):
        if reopened:
            journal.close()
            journal = Journal(folder.journal)
        again = [arrival(said(NOW_MS - mid, trips=mid), mid=mid, again=True) for mid in (1, 3)]
        assert journal.write([*again, arrival(said(NOW_MS, trips=9), mid=2, again=True)]) == 0
    assert journal.write([arrival(said(NOW_MS - 2, trips=2), mid=2, again=True)]) == 1, "not the last under its id"
    assert journal.counts().messages_redelivered == 6
    journal.close()
