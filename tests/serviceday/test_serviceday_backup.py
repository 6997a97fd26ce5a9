"""Backups: made while things run, whole or nothing, compared bit by bit, and a folder that goes on from one."""

import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as mqtt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from facility.errors import CannotDo, CannotParse
from facility.folder import DataFolder
from facility.records import Records
from facility.store import READINGS, open_store
from facility.store.lake.lake import Lake
from serviceday.operations.backing_up import back_up
from serviceday.operations.manifest import Entry, Manifest, read_manifest
from serviceday.operations.restoring import restore, verify
from serviceday.operations.vault import Vault

CHILD = Path(__file__).with_name("backup_child.py")
INGEST = Path(__file__).parents[1] / "ingest" / "ingest_child.py"
ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KILLS = pytest.mark.parametrize(
    "kills", [pytest.param(5, marks=pytest.mark.slow), pytest.param(50, marks=pytest.mark.soak)]
)


def batch(number, *, rows=50):
    times = [NOW + timedelta(seconds=number * rows + index) for index in range(rows)]
    columns = {
        "asset": [f"EL-{index % 7}" for index in range(rows)],
        "channel": ["trips"] * rows,
        "time": times,
        "value": [float(number * rows + index) for index in range(rows)],
        "arrived": times,
    }
    return pa.table(columns, schema=READINGS)


