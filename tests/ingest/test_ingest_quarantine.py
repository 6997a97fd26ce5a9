"""The quarantine: nothing is dropped unseen, a replay counts and stores once, wherever ingest dies."""

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from facility.catalogue.catalogue import catalogue
from facility.errors import CannotConvert, CannotDo
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import Appended, Refused, open_store
from ingest.journal.journal import Journal
from ingest.journal.ledger import ledger
from ingest.journal.schema import make_missing
from ingest.journal.source_ledger import read_sources
from ingest.messages import Arrival
from ingest.quarantine.review import Review, Wanted, review
from ingest.refusals import Reason
from ingest.sink import Sink
from ingest.topics import Rules

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
        self.turns_away = set()

    def append(self, readings, *, source="", cursor=0, tally=""):
        if self.dies == "before":
            raise Killed
        before = len(self.kept)
        away = []
        for index, row in enumerate(readings.to_pylist()):
            if row["value"] in self.turns_away:
                away.append(Refused(index, "too old"))
            else:
                self.kept[row["asset"], row["channel"], row["time"]] = row["value"]
        stored = len(self.kept) - before
        done = Appended(stored, readings.num_rows - stored - len(away), 0, len(away), tuple(away))
        self.noted[source] = (cursor, replace(done, refusals=()), tally)
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

    def __init__(self, path, store, registry=(), **limits):
        self.limits = limits
        self.folder = DataFolder(path).prepare()
        self.store = store
        self.registry = {one.id: one for one in registry}
        self.rules = Rules()
        self.clock = 0
        self.open()

    def open(self):
        self.journal = Journal(self.folder.journal, **self.limits)
        self.sink = Sink(self.journal, self.store, self.look, catalogue(), rules=self.rules)
        self.sink.recover()

    def look(self):
        return dict(self.registry)

    def restart(self):
        self.journal.close()
        self.open()

    def take(self, payload, on):
        self.clock += 1
        self.journal.write([Arrival(0, False, on, payload, NOW_US + self.clock)])

    def drain(self):
        self.sink._understanding.read_again()  # as after a few seconds
        while self.sink.step():
            pass

    def shown(self):
        return ledger(self.folder)

    def sources(self):
        with closing(sqlite3.connect(self.folder.journal)) as connection:
            return {(one.site, one.name): one for one in read_sources(connection)}


class Life(RuleBasedStateMachine):
    """Messages for registered and other assets, replays, drops, restores, registrations, deaths at any step."""

    LIMITS = {}  # noqa: RUF012

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp())
        self.house = House(self.path, StandInStore(), [asset(0)], **self.LIMITS)
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

    @rule(values=st.sets(st.integers(0, 9), max_size=4))
    def the_store_turns_away(self, values):
        self.house.store.turns_away = set(values)

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

    @rule(reason=st.sampled_from([None, Reason.UNKNOWN_ASSET, Reason.UNREADABLE]))
    def emptied(self, reason):
        with review(self.house.folder.journal) as quarantine:
            quarantine.drop_for_good(Wanted(reason=reason))

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
            heaps = quarantine.heaps(Wanted())
            counted = sum(heap.counted for heap in heaps)
            assert sum(one.count for one in rows) + counted == shown["quarantined"]
            assert not counted or self.LIMITS
            assert sum(heap.items for heap in quarantine.heaps(Wanted())) == shown["quarantined"]
        sources = self.house.sources().values()
        assert sum(one.messages for one in sources) == messages["decoded"] + messages["unreadable"]
        assert sum(one.admitted for one in sources) == shown["stored"] + shown["duplicates"]
        assert sum(one.quarantined for one in sources) == shown["quarantined"]
        assert sum(one.dropped for one in sources) == shown["dropped"]
        with closing(sqlite3.connect(self.house.folder.journal)) as connection:
            weighed = connection.execute("SELECT messages, quarantine FROM space").fetchone()
            connection.execute("DELETE FROM space")
            make_missing(connection)
            assert connection.execute("SELECT messages, quarantine FROM space").fetchone() == weighed

    def teardown(self):
        self.house.drain()
        self.adds_up()
        assert self.house.shown()["stored"] == len(self.house.store.kept)
        with review(self.house.folder.journal) as quarantine:
            assert quarantine.asked() == 0
            assert not [one for one in quarantine.waiting(catalogue()) if one.asset in self.house.registry]
        self.house.journal.close()
        shutil.rmtree(self.path)


