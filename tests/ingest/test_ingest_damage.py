"""A damaged journal, a store that is gone or another one, a full disk: named, counted, and good readings go on."""

import json
import os
import random
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress

import pytest
from typer.testing import CliRunner

from commands.app.program import app
from facility.catalogue.catalogue import catalogue
from facility.errors import CannotDo, ServicedayError
from facility.estate import Asset
from facility.folder import DataFolder
from facility.store import Appended, open_store
from ingest.journal.journal import Full, Journal
from ingest.journal.ledger import ledger
from ingest.journal.packing import Packed
from ingest.journal.salvage import is_damaged, salvage
from ingest.journal.source_ledger import read_sources
from ingest.journal.store_identity import note_identity
from ingest.messages import Arrival
from ingest.quarantine.review import Wanted, review
from ingest.refusals import Reason
from ingest.sink import Sink

NOW_US = 1_760_000_000_000_000
NOW_MS = NOW_US // 1000
ASSETS = {f"EL-{index}": Asset(id=f"EL-{index}", kind="lift", site="s") for index in range(5)}
PLACES = int(os.environ.get("SERVICEDAY_SOAK_PLACES", "100"))
ROWS, IN_A_ROW = 12, 40


class StandInStore:
    """Keeps identities in memory."""

    def __init__(self):
        self.kept = {}
        self.noted = {}

    def append(self, readings, *, source="", cursor=0, tally=""):
        before = len(self.kept)
        for row in readings.to_pylist():
            self.kept[row["asset"], row["channel"], row["time"]] = row["value"]
        done = Appended(len(self.kept) - before, readings.num_rows - len(self.kept) + before, 0)
        self.noted[source] = (cursor, done, tally)
        return done

    def cursor(self, source):
        return self.noted.get(source)


def arrival(number, name="EL-0"):
    body = json.dumps({"ts": NOW_MS - number, "v": {"trips": number}}).encode()
    return Arrival(0, False, f"serviceday/v1/s/{name}/telemetry", body, NOW_US + number)


def drained(journal, store):
    sink = Sink(journal, store, lambda: ASSETS, catalogue())
    sink.recover()
    while sink.step():
        pass


def adds_up(folder):
    shown = ledger(folder)
    messages = shown["messages"]
    assert messages["journalled"] == messages["decoded"] + messages["unreadable"]
    assert shown["journalled"] == shown["stored"] + shown["duplicates"] + shown["quarantined"] + shown["dropped"]
    with closing(sqlite3.connect(folder.journal)) as connection:
        sources = read_sources(connection)
    assert sum(one.messages for one in sources) == messages["journalled"]
    assert sum(one.quarantined for one in sources) == shown["quarantined"]
    return shown


@pytest.fixture(scope="module")
def waiting(tmp_path_factory):
    """A data folder whose journal holds messages that nobody decoded yet."""
    folder = DataFolder(tmp_path_factory.mktemp("waiting") / "data").prepare()
    journal = Journal(folder.journal)
    for row in range(ROWS):
        journal.write([arrival(row * IN_A_ROW + n, f"EL-{n % 5}") for n in range(IN_A_ROW)])
    journal.close()
    return folder


def copied(waiting, path):
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(waiting.path, path)
    return DataFolder(path)


def survives(folder):
    """Drain a journal that was spoilt: what is not stored is named, what comes after flows on."""
    with suppress(CannotDo):
        Journal(folder.journal).close()
    if is_damaged(folder.journal):
        assert salvage(folder.journal)
    journal, store = Journal(folder.journal), StandInStore()
    drained(journal, store)
    journal.write([arrival(10**6)])
    drained(journal, store)
    shown = adds_up(folder)
    named = [row for row in journal.quarantined() if row.reason == Reason.DAMAGED]
    assert shown["stored"] + sum(row.count for row in named) >= ROWS * IN_A_ROW + 1
    truth = {NOW_MS - number: float(number) for number in [*range(ROWS * IN_A_ROW), 10**6]}
    for (_, _, moment), value in store.kept.items():
        assert truth[round(moment.timestamp() * 1000)] == value, "nothing is stored that nobody said"
    journal.trim(1 << 40)
    journal.close()
    return sum(row.count for row in named)