def estate(path, *, batches=5):
    """A data folder with readings, records, a journal of a kind, a photo and a key."""
    folder = DataFolder(path).prepare()
    store = open_store(folder.readings, create=True)
    for number in range(batches):
        store.append(batch(number), source="journal", cursor=number + 1)
    with Records(folder.records):
        pass
    with closing(sqlite3.connect(folder.journal)) as journal, journal:
        journal.execute("CREATE TABLE identity(id TEXT)")
        journal.execute("INSERT INTO identity VALUES ('first')")
    (folder.photos / "1").mkdir(parents=True)
    (folder.photos / "1" / "a.jpg").write_bytes(b"\xff\xd8" * 2000)
    folder.link_key.write_bytes(b"k" * 32)
    (path / "ingest.log").write_text("passing")
    (path / "watch.lock").write_text("")
    folder.heartbeat.write_text("{}")
    return folder


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(file, bit):
    body = bytearray(file.read_bytes())
    body[bit // 8 % len(body)] ^= 1 << bit % 8
    file.write_bytes(body)


def test_restored_equals_what_was_backed_up(tmp_path):
    folder = estate(tmp_path / "data")
    store = open_store(folder.readings)
    (folder.path / "elsewhere").symlink_to(tmp_path)
    before, latest = store.read(), store.latest()
    done = back_up(folder, Vault(tmp_path / "backups").prepare(), NOW)
    assert done.manifest.left_out == ("elsewhere",)
    store.append(batch(99), source="journal", cursor=100)
    copy = DataFolder(tmp_path / "copy")
    restore(Vault(tmp_path / "backups"), copy.path)
    for path in (copy.path, *copy.path.rglob("*"), *(tmp_path / "backups").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
    restored = open_store(copy.readings)
    assert_frame_equal(restored.read(), before)
    assert_frame_equal(restored.latest(), latest)
    assert restored.cursor("journal")[0] == 5
    assert Lake(copy.readings).damaged_files() == []
    assert restored.append(batch(5), source="journal", cursor=6).stored == 50
    restored.compact()
    assert open_store(copy.readings).read().height == before.height + 50
    assert (copy.photos / "1" / "a.jpg").read_bytes() == b"\xff\xd8" * 2000
    assert copy.link_key.exists()
    assert not {"ingest.log", "watch.lock", "watch.json"} & {path.name for path in copy.path.iterdir()}


def test_only_what_is_new_is_written(tmp_path):
    folder, vault = estate(tmp_path / "data"), Vault(tmp_path / "backups")
    first = back_up(folder, vault.prepare(), NOW)
    again = back_up(folder, vault, NOW)
    assert first.fresh > 0
    assert again.manifest.id > first.manifest.id
    same = {entry.path: entry.sha256 for entry in first.manifest.entries}
    assert {entry.path: entry.sha256 for entry in again.manifest.entries} == same
    assert again.fresh == 0
    open_store(folder.readings).append(batch(7), source="journal", cursor=8)
    assert 0 < back_up(folder, vault, NOW).fresh < first.fresh
    assert [verify(vault, identity).damages for identity in vault.identities()] == [(), (), ()]
    restore(vault, tmp_path / "old", first.manifest.id)
    assert open_store(tmp_path / "old" / "readings").read().height == 250


@settings(max_examples=10)
@given(backups=st.integers(1, 5), newest=st.integers(1, 6), seed=st.integers(0, 99))
def test_what_is_given_up_takes_nothing_from_the_others(tmp_path_factory, backups, newest, seed):
    base, chance = tmp_path_factory.mktemp("pruned"), random.Random(seed)
    folder, vault = DataFolder(base / "data").prepare(), Vault(base / "backups").prepare()
    folder.photos.mkdir()
    for number in range(backups):
        for name in chance.sample("abcdef", 2):
            (folder.photos / name).write_bytes(chance.randbytes(chance.randrange(50)))
        back_up(folder, vault, NOW + timedelta(hours=number))
    done = back_up(folder, vault, NOW + timedelta(days=1), newest=newest)
    assert done.pruned.backups == max(0, backups + 1 - newest)
    assert len(vault.identities()) == min(newest, backups + 1)
    assert [verify(vault, identity).damages for identity in vault.identities()] == [()] * len(vault.identities())
    named = {entry.sha256 for identity in vault.identities() for entry in vault.manifest(identity).entries}
    assert {file.name for file in (vault.path / "objects").glob("??/*")} == named


def test_contents_stay_where_a_list_of_files_cannot_be_read(tmp_path):
    folder, vault = estate(tmp_path / "data", batches=2), Vault(tmp_path / "backups").prepare()
    old, damaged = (back_up(folder, vault, NOW + timedelta(hours=hour)).manifest.id for hour in (0, 1))
    objects = content(vault.path / "objects")
    (vault.path / "manifests" / f"{damaged}.json").write_text("{")
    (folder.photos / "1" / "a.jpg").unlink()
    back_up(folder, vault, NOW + timedelta(hours=2), newest=2)
    assert old not in vault.identities()
    assert objects.items() <= content(vault.path / "objects").items()


def test_a_clock_that_was_set_back_does_not_make_the_new_backup_an_old_one(tmp_path):
    folder, vault = estate(tmp_path / "data", batches=1), Vault(tmp_path / "backups").prepare()
    first = back_up(folder, vault, NOW)
    second = back_up(folder, vault, NOW - timedelta(days=900), newest=1)
    assert vault.identities() == [second.manifest.id]
    assert second.manifest.id > first.manifest.id
    assert verify(vault).damages == ()


def test_a_damaged_object_that_is_deleted_is_copied_anew(tmp_path):
    folder, vault = estate(tmp_path / "data", batches=2), Vault(tmp_path / "backups").prepare()
    first = back_up(folder, vault, NOW).manifest
    for sha256 in {entry.sha256 for entry in first.entries}:
        vault.object(sha256).unlink()
    assert len(verify(vault).damages) == len(first.entries)
    back_up(folder, vault, NOW)
    assert verify(vault, first.id).damages == ()


def test_files_that_are_merged_away_meanwhile_do_no_harm(tmp_path):
    folder, vault = estate(tmp_path / "data", batches=8), Vault(tmp_path / "backups").prepare()
    lake = Lake(folder.readings, grace=0.0)
    before = lake.read()
    calls = []

    def merge(path):
        if not calls:
            calls.append(path)
            time.sleep(0.01)
            lake.compact()

    back_up(folder, vault, NOW, merge)
    assert calls
    restore(vault, tmp_path / "copy")
    assert_frame_equal(open_store(tmp_path / "copy" / "readings").read(), before)


@settings(max_examples=25)
@given(where=st.integers(0, 10**9), bit=st.integers(0, 10**9))
def test_a_flipped_bit_is_named(tmp_path_factory, where, bit):
    base = tmp_path_factory.getbasetemp() / "flipped"
    vault = Vault(base / "backups")
    if not base.exists():
        back_up(estate(base / "data", batches=2), vault.prepare(), NOW)
    entries = [entry for entry in vault.manifest().entries if entry.bytes]
    entry = entries[where % len(entries)]
    flip(vault.object(entry.sha256), bit)
    try:
        damages = verify(vault).damages
        assert entry.path in {damage.path for damage in damages}
        assert {damage.object for damage in damages} == {f"objects/{entry.sha256[:2]}/{entry.sha256}"}
        with pytest.raises(CannotDo, match="SHA-256"):
            restore(vault, base / "copy")
        assert {path.name for path in base.iterdir()} == {"data", "backups"}
    finally:
        flip(vault.object(entry.sha256), bit)
    vault.object(entry.sha256).rename(base / "aside")
    assert "missing" in str(verify(vault).damages[0].what)
    (base / "aside").rename(vault.object(entry.sha256))
    assert verify(vault).damages == ()


@settings(max_examples=50)
@given(bit=st.integers(0, 10**9))
def test_a_damaged_list_of_files_passes_for_none(tmp_path_factory, bit):
    file = tmp_path_factory.mktemp("list") / "20260301T120000Z.json"
    manifest = Manifest(id="20260301T120000Z", at=NOW, entries=(Entry("a/b.toml", "0" * 64, 7),))
    file.write_bytes(manifest.sealed())
    assert read_manifest(file) == manifest
    flip(file, bit)
    problem, read = None, manifest
    try:
        read = read_manifest(file)  # whole where the bit fell into a blank between two values
    except CannotParse as error:
        problem = error
    assert read == manifest
    assert problem is None or file.name in str(problem)


def test_refusals(tmp_path):
    folder, vault = estate(tmp_path / "data", batches=1), Vault(tmp_path / "backups")
    with pytest.raises(CannotDo, match="no backups"):
        vault.existing()
    with pytest.raises(CannotDo, match="in the data folder itself"):
        back_up(folder, Vault(folder.path / "backups"), NOW)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    with pytest.raises(CannotDo, match="something else"):
        Vault(tmp_path / "full").prepare()
    back_up(folder, vault.prepare(), NOW)
    with pytest.raises(CannotDo, match="holds something"):
        restore(vault, tmp_path / "full")
    assert content(tmp_path / "full") == {Path("letter.txt"): b"dear"}
    with pytest.raises(CannotDo, match="no backup '20200101"):
        restore(vault, tmp_path / "copy", "20200101T000000Z")
    with vault.alone(), pytest.raises(CannotDo, match="is running"):
        back_up(folder, Vault(vault.path), NOW)


def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path):
    file = tmp_path / "20260301T120000Z.json"
    for path in ("../out", "/etc/passwd", "a/../../b"):
        file.write_bytes(Manifest(id="x", at=NOW, entries=(Entry(path, "0" * 64, 1),)).sealed())
        with pytest.raises(CannotParse):
            read_manifest(file)


def test_a_full_disk_leaves_earlier_backups_whole(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(small)], capture_output=True).returncode:
        pytest.skip("no right to mount a small disk")
    try:
        folder, vault = estate(tmp_path / "data"), Vault(small / "backups").prepare()
        back_up(folder, vault, NOW)
        (folder.photos / "large.jpg").write_bytes(random.Random(1).randbytes(3_000_000))
        with pytest.raises(CannotDo, match="earlier backups are whole"):
            back_up(folder, vault, NOW)
        assert len(vault.identities()) == 1
        assert verify(vault).damages == ()
        (folder.photos / "large.jpg").unlink()
        back_up(folder, vault, NOW)
        restore(vault, tmp_path / "copy")
        assert open_store(tmp_path / "copy" / "readings").read().height == 250
    finally:
        subprocess.run(["umount", str(small)], check=True)