Life.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
test_the_ledger_adds_up_whatever_people_do = Life.TestCase


class CrampedLife(Life):
    """The same with hardly any room in quarantine: most of what is refused is only counted."""

    LIMITS = {"quarantine_limit": 1500}  # noqa: RUF012


CrampedLife.TestCase.settings = Life.TestCase.settings
test_the_ledger_adds_up_where_quarantine_is_full = CrampedLife.TestCase


# -- one by one ---------------------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path / "data", StandInStore(), [asset(1)])
    yield house
    house.journal.close()


def test_approving_an_asset_takes_in_what_it_said(house):
    house.take(said(NOW_MS, trips=5, door_close_time=2.5), topic(9))
    house.take(said(NOW_MS - 1, trips=4), topic(9))
    house.drain()
    with review(house.folder.journal) as quarantine:
        (waiting,) = quarantine.waiting(catalogue())
    assert (waiting.site, waiting.asset, waiting.messages, waiting.readings) == ("s", "EL-9", 2, 3)
    assert (waiting.channels, waiting.kinds) == (("door_close_time", "trips"), ("lift",))
    house.registry["EL-9"] = asset(9)
    house.drain()
    shown = house.shown()
    assert (shown["stored"], shown["quarantined"], shown["replayed"]) == (3, 0, 3)
    assert house.sources()["s", "EL-9"].admitted == 3
    with review(house.folder.journal) as quarantine:
        assert quarantine.waiting(catalogue()) == []


def test_what_was_dropped_before_its_asset_was_registered_is_taken_in_when_restored(house):
    house.take(said(NOW_MS, trips=5), topic(9))
    house.take(said(NOW_MS, trips=5), topic(8))
    house.drain()
    with review(house.folder.journal) as quarantine:
        assert quarantine.drop(Wanted(), by="somebody", now=NOW) == (2, 2)
    house.registry["EL-9"] = asset(9)
    house.drain()
    with review(house.folder.journal) as quarantine:
        assert quarantine.restore(Wanted(dropped=True)) == (2, 2)
    house.drain()
    shown = house.shown()
    assert (shown["stored"], shown["quarantined"], shown["dropped"]) == (1, 1, 0)
    with review(house.folder.journal) as quarantine:
        assert [one.asset for one in quarantine.waiting(catalogue())] == ["EL-8"]
        assert quarantine.asked() == 0


def test_what_is_refused_again_keeps_its_number_and_tells_its_new_reason(house):
    house.take(said(NOW_MS, sugar=5), topic(9))
    house.drain()
    with review(house.folder.journal) as quarantine:
        (before,) = quarantine.rows(Wanted())
    house.registry["EL-9"] = asset(9)
    house.drain()
    with review(house.folder.journal) as quarantine:
        (after,) = quarantine.rows(Wanted())
    assert (before.reason, after.reason) == (Reason.UNKNOWN_ASSET, Reason.UNKNOWN_CHANNEL)
    assert (after.id, after.arrived, after.payload) == (before.id, before.arrived, before.payload)
    assert not after.asked


def test_a_garbled_message_that_is_read_at_last_is_no_longer_unreadable(house):
    house.rules = Rules(payload_limit=300)
    house.restart()
    house.take(said(NOW_MS, **{f"trips{i}": 1 for i in range(40)}, trips=1), topic(1))
    house.drain()
    assert house.shown()["messages"]["unreadable"] == 1
    house.rules = Rules()
    house.restart()
    with review(house.folder.journal) as quarantine:
        assert quarantine.ask_for_replay(Wanted(reason=Reason.TOO_LARGE)) == 1
    house.drain()
    shown = house.shown()
    assert (shown["messages"]["unreadable"], shown["messages"]["decoded"]) == (0, 1)
    assert (shown["stored"], shown["quarantined"]) == (1, 40)