def flipped_in_a_row(folder, chance):
    column = chance.choice(
        ["mids", "arrived", "names", "topics", "sizes", "payloads", "count", "newest_us", "checksum"]
    )
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        rows = connection.execute(f"SELECT first, {column} FROM batches").fetchall()
        first, value = chance.choice(rows)
        if isinstance(value, bytes):
            bit = chance.randrange(8 * len(value))
            spoilt = bytearray(value)
            spoilt[bit // 8] ^= 1 << bit % 8
            value = bytes(spoilt)
        else:
            value ^= 1 << chance.randrange(20)
        connection.execute(f"UPDATE batches SET {column} = ? WHERE first = ?", (value, first))


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_in_a_waiting_row_loses_nothing(waiting, tmp_path, seed):
    folder = copied(waiting, tmp_path / "data")
    flipped_in_a_row(folder, random.Random(seed))
    assert survives(folder) == 0


def flipped_in_the_file(folder, chance):
    content = bytearray(folder.journal.read_bytes())
    bit = chance.randrange(8 * len(content))
    content[bit // 8] ^= 1 << bit % 8
    folder.journal.write_bytes(content)


@pytest.mark.parametrize("seed", range(8))
def test_a_flipped_bit_anywhere_in_the_file_is_survived(waiting, tmp_path, seed):
    folder = copied(waiting, tmp_path / "data")
    flipped_in_the_file(folder, random.Random(seed))
    survives(folder)


@pytest.mark.soak
def test_a_hundred_flipped_bits_in_the_journal(waiting, tmp_path):
    for seed in range(PLACES):
        folder = copied(waiting, tmp_path / "data")
        flipped_in_a_row(folder, random.Random(seed))
        assert survives(folder) == 0
        folder = copied(waiting, tmp_path / "data")
        flipped_in_the_file(folder, random.Random(-seed))
        survives(folder)


def test_a_row_that_cannot_be_mended_is_set_aside_and_counted(waiting, tmp_path):
    folder = copied(waiting, tmp_path / "data")
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        (first,) = connection.execute("SELECT first FROM batches LIMIT 1 OFFSET 4").fetchone()
        connection.execute("UPDATE batches SET payloads = zeroblob(length(payloads)) WHERE first = ?", (first,))
    assert survives(folder) == IN_A_ROW
    shown = ledger(folder)
    assert shown["stored"] == (ROWS - 1) * IN_A_ROW + 1
    assert shown["messages"]["unreadable"] == IN_A_ROW
    with review(folder.journal) as quarantine:
        (row,) = quarantine.rows(Wanted(reason=Reason.DAMAGED))
        assert str(first) in row.detail
        assert row.payload, "its remains are kept"
        assert quarantine.ask_for_replay(Wanted()) == 0
        quarantine.drop_for_good(Wanted())
    adds_up(folder)


@pytest.mark.parametrize("which", [0, 5, ROWS - 1])
def test_a_row_that_vanished_is_counted(waiting, tmp_path, which):
    folder = copied(waiting, tmp_path / "data")
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        (first,) = connection.execute("SELECT first FROM batches LIMIT 1 OFFSET ?", (which,)).fetchone()
        connection.execute("DELETE FROM batches WHERE first = ?", (first,))
    assert survives(folder) == IN_A_ROW


def test_a_row_that_is_damaged_after_it_was_stored_ends_no_trimming(waiting, tmp_path):
    folder = copied(waiting, tmp_path / "data")
    journal, store = Journal(folder.journal), StandInStore()
    drained(journal, store)
    with closing(sqlite3.connect(folder.journal)) as connection, connection:
        connection.execute("UPDATE batches SET names = zeroblob(length(names)), sizes = zeroblob(length(sizes))")
    assert journal.trim(1 << 40) == ROWS * IN_A_ROW
    assert journal.room().used == 0
    journal.close()


def test_a_journal_of_the_last_version_opens_and_answers_the_same(tmp_path):
    """Format 2: rows without a checksum, no overflow, no weights."""
    folder = DataFolder(tmp_path / "data").prepare()
    journal = Journal(folder.journal)
    journal.write([arrival(number) for number in range(3)])
    journal.close()
    with closing(sqlite3.connect(folder.journal)) as old:
        for (name,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            old.execute(f"DROP TRIGGER {name}")
        for name in ("overflow", "fenced", "space"):
            old.execute(f"DROP TABLE {name}")
        old.execute("ALTER TABLE batches DROP COLUMN checksum")
        old.execute("PRAGMA user_version = 2")
        old.commit()
    with review(folder.journal) as quarantine:
        assert quarantine.heaps(Wanted()) == []
    journal, store = Journal(folder.journal), StandInStore()
    assert journal.room().used > 0
    journal.write([arrival(3)])
    drained(journal, store)
    assert adds_up(folder)["stored"] == 4
    with closing(sqlite3.connect(folder.journal)) as connection:
        sums = [Packed._make(row).checksum for row in connection.execute("SELECT * FROM batches ORDER BY first")]
    assert sums[0] is None
    assert sums[1] is not None
    journal.close()


# -- journal and store ------------------------------------------------------------------------------------------------


def test_what_the_store_lost_is_stored_again_from_the_journal(tmp_path):
    """A power cut takes the last commits: the journal moved on, and still has the messages."""
    folder = DataFolder(tmp_path / "data").prepare()
    journal, store = Journal(folder.journal), open_store(folder.readings, create=True)
    for number in range(6):
        journal.write([arrival(number)])
        drained(journal, store)
        if number == 2:
            store.sync()
    log = sorted((folder.readings / "raw" / "_delta_log").glob("[0-9]*.json"))
    for file in log[-2:]:
        file.write_bytes(b"")
    (folder.readings / "raw" / "_copies" / "commits").write_bytes(b"")
    again = open_store(folder.readings)
    drained(journal, again)
    assert again.size().readings == 6
    assert adds_up(folder)["stored"] == 6
    journal.close()


def told(*arguments, language="en"):
    done = CliRunner().invoke(app, arguments, env={"SERVICEDAY_LANGUAGE": language})
    if isinstance(done.exception, ServicedayError):
        from commands.app.messages import SENTENCES

        return 2, SENTENCES.say(done.exception, language)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.fixture
def stored(tmp_path):
    folder = DataFolder(tmp_path / "data").prepare()
    registry = tmp_path / "registry.csv"
    registry.write_text("id,kind,site\nEL-0,lift,s\n")
    assert told("import", "assets", str(registry), "--data", str(folder.path))[0] == 0
    journal, store = Journal(folder.journal), open_store(folder.readings, create=True)
    with journal.transaction() as writer:
        note_identity(writer, store.identity())
    journal.write([arrival(number) for number in range(5)])
    drained(journal, store)
    store.sync()
    journal.close()
    return folder


@pytest.mark.parametrize("command", [["status"], ["store", "check"], ["ingest", "--no-probe"], ["store", "repair"]])
def test_readings_that_are_gone_are_told(stored, command):
    shutil.rmtree(stored.readings)
    for language, words in (("en", "put the folder back"), ("zh", "备份")):
        code, output = told(*command, "--data", str(stored.path), language=language)
        assert code == 2
        assert words in output.lower()
    assert not stored.readings.exists(), "no new store takes its place unasked"


def test_a_store_that_was_chosen_elsewhere_is_not_missed(stored, tmp_path, monkeypatch):
    shutil.move(stored.readings, tmp_path / "elsewhere")
    monkeypatch.setenv("SERVICEDAY_STORE_PLACE", str(tmp_path / "elsewhere"))
    assert told("store", "check", "--data", str(stored.path))[0] == 0


def test_another_store_in_its_place_is_told_until_it_is_accepted(stored):
    shutil.rmtree(stored.readings)
    open_store(stored.readings, create=True).identity()
    data = ["--data", str(stored.path)]
    code, output = told("status", *data)
    assert "not the one" in output
    assert told("store", "check", *data)[0] == 1
    assert told("ingest", "--no-probe", *data)[0] == 2
    code, output = told("store", "repair", "--accept", *data)
    assert code == 0
    assert "5 were stored again" in output
    assert told("store", "check", *data)[0] == 0
    assert "not the one" not in told("status", *data)[1]


@pytest.mark.parametrize("content", [b"", b'{"add": {"pa', bytes(500)])
def test_a_spoilt_last_commit_stops_no_command(stored, content):
    last = max((stored.readings / "raw" / "_delta_log").glob("[0-9]*.json"))
    last.write_bytes(content)
    data = ["--data", str(stored.path)]
    assert told("status", *data)[0] == 0
    code, output = told("store", "check", *data)
    assert code == 0 or last.name in output
    assert told("store", "repair", *data)[0] == 0
    assert told("store", "check", *data)[0] == 0
    assert open_store(stored.readings).size().readings == 5


def test_a_damaged_file_is_named_and_repaired_from_the_command_line(stored):
    (file,) = (stored.readings / "raw").glob("day=*/*.parquet")
    file.write_bytes(file.read_bytes()[:200])
    data = ["--data", str(stored.path)]
    for language in ("en", "zh"):
        code, output = told("store", "check", *data, language=language)
        assert (code, file.name in output) == (1, True)
    code, output = told("store", "repair", "--json", *data)
    report = json.loads(output)
    assert report["from_journal"] == 5
    assert told("store", "check", *data)[0] == 0
    assert open_store(stored.readings).size().readings == 5
    assert list((stored.readings / "damaged").iterdir())


def test_a_journal_that_sqlite_cannot_follow_is_saved_by_repair(stored):
    content = bytearray(stored.journal.read_bytes())
    content[4096:8192] = bytes(4096)
    content[100:120] = bytes(20)
    stored.journal.write_bytes(content)
    data = ["--data", str(stored.path)]
    _, output = told("store", "repair", *data)
    assert "made anew" in output
    assert list((stored.path / "damaged").glob("journal*"))
    Journal(stored.journal).close()


# -- a full disk ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
def test_a_small_disk_that_fills_up_refuses_and_goes_on(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=80m", "tmpfs", small]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        folder = DataFolder(small / "data").prepare()
        journal, store = Journal(folder.journal), StandInStore()
        taken = 0
        with suppress(Full):
            while True:
                journal.write([arrival(taken + n, f"XX-{n % 50}") for n in range(5000)])
                taken += 5000
        drained(journal, store)
        assert adds_up(folder)["quarantined"] == taken
        with review(folder.journal) as quarantine:
            assert sum(heap.counted for heap in quarantine.heaps(Wanted())) > 0
        journal.trim(1 << 40)
        with review(folder.journal) as quarantine:
            quarantine.drop_for_good(Wanted())
        drained(journal, store)
        journal.trim(1 << 40)
        journal.write([arrival(1)])
        drained(journal, store)
        shown = adds_up(folder)
        assert (shown["stored"], shown["messages"]["journalled"]) == (1, taken + 1)
        journal.close()
    finally:
        subprocess.run(["umount", "-l", small], check=True)