@KILLS
@pytest.mark.timeout(1200)
def test_a_killed_backup_leaves_nothing_that_passes_for_one(tmp_path, kills):
    folder, vault = estate(tmp_path / "data"), Vault(tmp_path / "backups")
    chance = random.Random(kills)
    for number in range(60):
        (folder.photos / f"{number}.jpg").write_bytes(chance.randbytes(50_000))
    for number in range(kills):
        (folder.photos / f"new-{number}.jpg").write_bytes(chance.randbytes(50_000))
        child = subprocess.Popen(
            [sys.executable, str(CHILD), str(folder.path), str(vault.path)], cwd=ROOT, stdout=subprocess.PIPE
        )
        assert child.stdout.readline() == b"begun\n"
        time.sleep(chance.random() * 0.6)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        for identity in vault.identities():
            assert verify(vault, identity).damages == ()
    back_up(folder, vault.prepare(), NOW)
    assert list((vault.path / ".new").iterdir() if (vault.path / ".new").exists() else ()) == []
    restore(vault, tmp_path / "copy", max(vault.identities()))
    assert len(list((tmp_path / "copy" / "photos").glob("new-*.jpg"))) >= 1


def _serviceday(*arguments):
    command = [sys.executable, "-m", "commands.main", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"SERVICEDAY_LANGUAGE": "en"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout) if "--json" in arguments else done.stdout