def test_a_future_reading_is_judged_anew_when_a_person_replays_it(house):
    """The server's own clock may have been behind; whoever replays vouches for the time."""
    soon_ms = int(datetime.now(UTC).timestamp() * 1000)
    house.take(said(soon_ms, trips=1), topic(1))  # arrived years before
    house.drain()
    with review(house.folder.journal) as quarantine:
        assert [one.reason for one in quarantine.rows(Wanted())] == [Reason.FUTURE]
        quarantine.ask_for_replay(Wanted(asset="EL-1"))
    house.drain()
    assert house.shown()["stored"] == 1


def test_a_person_may_vouch_for_a_suspicious_value_but_not_for_an_impossible_one(house):
    house.take(said(NOW_MS, motor_temperature=40), topic(1))
    house.take(said(NOW_MS + 1, motor_temperature=85), topic(1))
    house.take(said(NOW_MS + 2, motor_temperature=-127), topic(1))
    house.drain()
    assert house.shown()["quarantined"] == 2
    for vouched, left in ((False, 2), (True, 1)):
        with review(house.folder.journal) as quarantine:
            quarantine.ask_for_replay(Wanted(reason=Reason.SENTINEL), vouched=vouched)
        house.drain()
        assert house.shown()["quarantined"] == left


def test_rows_are_found_by_reason_asset_site_and_time(house):
    house.take(b"?", topic(1))
    house.take(said(NOW_MS, sugar=1), topic(1))
    house.take(said(NOW_MS, sugar=1), topic(1, site="100%_x"))
    house.take(said(NOW_MS, sugar=1), topic(1, site="100ab_x"))
    house.drain()

    def found(**wanted):
        with review(house.folder.journal) as quarantine:
            return [one.id for one in quarantine.rows(Wanted(**wanted))]

    assert found() == [4, 3, 2, 1]
    assert len(found(reason=Reason.UNKNOWN_CHANNEL)) == 1
    assert len(found(asset="EL-1")) == 4
    assert len(found(asset="EL-_")) == 0
    assert len(found(site="100%_x")) == 1, "no wildcard from the network or the keyboard"
    moment = NOW + timedelta(microseconds=3)
    assert len(found(since=moment)) == 2
    assert len(found(until=moment)) == 2
    with review(house.folder.journal) as quarantine:
        assert len(quarantine.rows(Wanted(), limit=3)) == 3
        assert len(quarantine.rows(Wanted(), limit=3, offset=3)) == 1
        with pytest.raises(CannotConvert):
            quarantine.one(99)


def test_dropped_rows_can_be_restored_until_they_are_purged(house):
    for _ in range(3):
        house.take(b"?", topic(1))
    house.drain()
    with review(house.folder.journal) as quarantine:
        first, second, _ = sorted(one.id for one in quarantine.rows(Wanted()))
        assert quarantine.drop(Wanted(ids=[first, second]), by="Wang", now=NOW) == (2, 2)
        assert quarantine.drop(Wanted(ids=[first]), by="Li", now=NOW) == (0, 0)
        assert [one.dropped for one in quarantine.rows(Wanted(dropped=True))] == ["Wang", "Wang"]
        assert house.shown()["dropped"] == 2
        assert quarantine.restore(Wanted(ids=[first], dropped=True)) == (1, 1)
        assert quarantine.purge(NOW + timedelta(days=1)) == 1
        assert quarantine.restore(Wanted(dropped=True)) == (0, 0)
    shown = house.shown()
    assert (shown["dropped"], shown["quarantined"], shown["journalled"]) == (1, 2, 3)


def test_a_replay_by_the_real_lake_survives_a_death_after_the_commit(tmp_path):
    folder = DataFolder(tmp_path / "lake").prepare()
    house = House(folder.path, open_store(folder.readings, create=True), [])
    for number in range(3):
        house.take(said(NOW_MS - number, trips=number), topic(1))
    house.take(said(NOW_MS, trips=1), topic(2))
    house.drain()
    house.registry["EL-1"] = asset(1)
    house.sink._replay._settle = lambda *_: (_ for _ in ()).throw(Killed)
    with pytest.raises(Killed):
        house.drain()
    house.store = open_store(folder.readings)
    house.restart()
    house.drain()
    shown = house.shown()
    assert (shown["stored"], shown["duplicates"], shown["quarantined"]) == (3, 0, 1)
    assert house.store.size().readings == 3
    house.journal.close()


@pytest.mark.parametrize("dies", [False, True])
def test_what_the_store_turns_away_of_a_replay_stays_in_quarantine(house, dies):
    for number in range(4):
        house.take(said(NOW_MS + number, trips=number), topic(9))
    house.drain()
    house.store.turns_away = {1, 2}
    house.registry["EL-9"] = asset(9)
    if dies:
        house.sink._replay._settle = lambda *_: (_ for _ in ()).throw(Killed)
        with pytest.raises(Killed):
            house.drain()
        house.restart()
    house.drain()
    shown = house.shown()
    assert (shown["stored"], shown["quarantined"]) == (2, 2)
    house.store.turns_away = set()
    with review(house.folder.journal) as quarantine:
        payloads = b" ".join(one.payload for one in quarantine.rows(Wanted()))
        assert b'"trips": [1.0, 2.0]' in payloads or (b'"trips": 1' in payloads and b'"trips": 2' in payloads)
        quarantine.ask_for_replay(Wanted(reason=Reason.STORE))
    house.drain()
    shown = house.shown()
    assert (len(house.store.kept), shown["quarantined"]) == (4, 0)
    assert shown["stored"] == 4


def test_sources_beyond_the_limit_are_counted_together(house, monkeypatch):
    monkeypatch.setattr("ingest.journal.source_ledger.SOURCES_AT_MOST", 5)
    for number in range(20):
        house.take(said(NOW_MS, trips=1), topic(number + 1))
        house.drain()
    found = house.sources()
    assert len(found) == 6
    assert found["", ""].messages == 15
    assert sum(one.quarantined for one in found.values()) == house.shown()["quarantined"] == 19
    house.registry |= {f"EL-{number}": asset(number) for number in range(21)}
    house.drain()
    assert sum(one.quarantined for one in house.sources().values()) == 0
    assert min(one.quarantined for one in house.sources().values()) == 0


def test_registered_assets_have_slots_of_their_own_in_a_flood_of_strangers(house, monkeypatch):
    monkeypatch.setattr("ingest.journal.source_ledger.SOURCES_AT_MOST", 5)
    for number in range(20):
        house.take(said(NOW_MS, trips=1), topic(number + 100))
    house.drain()
    house.registry |= {f"EL-{number}": asset(number) for number in range(20)}
    for number in range(20):
        house.take(said(NOW_MS, trips=1), topic(number))
    house.drain()
    sources = house.sources()
    assert all(sources["s", f"EL-{number}"].admitted == 1 for number in range(20))
    assert len(sources) == 20 + 5 + 1


def test_gateways_are_bounded_and_those_of_registered_sites_come_first(house, monkeypatch):
    monkeypatch.setattr("ingest.journal.presence.GATEWAYS_AT_MOST", 3)
    for number in range(10):
        house.take(b"online", f"serviceday/v1/strange/gw-{number}/status")
    for number in range(3):
        house.take(b"online", f"serviceday/v1/s/gw-{number}/status")
    house.take(b"offline", "serviceday/v1/s/gw-1/status")
    house.drain()
    assert [(one.site, one.gateway, one.online) for one in house.journal.presence()] == [
        ("s", "gw-0", True),
        ("s", "gw-1", False),
        ("s", "gw-2", True),
    ]