@pytest.mark.slow
def test_readings_elsewhere_are_named_and_journals_begin_anew(tmp_path):
    folder = estate(tmp_path / "data", batches=1)
    (folder.path / "store.toml").write_text(f'kind = "lake"\nplace = "{tmp_path / "lake"}"\n')
    backups, copy = tmp_path / "backups", tmp_path / "copy"
    told = _serviceday("backup", backups, "--data", folder.path)
    assert f"kept at {tmp_path / 'lake'} and are not in the backup" in told
    assert _serviceday("backup", "list", backups, "--json")["backups"][0]["readings"] == str(tmp_path / "lake")
    assert "not in the backup" in _serviceday("restore", backups, "--data", copy)
    with closing(sqlite3.connect(copy / "journal.sqlite")) as journal:
        assert journal.execute("SELECT id FROM identity").fetchone()[0] != "first"
    for arguments in (
        ("backup", "lits", "--data", folder.path),
        ("backup", tmp_path / "none" / "x", "--data", tmp_path / "none"),
        ("restore", backups, "--data", copy),
    ):
        command = [sys.executable, "-m", "commands.main", *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


class Device:
    """Publishes numbered readings at QoS 1 on a thread of its own until told to stop."""

    def __init__(self, port):
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="device", clean_session=False)
        self.client.max_inflight_messages_set(300)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.start = int(time.time() * 1000) - 80_000_000
        self.number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            for _ in range(50):
                self.publish()
            time.sleep(0.02)

    def publish(self):
        body = json.dumps({"ts": self.start + self.number, "v": {"trips": self.number}})
        info = self.client.publish(f"serviceday/v1/s/EL-{self.number % 10}/telemetry", body, qos=1)
        self.number += 1
        return info

    def stop(self):
        self._stop.set()
        self._thread.join()


def _ingest(folder, port):
    child = subprocess.Popen(
        [sys.executable, str(INGEST), str(folder), str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT), "SERVICEDAY_TEST_HASTE": "1"},
    )
    assert child.stdout.readline() == b"ready\n"
    return child


def _ended(child, number):
    child.send_signal(number)
    child.wait(60)
    child.stdout.close()


def _until(true, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_backed_up_under_load_restored_elsewhere_and_going_on(tmp_path, mosquitto_broker):
    from ingest.journal.ledger import ledger

    data, backups, copy = tmp_path / "data", tmp_path / "backups", tmp_path / "copy"
    first = _ingest(data, mosquitto_broker.port)
    device = Device(mosquitto_broker.port)
    _until(lambda: ledger(DataFolder(data))["stored"] > 500)
    for _ in range(4):
        _serviceday("backup", backups, "--data", data, "--json")
        time.sleep(0.3)
    assert _serviceday("backup", "verify", backups, "--json")["whole"]
    device.stop()
    _ended(first, signal.SIGKILL)

    shown = _serviceday("restore", backups, "--data", copy, "--json")
    assert shown["readings"] == "inside"
    taken = ledger(DataFolder(copy))["messages"]["journalled"]
    assert taken > 500
    again = _ingest(copy, mosquitto_broker.port)
    after = device.number
    for _ in range(200):
        device.publish()
    expected = set(range(taken)) | set(range(after, device.number))
    store = open_store(copy / "readings")
    _until(lambda: expected <= set(store.read()["value"].to_list()))
    _ended(again, signal.SIGTERM)
    device.client.loop_stop()
    counts = ledger(DataFolder(copy))
    assert counts["pending"] == counts["quarantined"] == 0
    assert counts["stored"] == open_store(copy / "readings").read().height
    assert Lake(copy / "readings").damaged_files() == []