def test_a_flood_of_strangers_fills_its_own_room_and_stops_nobody(tmp_path):
    limit = 200_000
    house = House(tmp_path, StandInStore(), [asset(0)], limit=400_000, quarantine_limit=limit)
    for round_ in range(40):
        for number in range(100):
            house.take(said(NOW_MS - round_, trips=1), topic(1000 + round_ * 100 + number))
        house.take(said(NOW_MS - round_, trips=1), topic(0))
        house.take(said(NOW_MS - round_, sugar=1), topic(0))
        house.drain()
        house.journal.trim(1 << 40)
    shown = house.shown()
    assert (shown["stored"], shown["quarantined"]) == (40, 4040)
    assert house.journal.filling().full
    assert house.journal.filling().used <= limit
    with review(house.folder.journal) as quarantine:
        heaps = {heap.reason: heap for heap in quarantine.heaps(Wanted())}
        assert heaps[Reason.UNKNOWN_ASSET].counted > 1000
        samples = quarantine.rows(Wanted(reason=Reason.UNKNOWN_CHANNEL), limit=99)
        assert len(samples) >= 3  # of the registered asset, although strangers came first
        pages = house.folder.journal.stat().st_size
        assert quarantine.drop_for_good(Wanted())[1] == 4040
        assert quarantine.heaps(Wanted()) == []
    shown = house.shown()
    assert (shown["quarantined"], shown["dropped"]) == (0, 4040)
    assert not house.journal.filling().full
    assert house.folder.journal.stat().st_size < pages
    house.take(said(NOW_MS, sugar=1), topic(0))
    house.drain()
    with review(house.folder.journal) as quarantine:
        assert len(quarantine.rows(Wanted())) == 1
    house.journal.close()


def test_what_was_dropped_makes_way_when_quarantine_is_full(tmp_path):
    house = House(tmp_path, StandInStore(), [asset(0)], quarantine_limit=20_000)
    for number in range(300):
        house.take(said(NOW_MS, trips=1), topic(1000 + number))
    house.drain()
    with review(house.folder.journal) as quarantine:
        quarantine.drop(Wanted(), by="somebody", now=NOW)
    house.take(said(NOW_MS, trips=1), topic(1))
    house.drain()
    with review(house.folder.journal) as quarantine:
        assert [row.topic for row in quarantine.rows(Wanted())] == [topic(1)]
    assert house.shown()["dropped"] == 300
    house.journal.close()


def test_who_waits_is_read_in_one_go(tmp_path):
    """Fifty thousand unknown assets: each payload is looked at a bounded number of times."""
    house = House(tmp_path, StandInStore())
    with house.journal.transaction() as writer:
        writer.executemany(
            "INSERT INTO quarantine(seq, arrived_us, topic, payload, reason, detail, count)"
            " VALUES (0, ?, ?, ?, 'unknown_asset', ?, 1)",
            [(NOW_US, topic(n), said(NOW_MS, trips=1), f"EL-{n}") for n in range(50_000)],
        )
    with closing(sqlite3.connect(house.folder.journal)) as connection:
        steps = 0

        def count():
            nonlocal steps
            steps += 1
            return 0

        connection.set_progress_handler(count, 10_000)
        waiting = Review(connection).waiting(catalogue())
        assert len(waiting) == 50_000
        assert all(one.channels == ("trips",) and "lift" in one.kinds for one in waiting)
        assert steps < 2000  # some hundred instructions a row; a scan for each would be billions
        assert [one.asset for one in Review(connection).waiting(catalogue(), asset="EL-7")] == ["EL-7"]
    house.journal.close()


def test_there_is_nothing_to_review_before_anything_came(tmp_path):
    with pytest.raises(CannotDo), review(tmp_path / "journal.sqlite"):
        pass
